"""Whether networks that started at different scales compute different functions."""

from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def disagreement(predictions: ArrayLike) -> Floats:
    r"""Return how often networks from two scales put a point in different classes, per seed.

    .. math:: D_s = \operatorname{mean}_{\alpha<\alpha'} \operatorname{mean}_x
              \,[\,\hat y_{\alpha s}(x) \ne \hat y_{\alpha' s}(x)\,]

    It sees what `spread` does not: functions that differ although they are equally accurate.

    Parameters
    ----------
    predictions
        Classes, shape (scales, seeds, points); at least two scales.

    Returns
    -------
    ndarray
        Shape (seeds,), shares from 0 to 1.

    Raises
    ------
    ValueError
        If the shape is another one, or a class is not a whole number.

    Examples
    --------
    >>> disagreement([[[0, 1, 2, 3]], [[0, 1, 2, 2]]]).tolist()
    [0.25]
    """
    classes = _classes(predictions)
    pairs = [(a != b).mean(axis=1) for a, b in combinations(classes, 2)]  # each (seeds,)
    return cast(Floats, np.mean(pairs, axis=0))


def disagreement_by_scale(predictions: ArrayLike) -> Floats:
    """Return for each scale and seed the mean disagreement with the other scales' networks.

    The mean over scales is `disagreement`.  Shape (scales, seeds, points) to (scales, seeds).

    Raises
    ------
    ValueError
        As for `disagreement`.

    Examples
    --------
    >>> disagreement_by_scale([[[0, 1]], [[0, 1]], [[1, 0]]]).tolist()
    [[0.5], [0.5], [1.0]]
    """
    classes = _classes(predictions)
    others = len(classes) - 1
    pairs = [(classes != one).mean(axis=2).sum(axis=0) / others for one in classes]
    return cast(Floats, np.stack(pairs))


def _classes(predictions: ArrayLike) -> NDArray[np.generic]:
    classes = np.asarray(predictions)
    if classes.ndim != 3 or classes.shape[0] < 2 or 0 in classes.shape:
        raise ValueError(
            "predictions must have shape (scales, seeds, points) with at least 2 scales, "
            f"got {classes.shape}"
        )
    if classes.dtype.kind not in "iu":
        raise ValueError(f"predictions must be classes (whole numbers), got {classes.dtype}")
    return classes
