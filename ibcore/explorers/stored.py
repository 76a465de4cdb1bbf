"""What figures ask of a stored result: its columns, its source, its means with intervals."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ibcore.stats import bootstrap_mean

if TYPE_CHECKING:
    import pandas as pd

Summary = tuple[float | None, float | None, float | None, int]  # mean, low, high, how many

_DIGITS = 4


def check_columns(name: str, frame: "pd.DataFrame", columns: Iterable[str]) -> None:
    """Raise unless a frame has rows and the columns.

    Raises
    ------
    ValueError
        If it is empty or a column is missing; the message names the columns.
    """
    missing = sorted(set(columns) - set(frame.columns))
    if missing:
        known = ", ".join(map(str, frame.columns))
        raise ValueError(f"{name} has no column {', '.join(missing)}; it has {known}")
    if frame.empty:
        raise ValueError(f"{name} has no rows")


def source_of(frame: "pd.DataFrame") -> dict[str, str]:
    """Return experiment, tier and day of a frame that `ibcore.runs.load` gave, or nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> source_of(pd.DataFrame())
    {}
    """
    provenance = frame.attrs.get("provenance")
    if not provenance:
        return {}
    return {
        "experiment": provenance["experiment"],
        "tier": provenance["tier"],
        "date": provenance["date"][:10],
    }


def summarize(values: Iterable[float]) -> Summary:
    """Return mean, bootstrap interval and number of the finite values, rounded for a page.

    Constant functions have no complexity: they are not counted.  One value has no interval.

    Examples
    --------
    >>> summarize([0.5, float("nan")])
    (0.5, None, None, 1)
    """
    data = np.asarray(list(values), dtype=np.float64)
    finite = data[np.isfinite(data)]
    if not len(finite):
        return (None, None, None, 0)
    if len(finite) == 1:
        return (round(float(finite[0]), _DIGITS), None, None, 1)
    mean = bootstrap_mean(finite)
    low, high = (round(end, _DIGITS) for end in (mean.low, mean.high))
    return (round(mean.value, _DIGITS), low, high, mean.n)


def plain(values: Iterable[Any]) -> list[Any]:
    """Return the different values of a column, sorted, as Python objects.

    Examples
    --------
    >>> plain(np.array([2, 1, 2]))
    [1, 2]
    """
    return sorted({value.item() if hasattr(value, "item") else value for value in values})


def in_order(values: Iterable[str]) -> list[str]:
    """Return the different values in the order of their first appearance.

    Examples
    --------
    >>> in_order(["relu", "tanh", "relu"])
    ['relu', 'tanh']
    """
    return list(dict.fromkeys(values))


def nearest(value: float, choices: Iterable[float]) -> float:
    """Return the choice whose ratio to ``value`` is nearest to 1.

    Examples
    --------
    >>> nearest(3.5, [1.0, 4.0, 16.0])
    4.0
    """
    return min(choices, key=lambda choice: abs(np.log(choice / value)))
