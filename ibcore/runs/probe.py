"""Time a few cells of a run, in a process that is ended when it takes too long."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

from ibcore.runs.executors import open_executor
from ibcore.runs.experiment import AnyExperiment, plain_fields
from ibcore.runs.job import CellError
from ibcore.runs.prediction import Measurement
from ibcore.runs.workers import compute
from ibcore.runtime import resolve_device

PROBE_LIMIT = 60.0  # seconds


class _TooLongError(Exception):
    """A cell did not end in time."""


def probe(
    experiment: AnyExperiment,
    cells: Sequence[Any],
    device: str,
    *,
    limit: float = PROBE_LIMIT,
    cost: Callable[[Any], float] | None = None,
) -> list[Measurement]:
    """Compute the first, the middle and the last of ``cells`` and return the seconds they took.

    What they compute is thrown away.  After ``limit`` seconds no further cell is waited for, so
    that fewer or none may be returned.

    Raises
    ------
    ValueError
        If the device does not exist on this machine.
    CellError
        If a cell fails; the message names it.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> probe(find("redshift.references"), [], "cpu")
    []
    """
    measured: list[Measurement] = []
    if not cells:
        return measured
    resolve_device(device)
    chosen = [cells[index] for index in sorted({0, len(cells) // 2, len(cells) - 1})]
    try:
        with open_executor("processes:1", device=device) as pool:
            _warm_up(pool, experiment, device)
            end = time.monotonic() + limit
            for cell in chosen:
                seconds = _seconds(pool, experiment, cell, device, end)
                measured.append(Measurement(plain_fields(cell), seconds, cost and cost(cell)))
    except _TooLongError:
        pass  # leaving the pool with an error ended the process
    return measured


def _warm_up(pool: Executor, experiment: AnyExperiment, device: str) -> None:
    """Let the process import what it needs and set up its GPU, with a cell that takes no time."""
    if "smoke" in experiment.tiers:
        first = next(iter(experiment.plan("smoke").values()))
        pool.submit(compute, experiment.run_cell, first, device).result()
    else:
        pool.submit(abs, 0).result()


def _seconds(
    pool: Executor, experiment: AnyExperiment, cell: Any, device: str, end: float
) -> float:
    future = pool.submit(compute, experiment.run_cell, cell, device)
    try:
        return future.result(timeout=max(0.0, end - time.monotonic())).seconds
    except TimeoutError as error:
        if not future.done():
            raise _TooLongError from error
        raise _failed(experiment, cell, error) from error
    except Exception as error:
        raise _failed(experiment, cell, error) from error


def _failed(experiment: AnyExperiment, cell: Any, error: Exception) -> CellError:
    return CellError(
        f"experiment {experiment.name!r}: timing the cell {cell} failed with "
        f"{type(error).__name__}: {error}"
    )
