"""Gradient flow of the diagonal net in its dual coordinates: n equations, stiff, solved at ease."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ibcore.memory.analytic._checks import Number, broadcast

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
    lead = broadcast(start.shape[:-1], x.shape[:-2], y.shape[:-1])
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


def follow(
    p: Tensor,
    q: Tensor,
    data: tuple[Tensor, Tensor],
    *,
    times: Sequence[float],
    weight_decay: Number,
    tolerance: float,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield p and q at each time, from p and q of shape (..., d); arguments as in `dual_flow`.

    Raises
    ------
    ValueError
        If p or q is not positive.
    """
    if not ((p > 0).all() and (q > 0).all()):
        raise ValueError("flow needs p > 0 and q > 0 in every coordinate; use their sizes")
    decay = torch.as_tensor(weight_decay, dtype=p.dtype, device=p.device)
    options: dict[str, Any] = {"weight_decay": decay, "tolerance": tolerance}
    for time, z in dual_flow(p * q, (p / q).log(), *data, times=times, **options):
        root = ((p * q).sqrt() * torch.exp(-decay * time)).expand_as(z)
        yield root * (z / 2).exp(), root * (-z / 2).exp()


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
