"""Random numbers for code that knows only the global generators, which are put back afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def isolated(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global generators of the CPU and of a device for a while, then restore them.

    Dropout and the initial weights of `torch.nn` modules draw from them.

    Examples
    --------
    >>> before = torch.random.get_rng_state()
    >>> with isolated(0, torch.device("cpu")):
    ...     _ = torch.rand(3)
    >>> torch.equal(before, torch.random.get_rng_state())
    True
    """
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
