"""What figures ask of a stored result: one reader of its numbers, and what a page shows of them."""

import base64
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ibcore.stats import mean_interval

if TYPE_CHECKING:
    import pandas as pd


Summary = tuple[float | None, float | None, float | None, int]  # mean, low, high, how many
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

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


def summarize(values: Iterable[float], digits: int = _DIGITS) -> Summary:
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
        return (round(float(finite[0]), digits), None, None, 1)
    mean = mean_interval(finite)
    value, low, high = (round(end, digits) for end in (mean.value, mean.low, mean.high))
    return (value, low, high, mean.n)


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


def ordered(values: "pd.Series[Any]") -> list[Any]:
    """Return the different values of a column: numbers sorted, words in order of appearance."""
    found = list(values)
    return in_order(found) if any(isinstance(value, str) for value in found) else plain(found)


def nearest(value: float, choices: Iterable[float]) -> float:
    """Return the choice whose ratio to ``value`` is nearest to 1.

    Examples
    --------
    >>> nearest(3.5, [1.0, 4.0, 16.0])
    4.0
    """
    return min(choices, key=lambda choice: abs(np.log(choice / value)))


# The reader of stored numbers: a tidy frame as arrays over its axes, every combination once.


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers of a stored result over the values of its axes.

    Attributes
    ----------
    axes
        Name and values of each axis.
    measures
        Name to an array over the axes; rows of bytes add a last axis.
    """

    axes: dict[str, list[Any]]
    measures: dict[str, NDArray[Any]]

    def at(self, measure: str, **chosen: Any) -> NDArray[Any]:
        """Return a measure at chosen values of some axes, over the other axes."""
        index = [
            values.index(chosen[name]) if name in chosen else slice(None)
            for name, values in self.axes.items()
        ]
        found: NDArray[Any] = self.measures[measure][tuple(index)]
        return found


def read_table(
    frame: "pd.DataFrame",
    axes: Sequence[str],
    measures: Sequence[str] = (),
    *,
    packed: Mapping[str, tuple[type[np.generic], int]] | None = None,
    orders: Mapping[str, Sequence[Any]] | None = None,
    one: Sequence[str] = (),
    name: str = "frame",
) -> Table:
    """Return columns of a tidy frame as arrays over its axes.

    Parameters
    ----------
    frame
        One row for each combination of the axes; networks, which repeat a run, are an axis.
    axes
        Columns that tell rows apart.  Their values are sorted; words stand as they first appear.
    measures
        Columns of numbers or words.
    packed
        Columns of bytes, with the kind and the number of the values in each row.
    orders
        Values of some axes in place of those of the frame; rows with others are left out.
    one
        Columns that must have one value.
    name
        What the frame is called in messages.

    Raises
    ------
    ValueError
        If a column or a combination is missing, a combination comes twice, a column has several
        values where one is needed, or a row of bytes has another length.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"step": [5, 0], "network": 0, "loss": [0.1, 0.9]})
    >>> table = read_table(frame, ("step", "network"), ("loss",))
    >>> table.axes, table.at("loss", step=5)
    ({'step': [0, 5], 'network': [0]}, array([0.1]))
    """
    kinds, orders = packed or {}, orders or {}
    check_columns(name, frame, (*axes, *measures, *kinds, *one))
    for column in one:
        if len(plain(frame[column])) > 1:
            raise ValueError(
                f"{name} has {column} {plain(frame[column])}, but needs one {column}; "
                "select one of them"
            )
    values = {axis: list(orders.get(axis) or ordered(frame[axis])) for axis in axes}
    cells = _every_combination(name, frame, values)
    shape = tuple(map(len, values.values()))
    numbers = {column: cells[column].to_numpy().reshape(shape) for column in measures}
    for column, (kind, length) in kinds.items():
        rows = [np.frombuffer(row, dtype=kind) for row in cells[column]]
        wrong = next((len(row) for row in rows if len(row) != length), None)
        if wrong is not None:
            raise ValueError(f"{name}: rows of {column} must hold {length} values, got {wrong}")
        numbers[column] = np.stack(rows).reshape(*shape, length)
    return Table(values, numbers)


def _every_combination(
    name: str, frame: "pd.DataFrame", axes: Mapping[str, list[Any]]
) -> "pd.DataFrame":
    """Return one row for each combination, in the order of the axes."""
    import pandas as pd

    wanted = pd.MultiIndex.from_product(list(axes.values()), names=list(axes))
    rows = frame.set_axis(pd.MultiIndex.from_frame(frame[list(axes)]))
    missing = wanted[~wanted.isin(rows.index)]
    if len(missing):
        first = dict(zip(axes, (plain([value])[0] for value in missing[0]), strict=True))
        raise ValueError(
            f"{name} has no row for {_in_words(first)}; the figure needs every combination"
        )
    rows = rows[rows.index.isin(wanted)]
    if len(rows) > len(wanted):
        raise ValueError(
            f"{name} has {len(rows)} rows for {len(wanted)} combinations of {', '.join(axes)}; "
            "keep one of each"
        )
    ordered_rows: pd.DataFrame = rows.loc[wanted]
    return ordered_rows


def read_parts(
    frame: "pd.DataFrame",
    by: Sequence[str],
    axes: Sequence[str],
    measures: Sequence[str],
    *,
    within: Mapping[str, str] | None = None,
    orders: Mapping[str, Sequence[Any]] | None = None,
    sparse: bool = False,
    name: str = "frame",
) -> dict[tuple[Any, ...], Table]:
    """Return a table for each combination of some columns, as `read_table` reads it.

    Parameters
    ----------
    by
        Columns whose values tell the tables apart.
    within
        Axes whose values differ with one of these columns: ``{axis: column}``.  Other axes have
        the same values in every table.
    sparse
        Whether combinations of ``by`` may be absent.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"view": ["a", "b", "b"], "net": ["x", "x", "y"], "loss": 0.5})
    >>> parts = read_parts(frame, ("view",), ("net",), ("loss",), within={"net": "view"})
    >>> {key: table.axes["net"] for key, table in parts.items()}
    {('a',): ['x'], ('b',): ['x', 'y']}
    """
    check_columns(name, frame, (*by, *axes, *measures))
    orders = orders or {}
    common = {axis: ordered(frame[axis]) for axis in axes}
    parts = {}
    for key in product(*(orders.get(column) or ordered(frame[column]) for column in by)):
        chosen = dict(zip(by, key, strict=True))
        own = _rows(frame, chosen)
        if own.empty and sparse:
            continue
        called = f"{name} of {_in_words(chosen)}"
        kin = {
            axis: ordered(_rows(frame, {column: chosen[column]})[axis])
            for axis, column in (within or {}).items()
        }
        parts[key] = read_table(own, axes, measures, orders=common | kin, name=called)
    return parts


def _rows(frame: "pd.DataFrame", chosen: Mapping[str, Any]) -> "pd.DataFrame":
    for column, value in chosen.items():
        frame = frame[frame[column] == value]
    return frame


def _in_words(chosen: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in chosen.items())


# What a page shows: nested lists of rounded numbers, of means with intervals, or packed text.


def nested(values: NDArray[Any], show: Callable[[Any], Any], *, last: int = 0) -> Any:
    """Return nested lists of what ``show`` makes of each value, or of each row with ``last=1``.

    Examples
    --------
    >>> nested(np.array([[1.0, 3.0], [2.0, 4.0]]), lambda row: float(row.mean()), last=1)
    [2.0, 3.0]
    """
    if values.ndim == last:
        return show(values)
    return [nested(part, show, last=last) for part in values]


def rounded(values: NDArray[Any], digits: int) -> Any:
    """Return nested lists of rounded numbers.

    Examples
    --------
    >>> rounded(np.array([0.25, 0.126]), 2)
    [0.25, 0.13]
    """
    return nested(values, lambda value: round(float(value), digits))


def summaries(values: NDArray[Any]) -> Any:
    """Return nested lists of what `summarize` says of the last axis.

    Examples
    --------
    >>> summaries(np.array([[0.5]]))
    [(0.5, None, None, 1)]
    """
    return nested(values, summarize, last=1)


def intervals(values: NDArray[Any]) -> Any:
    """Return nested lists of (mean, low, high) over the last axis, rounded for a page.

    Examples
    --------
    >>> intervals(np.array([[0.5]]))
    [(0.5, None, None)]
    """
    return nested(values, lambda row: summarize(row)[:3], last=1)


def fitting(packed: str, largest: int, what: str) -> str:
    """Return a packed text, or raise a ValueError if it is too large for a page.

    Examples
    --------
    >>> fitting("abc", 10, "3 pictures")
    'abc'
    """
    if len(packed) > largest:
        raise ValueError(
            f"{what} take {len(packed)} characters, more than {largest}; select fewer of them"
        )
    return packed


# Many small pictures as one short text: quantized, predicted, deflated, base64.

LEVELS = (64, 32, 16, 8)  # gray levels to try; more than 64 cannot be told apart in a figure


def quantize(pictures: NDArray[np.uint8], levels: int) -> NDArray[np.uint8]:
    """Reduce 256 levels to fewer: 0 stays 0 and 255 becomes ``levels - 1``.

    Examples
    --------
    >>> quantize(np.array([0, 128, 255], dtype=np.uint8), 32).tolist()
    [0, 16, 31]
    """
    return np.floor(pictures.astype(np.float64) * (levels - 1) / 255 + 0.5).astype(np.uint8)


def fit_pictures(pictures: NDArray[np.uint8], largest: int) -> tuple[str, int]:
    """Pack pictures (m, n, n) with the most gray levels that fit, and return how many these are.

    Parameters
    ----------
    pictures
        uint8 of shape (m, n, n).
    largest
        Characters that the text may have.

    Raises
    ------
    ValueError
        If the coarsest pictures are still too large.

    Examples
    --------
    >>> fit_pictures(np.zeros((50, 32, 32), dtype=np.uint8), 1000)[1]
    64
    """
    for levels in LEVELS:
        packed = pack_pictures(pictures, levels)
        if len(packed) <= largest:
            break
    return fitting(packed, largest, f"{len(pictures)} pictures in {levels} gray levels"), levels


def pack_pictures(pictures: NDArray[np.uint8], levels: int) -> str:
    """Return pictures (m, n, n) as text that ``IBExplorers.unpackPictures`` reads.

    Each value is replaced by its difference from left + above - above left (modulo 256), which
    is small where a picture is smooth, and the differences are deflated.

    Raises
    ------
    ValueError
        If the pictures are not uint8 of shape (m, n, n).

    Examples
    --------
    >>> len(pack_pictures(np.zeros((50, 32, 32), dtype=np.uint8), 32)) < 200
    True
    """
    if pictures.dtype != np.uint8 or pictures.ndim != 3 or pictures.shape[1] != pictures.shape[2]:
        raise ValueError(
            f"pictures must be uint8 of shape (m, n, n), got {pictures.dtype} {pictures.shape}"
        )
    padded = np.pad(
        quantize(pictures, levels), ((0, 0), (1, 0), (1, 0))
    )  # arithmetic modulo 256 is meant
    above = padded[:, :-1, 1:] - padded[:, :-1, :-1]
    differences = padded[:, 1:, 1:] - padded[:, 1:, :-1] - above
    return base64.b64encode(zlib.compress(differences.tobytes(), 9)).decode()
