"""How far apart architectures are, and by how much meta-learned starts bring them together."""

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ibcore.door import Count, Level, Positive, Seed, check_memory, door
from ibcore.stats import Interval, percentile_interval

GapKind = Literal["pairwise", "range", "deviation"]
Floats = NDArray[np.float64]

_ROUNDING = 32 * np.finfo(np.float64).eps  # a spread below this share is rounding noise


@door
def gap(scores: ArrayLike, *, kind: GapKind = "pairwise") -> float:
    r"""Return the spread of mean scores across architectures, in the unit of the scores.

    With :math:`\bar s_a` the plain mean over the models of architecture a, of which there are A:

    ============= =====================================================================
    ``pairwise``  mean of :math:`|\bar s_a - \bar s_b|` over all pairs
    ``range``     :math:`\max_a \bar s_a - \min_a \bar s_a`
    ``deviation`` :math:`\bigl(\sum_a (\bar s_a - \bar s)^2 / (A-1)\bigr)^{1/2}`
    ============= =====================================================================

    The definition is ours: the paper's is not known to us.

    Parameters
    ----------
    scores
        Shape (architectures, models), all finite; at least two architectures.
    kind
        One of the three.

    Raises
    ------
    ValueError
        If the shape is another one, a score is not finite, or the kind is unknown.

    Examples
    --------
    >>> gap([[0.8, 0.9], [0.7, 0.7], [0.95, 0.95]], kind="range")
    0.25
    """
    data = _scores("scores", scores, "(architectures, models)")
    return float(_spread(data.mean(-1), kind))


@dataclass(frozen=True)
class Reduction:
    """How much smaller the gap is with meta-learned starts than without.

    Attributes
    ----------
    mean
        Of ``each``, with its bootstrap interval.
    of_means
        One minus the ratio of the mean gaps; steadier where some gap is near 0.
    each
        One minus the ratio of the gaps, for each condition.
    without, with_starts
        The gaps of each condition.
    widened
        The conditions, counted from 0, in which the gap is larger with meta-learned starts.
    """

    mean: Interval
    of_means: Interval
    each: tuple[float, ...]
    without: tuple[float, ...]
    with_starts: tuple[float, ...]
    widened: tuple[int, ...]


@door
def gap_reduction(
    without: ArrayLike,
    with_starts: ArrayLike,
    *,
    kind: GapKind = "pairwise",
    level: Level = 0.95,
    draws: Count = 2000,
    seed: Seed = 0,
) -> Reduction:
    r"""Return how much smaller gaps D are, :math:`R = 1 - D_\text{with}/D_\text{without}`.

    Intervals are over models.  In a bootstrap sample the models of each architecture are drawn
    again, independently in both arms; a model carries its scores in all conditions with it.  A
    sample in which some condition has no gap to reduce has no R and is left out.

    Parameters
    ----------
    without, with_starts
        Scores, (conditions, architectures, models); the numbers of models may differ.  For
        errors that span decades use their logarithm or the variance explained.
    kind
        As in `gap`.
    level, draws, seed
        Coverage, number of bootstrap samples, and seed of the resampling.

    Raises
    ------
    ValueError
        If shapes do not fit, a score is not finite, there is no gap without meta-learning, fewer
        than two models, or an option is out of range.

    Examples
    --------
    >>> without, learned = [[[0.5, 0.52], [0.9, 0.92]]], [[[0.9, 0.9], [1.0, 1.0]]]
    >>> reduction = gap_reduction(without, learned)
    >>> round(reduction.mean.value, 6), reduction.mean.n
    (0.75, 2)
    """
    shape = "(conditions, architectures, models)"
    arms = _scores("without", without, shape), _scores("with_starts", with_starts, shape)
    check_memory("draws", draws, 16.0 * draws * max(arm.size for arm in arms))
    if arms[0].shape[:2] != arms[1].shape[:2]:
        raise ValueError(
            f"conditions and architectures must agree, got {arms[0].shape[:2]} without and "
            f"{arms[1].shape[:2]} with meta-learned starts"
        )
    models = min(arm.shape[2] for arm in arms)
    if models < 2:
        raise ValueError("an interval needs at least 2 models of each architecture, got 1")
    base, meta = (_spread(arm.mean(-1), kind) for arm in arms)  # (conditions,)
    if not base.all():
        raise ValueError(f"condition {np.argmin(base)} has no gap without starts; leave it out")
    rng = np.random.default_rng(seed)
    again = [_spread(_resampled_means(arm, draws, rng), kind) for arm in arms]  # (draws, c)
    kept = again[0].all(-1)
    if not kept.any():
        raise ValueError("no bootstrap sample has a gap to reduce; use more models")
    first, second = again[0][kept], again[1][kept]
    each = 1 - meta / base
    ratio = 1 - second.mean(-1) / first.mean(-1)
    return Reduction(
        mean=percentile_interval(
            float(each.mean()), (1 - second / first).mean(-1), level=level, n=models
        ),
        of_means=percentile_interval(
            float(1 - meta.mean() / base.mean()), ratio, level=level, n=models
        ),
        each=tuple(each.tolist()),
        without=tuple(base.tolist()),
        with_starts=tuple(meta.tolist()),
        widened=tuple(np.flatnonzero(meta > base).tolist()),
    )


@door
def pool_inverse_variance(values: ArrayLike, *, floor: Positive = 1e-4) -> float:
    r"""Pool cells by the inverse of their estimated variance: a demonstration of a bias.

    .. math:: \hat\mu = \frac{\sum_c w_c \bar v_c}{\sum_c w_c},\qquad
              w_c = \frac{1}{s_c^2/n + \text{floor}}

    The variance of a cell is estimated from the same few runs as its mean, and for accuracies near
    1 or errors near 0 it is small.  So easy cells weigh most and the result is too good.  Nothing
    else here uses it.

    Parameters
    ----------
    values
        Shape (cells, runs), at least two runs.
    floor
        Added to the squared standard error.

    Raises
    ------
    ValueError
        If the shape is another one, a value is not finite, or the floor is not above 0.

    References
    ----------
    The public code of Bencomo et al. (2025) summarizes its cells like this.

    Examples
    --------
    A perfect cell and one at chance have mean accuracy 0.75, but:

    >>> round(pool_inverse_variance([[1.0, 1.0, 1.0, 1.0], [0.3, 0.7, 0.4, 0.6]]), 2)
    0.99
    """
    data = _scores("values", values, "(cells, runs)")
    if data.shape[1] < 2:
        raise ValueError(f"values need at least 2 runs of each cell, got {data.shape[1]}")
    weights = 1 / (data.var(-1, ddof=1) / data.shape[1] + floor)
    return float(weights @ data.mean(-1) / weights.sum())


def _spread(means: Floats, kind: GapKind) -> Floats:
    """Return the spread over the last dimension, exactly 0 where it is rounding noise."""
    if kind == "range":
        spread = np.ptp(means, axis=-1)
    elif kind == "deviation":
        spread = means.std(axis=-1, ddof=1)
    else:
        first, second = np.triu_indices(means.shape[-1], 1)
        spread = np.abs(means[..., first] - means[..., second]).mean(-1)
    return np.where(spread > _ROUNDING * np.abs(means).max(-1), spread, 0.0)


def _resampled_means(arm: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Draw the models of each architecture again: (c, a, m) to means (draws, c, a)."""
    _, architectures, models = arm.shape
    rows = rng.integers(models, size=(draws, architectures, models))
    chosen = arm[:, np.arange(architectures)[:, None], rows]  # (c, draws, a, m)
    return cast(Floats, chosen.mean(-1).swapaxes(0, 1))


def _scores(name: str, scores: ArrayLike, wanted: str) -> Floats:
    data, names = np.asarray(scores), wanted.strip("()").split(", ")
    if data.ndim != len(names) or data.size < 1 or data.shape[-2] < 2:
        raise ValueError(
            f"{name} must have shape {wanted} with at least 2 {names[-2]}, got {data.shape}"
        )
    return data
