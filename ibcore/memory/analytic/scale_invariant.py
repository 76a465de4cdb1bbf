"""Weights before a normalization: their norm is a learning rate, and decay sets it anew."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ibcore.memory.analytic.diagonal import (
    Loss,
    Number,
    check_data,
    check_decay,
    check_finite_step,
    check_float64,
    check_rates,
    check_scale,
    minibatches,
)
from ibcore.memory.analytic.factor import FactorNet
from ibcore.runtime import generator, resolve_device


@dataclass(frozen=True, eq=False)
class NormalizedNet:
    r"""The net :math:`f(x) = \sum_j a_j\,\mathrm{relu}(\mathrm{BN}(w_j\cdot x))`, a fixed.

    BN subtracts the mean over the batch and divides by the standard deviation (no constant is
    added), so the outputs depend on the directions of the :math:`w_j` alone.  Hence
    :math:`\nabla_{w_j}L \perp w_j`, and a step with coupled weight decay gives exactly

    .. math:: \|w_j'\|^2 = (1-\eta\lambda)^2\,\|w_j\|^2 + \eta^2\,\|\nabla_{w_j}L\|^2 .

    The direction moves at the rate :math:`\eta/\|w_j\|^2`: the memory of the scale is a memory of
    the effective learning rate.

    Parameters
    ----------
    weight
        :math:`w`, (..., h, d), float64, no row zero.
    readout
        :math:`a`, (..., h), float64.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not a finite float64, or a row is zero.

    References
    ----------
    Li, Lyu and Arora (2020) for the recursion and its equilibrium.

    Examples
    --------
    >>> net = NormalizedNet.sample(3, width=4, scale=2.0, seed=0)
    >>> x = torch.eye(3, dtype=torch.float64)
    >>> other = NormalizedNet(5 * net.weight, net.readout)
    >>> torch.allclose(net.predict(x), other.predict(x), rtol=1e-12)
    True
    """

    weight: Tensor
    readout: Tensor

    def __post_init__(self) -> None:
        check_float64(weight=self.weight, readout=self.readout)
        if self.weight.ndim < 2 or self.weight.shape[:-1] != self.readout.shape:
            raise ValueError(
                f"weight must have shape (..., h, d) and readout (..., h), got "
                f"{tuple(self.weight.shape)} and {tuple(self.readout.shape)}"
            )
        if not (self.norm_squared > 0).all():
            raise ValueError("a row of weight is zero; a normalized unit needs a direction")

    @classmethod
    def sample(
        cls,
        features: int,
        *,
        width: int,
        scale: float = 1.0,
        seed: int = 0,
        device: torch.device | str | None = None,
    ) -> "NormalizedNet":
        """Draw weights from N(0, 1 / fan-in), times ``scale``, and the readout from N(0, 1 / h)."""
        place = resolve_device(device)
        check_scale(scale, place)
        source = generator(seed)
        weight = torch.randn(width, features, generator=source, dtype=torch.float64)
        readout = torch.randn(width, generator=source, dtype=torch.float64)
        return cls((scale * features**-0.5 * weight).to(place), (width**-0.5 * readout).to(place))

    @property
    def norm_squared(self) -> Tensor:
        """The squared norm of each row, (..., h)."""
        return self.weight.square().sum(-1)

    def predict(self, x: Tensor) -> Tensor:
        """Evaluate the net on a batch (..., n, d), normalized over it: (..., n)."""
        units = torch.relu(_normalize(x @ self.weight.mT))
        return (units @ self.readout[..., None])[..., 0]

    def gradient(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the gradient of half the mean squared error by the weights: (..., h, d)."""
        check_data(x, y, self.weight.shape[-1])
        weight = self.weight.detach().requires_grad_()
        units = torch.relu(_normalize(x @ weight.mT))
        loss = ((units @ self.readout[..., None])[..., 0] - y).square().mean(-1) / 2
        return torch.autograd.grad(loss.sum(), weight)[0]

    def next_norm_squared(
        self, x: Tensor, y: Tensor, *, learning_rate: float, weight_decay: float = 0.0
    ) -> Tensor:
        """Return the squared norms after one step by their recursion, without taking the step."""
        check_rates(learning_rate, weight_decay)
        kept, slope = (1 - learning_rate * weight_decay) ** 2, self.gradient(x, y)
        return kept * self.norm_squared + learning_rate**2 * slope.square().sum(-1)

    def train(
        self,
        x: Tensor,
        y: Tensor,
        *,
        steps: int,
        learning_rate: float,
        weight_decay: float = 0.0,
    ) -> "NormalizedNet":
        """Take steps of gradient descent on all points; `FloatingPointError` if it diverges."""
        check_rates(learning_rate, weight_decay)
        net = self
        for k in range(steps):
            slope = net.gradient(x, y)
            weight = (1 - learning_rate * weight_decay) * net.weight - learning_rate * slope
            check_finite_step(k + 1, weight=weight)
            net = NormalizedNet(weight, net.readout)
        return net


def effective_learning_rate(norm_squared: Tensor, *, learning_rate: float) -> Tensor:
    r"""Return :math:`\eta/\|w\|^2`, the rate at which the direction of the weights moves.

    Examples
    --------
    >>> effective_learning_rate(torch.tensor([1.0, 4.0]), learning_rate=0.1).tolist()
    [0.1..., 0.025...]
    """
    check_rates(learning_rate, 0.0)
    return learning_rate / norm_squared


def equilibrium_norm_squared(
    unit_gradient: float, *, learning_rate: float, weight_decay: float
) -> float:
    r"""Return the squared norm at which decay and gradient steps balance.

    With gradients of size :math:`\hat g/\|w\|` the recursion stands still at
    :math:`\|w\|^4 = \eta\,\hat g^2/(2\lambda - \eta\lambda^2)`, from whatever start.

    Parameters
    ----------
    unit_gradient
        :math:`\hat g > 0`, the norm of the gradient on the unit sphere.
    learning_rate, weight_decay
        :math:`\eta > 0` and :math:`\lambda > 0` with :math:`\eta\lambda < 2`.

    Raises
    ------
    ValueError
        If a number is out of range; without decay there is no equilibrium.

    References
    ----------
    Li, Lyu and Arora (2020).

    Examples
    --------
    >>> round(equilibrium_norm_squared(1.0, learning_rate=0.1, weight_decay=0.05), 4)
    1.0013
    """
    check_rates(learning_rate, weight_decay)
    check_decay(weight_decay)
    check_scale(unit_gradient, torch.device("cpu"))
    if not 0 < learning_rate * weight_decay < 2:
        raise ValueError(
            f"an equilibrium needs 0 < learning_rate * weight_decay < 2, got "
            f"{learning_rate * weight_decay:g}"
        )
    balance = learning_rate / (2 * weight_decay - learning_rate * weight_decay**2)
    return unit_gradient * math.sqrt(balance)


def _normalize(before: Tensor) -> Tensor:
    """Center and scale each unit over the batch: (..., n, h)."""
    centered = before - before.mean(-2, keepdim=True)
    spread = centered.square().mean(-2, keepdim=True)
    if not bool((spread.detach() > 0).all()):
        raise ValueError("a unit is constant over the batch and cannot be normalized; add points")
    return centered / spread.sqrt()


# Sign descent on the factor model: it forgets one memory and keeps another.


def sign_balance(net: FactorNet) -> Tensor:
    r"""Return what sign descent conserves, :math:`|u_i| - |v_i|`: (..., d).

    Examples
    --------
    >>> import torch
    >>> net = FactorNet(*torch.tensor([[3.0], [-1.0]], dtype=torch.float64))
    >>> sign_balance(net).tolist()
    [2.0]
    """
    return net.u.abs() - net.v.abs()


def sign_step(
    net: FactorNet,
    x: Tensor,
    y: Tensor,
    *,
    learning_rate: Number,
    weight_decay: Number = 0.0,
    loss: Loss = "squared",
) -> FactorNet:
    r"""Take one step :math:`w' = (1-\eta\lambda)\,w - \eta\,\mathrm{sign}(\nabla_w L)`.

    The sizes of :math:`u_i` and :math:`v_i` grow or shrink together, so a step multiplies
    :math:`|u_i| - |v_i|` by exactly :math:`1-\eta\lambda` while no weight crosses zero.  What
    gradient flow conserves, :math:`u_i^2 - v_i^2`, changes.  Weight decay is decoupled.

    Examples
    --------
    >>> import torch
    >>> net = FactorNet(*torch.tensor([[3.0], [1.0]], dtype=torch.float64))
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> moved = sign_step(net, one[None], 9 * one, learning_rate=0.5)
    >>> moved.u.tolist(), moved.v.tolist(), sign_balance(moved).tolist()
    ([3.5], [1.5], [2.0])
    """
    check_rates(learning_rate, weight_decay)
    slope = net.gradient(x, y, loss=loss)
    kept = 1 - learning_rate * weight_decay
    u = kept * net.u - learning_rate * (slope * net.v).sign()
    return FactorNet(u, kept * net.v - learning_rate * (slope * net.u).sign())


def sign_descent(
    net: FactorNet,
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    learning_rate: Number,
    weight_decay: Number = 0.0,
    batch_size: int | None = None,
    loss: Loss = "squared",
    final_rate: float = 1.0,
    seed: int | Sequence[int] = 0,
) -> FactorNet:
    """Take many steps; the learning rate falls geometrically to ``final_rate`` times the first.

    Sign descent does not settle at a fixed rate: it ends in oscillations of that size.

    Raises
    ------
    ValueError
        If a rate is out of range.
    FloatingPointError
        If training diverges.

    Examples
    --------
    >>> import torch
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> end = sign_descent(FactorNet(2 * one, one), one[None], 6 * one, steps=500,
    ...                    learning_rate=0.02, final_rate=1e-4)
    >>> round(float(end.product), 3), round(float(sign_balance(end)), 9)
    (6.0, 1.0)
    """
    check_rates(learning_rate, weight_decay)
    if not 0 < final_rate <= 1:
        raise ValueError(f"final_rate must lie in (0, 1], got {final_rate}")
    fall = final_rate ** (1 / max(steps - 1, 1))
    for k, (bx, by) in enumerate(minibatches(x, y, steps=steps, batch_size=batch_size, seed=seed)):
        rate = learning_rate * fall**k
        net = sign_step(net, bx, by, learning_rate=rate, weight_decay=weight_decay, loss=loss)
        check_finite_step(k + 1, u=net.u, v=net.v)
    return net
