"""Tables of means that carry their interval and the number of independent units behind them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from ibcore.runtime import Level, Range, door
from ibcore.stats import Interval, bootstrap_mean, paired_difference

Decimals = Annotated[int, Range(0, 15)]


@door
def interval_table(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str],
    value: str,
    unit: str | Sequence[str] = "network",
    percent: bool = False,
    digits: Decimals | None = None,
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return the mean of ``value`` in each group with its bootstrap interval and n.

    Rows of the same unit are averaged first, so n counts units and not rows.

    Parameters
    ----------
    frame
        Tidy data.
    by
        Column or columns whose values make a group; groups keep the order of the frame.
    value
        Column of numbers.
    unit
        Column or columns that name the independent units, which are resampled.
    percent
        Multiply by 100.
    digits
        Decimals; by default 1 in percent, else 3.
    level
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``by``, with the columns mean, low, high (in the unit of ``value``, or in
        percent) and n.

    Raises
    ------
    ValueError
        If a column is missing, a group has fewer than two units, or a value is not finite.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"arm": ["a", "a"], "network": [0, 1], "right": [0.5, 0.75]})
    >>> interval_table(data, by="arm", value="right", percent=True)
    ... # doctest: +NORMALIZE_WHITESPACE
         mean   low  high  n
    arm
    a    62.5  50.0  75.0  2
    """
    check_columns(frame, ["value"], by=by, value=value, unit=unit)
    keys = _names(by)
    means = _unit_means(frame, keys, value, _names(unit))
    groups = means.groupby(level=keys if len(keys) > 1 else keys[0], sort=False)
    found = {name: _mean(part, name, value, level) for name, part in groups}
    return _table(found, groups.size().index, "mean", percent=percent, digits=digits)


@door
def difference_table(
    frame: pd.DataFrame,
    *,
    by: str,
    value: str,
    reference: str,
    unit: str | Sequence[str] = "network",
    percent: bool = False,
    digits: Decimals | None = None,
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return each group's mean and its paired difference to a reference group, with interval.

    Parameters
    ----------
    frame, unit, percent, digits, level
        As for `interval_table`; the unit is what makes a pair.
    by
        Column whose values make a group.
    value
        Column of numbers.
    reference
        The group that the others are compared with.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``by`` without the reference, with the columns mean, difference, low, high
        (of the difference) and n, the number of pairs.

    Raises
    ------
    ValueError
        If the reference is not a group, a unit is missing in one of two groups, or as for
        `interval_table`.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"arm": list("aabb"), "network": [0, 1, 0, 1], "y": [1.0, 2, 3, 4]})
    >>> difference_table(data, by="arm", value="y", reference="a", digits=1)
    ... # doctest: +NORMALIZE_WHITESPACE
         mean  difference  low  high  n
    arm
    b     3.5         2.0  2.0   2.0  2
    """
    check_columns(frame, ["value"], by=by, value=value, unit=unit)
    means = _unit_means(frame, [by], value, _names(unit))
    wide = means.unstack(by)[frame[by].unique()]
    if reference not in wide:
        raise ValueError(f"reference must be a value of {by}: {list(wide)}, got {reference!r}")
    others = wide.columns.drop(reference)
    found = {name: _difference(wide, name, reference, level) for name in others}
    table = _table(found, others, "difference", percent=percent, digits=digits)
    table.insert(0, "mean", _scaled(wide[others].mean(), percent=percent, digits=digits))
    return table


def _names(columns: str | Sequence[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns)


def _unit_means(
    frame: pd.DataFrame, keys: list[str], value: str, units: list[str]
) -> "pd.Series[float]":
    """Average the rows of each unit within each group, so that units are what is counted."""
    parts = frame.groupby([*keys, *units], sort=False, dropna=False)[value]
    return parts.agg(lambda part: part.mean(skipna=False))


def _mean(part: "pd.Series[float]", name: Any, value: str, level: float) -> Interval:
    try:
        return bootstrap_mean(part.sort_index(), level=level)  # the same in any order of rows
    except ValueError as error:
        raise ValueError(f"{value} of the group {name!r}: {error}") from error


def _difference(wide: pd.DataFrame, name: Any, reference: str, level: float) -> Interval:
    pairs = wide[[name, reference]].dropna(how="all").sort_index()
    alone = pairs.index[pairs.isna().any(axis=1)]
    if len(alone):
        raise ValueError(
            f"the groups {name!r} and {reference!r} do not both have a number for the units "
            f"{list(alone)}; a paired difference needs both, so choose the common ones first"
        )
    return paired_difference(pairs[name], pairs[reference], level=level)


def _table(
    found: Mapping[Any, Interval],
    index: "pd.Index[Any]",
    center: str,
    *,
    percent: bool,
    digits: int | None,
) -> pd.DataFrame:
    ends = [(interval.value, interval.low, interval.high) for interval in found.values()]
    numbers = pd.DataFrame(ends, index, [center, "low", "high"])
    table: pd.DataFrame = _scaled(numbers, percent=percent, digits=digits)
    table["n"] = [interval.n for interval in found.values()]
    return table


def _scaled(numbers: Any, *, percent: bool, digits: int | None) -> Any:
    return (numbers * (100 if percent else 1)).round(_decimals(percent, digits)) + 0.0  # no -0.0


def _decimals(percent: bool, digits: int | None) -> int:
    """Return how many decimals a table shows: as told, else 1 in percent and 3 otherwise."""
    return (1 if percent else 3) if digits is None else digits


def check_columns(
    frame: pd.DataFrame, numbers: Sequence[str] = (), **named: str | Sequence[str] | None
) -> None:
    """Refuse a frame without the columns of some arguments, or with other than numbers in them."""
    for name, columns in named.items():
        for column in _names(columns or ()):
            if column not in frame:
                raise ValueError(f"{name}: frame has no column {column!r}; it has {list(frame)}")
            if name in numbers and not is_numeric_dtype(frame[column]):
                raise ValueError(
                    f"{name} must be a column of numbers, {column!r} has {frame[column].dtype}"
                )


# Means with their intervals as text, several side by side in each row of a table.


@door
def interval_grid(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str],
    value: str | Sequence[str],
    across: str | None = None,
    unit: str | Sequence[str] = "network",
    percent: bool = False,
    digits: Decimals | None = None,
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return means with their intervals as text, several side by side in each row, and n.

    Parameters
    ----------
    frame, by, unit, percent, digits, level
        As for `interval_table`.
    value
        Column of numbers; or several, which stand side by side.
    across
        With one ``value``: the column whose values stand side by side.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``by``: texts such as ``62.5 (50.0 to 75.0)``, empty where the frame has no
        rows, and n (as in ``4 to 5`` where it differs within a row).

    Raises
    ------
    ValueError
        If it is unclear what stands side by side, or as for `interval_table`.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"arm": "a", "network": [0, 1, 0, 1], "x": list("iijj"), "y": 1.0})
    >>> interval_grid(data, by="arm", value="y", across="x", digits=1)
    ... # doctest: +NORMALIZE_WHITESPACE
                       i                 j  n
    arm
    a    1.0 (1.0 to 1.0)  1.0 (1.0 to 1.0)  2
    """
    if isinstance(value, str) == (across is None):
        raise ValueError(
            f"got value={value!r} and across={across!r}: name several values, or one value and "
            "the column whose values shall stand side by side"
        )
    check_columns(frame, ["value"], by=by, value=value, across=across, unit=unit)

    def table(part: pd.DataFrame, column: str) -> pd.DataFrame:
        return interval_table(
            part, by=by, value=column, unit=unit, percent=percent, digits=digits, level=level
        )

    if isinstance(value, str):
        parts = {name: table(part, value) for name, part in frame.groupby(across, sort=False)}
    else:
        parts = {column: table(frame, column) for column in value}
    return _side_by_side(parts, _decimals(percent, digits))


def _side_by_side(tables: Mapping[Any, pd.DataFrame], digits: int) -> pd.DataFrame:
    texts = {name: _texts(table, digits) for name, table in tables.items()}
    counts = pd.concat([table["n"] for table in tables.values()], axis=1)
    least, most = counts.min(axis=1).astype(int), counts.max(axis=1).astype(int)
    n = [f"{a} to {b}" if a < b else str(a) for a, b in zip(least, most, strict=True)]
    table: pd.DataFrame = pd.concat(texts, axis=1).fillna("")
    table["n"] = n
    return table


def _texts(table: pd.DataFrame, digits: int) -> "pd.Series[str]":
    shown = table[["mean", "low", "high"]].map(lambda number: f"{number:.{digits}f}")
    return shown["mean"] + " (" + shown["low"] + " to " + shown["high"] + ")"
