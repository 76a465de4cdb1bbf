"""Which points each member sees at each step: an order of its own, whatever the population."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ibcore.runtime import generator


class Batches:
    """Minibatches of many members, or all points at every step.

    Each epoch visits every point once, in an order from the member's own generator; the last
    batch of an epoch may be smaller.

    Parameters
    ----------
    seeds
        One for each member.
    points
        How many points there are.
    batch_size
        Points in a batch; None for all of them, in the order given.
    device
        Where the points lie.

    Examples
    --------
    >>> batches = Batches([1, 2], points=5, batch_size=3, device=torch.device("cpu"))
    >>> [tuple(batches.draw().shape) for _ in range(3)]
    [(2, 3), (2, 2), (2, 3)]
    """

    def __init__(
        self, seeds: Sequence[int], points: int, batch_size: int | None, device: torch.device
    ) -> None:
        if batch_size is not None and not 1 <= batch_size <= points:
            raise ValueError(
                f"batch_size must be between 1 and the {points} points, got {batch_size}; "
                "leave it out to use all points"
            )
        self._generators = [generator(seed) for seed in seeds] if batch_size else []
        self._points, self._size, self._device = points, batch_size, device
        self._start, self._order = points, torch.empty(0)

    def draw(self) -> Tensor | None:
        """Return the next points of each member, shape (m, b), or None for all points."""
        if self._size is None:
            return None
        if self._start >= self._points:
            orders = [torch.randperm(self._points, generator=g) for g in self._generators]
            self._start, self._order = 0, torch.stack(orders).to(self._device)  # (m, n)
        part = self._order[:, self._start : self._start + self._size]
        self._start += self._size
        return part

    def keep(self, rows: Tensor) -> None:
        """Forget all other members."""
        if self._size is not None:
            self._generators = [self._generators[row] for row in rows.tolist()]
            self._order = self._order[rows]


def take(data: Tensor, rows: Tensor | None) -> Tensor:
    """Return each member's points: data (m, n, ...), rows (m, b), to (m, b, ...).

    Examples
    --------
    >>> take(torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([[2, 0], [1, 1]])).tolist()
    [[3, 1], [5, 5]]
    """
    if rows is None:
        return data
    if data.stride(0) == 0:  # shared by all members
        return data[0][rows]
    return data[torch.arange(len(data), device=data.device)[:, None], rows]
