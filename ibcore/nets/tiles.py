"""Evaluate many small MLPs on a CPU without leaving the cache.

Batching networks into one product writes every activation to memory and reads it back.  Here each
network in turn sees tiles of points so few that its activations stay in the cache: two buffers are
reused throughout, activations are applied in place, and the bias is the last column of the weights,
against a row of ones below the activations.
"""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from ibcore.nets.evaluate import _GAINS, _Buffers, _finish_layer, _normalize, _with_ones
from ibcore.nets.init import apply_in_place
from ibcore.nets.mlp import MLP

# Of one row of a buffer: 2064 points in float32, 1032 in float64.  Rows that lie a power of two
# apart would share few places of the cache.
_ROW_BYTES = 8192 + 64
_STACKED = 64  # networks whose weights get their biases at once
_Weights = tuple[list[Tensor], list[Tensor], list[list[Tensor]]]
"""Of each layer and gate (m, out, in + 1), of each norm the two gains (m, width, 1)."""


class _Tile(NamedTuple):
    """Some points, and the memory in which each layer of theirs takes the place of another."""

    points: slice
    memory: _Buffers


@torch.no_grad()
def evaluate_tiles(architecture: MLP, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
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
    >>> bool(torch.allclose(evaluate_tiles(net, stacked, x[None])[0], net(x), atol=1e-6))
    True
    """
    tiles, inputs = _tiles(architecture, x), list[Tensor]()
    output = x.new_empty((len(x), architecture.out_features, x.shape[1]))
    activate = _activation(architecture, x.dtype)
    for start in range(0, len(x), _STACKED):
        some = {name: value[start : start + _STACKED] for name, value in parameters.items()}
        layers, gates, gains = _weights(architecture, some, folded=activate is torch.sigmoid_)
        for member in range(start, min(start + _STACKED, len(x))):
            if member == 0 or x.stride(0) != 0:  # an expanded x has stride 0
                inputs = [_with_ones(x[member, tile.points]) for tile in tiles]
            at = member - start
            own = (
                [w[at] for w in layers],
                [w[at] for w in gates],
                [[g[at] for g in n] for n in gains],
            )
            for tile, source in zip(tiles, inputs, strict=True):
                target = output[member, :, tile.points]
                last = _hidden(architecture, own, source, tile, activate)
                torch.mm(own[0][-1], last, out=target)
    return output.mT.contiguous()


def _tiles(architecture: MLP, x: Tensor) -> list[_Tile]:
    """Cut the points, and give those of equal number the same memory, without gaps between rows."""
    size, width, points = _ROW_BYTES // x.element_size(), architecture.width, x.shape[1]
    extra = width if architecture.gated or architecture.residual == "paper" else 0
    parts = [slice(at, min(at + size, points)) for at in range(0, points, size)]
    memory = {
        count: _Buffers(*x.new_ones((2, width + 1, count)), *x.new_empty((2, extra, count)))
        for count in {part.stop - part.start for part in parts}
    }
    return [_Tile(part, memory[part.stop - part.start]) for part in parts]


def _weights(architecture: MLP, some: Mapping[str, Tensor], *, folded: bool) -> _Weights:
    layers, norms = range(architecture.depth + 1), range(architecture.affine * architecture.depth)

    def augmented(name: str) -> Tensor:
        weight, bias = some[f"{name}.weight"], some[f"{name}.bias"]
        if folded and name != "layers.0":  # the input is 2s - 1
            weight, bias = 2 * weight, bias - weight.sum(2)
        if folded and name != f"layers.{architecture.depth}":  # the argument is 2z
            weight, bias = (2 * architecture.prefactor * z for z in (weight, bias))
        return torch.cat([weight, bias[:, :, None]], dim=2)

    return (
        [augmented(f"layers.{i}") for i in layers],
        [augmented(f"gates.{i}") for i in layers[:-1] if architecture.gated],
        [[some[f"norms.{i}.{part}"][:, :, None] for part in _GAINS] for i in norms],
    )


def _is_plain(architecture: MLP) -> bool:
    return architecture.norm is None and architecture.residual is None and not architecture.gated


def _hidden(
    architecture: MLP,
    own: _Weights,
    source: Tensor,
    tile: _Tile,
    activate: Callable[[Tensor], object],
) -> Tensor:
    """Return the last hidden layer of one network on one tile, over ones: (width + 1, points)."""
    (layers, gates, gains), plain = own, _is_plain(architecture)
    for index, weight in enumerate(layers[:-1]):
        target = tile.memory.first if index % 2 else tile.memory.second
        z = torch.mm(weight, source, out=target[:-1])
        if plain:
            activate(z)
        else:
            _normalize(architecture, z, gains[index] if gains else None)
            _finish_layer(architecture, z, source, gates[index] if gates else None, tile.memory)
        source = target
    return source


# A network of tanh is one of logistic units with other weights, tanh z = 2 s(2z) - 1: exact, and
# faster where the processor's tanh is slow.  In float32 its rounding would be seen.

_MARGIN = 2.0  # far from every ratio that was measured, so that a race always ends alike


def _activation(architecture: MLP, dtype: torch.dtype) -> Callable[[Tensor], object]:
    """Return what is applied to z of a plain layer; `torch.sigmoid_` for folded weights."""
    kind, prefactor = architecture.activation, architecture.prefactor
    if kind == "tanh" and _is_plain(architecture) and dtype == torch.float64 and _tanh_is_slow():
        return torch.sigmoid_
    if prefactor == 1:
        return lambda z: apply_in_place(kind, z)
    return lambda z: apply_in_place(kind, z.mul_(prefactor))


@cache
def _tanh_is_slow() -> bool:
    """Race both on this processor, once: whether tanh takes much longer than its other form."""
    z = torch.linspace(-3, 3, 2**14, dtype=torch.float64)
    work = torch.empty_like(z)

    def seconds(activate: Callable[[Tensor], Tensor]) -> float:
        spent = []
        for _ in range(7):
            work.copy_(z)
            start = time.perf_counter()
            activate(work)
            spent.append(time.perf_counter() - start)
        return min(spent[1:])

    return seconds(Tensor.tanh_) > _MARGIN * seconds(Tensor.sigmoid_)
