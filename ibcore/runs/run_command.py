"""The command line that computes: ``ibcore run``."""

import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from ibcore.runs.execute import run
from ibcore.runs.executors import FORMS, open_executor
from ibcore.runs.limits import TimeLimitError, parse_time
from ibcore.runs.options import StoreOption, TierOption, count_cells, tier_of
from ibcore.runs.registry import LABS, experiments, find
from ibcore.runs.store import default_store


def run_experiments(  # noqa: PLR0917  # the options of a command line
    name: Annotated[str, typer.Argument(help="An experiment, or a laboratory for all of its.")],
    tier: TierOption = None,
    device: Annotated[str | None, typer.Option(help="For instance cuda (default: cpu).")] = None,
    executor: Annotated[
        str | None, typer.Option(metavar="WORKERS", help=f"Who shares the cells: {FORMS}.")
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Start no cell that would end later: 540s, 9m, 1.5h."),
    ] = None,
    store: StoreOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over.")] = False,
) -> None:
    """Run an experiment; the same command continues a run that was stopped.

    Exit status: 0 complete, 2 error, 75 stopped at the time limit, 130 interrupted.
    """
    end = None if time_limit is None else time.monotonic() + parse_time(time_limit)
    chosen = experiments(name) if name in LABS else (find(name),)
    if not chosen:
        raise ValueError(f"the laboratory {name!r} has no experiments yet")
    folder = store or default_store()
    with _interruptible(folder), _workers(executor, device) as pool:
        for experiment in chosen:
            frame = run(
                experiment,
                tier_of(tier),
                executor=pool,
                device=device,
                time_limit=_remaining(end, experiment.name),
                store=folder,
                fresh=fresh,
            )
            origin = frame.attrs["provenance"]
            typer.echo(
                f"{experiment.name} ({origin['tier']}): {len(frame)} rows from "
                f"{count_cells(origin['cells'])}, {origin['seconds']:.1f} s of computing"
            )


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


def _remaining(end: float | None, name: str) -> float | None:
    """Return the seconds that are left for an experiment."""
    if end is None:
        return None
    remaining = end - time.monotonic()
    if remaining <= 0:
        raise TimeLimitError(
            f"experiment {name!r} was not started: the time limit is reached; "
            "the same command continues"
        )
    return remaining


def _workers(spec: str | None, device: str | None) -> AbstractContextManager[Executor | None]:
    """Open the workers of ``--executor``; without it the cells run here."""
    return nullcontext() if spec is None else open_executor(spec, device=device)
