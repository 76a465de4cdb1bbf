"""Workers: processes on this machine or any other executor, and what they hand back."""

import itertools
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Annotated, Any

import torch

from ibcore.door import door
from ibcore.runs.store import Machine, machine
from ibcore.runtime import device_name, resolve_device

if TYPE_CHECKING:
    import pandas as pd

# Which GPU a worker may use: one each, and never two workers on the same one by accident.

VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus() -> tuple[str, ...]:
    """Return the names of the GPUs that this process may hand to its workers."""
    if VISIBLE not in os.environ:
        return tuple(str(index) for index in range(torch.cuda.device_count()))
    names = (name.strip() for name in os.environ[VISIBLE].split(","))
    return tuple(itertools.takewhile(lambda name: name not in ("", "-1"), names))  # as CUDA does


def assign_gpus(workers: int, device: str) -> tuple[str | None, ...]:
    """Return the GPU of each worker, or None for each where they compute on a CPU.

    Raises
    ------
    ValueError
        If there are more workers than GPUs, or ``device`` names one GPU for all of them.
    """
    kind, _, index = device.partition(":")
    if kind != "cuda":
        return (None,) * workers
    if index:
        raise ValueError(
            f"device {device!r} is one GPU for all workers; say device 'cuda', and each of the "
            f"workers gets a GPU of its own (limit which ones with {VISIBLE})"
        )
    gpus = visible_gpus()
    if workers > len(gpus):
        raise ValueError(
            f"{workers} workers were asked for but {len(gpus)} GPUs are visible "
            f"({', '.join(gpus) or 'none'}); each worker needs a GPU of its own: ask for at most "
            f"{len(gpus)} workers, or compute on the CPU"
        )
    return gpus[:workers]


def check_own_gpu(device: str) -> None:
    """Raise where ``device`` is ``"cuda"`` and this worker sees several GPUs: all take the first.

    Raises
    ------
    ValueError
        Naming the number of GPUs and the remedy.
    """
    count = torch.cuda.device_count() if device == "cuda" else 1
    if count > 1:
        raise ValueError(
            f"a worker on {socket.gethostname()} sees {count} GPUs, and all workers would take "
            f"the first; give each worker one GPU in {VISIBLE}, as "
            "ibcore.runs.open_executor('processes:N', device='cuda') does"
        )


def check_main_guard() -> None:
    """Raise where a script that opens workers is being imported by one of them.

    Raises
    ------
    RuntimeError
        Naming the line that the script lacks.
    """
    if getattr(current_process(), "_inheriting", False):
        raise RuntimeError(
            "this worker imports the script that has opened it, and the script would open workers "
            "again; put what runs under the line  if __name__ == '__main__':"
        )


# A pool of processes on this machine: one thread and at most one GPU each.


@door
def open_executor(
    spec: str, *, device: Annotated[str | None, device_name] = None
) -> AbstractContextManager[Executor]:
    """Open worker processes on this machine, as a context that closes them at its end.

    Each computes on one thread.  With a device ``"cuda"`` each sees exactly one GPU, as its
    ``cuda:0``.  When the body raises, or this process is killed, they stop in the middle of
    their cells: nobody would store what they compute.

    Parameters
    ----------
    spec
        ``"processes:4"``: four processes.
    device
        Where the cells will compute, for instance ``"cuda"``; default the CPU.

    Raises
    ------
    ValueError
        If ``spec`` has another form, or there are too few GPUs.

    Examples
    --------
    >>> with open_executor("processes:1") as executor:
    ...     executor.submit(abs, -2).result()
    2
    >>> open_executor("processes:none")
    Traceback (most recent call last):
    ...
    ValueError: the spec 'processes:none' is not of the form processes:N ...
    """
    check_main_guard()
    match = re.fullmatch(r"processes:([1-9][0-9]*)", spec)
    if match is None:
        raise ValueError(
            f"the spec {spec!r} is not of the form processes:N (N is 1 or more); any other, as of "
            "Dask or MPI, is opened in Python: run(..., executor=...), ibcore.runs.cli.main"
        )
    return _open_processes(assign_gpus(int(match[1]), device or "cpu"))


@contextmanager
def _open_processes(gpus: Sequence[str | None]) -> Iterator[ProcessPoolExecutor]:
    """Open a pool with one process for each entry of ``gpus``, its GPU or None."""
    context = get_context("spawn")  # forking after torch has threads can hang
    waiting = context.SimpleQueue()
    for gpu in gpus:
        waiting.put(gpu)
    reader, writer = context.Pipe(duplex=False)
    with ProcessPoolExecutor(len(gpus), context, _prepare, (waiting, reader)) as pool:
        try:
            yield pool
        except BaseException:
            writer.close()
            raise
    writer.close()
    reader.close()


def _prepare(waiting: Any, lifeline: Connection) -> None:
    """Make this process a worker, before it touches a GPU."""
    gpu = waiting.get()
    if gpu is not None:
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            raise RuntimeError(f"CUDA is in use before the worker was given the GPU {gpu}")
        os.environ[VISIBLE] = gpu
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    """End this process when the other end of ``lifeline`` is closed."""
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(1)


# Compute cells here or in any executor, and hand back each outcome as it arrives.

RunCell = Callable[[Any, torch.device], "pd.DataFrame"]


class WorkerFailedError(RuntimeError):
    """A cell failed or a worker died; ``keys`` says which cells, ``error`` why.

    ``died`` tells the two apart: of a worker that died, ``keys`` are the cells in flight.
    """

    def __init__(self, keys: Iterable[str], error: BaseException, *, died: bool = False) -> None:
        self.keys, self.error, self.died = tuple(keys), error, died
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


def count_workers(executor: Executor) -> int | None:
    """Return how many calls an executor runs at once, or None if it does not tell."""
    client = getattr(executor, "_client", None)
    if hasattr(client, "nthreads"):  # Dask; none for a moment when the last worker was lost
        return max(1, sum(client.nthreads().values()))  # type: ignore[union-attr]
    counts = (getattr(executor, name, None) for name in ("_max_workers", "num_workers"))
    return next((max(1, count) for count in counts if isinstance(count, int)), None)


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
    todo, failed = iter(cells), None
    flying: dict[Future[CellResult], str] = {}  # in the order in which they start
    arrived: SimpleQueue[Future[CellResult]] = SimpleQueue()
    try:
        while True:
            # A cluster may have grown; None where nobody knows.
            count = 1 if executor is None else workers or count_workers(executor)
            room = sys.maxsize if count is None else count * (ahead if executor else 1)
            for key, cell in itertools.islice(todo, 0 if failed else max(0, room - len(flying))):
                future = _submit(executor, run_cell, cell, device)
                flying[future] = key
                future.add_done_callback(arrived.put)
            if not flying:
                break
            future = arrived.get()
            started, key = list(itertools.islice(flying.values(), count)), flying.pop(future)
            try:
                outcome = future.result()
            except Exception as error:
                if failed is None:  # else it may have been withdrawn
                    died = isinstance(error, BrokenExecutor | CancelledError)
                    failed = WorkerFailedError(started if died else [key], error, died=died)
                    _withdraw(flying, spare=count)
                continue
            del future  # while it lives, Dask computes its cell again if it loses the worker
            yield key, outcome
    finally:
        _withdraw(flying)
    if failed is not None:
        raise failed


def _submit(executor: Executor | None, *call: Any) -> Future[CellResult]:
    """Hand out a cell, or compute it here; what goes wrong is in its future."""
    future: Future[CellResult] = Future()
    try:
        if executor is not None:
            return executor.submit(compute, *call)
        future.set_result(compute(*call))
    except Exception as error:
        future.set_exception(error)
    return future


def _withdraw(flying: Iterable[Future[CellResult]], *, spare: int | None = 0) -> None:
    """Cancel all but the first ``spare`` cells; those that run go on where they can."""
    for future in list(flying)[spare or 0 :]:
        future.cancel()
