"""Compute cells here or in any executor, and hand back each outcome as it arrives."""

import itertools
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import torch

from ibcore.runs.executors import check_own_gpu
from ibcore.runs.store import Machine, machine
from ibcore.runtime import resolve_device

if TYPE_CHECKING:
    import pandas as pd


def count_workers(executor: Executor) -> int | None:
    """Return how many calls an executor runs at once, or None if it does not tell.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(3) as pool:
    ...     count_workers(pool)
    3
    """
    client = getattr(executor, "_client", None)
    if hasattr(client, "nthreads"):  # Dask; none for a moment when the last worker was lost
        return max(1, sum(client.nthreads().values()))  # type: ignore[union-attr]
    for name in ("_max_workers", "num_workers"):  # the standard library; mpi4py
        count = getattr(executor, name, None)
        if isinstance(count, int):
            return max(1, count)
    return None


RunCell = Callable[[Any, torch.device], "pd.DataFrame"]


class WorkerFailedError(RuntimeError):
    """A cell failed or a worker died; ``keys`` says which cells, ``error`` why.

    ``died`` tells the two apart: of a worker that died, ``keys`` are the cells in flight.
    """

    def __init__(self, keys: Iterable[str], error: BaseException, *, died: bool = False) -> None:
        self.keys = tuple(keys)
        self.error = error
        self.died = died
        super().__init__(f"cells {', '.join(self.keys)}: {error}")


@dataclass(frozen=True)
class CellResult:
    """What a worker sends back: the frame, the seconds it took, and where it ran."""

    frame: "pd.DataFrame"
    seconds: float
    machine: Machine


def compute(run_cell: RunCell, cell: Any, device: str) -> CellResult:
    """Compute one cell; runs wherever the executor puts it.

    Raises
    ------
    TypeError
        If ``run_cell`` does not return a frame.
    ValueError
        If the device is ``"cuda"`` and this process sees several GPUs.
    """
    import pandas as pd

    check_own_gpu(device)
    place = resolve_device(device)
    start = time.perf_counter()
    frame = run_cell(cell, place)
    seconds = time.perf_counter() - start
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"run_cell returned {type(frame).__name__}; it must return a pandas DataFrame"
        )
    return CellResult(frame, seconds, machine(place))


def outcomes(
    run_cell: RunCell,
    cells: Iterable[tuple[str, Any]],
    *,
    device: str,
    executor: Executor | None = None,
    workers: int | None = None,
    ahead: int = 1,
) -> Generator[tuple[str, CellResult], None, None]:
    """Yield the key and outcome of each cell as it arrives.

    Without an executor the cells run here, one after another.  Else it has ``ahead`` cells for
    each of its workers: 1 where a cell is to be taken from ``cells`` only when it can start.
    After a failure no cell is taken; those in flight are still yielded before it is raised.

    Raises
    ------
    WorkerFailedError
        After the last outcome, if a cell failed or a worker died.
    """
    pool, todo = _Pool(executor, workers, ahead), iter(cells)
    try:
        while True:
            pool.count()
            while pool.has_room() and (entry := next(todo, None)) is not None:
                pool.submit(entry[0], run_cell, entry[1], device)
            if not pool.flying:
                break
            yield from pool.collect()
    finally:
        pool.withdraw()
    if pool.failed is not None:
        raise pool.failed


class _Pool:
    """An executor, or None for this process, and the cells that are with it."""

    def __init__(self, executor: Executor | None, workers: int | None, ahead: int) -> None:
        self.executor, self.ahead = executor, ahead if executor else 1
        self.told = self.workers = workers if executor else 1  # None where nobody knows
        self.flying: dict[Future[CellResult], str] = {}  # in the order in which they start
        self.arrived: SimpleQueue[Future[CellResult]] = SimpleQueue()
        self.failed: WorkerFailedError | None = None

    def count(self) -> None:
        """Find out how many cells are computed at once: a cluster may have grown."""
        if self.executor is not None and self.told is None:
            self.workers = count_workers(self.executor)

    def has_room(self) -> bool:
        """Say whether another cell may be handed out."""
        room = float("inf") if self.workers is None else self.ahead * self.workers
        return self.failed is None and len(self.flying) < room

    def submit(self, key: str, *call: Any) -> None:
        """Hand out a cell, or compute it here; what goes wrong is in its future."""
        future: Future[CellResult] = Future()
        try:
            if self.executor is None:
                future.set_result(compute(*call))
            else:
                future = self.executor.submit(compute, *call)
        except Exception as error:
            future.set_exception(error)
        self.flying[future] = key
        future.add_done_callback(self.arrived.put)

    def collect(self) -> Generator[tuple[str, CellResult], None, None]:
        """Wait for an outcome and keep nothing else of its future.

        While a future lives, Dask computes its cell again if it loses the worker that has it.
        """
        future = self.arrived.get()
        started = list(itertools.islice(self.flying.values(), self.workers))
        key = self.flying.pop(future)
        try:
            outcome = future.result()
        except Exception as error:
            if self.failed is None:  # else it may have been withdrawn
                died = isinstance(error, BrokenExecutor | CancelledError)
                self.failed = WorkerFailedError(started if died else [key], error, died=died)
                self.withdraw(spare=self.workers)
            return
        del future
        yield key, outcome

    def withdraw(self, *, spare: int | None = 0) -> None:
        """Cancel all but the first ``spare`` cells; those that run go on where they can."""
        for future in list(self.flying)[spare or 0 :]:
            future.cancel()
