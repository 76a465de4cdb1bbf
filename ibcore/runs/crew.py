"""How many cells an executor takes at once, so that a cell is handed out when it can start."""

import time
from concurrent.futures import Executor

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
