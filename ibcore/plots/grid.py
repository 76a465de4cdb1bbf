"""Means with their intervals as text, several side by side in each row of a table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ibcore.plots.tables import check_columns, decimals, interval_table

if TYPE_CHECKING:
    import pandas as pd


def interval_grid(
    frame: "pd.DataFrame",
    *,
    by: str | Sequence[str],
    value: str | Sequence[str],
    across: str | None = None,
    unit: str | Sequence[str] = "network",
    percent: bool = False,
    digits: int | None = None,
    level: float = 0.95,
) -> "pd.DataFrame":
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
    check_columns(frame, [str(across)] if isinstance(value, str) else value)

    def table(part: "pd.DataFrame", column: str) -> "pd.DataFrame":
        return interval_table(
            part, by=by, value=column, unit=unit, percent=percent, digits=digits, level=level
        )

    if isinstance(value, str):
        parts = {name: table(part, value) for name, part in frame.groupby(across, sort=False)}
    else:
        parts = {column: table(frame, column) for column in value}
    return _side_by_side(parts, decimals(percent, digits))


def _side_by_side(tables: "Mapping[Any, pd.DataFrame]", digits: int) -> "pd.DataFrame":
    import pandas as pd

    texts = {name: _texts(table, digits) for name, table in tables.items()}
    counts = pd.concat([table["n"] for table in tables.values()], axis=1)
    least, most = counts.min(axis=1).astype(int), counts.max(axis=1).astype(int)
    n = [f"{a} to {b}" if a < b else str(a) for a, b in zip(least, most, strict=True)]
    table: pd.DataFrame = pd.concat(texts, axis=1).fillna("")
    table["n"] = n
    return table


def _texts(table: "pd.DataFrame", digits: int) -> "pd.Series[str]":
    shown = table[["mean", "low", "high"]].map(lambda number: f"{number:.{digits}f}")
    return shown["mean"] + " (" + shown["low"] + " to " + shown["high"] + ")"
