"""Error consistency: whether two networks err on the same points, beyond what accuracy implies."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ibcore.stats import Interval, percentile_interval

Floats = NDArray[np.float64]


def error_consistency(
    first: ArrayLike, second: ArrayLike, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> Interval:
    r"""Return Cohen's kappa between the patterns of errors of two classifiers.

    .. math:: \kappa = \frac{c - e}{1 - e}, \qquad e = a b + (1 - a)(1 - b)

    with the share :math:`c` of points on which both are right or both are wrong, and what two
    independent classifiers of the same accuracies :math:`a` and :math:`b` would have.  0 for
    independent errors, 1 for the same errors, below 0 for complementary ones.

    Parameters
    ----------
    first, second
        Whether each of n points is classified correctly, shape (n,), booleans.
    level
        Coverage that the percentile bootstrap interval over points aims at.
    draws, seed
        Number of bootstrap samples, and seed of the resampling.

    Returns
    -------
    Interval
        ``value`` is kappa.  Resamples in which kappa has no value are drawn again, so the
        interval is conditional on there being errors.

    Raises
    ------
    ValueError
        If the shapes differ or values are not booleans, both are right or both wrong on all
        points (kappa is 0/0 then), or an option is out of range.

    References
    ----------
    Geirhos, Meding and Wichmann (2020), "Beyond accuracy: quantifying trial-by-trial behaviour of
    CNNs and humans by measuring error consistency"; Cohen (1960).

    Examples
    --------
    >>> right = np.array([True, True, False, False] * 25)
    >>> error_consistency(right, right).value, error_consistency(right, ~right).value
    (1.0, -1.0)
    """
    if not 0 < level < 1 or draws < 1:
        raise ValueError(f"need 0 < level < 1 and draws >= 1, got {level} and {draws}")
    a, b = _correct("first", first), _correct("second", second)
    if len(a) != len(b):
        raise ValueError(f"first has {len(a)} points but second {len(b)}; row i must be one point")
    counts = np.array([(a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum()])  # (4,)
    value = float(_kappa(counts[None])[0])
    if np.isnan(value):
        raise ValueError(
            f"both classifiers are {'right' if a[0] else 'wrong'} on all {len(a)} points, so the "
            "consistency of their errors has no value; use points on which they differ"
        )
    return percentile_interval(value, _resampled(counts, draws, seed), level=level, n=len(a))


def _resampled(counts: NDArray[np.int64], draws: int, seed: int) -> Floats:
    """Return kappa of resampled points: the four counts of a resample are multinomial."""
    rng, n = np.random.default_rng(seed), int(counts.sum())
    values = _kappa(rng.multinomial(n, counts / n, size=draws))
    while (empty := np.isnan(values)).any():
        values[empty] = _kappa(rng.multinomial(n, counts / n, size=int(empty.sum())))
    return values


def _kappa(counts: NDArray[np.int64]) -> Floats:
    """Return kappa from the counts both right, first, second, none: (d, 4) to (d,)."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    both, one, other, none = shares.T
    a, b = both + one, both + other
    expected = a * b + (1 - a) * (1 - b)
    room = 1 - expected
    # exact test by counts: rounding must not turn 0/0 into a number
    certain = (counts[:, 0] == counts.sum(1)) | (counts[:, 3] == counts.sum(1))
    result: Floats = np.full(len(counts), np.nan)
    result[~certain] = ((both + none - expected) / np.where(room == 0, np.nan, room))[~certain]
    return result


def _correct(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    """Return a vector of booleans, or raise ``ValueError``."""
    data = np.asarray(values)
    if data.dtype != np.bool_:
        raise ValueError(
            f"{name} must say whether each point is right, as booleans, got {data.dtype}; "
            "use predictions == labels"
        )
    if data.ndim != 1 or not len(data):
        raise ValueError(f"{name} must have shape (n,) with n >= 1, got {data.shape}")
    return data
