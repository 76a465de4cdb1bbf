"""How many networks and points are computed at once, so that activations fit the memory."""

from collections.abc import Iterator

from torch import Tensor

from ibcore.nets.network import Network

_BYTES = {"cpu": 2**25}  # of activations of the widest layer; on a CPU near the cache
_BYTES_ELSEWHERE = 2**28


def chunks(architecture: Network, x: Tensor) -> tuple[list[slice], list[slice]]:
    """Return parts of the members and of the points of ``x``, shape (m, n, *in).

    As many members as fit with all points, at least one; then as many points as fit.

    Examples
    --------
    >>> import torch
    >>> from ibcore.nets import MLP
    >>> chunks(MLP(2, 1, width=8), torch.zeros(3, 5, 2))
    ([slice(0, 3, None)], [slice(0, 5, None)])
    """
    budget = _BYTES.get(x.device.type, _BYTES_ELSEWHERE)
    point = architecture.widest * x.element_size()
    members = max(1, budget // (point * x.shape[1]))
    points = max(1, budget // point)
    return list(_parts(len(x), members)), list(_parts(x.shape[1], points))


def _parts(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
