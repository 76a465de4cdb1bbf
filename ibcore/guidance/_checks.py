"""Checks of the data and options of guided training, before the first step."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ibcore.guidance.guides import Batch
from ibcore.training import Method, Optimizer


def all_points(x: Tensor, y: Tensor, unlabeled: Tensor | None, device: torch.device) -> Batch:
    """Return all data on the device: points with labels, then those without.

    Examples
    --------
    >>> x, y = torch.zeros(3, 2), torch.zeros(3)
    >>> len(all_points(x, y, torch.ones(4, 2), torch.device("cpu")).rows)
    7
    """
    if not len(x) or len(x) != len(y):
        raise ValueError(f"x holds {len(x)} points, y {len(y)} labels; give one for each point")
    parts = [x] if unlabeled is None else [x, unlabeled]
    if unlabeled is not None and (unlabeled.shape[1:] != x.shape[1:] or unlabeled.dtype != x.dtype):
        raise ValueError(
            f"unlabeled points are {unlabeled.dtype} {tuple(unlabeled.shape[1:])}, those of x "
            f"{x.dtype} {tuple(x.shape[1:])}; they must be alike"
        )
    points = torch.cat([part.to(device) for part in parts])
    return Batch(points, y.to(device), torch.arange(len(points), device=device))


def batch_sizes(
    data: Batch, labeled: int | None, unlabeled: int | None, *, least: int
) -> tuple[int | None, int | None]:
    """Return both batch sizes if even the last batch of an epoch is large enough to compare.

    Examples
    --------
    >>> data = Batch(torch.zeros(10, 2), torch.zeros(10), torch.arange(10))
    >>> batch_sizes(data, 5, None, least=4)
    (5, None)
    """
    points = len(data.y), len(data.x) - len(data.y)
    if unlabeled is not None and not points[1]:
        raise ValueError(f"unlabeled_batch_size={unlabeled} without unlabeled points; leave it out")
    for name, size, count in (
        ("batch_size", labeled, points[0]),
        ("unlabeled_batch_size", unlabeled, points[1]),
    ):
        if size is not None and not 1 <= size <= count:
            raise ValueError(f"{name} must be between 1 and the {count} points, got {size}")
    smallest = sum(
        count if size is None else count % size or size
        for size, count in zip((labeled, unlabeled), points, strict=True)
    )
    if smallest < least:
        raise ValueError(
            f"the last batch of an epoch would hold {smallest} points, but the measure needs at "
            f"least {least}; choose a batch size that divides {points[0]}"
        )
    return labeled, unlabeled


def one_method(
    optimizer: Optimizer, learning_rate: float, weight_decay: float, momentum: float
) -> Method:
    """Return a method for one network after a check of its numbers.

    Examples
    --------
    >>> one_method("sgd", 0.1, 0.0, 0.9).momentum
    0.9
    """
    method = Method(optimizer, learning_rate, weight_decay, momentum)
    method.rates(torch.zeros(1, 1))
    return method


def check_steps(steps: int, looks: Sequence[int], on_look: Callable[..., Any] | None) -> None:
    """Raise ``ValueError`` unless there are steps, and looks are different ones of them.

    Examples
    --------
    >>> check_steps(10, [0, 10], print)
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    if bool(len(looks)) != (on_look is not None):
        raise ValueError("looks and on_look need each other: give both, or neither")
    if len(set(looks)) < len(looks) or any(look not in range(steps + 1) for look in looks):
        raise ValueError(
            f"looks must be different whole numbers from 0 to {steps} steps, got {list(looks)}"
        )
