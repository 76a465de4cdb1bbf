"""Compute cells here or in any executor, and hand back each outcome as it arrives."""

import itertools
import time
from collections.abc import Callable, Generator, Iterable, Iterator
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


# How many cells an executor takes at once, so that a cell is handed out when it can start.

_SHORT = 0.5  # seconds; for shorter cells each worker also gets one to go on with
_REFRESH = 5.0  # seconds between two questions to a cluster that may grow


class Crew:
    """An executor and the number of its workers.

    Parameters
    ----------
    executor
        Any ``concurrent.futures.Executor``.
    workers
        How many cells it computes at once; by default the executor is asked.
    ahead
        Whether short cells may be handed out before a worker is free.
    """

    def __init__(
        self, executor: Executor, *, workers: int | None = None, ahead: bool = True
    ) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"workers must be 1 or more, got {workers}")
        self.executor = executor
        self._told, self._ahead = workers, ahead
        self._asked: tuple[float, int | None] | None = None
        self._mean: float | None = None

    @property
    def workers(self) -> int | None:
        """How many cells are computed at once; None where nobody knows."""
        if self._told is not None:
            return self._told
        now = time.monotonic()
        if self._asked is None or now - self._asked[0] > _REFRESH:
            self._asked = now, count_workers(self.executor)
        return self._asked[1]

    def room(self) -> float:
        """Return how many cells may be with the executor at a time."""
        workers = self.workers
        if workers is None:
            return float("inf")
        short = self._ahead and self._mean is not None and self._mean < _SHORT
        return 2 * workers if short else workers

    def learn(self, seconds: float) -> None:
        """Take note of how long a cell took."""
        self._mean = seconds if self._mean is None else 0.9 * self._mean + 0.1 * seconds


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
    return CellResult(frame, seconds, machine(place))


def compute_alone(run_cell: RunCell, cell: Any, device: str) -> CellResult:
    """Compute one cell as one worker of several, which must not share a GPU."""
    check_own_gpu(device)
    return compute(run_cell, cell, device)


def outcomes(
    run_cell: RunCell, cells: Iterable[tuple[str, Any]], *, crew: Crew | None, device: str
) -> Generator[tuple[str, CellResult], None, None]:
    """Yield the key and outcome of each cell as it arrives.

    A cell is taken from ``cells`` when it can start.  Without a crew the cells run here, one
    after another.  With one, no cell is taken after a failure; those in flight are still
    yielded before it is raised.

    Raises
    ------
    WorkerFailedError
        After the last outcome, if a cell failed or a worker died.
    """
    if crew is not None:
        yield from _Submission(run_cell, iter(cells), crew, device).outcomes()
        return
    for key, cell in cells:
        try:
            outcome = compute(run_cell, cell, device)
        except Exception as error:
            raise WorkerFailedError([key], error) from error
        yield key, outcome


class _Submission:
    """The cells that are with an executor."""

    def __init__(
        self, run_cell: RunCell, cells: Iterator[tuple[str, Any]], crew: Crew, device: str
    ) -> None:
        self.run_cell, self.cells, self.crew, self.device = run_cell, cells, crew, device
        self.waiting: dict[Future[CellResult], str] = {}  # in the order in which they will start
        self.arrived: SimpleQueue[Future[CellResult]] = SimpleQueue()
        self.failed: WorkerFailedError | None = None

    def outcomes(self) -> Iterator[tuple[str, CellResult]]:
        try:
            self._submit()
            while self.waiting:
                key, outcome = self._next()
                if outcome is not None:
                    self.crew.learn(outcome.seconds)
                    yield key, outcome
                self._submit()
        finally:
            self._withdraw()
        if self.failed is not None:
            raise self.failed

    def _submit(self) -> None:
        """Hand out cells while there is room and nothing has failed."""
        while self.failed is None and len(self.waiting) < self.crew.room():
            entry = next(self.cells, None)
            if entry is None:
                return
            key, cell = entry
            try:
                future = self.crew.executor.submit(compute_alone, self.run_cell, cell, self.device)
            except BrokenExecutor as error:
                self._fail(WorkerFailedError([key], error, died=True))
                return
            self.waiting[future] = key
            future.add_done_callback(self.arrived.put)

    def _next(self) -> tuple[str, CellResult | None]:
        """Wait for an outcome and keep nothing else of its future.

        While a future lives, Dask computes its cell again if it loses the worker that has it.
        """
        future = self.arrived.get()
        started = list(itertools.islice(self.waiting.values(), self.crew.workers))
        key = self.waiting.pop(future)
        return key, self._result(key, future, started)

    def _result(
        self, key: str, future: Future[CellResult], started: list[str]
    ) -> CellResult | None:
        try:
            return future.result()
        except CancelledError as error:
            if self.failed is None:  # not withdrawn by us
                self._fail(WorkerFailedError(started, error, died=True))
        except BrokenExecutor as error:
            self._fail(WorkerFailedError(started, error, died=True))
        except Exception as error:
            self._fail(WorkerFailedError([key], error))
        return None

    def _fail(self, failure: WorkerFailedError) -> None:
        """Keep the first failure, and withdraw the cells that have not started."""
        if self.failed is None:
            self.failed = failure
            self._withdraw(spare=self.crew.workers)

    def _withdraw(self, spare: int | None = 0) -> None:
        """Cancel all but the first ``spare`` cells; those that run go on where they can."""
        for future in list(self.waiting)[spare or 0 :]:
            future.cancel()
