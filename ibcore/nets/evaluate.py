"""Evaluate many networks of one architecture, without autograd, by the fastest correct path.

On a CPU the fastest correct way for an MLP is a loop over networks whose activations stay in the
cache (`ibcore.nets.evaluate`).  On a GPU it is the opposite: chunks of networks in batched matrix
products.  All paths are tested against the plain loop over modules; the choice is made here alone.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ibcore.door import door, taking
from ibcore.nets.batch_norm import (
    Gains,
    Moments,
    OfStatistics,
    Statistics,
    kept_shape,
    normalized,
    scale_and_offset,
)
from ibcore.nets.init import apply_in_place
from ibcore.nets.mlp import MLP, NORM_EPSILON
from ibcore.nets.network import Network

# How many networks and points are computed at once, so that activations fit the memory.

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


# Statistics of batch norms on a reference set, exact in any number of parts.


@door
def batch_statistics(
    architecture: Network, parameters: Mapping[str, Tensor], x: Tensor
) -> dict[str, Moments]:
    r"""Return mean and variance of every batch norm's input when all of x is one batch.

    The values at a norm depend on the norms before it, so parts of the data cannot be treated
    one by one.  If all points fit the memory, one pass records everything; otherwise norm after
    norm is measured over all parts, each pass with the norms before it fixed and no further than
    the norm in question, which gives the same up to rounding.  Sums over points are taken in
    float64.

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
    return moments_of(architecture, parameters, x)


@torch.no_grad()
def moments_of(
    architecture: Network, parameters: Mapping[str, Tensor], x: Tensor
) -> dict[str, Moments]:
    """Return what `batch_statistics` does, of arguments that need no check."""
    if not architecture.batch_norms:
        return {}
    if x.shape[1] < 2:
        raise ValueError(f"x must hold at least 2 points for batch norm, got {x.shape[1]}")
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
    norm = _Measure(len(parts[0]), in_one_pass=len(parts) == 1)
    while len(norm.known) < len(architecture.batch_norms):
        norm.total = _Total()
        for part in parts:
            try:
                architecture.forward_stacked(parameters, part, batch_norm=norm)
            except _ReachedError as reached:
                name = str(reached)
        if not norm.in_one_pass:
            norm.known[name] = norm.total.moments()
    return norm.known


class _ReachedError(Exception):
    """The norm of this name has been measured; the rest of the pass is not needed."""


class _Measure:
    """Fix the norms that are known, and measure the next one: on the way, or for all parts."""

    def __init__(self, members: int, *, in_one_pass: bool) -> None:
        self.members, self.in_one_pass = members, in_one_pass
        self.known: dict[str, Moments] = {}
        self.total = _Total()

    def __call__(self, name: str, z: Tensor, over: tuple[int, ...], gains: Gains) -> Tensor:
        if name not in self.known:
            self.total.add(z, over, self.members)
            if not self.in_one_pass:
                raise _ReachedError(name)
            self.known[name], self.total = self.total.moments(), _Total()
        return OfStatistics(self.known)(name, z, over, gains)


def _sum(z: Tensor, over: tuple[int, ...]) -> Tensor:
    """Return the sum in float64, that over the few places of an image in the type of z."""
    if places := over[1:]:
        z = z.sum(places, keepdim=True)
    return z.sum(over[0], keepdim=True, dtype=torch.float64)


class _Total:
    """Mean and sum of squared deviations, merged part by part (Chan et al. 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.squares = torch.zeros(())

    def add(self, z: Tensor, over: tuple[int, ...], members: int) -> None:
        """Take in some points."""
        count = z.numel() // torch.Size(kept_shape(z, over)).numel()
        mean = _sum(z, over) / count
        squares = _sum((z - mean.to(z.dtype)).square_(), over)
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


# Evaluate many small MLPs on a CPU without leaving the cache.
#
# Batching networks into one product writes every activation to memory and reads it back.  Here
# each
# network in turn sees tiles of points so few that its activations stay in the cache: two
# buffers are reused throughout, activations are applied in place, and the bias is the last column
# of the weights, against a row of ones below the activations.

_ROW_BYTES = 16384  # of one row of a buffer: 4096 points in float32, 2048 in float64


_Weights = tuple[list[Tensor], list[Tensor], list[list[Tensor]]]
"""Of one network: of each layer and gate (out, in + 1), of each norm the two gains (width, 1)."""

_GAINS = ("gain", "shift")


class _Buffers(NamedTuple):
    """Memory of one tile; the last row of ``first`` and ``second`` is and stays 1."""

    first: Tensor  # (width + 1, points)
    second: Tensor  # (width + 1, points)
    skip: Tensor  # (width, points)
    gate: Tensor  # (width, points)


def forward_tiled(architecture: MLP, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Evaluate m networks with stacked parameters: ``(m, n, in)`` to ``(m, n, out)``.

    Gives the values of `MLP.forward_stacked`, without autograd, in memory that does not grow
    with m beyond the result itself.  An ``x`` expanded over members is read once.  Batch norm
    depends on all points together and is not for tiles: `ibcore.nets.evaluate` folds it into the
    weights first.

    Examples
    --------
    >>> net = MLP(2, 1, depth=1, width=4)
    >>> stacked = {name: p.detach()[None] for name, p in net.named_parameters()}
    >>> x = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    >>> bool(torch.allclose(forward_tiled(net, stacked, x[None])[0], net(x), atol=1e-6))
    True
    """
    tile, width = _ROW_BYTES // x.element_size(), architecture.width
    points = min(tile, x.shape[1])
    memory = _Buffers(*x.new_ones((2, width + 1, points)), *x.new_empty((2, width, points)))
    output = x.new_empty((len(x), x.shape[1], architecture.out_features))
    with torch.no_grad():
        inputs = [_with_ones(part) for part in torch.split(x[0], tile)]
        for member in range(len(x)):
            if member > 0 and x.stride(0) != 0:  # an expanded x has stride 0
                inputs = [_with_ones(part) for part in torch.split(x[member], tile)]
            weights = _weights(architecture, parameters, member)
            for index, source in enumerate(inputs):
                part = slice(index * tile, index * tile + source.shape[1])
                output[member, part] = _evaluate(architecture, weights, source, memory).mT
    return output


def _with_ones(x: Tensor) -> Tensor:
    """Return points as columns over a row of ones: (n, in) to (in + 1, n)."""
    return torch.cat([x.mT, x.new_ones((1, len(x)))])


def _weights(architecture: MLP, parameters: Mapping[str, Tensor], member: int) -> _Weights:
    def augmented(name: str) -> Tensor:
        weight, bias = parameters[f"{name}.weight"][member], parameters[f"{name}.bias"][member]
        return torch.cat([weight, bias[:, None]], dim=1)

    layers, normed = range(architecture.depth + 1), range(architecture.affine * architecture.depth)
    return (
        [augmented(f"layers.{i}") for i in layers],
        [augmented(f"gates.{i}") for i in layers[:-1] if architecture.gated],
        [[parameters[f"norms.{i}.{part}"][member, :, None] for part in _GAINS] for i in normed],
    )


def _evaluate(architecture: MLP, weights: _Weights, source: Tensor, memory: _Buffers) -> Tensor:
    """Evaluate one network on one tile: (in + 1, points) to (out, points)."""
    buffers = _Buffers(*(b[:, : source.shape[1]] for b in memory))
    layers, gates, gains = weights
    for index, weight in enumerate(layers[:-1]):
        target = buffers.second if source is buffers.first else buffers.first
        z = torch.mm(weight, source, out=target[:-1])
        _normalize(architecture, z, gains[index] if gains else None)
        _finish_layer(architecture, z, source, gates[index] if gates else None, buffers)
        source = target
    return torch.mm(layers[-1], source)


def _normalize(architecture: MLP, z: Tensor, gains: list[Tensor] | None) -> None:
    """Normalize ``z = W h + b`` over units, in place."""
    if architecture.norm is not None:
        z.copy_(normalized(z, 0, NORM_EPSILON))
    if gains is not None:
        z.mul_(gains[0]).add_(gains[1])


def _finish_layer(
    architecture: MLP, z: Tensor, source: Tensor, gate: Tensor | None, buffers: _Buffers
) -> None:
    """Turn the normalized z into the layer's output, in place; ``source`` holds h over ones."""
    if architecture.residual == "paper":
        buffers.skip.copy_(z)
    if architecture.prefactor != 1:
        z.mul_(architecture.prefactor)
    apply_in_place(architecture.activation, z)
    if gate is not None:
        z.mul_(torch.mm(gate, source, out=buffers.gate).sigmoid_())
    if architecture.residual == "paper":
        z.add_(buffers.skip)
    elif architecture.residual == "block" and len(source) == len(z) + 1:
        z.add_(source[:-1])


@torch.no_grad()
def evaluate_stacked(
    architecture: nn.Module,
    parameters: Mapping[str, Tensor],
    x: Tensor,
    *,
    statistics: Statistics | None = None,
) -> Tensor:
    """Evaluate m networks with stacked parameters: ``(m, n, *in)`` to ``(m, n, out)``.

    ``statistics`` are those of the batch norms, from `ibcore.nets.batch_statistics`: without them
    the values of a point would depend on which other points are evaluated with it.

    Raises
    ------
    ValueError
        If statistics are missing, or are not those of these networks' batch norms.

    Examples
    --------
    >>> net = MLP(2, 1, depth=1, width=4)
    >>> stacked = {name: p.detach()[None] for name, p in net.named_parameters()}
    >>> evaluate_stacked(net, stacked, torch.zeros(1, 5, 2)).shape
    torch.Size([1, 5, 1])
    """
    with taking(architecture, x[0]):
        if not isinstance(architecture, Network):
            with evaluating(architecture):
                return forward_loop(architecture, parameters, x)
        known = _checked(architecture, statistics, len(x))
        if not isinstance(architecture, MLP):
            return _forward_chunked(architecture, parameters, x, known)
        if known:
            architecture, parameters = fold(architecture, parameters, known)
        if x.device.type == "cpu":
            return forward_tiled(architecture, parameters, x)
        return _forward_chunked(architecture, parameters, x, {})


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Switch dropout and the like off for a while."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def fold(
    architecture: MLP, parameters: Mapping[str, Tensor], statistics: Statistics
) -> tuple[MLP, dict[str, Tensor]]:
    r"""Return the MLP without batch norm that computes what this one does with statistics.

    With given moments batch norm is a map :math:`z \mapsto s z + o` of each unit, which goes into
    the weights and biases before it.

    Examples
    --------
    >>> from ibcore.nets import batch_statistics
    >>> net = MLP(2, 1, depth=1, width=4, norm="batch")
    >>> stacked = {name: p.detach()[None] for name, p in net.named_parameters()}
    >>> statistics = batch_statistics(net, stacked, torch.rand(1, 9, 2))
    >>> fold(net, stacked, statistics)[0].norm is None
    True
    """
    plain = copy.copy(architecture)
    plain.norm, plain.affine, plain.batch_norms = None, False, ()
    folded = {name: p for name, p in parameters.items() if not name.startswith("norms.")}
    for index, name in enumerate(architecture.batch_norms):
        gains = None
        if architecture.affine:
            gains = parameters[f"{name}.gain"], parameters[f"{name}.shift"]
        scale, offset = scale_and_offset(statistics[name], gains)
        weight, bias = f"layers.{index}.weight", f"layers.{index}.bias"
        dtype = parameters[weight].dtype
        folded[weight] = (parameters[weight] * scale[..., None]).to(dtype)  # (m, out, in)
        folded[bias] = (parameters[bias] * scale + offset).to(dtype)
    return plain, folded


def _checked(architecture: Network, statistics: Statistics | None, members: int) -> Statistics:
    names = set(architecture.batch_norms)
    if statistics is None and names:
        raise ValueError(
            "these networks have batch norm, so their values depend on reference data: pass "
            "statistics=population.batch_statistics(x) with the training inputs x"
        )
    statistics = statistics or {}
    if set(statistics) != names:
        raise ValueError(
            f"statistics of {sorted(statistics)} do not fit batch norms {sorted(names)}"
        )
    lengths = {len(moments.mean) for moments in statistics.values()} - {members}
    if lengths:
        raise ValueError(
            f"statistics of {lengths.pop()} networks do not fit {members} networks; compute them "
            "with this population's batch_statistics"
        )
    return statistics


def forward_loop(architecture: nn.Module, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Evaluate any module, one member after the other."""
    states = [{n: p[i] for n, p in parameters.items()} for i in range(len(x))]
    outputs = [functional_call(architecture, s, (x[i],)) for i, s in enumerate(states)]
    if not isinstance(outputs[0], Tensor):
        raise ValueError(
            f"architecture {type(architecture).__name__} returns {type(outputs[0]).__name__}, not "
            "one tensor; wrap it in a module that returns its outputs alone"
        )
    return torch.stack(outputs)


def _forward_chunked(
    architecture: Network, parameters: Mapping[str, Tensor], x: Tensor, statistics: Statistics
) -> Tensor:
    """Evaluate chunks of networks and points: (m, n, *in) to (m, n, out)."""
    members, points = chunks(architecture, x)
    rows = []
    for some in members:
        chosen = {name: value[some] for name, value in parameters.items()}
        known = {k: Moments(*(part[some] for part in v)) for k, v in statistics.items()}
        parts = [
            architecture.forward_stacked(chosen, x[some][:, part], batch_norm=OfStatistics(known))
            for part in points
        ]
        rows.append(torch.cat(parts, dim=1))
    return torch.cat(rows)
