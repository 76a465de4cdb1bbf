"""A frame seen through many bootstrap draws at once: each measure returns one value per draw.

A draw gives every replicate a whole number of copies.  Sums over a draw are then products of
these weights with sums per replicate, so a thousand draws cost little more than one.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

if TYPE_CHECKING:
    import pandas as pd

Draws = NDArray[np.float64]
Rows = NDArray[np.bool_]


class MeasureError(ValueError):
    """A measure cannot be read, or does not fit the stored frame."""


class Sample:
    """A frame with weights of its replicates, shape (draws, replicates).

    Attributes
    ----------
    codes
        For each row the number of its replicate.
    weights
        How many copies of each replicate each draw holds; at first one draw, one copy of each.
    used, nonfinite
        Which rows any measure has read so far, and which of them held no finite value.

    Raises
    ------
    MeasureError
        If the replicate column does not exist or is empty in some rows.
    """

    def __init__(self, frame: "pd.DataFrame", replicate: str) -> None:
        self.frame = frame.copy(deep=False)
        self.frame.attrs = {}  # pandas copies all of them, provenance too, with every column
        codes, ids = self.column(replicate).factorize()
        if (codes < 0).any():
            raise MeasureError(
                f"the replicate column {replicate!r} is empty in {int((codes < 0).sum())} rows; "
                "name another column with 'resample:'"
            )
        self.codes: NDArray[np.intp] = codes
        self.replicates = len(ids)
        self.weights: Draws = np.ones((1, self.replicates))
        self.used: Rows = np.zeros(len(frame), dtype=bool)
        self.nonfinite: Rows = np.zeros(len(frame), dtype=bool)

    @property
    def draws(self) -> int:
        """Number of draws held at present."""
        return len(self.weights)

    def used_replicates(self) -> NDArray[np.intp]:
        """Return the numbers of the replicates that the rows read so far belong to."""
        return np.unique(self.codes[self.used])

    def column(self, name: str) -> "pd.Series[Any]":
        """Return a column; `MeasureError` naming the columns if there is no such one."""
        if name not in self.frame:
            known = ", ".join(map(str, self.frame.columns))
            raise MeasureError(f"there is no column {name!r}; the frame has {known}")
        return self.frame[name]

    def rows(self, where: Mapping[str, Any]) -> Rows:
        """Return which rows match every filter; `MeasureError` if none does."""
        mask = np.ones(len(self.frame), dtype=bool)
        for name, wanted in where.items():
            mask &= _matches(self.column(name), wanted)
        if not mask.any():
            filters = ", ".join(f"{name}={wanted!r}" for name, wanted in where.items())
            raise MeasureError(
                f"no row matches {filters or 'an empty frame'}; available: "
                + "; ".join(f"{name} in {_available(self.column(name))}" for name in where)
            )
        self.used |= mask
        return mask

    def finite(self, name: str, where: Mapping[str, Any]) -> tuple[Rows, Draws]:
        """Return which matching rows are finite in a column, and their values."""
        mask = self.rows(where)
        if not is_numeric_dtype(self.column(name)):
            raise MeasureError(f"column {name!r} does not hold numbers; name another column")
        values = self.column(name).to_numpy(dtype=np.float64, na_value=np.nan)
        finite = mask & np.isfinite(values)
        self.nonfinite |= mask & ~finite
        if not finite.any():
            raise MeasureError(
                f"none of the {int(mask.sum())} rows has a finite {name!r} (filters: {where})"
            )
        return finite, values[finite]

    def total(self, rows: Rows, values: Draws | None = None) -> Draws:
        """Return for each draw the weighted sum of ``values`` (default: the count) over rows."""
        sums = np.bincount(self.codes[rows], values, minlength=self.replicates)
        result: Draws = self.weights @ sums.astype(np.float64)
        return result

    def group_means(self, column: str, by: str | list[str], where: Mapping[str, Any]) -> Draws:
        """Return the mean of ``column`` in each group that ``by`` makes, shape (draws, groups)."""
        rows, values = self.finite(column, where)
        names = [by] if isinstance(by, str) else by
        groups, labels = self._groups(names, where)
        cell, size = self.codes[rows] * len(labels) + groups[rows], self.replicates * len(labels)
        shape = (self.replicates, len(labels))
        counts = np.bincount(cell, minlength=size).reshape(shape).astype(np.float64)
        empty = np.flatnonzero(counts.sum(axis=0) == 0)
        if len(empty):
            raise MeasureError(
                f"{len(empty)} of {len(labels)} groups have no finite {column!r}, the first with "
                f"{', '.join(names)} = {labels[empty[0]]}; exclude them with a filter"
            )
        sums = np.bincount(cell, values, minlength=size).reshape(shape)
        return ratio(self.weights @ sums, self.weights @ counts)

    def _groups(
        self, names: list[str], where: Mapping[str, Any]
    ) -> tuple[NDArray[np.intp], list[tuple[Any, ...]]]:
        """Return each row's group number, -1 outside ``where``, and each group's values."""
        for name in names:
            self.column(name)
        mask = self.rows(where)
        chosen = self.frame.loc[mask, names]
        numbers = np.full(len(self.frame), -1, dtype=np.intp)
        numbers[mask] = chosen.groupby(names, sort=True, dropna=False).ngroup().to_numpy()
        first = np.unique(numbers[mask], return_index=True)[1]
        return numbers, list(chosen.iloc[first].itertuples(index=False, name=None))


def ratio(numerator: Draws, denominator: Draws) -> Draws:
    """Divide; nan where a draw holds no row."""
    empty = np.full(np.shape(numerator), np.nan)
    result: Draws = np.divide(numerator, denominator, out=empty, where=denominator > 0)
    return result


def _matches(column: "pd.Series[Any]", wanted: Any) -> Rows:
    mask = np.zeros(len(column), dtype=bool)
    for value in wanted if isinstance(wanted, list) else [wanted]:
        found = column.isna() if value is None else column == value
        mask |= found.to_numpy(dtype=bool, na_value=False)
    return mask


def _available(column: "pd.Series[Any]", most: int = 12) -> str:
    values = [str(value) for value in column.drop_duplicates().tolist()]
    return ", ".join(values[:most]) + (f", ... ({len(values)} values)" if values[most:] else "")
