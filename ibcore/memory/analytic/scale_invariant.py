"""Weights before a normalization: their norm is a learning rate, and decay sets it anew."""

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from ibcore.door import Count, NonNegative, Positive, Range, Seed, door
from ibcore.memory.analytic.diagonal import (
    Exact,
    ExactNet,
    Loss,
    loss_slope,
)
from ibcore.memory.analytic.factor import draw_layers
from ibcore.runtime import resolve_device

_ROUNDING = 32  # a spread of up to so many units in the last place is noise


@door(gradients=True)
@dataclass(frozen=True, eq=False)
class NormalizedNet(ExactNet):
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
        :math:`w`, (..., h, d), no row zero.
    readout
        :math:`a`, (..., h).

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite, or a row is zero.

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

    weight: Exact
    readout: Exact
    _inner = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.norm_squared > 0).all():
            raise ValueError(
                "a row of weight is zero, or its square; a normalized unit needs a direction"
            )

    @classmethod
    @door(gradients=True)
    def sample(
        cls,
        features: Count,
        *,
        width: Count,
        scale: Positive = 1.0,
        seed: Seed = 0,
        device: torch.device | str | None = None,
    ) -> "NormalizedNet":
        """Draw weights from N(0, 1 / fan-in), times ``scale``, and the readout from N(0, 1 / h)."""
        place = resolve_device(device)
        weight, readout = draw_layers(width, features, seed)
        return cls((scale * features**-0.5 * weight).to(place), (width**-0.5 * readout).to(place))

    @property
    def norm_squared(self) -> Tensor:
        """The squared norm of each row, (..., h)."""
        return self.weight.square().sum(-1)

    @door(gradients=True)
    def gradient(self, x: Exact, y: Exact, *, loss: Loss = "squared") -> Tensor:
        """Return the gradient of the mean loss by the weights: (..., h, d)."""
        self._check(x, y)
        return self._slopes(self.weight, self.readout, x, y, loss)[0]

    @door(gradients=True)
    def next_norm_squared(
        self, x: Exact, y: Exact, *, learning_rate: Positive, weight_decay: NonNegative = 0.0
    ) -> Tensor:
        """Return the squared norms after one step by their recursion, without taking the step."""
        kept, slope = (1 - learning_rate * weight_decay) ** 2, self.gradient(x, y)
        return kept * self.norm_squared + learning_rate**2 * slope.square().sum(-1)

    @staticmethod
    def _outputs(weight: Tensor, readout: Tensor, x: Tensor) -> Tensor:
        return (torch.relu(_normalize(x @ weight.mT)) @ readout[..., None])[..., 0]

    @classmethod
    def _slopes(cls, a: Tensor, b: Tensor, x: Tensor, y: Tensor, loss: Loss) -> tuple[Tensor, None]:
        weight = a.detach().requires_grad_()
        output = cls._outputs(weight, b, x)
        slope = loss_slope(output, y, loss).detach() / x.shape[-2]
        return torch.autograd.grad((slope * output).sum(), weight)[0], None


@door
def effective_learning_rate(
    norm_squared: Annotated[Tensor, Range(0, above=True)], *, learning_rate: Positive
) -> Tensor:
    r"""Return :math:`\eta/\|w\|^2`, the rate at which the direction of the weights moves.

    Examples
    --------
    >>> effective_learning_rate(torch.tensor([1.0, 4.0]), learning_rate=0.1).tolist()
    [0.1..., 0.025...]
    """
    return learning_rate / norm_squared


@door
def equilibrium_norm_squared(
    unit_gradient: Positive, *, learning_rate: Positive, weight_decay: NonNegative
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
    noise = _ROUNDING * torch.finfo(before.dtype).eps * before.detach().abs().amax(-2, keepdim=True)
    if not bool((spread.detach() > noise.square()).all()):
        raise ValueError("a unit is constant over the batch and cannot be normalized; add points")
    return centered / spread.sqrt()
