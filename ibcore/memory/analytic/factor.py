"""The factor model f(x) = sum u_i v_i x_i: one line of algebra says what training forgets."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ibcore.door import Count, NonNegative, Positive, Range, Seed, Share, Whole, check_memory, door
from ibcore.memory.analytic.diagonal import (
    Decay,
    Exact,
    ExactNet,
    LinearNet,
    Loss,
    Number,
    Rate,
    Scale,
    Seeds,
    State,
    check_data,
    descend,
    fit,
    loss_slope,
    minibatches,
)
from ibcore.runtime import generator, resolve_device


@door
@dataclass(frozen=True, eq=False)
class FactorNet(LinearNet):
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
        Shape (..., d); leading axes are runs.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.

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

    u: Exact
    v: Exact

    @classmethod
    @door
    def sample(
        cls,
        features: Count,
        *,
        scale: Scale = 1.0,
        seed: Seeds = 0,
        device: torch.device | str | None = None,
    ) -> "FactorNet":
        """Draw u and v from N(0, 1) once for each seed and multiply them by each scale.

        Shape (scales..., seeds..., d): no axis for a single number.
        """
        place = resolve_device(device)
        scales = torch.as_tensor(scale, dtype=torch.float64, device=place)
        seeds = [seed] if isinstance(seed, int) else list(seed)
        check_memory("features", features, 16.0 * features * len(seeds) * scales.numel())
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

    @staticmethod
    @door
    def balance_factor(
        gradient: Exact, *, learning_rate: Rate, weight_decay: Decay = 0.0
    ) -> Tensor:
        """Return the factor by which one step changes the balance: shape of ``gradient``."""
        return (1 - learning_rate * weight_decay) ** 2 - (learning_rate * gradient) ** 2

    @staticmethod
    def _outputs(u: Tensor, v: Tensor, x: Tensor) -> Tensor:
        return (x @ (u * v)[..., None])[..., 0]

    @classmethod
    def _slopes(cls, a: Tensor, b: Tensor, x: Tensor, y: Tensor, loss: Loss) -> State:
        slope = cls._slope(a, b, x, y, loss)
        return slope * b, slope * a


# Sign descent on the factor model: it forgets one memory and keeps another.


@door
def sign_balance(net: FactorNet) -> Tensor:
    r"""Return what sign descent conserves, :math:`|u_i| - |v_i|`: (..., d).

    Examples
    --------
    >>> net = FactorNet(*torch.tensor([[3.0], [-1.0]], dtype=torch.float64))
    >>> sign_balance(net).tolist()
    [2.0]
    """
    return net.u.abs() - net.v.abs()


@door
def sign_step(
    net: FactorNet,
    x: Exact,
    y: Exact,
    *,
    learning_rate: Rate,
    weight_decay: Decay = 0.0,
    loss: Loss = "squared",
) -> FactorNet:
    r"""Take one step :math:`w' = (1-\eta\lambda)\,w - \eta\,\mathrm{sign}(\nabla_w L)`.

    The sizes of :math:`u_i` and :math:`v_i` grow or shrink together, so a step multiplies
    :math:`|u_i| - |v_i|` by exactly :math:`1-\eta\lambda` while no weight crosses zero.  What
    gradient flow conserves, :math:`u_i^2 - v_i^2`, changes.  Weight decay is decoupled.

    Examples
    --------
    >>> net = FactorNet(*torch.tensor([[3.0], [1.0]], dtype=torch.float64))
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> moved = sign_step(net, one[None], 9 * one, learning_rate=0.5)
    >>> moved.u.tolist(), moved.v.tolist(), sign_balance(moved).tolist()
    ([3.5], [1.5], [2.0])
    """
    rates: dict[str, Any] = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    return sign_descent(net, x, y, steps=1, **rates, loss=loss)


@door
def sign_descent(
    net: FactorNet,
    x: Exact,
    y: Exact,
    *,
    steps: Whole,
    learning_rate: Rate,
    weight_decay: Decay = 0.0,
    batch_size: Count | None = None,
    loss: Loss = "squared",
    final_rate: Annotated[float, Range(0, 1, above=True)] = 1.0,
    seed: Seeds = 0,
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
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> end = sign_descent(FactorNet(2 * one, one), one[None], 6 * one, steps=500,
    ...                    learning_rate=0.02, final_rate=1e-4)
    >>> round(float(end.product), 3), round(float(sign_balance(end)), 9)
    (6.0, 1.0)
    """
    check_data(x, y, features=net.u.shape[-1], lead=net.u.shape[:-1])
    eta, decay = fit(net.u, learning_rate=learning_rate, weight_decay=weight_decay)
    fall = final_rate ** (1 / max(steps - 1, 1))
    batches = enumerate(minibatches(x, y, steps=steps, batch_size=batch_size, seed=seed))
    paced = ((*batch, eta * fall**k) for k, batch in batches)

    def move(u: Tensor, v: Tensor, x: Tensor, y: Tensor, eta: Number) -> State:
        by_u, by_v = net._slopes(u, v, x, y, loss)
        kept = 1 - eta * decay
        return kept * u - eta * by_u.sign(), kept * v - eta * by_v.sign()

    return FactorNet(*descend((net.u, net.v), paced, move))


# Two-layer ReLU nets: what each hidden unit remembers, and how weight decay erases it.


@door
@dataclass(frozen=True, eq=False)
class TwoLayerReLU(ExactNet):
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
        :math:`w`, (..., h, d).
    second
        :math:`a`, (..., h).

    Raises
    ------
    ValueError
        If the shapes do not fit or a value is not finite.

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

    first: Exact
    second: Exact
    _inner = 1

    @classmethod
    @door
    def sample(
        cls,
        features: Count,
        *,
        width: Count,
        scale: Positive = 1.0,
        seed: Seed = 0,
        device: torch.device | str | None = None,
    ) -> "TwoLayerReLU":
        """Draw all weights from N(0, 1 / fan-in) and multiply them by ``scale``."""
        place = resolve_device(device)
        first, second = draw_layers(width, features, seed)
        return cls(
            (scale * features**-0.5 * first).to(place), (scale * width**-0.5 * second).to(place)
        )

    @property
    def balance(self) -> Tensor:
        """What gradient flow conserves in each unit, ||w||^2 - a^2: (..., h)."""
        return self.first.square().sum(-1) - self.second**2

    @door
    def gradient(self, x: Exact, y: Exact, *, loss: Loss = "squared") -> State:
        """Return the gradients of the mean loss by both layers: (..., h, d) and (..., h)."""
        self._check(x, y)
        return self._slopes(self.first, self.second, x, y, loss)

    @door
    def next_balance(
        self,
        x: Exact,
        y: Exact,
        *,
        learning_rate: Rate,
        weight_decay: Decay = 0.0,
        loss: Loss = "squared",
    ) -> Tensor:
        """Return the balance after one step by its recursion, without taking the step."""
        first, second = self.gradient(x, y, loss=loss)
        eta, decay = fit(self.second, learning_rate=learning_rate, weight_decay=weight_decay)
        return (1 - eta * decay) ** 2 * self.balance + eta**2 * (first.square().sum(-1) - second**2)

    @staticmethod
    def _outputs(first: Tensor, second: Tensor, x: Tensor) -> Tensor:
        return (torch.relu(x @ first.mT) @ second[..., None])[..., 0]

    @classmethod
    def _slopes(cls, first: Tensor, second: Tensor, x: Tensor, y: Tensor, loss: Loss) -> State:
        output, units = cls._outputs(first, second, x), torch.relu(x @ first.mT)  # (..., n, h)
        slope = loss_slope(output, y, loss)[..., None] / x.shape[-2]  # (..., n, 1)
        below = slope * (units > 0) * second[..., None, :]
        return below.mT @ x, (units * slope).sum(-2)


def draw_layers(width: int, features: int, seed: int) -> State:
    """Draw two layers from N(0, 1): (width, features) and (width,)."""
    check_memory("width", width, 8.0 * width * features)
    source = generator(seed)
    first = torch.randn(width, features, generator=source, dtype=torch.float64)
    return first, torch.randn(width, generator=source, dtype=torch.float64)


@door
def flow_balance(balance: Exact, *, time: NonNegative, weight_decay: NonNegative) -> Tensor:
    r"""Return :math:`c\,e^{-2\lambda t}`, the balance of a homogeneous net under gradient flow.

    Examples
    --------
    >>> start = torch.tensor([2.0], dtype=torch.float64)
    >>> flow_balance(start, time=10.0, weight_decay=0.05).tolist()
    [0.73575888...]
    """
    return balance * torch.exp(torch.as_tensor(-2.0 * weight_decay * time, dtype=balance.dtype))


# One mode of a deep linear net: how long a small start delays learning.


@door
def saxe_mode(
    time: Annotated[ArrayLike, Range(0)], *, strength: Positive, start: Positive
) -> NDArray[np.float64]:
    r"""Return the size of a mode of a two-layer linear net under gradient flow from balance.

    .. math:: a(t) = \frac{s\,e^{2st}}{e^{2st} - 1 + s/a_0}, \qquad \dot a = 2a(s-a).

    Parameters
    ----------
    time
        Flow time t at least 0, any shape; the time constant of the loss is 1.
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
        If a time is negative, strength or start is not positive, or the two are too far apart.

    References
    ----------
    Saxe, McClelland and Ganguli (2014).

    Examples
    --------
    >>> saxe_mode([0.0, 2.0, 8.0], strength=2.0, start=1e-4).round(3).tolist()
    [0.0, 0.259, 2.0]
    """
    _check_ratio(strength, start)
    decay = np.exp(-2 * strength * np.asarray(time, dtype=np.float64))
    return np.asarray(strength / (1 + decay * (strength / start - 1)), dtype=np.float64)


@door
def saxe_time(share: Share, *, strength: Positive, start: Positive) -> float:
    r"""Return when a mode has reached a share of its strength.

    .. math:: t = \frac{1}{2s}\ln\frac{\varphi\,(s - a_0)}{a_0\,(1-\varphi)}

    for a share :math:`\varphi`: the time grows with :math:`\ln(s/a_0)`, so the scale of the start
    is remembered as a delay.

    Raises
    ------
    ValueError
        If strength or start is not positive, the start is not below the strength or too far, or
        the share lies not between that of the start and 1.

    Examples
    --------
    >>> t = saxe_time(0.5, strength=2.0, start=1e-4)
    >>> round(float(saxe_mode(t, strength=2.0, start=1e-4)), 9)
    1.0
    """
    _check_ratio(strength, start)
    if start >= strength or not start / strength <= share < 1:
        raise ValueError(
            f"share must be from start / strength = {start / strength:g} to below 1 with the start "
            f"below the strength, got {share}"
        )
    return math.log(share * (strength - start) / (start * (1 - share))) / (2 * strength)


def _check_ratio(strength: float, start: float) -> None:
    if not 0 < start / strength < math.inf or math.isinf(strength / start):
        raise ValueError(f"strength {strength} and start {start} are too far apart for float64")
