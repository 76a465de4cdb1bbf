"""Losses of many networks: one number for each member, never averaged across members."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

Loss = Literal["cross_entropy", "binary", "mse"]
LOSSES: tuple[Loss, ...] = get_args(Loss)

LossFunction = Callable[[Tensor, Tensor], Tensor]

_TARGET_DIMENSIONS: dict[str, int] = {"cross_entropy": 1, "binary": 1, "mse": 2}  # when shared


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats: logits (m, b, k), classes (m, b), to (m,)."""
    each = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")
    return each.reshape(targets.shape).mean(1)


def binary(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross-entropy in nats: logits (m, b, 1), labels (m, b), to (m,)."""
    logits = outputs.squeeze(-1)
    each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return each.mean(1)


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error: outputs and targets (m, b, out), to (m,)."""
    return (outputs - targets).square().flatten(1).mean(1)


_FUNCTIONS: dict[str, LossFunction] = {"cross_entropy": cross_entropy, "binary": binary, "mse": mse}


def loss_function(loss: Loss | LossFunction) -> LossFunction:
    """Return the function behind a name, or a function as it is.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> loss_function("mse")(torch.ones(2, 3, 1), torch.zeros(2, 3, 1)).tolist()
    [1.0, 1.0]
    """
    if callable(loss):
        return loss
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}; choose one of {', '.join(LOSSES)}, or a function")
    return _FUNCTIONS[loss]


def member_targets(
    loss: Loss | LossFunction, y: Tensor, members: int, points: int, dtype: torch.dtype
) -> Tensor:
    """Return targets with a leading dimension of members, without copying shared ones.

    ``(n,)`` becomes ``(m, n)`` for ``"cross_entropy"`` and ``"binary"``, ``(n, out)`` becomes
    ``(m, n, out)`` for ``"mse"``.  For a function, targets that begin with ``(m, n)`` are each
    member's own and others are shared.

    Raises
    ------
    ValueError
        If the shape, the type or a value does not fit the loss.

    Examples
    --------
    >>> member_targets("binary", torch.tensor([0, 1, 1]), 4, 3, torch.float64).shape
    torch.Size([4, 3])
    """
    if isinstance(loss, str):
        own = y.ndim == _TARGET_DIMENSIONS[loss] + 1
        y = _checked_values(loss, y, dtype)
        fits = own or y.ndim == _TARGET_DIMENSIONS[loss]
    else:
        own, fits = tuple(y.shape[:2]) == (members, points), y.ndim >= 1
    if not fits or tuple(y.shape[: 1 + own]) != ((members, points) if own else (points,)):
        tail = ", out" if loss == "mse" else "" if isinstance(loss, str) else ", ..."
        name = loss if isinstance(loss, str) else "this function"
        shared = f"({points}{tail or ','})"
        raise ValueError(
            f"loss {name} needs y of shape {shared} for all networks, or ({members}, "
            f"{points}{tail}) for each its own, got {tuple(y.shape)}"
        )
    return y if own else y.expand(members, *y.shape)


def _checked_values(loss: str, y: Tensor, dtype: torch.dtype) -> Tensor:
    """Return targets in the type that the loss needs."""
    if loss == "cross_entropy":
        if y.is_floating_point() or y.dtype == torch.bool or bool((y < 0).any()):
            raise ValueError(
                f"loss cross_entropy needs y as whole numbers of classes from 0, got {y.dtype}"
                + ("" if y.is_floating_point() else f" with smallest value {y.min().item()}")
            )
        return y.long()
    if loss == "binary" and bool(((y < 0) | (y > 1)).any()):
        raise ValueError(
            f"loss binary needs y between 0 and 1, got {y.min().item()} to {y.max().item()}"
        )
    if loss == "mse" and y.dtype != dtype:
        raise ValueError(f"y is {y.dtype}, the population {dtype}; convert it with y.to({dtype})")
    return y.to(dtype)


def check_outputs(loss: LossFunction, outputs: Tensor, targets: Tensor) -> None:
    """Raise ``ValueError`` unless outputs (m, b, out) fit the targets and the loss gives (m,)."""
    out = tuple(outputs.shape[2:])
    if loss is binary and out != (1,):
        raise ValueError(
            f"loss binary needs networks with 1 output, got {out}; use cross_entropy for more"
        )
    if loss is mse and outputs.shape != targets.shape:
        raise ValueError(f"y holds targets of shape {tuple(targets.shape[2:])}, the outputs {out}")
    if loss is cross_entropy and int(targets.max()) >= outputs.shape[-1]:
        raise ValueError(
            f"y holds class {int(targets.max())}, but the networks have {outputs.shape[-1]} outputs"
        )
    losses = loss(outputs, targets)
    if tuple(losses.shape) != (len(outputs),):
        raise ValueError(
            f"the loss gives shape {tuple(losses.shape)} for {len(outputs)} networks; "
            "it must give one number for each, without averaging across networks"
        )
