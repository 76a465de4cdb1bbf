"""The command line: ``ibcore list | run | status | claims | data``.

What takes a second to import is imported by the commands that compute.
"""

import errno
import json
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ibcore.runs.experiment import (
    LABS,
    CellError,
    Experiment,
    TimeLimitError,
    check_lab,
    count_cells,
    experiments,
    find,
)
from ibcore.runs.store import doubts, of_book, own_store, read, stored
from ibcore.runtime import Tier, check_tier, default_tier

if TYPE_CHECKING:
    from ibcore.data import DataSet

# Options that several commands share.

LabOption = Annotated[str | None, typer.Option("--lab", help="Only this laboratory.")]
TierOption = Annotated[str | None, typer.Option("--tier", help="smoke, laptop or paper.")]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", metavar="FOLDER", help="Folder of results (default: $IBCORE_RESULTS)."),
]


def _tier_of(tier: str | None) -> Tier | None:
    """Check the value of ``--tier``; None where it is not given."""
    return None if tier is None else check_tier(tier)


# The command line for real data: ``ibcore data list | fetch``.

data = typer.Typer(no_args_is_help=True, help="Real data sets.")


@data.command("list")
def list_data() -> None:
    """List the data sets: what they are, their license, and which files are here."""
    from ibcore.data import DATA_SETS

    for source in DATA_SETS.values():
        typer.echo(f"{source.name}  [{source.license}]\n    {source.about}\n    {_state(source)}")


@data.command("fetch")
def fetch_data(name: Annotated[str, typer.Argument(help="A data set of the list.")]) -> None:
    """Download a data set, or check the files that are here already."""
    from ibcore.data import fetch

    try:
        for path in fetch(name, progress=True):
            typer.echo(f"{path}: sound")
    except ImportError as error:  # pooch is not among the needs of ibcore
        raise ValueError(str(error)) from error


def _state(source: "DataSet") -> str:
    """Say how many files are here; without pooch the place of the cache is not known."""
    from ibcore.data import data_dir

    try:
        folder = data_dir(source.name)
    except ImportError:
        return "not here (downloads need pooch: pip install pooch)"
    here = sum((folder / file.name).is_file() for file in source.files)
    return f"{here} of {len(source.files)} files in {folder}"


# The command line for the ledger: ``ibcore claims list | check``.

ledger = typer.Typer(no_args_is_help=True, help="The ledger of claims.")


@ledger.command("list")
def list_claims(lab: LabOption = None) -> None:
    """List the claims: id, tier, verdict and statement."""
    from ibcore.runs.ledger import of_lab, read_ledger

    for claim in of_lab(read_ledger(), lab):
        typer.echo(f"{claim.id}  [{claim.tier or '-'}; {claim.verdict}]\n    {claim.statement}")


@ledger.command("check")
def check_claims(
    lab: LabOption = None,
    tier: TierOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run the experiments anew.")] = False,
) -> None:
    """Check the claims against stored results; exit status 1 if one fails."""
    from ibcore.runs.ledger import check, show, show_interval

    results = check(lab, _tier_of(tier), fresh)
    for result in results:
        value = show(result.claim, result.value)
        expect = result.claim.expected()
        typer.echo(
            f"{'pass' if result.passed else 'FAIL'}  {result.claim.id}  {value} "
            f"[{show_interval(result)}], n={result.n}, {result.tier}; expected {expect}"
        )
    failed = sum(not result.passed for result in results)
    typer.echo(f"{len(results) - failed} of {len(results)} claims hold")
    if failed:
        raise typer.Exit(1)


# The command line for what there is: ``ibcore list | status``.


def list_experiments(lab: LabOption = None, store: StoreOption = None) -> None:
    """List experiments: question, cells of each tier, and what is stored."""
    labs = LABS if lab is None else (check_lab(lab),)
    folders = {"published": None, "stored": own_store(store, "--store")}
    known = {
        word: {(entry.experiment, entry.tier) for entry in stored(folder)}
        for word, folder in folders.items()
    }
    index = json.loads(of_book("experiments.json").read_text(encoding="utf-8"))
    for name, entry in index.items():
        if name.partition(".")[0] in labs:
            typer.echo(f"{name}\n    {entry['question']}")
            for tier, (cells, _) in entry["tiers"].items():
                notes = ", ".join(word for word, places in known.items() if (name, tier) in places)
                typer.echo(f"    {tier:<6}  {count_cells(cells):>12}  {notes}".rstrip())


def status(lab: LabOption = None, store: StoreOption = None) -> None:
    """Show for each experiment and tier how many cells are finished, and what is out of date."""
    from ibcore.runs.cells import CellFolder

    folder = own_store(store, "--store")
    complete = {(entry.experiment, entry.tier): entry.path for entry in stored(folder)}
    for experiment in experiments(lab):
        for tier in experiment.tiers:
            plan = experiment.plan(tier)
            done, total = len(CellFolder(experiment, tier, folder, plan).finished()), len(plan)
            path = complete.get((experiment.name, tier))
            if path and not done:
                note, done = ", ".join(["stored", *doubts(read(path)[1], experiment)]), total
            else:
                note = "unfinished" if done else "not started"
            typer.echo(f"{experiment.name:<32} {tier:<6} {done:>5}/{total:<5} {note}")


# The command line that computes: ``ibcore run``.

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def run_experiments(  # noqa: PLR0917  # the options of a command line
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="An experiment, or a laboratory for all of its (default: all)."),
    ] = None,
    tier: TierOption = None,
    device: Annotated[str | None, typer.Option(help="For instance cuda (default: cpu).")] = None,
    executor: Annotated[
        str | None, typer.Option(metavar="WORKERS", help="Who shares the cells: processes:N.")
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Start no cell that would end later: 540s, 9m, 1.5h."),
    ] = None,
    estimate_only: Annotated[
        bool, typer.Option("--estimate", help="Say how long it would take; compute nothing.")
    ] = False,
    store: StoreOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over.")] = False,
) -> None:
    """Run an experiment; the same command continues a run that was stopped.

    Several experiments at the paper tier run in the order of their value for a minute of
    computing; one that fails is named, and the others run.  Exit status: 0 complete, 2 error,
    75 stopped at the time limit, 130 interrupted, 143 terminated.
    """
    from ibcore.runs.forecast import in_order, parse_time
    from ibcore.runs.workers import open_executor

    limit = None if time_limit is None else parse_time(time_limit)
    size, folder = _tier_of(tier) or default_tier(), own_store(store, "--store")
    chosen: Sequence[Experiment] = (
        experiments(name) if name is None or name in LABS else [find(name)]
    )
    if estimate_only and fresh:
        raise ValueError("--estimate counts what is finished and --fresh discards it; give one")
    if estimate_only:
        _estimates(chosen, size, device, folder)
        return
    if size == "paper" and len(chosen) > 1:
        turns = in_order(chosen, device=device, store=folder)
        for number, (_, says) in enumerate(turns, start=1):
            typer.echo(f"{number}. {says}")
        chosen = [experiment for experiment, _ in turns]
    workers = (
        nullcontext(context.obj) if executor is None else open_executor(executor, device=device)
    )
    with _interruptible(folder), workers as pool:
        options = {"executor": pool, "device": device, "store": folder, "fresh": fresh}
        _run_all(chosen, size, limit, options)


def _run_all(
    chosen: Sequence[Experiment], tier: Tier, limit: float | None, options: dict[str, Any]
) -> None:
    """Run each: neither the end of the time nor a failure of one keeps others from running.

    Where the time is up for one, a later one with shorter cells may still fit.
    """
    from ibcore.runs.execute import run

    end = time.monotonic() + (limit or 0.0)
    stopped: list[TimeLimitError] = []
    failed: list[CellError] = []
    for experiment in chosen:
        try:
            left = None if limit is None else max(end - time.monotonic(), 1e-9)
            frame = run(experiment, tier, time_limit=left, **options)
            origin = frame.attrs["provenance"]
            typer.echo(
                f"{experiment.name} ({origin['tier']}): {len(frame)} rows from "
                f"{count_cells(origin['cells'])}, {origin['seconds']:.1f} s of computing"
            )
        except TimeLimitError as stop:
            stopped.append(stop)
        except CellError as error:
            if len(chosen) == 1 or _concerns_all(error):
                raise
            failed.append(error)
            typer.echo(f"error: {error}", err=True)
    if stopped:
        raise _stop(stopped, limit or 0.0)
    if failed:
        raise CellError(f"{len(failed)} of {len(chosen)} experiments failed, see above")


def _stop(stopped: Sequence[TimeLimitError], limit: float) -> Exception:
    """Return the error of a command at its limit: where no cell fits, repeating is no use."""
    from ibcore.runs.forecast import show_time

    going_on = [stop for stop in stopped if stop.needed is None or stop.needed < limit]
    if going_on:
        more = f" (and {len(stopped) - 1} more)" if len(stopped) > 1 else ""
        return TimeLimitError(f"{going_on[0]}{more}")
    return ValueError(
        f"{stopped[0]}; but the shortest cell that remains is predicted to take "
        f"{show_time(stopped[0].needed or 0.0)}: give a longer --time-limit"
    )


def _concerns_all(error: CellError) -> bool:
    """Say whether the next experiment would fail too: no worker is left, or no room on the disk."""
    cause = error.__cause__
    return isinstance(cause, BrokenExecutor) or getattr(cause, "errno", None) in _NO_ROOM


def _estimates(chosen: Sequence[Experiment], tier: Tier, device: str | None, store: Path) -> None:
    """Print a line for each experiment, and their sum."""
    from ibcore.runs.forecast import estimate, show_time

    known = []
    for experiment in chosen:
        prediction = estimate(experiment, tier, device=device, store=store)
        typer.echo(str(prediction))
        if prediction.seconds is not None:
            known.append(prediction.seconds.seconds)
    if len(chosen) > 1:
        typer.echo(
            f"{len(known)} of {len(chosen)} experiments: about {show_time(sum(known))} of "
            "computing in all, which several workers share"
        )


class _Terminated(KeyboardInterrupt):
    """The process was asked to end, as a cluster does at the end of a job's time."""


@contextmanager
def _interruptible(store: Path) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into one line that says how to go on."""

    def end(*_: Any) -> None:
        raise _Terminated

    previous = signal.signal(signal.SIGTERM, end)  # the command line runs in the main thread
    try:
        yield
    except KeyboardInterrupt as interrupt:
        ended = isinstance(interrupt, _Terminated)
        typer.echo(
            f"{'terminated' if ended else 'interrupted'}; finished cells are kept in {store}, the "
            "same command continues",
            err=True,
        )
        raise typer.Exit(128 + (signal.SIGTERM if ended else signal.SIGINT)) from interrupt
    finally:
        signal.signal(signal.SIGTERM, previous)


AGAIN = 75  # what a temporary failure has been called since sendmail: run it again

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run the experiments of the book and check its claims.",
)
app.command("list")(list_experiments)
app.command("run")(run_experiments)
app.command("status")(status)
app.add_typer(ledger, name="claims")
app.add_typer(data, name="data")


def main(arguments: Sequence[str] | None = None, *, executor: Executor | None = None) -> None:
    """Run the command line; an ``executor`` computes the cells of ``run``.

    An error becomes one line and exit status 2, a time limit one line and exit status 75.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _plain_warnings():
            app(given, prog_name="ibcore", obj=executor)
    except (ValueError, OSError, CellError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error
    except TimeLimitError as stop:
        typer.echo(str(stop), err=True)
        raise SystemExit(AGAIN) from stop


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print warnings as one line each, without the place in the code."""

    def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
        typer.echo(f"warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show_warning
        yield
