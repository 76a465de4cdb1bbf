"""The command line: ``ibcore list | run | status | claims | data``."""

import multiprocessing
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from ibcore.runs.cells import CellFolder
from ibcore.runs.claims import Results, check, of_lab
from ibcore.runs.data_commands import data
from ibcore.runs.evaluation import show, show_interval
from ibcore.runs.execute import CellError, run
from ibcore.runs.experiment import AnyExperiment
from ibcore.runs.fill import fill_file
from ibcore.runs.ledger import ledger_path, read_ledger
from ibcore.runs.registry import LABS, experiments, find
from ibcore.runs.store import default_store, stored
from ibcore.runtime import Tier, check_tier

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
ledger = typer.Typer(no_args_is_help=True, help="The ledger of claims.")
app.add_typer(ledger, name="claims")
app.add_typer(data, name="data")

LabOption = Annotated[str | None, typer.Option("--lab", help="Only this laboratory.")]
TierOption = Annotated[str | None, typer.Option("--tier", help="smoke, laptop or paper.")]
StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Folder of results (default: $IBCORE_RESULTS).")
]


@app.callback()
def _program() -> None:
    """Run the experiments of the book and check its claims."""


@app.command("list")
def list_experiments(lab: LabOption = None, store: StoreOption = None) -> None:
    """List experiments: question, cells of each tier, and what is stored."""
    published = {(entry.experiment, entry.tier) for entry in stored()}
    own = {(entry.experiment, entry.tier) for entry in stored(store or default_store())}
    kinds = (("published", published), ("stored", own))
    for experiment in experiments(lab):
        typer.echo(f"{experiment.name}\n    {experiment.question}")
        for tier in experiment.tiers:
            place = (experiment.name, tier)
            notes = [word for word, known in kinds if place in known]
            cells = _cells(len(experiment.plan(tier)))
            typer.echo(f"    {tier:<6}  {cells:>12}  {', '.join(notes)}".rstrip())


@app.command("run")
def run_experiments(  # noqa: PLR0917  # the options of a command line
    name: Annotated[str, typer.Argument(help="An experiment, or a laboratory for all of its.")],
    tier: TierOption = None,
    device: Annotated[str | None, typer.Option(help="For instance cuda (default: cpu).")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the cells.")] = 1,
    store: StoreOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over.")] = False,
) -> None:
    """Run an experiment; the same command continues a run that was stopped."""
    chosen = experiments(name) if name in LABS else (find(name),)
    if not chosen:
        raise ValueError(f"the laboratory {name!r} has no experiments yet")
    folder = store or default_store()
    with _executor(workers) as executor, _interruptible(folder):
        for experiment in chosen:
            frame = run(
                experiment,
                _tier(tier),
                executor=executor,
                device=device,
                store=folder,
                fresh=fresh,
            )
            origin = frame.attrs["provenance"]
            typer.echo(
                f"{experiment.name} ({origin['tier']}): {len(frame)} rows from "
                f"{_cells(origin['cells'])}, {origin['seconds']:.1f} s of computing"
            )


@app.command()
def status(lab: LabOption = None, store: StoreOption = None) -> None:
    """Show for each experiment and tier how many cells are finished."""
    folder = store or default_store()
    complete = {(entry.experiment, entry.tier) for entry in stored(folder)}
    for experiment in experiments(lab):
        for tier in experiment.tiers:
            done, total = _progress(experiment, tier, folder)
            if (experiment.name, tier) in complete and not done:
                note, done = "stored", total
            else:
                note = "unfinished" if done else "not started"
            typer.echo(f"{experiment.name:<32} {tier:<6} {done:>5}/{total:<5} {note}")


@ledger.command("list")
def list_claims(lab: LabOption = None) -> None:
    """List the claims: id, tier, verdict and statement."""
    for claim in of_lab(read_ledger(), lab):
        typer.echo(f"{claim.id}  [{claim.tier or '-'}; {claim.verdict}]\n    {claim.statement}")


@ledger.command("check")
def check_claims(
    lab: LabOption = None,
    tier: TierOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run the experiments anew.")] = False,
) -> None:
    """Check the claims against stored results; exit status 1 if one fails."""
    results = check(lab, _tier(tier), fresh)
    for result in results:
        value = show(result.claim, result.value)
        expect = result.claim.expected(result.tier)
        typer.echo(
            f"{'pass' if result.passed else 'FAIL'}  {result.claim.id}  {value} "
            f"[{show_interval(result)}], n={result.n}, {result.tier}; expected {expect}"
        )
    failed = sum(not result.passed for result in results)
    typer.echo(f"{len(results) - failed} of {len(results)} claims hold")
    if failed:
        raise typer.Exit(1)


@ledger.command("fill")
def fill_claims(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders (default: the whole book).")
    ] = None,
    check_only: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit status 1 if a number is stale.")
    ] = False,
) -> None:
    """Bring the numbers in the prose up to date with the ledger."""
    known = [claim for claim in read_ledger().values() if claim.measure is not None]
    results = Results(known)
    stale = [
        entry
        for path in _pages(paths or _book())
        for entry in fill_file(path, results, write=not check_only)
    ]
    for entry in stale:
        typer.echo(str(entry))
    typer.echo(f"{len(stale)} numbers {'are stale' if check_only else 'filled in'}")
    if stale and check_only:
        raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error of the user becomes one line and exit status 2."""
    try:
        with _plain_warnings():
            app(list(sys.argv[1:] if arguments is None else arguments), prog_name="ibcore")
    except (ValueError, OSError, CellError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print warnings as one line each, without the place in the code."""

    def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
        typer.echo(f"warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show_warning
        yield


@contextmanager
def _executor(workers: int) -> Iterator[Executor | None]:
    """Open a pool of fresh processes with one thread each; None for a single worker."""
    if workers == 1:
        yield None
        return
    context = multiprocessing.get_context("spawn")  # forking after torch has threads can hang
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        yield pool


@contextmanager
def _interruptible(store: Path) -> Iterator[None]:
    """Turn Ctrl-C into one line that says how to go on."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        typer.echo(
            f"interrupted; finished cells are kept in {store}, the same command continues", err=True
        )
        raise typer.Exit(130) from interrupt


def _progress(experiment: AnyExperiment, tier: Tier, store: Path) -> tuple[int, int]:
    keys = tuple(experiment.plan(tier))
    return len(CellFolder(experiment, tier, store, keys).finished()), len(keys)


def _tier(tier: str | None) -> Tier | None:
    return None if tier is None else check_tier(tier)


def _cells(count: int) -> str:
    return f"{count} cell" if count == 1 else f"{count} cells"


def _book() -> list[Path]:
    root = ledger_path().parent.parent
    if ledger_path().name != "claims.yml":
        raise FileNotFoundError("the book is not part of the installed package; name the files")
    return [folder for folder in (root / "book", root / "notebooks") if folder.is_dir()]


def _pages(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, and the Markdown pages and notebooks of the folders."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for page in sorted(path.rglob("*")):
            hidden = any(part.startswith((".", "_build")) for part in page.relative_to(path).parts)
            if page.suffix in (".md", ".ipynb") and not hidden:
                yield page
