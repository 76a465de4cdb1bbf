"""When training has forgotten the initial scale, and whether it has trained at all."""

import math
from typing import Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Verdict = Literal["trained", "undertrained"]

GATE = 0.995  # least train accuracy at which a spread may be called memory
TRAINED = 0.99  # least train accuracy at which a spread may be called forgotten


def gate(train_accuracy: ArrayLike, *, at_least: float = GATE) -> Verdict:
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
    shares = np.asarray(train_accuracy, dtype=np.float64)
    if not shares.size:
        raise ValueError("train_accuracy is empty; the gate needs at least 1 network")
    _check_shares("train_accuracy", shares)
    _check_shares("at_least", np.asarray(at_least, dtype=np.float64))
    return "trained" if shares.min() >= at_least else "undertrained"


def forgetting_time(
    times: ArrayLike,
    spreads: ArrayLike,
    eps: float,
    *,
    train_accuracy: ArrayLike | None = None,
    at_least: float = TRAINED,
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
    clock, below = _looks(times, spreads, eps)
    if train_accuracy is not None:
        trained = np.asarray(train_accuracy, dtype=np.float64)
        if trained.shape != clock.shape:
            raise ValueError(f"train_accuracy has shape {trained.shape}, times {clock.shape}")
        _check_shares("train_accuracy", trained)
        below &= trained >= at_least
    first = int(len(below) - np.logical_and.accumulate(below[::-1]).sum())
    return float(clock[first]) if first < len(clock) else None


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
    scores = np.asarray(validation, dtype=np.float64)
    if scores.ndim < 1 or not len(scores) or not np.isfinite(scores).all():
        raise ValueError(f"validation must be finite, shape (looks, ...), got shape {scores.shape}")
    return np.asarray(scores.argmax(axis=0))


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
    best, data = selected_look(validation), np.asarray(values, dtype=np.float64)
    if data.shape != np.shape(validation):
        raise ValueError(
            f"values have shape {data.shape}, validation {np.shape(validation)}; use the same"
        )
    return cast(Floats, np.take_along_axis(data, best[None], axis=0)[0])


def _looks(times: ArrayLike, spreads: ArrayLike, eps: float) -> tuple[Floats, NDArray[np.bool_]]:
    clock = np.asarray(times, dtype=np.float64)
    values = np.asarray(spreads, dtype=np.float64)
    if clock.ndim != 1 or not len(clock) or values.shape != clock.shape:
        raise ValueError(
            f"times and spreads must both have shape (looks,), got {clock.shape} and {values.shape}"
        )
    if not (np.diff(clock) > 0).all():
        raise ValueError("times must increase; sort the looks and leave out repeated ones")
    if not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(f"spreads must be finite and at least 0, got {values.tolist()}")
    if not (math.isfinite(eps) and eps >= 0):
        raise ValueError(f"eps must be a finite number of percentage points >= 0, got {eps}")
    return clock, values <= eps


def _check_shares(name: str, values: Floats) -> None:
    wrong = values[~((values >= 0) & (values <= 1))]
    if wrong.size:
        raise ValueError(
            f"{name} must hold shares between 0 and 1, got {wrong.flat[0]:g}; "
            "divide per cent by 100"
        )
