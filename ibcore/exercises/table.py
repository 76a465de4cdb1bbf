"""A table (a pandas DataFrame) as an answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ibcore.exercises.exercise import Unreadable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """A number for each key, in a frame whose first row must be the right one.

    Attributes
    ----------
    reference
        Returns the right frame; computed when asked, so it may read a stored result.
    key, column
        Column that names the rows, and column of numbers.
    within
        Absolute tolerance of the numbers.
    """

    reference: Callable[[], "pd.DataFrame"]
    key: str
    column: str
    within: float

    def read(self, answer: object) -> "pd.Series[float]":
        """Return the column of numbers by key, in the order of the rows."""
        import pandas as pd

        if not isinstance(answer, pd.DataFrame):
            raise Unreadable(f"A DataFrame is expected, and this is {type(answer).__name__}.")
        frame = answer.reset_index() if self.key in answer.index.names else answer
        missing = [name for name in (self.key, self.column) if name not in frame.columns]
        if missing:
            raise Unreadable(f"There is no column {' and none '.join(map(repr, missing))}.")
        keys = sorted(self.reference()[self.key])
        if sorted(map(str, frame[self.key])) != keys:
            raise Unreadable(f"One row is expected for each of: {', '.join(keys)}.")
        return frame.set_index(self.key)[self.column].astype("float64")

    def is_right(self, value: "pd.Series[float]") -> bool:
        """Compare with the reference."""
        return self.agree(value, self.read(self.reference()))

    def agree(self, value: "pd.Series[float]", other: "pd.Series[float]") -> bool:
        """Compare the first key and each number."""
        near = (value - other.reindex(value.index)).abs() <= self.within
        return bool(value.index[0] == other.index[0] and near.all())

    def complaint(self, value: "pd.Series[float]") -> str:
        """Return nothing: the exercise's own hint says more."""
        return ""

    def secrets(self) -> tuple[str, ...]:
        """Return the first key, and the numbers with one and two decimals."""
        right = self.read(self.reference())
        numbers = {f"{abs(x):.{digits}f}" for x in right for digits in (1, 2)}
        return (str(right.index[0]), *sorted(numbers))
