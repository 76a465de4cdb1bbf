"""Compute cells here or in any executor, and hand back each outcome as it arrives."""

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ibcore.runs.provenance import Machine, machine
from ibcore.runtime import resolve_device

if TYPE_CHECKING:
    import pandas as pd

RunCell = Callable[[Any, torch.device], "pd.DataFrame"]


class WorkerFailedError(RuntimeError):
    """A cell failed; ``key`` says which, ``error`` why."""

    def __init__(self, key: str, error: BaseException) -> None:
        super().__init__(f"cell {key}: {error}")
        self.key = key
        self.error = error


@dataclass(frozen=True)
class Outcome:
    """What a worker sends back: the frame, the seconds it took, and where it ran."""

    frame: "pd.DataFrame"
    seconds: float
    machine: Machine


def compute(run_cell: RunCell, cell: Any, device: str) -> Outcome:
    """Compute one cell; runs wherever the executor puts it.

    Raises
    ------
    TypeError
        If ``run_cell`` does not return a frame.
    """
    import pandas as pd

    place = resolve_device(device)
    start = time.perf_counter()
    frame = run_cell(cell, place)
    seconds = time.perf_counter() - start
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"run_cell returned {type(frame).__name__}; it must return a pandas DataFrame"
        )
    return Outcome(frame, seconds, machine(place))


def outcomes(
    run_cell: RunCell, cells: Mapping[str, Any], *, executor: Executor | None, device: str
) -> Generator[tuple[str, Outcome], None, None]:
    """Yield the key and outcome of each cell as it arrives.

    Without an executor the cells run here, one after another.  With one, a failure withdraws
    the cells that have not started; those in flight are still yielded before it is raised.

    Raises
    ------
    WorkerFailedError
        After the last outcome, if a cell failed.
    """
    if executor is not None:
        yield from _submitted(run_cell, cells, executor, device)
        return
    for key, cell in cells.items():
        try:
            outcome = compute(run_cell, cell, device)
        except Exception as error:
            raise WorkerFailedError(key, error) from error
        yield key, outcome


def _submitted(
    run_cell: RunCell, cells: Mapping[str, Any], executor: Executor, device: str
) -> Generator[tuple[str, Outcome], None, None]:
    futures: dict[Future[Outcome], str] = {}
    failed: WorkerFailedError | None = None
    try:
        for key, cell in cells.items():
            try:
                futures[executor.submit(compute, run_cell, cell, device)] = key
            except BrokenExecutor as error:
                failed = WorkerFailedError(key, error)
                break
        for future in as_completed(futures):
            try:
                outcome = future.result()
            except CancelledError:
                continue
            except Exception as error:
                failed = failed or WorkerFailedError(futures[future], error)
                _withdraw(futures)
            else:
                yield futures[future], outcome
    finally:
        _withdraw(futures)
    if failed is not None:
        raise failed


def _withdraw(futures: Mapping[Future[Outcome], str]) -> None:
    """Cancel the cells that have not started; those in flight go on."""
    for future in futures:
        future.cancel()
