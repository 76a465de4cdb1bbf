"""Workers of Dask: on this machine, or on a cluster whose scheduler runs already."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from ibcore.runs.gpus import VISIBLE, check_one_gpu_each, gpu_identities

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
