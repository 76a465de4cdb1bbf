"""Modular addition: stripes whose frequency one number sets."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from ibcore.runtime import generator
from ibcore.tasks.grid import axis, grid

Rule = Literal["below", "at_most"]
RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True, eq=False)
class Modular:
    """Points of modular addition, cut into a training and a test set.

    Attributes
    ----------
    train_x, test_x
        Points in [-1, 1], shapes (n, d), float64 unless asked otherwise.
    train_y, test_y
        Labels 0 and 1, shapes (n,), int64.
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor


def modular_labels(
    modulus: int,
    *,
    numbers: int = 16,
    dimensions: int = 2,
    rule: Rule = "below",
    points: int | None = None,
) -> Tensor:
    r"""Return the label of every point of a grid, :math:`1[(\sum_i x_i) \bmod M < M/2]`.

    Parameters
    ----------
    modulus
        :math:`M`, at least 2: the smaller, the more stripes.
    numbers
        :math:`N`; each :math:`x_i` is one of :math:`0, \dots, N-1`.
    dimensions
        :math:`d`, how many numbers are added.
    rule
        ``"below"``: the label is 1 below M/2.  ``"at_most"``: at M/2 as well, which changes
        even moduli only; at M = 4 three of four points then have label 1, and a network that
        always says 1 is right on 75 % of them.
    points
        None for the task itself.  Otherwise points along each axis at which a picture of the
        same stripes is wanted, with :math:`x_i` real from 0 to :math:`N-1`.

    Returns
    -------
    Tensor
        Shape ``(N,) * d`` (or ``(points,) * d``), int64; entry ``[i, j]`` belongs to the point
        ``(axis[i], axis[j])`` of `ibcore.tasks.grid`.

    Raises
    ------
    ValueError
        If the modulus is below 2, the rule is unknown, or a size is too small for a grid.

    References
    ----------
    Teney et al. (2024), section 4.1, with N = 16 and M = 10, 7, 4.  Their formula has "at
    most" and can be read in several ways; two dimensions and balanced labels are our choices.

    Examples
    --------
    >>> modular_labels(4, numbers=8)[0].tolist()
    [1, 1, 0, 0, 1, 1, 0, 0]
    >>> modular_labels(4, numbers=8, rule="at_most")[0].tolist()
    [1, 1, 1, 0, 1, 1, 1, 0]
    """
    if modulus < 2:
        raise ValueError(f"modulus must be at least 2, got {modulus}; at 1 all labels are equal")
    if dimensions < 1:
        raise ValueError(f"dimensions must be at least 1, got {dimensions}")
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r}; choose one of {', '.join(RULES)}")
    count = numbers if points is None else points
    line = (axis(count) + 1) / 2 * (len(axis(numbers)) - 1)
    line = line.round() if points is None else line  # whole numbers, whatever the rounding
    mesh = torch.stack(torch.meshgrid(*[line] * dimensions, indexing="ij"))
    rest = mesh.sum(0) % modulus
    return (rest < modulus / 2 if rule == "below" else rest <= modulus / 2).long()


def modular_addition(
    modulus: int,
    *,
    numbers: int = 16,
    dimensions: int = 2,
    rule: Rule = "below",
    train_fraction: float = 0.6,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Modular:
    r"""Return modular addition as a problem of two classes, points split at random.

    All :math:`N^d` points are used; coordinates are scaled from :math:`0, \dots, N-1` to
    :math:`[-1, 1]`.

    Parameters
    ----------
    modulus, numbers, dimensions, rule
        As in `modular_labels`.
    train_fraction
        Share of points to train on, rounded down to whole points; our choice.
    seed
        Of the split.  It does not depend on the modulus: the same points are held out for each.
    dtype
        Of the points.

    Raises
    ------
    ValueError
        As in `modular_labels`, or if one of the sets would be empty.

    References
    ----------
    Teney et al. (2024), section 4.1; the scaling, the share and the split are ours.

    Examples
    --------
    >>> task = modular_addition(10)
    >>> task.train_x.shape, task.test_y.shape
    (torch.Size([153, 2]), torch.Size([103]))
    """
    labels = modular_labels(modulus, numbers=numbers, dimensions=dimensions, rule=rule).flatten()
    count = int(train_fraction * len(labels))
    if not 0 < count < len(labels):
        raise ValueError(
            f"train_fraction {train_fraction} leaves {count} of {len(labels)} points to train on; "
            "choose a share between 0 and 1 that leaves some for each set"
        )
    order = torch.randperm(len(labels), generator=generator(seed))
    x, train, test = grid(numbers, dimensions, dtype=dtype), order[:count], order[count:]
    return Modular(x[train], labels[train], x[test], labels[test])
