"""Evaluate many networks of one architecture, without autograd, by the fastest correct path.

On a CPU the fastest correct way for an MLP is a loop over networks whose activations stay in the
cache (`ibcore.nets.tiled`).  On a GPU it is the opposite: chunks of networks in batched matrix
products.  All paths are tested against the plain loop over modules; the choice is made here alone.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ibcore.nets.batch_norm import Moments, OfStatistics, Statistics, scale_and_offset
from ibcore.nets.chunks import chunks
from ibcore.nets.mlp import MLP
from ibcore.nets.network import Network
from ibcore.nets.tiled import forward_tiled


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
    if not isinstance(architecture, Network):
        return _forward_loop(architecture, parameters, x)
    known = _checked(architecture, statistics, len(x))
    if not isinstance(architecture, MLP):
        return _forward_chunked(architecture, parameters, x, known)
    if known:
        architecture, parameters = fold(architecture, parameters, known)
    if x.device.type == "cpu":
        return forward_tiled(architecture, parameters, x)
    return _forward_chunked(architecture, parameters, x, {})


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


def _forward_loop(architecture: nn.Module, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Evaluate any module, one member after the other."""
    states = [{n: p[i] for n, p in parameters.items()} for i in range(len(x))]
    return torch.stack([functional_call(architecture, s, (x[i],)) for i, s in enumerate(states)])


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
