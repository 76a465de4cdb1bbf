"""Batches of small tasks: a support set to learn from and a query set to be judged by."""

from typing import NamedTuple

import torch
from torch import Tensor

from ibcore.runtime import generator


class Episodes(NamedTuple):
    """A batch of T tasks.

    Attributes
    ----------
    support, query
        Inputs (T, n, ...) and targets (T, n) or (T, n, out) of each task.
    rows
        Which task of the pool each is, (T,); for glyphs the classes of each, (T, ways).
    picked
        Which objects the support set shows, (T, n).
    """

    support: tuple[Tensor, Tensor]
    query: tuple[Tensor, Tensor]
    rows: Tensor
    picked: Tensor


def table_episodes(
    inputs: Tensor,
    targets: Tensor,
    *,
    tasks: int | None = None,
    support: int | tuple[int, int],
    noise: float = 0.0,
    seed: int = 0,
) -> Episodes:
    """Draw tasks from a pool in which each is a table: one target for each of the same objects.

    The support set shows n objects drawn with replacement, the query set all objects.  One n is
    drawn for the whole batch, so that its tasks can be computed at once and norms see no padding;
    the paper draws one for each task.

    Parameters
    ----------
    inputs
        Of the objects, ``(objects, ...)`` in any representation.
    targets
        Of the pool, ``(pool, objects)`` or ``(pool, objects, out)``.
    tasks
        How many are drawn, with replacement; None for each task of the pool once, in order.
    support
        n, or the smallest and the largest n.
    noise
        Standard deviation of Gaussian noise on the support targets alone.
    seed
        Of everything drawn.  Draws do not depend on the representation or the device.

    Raises
    ------
    ValueError
        If inputs and targets are for different objects, or a number is out of range.

    References
    ----------
    Bencomo et al. (2025); the sampling follows the authors' public code.

    Examples
    --------
    >>> x, table = torch.eye(4), torch.tensor([[0, 0, 1, 1], [0, 1, 0, 1]])
    >>> drawn = table_episodes(x, table, tasks=3, support=2)
    >>> drawn.support[0].shape, drawn.query[1].shape
    (torch.Size([3, 2, 4]), torch.Size([3, 4]))
    """
    pool, objects = _sizes(inputs, targets)
    if tasks is not None and tasks < 1:
        raise ValueError(f"tasks must be at least 1, got {tasks}; None takes the pool once")
    if noise < 0 or (noise and not targets.is_floating_point()):
        raise ValueError(f"noise must be >= 0 and needs real targets, got {noise}, {targets.dtype}")
    rng = generator(seed)
    n = draw_size(support, rng)
    rows = torch.arange(pool) if tasks is None else torch.randint(pool, (tasks,), generator=rng)
    picked = torch.randint(objects, (len(rows), n), generator=rng)
    rows, picked = rows.to(inputs.device), picked.to(inputs.device)
    table = targets[rows]  # (tasks, objects, ...)
    shown = table[torch.arange(len(rows), device=rows.device)[:, None], picked]  # (tasks, n, ...)
    if noise:
        drawn = torch.randn(shown.shape, generator=rng, dtype=torch.float64)
        shown = shown + noise * drawn.to(shown)
    everything = inputs.expand(len(rows), *inputs.shape)
    return Episodes((inputs[picked], shown), (everything, table), rows, picked)


def draw_size(support: int | tuple[int, int], rng: torch.Generator) -> int:
    """Return n, or draw it from the smallest to the largest, both included.

    Raises
    ------
    ValueError
        If it could be below 1, or the range is empty.

    Examples
    --------
    >>> rng = torch.Generator().manual_seed(0)
    >>> draw_size(5, rng), 2 <= draw_size((2, 4), rng) <= 4
    (5, True)
    """
    low, high = (support, support) if isinstance(support, int) else support
    if not 1 <= low <= high:
        raise ValueError(f"support must be n >= 1 or a pair of smallest and largest, got {support}")
    return int(torch.randint(low, high + 1, (), generator=rng))


def _sizes(inputs: Tensor, targets: Tensor) -> tuple[int, int]:
    if inputs.ndim < 1 or targets.ndim not in (2, 3) or targets.shape[1] != len(inputs):
        raise ValueError(
            "inputs (objects, ...) and targets (pool, objects, ...) must be for the same objects, "
            f"got {tuple(inputs.shape)} and {tuple(targets.shape)}"
        )
    if targets.numel() < 1:
        raise ValueError(f"the pool holds no task or no object: targets {tuple(targets.shape)}")
    if inputs.device != targets.device:
        raise ValueError(f"inputs are on {inputs.device}, targets on {targets.device}; move one")
    return targets.shape[0], targets.shape[1]
