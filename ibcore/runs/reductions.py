"""The functions of the measure language: each reduces the chosen rows to one value per draw."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ibcore.runs.sample import Draws, MeasureError, Sample, ratio
from ibcore.stats import spearman as rank_correlation


def mean(sample: Sample, column: str, /, **where: Any) -> Draws:
    """Mean of the finite values."""
    rows, values = sample.finite(column, where)
    return ratio(sample.total(rows, values), sample.total(rows))


def std(sample: Sample, column: str, /, **where: Any) -> Draws:
    """Return the standard deviation of the finite values (n - 1 in the denominator)."""
    rows, values = sample.finite(column, where)
    centered = values - values.mean()
    count = sample.total(rows)
    middle = ratio(sample.total(rows, centered), count)
    squares = sample.total(rows, centered**2) - count * middle**2
    return np.sqrt(np.maximum(ratio(squares, count - 1), 0))


def quantile(sample: Sample, column: str, /, q: float, **where: Any) -> Draws:
    """Quantile of the finite values, with linear interpolation as in `numpy.quantile`."""
    if not isinstance(q, int | float) or not 0 <= q <= 1:
        raise MeasureError(f"quantile needs q between 0 and 1, got {q!r}")
    rows, values = sample.finite(column, where)
    order = np.argsort(values, kind="stable")
    ordered, codes = values[order], sample.codes[rows][order]
    return np.array([_weighted_quantile(ordered, copies[codes], q) for copies in sample.weights])


def median(sample: Sample, column: str, /, **where: Any) -> Draws:
    """Median of the finite values."""
    return quantile(sample, column, 0.5, **where)


def share(
    sample: Sample,
    column: str,
    /,
    below: float | None = None,
    above: float | None = None,
    **where: Any,
) -> Draws:
    """Share of the finite values that are less than ``below`` and greater than ``above``."""
    if below is None and above is None:
        raise MeasureError("share needs below= or above=")
    rows, values = sample.finite(column, where)
    inside = np.ones(len(values), dtype=bool)
    if below is not None:
        inside &= values < below
    if above is not None:
        inside &= values > above
    return ratio(sample.total(rows, inside.astype(np.float64)), sample.total(rows))


def count(sample: Sample, /, **where: Any) -> Draws:
    """Return the number of rows, whether or not their values are finite."""
    return sample.total(sample.rows(where))


def max_over(sample: Sample, column: str, /, by: str | list[str], **where: Any) -> Draws:
    """Largest of the means of the groups that ``by`` makes."""
    largest: Draws = sample.group_means(column, by, where).max(axis=1)
    return largest


def min_over(sample: Sample, column: str, /, by: str | list[str], **where: Any) -> Draws:
    """Smallest of the means of the groups that ``by`` makes."""
    smallest: Draws = sample.group_means(column, by, where).min(axis=1)
    return smallest


def spearman(sample: Sample, a: str, b: str, /, by: str | list[str], **where: Any) -> Draws:
    """Rank correlation, over the groups that ``by`` makes, of the means of two columns."""
    first, second = sample.group_means(a, by, where), sample.group_means(b, by, where)
    if first.shape[1] < 2:
        raise MeasureError(f"spearman needs at least two groups, but by={by!r} makes one")
    return np.array([_correlation(x, y) for x, y in zip(first, second, strict=True)])


FUNCTIONS: Mapping[str, Callable[..., Draws]] = {
    "mean": mean,
    "median": median,
    "std": std,
    "quantile": quantile,
    "share": share,
    "count": count,
    "max_over": max_over,
    "min_over": min_over,
    "spearman": spearman,
}


def _weighted_quantile(ordered: Draws, copies: Draws, q: float) -> float:
    """Quantile of the sample that holds ``copies[i]`` copies of ``ordered[i]``."""
    ends = np.cumsum(copies)
    if ends[-1] == 0:
        return float("nan")
    position = q * (ends[-1] - 1)
    start = np.floor(position)
    low, high = np.searchsorted(ends, [start, min(start + 1, ends[-1] - 1)], side="right")
    return float(ordered[low] + (position - start) * (ordered[high] - ordered[low]))


def _correlation(x: Draws, y: Draws) -> float:
    """Spearman's correlation; nan where a draw has no ranking."""
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return rank_correlation(x, y)
