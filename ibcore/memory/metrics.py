"""How much the initial scale still shows in the accuracy: its spread and its slope."""

import math
from itertools import combinations
from typing import Annotated, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ibcore.door import (
    Count,
    Level,
    NonNegative,
    Range,
    Seed,
    Share,
    as_array,
    as_labels,
    check_memory,
    door,
)
from ibcore.stats import FEW, Interval, percentile_interval, student_quantile

Floats = NDArray[np.float64]
Sizes = Annotated[ArrayLike, Range(0)]


def _as_shares(value: Any, name: str) -> Floats:
    shares = as_array(value, name)
    wrong = shares[(shares < 0) | (shares > 1)]
    if wrong.size:
        raise ValueError(
            f"{name} must hold shares between 0 and 1, got {wrong[0]:g}; divide per cent by 100"
        )
    return shares


def _as_accuracies(value: Any, name: str) -> Floats:
    data = _as_shares(value, name)
    if data.ndim != 2 or len(data) < 2 or not data.size:
        raise ValueError(
            f"{name} must have shape (scales, seeds) with at least 2 scales, got {data.shape}"
        )
    return data


def _as_classes(value: Any, name: str) -> NDArray[np.int64]:
    classes: NDArray[np.int64] = as_labels(value, name).cpu().numpy()
    if classes.ndim != 3 or len(classes) < 2 or not classes.size:
        raise ValueError(
            f"{name} must have shape (scales, seeds, points) with at least 2 scales, "
            f"got {classes.shape}"
        )
    return classes


Accuracies = Annotated[ArrayLike, _as_accuracies]
Predictions = Annotated[ArrayLike, _as_classes]
Shares = Annotated[ArrayLike, _as_shares]

_ROUNDING = 1e-9  # a computed share or spread so near to a bound is on it
_DRAWS = 2000
_CHUNK = 2_000_000  # resampled accuracies held in memory at once


@door
def spread(accuracy: Accuracies) -> float:
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
    return float(100 * np.ptp(np.asarray(accuracy).mean(axis=1)))


@door
def spread_per_seed(accuracy: Accuracies) -> Floats:
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
    return cast(Floats, 100 * np.ptp(accuracy, axis=0))


@door
def spread_interval(
    accuracy: Accuracies, *, level: Level = 0.95, draws: Count = _DRAWS, seed: Seed = 0
) -> Interval:
    """Return the spread with its interval over seeds.

    A seed carries its accuracies at all scales with it, since they come from the same draw and
    the same order of batches.  Below 20 seeds the interval is Student's with the error of the
    jackknife, as in the ledger of claims; from there on that of `ibcore.stats.percentile_interval`.

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
    >>> round(interval.value, 6), round(interval.low, 3), round(interval.high, 3), interval.n
    (22.0, 14.548, 29.452, 3)
    """
    data = np.asarray(accuracy)
    seeds = data.shape[1]
    if seeds < 2:
        raise ValueError("accuracy needs at least 2 seeds for an interval, got 1; train more")
    check_memory("draws", draws, 8.0 * draws)
    if seeds < FEW:
        without = [spread(np.delete(data, seed, axis=1)) for seed in range(seeds)]
        half = student_quantile(level, seeds - 1) * math.sqrt((seeds - 1) * np.var(without))
        return Interval(spread(data), spread(data) - half, spread(data) + half, seeds)
    rng, chunk = np.random.default_rng(seed), max(1, _CHUNK // data.size)
    spreads = []
    for start in range(0, draws, chunk):
        rows = rng.integers(seeds, size=(min(chunk, draws - start), seeds))
        means = data[:, rows].mean(axis=2)  # (scales, draws, seeds) -> (scales, draws)
        spreads.append(100 * np.ptp(means, axis=0))
    return percentile_interval(spread(data), np.concatenate(spreads), level=level, n=seeds)


@door
def scale_slope(accuracy: Accuracies, scales: Annotated[ArrayLike, Range(0, above=True)]) -> float:
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
    data, alpha = np.asarray(accuracy), np.asarray(scales)
    if alpha.shape != data.shape[:1]:
        raise ValueError(
            f"scales must be {len(data)} numbers, one for each row of accuracy, "
            f"got {alpha.tolist()}"
        )
    octaves = np.log2(alpha)
    if np.ptp(octaves) <= _ROUNDING:
        raise ValueError(f"all scales equal {alpha[0]:g}; a slope needs two different ones")
    octaves = octaves - octaves.mean()
    return float(100 * octaves @ data.mean(axis=1) / (octaves @ octaves))


# Clocks of forgetting: how much regularization training has accumulated.


@door
def explicit_clock(
    steps: Sizes,
    *,
    learning_rate: Sizes,
    weight_decay: Sizes,
    momentum: Annotated[ArrayLike, Range(0, 1, below=True)] = 0.0,
) -> Floats:
    r"""Return the regularization that weight decay has accumulated.

    .. math:: \tau(t) = \sum_{s \le t} \frac{2\,\eta_s \lambda_s}{1 - \mu}

    In these units a squared weight that the data leave alone has shrunk by
    :math:`e^{-\tau}`: in a homogeneous network the differences of squared norms that gradient
    flow conserves decay exactly so.  Momentum :math:`\mu` lengthens each step.  The definition
    is ours.  It holds for `"sgd"`, where decay is added to the gradient, and for `"adamw"`
    (:math:`\mu = 0`), which shrinks by :math:`1-\eta\lambda`; under `"adam"` the decay is
    rescaled with the gradient and has no such clock.

    Parameters
    ----------
    steps
        How many steps with decay, any shape that fits the rates.  Of a schedule, add up the
        clocks of its parts.
    learning_rate, weight_decay, momentum
        :math:`\eta \ge 0`, :math:`\lambda \ge 0`, :math:`0 \le \mu < 1`, one number or many.

    Returns
    -------
    ndarray
        The common shape of all arguments.

    Raises
    ------
    ValueError
        If a number is negative or not finite, or momentum reaches 1.

    References
    ----------
    Das et al. (2026), abstract: explicit or implicit regularization sets the time scales.
    Li, Lyu and Arora (2020) call :math:`\eta\lambda` the intrinsic learning rate.

    Examples
    --------
    >>> explicit_clock([1000, 3000], learning_rate=0.1, weight_decay=1e-2).round(9).tolist()
    [2.0, 6.0]
    """
    t, eta, decay, mu = map(np.asarray, (steps, learning_rate, weight_decay, momentum))
    with np.errstate(over="ignore"):
        return _clock(2 * t * eta * decay / (1 - mu))


@door
def noise_clock(
    steps: Sizes,
    *,
    learning_rate: Sizes,
    batch_size: Annotated[ArrayLike, Range(1)],
    squared_gradient: Sizes = 1.0,
) -> Floats:
    r"""Return the regularization that finite, noisy steps have accumulated.

    .. math:: \tau_\text{noise}(t) = \frac{\eta^2\,t\;\mathbb{E}\,G^2}{b}

    A step of size :math:`\eta` takes the share :math:`\eta^2 G^2` from the quantities that
    gradient flow conserves (exactly so in a diagonal network), with :math:`G` the gradient of
    the batch; where it is all noise, its square falls as one over the batch.  The definition is
    ours.  With the default ``squared_gradient`` it only compares runs whose gradients are alike,
    and it stops meaning time once the loss, and the gradient with it, is gone.

    Parameters
    ----------
    steps
        How many.
    learning_rate, batch_size
        :math:`\eta` and :math:`b`.
    squared_gradient
        :math:`\mathbb{E}\,G^2` of one point.

    Returns
    -------
    ndarray
        The common shape of all arguments.

    Raises
    ------
    ValueError
        If a number is negative or not finite, or a batch is smaller than one point.

    References
    ----------
    Beneventano, Pinto and Poggio (2024); Smith, Dherin, Barrett and De (2021).

    Examples
    --------
    >>> noise_clock(3000, learning_rate=0.5, batch_size=[32, 64]).tolist()
    [23.4375, 11.71875]
    """
    t, eta, batch, square = map(np.asarray, (steps, learning_rate, batch_size, squared_gradient))
    with np.errstate(over="ignore"):
        return _clock(eta**2 * t * square / batch)


def _clock(time: Any) -> Floats:
    if not np.isfinite(time).all():
        raise ValueError("steps and rates are so large that the clock is not finite")
    return np.asarray(time)


# Whether networks that started at different scales compute different functions.


@door
def disagreement(predictions: Predictions) -> Floats:
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
    classes = np.asarray(predictions)
    pairs = [(a != b).mean(axis=1) for a, b in combinations(classes, 2)]  # each (seeds,)
    return cast(Floats, np.mean(pairs, axis=0))


@door
def disagreement_by_scale(predictions: Predictions) -> Floats:
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
    classes = np.asarray(predictions)
    others = len(classes) - 1
    pairs = [(classes != one).mean(axis=2).sum(axis=0) / others for one in classes]
    return cast(Floats, np.stack(pairs))


# When training has forgotten the initial scale, and whether it has trained at all.

Verdict = Literal["trained", "undertrained"]

GATE = 0.995  # least train accuracy at which a spread may be called memory
TRAINED = 0.99  # least train accuracy at which a spread may be called forgotten


@door
def gate(train_accuracy: Shares, *, at_least: Share = GATE) -> Verdict:
    """Say whether every network has fitted its training set, so that a spread is memory.

    A network that has not may differ from the others because it is slow; its spread is then
    reported as "undertrained", never as memory.

    Parameters
    ----------
    train_accuracy
        Any shape: shares between 0 and 1, one for each network.
    at_least
        What the least of them must reach.

    Raises
    ------
    ValueError
        If there is no network, or a number is not a share.

    Examples
    --------
    >>> gate([[1.0, 0.997], [0.996, 1.0]]), gate([1.0, 0.95])
    ('trained', 'undertrained')
    """
    shares = np.asarray(train_accuracy)
    if not shares.size:
        raise ValueError("train_accuracy is empty; the gate needs at least 1 network")
    return "trained" if shares.min() >= at_least - _ROUNDING else "undertrained"


@door
def forgetting_time(
    times: ArrayLike,
    spreads: Sizes,
    eps: NonNegative,
    *,
    train_accuracy: Shares | None = None,
    at_least: Share = TRAINED,
) -> float | None:
    r"""Return the first time from which the spread is at most ``eps`` and stays there.

    .. math:: T_\varepsilon = \min\,\{t : M(t') \le \varepsilon \text{ and train accuracy}(t')
              \ge 0.99 \text{ for all looks } t' \ge t\}

    The definition is ours.  Before the first look with this property nothing is known, so the
    result is late by at most the distance of two looks.

    Parameters
    ----------
    times
        Shape (looks,), increasing: steps, or a clock such as `explicit_clock`.
    spreads
        Spread at each look, shape (looks,), in percentage points.
    eps
        What counts as forgotten, in percentage points.
    train_accuracy
        Least train accuracy over the networks at each look, shape (looks,); None leaves
        fitting out of account.
    at_least
        What it must reach.

    Returns
    -------
    float or None
        None if the last look is not there yet: the time is censored on the right.

    Raises
    ------
    ValueError
        If shapes differ, times do not increase, or a number is out of range.

    Examples
    --------
    >>> forgetting_time([10, 20, 40, 80], [30.0, 1.5, 6.0, 1.0], 2.0)
    80.0
    >>> forgetting_time([10, 20], [30.0, 25.0], 2.0) is None
    True
    """
    clock, values = np.asarray(times), np.asarray(spreads)
    trained = np.ones_like(values) if train_accuracy is None else np.asarray(train_accuracy)
    if clock.ndim != 1 or not clock.size or not clock.shape == values.shape == trained.shape:
        raise ValueError(
            "times, spreads and train_accuracy must all have shape (looks,), got "
            f"{clock.shape}, {values.shape} and {trained.shape}"
        )
    if not (np.diff(clock) > 0).all():
        raise ValueError("times must increase; sort the looks and leave out repeated ones")
    below = (values <= eps + _ROUNDING) & (trained >= at_least - _ROUNDING)
    first = int(len(below) - np.logical_and.accumulate(below[::-1]).sum())
    return float(clock[first]) if first < len(clock) else None


@door
def selected_look(validation: ArrayLike) -> NDArray[np.intp]:
    """Return for each run the number of the look with the best validation accuracy.

    Of equally good looks the first counts.  Shape (looks, ...) to (...).

    Raises
    ------
    ValueError
        If there is no look, or a value is not finite.

    Examples
    --------
    >>> selected_look([[0.5, 0.9], [0.8, 0.7], [0.8, 0.7]]).tolist()
    [1, 0]
    """
    scores = np.asarray(validation)
    if scores.ndim < 1 or not len(scores):
        raise ValueError(f"validation must have shape (looks, ...), got {scores.shape}")
    best = scores.max(axis=0)
    return np.asarray((scores >= best - _ROUNDING * np.abs(best)).argmax(axis=0))


@door
def at_selected(validation: ArrayLike, values: ArrayLike) -> Floats:
    """Return values at each run's `selected_look`: two arrays (looks, ...) to (...).

    Raises
    ------
    ValueError
        As for `selected_look`, or if the shapes differ.

    Examples
    --------
    >>> at_selected([[0.5], [0.8], [0.8]], [[0.4], [0.7], [0.9]]).tolist()
    [0.7]
    """
    best, data = selected_look(validation), np.asarray(values)
    if data.shape != np.shape(validation):
        raise ValueError(
            f"values have shape {data.shape}, validation {np.shape(validation)}; use the same"
        )
    return cast(Floats, np.take_along_axis(data, best[None], axis=0)[0])
