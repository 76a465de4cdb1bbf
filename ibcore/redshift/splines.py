"""Linear splines as activations: a function of one number, given by its heights at knots."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import binary_cross_entropy_with_logits

from ibcore.door import (
    Count,
    Level,
    NonNegative,
    Positive,
    Range,
    Seed,
    as_tensor,
    check_memory,
    door,
)
from ibcore.nets import MLP, activation_function
from ibcore.population import Population, member_seed
from ibcore.runtime import generator

Knots = Annotated[int, Range(2)]


def spline_knots(knots: int, bound: float, *, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return equally spaced knots from ``-bound`` to ``bound``, both included.

    Examples
    --------
    >>> spline_knots(5, 1.0).tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    return torch.linspace(-bound, bound, knots, dtype=torch.float64).to(dtype)


def _as_heights(value: Any, name: str) -> Tensor:
    heights = as_tensor(value, name)
    if heights.ndim != 1 or len(heights) < 2:
        raise ValueError(
            f"{name} must have shape (k,) with k at least 2, got {tuple(heights.shape)}"
        )
    return heights


Heights = Annotated[Tensor, _as_heights]


@door
def evaluate_spline(z: Tensor, heights: Heights, bound: Positive = 5.0) -> Tensor:
    r"""Evaluate a linear spline element by element; differentiable in both tensors.

    Between two knots the value is on the straight line through their heights.  Beyond
    :math:`\pm` ``bound`` the first and last line go on.

    Parameters
    ----------
    z
        Any shape.
    heights
        Values at the knots of `spline_knots`, shape ``(k,)``.
    bound
        Where the outermost knots are.

    Returns
    -------
    Tensor
        The shape of z.

    Raises
    ------
    ValueError
        If the heights are not a vector of at least 2 entries, or the bound is not positive.

    Examples
    --------
    >>> heights = torch.tensor([0.0, 0.0, 1.0])  # ReLU, with knots at -1, 0 and 1
    >>> evaluate_spline(torch.tensor([-3.0, 0.25, 3.0]), heights, bound=1.0).tolist()
    [0.0, 0.25, 3.0]
    """
    dtype = torch.promote_types(z.dtype, heights.dtype)
    return _evaluate(z.to(dtype), heights.to(dtype), bound)


def _evaluate(z: Tensor, heights: Tensor, bound: float) -> Tensor:
    knots = spline_knots(len(heights), bound, dtype=heights.dtype).to(heights.device)
    slopes = heights.diff() / knots.diff()  # (k - 1,)
    intercepts = heights[:-1] - slopes * knots[:-1]
    with torch.no_grad():  # the line on which each z lies; a nan in z stays nan below
        position = (z + bound) * ((len(heights) - 1) / (2 * bound))
        line = position.nan_to_num(0.0).clamp(0, len(heights) - 2).long().flatten()
    slope, intercept = (v.index_select(0, line).view(z.shape) for v in (slopes, intercepts))
    return torch.addcmul(intercept, slope, z)


@door
class Spline(nn.Module):
    """A linear spline with fixed heights, for use as an activation.

    Parameters
    ----------
    heights
        Values at equally spaced knots, shape ``(k,)``.
    bound
        The knots run from ``-bound`` to ``bound``.

    Raises
    ------
    ValueError
        If the heights are not a vector of at least 2 finite numbers, or the bound is not
        positive.

    Examples
    --------
    >>> Spline.of("relu")(torch.tensor([-7.0, 7.0], dtype=torch.float64)).tolist()
    [0.0, 7.0]
    """

    heights: Tensor

    def __init__(self, heights: Heights, *, bound: Positive = 5.0) -> None:
        super().__init__()
        self.register_buffer("heights", heights.detach().clone(), persistent=False)
        self.bound = bound

    @classmethod
    @door
    def of(
        cls,
        activation: str,
        *,
        knots: Knots = 51,
        bound: Positive = 5.0,
        dtype: torch.dtype = torch.float64,
    ) -> "Spline":
        """Return the spline that agrees with an activation of `ibcore.nets` at the knots."""
        check_memory("knots", knots, 16.0 * knots)
        exact = activation_function(activation)(spline_knots(knots, bound))
        return cls(exact.to(dtype), bound=bound)

    @property
    def knots(self) -> Tensor:
        """Where the heights stand, shape ``(k,)``."""
        line = spline_knots(len(self.heights), self.bound, dtype=self.heights.dtype)
        return line.to(self.heights.device)

    def forward(self, z: Tensor) -> Tensor:
        """Evaluate the spline element by element."""
        return _evaluate(z, self.heights, self.bound)


@door
class SplineMLP(nn.Module):
    """A plain `ibcore.nets.MLP` whose activation is a spline; the spline is not a parameter.

    Parameters have the names and shapes, and for a seed the values, of the MLP of this size.

    Parameters
    ----------
    spline
        The activation of every hidden layer.
    in_features, out_features, depth, width, seed
        As in `ibcore.nets.MLP`.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> many = SplineMLP(Spline.of("tanh"), 2, width=8).sample(networks=3)
    >>> many.forward(torch.zeros(5, 2, dtype=torch.float64)).shape
    torch.Size([3, 5, 1])
    """

    def __init__(
        self,
        spline: Spline,
        in_features: Count = 2,
        out_features: Count = 1,
        *,
        depth: Count = 2,
        width: Count = 64,
        seed: Seed = 0,
    ) -> None:
        super().__init__()
        self._sizes = (in_features, out_features, depth, width)
        self.layers = _plain(self._sizes, seed).layers
        self.spline = spline

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate the network: ``(..., in_features)`` to ``(..., out_features)``."""
        for layer in self.layers[:-1]:
            x = self.spline(layer(x))
        return cast(Tensor, self.layers[-1](x))

    @door
    def sample(self, *, networks: Count, seed: Seed = 0) -> Population:
        """Draw networks with the weights that `Population.sample` gives the MLP of this size.

        They have the dtype and device of the spline's heights.
        """
        heights = self.spline.heights
        drawn = Population.sample(
            _plain(self._sizes),
            networks=networks,
            seed=seed,
            device=heights.device,
            dtype=heights.dtype,
        )
        return Population(self, drawn.parameters)


def _plain(sizes: tuple[int, int, int, int], seed: int = 0) -> MLP:
    in_features, out_features, depth, width = sizes
    return MLP(in_features, out_features, depth=depth, width=width, seed=seed)


# Learn an activation: train networks, improve their spline on points they have not seen.

Progress = Callable[[int, float], None]


@door
@dataclass(frozen=True)
class Bilevel:
    """How an activation is learned.  Adam trains both levels.

    Attributes
    ----------
    start
        The activation that the spline has at first.
    knots, bound
        The spline: knots from ``-bound`` to ``bound``.
    smoothing
        A step of the spline is a Gaussian of this standard deviation, in knots, around each
        knot.  At 0 each knot moves alone; the spline then becomes a sawtooth as fine as the
        knots.
    outer_steps
        Steps of the spline.
    inner_steps
        Steps of the weights before the first and before the last step of the spline; in between
        the number grows geometrically.
    networks
        How many are trained before each step of the spline, each from fresh weights and on
        points of its own.
    train_fraction
        Share of the points on which the weights are trained; the others judge the spline.
    depth, width
        Of the networks.
    learning_rate, spline_rate
        Of the weights and of the spline.

    Raises
    ------
    ValueError
        If a number is out of range, or the start is no activation.

    Examples
    --------
    >>> plan = Bilevel(outer_steps=3, inner_steps=(10, 40))
    >>> [plan.inner(step) for step in range(3)]
    [10, 20, 40]
    """

    start: str = "relu"
    knots: Knots = 51
    bound: Positive = 5.0
    smoothing: NonNegative = 1.0
    outer_steps: Count = 60
    inner_steps: tuple[Count, Count] = (150, 300)
    networks: Count = 4
    train_fraction: Level = 0.7
    depth: Count = 2
    width: Count = 64
    learning_rate: NonNegative = 1e-2
    spline_rate: NonNegative = 0.05

    def __post_init__(self) -> None:
        try:
            activation_function(self.start)
        except ValueError as error:
            raise ValueError(f"start is an {error}") from None
        check_memory("knots", self.knots, 8.0 * self.knots**2)

    def inner(self, step: int) -> int:
        """Return how many steps the weights take before step 0, 1, ... of the spline."""
        first, last = self.inner_steps
        growth: float = (last / first) ** (step / max(1, self.outer_steps - 1))
        return round(first * growth)


@door
@dataclass(frozen=True, eq=False)
class LearnedActivation:
    """The learned spline, the one at the start, and the validation loss before each step."""

    spline: Spline
    start: Spline
    losses: Tensor


def smoothing_kernel(knots: int, deviation: float) -> Tensor:
    """Return the matrix that spreads a step of one knot over its neighbors, ``(k, k)``.

    Rows are Gaussians that sum to 1; for deviation 0 it is the identity.

    Examples
    --------
    >>> smoothing_kernel(2, 0.0).tolist(), smoothing_kernel(9, 1.0).sum(1).round().tolist()[:2]
    ([[1.0, 0.0], [0.0, 1.0]], [1.0, 1.0])
    """
    if deviation == 0:
        return torch.eye(knots, dtype=torch.float64)
    line = torch.arange(knots, dtype=torch.float64)
    return torch.softmax(-0.5 * ((line[:, None] - line) / deviation).square(), dim=1)


@door(gradients=True)
def learn_activation(
    x: Tensor,
    y: Annotated[Tensor, Range(0, 1)],
    plan: Bilevel = Bilevel(),
    *,
    seed: Seed = 0,
    on_step: Progress | None = None,
) -> LearnedActivation:
    r"""Learn the activation with which networks best classify points they were not trained on.

    Each outer step draws fresh networks, trains each on a random part of the points, and takes
    one step on the spline along the gradient of their mean loss on the rest.  The gradient is
    first-order: it is taken at the trained weights as if these did not depend on the spline.
    The whole is judged on points and weights that neither level has seen: keep test points out
    of ``x`` and draw new networks.

    Parameters
    ----------
    x
        Points, ``(n, in)``; their dtype and device are used throughout.
    y
        Labels 0 and 1, ``(n,)``.
    plan
        Sizes and rates.
    seed
        Of the weights and of the parts.
    on_step
        Called after each outer step with its number, from 1, and the loss it started from.

    Returns
    -------
    LearnedActivation
        ``losses`` has shape ``(outer_steps,)``.

    Raises
    ------
    ValueError
        If x and y do not fit, or a part of the points would be empty.
    FloatingPointError
        If a loss is not finite.

    References
    ----------
    Teney et al. (2025), arXiv 2503.10065, learn splines of about 50 knots on [-5, 5] in such a
    loop.  The smoothing, the rates and the fresh parts at each step are our choices.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> plan = Bilevel(outer_steps=2, inner_steps=(5, 5), networks=2, width=4)
    >>> learn_activation(x, (x[:, 0] > 0).long(), plan).losses.shape
    torch.Size([2])
    """
    known = _check_points(x, y, plan)
    rng = generator(seed)
    start = Spline.of(plan.start, knots=plan.knots, bound=plan.bound, dtype=x.dtype).to(x.device)
    kernel = smoothing_kernel(plan.knots, plan.smoothing).to(x)
    moves = torch.zeros_like(start.heights, requires_grad=True)  # (k,)
    optimizer = torch.optim.Adam([moves], lr=plan.spline_rate)
    losses = []
    for step in range(plan.outer_steps):
        heights = start.heights + kernel @ moves
        orders = torch.stack([torch.randperm(len(x), generator=rng) for _ in range(plan.networks)])
        seen, held_out = orders.to(x.device).tensor_split([known], dim=1)  # (m, ...)
        fresh = _sample(plan, heights, x.shape[1], member_seed(seed, step))
        trained = _train(plan, fresh, x[seen], y[seen], plan.inner(step))
        loss = _validation_loss(trained, heights, x[held_out], y[held_out])
        if not bool(loss.isfinite()):
            raise FloatingPointError(
                f"the loss of outer step {step + 1} is not finite; lower a rate"
            )
        (moves.grad,) = torch.autograd.grad(loss, [moves])
        optimizer.step()
        losses.append(loss.detach())
        if on_step is not None:
            on_step(step + 1, float(losses[-1]))
    learned = Spline((start.heights + kernel @ moves).detach(), bound=plan.bound)
    return LearnedActivation(learned, start, torch.stack(losses))


def _check_points(x: Tensor, y: Tensor, plan: Bilevel) -> int:
    """Return how many points the weights are trained on."""
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(
            f"x must have shape (n, in) and y (n,), got {tuple(x.shape)} and {tuple(y.shape)}"
        )
    known = int(plan.train_fraction * len(x))
    if not 1 <= known < len(x):
        raise ValueError(
            f"train_fraction {plan.train_fraction} of {len(x)} points leaves {known} to train on "
            f"and {len(x) - known} to judge by; use more points"
        )
    return known


def _sample(plan: Bilevel, heights: Tensor, in_features: int, seed: int) -> Population:
    """Draw fresh networks with this spline."""
    spline = Spline(heights, bound=plan.bound)
    network = SplineMLP(spline, in_features, depth=plan.depth, width=plan.width)
    return network.sample(networks=plan.networks, seed=seed)


def _train(plan: Bilevel, fresh: Population, x: Tensor, y: Tensor, steps: int) -> Population:
    """Train each network on its own points: x (m, n, in), y (m, n)."""
    rate = plan.learning_rate
    return fresh.train(x, y, loss="binary", steps=steps, learning_rate=rate).population


def _validation_loss(trained: Population, heights: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return the mean loss on x (m, n, in), y (m, n) as a function of the heights."""
    network = trained.architecture

    def logits(parameters: dict[str, Tensor], points: Tensor) -> Tensor:
        state = {**parameters, "spline.heights": heights}
        output: Tensor = functional_call(network, state, (points,))
        return output[:, 0]

    outputs = vmap(logits)(trained.parameters, x)  # (m, n)
    return binary_cross_entropy_with_logits(outputs, y.to(outputs.dtype))
