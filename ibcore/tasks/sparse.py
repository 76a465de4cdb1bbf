"""Sparse regression: few points, many features, and a truth with few coefficients."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ibcore.runtime import generator


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

    def excess_risk(self, beta: Tensor) -> Tensor:
        r"""Return :math:`\|\beta-\beta^*\|^2`, the excess risk for x from N(0, I).

        Shape (..., d) to (...); half of it is the excess of half the squared error.
        """
        return (beta - self.truth).square().sum(-1)


def sparse_regression(
    *,
    points: int = 20,
    features: int = 40,
    nonzero: int = 3,
    noise: float = 0.0,
    seed: int = 0,
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
    if points < 1 or features < 1 or not 0 <= nonzero <= features:
        raise ValueError(
            f"need points >= 1, features >= 1 and 0 <= nonzero <= features, got points {points}, "
            f"features {features}, nonzero {nonzero}"
        )
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise must be finite and >= 0, got {noise}")
    source = generator(seed)
    x = torch.randn(points, features, generator=source, dtype=torch.float64)
    places = torch.randperm(features, generator=source)[:nonzero]
    signs = 2.0 * torch.randint(2, (nonzero,), generator=source) - 1
    shifts = noise * torch.randn(points, generator=source, dtype=torch.float64)
    truth = torch.zeros(features, dtype=torch.float64)
    truth[places] = signs.double()
    return SparseRegression(x, x @ truth + shifts, truth)


def stack_problems(problems: list[SparseRegression]) -> SparseRegression:
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
    return SparseRegression(
        torch.stack([problem.x for problem in problems]),
        torch.stack([problem.y for problem in problems]),
        torch.stack([problem.truth for problem in problems]),
    )
