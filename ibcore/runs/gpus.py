"""Which GPU a worker may use: one each, and never two workers on the same one by accident."""

import socket
from collections.abc import Mapping, Sequence

import torch

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
