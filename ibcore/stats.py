"""Means and shares with their intervals, rank correlation and paired differences."""

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ibcore.door import Count, Level, Range, Seed, Whole, door

Floats = NDArray[np.float64]
Sample = Annotated[ArrayLike, Range(-1e300, 1e300)]  # sums of larger numbers would be infinite

_MANY = 200  # degrees of freedom
FEW = 20  # fewer observations get a t interval: their percentile bootstrap covers too little
_CHUNK = 2_000_000  # resampled entries held in memory at once


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval.

    Attributes
    ----------
    value
        The estimate on the data themselves.
    low, high
        Ends of the interval, in the unit of ``value``.
    n
        How many independent observations the estimate rests on.
    """

    value: float
    low: float
    high: float
    n: int


@door
def mean_interval(
    values: Sample, *, level: Level = 0.95, draws: Count = 2000, seed: Seed = 0
) -> Interval:
    r"""Return the mean of independent observations with its interval.

    Below 20 of them it is Student's, :math:`\bar x \pm t_{n-1}\, s/\sqrt n`, since the percentiles
    of a bootstrap cover too little there (5 values: 83 % in the place of 95); from there on it is
    that of `percentile_interval`.

    Parameters
    ----------
    values
        Shape (n,), n at least 2, all finite.
    level
        Coverage that the interval aims at, between 0 and 1.
    draws, seed
        Number of bootstrap samples, and the seed of the resampling.

    Raises
    ------
    ValueError
        If fewer than two values are given, one is not finite, or an option is out of range.

    Examples
    --------
    >>> interval = mean_interval([1.0, 2.0, 3.0, 4.0])
    >>> interval.value, interval.low < 2.5 < interval.high, interval.n
    (2.5, True, 4)
    """
    return _mean(_sample("values", values), level, draws, seed)


def _mean(data: Floats, level: float, draws: int, seed: int) -> Interval:
    n, value = len(data), float(data.mean())
    if n < FEW:
        half = student_quantile(level, n - 1) * float(data.std(ddof=1)) / math.sqrt(n)
        return Interval(value, value - half, value + half, n)
    means = np.concatenate([data[rows].mean(axis=1) for rows in _resamples(len(data), draws, seed)])
    return percentile_interval(float(data.mean()), means, level=level, n=len(data))


@door
def paired_difference(
    a: Sample, b: Sample, *, level: Level = 0.95, draws: Count = 2000, seed: Seed = 0
) -> Interval:
    """Return the mean of ``a - b`` over pairs, with its interval as in `mean_interval`.

    ``a[i]`` and ``b[i]``, both of shape (n,), belong to the same unit (for instance the same
    seed): differences are taken before anything is averaged.

    Raises
    ------
    ValueError
        If the lengths differ, or as for `mean_interval`.

    Examples
    --------
    >>> paired_difference([3.0, 5.0], [1.0, 3.0])
    Interval(value=2.0, low=2.0, high=2.0, n=2)
    """
    first, second = _pairs("a", a, "b", b)
    return _mean(first - second, level, draws, seed)


@door
def spearman(x: Sample, y: Sample) -> float:
    """Return Spearman's rank correlation of two samples of shape (n,); ties share their mean rank.

    Values whose distance is that of rounding are tied: 1e-12 of them, or 1e-15 of the largest.

    Raises
    ------
    ValueError
        If the lengths differ, there are fewer than two pairs, a value is not finite, or all
        values of one sample are equal (no ranking exists then).

    Examples
    --------
    >>> round(spearman([1, 2, 3, 4], [1, 4, 9, 16]), 12)
    1.0
    """
    return float(rank_correlations(*_ordered(x, y)))


@door
def spearman_interval(
    x: Sample, y: Sample, *, level: Level = 0.95, draws: Count = 2000, seed: Seed = 0
) -> Interval:
    """Return Spearman's rank correlation with its percentile bootstrap interval.

    Pairs are resampled.  A resample in which all values of ``x`` or of ``y`` are equal has no
    rank correlation and is drawn again, so the interval is conditional on a ranking existing.

    Raises
    ------
    ValueError
        As for `spearman`, or if an option is out of range.

    Examples
    --------
    >>> interval = spearman_interval(range(20), range(20))
    >>> round(interval.low, 12), interval.n
    (1.0, 20)
    """
    first, second = _ordered(x, y)
    rng = np.random.default_rng(seed)
    correlations = np.empty(draws)
    for draw in range(draws):
        rows = _ranked_resample(first, second, rng)
        correlations[draw] = rank_correlations(first[rows], second[rows])
    value = float(rank_correlations(first, second))
    return percentile_interval(value, correlations, level=level, n=len(first))


@door
def wilson_interval(successes: Whole, trials: Count, *, level: Level = 0.95) -> Interval:
    """Return the share of successes in independent trials with Wilson's interval.

    It stays within [0, 1] and is meaningful at 0 successes too.

    Raises
    ------
    ValueError
        If there is no trial, ``successes`` is not between 0 and ``trials``, or the level is out of
        range.

    Examples
    --------
    >>> interval = wilson_interval(0, 100)
    >>> interval.value, interval.low, round(interval.high, 4)
    (0.0, 0.0, 0.037)
    """
    if successes > trials:
        raise ValueError(f"successes must be at most trials, got {successes} of {trials}")
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    share = successes / trials
    center = (successes + z2 / 2) / (trials + z2)
    half = (z2 * (trials * share * (1 - share) + z2 / 4)) ** 0.5 / (trials + z2)
    low, high = (0.0 if successes == 0 else center - half), center + half
    return Interval(share, low, 1.0 if successes == trials else high, trials)


@door
@functools.cache
def student_quantile(level: Level, freedom: Count) -> float:
    r"""Return the t for which :math:`P(|T| \le t)` is ``level``, at whole degrees of freedom.

    The probability is a finite sum in :math:`\theta = \arctan(t/\sqrt{\nu})` (Abramowitz and
    Stegun, 1964, 26.7.3 and 26.7.4), which is solved by halving; from 200 on the expansion around
    the normal quantile (26.7.5) is exact to eight digits.

    Examples
    --------
    >>> round(student_quantile(0.95, 4), 4)
    2.7764
    """
    if freedom > _MANY:
        z = NormalDist().inv_cdf((1 + level) / 2)
        second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
        third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
        return z + (z**3 + z) / (4 * freedom) + second / freedom**2 + third / freedom**3
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _student(angle: float, freedom: int) -> float:
    """Return the probability of a size at most sqrt(freedom) times the tangent of an angle."""
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = total = (math.cos(angle) if odd else 1.0) * (freedom > 1)
    for k in range(2 + odd, freedom - 1, 2):
        term *= square * (k - 1) / k
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


@door
def expanded_tail(level: Level, n: Count) -> float:
    r"""Return the share of bootstrap draws beyond each end of an interval from n observations.

    Draws scatter less than the data by :math:`\sqrt{1 - 1/n}`, and a normal tail is shorter than
    Student's: the share is :math:`\Phi(-t_{n-1} \sqrt{n/(n-1)})` in the place of half of 1 - level
    (Hesterberg, 2015, section 4.2).

    Examples
    --------
    >>> round(expanded_tail(0.95, 20), 4), round(expanded_tail(0.95, 10**6), 4)
    (0.0159, 0.025)
    """
    if n < 2:
        return (1 - level) / 2
    return NormalDist().cdf(-student_quantile(level, n - 1) * math.sqrt(n / (n - 1)))


@door
def percentile_interval(value: float, draws: ArrayLike, *, level: Level, n: Count) -> Interval:
    r"""Return an estimate from n observations with the expanded percentiles of its bootstrap draws.

    The share left out at each end is `expanded_tail`.  Of normal means these intervals cover 91 %
    at n = 5 and 95 from 10 on.

    Examples
    --------
    >>> found = percentile_interval(2.0, np.array([1.0, 2.0, 3.0]), level=0.5, n=10**6)
    >>> round(found.low, 4), round(found.high, 4)
    (1.5, 2.5)
    """
    tail = expanded_tail(level, n)
    low, high = np.quantile(np.asarray(draws), [tail, 1 - tail])
    return Interval(value, float(low), float(high), n)


def _average_ranks(values: Floats) -> Floats:
    """Return ranks 1..n along the last axis of finite samples; ties share their mean rank.

    Values whose distance is that of rounding are tied: 1e-12 of them, or 1e-15 of the largest.

    Examples
    --------
    >>> _average_ranks(np.array([10.0, 20.0, 10.0])).tolist()
    [1.5, 3.0, 1.5]
    """
    order = np.argsort(values)
    data = np.take_along_axis(values, order, -1)
    size, place = np.abs(data), np.arange(data.shape[-1])
    apart = np.diff(data) > np.maximum(1e-12 * size[..., 1:], 1e-15 * size.max(-1, keepdims=True))
    ends = np.full((*data.shape[:-1], 1), True)
    first = np.maximum.accumulate(np.where(np.append(ends, apart, -1), place, 0), -1)
    last = np.where(np.append(apart, ends, -1), place, place[-1])[..., ::-1]
    ranks = np.empty(data.shape)
    mean = (first + np.minimum.accumulate(last, -1)[..., ::-1]) / 2
    np.put_along_axis(ranks, order, mean + 1, -1)
    return ranks


def rank_correlations(x: Floats, y: Floats) -> Floats:
    """Return Spearman's correlation along the last axis; nan where a sample has no ranking.

    Examples
    --------
    >>> rank_correlations(np.array([[1.0, 2.0], [3.0, 3.0]]), np.array([5.0, 4.0])).tolist()
    [-1.0, nan]
    """
    first, second = (ranks - ranks.mean(-1, keepdims=True) for ranks in map(_average_ranks, (x, y)))
    scale = np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    ranked = (scale > 0) & np.isfinite(x).all(-1) & np.isfinite(y).all(-1)
    return np.where(ranked, (first * second).sum(-1) / np.where(ranked, scale, 1), np.nan)


def _resamples(n: int, draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers drawn with replacement, ``draws`` rows of n in all, in chunks."""
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK // n)
    for start in range(0, draws, chunk):
        yield rng.integers(n, size=(min(chunk, draws - start), n))


def _ranked_resample(x: Floats, y: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    while True:
        rows = rng.integers(len(x), size=len(x))
        if np.ptp(x[rows]) > 0 and np.ptp(y[rows]) > 0:
            return rows


def _sample(name: str, values: ArrayLike) -> Floats:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1:
        raise ValueError(f"{name} must have shape (n,), got shape {data.shape}; flatten it first")
    if len(data) < 2:
        raise ValueError(f"{name} holds {len(data)} values; an interval needs at least 2")
    return data


def _pairs(x_name: str, x: ArrayLike, y_name: str, y: ArrayLike) -> tuple[Floats, Floats]:
    first, second = _sample(x_name, x), _sample(y_name, y)
    if len(first) != len(second):
        raise ValueError(
            f"{x_name} has {len(first)} values but {y_name} has {len(second)}; "
            "pairs need one of each"
        )
    return first, second


def _ordered(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Return the ranks of two samples that have a ranking."""
    data = _pairs("x", x, "y", y)
    ranks = _average_ranks(data[0]), _average_ranks(data[1])
    for name, values, own in zip("xy", data, ranks, strict=True):
        if np.ptp(own) == 0:
            raise ValueError(
                f"all {len(own)} values of {name} equal {values[0]}, so they have no ranking; "
                "rank correlation needs at least two different values in each sample"
            )
    return ranks
