"""Similarity as prediction: how much of one representation can be read from another."""

import math

import torch
from torch import Tensor

from ibcore.guidance._features import check_finite, check_pair, check_varied
from ibcore.runtime import generator


def ridge(
    x: Tensor, y: Tensor, *, penalty: float = 1e-3, folds: int | None = 5, seed: int = 0
) -> Tensor:
    r"""Return the share of the variance of y that a ridge regression on x explains.

    .. math:: R^2 = 1 - \frac{\sum_i \lVert y_i - \hat y_i\rVert^2}
                             {\sum_i \lVert y_i - \bar y\rVert^2}, \qquad
              \hat y = \bar y + (x-\bar x)\,(X^\top X + \lambda I)^{-1}X^\top Y

    with :math:`\lambda` = ``penalty`` times the mean squared length of the centered rows of x, so
    that scaling x changes nothing.  The measure has a direction: how well y is predicted *from* x.

    Parameters
    ----------
    x, y
        Features (n, p) and (n, q) of the same n points.
    penalty
        Above 0.
    folds
        Each point is predicted from the other folds, and :math:`\bar x` and :math:`\bar y` are
        those of the points the regression has seen.  None predicts the points it was fitted to,
        which flatters many features.
    seed
        Of the random folds.

    Returns
    -------
    Tensor
        A scalar, float64, differentiable: at most 1, below 0 where the prediction is worse than
        the mean.

    Raises
    ------
    ValueError
        If the features do not fit, all rows of one are equal, or a number is out of range.

    References
    ----------
    Hoerl and Kennard (1970); Kornblith et al. (2019), section 4, for regression as similarity.

    Examples
    --------
    >>> x = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    >>> ridge(x, x @ torch.rand(3, 2), penalty=1e-6).item() > 0.999
    True
    """
    check_pair(x, y)
    if not (math.isfinite(penalty) and penalty > 0):
        raise ValueError(f"penalty must be a finite number > 0, got {penalty}")
    for name, features in (("x", x), ("y", y)):
        check_finite(name, features)
        check_varied(name, features)
    a, b = x.double(), y.double()
    unexplained, total = a.new_zeros(()), a.new_zeros(())
    for seen, held in _splits(len(x), folds, seed, x.device):
        offset = b[seen].mean(0)
        predicted = _predict(a[seen], b[seen] - offset, a[held], penalty)
        unexplained = unexplained + (b[held] - offset - predicted).square().sum()
        total = total + (b[held] - offset).square().sum()
    return 1 - unexplained / total


def _predict(x: Tensor, y: Tensor, held: Tensor, penalty: float) -> Tensor:
    """Fit centered y on x, and predict it at held points; solve in the smaller dimension."""
    offset = x.mean(0)
    a, b = x - offset, held - offset
    strength = penalty * a.square().sum() / len(a)
    if a.shape[1] <= len(a):
        own = a.mT @ a + strength * torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
        slopes: Tensor = torch.linalg.solve(own, a.mT @ y)
        return b @ slopes
    own = a @ a.mT + strength * torch.eye(len(a), dtype=a.dtype, device=a.device)
    weights: Tensor = torch.linalg.solve(own, y)
    return (b @ a.mT) @ weights


def _splits(
    points: int, folds: int | None, seed: int, device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """Return the points that are seen and those that are predicted, for each fold."""
    if folds is None:
        every = torch.arange(points, device=device)
        return [(every, every)]
    if not 2 <= folds <= points // 2:
        raise ValueError(
            f"folds must be between 2 and {points // 2}, half of the {points} points, got {folds}; "
            "folds=None predicts the points that the regression was fitted to"
        )
    order = torch.randperm(points, generator=generator(seed)).to(device)
    parts = order.tensor_split(folds)
    return [
        (torch.cat([*parts[:fold], *parts[fold + 1 :]]), part) for fold, part in enumerate(parts)
    ]
