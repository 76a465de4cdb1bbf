"""Run an experiment: each cell once, kept the moment it is finished."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ibcore.runs.cells import FinishedCell
from ibcore.runs.crew import Crew
from ibcore.runs.experiment import AnyExperiment
from ibcore.runs.files import check_writable
from ibcore.runs.gather import gather
from ibcore.runs.job import Job
from ibcore.runs.limits import TimeLimit
from ibcore.runs.priorities import cost_model
from ibcore.runs.provenance import device_kind
from ibcore.runs.registry import find
from ibcore.runs.store import read
from ibcore.runs.workers import outcomes
from ibcore.runtime import Tier, check_tier, default_tier, resolve_device

if TYPE_CHECKING:
    import pandas as pd


def run(
    experiment: AnyExperiment | str,
    tier: Tier | None = None,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
    time_limit: float | None = None,
    store: Path | str | None = None,
    fresh: bool = False,
    progress: bool = True,
) -> "pd.DataFrame":
    """Run an experiment at a tier and return its result as one tidy frame.

    Each finished cell is stored at once, so a killed run continues where it stopped.  A result
    that is already complete for the same configuration is returned without computing, with a
    warning if other code than today's has computed it.

    Parameters
    ----------
    experiment
        An `Experiment` or its name.
    tier
        ``"smoke"``, ``"laptop"`` or ``"paper"``; default as `ibcore.runtime.default_tier`.
    executor
        Any ``concurrent.futures.Executor``; by default the cells run one after another here.
        The caller opens and closes it, for instance with `ibcore.runs.open_executor`.
    workers
        How many cells the executor computes at once; only for one that cannot be asked (those
        of processes, threads, Dask and MPI can).
    device
        Where each cell computes, for instance ``"cuda"``; default the CPU.
    time_limit
        Seconds from the call.  No cell starts that is predicted to end later; one that has
        started is finished.
    store
        Folder of results; default as `ibcore.runs.default_store`.
    fresh
        Start over: cells of this configuration are discarded, and a complete result is
        replaced once the new one is complete.
    progress
        Show a bar on the standard error stream.

    Returns
    -------
    pandas.DataFrame
        The rows of all cells, in the order of the cells; ``attrs["provenance"]`` says where
        they come from.

    Raises
    ------
    ValueError
        If the experiment, tier or device is unknown; or, without ``fresh``, if the stored result
        belongs to another configuration or other code has computed a finished cell.
    OSError
        If nothing can be stored in the folder of results; no cell is computed.
    DamagedResultError
        If a stored file cannot be read; it is left as it is.
    CellError
        If a cell fails, a worker dies or the disk is full; all finished cells are kept.
    TimeLimitError
        If cells remain at the time limit; the finished ones are kept.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     frame = run("redshift.references", "smoke", store=folder, progress=False)
    >>> frame.attrs["provenance"]["tier"]
    'smoke'
    """
    chosen = find(experiment) if isinstance(experiment, str) else experiment
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit must be above 0 seconds, got {time_limit}")
    job = Job.prepare(chosen, check_tier(tier) if tier else default_tier(), store)
    where = str(device or "cpu") if executor else str(resolve_device(device))
    crew = _crew(executor, workers, time_limit)
    if job.cells.gathered.exists():
        frame, provenance = read(job.cells.gathered)
        if not fresh:
            job.check_same(provenance)
            job.report_other_code(provenance)
            return frame
    check_writable(job.cells.store)
    if fresh:
        job.cells.discard()
    results = job.cells.read_all()
    job.check_same_code(results)
    limit = _limit(time_limit, results.values(), chosen, where)
    todo = [(key, cell) for key, cell in job.plan.items() if key not in results]
    with (
        closing(job.cells.writer(job.origin)) as writer,
        _bar(job, done=len(results), show=progress) as bar,
        closing(outcomes(chosen.run_cell, limit.admit(todo), crew=crew, device=where)) as stream,
        job.failures(),
    ):
        for key, outcome in stream:
            results[key] = job.keep(key, outcome, writer)
            limit.learn(job.plan[key], outcome.seconds)
            bar.update()
    if time_limit is not None and len(results) < len(job.plan):
        raise job.stopped(len(results), time_limit, limit.needed)
    return gather(job, results)


def _crew(executor: Executor | None, workers: int | None, limit: float | None) -> Crew | None:
    """Find out how many cells run at once, which a time limit needs to know."""
    if executor is None:
        return None
    crew = Crew(executor, workers=workers, ahead=limit is None)
    if limit is not None and crew.workers is None:
        raise ValueError(
            f"{type(executor).__name__} does not tell how many workers it has, which a time limit "
            "needs; give workers="
        )
    return crew


def _limit(
    seconds: float | None,
    finished: Iterable[FinishedCell],
    experiment: AnyExperiment,
    device: str,
) -> TimeLimit:
    """Return the time limit, with what is known from cells on the same kind of device."""
    if seconds is None:
        return TimeLimit(float("inf"))
    kind, model = device_kind(device), cost_model(experiment)
    cost = model.cost if model else None
    known = (cell.measurement(cost) for cell in finished if cell.kind == kind)
    return TimeLimit(seconds, known, cost)


@contextmanager
def _bar(job: Job, *, done: int, show: bool) -> Iterator[Any]:
    """Open a progress bar on the standard error stream."""
    from tqdm import tqdm

    title = f"{job.origin.experiment} ({job.origin.tier})"
    with tqdm(total=len(job.plan), initial=done, desc=title, unit="cell", disable=not show) as bar:
        yield bar
