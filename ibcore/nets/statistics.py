"""Statistics of batch norms on a reference set, exact in any number of parts."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ibcore.nets.batch_norm import Gains, Moments, OfStatistics, Statistics, kept_shape
from ibcore.nets.chunks import chunks
from ibcore.nets.network import Network


@torch.no_grad()
def batch_statistics(
    architecture: Network, parameters: Mapping[str, Tensor], x: Tensor
) -> dict[str, Moments]:
    r"""Return mean and variance of every batch norm's input when all of x is one batch.

    The values at a norm depend on the norms before it, so parts of the data cannot be treated
    one by one.  If all points fit the memory, one pass records everything; otherwise norm after
    norm is measured over all parts, each pass with the norms before it fixed and no further than
    the norm in question, which gives the same up to rounding.  Sums are taken in float64.

    Parameters
    ----------
    architecture
        The network; without batch norm the result is empty.
    parameters
        Stacked parameters of m networks.
    x
        The reference set, usually the training set, for each network: ``(m, n, *in)``.

    Returns
    -------
    dict
        Name of each batch norm to `Moments` of shape (m, c) in float64; the variance is the mean
        square deviation (no correction), as in a training step.

    Raises
    ------
    ValueError
        If there is only one point.

    Examples
    --------
    >>> from ibcore.nets import MLP
    >>> net = MLP(2, 1, depth=1, width=3, norm="batch")
    >>> stacked = {name: p.detach()[None] for name, p in net.named_parameters()}
    >>> batch_statistics(net, stacked, torch.rand(1, 9, 2))["norms.0"].mean.shape
    torch.Size([1, 3])
    """
    if not architecture.batch_norms:
        return {}
    if x.shape[1] < 2:
        raise ValueError(f"statistics of batch norm need at least 2 points, got {x.shape[1]}")
    members, points = chunks(architecture, x)
    parts = []
    for some in members:
        chosen = {name: value[some] for name, value in parameters.items()}
        parts.append(_measure(architecture, chosen, [x[some][:, part] for part in points]))
    return {
        name: Moments(
            *(torch.cat(values) for values in zip(*(p[name] for p in parts), strict=True))
        )
        for name in architecture.batch_norms
    }


def _measure(
    architecture: Network, parameters: Mapping[str, Tensor], parts: list[Tensor]
) -> Statistics:
    """Return the statistics of some members from all parts of their data."""
    known: dict[str, Moments] = {}
    if len(parts) == 1:
        architecture.forward_stacked(parameters, parts[0], batch_norm=_Record(known, len(parts[0])))
        return known
    for name in architecture.batch_norms:
        total = _Total()
        for part in parts:
            try:
                norm = _Until(known, name, total, len(part))
                architecture.forward_stacked(parameters, part, batch_norm=norm)
            except _ReachedError:
                continue
        known[name] = total.moments()
    return known


class _Record:
    """Measure every norm on the way."""

    def __init__(self, known: dict[str, Moments], members: int) -> None:
        self.known, self.members = known, members

    def __call__(self, name: str, z: Tensor, over: tuple[int, ...], gains: Gains) -> Tensor:
        total = _Total()
        total.add(z, over, self.members)
        self.known[name] = total.moments()
        return OfStatistics(self.known)(name, z, over, gains)


class _ReachedError(Exception):
    """The norm in question has been measured; the rest of the pass is not needed."""


class _Until:
    """Fix the norms that are known, measure the next one and end the pass there."""

    def __init__(self, known: Statistics, name: str, total: "_Total", members: int) -> None:
        self.known, self.name, self.total, self.members = known, name, total, members

    def __call__(self, name: str, z: Tensor, over: tuple[int, ...], gains: Gains) -> Tensor:
        if name == self.name:
            self.total.add(z, over, self.members)
            raise _ReachedError
        return OfStatistics(self.known)(name, z, over, gains)


class _Total:
    """Mean and sum of squared deviations, merged part by part (Chan et al. 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.squares = torch.zeros(())

    def add(self, z: Tensor, over: tuple[int, ...], members: int) -> None:
        """Take in some points."""
        count = z.numel() // torch.Size(kept_shape(z, over)).numel()
        mean = z.mean(over, keepdim=True, dtype=torch.float64)
        squares = (z - mean.to(z.dtype)).square().sum(over, dtype=torch.float64)
        mean, squares = mean.reshape(members, -1), squares.reshape(members, -1)  # (m, c)
        if not self.count:
            self.mean, self.squares = torch.zeros_like(mean), torch.zeros_like(mean)
        weight, gap = count / (self.count + count), mean - self.mean
        self.mean = self.mean + gap * weight
        self.squares = self.squares + squares + gap.square() * (self.count * weight)
        self.count += count

    def moments(self) -> Moments:
        """Return what all points together have."""
        return Moments(self.mean, self.squares / self.count)
