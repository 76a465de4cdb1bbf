"""Evaluate many small MLPs on a CPU without leaving the cache.

Batching networks into one product writes every activation to memory and reads it back.  Here each
network in turn sees tiles of points so few that its activations stay in the cache: two
buffers are reused throughout, activations are applied in place, and the bias is the last column
of the weights, against a row of ones below the activations.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ibcore.nets.activations import activation_function
from ibcore.nets.mlp import MLP, normalize_channels

_ROW_BYTES = 16384  # of one row of a buffer: 4096 points in float32, 2048 in float64


_Gains = tuple[Tensor, Tensor]


class _Weights(NamedTuple):
    """Of one network: of each layer and gate (out, in + 1), of each norm twice (width, 1)."""

    layers: list[Tensor]
    gates: list[Tensor]
    gains: list[_Gains]


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
    if architecture.norm == "batch":
        raise ValueError("batch norm needs all points at once; use evaluate_stacked instead")
    tile = _ROW_BYTES // x.element_size()
    buffers = _allocate(architecture, x, min(tile, x.shape[1]))
    output = x.new_empty((len(x), x.shape[1], architecture.out_features))
    with torch.no_grad():
        inputs = [_with_ones(part) for part in torch.split(x[0], tile)]
        for member in range(len(x)):
            if member > 0 and x.stride(0) != 0:  # an expanded x has stride 0
                inputs = [_with_ones(part) for part in torch.split(x[member], tile)]
            weights = _weights(architecture, parameters, member)
            for index, source in enumerate(inputs):
                part = slice(index * tile, index * tile + source.shape[1])
                output[member, part] = _evaluate(architecture, weights, source, buffers).mT
    return output


def _allocate(architecture: MLP, x: Tensor, points: int) -> _Buffers:
    width = architecture.width
    first, second = x.new_ones((2, width + 1, points))
    skip = x.new_empty((width if architecture.residual == "paper" else 0, points))
    return _Buffers(first, second, skip, x.new_empty((width if architecture.gated else 0, points)))


def _with_ones(x: Tensor) -> Tensor:
    """Return points as columns over a row of ones: (n, in) to (in + 1, n)."""
    return torch.cat([x.mT, x.new_ones((1, len(x)))])


def _weights(architecture: MLP, parameters: Mapping[str, Tensor], member: int) -> _Weights:
    return _Weights(
        _member(parameters, "layers", member, architecture.depth + 1),
        _member(parameters, "gates", member, len(architecture.gates)),
        _gains(parameters, member, architecture.depth if architecture.affine else 0),
    )


def _member(parameters: Mapping[str, Tensor], kind: str, member: int, count: int) -> list[Tensor]:
    """Return the weights of each layer with the bias as last column: (out, in + 1)."""
    pairs = [
        (parameters[f"{kind}.{i}.weight"], parameters[f"{kind}.{i}.bias"]) for i in range(count)
    ]
    return [torch.cat([weight[member], bias[member, :, None]], dim=1) for weight, bias in pairs]


def _gains(parameters: Mapping[str, Tensor], member: int, count: int) -> list[_Gains]:
    """Return gain and shift of each norm as columns: (width, 1)."""
    pairs = [(parameters[f"norms.{i}.gain"], parameters[f"norms.{i}.shift"]) for i in range(count)]
    return [(gain[member, :, None], shift[member, :, None]) for gain, shift in pairs]


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


def _normalize(architecture: MLP, z: Tensor, gains: _Gains | None) -> None:
    """Normalize ``z = W h + b`` over units, in place."""
    if architecture.norm is not None:
        z.copy_(normalize_channels(z, dim=0))
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
    activation_function(architecture.activation, in_place=True)(z)
    if gate is not None:
        z.mul_(torch.mm(gate, source, out=buffers.gate).sigmoid_())
    if architecture.residual == "paper":
        z.add_(buffers.skip)
    elif architecture.residual == "block" and len(source) == len(z) + 1:
        z.add_(source[:-1])
