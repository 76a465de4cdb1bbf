"""Two-layer ReLU nets: what each hidden unit remembers, and how weight decay erases it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ibcore.memory.analytic._checks import (
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
)
from ibcore.runtime import generator, resolve_device


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
