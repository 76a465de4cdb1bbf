"""The diagonal net beta = p^2 - q^2: decay and noise slide its scale, and the scale decides."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from ibcore.door import (
    Count,
    NonNegative,
    Positive,
    Range,
    Seed,
    Whole,
    as_number,
    as_raw,
    as_tensor,
    check_memory,
    door,
    plain_torch,
)
from ibcore.population import member_seed
from ibcore.runtime import generator, resolve_device

# What the exact models share: float64, shapes that fit, rates in range, steps that do not diverge.

Number = float | Tensor  # one for all runs, or a tensor that broadcasts against (..., 1)
Loss = Literal["squared", "logistic"]

_ABOVE, _FROM = Range(0, above=True), Range(0)


def as_exact(value: Any, name: str, bounds: Range | None = None) -> Tensor:
    """Return finite numbers in float64: the identities hold to rounding only so."""
    return as_tensor(as_raw(value, name).double(), name, bounds)


def as_rate(value: Any, name: str, bounds: Range = _FROM) -> Number:
    """Return one number as a float, and many as a tensor."""
    many = getattr(value, "ndim", int(isinstance(value, list | tuple))) > 0
    return as_exact(value, name, bounds) if many else as_number(value, name, bounds)


Exact = Annotated[Tensor, as_exact]
Scale = Annotated[Number | Sequence[float], partial(as_exact, bounds=_ABOVE)]
Rate = Annotated[Number, partial(as_rate, bounds=_ABOVE)]
Decay = Annotated[Number, as_rate]
Seeds = Seed | Sequence[Seed]


def check_data(
    x: Tensor, y: Tensor | None = None, *, features: int | None = None, lead: Sequence[int] = ()
) -> None:
    """Raise unless x (..., n, features) and y (..., n) fit each other and nets (*lead, ...)."""
    y = x.new_zeros(x.shape[:-1]) if y is None else y
    shaped = x.ndim >= 2 and y.ndim >= 1 and features in (None, x.shape[-1])
    if not shaped or x.shape[-2] != y.shape[-1] or not x.shape[-2]:
        raise ValueError(
            f"x must have shape (..., n, {features or 'd'}) and y (..., n) with n at least 1, "
            f"got {tuple(x.shape)} and {tuple(y.shape)}"
        )
    broadcast(x=x.shape[:-2], y=y.shape[:-1], net=lead)


def check_halves(first: Tensor, second: Tensor, names: str, inner: int = 0) -> None:
    """Raise unless two parts of a net have shapes (..., d), or (..., h, d) and (..., h)."""
    fits = first.ndim > inner and first.shape[: first.ndim - inner] == second.shape
    if not fits or 0 in first.shape[-1 - inner :]:
        both = "(..., h, d) and (..., h)" if inner else "one shape (..., d)"
        raise ValueError(
            f"{names} must have {both}, got {tuple(first.shape)} and {tuple(second.shape)}"
        )


def broadcast(**shapes: Sequence[int]) -> tuple[int, ...]:
    """Return the common shape of some leading axes; ``ValueError`` if there is none."""
    try:
        return tuple(np.broadcast_shapes(*(tuple(shape) for shape in shapes.values())))
    except ValueError:
        found = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items())
        raise ValueError(f"leading axes must fit each other, got {found}") from None


def fit(net: Tensor, **rates: Number) -> list[Number]:
    """Return rates on the device of a part of a net; raise unless they broadcast against it."""
    for name, rate in rates.items():
        broadcast(**{name: getattr(rate, "shape", ()), "net": net.shape})
    return [rate.to(net.device) if isinstance(rate, Tensor) else rate for rate in rates.values()]


def _before(rate: Number, axes: int) -> Number:
    """Return rates that stand against (..., h) as they stand against (..., h, d)."""
    return rate[..., None] if axes and isinstance(rate, Tensor) else rate


def loss_slope(output: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """Return the derivative of the loss by the output, point by point: shape of ``output``."""
    return (torch.sigmoid(output) if loss == "logistic" else output) - y


State = tuple[Tensor, Tensor]


def descend(state: State, batches: Iterable[tuple[Any, ...]], move: Callable[..., State]) -> State:
    """Take one step for each batch; ``FloatingPointError`` if training diverges."""
    count = 0
    for count, batch in enumerate(batches, 1):
        state = move(*state, *batch)
        if count % CHUNK == 0:
            _check_finite(count, state)
    _check_finite(count, state)
    return state


def _check_finite(step: int, state: State) -> None:
    if not all(bool(torch.isfinite(value).all()) for value in state):
        raise FloatingPointError(
            f"training diverged at or before step {step}; lower the learning rate or the scale"
        )


def _in_order(looks: float | Sequence[float], name: str) -> list[float]:
    """Return looks as a list; raise unless they do not decrease."""
    many = list(looks) if isinstance(looks, Sequence) else [looks]
    if not many or many != sorted(many):
        raise ValueError(f"{name} must be in rising order and at least one, got {many}")
    return many


# Minibatches with and without fresh label noise: the same for every scale, by seed.

CHUNK = 256  # steps drawn at once; part of the definition, as streams depend on it


@door
def minibatches(
    x: Exact,
    y: Exact,
    *,
    steps: Whole,
    batch_size: Count | None = None,
    label_noise: NonNegative = 0.0,
    seed: Seeds = 0,
) -> Iterator[tuple[Tensor, Tensor]]:
    r"""Yield ``steps`` batches of points and labels.

    Points are drawn uniformly with replacement, so that the variance of a batch's gradient is
    exactly that of one point over the batch size.  Label noise is drawn anew at each step:
    :math:`y_i + \sigma\varepsilon`, :math:`\varepsilon \sim N(0, 1)`.  What is drawn for a seed
    depends neither on the other seeds nor on the number of steps; it is drawn on the CPU, so it
    is the same on every device.

    Parameters
    ----------
    x, y
        Shapes (n, d) and (n,) with one seed, or (seeds, n, d) and (seeds, n).  Where nothing is
        drawn, any leading axes.
    steps
        How many.
    batch_size
        Points in each batch; None for all of them, each once.
    label_noise
        :math:`\sigma`.
    seed
        One for each problem.

    Yields
    ------
    tuple
        Shapes (..., b, d) and (..., b).

    Raises
    ------
    ValueError
        If the seeds do not fit the data, or a number is out of range.

    References
    ----------
    HaoChen, Wei, Lee and Ma (2021) study label noise of this kind.

    Examples
    --------
    >>> x, y = torch.eye(4, dtype=torch.float64), torch.arange(4.0, dtype=torch.float64)
    >>> batches = list(minibatches(x, y, steps=3, batch_size=2, seed=1))
    >>> len(batches), batches[0][0].shape, batches[0][1].shape
    (3, torch.Size([2, 4]), torch.Size([2]))
    """
    seeds = [seed] if isinstance(seed, int) else list(seed)
    expected = () if isinstance(seed, int) else (len(seeds),)
    drawn = batch_size is not None or label_noise != 0
    if x.shape[:-2] != expected and (drawn or expected):
        raise ValueError(
            f"x has shape {tuple(x.shape)} but {len(seeds)} seeds were given; "
            "use (n, d) with one number, or (seeds, n, d) with a sequence"
        )
    check_data(x, y)
    if batch_size is not None:
        check_memory("batch_size", batch_size, 16.0 * CHUNK * batch_size * len(seeds))
    if not drawn:
        return ((x, y) for _ in range(steps))
    return _draw((x, y), steps, batch_size, label_noise, seeds)


def _draw(
    data: tuple[Tensor, Tensor], steps: int, size: int | None, noise: float, seeds: list[int]
) -> Iterator[tuple[Tensor, Tensor]]:
    x, y = data
    streams = [[generator(member_seed(seed, part)) for part in (0, 1)] for seed in seeds]
    points, lead = x.shape[-2], x.shape[:-2]
    many_x, many_y = x.reshape(-1, *x.shape[-2:]), y.reshape(-1, points)  # (s, n, d), (s, n)
    problem = torch.arange(len(seeds), device=x.device)[:, None]
    for first in range(0, steps, CHUNK):
        chosen, shifts = _numbers(streams, points, size, noise)
        bx = many_x if chosen is None else many_x[problem, chosen.to(x.device)]
        by = many_y if chosen is None else many_y[problem, chosen.to(x.device)]
        by = by + shifts.to(x.device)  # (CHUNK, s, b)
        bx = bx.expand(*by.shape, x.shape[-1])  # (CHUNK, s, b, d)
        for k in range(min(CHUNK, steps - first)):
            yield bx[k].reshape(*lead, *bx.shape[-2:]), by[k].reshape(*lead, by.shape[-1])


def _numbers(
    streams: list[list[torch.Generator]], points: int, size: int | None, noise: float
) -> tuple[Tensor | None, Tensor]:
    """Draw point numbers (CHUNK, s, b) or None for all, and label noise (CHUNK, s, b)."""
    b = points if size is None else size
    with plain_torch():  # batches are drawn behind the door
        chosen = [torch.randint(points, (CHUNK, b), generator=first) for first, _ in streams]
        normal = [torch.randn(CHUNK, b, generator=g, dtype=torch.float64) for _, g in streams]
    return None if size is None else torch.stack(chosen, 1), noise * torch.stack(normal, 1)


# What the exact models share: two tensors, and descent on both with one decay.


class ExactNet:
    """A model of two tensors, many runs at once; each model says its outputs and its slopes."""

    _inner: ClassVar[int] = 0  # axes of the first tensor that the second does not have

    def __post_init__(self) -> None:
        check_halves(*self._halves, " and ".join(vars(self)), inner=self._inner)

    @property
    def _halves(self) -> State:
        """Both tensors, the first and the second field."""
        return cast(State, tuple(vars(self).values()))

    @staticmethod
    def _outputs(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
        """Return the values of the function at points (..., n, d): (..., n)."""
        raise NotImplementedError

    @classmethod
    def _slopes(
        cls, a: Tensor, b: Tensor, x: Tensor, y: Tensor, loss: Loss
    ) -> tuple[Tensor, Tensor | None]:
        """Return the gradients of the mean loss by both tensors; None for one that stays."""
        raise NotImplementedError

    def _check(self, x: Tensor, y: Tensor | None = None) -> None:
        """Raise unless data fit the net."""
        first, second = self._halves
        check_data(x, y, features=first.shape[-1], lead=second.shape[:-1])

    @door
    def predict(self, x: Exact) -> Tensor:
        """Evaluate the function at points (..., n, d): (..., n)."""
        self._check(x)
        return self._outputs(*self._halves, x)

    @door(gradients=True)
    def step(
        self,
        x: Exact,
        y: Exact,
        *,
        learning_rate: Rate,
        weight_decay: Decay = 0.0,
        loss: Loss = "squared",
    ) -> Self:
        """Take one step of gradient descent with coupled weight decay on a batch."""
        self._check(x, y)
        rates = {"learning_rate": learning_rate, "weight_decay": weight_decay}
        return self.descend([(x, y)], **rates, loss=loss)

    @door(gradients=True)
    def descend(
        self,
        batches: Iterable[tuple[Tensor, Tensor]],
        *,
        learning_rate: Rate,
        weight_decay: Decay = 0.0,
        loss: Loss = "squared",
    ) -> Self:
        """Take one step for each batch; `FloatingPointError` if training diverges."""
        eta, decay = fit(self._halves[1], learning_rate=learning_rate, weight_decay=weight_decay)
        kept, inner = 1 - eta * decay, self._inner

        def move(a: Tensor, b: Tensor, x: Tensor, y: Tensor) -> State:
            by_a, by_b = self._slopes(a, b, x, y, loss)
            a = _before(kept, inner) * a - _before(eta, inner) * by_a
            return a, b if by_b is None else kept * b - eta * by_b

        make: Callable[..., Self] = type(self)
        return make(*descend(self._halves, batches, move))

    @door(gradients=True)
    def train(
        self,
        x: Exact,
        y: Exact,
        *,
        steps: Sequence[Whole] | Whole,
        learning_rate: Rate,
        weight_decay: Decay = 0.0,
        loss: Loss = "squared",
        batch_size: Count | None = None,
        label_noise: NonNegative = 0.0,
        seed: Seeds = 0,
    ) -> Self:
        """Train by gradient descent on all points or on batches that `minibatches` draws.

        The leading axes of x (..., n, d) and y (..., n) are the last ones of the runs; runs that
        share data share batches.  Of a rising sequence of ``steps`` the states after each number
        are stacked on a new first axis.  Rates are one for all runs, or tensors that broadcast
        against (..., 1).  The loss is half the squared error, or the logistic loss with labels 0
        and 1.  `FloatingPointError` if training diverges.
        """
        self._check(x, y)
        looks = [int(look) for look in _in_order(steps, "steps")]
        draws: dict[str, Any] = {"batch_size": batch_size, "label_noise": label_noise, "seed": seed}
        batches = iter(minibatches(x, y, steps=looks[-1], **draws))
        rates = {"learning_rate": learning_rate, "weight_decay": weight_decay}
        net, seen = self, []
        for done, look in pairwise([0, *looks]):
            net = net.descend(islice(batches, look - done), **rates, loss=loss)
            seen.append(net)
        return stack(seen) if isinstance(steps, Sequence) else net


class LinearNet(ExactNet):
    """A model that is linear in its inputs."""

    @door
    def gradient(self, x: Exact, y: Exact, *, loss: Loss = "squared") -> Tensor:
        """Return the gradient of the mean loss by the coefficients, (..., d).

        The loss is half the squared error, or the logistic loss with labels 0 and 1.
        """
        self._check(x, y)
        return self._slope(*self._halves, x, y, loss)

    @classmethod
    def _slope(cls, a: Tensor, b: Tensor, x: Tensor, y: Tensor, loss: Loss) -> Tensor:
        slope = loss_slope(cls._outputs(a, b, x), y, loss)
        return (slope[..., None, :] @ x)[..., 0, :] / x.shape[-2]


N = TypeVar("N", bound=ExactNet)


def stack(nets: Sequence[N]) -> N:
    """Return nets of one kind and shape as one, along a new first axis.

    Examples
    --------
    >>> stack([DiagonalNet.start(0.1, features=4)] * 3).p.shape
    torch.Size([3, 4])
    """
    make: Callable[..., N] = type(nets[0])
    return make(*map(torch.stack, zip(*(net._halves for net in nets), strict=True)))


# Gradient flow of the diagonal net in its dual coordinates: n equations, stiff, solved at ease.

# A Rosenbrock method of order 4 with an error estimate of order 3: Shampine's coefficients.
_GAMMA = 0.5
_A = ((2.0,), (48 / 25, 6 / 25))
_C = ((-8.0,), (372 / 25, 12 / 5), (-112 / 125, -54 / 125, -2 / 5))
_B = (19 / 9, 1 / 2, 25 / 108, 125 / 108)
_E = (17 / 54, 7 / 36, 0.0, 125 / 108)
_D = (1 / 2, -3 / 2, 121 / 50, 29 / 250)  # weights of the derivative by time
_T = (1.0, 3 / 5)  # where the later stages look

_MOST_STEPS = 20_000


def dual_flow(
    start: Tensor,
    tilt: Tensor,
    x: Tensor,
    y: Tensor,
    *,
    times: Sequence[float],
    weight_decay: Number = 0.0,
    tolerance: float = 1e-7,
) -> Iterator[tuple[float, Tensor]]:
    r"""Follow :math:`z = \log(p/q)` under gradient flow with weight decay.

    Since :math:`pq = A\,e^{-2\lambda t}` is known, the net is given by
    :math:`z = z_0 + X^\top\nu`, and the flow is one of only n numbers,

    .. math:: \dot\nu = -\tfrac4n \left(X\beta - y\right), \qquad
              \beta = 2 A e^{-2\lambda t} \sinh(z_0 + X^\top \nu),

    gradient descent on the dual of the potential that `woodworth_solution` minimizes.

    Parameters
    ----------
    start
        :math:`A`, (..., d), positive.
    tilt
        :math:`z_0`, (..., d).
    x, y
        Data, (..., n, d) and (..., n), their leading axes the last ones of the runs.
    times
        In rising order.
    weight_decay
        :math:`\lambda`, broadcasts against (..., 1).
    tolerance
        Allowed error of z in each step.

    Yields
    ------
    tuple
        Each of the times, and z there, (..., d).

    Raises
    ------
    FloatingPointError
        If the integrator does not arrive.

    References
    ----------
    Press et al., Numerical Recipes, section 17.5, for the integrator; its step size follows
    each run on its own.

    Examples
    --------
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> [(_, z)] = dual_flow(one, 0 * one, one[None], one, times=[50.0])  # 2 sinh z -> 1
    >>> round(float(2 * z.sinh()), 6)
    1.0
    """
    lead = broadcast(net=start.shape[:-1], x=x.shape[:-2], y=y.shape[:-1])
    system = _System(start, tilt, x, y, torch.as_tensor(weight_decay, dtype=torch.float64))
    nu = x.new_zeros(*lead, x.shape[-2])
    now, size = x.new_zeros(*lead, 1), x.new_full((*lead, 1), 1e-3)
    for time in times:
        for _ in range(_MOST_STEPS):
            if bool((now >= time).all()):
                break
            nu, now, size = _advance(system, nu, (now, size), time, tolerance)
        else:
            raise FloatingPointError(
                f"gradient flow has not reached time {time} in {_MOST_STEPS} steps; "
                "raise the tolerance or lower the scale"
            )
        yield time, system.tilt + system.angles(nu)


class _System:
    """The equation: its right-hand side, and the matrices that a stiff step needs."""

    def __init__(self, start: Tensor, tilt: Tensor, x: Tensor, y: Tensor, decay: Tensor) -> None:
        self.start, self.tilt, self.x, self.y = start, tilt, x, y
        self.decay = decay.to(x.device)
        self.rate = 4 / x.shape[-2]

    def angles(self, nu: Tensor) -> Tensor:
        return (nu[..., None, :] @ self.x)[..., 0, :]  # (..., d)

    def amplitude(self, time: Tensor) -> Tensor:
        return 2 * self.start * torch.exp(-2 * self.decay * time)

    def slope(self, nu: Tensor, time: Tensor) -> Tensor:
        beta = self.amplitude(time) * torch.sinh(self.tilt + self.angles(nu))
        return self.rate * (self.y - self._outputs(beta))

    def linearized(self, nu: Tensor, time: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return slope, derivative by time, and minus the Jacobian (..., n, n)."""
        z, amplitude = self.tilt + self.angles(nu), self.amplitude(time)
        outputs = self._outputs(amplitude * torch.sinh(z))
        curved = (self.x * (amplitude * torch.cosh(z))[..., None, :]) @ self.x.mT
        return (
            self.rate * (self.y - outputs),
            2 * self.rate * self.decay * outputs,
            self.rate * curved,
        )

    def _outputs(self, beta: Tensor) -> Tensor:
        return (self.x @ beta[..., None])[..., 0]


def _advance(
    system: _System, nu: Tensor, clock: tuple[Tensor, Tensor], end: float, tolerance: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Try one step in every run; those that fail stay, and those at the end do not move."""
    now, size = clock
    left = end - now
    last = left <= size * (1 + 1e-9)
    h = torch.where(last, left, size).clamp(min=1e-300)
    change, error = _stages(system, nu, now, h)
    worst = (system.angles(error).abs().amax(-1, keepdim=True) / tolerance).nan_to_num(nan=1e9)
    taken = (worst <= 1) & (left > 0)
    factor = (0.9 * worst.clamp(min=1e-12) ** torch.where(taken, -0.25, -1 / 3)).clamp(0.2, 3.0)
    resized = torch.where(taken & last, size.maximum(h * factor), h * factor)
    size = torch.where(left > 0, resized, size)
    nu = torch.where(taken, nu + change, nu)
    now = torch.where(taken, torch.where(last, torch.full_like(now, end), now + h), now)
    return nu, now, size


def _stages(system: _System, nu: Tensor, now: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Return the step and the estimate of its error, (..., n) each."""
    slope, drift, stiff = system.linearized(nu, now)
    unit = torch.eye(nu.shape[-1], dtype=nu.dtype, device=nu.device)
    factor, _ = torch.linalg.cholesky_ex(stiff + unit / (_GAMMA * h[..., None]))
    stages: list[Tensor] = []
    for stage in range(4):
        if stage in (1, 2):  # the last two look at the same place
            place = nu + sum(a * g for a, g in zip(_A[stage - 1], stages, strict=True))
            slope = system.slope(place, now + _T[stage - 1] * h)
        side = slope + h * _D[stage] * drift
        if stage:
            side = side + sum(c * g for c, g in zip(_C[stage - 1], stages, strict=True)) / h
        stages.append(torch.cholesky_solve(side[..., None], factor)[..., 0])
    total = torch.stack(stages)
    weights = total.new_tensor([_B, _E])  # (2, 4)
    change, error = torch.tensordot(weights, total, dims=1)
    return change, error


@door
@dataclass(frozen=True, eq=False)
class DiagonalNet(LinearNet):
    r"""The model :math:`f(x) = \sum_i (p_i^2 - q_i^2)\, x_i` with squared loss, many runs at once.

    The loss is :math:`L = \frac{1}{2n}\sum_k (x_k\cdot\beta - y_k)^2` with
    :math:`\beta = p^2 - q^2` and gradient :math:`r` by :math:`\beta`.  Gradient flow conserves
    :math:`p_i q_i`; a step with coupled weight decay changes it by an exact factor,

    .. math:: (p_i q_i)' = \left[(1-\eta\lambda)^2 - 4\eta^2 r_i^2\right] p_i q_i .

    The effective scale is :math:`\alpha_\text{eff} = \sqrt{|p_i q_i|}`.  Under gradient flow
    with weight decay it is :math:`\alpha e^{-\lambda t}`, and at every time :math:`\beta` is the
    point of least :math:`Q_{\alpha_\text{eff}}` (`woodworth_potential`) among those with its
    outputs: decay slides the scale along one curve.

    Parameters
    ----------
    p, q
        Shape (..., d); leading axes are runs, or looks at one run.  Like all numbers of the exact
        models they become float64.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.

    References
    ----------
    Woodworth et al. (2020) for the model and the limit of gradient flow; HaoChen et al. (2021)
    for label noise; Pesme, Pillaud-Vivien and Flammarion (2021) for stochastic flow as flow from
    a smaller scale.  The identity with weight decay is elementary.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    >>> y = torch.tensor([1.0], dtype=torch.float64)
    >>> net = DiagonalNet.start(0.1, features=2).flow(x, y, time=200.0)
    >>> net.beta.round(decimals=3).tolist(), net.scale.round(decimals=6).tolist()
    ([0.067, 0.467], [0.1, 0.1])
    """

    p: Exact
    q: Exact

    @classmethod
    @door
    def start(
        cls,
        scale: Scale,
        *,
        features: Count,
        device: torch.device | str | None = None,
    ) -> "DiagonalNet":
        """Return p = q = scale in every coordinate: shape (*scale.shape, features)."""
        scales = torch.as_tensor(scale, device=resolve_device(device))
        check_memory("features", features, 16.0 * features * scales.numel())
        p = scales[..., None].expand(*scales.shape, features).contiguous()
        return cls(p, p.clone())

    @property
    def beta(self) -> Tensor:
        """The coefficients of the function, (..., d)."""
        return self.p**2 - self.q**2

    @property
    def balance(self) -> Tensor:
        """What gradient flow conserves, p q: (..., d)."""
        return self.p * self.q

    @property
    def scale(self) -> Tensor:
        """The effective scale of each coordinate, sqrt |p q|: (..., d)."""
        return self.balance.abs().sqrt()

    @property
    def mean_scale(self) -> Tensor:
        """The geometric mean of the effective scale over coordinates: (...)."""
        return (self.balance.abs().log().mean(-1) / 2).exp()

    def __getitem__(self, run: int | slice | tuple[int | slice, ...]) -> "DiagonalNet":
        """Return some of the runs or looks."""
        return DiagonalNet(self.p[run], self.q[run])

    @door
    def loss(self, x: Exact, y: Exact) -> Tensor:
        """Return half the mean squared error: (...)."""
        self._check(x, y)
        return (self._outputs(self.p, self.q, x) - y).square().mean(-1) / 2

    @staticmethod
    @door
    def balance_factor(
        gradient: Exact, *, learning_rate: Rate, weight_decay: Decay = 0.0
    ) -> Tensor:
        """Return the factor by which one step changes p q: shape of ``gradient``."""
        return (1 - learning_rate * weight_decay) ** 2 - (2 * learning_rate * gradient) ** 2

    @door
    def flow(
        self,
        x: Exact,
        y: Exact,
        *,
        time: Sequence[NonNegative] | NonNegative,
        weight_decay: Decay = 0.0,
        tolerance: Positive = 1e-7,
    ) -> "DiagonalNet":
        r"""Follow gradient flow with weight decay, :math:`\dot w = -\nabla L - \lambda w`.

        Shapes as in `train`; of a rising sequence of times the states are stacked likewise.
        ``tolerance`` is the allowed error of log(p/q) in each step of the integrator.
        `ValueError` if p or q is not positive: flow never changes a sign, so start from sizes.
        """
        self._check(x, y)
        if not ((self.p > 0).all() and (self.q > 0).all()):
            raise ValueError("flow needs p > 0 and q > 0 in every coordinate; use their sizes")
        rate = fit(self.p, weight_decay=weight_decay)[0]
        decay = torch.as_tensor(rate, dtype=torch.float64, device=self.p.device)
        tilt, times, seen = (self.p / self.q).log(), _in_order(time, "time"), []
        options: dict[str, Any] = {"weight_decay": decay, "tolerance": tolerance}
        for now, z in dual_flow(self.balance, tilt, x, y, times=times, **options):
            root = (self.balance.sqrt() * torch.exp(-decay * now)).expand_as(z)
            seen.append(DiagonalNet(root * (z / 2).exp(), root * (-z / 2).exp()))
        return stack(seen) if isinstance(time, Sequence) else seen[-1]

    @staticmethod
    def _outputs(p: Tensor, q: Tensor, x: Tensor) -> Tensor:
        return (x @ (p * p - q * q)[..., None])[..., 0]  # (..., n)

    @classmethod
    def _slopes(cls, a: Tensor, b: Tensor, x: Tensor, y: Tensor, loss: Loss) -> State:
        slope = 2 * cls._slope(a, b, x, y, loss)
        return slope * a, -slope * b


# How decay slides the scale of a diagonal net in closed form, and when it has forgotten.


@door
def effective_scale(scale: Positive, *, time: NonNegative, weight_decay: NonNegative) -> float:
    r"""Return :math:`\alpha e^{-\lambda t}`, the scale that flow with weight decay slides to.

    Examples
    --------
    >>> round(effective_scale(1.0, time=80.0, weight_decay=0.03), 4)
    0.0907
    """
    return scale * math.exp(-weight_decay * time)


@door
def time_to_scale(scale: Positive, target: Positive, *, weight_decay: NonNegative) -> float:
    r"""Return when flow has slid the scale to a target: :math:`\ln(\alpha/\alpha_t)/\lambda`.

    This is an exact forgetting time: from then on the net is where one from the smaller scale
    would be, and gradient flow takes both to the same solution.

    Raises
    ------
    ValueError
        If the target is above the scale, or decay does not reach it.

    Examples
    --------
    >>> round(time_to_scale(1.0, 0.1, weight_decay=0.03), 2)
    76.75
    """
    if target > scale:
        raise ValueError(f"decay only shrinks: target {target} is above the scale {scale}")
    if target == scale:
        return 0.0
    time = math.log(scale / target) / weight_decay if weight_decay else math.inf
    if time == math.inf:
        raise ValueError(
            f"weight_decay {weight_decay} does not lead from {scale} to {target} in finite time; "
            "use weight_decay > 0"
        )
    return time


# The potential that gradient flow of the diagonal net minimizes, and its least point.


@door
def woodworth_potential(beta: Exact, scale: Scale) -> Tensor:
    r"""Return :math:`Q_\alpha(\beta) = \sum_i \alpha_i^2\, q(\beta_i/\alpha_i^2)`.

    Here :math:`q(z) = 2 - \sqrt{4+z^2} + z\,\mathrm{arcsinh}(z/2)`.  As :math:`\alpha\to\infty`
    it becomes a multiple of the squared l2 norm, as :math:`\alpha\to0` of the l1 norm.

    Parameters
    ----------
    beta
        Shape (..., d).
    scale
        :math:`\alpha > 0`: a number, or a tensor that broadcasts against (..., d).

    Returns
    -------
    Tensor
        Shape (...).

    Raises
    ------
    ValueError
        If a scale is not positive, or so small that the potential is not finite.

    References
    ----------
    Woodworth et al. (2020), Theorem 1.

    Examples
    --------
    >>> beta = torch.tensor([3.0, 4.0], dtype=torch.float64)
    >>> large = 4 * 100**2 * woodworth_potential(beta, 100.0)  # -> squared l2 norm
    >>> round(float(large), 3)
    25.0
    """
    alpha = torch.as_tensor(scale, device=beta.device)
    broadcast(scale=alpha.shape, beta=beta.shape)
    z = beta / alpha / alpha
    # 2 - sqrt(4 + z^2), without the cancellation at small z, and no square that overflows
    parts = beta * (torch.asinh(z / 2) - z / (2 + torch.hypot(z, torch.full_like(z, 2.0))))
    if not bool(parts.isfinite().all()):
        raise ValueError(f"scale is too small for this beta: {float(alpha.min()):g}")
    return parts.sum(-1)


@door
def woodworth_solution(
    x: Exact, y: Exact, scale: Scale, *, tolerance: Positive = 1e-9, most_steps: Count = 500
) -> Tensor:
    r"""Return the interpolator of least :math:`Q_\alpha`: where gradient flow ends.

    The minimum subject to :math:`X\beta = y` has :math:`\beta = 2\alpha^2\sinh(X^\top\nu)`; the
    multipliers :math:`\nu` (n numbers) are found by Newton's method on the dual,
    :math:`\min_\nu \sum_i 2\alpha_i^2\cosh((X^\top\nu)_i) - \nu\cdot y`.  A step that would move
    :math:`X^\top\nu` by at most :math:`\rho` is shortened by :math:`\ln(1+\rho)/\rho`, which makes
    the dual fall at every step.

    Parameters
    ----------
    x, y
        Data, (..., n, d) and (..., n); x of full row rank, so n is at most d.
    scale
        :math:`\alpha > 0`: a number, or a tensor that broadcasts against (..., d), for instance
        of shape (scales, 1) with one data set.
    tolerance
        Of the residual, relative to the largest label.
    most_steps
        Of Newton's method.

    Returns
    -------
    Tensor
        Shape (..., d).

    Raises
    ------
    ValueError
        If a scale is not positive or shapes do not fit.
    ArithmeticError
        If the method does not converge: no interpolator exists, or the scale is too small.

    References
    ----------
    Woodworth et al. (2020).  Shortened steps: Sun and Tran-Dinh (2018), generalized
    self-concordance.

    Examples
    --------
    >>> x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    >>> y = torch.tensor([1.0], dtype=torch.float64)
    >>> scale = torch.tensor([[1e-6], [1e3]], dtype=torch.float64)
    >>> woodworth_solution(x, y, scale).round(decimals=3).abs().tolist()  # least l1, least l2
    [[0.0, 0.5], [0.2, 0.4]]
    """
    check_data(x, y)
    amplitude = 2 * torch.as_tensor(scale, device=x.device) ** 2
    features = x.shape[-1:]
    shape = broadcast(scale=amplitude.shape, x=x.shape[:-2] + features, y=y.shape[:-1] + features)
    amplitude, nu = amplitude.expand(shape), x.new_zeros(*shape[:-1], x.shape[-2])
    allowed = tolerance * y.abs().amax(-1).clamp(min=torch.finfo(y.dtype).tiny)
    for _ in range(most_steps):
        z = (nu[..., None, :] @ x)[..., 0, :]  # (..., d)
        beta = amplitude * torch.sinh(z)
        residual = y - (x @ beta[..., None])[..., 0]
        if bool((residual.abs().amax(-1) <= allowed).all()):
            return beta
        nu = nu + _newton_step(x, amplitude * torch.cosh(z), residual)
    worst = float((residual.abs().amax(-1) / allowed).max() * tolerance)
    raise ArithmeticError(
        f"no interpolator found in {most_steps} steps: relative residual {worst:.1e}; x must have "
        "full row rank, and a smaller scale needs a larger tolerance"
    )


def _newton_step(x: Tensor, curvature: Tensor, residual: Tensor) -> Tensor:
    """Return the shortened step of the multipliers, (..., n)."""
    hessian = (x * curvature[..., None, :]) @ x.mT
    step: Tensor = torch.linalg.solve_ex(hessian, residual)[0]
    reach = (step[..., None, :] @ x)[..., 0, :].abs().amax(-1, keepdim=True)
    return step * torch.where(reach > 0, torch.log1p(reach) / reach, 1.0)
