"""One loop for all four levers: any start, any guide, any optimizer, and what decay pulls to.

`ibcore.Population.train` pulls every weight to zero and `ibcore.guidance.guide` trains one network
at a time.  Here many networks train together on losses that may change at every step, and each
decays either to zero or to where it began.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ibcore.door import Count, Range, Share, Whole, door
from ibcore.nets import MLP
from ibcore.nets.network import Network
from ibcore.population import Population
from ibcore.training import OptimizerConfig
from ibcore.training.loop import FlatParameters
from ibcore.training.optimizers import StackedOptimizer

Losses = Callable[[int, Mapping[str, Tensor]], Tensor]
OnCheckpoint = Callable[[int, Population], None]


@door(gradients=True)
def train(
    population: Population,
    losses: Losses,
    *,
    steps: Count,
    method: OptimizerConfig,
    anchored: Share | Annotated[Tensor, Range(0, 1)] = 0.0,
    checkpoints: Sequence[Whole] = (),
    on_checkpoint: OnCheckpoint | None = None,
) -> Population:
    r"""Train every network on its own loss; weight decay pulls it to zero or to its start.

    Decay shrinks :math:`w - a\,w_0`, with a = 0 as usual, and with a = 1 towards the start.

    Parameters
    ----------
    population
        The networks at their start; it stays as it is.
    losses
        Called with the number of steps taken and the stacked parameters, ``(m, *shape)`` by name;
        returns each network's loss, (m,).
    steps
        How many.
    method
        Optimizer and rates, one for all or one for each network.
    anchored
        The share a, one for all or one for each network, (m,).
    checkpoints, on_checkpoint
        Numbers of steps, from 0, after which it is called with that number and the networks, whose
        parameters change afterwards: measure them, or copy them.

    Raises
    ------
    ValueError
        If rates or shares are not one, or one for each network.
    FloatingPointError
        If a weight is no longer finite at a checkpoint or at the end.

    Examples
    --------
    >>> many = Population.sample(MLP(2, 1, depth=1, width=4), networks=2)
    >>> pull = OptimizerConfig("sgd", learning_rate=0.5, weight_decay=1.0)
    >>> def nothing(step, parameters):  # decay alone
    ...     return 0 * parameters["layers.0.weight"].sum((1, 2))
    >>> done = train(many, nothing, steps=2, method=pull, anchored=torch.tensor([0.0, 1.0]))
    >>> (done.parameters["layers.1.bias"] / many.parameters["layers.1.bias"]).flatten().tolist()
    [0.25, 1.0]
    """
    table = FlatParameters(population.parameters)
    shares = torch.as_tensor(anchored, dtype=table.values.dtype).reshape(-1, 1)
    if shares.numel() not in (1, len(population)):
        raise ValueError(f"anchored has {shares.numel()} shares for {len(population)} networks")
    anchor = shares * table.values
    free = table.values - anchor
    optimizer = StackedOptimizer(method.rates(free), free)
    seen = Population(population.architecture, table.split(table.values))
    for step in range(steps + 1):
        if step in checkpoints or step == steps:
            _check_finite(step, table.values)
        if step in checkpoints and on_checkpoint is not None:
            with torch.no_grad():
                on_checkpoint(step, seen)
        if step < steps:
            optimizer.step(table.gradient(losses(step, table.leaves)))
            torch.add(free, anchor, out=table.values)
    return seen


def _check_finite(step: int, values: Tensor) -> None:
    if not bool(values.isfinite().all()):
        raise FloatingPointError(f"a weight is not finite after step {step}; lower the rates")


class TappedMLP(MLP):
    """An `MLP` that also gives what its hidden layers hold, for stacked parameters.

    Examples
    --------
    >>> net = TappedMLP(2, 1, depth=2, width=4)
    >>> many = Population.sample(net, networks=3)
    >>> out, hidden = net.layers_of(many.parameters, torch.zeros(3, 5, 2).double())
    >>> out.shape, [h.shape for h in hidden]
    (torch.Size([3, 5, 1]), [torch.Size([3, 5, 4]), torch.Size([3, 5, 4])])
    """

    noted: list[Tensor] | None = None  # the hidden layers, while someone asks for them

    def combine(self, u: Tensor, h: Tensor, gate: Tensor | None) -> Tensor:
        """Return the layer's output, and note it."""
        output = super().combine(u, h, gate)
        if self.noted is not None:
            self.noted.append(output)
        return output

    def layers_of(self, parameters: Mapping[str, Tensor], x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return outputs (m, n, out) and hidden layers (m, n, width) for inputs (m, n, in)."""
        self.noted = hidden = []  # type: ignore[var-annotated]
        try:
            return self.forward_stacked(parameters, x), hidden
        finally:
            self.noted = None


def dissimilarity(hidden: Sequence[Tensor], grams: Sequence[Tensor]) -> Tensor:
    r"""Return :math:`\sum_l (1 - \mathrm{CKA}_l)` of many networks to their guides, shape (m,).

    Biased linear CKA, as in `ibcore.guidance.guide`; there for one network in float64, here for
    all at once in the type of the features.

    Parameters
    ----------
    hidden
        One tensor (m, n, width) for each layer.
    grams
        The guides' centered Gram matrices for the same points, one (m, n, n) for each layer.

    Examples
    --------
    >>> x = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(0))
    >>> y = x - x.mean(1, keepdim=True)
    >>> bool(dissimilarity([x], [y @ y.mT]) < 1e-6)
    True
    """
    total = torch.zeros(len(hidden[0]), dtype=hidden[0].dtype, device=hidden[0].device)
    for layer, gram in zip(hidden, grams, strict=True):
        x = layer - layer.mean(1, keepdim=True)
        own = x @ x.mT  # (m, n, n), centered as x is
        size = own.flatten(1).norm(dim=1) * gram.flatten(1).norm(dim=1)
        total = total + 1 - (own * gram).sum((1, 2)) / size
    return total


def centered_gram(features: Tensor) -> Tensor:
    """Return the centered linear Gram matrices (..., n, n) of features (..., n, p)."""
    x = features - features.mean(-2, keepdim=True)
    return x @ x.mT


@door
def half_life(times: ArrayLike, values: ArrayLike, *, first: Whole = 0) -> float:
    """Return when a curve has lost half of what it has at place ``first``; inf if it never does.

    The first crossing counts, between two places by a straight line.

    Parameters
    ----------
    times, values
        Shape (k,), times rising.
    first
        Where the effect counts as one.

    Raises
    ------
    ValueError
        If shapes differ, ``first`` lies outside, or the value there is not above 0.

    Examples
    --------
    >>> half_life([0, 1, 2, 4], [9.0, 1.0, 0.75, 0.25], first=1)
    3.0
    """
    clock, curve = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    if clock.ndim != 1 or clock.shape != curve.shape or first >= len(clock):
        raise ValueError(
            f"times and values must have one shape (k,) with k above first={first}, got "
            f"{clock.shape} and {curve.shape}"
        )
    if not curve[first] > 0:
        raise ValueError(f"the value at place {first} is {curve[first]}, so it has no half")
    half = curve[first] / 2
    below = np.flatnonzero(curve[first:] < half) + first
    if not len(below):
        return float("inf")
    at = slice(below[0] - 1, below[0] + 1)
    return float(np.interp(-half, -curve[at], clock[at]))


def population_of(architecture: Network, *parts: Mapping[str, Tensor]) -> Population:
    """Return the networks of all parts, in order, as one population."""
    names = parts[0]
    return Population(architecture, {n: torch.cat([part[n] for part in parts]) for n in names})
