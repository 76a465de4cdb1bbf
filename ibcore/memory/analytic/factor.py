"""The factor model f(x) = sum u_i v_i x_i: one line of algebra says what training forgets."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ibcore.memory.analytic.diagonal import (
    Loss,
    Number,
    check_data,
    check_decay,
    check_finite_step,
    check_float64,
    check_loss,
    check_rates,
    check_scale,
    loss_slope,
    minibatches,
)
from ibcore.runtime import generator, resolve_device


@dataclass(frozen=True, eq=False)
class FactorNet:
    r"""The model :math:`f(x) = \sum_i u_i v_i x_i`, many runs at once.

    Gradient flow conserves the balance :math:`c_i = u_i^2 - v_i^2` for every loss.  A step of
    (minibatch) gradient descent with coupled weight decay changes it by an exact factor,

    .. math:: c_i' = \left[(1-\eta\lambda)^2 - \eta^2 G_i^2\right] c_i,

    with :math:`G_i` the batch gradient by the product :math:`u_i v_i`.  The first term is
    explicit forgetting (:math:`e^{-2\lambda t}` in flow), the second the forgetting by finite,
    noisy steps; without both, the initialization is remembered for ever.

    Parameters
    ----------
    u, v
        Shape (..., d), float64; leading axes are runs.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not a finite float64.

    References
    ----------
    The recursion is elementary; the conserved quantity is that of Du, Hu and Lee (2018).

    Examples
    --------
    >>> net = FactorNet.sample(3, scale=2.0, seed=0)
    >>> x, y = torch.eye(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    >>> rates = {"learning_rate": 0.1, "weight_decay": 0.01}
    >>> expected = net.balance_factor(net.gradient(x, y), **rates) * net.balance
    >>> torch.allclose(net.step(x, y, **rates).balance, expected, rtol=1e-12)
    True
    """

    u: Tensor
    v: Tensor

    def __post_init__(self) -> None:
        check_float64(u=self.u, v=self.v)
        if self.u.shape != self.v.shape or self.u.ndim < 1:
            raise ValueError(
                f"u and v must have one shape (..., d), got {tuple(self.u.shape)} and "
                f"{tuple(self.v.shape)}"
            )

    @classmethod
    def sample(
        cls,
        features: int,
        *,
        scale: Number | Sequence[float] = 1.0,
        seed: int | Sequence[int] = 0,
        device: torch.device | str | None = None,
    ) -> "FactorNet":
        """Draw u and v from N(0, 1) once for each seed and multiply them by each scale.

        Shape (scales..., seeds..., d): no axis for a single number.
        """
        place = resolve_device(device)
        scales = check_scale(scale, place)
        seeds = [seed] if isinstance(seed, int) else list(seed)
        drawn = [
            torch.randn(2, features, generator=generator(s), dtype=torch.float64) for s in seeds
        ]
        pair = torch.stack(drawn, 1).to(place)  # (2, seeds, d)
        pair = pair[:, 0] if isinstance(seed, int) else pair
        u, v = (scales.reshape(*scales.shape, *[1] * half.ndim) * half for half in pair)
        return cls(u, v)

    @property
    def product(self) -> Tensor:
        """The coefficients of the function, (..., d)."""
        return self.u * self.v

    @property
    def balance(self) -> Tensor:
        """What gradient flow conserves, u^2 - v^2: (..., d)."""
        return self.u**2 - self.v**2

    def predict(self, x: Tensor) -> Tensor:
        """Evaluate the function at points (..., n, d): (..., n)."""
        return (x @ self.product[..., None])[..., 0]

    def gradient(self, x: Tensor, y: Tensor, *, loss: Loss = "squared") -> Tensor:
        """Return the gradient of the mean loss by the product, (..., d).

        The loss is half the squared error, or the logistic loss with labels 0 and 1.
        """
        check_data(x, y, self.u.shape[-1])
        check_loss(loss)
        slope = loss_slope(self.predict(x), y, loss)
        return (slope[..., None, :] @ x)[..., 0, :] / x.shape[-2]

    @staticmethod
    def balance_factor(
        gradient: Tensor, *, learning_rate: Number, weight_decay: Number = 0.0
    ) -> Tensor:
        """Return the factor by which one step changes the balance: shape of ``gradient``."""
        eta = torch.as_tensor(learning_rate, dtype=torch.float64)
        kept = 1 - eta * torch.as_tensor(weight_decay, dtype=torch.float64)
        return kept**2 - (eta * gradient) ** 2

    def step(
        self,
        x: Tensor,
        y: Tensor,
        *,
        learning_rate: Number,
        weight_decay: Number = 0.0,
        loss: Loss = "squared",
    ) -> "FactorNet":
        """Take one step of gradient descent with coupled weight decay on a batch."""
        check_rates(learning_rate, weight_decay)
        return FactorNet(*self._moved(x, y, learning_rate, weight_decay, loss))

    def descend(
        self,
        batches: Iterable[tuple[Tensor, Tensor]],
        *,
        learning_rate: Number,
        weight_decay: Number = 0.0,
        loss: Loss = "squared",
    ) -> "FactorNet":
        """Take one step for each batch; `FloatingPointError` if training diverges."""
        net = self
        for count, (x, y) in enumerate(batches, 1):
            u, v = net._moved(x, y, learning_rate, weight_decay, loss)
            check_finite_step(count, u=u, v=v)
            net = FactorNet(u, v)
        return net

    def train(
        self,
        x: Tensor,
        y: Tensor,
        *,
        steps: int,
        learning_rate: Number,
        weight_decay: Number = 0.0,
        batch_size: int | None = None,
        label_noise: float = 0.0,
        loss: Loss = "squared",
        seed: int | Sequence[int] = 0,
    ) -> "FactorNet":
        """Train on batches that `minibatches` draws; arguments as there and in `step`."""
        check_rates(learning_rate, weight_decay)
        batches = minibatches(
            x, y, steps=steps, batch_size=batch_size, label_noise=label_noise, seed=seed
        )
        return self.descend(
            batches, learning_rate=learning_rate, weight_decay=weight_decay, loss=loss
        )

    def _moved(
        self, x: Tensor, y: Tensor, eta: Number, decay: Number, loss: Loss
    ) -> tuple[Tensor, Tensor]:
        """Return u and v after one step."""
        slope, kept = eta * self.gradient(x, y, loss=loss), 1 - eta * decay
        return kept * self.u - slope * self.v, kept * self.v - slope * self.u


# Two-layer ReLU nets: what each hidden unit remembers, and how weight decay erases it.


@dataclass(frozen=True, eq=False)
class TwoLayerReLU:
    r"""The net :math:`f(x) = \sum_j a_j\,\mathrm{relu}(w_j\cdot x)`, many runs at once.

    Scaling :math:`w_j` up and :math:`a_j` down changes no output, so
    :math:`w_j\cdot\nabla_{w_j}L = a_j\,\partial_{a_j}L`, and a step of gradient descent with
    coupled weight decay changes :math:`c_j = \|w_j\|^2 - a_j^2` exactly to

    .. math:: c_j' = (1-\eta\lambda)^2 c_j
              + \eta^2\left(\|\nabla_{w_j}L\|^2 - (\partial_{a_j}L)^2\right).

    In flow only :math:`c_j e^{-2\lambda t}` is left, whatever the loss and the data.

    Parameters
    ----------
    first
        :math:`w`, (..., h, d), float64.
    second
        :math:`a`, (..., h), float64.

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is not a finite float64.

    References
    ----------
    Du, Hu and Lee (2018) for the conservation law without decay.

    Examples
    --------
    >>> net = TwoLayerReLU.sample(2, width=3, seed=0)
    >>> x, y = torch.eye(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    >>> expected = net.next_balance(x, y, learning_rate=0.1, weight_decay=0.1)
    >>> torch.allclose(net.step(x, y, learning_rate=0.1, weight_decay=0.1).balance, expected)
    True
    """

    first: Tensor
    second: Tensor

    def __post_init__(self) -> None:
        check_float64(first=self.first, second=self.second)
        if self.first.ndim < 2 or self.first.shape[:-1] != self.second.shape:
            raise ValueError(
                f"first must have shape (..., h, d) and second (..., h), got "
                f"{tuple(self.first.shape)} and {tuple(self.second.shape)}"
            )

    @classmethod
    def sample(
        cls,
        features: int,
        *,
        width: int,
        scale: float = 1.0,
        seed: int = 0,
        device: torch.device | str | None = None,
    ) -> "TwoLayerReLU":
        """Draw all weights from N(0, 1 / fan-in) and multiply them by ``scale``."""
        place = resolve_device(device)
        check_scale(scale, place)
        source = generator(seed)
        first = torch.randn(width, features, generator=source, dtype=torch.float64)
        second = torch.randn(width, generator=source, dtype=torch.float64)
        return cls(
            (scale * features**-0.5 * first).to(place), (scale * width**-0.5 * second).to(place)
        )

    @property
    def balance(self) -> Tensor:
        """What gradient flow conserves in each unit, ||w||^2 - a^2: (..., h)."""
        return self.first.square().sum(-1) - self.second**2

    def predict(self, x: Tensor) -> Tensor:
        """Evaluate the net at points (..., n, d): (..., n)."""
        return (torch.relu(x @ self.first.mT) @ self.second[..., None])[..., 0]

    def gradient(self, x: Tensor, y: Tensor, *, loss: Loss = "squared") -> tuple[Tensor, Tensor]:
        """Return the gradients of the mean loss by both layers: (..., h, d) and (..., h)."""
        check_data(x, y, self.first.shape[-1])
        check_loss(loss)
        units = torch.relu(x @ self.first.mT)  # (..., n, h)
        output = (units @ self.second[..., None])[..., 0]
        slope = loss_slope(output, y, loss)[..., None] / x.shape[-2]  # (..., n, 1)
        below = slope * (units > 0) * self.second[..., None, :]
        return below.mT @ x, (units * slope).sum(-2)

    def next_balance(
        self,
        x: Tensor,
        y: Tensor,
        *,
        learning_rate: Number,
        weight_decay: Number = 0.0,
        loss: Loss = "squared",
    ) -> Tensor:
        """Return the balance after one step by its recursion, without taking the step."""
        check_rates(learning_rate, weight_decay)
        first, second = self.gradient(x, y, loss=loss)
        kept = (1 - learning_rate * weight_decay) ** 2
        return kept * self.balance + learning_rate**2 * (first.square().sum(-1) - second**2)

    def step(
        self,
        x: Tensor,
        y: Tensor,
        *,
        learning_rate: float,
        weight_decay: float = 0.0,
        loss: Loss = "squared",
    ) -> "TwoLayerReLU":
        """Take one step of gradient descent with coupled weight decay."""
        return self.train(
            x, y, steps=1, learning_rate=learning_rate, weight_decay=weight_decay, loss=loss
        )

    def train(
        self,
        x: Tensor,
        y: Tensor,
        *,
        steps: int,
        learning_rate: float,
        weight_decay: float = 0.0,
        loss: Loss = "squared",
    ) -> "TwoLayerReLU":
        """Take many steps on all points; `FloatingPointError` if training diverges."""
        check_rates(learning_rate, weight_decay)
        net, kept = self, 1 - learning_rate * weight_decay
        for k in range(steps):
            by_first, by_second = net.gradient(x, y, loss=loss)
            first = kept * net.first - learning_rate * by_first
            second = kept * net.second - learning_rate * by_second
            check_finite_step(k + 1, first=first, second=second)
            net = TwoLayerReLU(first, second)
        return net


def flow_balance(balance: Tensor, *, time: float, weight_decay: float) -> Tensor:
    r"""Return :math:`c\,e^{-2\lambda t}`, the balance of a homogeneous net under gradient flow.

    Examples
    --------
    >>> start = torch.tensor([2.0], dtype=torch.float64)
    >>> flow_balance(start, time=10.0, weight_decay=0.05).tolist()
    [0.73575888...]
    """
    check_decay(weight_decay)
    if not 0 <= time < float("inf"):
        raise ValueError(f"time must be finite and >= 0, got {time}")
    return balance * torch.exp(torch.as_tensor(-2.0 * weight_decay * time, dtype=balance.dtype))


# One mode of a deep linear net: how long a small start delays learning.


def saxe_mode(time: ArrayLike, *, strength: float, start: float) -> NDArray[np.float64]:
    r"""Return the size of a mode of a two-layer linear net under gradient flow from balance.

    .. math:: a(t) = \frac{s\,e^{2st}}{e^{2st} - 1 + s/a_0}, \qquad \dot a = 2a(s-a).

    Parameters
    ----------
    time
        Flow time t, any shape; the time constant of the loss is 1.
    strength
        :math:`s > 0`, the singular value that the mode learns.
    start
        :math:`a_0 > 0`, the product of the two weights at the start.

    Returns
    -------
    ndarray
        Shape of ``time``.

    Raises
    ------
    ValueError
        If strength or start is not positive.

    References
    ----------
    Saxe, McClelland and Ganguli (2014).

    Examples
    --------
    >>> saxe_mode([0.0, 2.0, 8.0], strength=2.0, start=1e-4).round(3).tolist()
    [0.0, 0.259, 2.0]
    """
    _check(strength, start)
    decay = np.exp(-2 * strength * np.asarray(time, dtype=np.float64))
    return np.asarray(strength / (1 + decay * (strength / start - 1)), dtype=np.float64)


def saxe_time(share: float, *, strength: float, start: float) -> float:
    r"""Return when a mode has reached a share of its strength.

    .. math:: t = \frac{1}{2s}\ln\frac{\varphi\,(s - a_0)}{a_0\,(1-\varphi)}

    for a share :math:`\varphi`: the time grows with :math:`\ln(s/a_0)`, so the scale of the start
    is remembered as a delay.

    Raises
    ------
    ValueError
        If strength or start is not positive, the start is not below the strength, or the share
        lies not between that of the start and 1.

    Examples
    --------
    >>> t = saxe_time(0.5, strength=2.0, start=1e-4)
    >>> round(float(saxe_mode(t, strength=2.0, start=1e-4)), 9)
    1.0
    """
    _check(strength, start)
    if start >= strength or not start / strength <= share < 1:
        raise ValueError(
            f"share must be from start / strength = {start / strength:g} to below 1 with the start "
            f"below the strength, got {share}"
        )
    return math.log(share * (strength - start) / (start * (1 - share))) / (2 * strength)


def _check(strength: float, start: float) -> None:
    for name, value in (("strength", strength), ("start", start)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be finite and > 0, got {value}")
