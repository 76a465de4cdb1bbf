"""How much the initial scale still shows in the accuracy: its spread and its slope."""

from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ibcore.stats import Interval, percentile_interval

Floats = NDArray[np.float64]

_DRAWS = 2000
_CHUNK = 2_000_000  # resampled accuracies held in memory at once


def spread(accuracy: ArrayLike) -> float:
    r"""Return the spread of accuracy over initial scales, in percentage points.

    .. math:: M = 100\,\bigl(\max_\alpha \bar a_\alpha - \min_\alpha \bar a_\alpha\bigr),
              \qquad \bar a_\alpha = \text{mean over seeds of } a_{\alpha s}

    This definition is ours: it is the plainest reading of "test accuracy varies by so many
    points across initialization scales".  It is memory only where training has succeeded; see
    `gate`.

    Parameters
    ----------
    accuracy
        Shape (scales, seeds), shares between 0 and 1; at least two scales.  At the final
        step, or at the step that validation selects (`at_selected`).

    Returns
    -------
    float
        From 0 to 100.

    Raises
    ------
    ValueError
        If the shape is another one, or a value is not a share.

    References
    ----------
    Das, Beneventano, Dey, McKinley and Poggio (2026), abstract.

    Examples
    --------
    >>> round(spread([[0.95, 0.93], [0.94, 0.94], [0.70, 0.74]]), 6)
    22.0
    """
    means = _accuracies(accuracy).mean(axis=1)  # (scales,)
    return float(100 * np.ptp(means))


def spread_per_seed(accuracy: ArrayLike) -> Floats:
    """Return each seed's own spread over scales in percentage points: (scales, seeds) to (seeds,).

    A maximum of noisy numbers is too large on average, so the mean of these is at least `spread`.

    Raises
    ------
    ValueError
        As for `spread`.

    Examples
    --------
    >>> spread_per_seed([[0.95, 0.93], [0.70, 0.74]]).round(6).tolist()
    [25.0, 19.0]
    """
    return cast(Floats, 100 * np.ptp(_accuracies(accuracy), axis=0))


def spread_interval(
    accuracy: ArrayLike, *, level: float = 0.95, draws: int = _DRAWS, seed: int = 0
) -> Interval:
    """Return the spread with its percentile bootstrap interval over seeds.

    A seed carries its accuracies at all scales with it, since they come from the same draw and
    the same order of batches.

    Parameters
    ----------
    accuracy
        Shape (scales, seeds), at least two of each.
    level, draws, seed
        Coverage, number of bootstrap samples, and seed of the resampling.

    Raises
    ------
    ValueError
        As for `spread`, if there is one seed only, or an option is out of range.

    Examples
    --------
    >>> interval = spread_interval([[0.95, 0.93, 0.94], [0.70, 0.74, 0.72]])
    >>> round(interval.value, 6), interval.low > 18.9, interval.high < 25.1, interval.n
    (22.0, True, True, 3)
    """
    data = _accuracies(accuracy)
    seeds = data.shape[1]
    if seeds < 2:
        raise ValueError("an interval needs at least 2 seeds, got 1; train more networks")
    if not 0 < level < 1 or draws < 1:
        raise ValueError(f"need 0 < level < 1 and draws >= 1, got {level} and {draws}")
    rng, chunk = np.random.default_rng(seed), max(1, _CHUNK // data.size)
    spreads = []
    for start in range(0, draws, chunk):
        rows = rng.integers(seeds, size=(min(chunk, draws - start), seeds))
        means = data[:, rows].mean(axis=2)  # (scales, draws, seeds) -> (scales, draws)
        spreads.append(100 * np.ptp(means, axis=0))
    return percentile_interval(spread(data), np.concatenate(spreads), level=level, n=seeds)


def scale_slope(accuracy: ArrayLike, scales: ArrayLike) -> float:
    r"""Return how accuracy changes per doubling of the initial scale, in percentage points.

    The least-squares slope of :math:`100\,\bar a_\alpha` on :math:`\log_2\alpha`.

    Parameters
    ----------
    accuracy
        Shape (scales, seeds), shares between 0 and 1.
    scales
        Shape (scales,), positive and not all equal.

    Raises
    ------
    ValueError
        As for `spread`, or if the scales do not fit.

    Examples
    --------
    >>> round(scale_slope([[0.9], [0.8], [0.7]], [1, 2, 4]), 6)
    -10.0
    """
    data, alpha = _accuracies(accuracy), np.asarray(scales, dtype=np.float64)
    if alpha.shape != data.shape[:1] or not (np.isfinite(alpha) & (alpha > 0)).all():
        raise ValueError(
            f"scales must be {len(data)} positive numbers, one for each row of accuracy, "
            f"got {alpha.tolist()}"
        )
    octaves = np.log2(alpha) - np.log2(alpha).mean()
    if not octaves.any():
        raise ValueError(f"all scales equal {alpha[0]:g}; a slope needs two different ones")
    return float(100 * octaves @ data.mean(axis=1) / (octaves @ octaves))


def _accuracies(accuracy: ArrayLike) -> Floats:
    data = np.asarray(accuracy, dtype=np.float64)
    if data.ndim != 2 or data.shape[0] < 2 or data.shape[1] < 1:
        raise ValueError(
            f"accuracy must have shape (scales, seeds) with at least 2 scales, got {data.shape}"
        )
    wrong = data[~((data >= 0) & (data <= 1))]
    if len(wrong):
        raise ValueError(
            f"accuracy must hold shares between 0 and 1, got {wrong[0]:g}; divide per cent by 100"
        )
    return data
