"""The command line for what there is: ``ibcore list | status``."""

from pathlib import Path

import typer

from ibcore.runs.cells import CellFolder
from ibcore.runs.doubts import doubts
from ibcore.runs.experiment import AnyExperiment
from ibcore.runs.options import LabOption, StoreOption, count_cells, folder_of
from ibcore.runs.registry import experiments
from ibcore.runs.store import read, stored
from ibcore.runtime import Tier


def list_experiments(lab: LabOption = None, store: StoreOption = None) -> None:
    """List experiments: question, cells of each tier, and what is stored."""
    published = {(entry.experiment, entry.tier) for entry in stored()}
    own = {(entry.experiment, entry.tier) for entry in stored(folder_of(store))}
    kinds = (("published", published), ("stored", own))
    for experiment in experiments(lab):
        typer.echo(f"{experiment.name}\n    {experiment.question}")
        for tier in experiment.tiers:
            place = (experiment.name, tier)
            notes = [word for word, known in kinds if place in known]
            cells = count_cells(len(experiment.plan(tier)))
            typer.echo(f"    {tier:<6}  {cells:>12}  {', '.join(notes)}".rstrip())


def status(lab: LabOption = None, store: StoreOption = None) -> None:
    """Show for each experiment and tier how many cells are finished, and what is out of date."""
    folder = folder_of(store)
    complete = {(entry.experiment, entry.tier): entry.path for entry in stored(folder)}
    for experiment in experiments(lab):
        for tier in experiment.tiers:
            done, total = _progress(experiment, tier, folder)
            path = complete.get((experiment.name, tier))
            if path and not done:
                note, done = ", ".join(["stored", *doubts(read(path)[1], experiment)]), total
            else:
                note = "unfinished" if done else "not started"
            typer.echo(f"{experiment.name:<32} {tier:<6} {done:>5}/{total:<5} {note}")


def _progress(experiment: AnyExperiment, tier: Tier, store: Path) -> tuple[int, int]:
    cells = experiment.plan(tier)
    return len(CellFolder(experiment, tier, store, cells).finished()), len(cells)
