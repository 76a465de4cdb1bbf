"""Checks that the exact models share: float64, shapes that fit, rates in range."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

Number = float | Tensor  # one for all runs, or a tensor that broadcasts against (..., 1)
Loss = Literal["squared", "logistic"]


def check_float64(**tensors: Tensor) -> None:
    """Raise unless every tensor is float64 and finite: the identities hold to rounding only so."""
    for name, value in tensors.items():
        if value.dtype != torch.float64:
            raise ValueError(f"{name} must be float64, got {value.dtype}; call .double() on it")
        if not torch.isfinite(value).all():
            raise ValueError(f"{name} holds a value that is not finite")


def check_data(x: Tensor, y: Tensor, features: int) -> None:
    """Raise unless x is (..., n, features), y is (..., n) and they are finite float64 that fit."""
    check_float64(x=x, y=y)
    shaped = x.ndim >= 2 and y.ndim >= 1 and x.shape[-1] == features
    if not shaped or x.shape[-2] != y.shape[-1] or not x.shape[-2]:
        raise ValueError(
            f"x must have shape (..., n, {features}) and y (..., n) with n at least 1, "
            f"got {tuple(x.shape)} and {tuple(y.shape)}"
        )
    broadcast(x.shape[:-2], y.shape[:-1])


def check_rates(learning_rate: Number, weight_decay: Number) -> None:
    """Raise unless learning rates are > 0 and weight decays >= 0, all finite."""
    eta, decay = torch.as_tensor(learning_rate), torch.as_tensor(weight_decay)
    if not (torch.isfinite(eta).all() and (eta > 0).all()):
        raise ValueError(f"learning_rate must be finite and > 0, got {learning_rate}")
    check_decay(decay)


def check_decay(weight_decay: Number) -> None:
    """Raise unless weight decays are finite and at least 0."""
    decay = torch.as_tensor(weight_decay)
    if not (torch.isfinite(decay).all() and (decay >= 0).all()):
        raise ValueError(f"weight_decay must be finite and >= 0, got {weight_decay}")


def check_scale(scale: Number | Sequence[float], device: torch.device) -> Tensor:
    """Return initial scales as a float64 tensor; raise unless all are finite and > 0."""
    scales = torch.as_tensor(scale, dtype=torch.float64, device=device)
    if not (torch.isfinite(scales).all() and (scales > 0).all()):
        raise ValueError(f"scale must be finite and > 0, got {scale}")
    return scales


def check_finite_step(step: int, **tensors: Tensor) -> None:
    """Raise ``FloatingPointError`` if training has diverged."""
    if not all(torch.isfinite(value).all() for value in tensors.values()):
        raise FloatingPointError(
            f"training diverged at or before step {step}; lower the learning rate or the scale"
        )


def check_loss(loss: str) -> None:
    """Raise unless the loss is one we have."""
    if loss not in get_args(Loss):
        raise ValueError(f"unknown loss {loss!r}; choose one of {', '.join(get_args(Loss))}")


def loss_slope(output: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """Return the derivative of the loss by the output, point by point: shape of ``output``."""
    return (torch.sigmoid(output) if loss == "logistic" else output) - y


def broadcast(*shapes: Sequence[int]) -> tuple[int, ...]:
    """Return the common shape of some shapes; ``ValueError`` if there is none."""
    common: tuple[int, ...] = np.broadcast_shapes(*(tuple(shape) for shape in shapes))
    return common


def ordered_looks(looks: int | float | Sequence[int | float], name: str) -> list[int | float]:
    """Return looks as a list; raise unless they are >= 0 and do not decrease."""
    many = list(looks) if isinstance(looks, Sequence) else [looks]
    if not many or any(not 0 <= a < float("inf") for a in many) or many != sorted(many):
        raise ValueError(f"{name} must be finite, >= 0 and in rising order, got {looks}")
    return many
