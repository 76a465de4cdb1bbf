"""Modular addition: stripes whose frequency one number sets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ibcore.door import Count, Range, Seed, Share, Whole, check_memory, door
from ibcore.runtime import generator
from ibcore.tasks.concepts import Noise, Pixels, number_images, standardize

# Few-shot modular arithmetic: learn x mod m from a few examples, for moduli seen or not.

Split = Literal["extrapolation", "interpolation"]

NUMBERS = 100  # x runs from 0 to 99
LARGEST = 40  # modulus

Several = Annotated[int, Range(2, 10**9)]
Dimensions = Annotated[int, Range(1, 16)]


class Moduli(NamedTuple):
    """Moduli to meta-train on, and others to test on."""

    train: tuple[int, ...]
    test: tuple[int, ...]


@door
def moduli(split: Split) -> Moduli:
    """Return the 20 training and the 20 test moduli of a split.

    ``"extrapolation"``: 1 to 20, then 21 to 40.  ``"interpolation"``: the odd ones up to 39, then
    the even ones up to 40.

    Raises
    ------
    ValueError
        If the split is unknown.

    References
    ----------
    Bencomo et al. (2025); the moduli are those of the authors' public code.

    Examples
    --------
    >>> moduli("interpolation").test[:3]
    (2, 4, 6)
    """
    if split == "extrapolation":
        return Moduli(tuple(range(1, 21)), tuple(range(21, LARGEST + 1)))
    return Moduli(tuple(range(1, LARGEST, 2)), tuple(range(2, LARGEST + 1, 2)))


@door
def remainder_tables(
    chosen: Sequence[Count], *, numbers: Count = NUMBERS, dtype: torch.dtype = torch.float32
) -> Tensor:
    r"""Return :math:`x \bmod m` for every x from 0 to ``numbers - 1``: ``(moduli, numbers, 1)``.

    Raises
    ------
    ValueError
        If there is no modulus, one is below 1, or there is no number.

    Examples
    --------
    >>> remainder_tables([2, 3], numbers=4)[..., 0].tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 2.0, 0.0]]
    """
    if not chosen:
        raise ValueError("chosen must hold at least one modulus, got none")
    check_memory("numbers", numbers, 16.0 * numbers * len(chosen))
    rest = torch.arange(numbers) % torch.tensor(list(chosen))[:, None]  # (moduli, numbers)
    return rest.to(dtype)[..., None]


@door
def constant_predictor(chosen: Sequence[Count], *, numbers: Count = NUMBERS) -> Tensor:
    r"""Return the mean squared error of the best constant for each modulus, float64, ``(moduli,)``.

    It is the variance of :math:`x \bmod m` over x.  A learner above this line has learned less
    than nothing about the modulus.

    Raises
    ------
    ValueError
        As for `remainder_tables`.

    Examples
    --------
    >>> [round(constant_predictor(moduli("extrapolation")[i]).mean().item(), 1) for i in (0, 1)]
    [11.9, 78.1]
    """
    tables = remainder_tables(chosen, numbers=numbers, dtype=torch.float64)[..., 0]
    return tables.var(1, correction=0)


@door
def number_inputs(
    view: Literal["number", "scaled", "bits", "image", "circular"] = "bits",
    *,
    numbers: Several = NUMBERS,
    size: Pixels = 32,
    periods: Sequence[Annotated[float, Range(1e-9, 1e9)]] = (),
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    r"""Return the numbers 0 to ``numbers - 1`` as inputs of a network.

    ============ ============================================ ==================================
    view         one number                                   shape
    ============ ============================================ ==================================
    ``number``   as it is, not scaled                         (numbers, 1)
    ``scaled``   with mean 0 and variance 1                   (numbers, 1)
    ``bits``     binary digits as -1 and 1, highest first     (numbers, 8) up to 256 numbers
    ``image``    two drawn digits, standardized over all      (numbers, 1, size, size)
    ``circular`` :math:`\cos, \sin` of :math:`2\pi x/p`       (numbers, 2 * periods)
    ============ ============================================ ==================================

    The first, third and fourth are those of the paper; the drawings are ours.

    Parameters
    ----------
    view
        One of the five.
    numbers
        How many; up to 100 for drawings.
    size
        Pixels along each side of a drawing.
    periods
        p of ``"circular"``, positive: features that repeat with the period p.
    dtype
        Of the result.

    Raises
    ------
    ValueError
        If the view is unknown, a number out of range, or periods are given without need.

    Examples
    --------
    >>> number_inputs("bits")[5].tolist()
    [-1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0, 1.0]
    >>> number_inputs("circular", periods=[4.0])[1].round().tolist()
    [0.0, 1.0]
    """
    if (view == "circular") != bool(len(periods)):
        raise ValueError(f"periods belong to view='circular' and to it alone, got {list(periods)}")
    check_memory("numbers", numbers, 40.0 * numbers * (8 + len(periods)))
    if view == "image":
        return standardize(number_images(numbers, size=size)).to(dtype)
    x = torch.arange(numbers, dtype=torch.float64)
    if view == "bits":
        return _bits(numbers).to(dtype)
    if view == "circular":
        return _circular(x, periods).to(dtype)
    return (x if view == "number" else (x - x.mean()) / x.std(correction=0))[:, None].to(dtype)


def _bits(numbers: int) -> Tensor:
    """Return binary digits as -1 and 1, (numbers, places), at least eight of them."""
    places = torch.arange(max(8, (numbers - 1).bit_length()) - 1, -1, -1)
    return 2 * (torch.arange(numbers)[:, None] >> places & 1) - 1


def _circular(x: Tensor, periods: Sequence[float]) -> Tensor:
    """Return points on circles, (numbers, 2 * periods)."""
    angle = 2 * math.pi * x[:, None] / torch.tensor(list(periods), dtype=torch.float64)
    return torch.stack([angle.cos(), angle.sin()], -1).flatten(1)  # (numbers, 2 * periods)


# Input grids: the points at which a function is looked at.

Nodes = Literal["uniform", "cell", "chebyshev", "legendre"]


@door
def axis(
    points: Several, *, nodes: Nodes = "uniform", dtype: torch.dtype = torch.float64
) -> Tensor:
    r"""Return the coordinates of a grid along one axis, rising within :math:`[-1, 1]`.

    Parameters
    ----------
    points
        How many, at least 2.
    nodes
        ``"uniform"``: equal steps, both ends included.
        ``"cell"``: centers of equal cells, :math:`-1 + (2i+1)/m`; one period of length 2.
        ``"chebyshev"``: roots of :math:`T_m`.  ``"legendre"``: roots of :math:`P_m`
        (the nodes of Gauss quadrature).
    dtype
        Of the result; coordinates are computed in float64.

    Raises
    ------
    ValueError
        If fewer than two points are asked for, or the nodes are unknown.

    Examples
    --------
    >>> axis(3).tolist(), axis(2, nodes="cell").tolist()
    ([-1.0, 0.0, 1.0], [-0.5, 0.5])
    """
    check_memory("points", points, 8.0 * points ** (2 if nodes == "legendre" else 1))
    steps = torch.arange(points, dtype=torch.float64)
    if nodes == "uniform":
        values = torch.linspace(-1, 1, points, dtype=torch.float64)
    elif nodes == "cell":
        values = (2 * steps + 1) / points - 1
    elif nodes == "chebyshev":
        values = -torch.cos(math.pi * (steps + 0.5) / points)
    else:
        values = torch.from_numpy(np.polynomial.legendre.leggauss(points)[0])
    return values.to(dtype)


@door
def grid(
    points: Several,
    dimensions: Dimensions = 2,
    *,
    nodes: Nodes = "uniform",
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    r"""Return a regular grid on :math:`[-1, 1]^d` as a list of points.

    The last coordinate runs fastest, so that values at the points reshape to
    ``(points,) * d`` with entry ``[i, j]`` at ``(axis[i], axis[j])``.

    Parameters
    ----------
    points
        Points along each axis, at least 2.
    dimensions
        :math:`d`, at least 1.
    nodes, dtype
        As in `axis`.

    Returns
    -------
    Tensor
        Shape ``(points**d, d)``.

    Raises
    ------
    ValueError
        As in `axis`, or if ``dimensions`` is below 1.

    Examples
    --------
    >>> grid(2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    check_memory("points", points, 16.0 * dimensions * float(points) ** dimensions)
    coordinates = [axis(points, nodes=nodes, dtype=dtype)] * dimensions
    mesh = torch.meshgrid(*coordinates, indexing="ij")
    return torch.stack([m.reshape(-1) for m in mesh], dim=-1)  # (points**d, d)


Rule = Literal["below", "at_most"]


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


@door
def modular_labels(
    modulus: Annotated[int, Range(2)],
    *,
    numbers: Several = 16,
    dimensions: Dimensions = 2,
    rule: Rule = "below",
    points: Several | None = None,
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
        ``(axis[i], axis[j])`` of `ibcore.tasks.modular`.

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
    count = numbers if points is None else points
    name = "numbers" if points is None else "points"
    check_memory(name, count, 16.0 * dimensions * float(count) ** dimensions)
    line = (axis(count) + 1) / 2 * (numbers - 1)
    line = line.round() if points is None else line  # whole numbers, whatever the rounding
    mesh = torch.stack(torch.meshgrid(*[line] * dimensions, indexing="ij"))
    rest = mesh.sum(0) % modulus
    return (rest < modulus / 2 if rule == "below" else rest <= modulus / 2).long()


@door
def modular_addition(
    modulus: Annotated[int, Range(2)],
    *,
    numbers: Several = 16,
    dimensions: Dimensions = 2,
    rule: Rule = "below",
    train_fraction: Share = 0.6,
    seed: Seed = 0,
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
            "choose one that leaves some for each set"
        )
    order = torch.randperm(len(labels), generator=generator(seed))
    x, train, test = grid(numbers, dimensions, dtype=dtype), order[:count], order[count:]
    return Modular(x[train], labels[train], x[test], labels[test])


# Sparse regression: few points, many features, and a truth with few coefficients.


@door
@dataclass(frozen=True, eq=False)
class SparseRegression:
    """Points, labels and the coefficients behind them.

    Attributes
    ----------
    x
        Points, (n, d), or (seeds, n, d).
    y
        Labels, (n,) or (seeds, n).
    truth
        Coefficients, (d,) or (seeds, d).
    """

    x: Tensor
    y: Tensor
    truth: Tensor

    @door
    def excess_risk(self, beta: Tensor) -> Tensor:
        r"""Return :math:`\|\beta-\beta^*\|^2`, the excess risk for x from N(0, I).

        Shape (..., d) to (...); half of it is the excess of half the squared error.
        """
        if beta.shape[-1:] != self.truth.shape[-1:]:
            raise ValueError(
                f"beta must have shape (..., {self.truth.shape[-1]}), got {tuple(beta.shape)}"
            )
        return (beta - self.truth).square().sum(-1)


@door
def sparse_regression(
    *,
    points: Count = 20,
    features: Count = 40,
    nonzero: Whole = 3,
    noise: Noise = 0.0,
    seed: Seed = 0,
) -> SparseRegression:
    r"""Draw a regression problem with a sparse truth.

    Entries of x are N(0, 1); ``nonzero`` coefficients are +1 or -1 at random places, the others
    0; labels are :math:`y = X\beta^* + \sigma\varepsilon`.

    Parameters
    ----------
    points, features
        n and d.  With fewer points than features many coefficients fit, and what training
        starts from decides among them.
    nonzero
        How many coefficients are not 0.
    noise
        :math:`\sigma`, the standard deviation of the labels.
    seed
        Of everything that is drawn.

    Returns
    -------
    SparseRegression
        In float64.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    Woodworth et al. (2020), section 6, use a problem of this kind; the sizes and signs are ours.

    Examples
    --------
    >>> task = sparse_regression(seed=1)
    >>> task.x.shape, int(task.truth.count_nonzero()), float(task.excess_risk(0 * task.truth))
    (torch.Size([20, 40]), 3, 3.0)
    """
    if nonzero > features:
        raise ValueError(f"nonzero must be at most features={features}, got {nonzero}")
    check_memory("points", points, 8.0 * points * features)
    source = generator(seed)
    x = torch.randn(points, features, generator=source, dtype=torch.float64)
    places = torch.randperm(features, generator=source)[:nonzero]
    signs = 2.0 * torch.randint(2, (nonzero,), generator=source) - 1
    shifts = noise * torch.randn(points, generator=source, dtype=torch.float64)
    truth = torch.zeros(features, dtype=torch.float64)
    truth[places] = signs.double()
    return SparseRegression(x, x @ truth + shifts, truth)


@door
def stack_problems(problems: Sequence[SparseRegression]) -> SparseRegression:
    """Return problems of one size as one, along a new first axis.

    Raises
    ------
    ValueError
        If there is none, or their sizes differ.

    Examples
    --------
    >>> stack_problems([sparse_regression(seed=s) for s in range(3)]).x.shape
    torch.Size([3, 20, 40])
    """
    shapes = {tuple(problem.x.shape) for problem in problems}
    if len(shapes) != 1:
        raise ValueError(f"problems must have one shape of x, got {sorted(shapes)}")
    fields = ([getattr(each, name) for each in problems] for name in ("x", "y", "truth"))
    return SparseRegression(*map(torch.stack, fields))
