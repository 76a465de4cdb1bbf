"""Moved digits: five digits in eight orientations are the family, the other five are new.

Each image is one of scikit-learn's digits at a random place of a canvas of 10 x 10.  Starts and
guides may learn from the family; the task has five classes of digits that they never saw.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ibcore.door import Count, Seed, Whole, door
from ibcore.population import member_seed
from ibcore.runtime import generator
from ibcore.tasks import digits

CANVAS, SIDE, WAYS, TURNS = 10, 8, 5, 8
CENTER, SPREAD = 0.195, 0.35  # of a pixel of the canvas, roughly


class DigitTask(NamedTuple):
    """Labeled images and classes, images without labels, and images and classes for the test."""

    x: Tensor
    y: Tensor
    unlabeled: Tensor
    test_x: Tensor
    test_y: Tensor


def turned(images: Tensor, turns: Tensor) -> Tensor:
    """Return each image (n, 8, 8) in its orientation: four rotations, then the same mirrored."""
    whole = [torch.rot90(images, k, (1, 2)) for k in range(4)]
    table = torch.stack([*whole, *(image.flip(2) for image in whole)])  # (8, n, 8, 8)
    return table[turns, torch.arange(len(images))]


def placed(images: Tensor, rng: torch.Generator) -> Tensor:
    """Return images (n, 8, 8) at random places of the canvas, (n, 100), about standardized."""
    corners = torch.randint(CANVAS - SIDE + 1, (2, len(images), 1, 1), generator=rng)
    inside = torch.arange(SIDE)
    out = torch.zeros(len(images), CANVAS, CANVAS)
    rows, columns = corners[0] + inside[:, None], corners[1] + inside
    out[torch.arange(len(images))[:, None, None], rows, columns] = images
    return ((out - CENTER) / SPREAD).flatten(1)  # (n, 100)


@door
class DigitFamily:
    """The digits of one seed: which five are the family, and what is drawn of both halves.

    Examples
    --------
    >>> family = DigitFamily(0)
    >>> family.images(3, seed=1)[0].shape
    torch.Size([3, 100])
    >>> len(family.task().test_y)
    300
    """

    def __init__(self, seed: Seed) -> None:
        self.pixels, self.labels = digits(dtype=torch.float32)
        order = torch.randperm(2 * WAYS, generator=generator(seed))
        self.family, self.new = order[:WAYS], order[WAYS:]
        self.rows = [(self.labels == digit).nonzero().flatten() for digit in range(2 * WAYS)]
        self.seed = seed

    def images(self, count: Count, *, seed: Seed) -> tuple[Tensor, Tensor]:
        """Return images of the family, (n, 100), and their classes of 40, (n,)."""
        rng = generator(seed)
        classes = torch.randint(WAYS * TURNS, (count,), generator=rng)
        return self._drawn(classes, rng), classes

    def episodes(self, count: Count, shots: Count, queries: Count, *, seed: Seed) -> list[Tensor]:
        """Return tasks of five classes of the family: x, y, query x, query y, each (count, ...)."""
        rng, size = generator(seed), shots + queries
        chosen = [torch.randperm(WAYS * TURNS, generator=rng)[:WAYS] for _ in range(count)]
        classes = torch.stack(chosen)[:, :, None].expand(-1, -1, size)  # (count, 5, size)
        x = self._drawn(classes.flatten(), rng).view(count, WAYS, size, -1)
        y = torch.arange(WAYS)[None, :, None].expand(count, -1, size)
        return [
            part.flatten(1, 2)
            for cut in (slice(0, shots), slice(shots, size))
            for part in (x[:, :, cut], y[:, :, cut])
        ]

    def _drawn(self, classes: Tensor, rng: torch.Generator) -> Tensor:
        digit = self.family[classes % WAYS]
        uniform = torch.rand(len(classes), generator=rng)
        each = [int(u * len(self.rows[d])) for u, d in zip(uniform, digit.tolist(), strict=True)]
        rows = [self.rows[d][e] for d, e in zip(digit.tolist(), each, strict=True)]
        return placed(turned(self.pixels[torch.stack(rows)], classes // WAYS), rng)

    def task(
        self, *, shots: Count = 10, unlabeled: Count = 200, test: Count = 300, number: Whole = 0
    ) -> DigitTask:
        """Return labeled, unlabeled and test images of the new digits, no image twice."""
        rng = generator(member_seed(self.seed, number + 1))
        orders = [self.rows[d][torch.randperm(len(self.rows[d]), generator=rng)] for d in self.new]
        first = torch.cat([order[:shots] for order in orders])
        rest = torch.cat([order[shots:] for order in orders])
        rest = rest[torch.randperm(len(rest), generator=rng)][: unlabeled + test]
        of_digit = torch.empty(2 * WAYS, dtype=torch.long)
        of_digit[self.new] = torch.arange(WAYS)
        x, others = (placed(self.pixels[rows], rng) for rows in (first, rest))
        y, other_y = (of_digit[self.labels[rows]] for rows in (first, rest))
        return DigitTask(x, y, others[:unlabeled], others[unlabeled:], other_y[unlabeled:])
