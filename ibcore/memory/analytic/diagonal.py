"""The diagonal net beta = p^2 - q^2: decay and noise slide its scale, and the scale decides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ibcore.memory.analytic._checks import (
    Number,
    check_data,
    check_decay,
    check_finite_step,
    check_float64,
    check_rates,
    check_scale,
    ordered_looks,
)
from ibcore.memory.analytic.batches import CHUNK, minibatches
from ibcore.memory.analytic.flow import follow
from ibcore.runtime import resolve_device


@dataclass(frozen=True, eq=False)
class DiagonalNet:
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
        Shape (..., d), float64; leading axes are runs, or looks at one run.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not a finite float64.

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

    p: Tensor
    q: Tensor

    def __post_init__(self) -> None:
        check_float64(p=self.p, q=self.q)
        if self.p.shape != self.q.shape or self.p.ndim < 1:
            raise ValueError(
                f"p and q must have one shape (..., d), got {tuple(self.p.shape)} and "
                f"{tuple(self.q.shape)}"
            )

    @classmethod
    def start(
        cls,
        scale: Number | Sequence[float],
        *,
        features: int,
        device: torch.device | str | None = None,
    ) -> "DiagonalNet":
        """Return p = q = scale in every coordinate: shape (*scale.shape, features)."""
        scales = check_scale(scale, resolve_device(device))
        if features < 1:
            raise ValueError(f"features must be at least 1, got {features}")
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

    def predict(self, x: Tensor) -> Tensor:
        """Evaluate the function at points (..., n, d): (..., n)."""
        return (x @ self.beta[..., None])[..., 0]

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Return half the mean squared error: (...)."""
        check_data(x, y, self.p.shape[-1])
        return (self.predict(x) - y).square().mean(-1) / 2

    def gradient(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the gradient r of the loss by beta: (..., d)."""
        check_data(x, y, self.p.shape[-1])
        return _gradient(self.p, self.q, (x, y))

    @staticmethod
    def balance_factor(
        gradient: Tensor, *, learning_rate: Number, weight_decay: Number = 0.0
    ) -> Tensor:
        """Return the factor by which one step changes p q: shape of ``gradient``."""
        eta = torch.as_tensor(learning_rate, dtype=torch.float64)
        kept = 1 - eta * torch.as_tensor(weight_decay, dtype=torch.float64)
        return kept**2 - (2 * eta * gradient) ** 2

    def step(
        self, x: Tensor, y: Tensor, *, learning_rate: Number, weight_decay: Number = 0.0
    ) -> "DiagonalNet":
        """Take one step of gradient descent with coupled weight decay on a batch."""
        check_rates(learning_rate, weight_decay)
        check_data(x, y, self.p.shape[-1])
        return DiagonalNet(*_moved(self.p, self.q, (x, y), learning_rate, weight_decay))

    def descend(
        self,
        batches: Iterable[tuple[Tensor, Tensor]],
        *,
        learning_rate: Number,
        weight_decay: Number = 0.0,
    ) -> "DiagonalNet":
        """Take one step for each batch; `FloatingPointError` if training diverges."""
        check_rates(learning_rate, weight_decay)
        p, q, count = self.p, self.q, 0
        for count, batch in enumerate(batches, 1):
            p, q = _moved(p, q, batch, learning_rate, weight_decay)
            if count % CHUNK == 0:
                check_finite_step(count, p=p, q=q)
        check_finite_step(count, p=p, q=q)
        return DiagonalNet(p, q)

    def train(
        self,
        x: Tensor,
        y: Tensor,
        *,
        steps: int | Sequence[int],
        learning_rate: Number,
        weight_decay: Number = 0.0,
        batch_size: int | None = None,
        label_noise: float = 0.0,
        seed: int | Sequence[int] = 0,
    ) -> "DiagonalNet":
        """Train by gradient descent on all points or on batches that `minibatches` draws.

        The leading axes of x (..., n, d) and y (..., n) are the last ones of the runs; runs that
        share data share batches.  Of a rising sequence of ``steps`` the states after each number
        are stacked on a new first axis.  Rates are one for all runs, or tensors that broadcast
        against (..., 1).  `FloatingPointError` if training diverges.
        """
        check_data(x, y, self.p.shape[-1])
        looks = [int(look) for look in ordered_looks(steps, "steps")]
        batches = iter(
            minibatches(
                x, y, steps=looks[-1], batch_size=batch_size, label_noise=label_noise, seed=seed
            )
        )
        net, done, seen = self, 0, []
        for look in looks:
            some = (next(batches) for _ in range(look - done))
            net = net.descend(some, learning_rate=learning_rate, weight_decay=weight_decay)
            done = look
            seen.append(net)
        return stack(seen) if isinstance(steps, Sequence) else net

    def flow(
        self,
        x: Tensor,
        y: Tensor,
        *,
        time: float | Sequence[float],
        weight_decay: Number = 0.0,
        tolerance: float = 1e-7,
    ) -> "DiagonalNet":
        r"""Follow gradient flow with weight decay, :math:`\dot w = -\nabla L - \lambda w`.

        Shapes as in `train`; of a rising sequence of times the states are stacked likewise.
        ``tolerance`` is the allowed error of log(p/q) in each step of the integrator.
        `ValueError` if p or q is not positive: flow never changes a sign, so start from sizes.
        """
        check_data(x, y, self.p.shape[-1])
        check_decay(weight_decay)
        times = [float(look) for look in ordered_looks(time, "time")]
        seen = [
            DiagonalNet(p, q)
            for p, q in follow(
                self.p, self.q, (x, y), times=times, weight_decay=weight_decay, tolerance=tolerance
            )
        ]
        return stack(seen) if isinstance(time, Sequence) else seen[-1]


def stack(nets: Sequence[DiagonalNet]) -> DiagonalNet:
    """Return nets of one shape as one, along a new first axis.

    Examples
    --------
    >>> stack([DiagonalNet.start(0.1, features=4)] * 3).p.shape
    torch.Size([3, 4])
    """
    return DiagonalNet(torch.stack([n.p for n in nets]), torch.stack([n.q for n in nets]))


def _gradient(p: Tensor, q: Tensor, batch: tuple[Tensor, Tensor]) -> Tensor:
    x, y = batch
    residual = (x @ (p * p - q * q)[..., None])[..., 0] - y  # (..., n)
    return (residual[..., None, :] @ x)[..., 0, :] / x.shape[-2]


def _moved(
    p: Tensor, q: Tensor, batch: tuple[Tensor, Tensor], eta: Number, decay: Number
) -> tuple[Tensor, Tensor]:
    """Return p and q after one step."""
    slope, kept = 2 * eta * _gradient(p, q, batch), 1 - eta * decay
    return p * (kept - slope), q * (kept + slope)
