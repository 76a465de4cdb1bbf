"""The factor model f(x) = sum u_i v_i x_i: one line of algebra says what training forgets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ibcore.memory.analytic._checks import (
    Loss,
    Number,
    check_data,
    check_finite_step,
    check_float64,
    check_loss,
    check_rates,
    check_scale,
    loss_slope,
)
from ibcore.memory.analytic.batches import minibatches
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
