"""The small expression language of the claims: parsed, checked, and walked without ``eval``."""

import ast
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from ibcore.stats import spearman as rank_correlation

if TYPE_CHECKING:
    import pandas as pd


# A frame seen through many bootstrap draws at once: each measure returns one value per draw.
#
# A draw gives every replicate a whole number of copies.  Sums over a draw are then products of
# these weights with sums per replicate, so a thousand draws cost little more than one.

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


# The functions of the measure language: each reduces the chosen rows to one value per draw.


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


Value = Draws | tuple[Draws, ...]

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
    ast.Pow: np.float_power,
}


def _abs(value: Draws, /) -> Any:
    return np.abs(value)


def _log(value: Draws, /) -> Any:
    return np.log(value)


def _minimum(first: Draws, second: Draws, /, *others: Draws) -> Any:
    return np.minimum.reduce([first, second, *others])


def _maximum(first: Draws, second: Draws, /, *others: Draws) -> Any:
    return np.maximum.reduce([first, second, *others])


_ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "abs": _abs,
    "log": _log,
    "min": _minimum,
    "max": _maximum,
}


class Measure:
    """A checked expression over a stored frame.

    Numbers, ``+ - * / **``, a tuple at the top, ``abs``, ``log``, ``min``, ``max``, and the
    functions of `ibcore.runs.measure` (``mean``, ``median``, ``std``, ``quantile``, ``share``,
    ``count``, ``max_over``, ``min_over``, ``spearman``), whose keyword arguments other than
    their own select rows: ``mean("complexity", activation="relu", depth=[2, 3])``.

    Raises
    ------
    MeasureError
        If the text is anything else.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"network": [0, 1, 0, 1], "x": [1.0, 3.0, 5.0, 7.0],
    ...                       "kind": ["a", "a", "b", "b"]})
    >>> ratio = Measure("mean('x', kind='b') / mean('x', kind='a')")
    >>> ratio(Sample(frame, "network")).tolist()
    [3.0]
    >>> try:
    ...     Measure("open('secrets')")
    ... except MeasureError as error:
    ...     print(str(error)[:23])
    unknown function 'open'
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise MeasureError(f"{text!r} is not an expression: {error}") from error
        entries = self._tree.elts if isinstance(self._tree, ast.Tuple) else [self._tree]
        for entry in entries:
            _check(entry)
        self.length = len(entries) if isinstance(self._tree, ast.Tuple) else None

    def __call__(self, sample: Sample) -> Value:
        """Return one array over draws, or a tuple of them, shape (draws,) each."""
        with np.errstate(all="ignore"):
            if isinstance(self._tree, ast.Tuple):
                return tuple(_draws(entry, sample) for entry in self._tree.elts)
            return _draws(self._tree, sample)


def _draws(node: ast.expr, sample: Sample) -> Draws:
    value = _walk(node, sample)
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (sample.draws,))


def _check(node: ast.expr) -> None:
    """Raise unless ``node`` is a number, arithmetic, or a call of a known function."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        _check(node.left)
        _check(node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        _check(node.operand)
    elif isinstance(node, ast.Call):
        _check_call(node)
    else:
        raise MeasureError(
            f"{ast.unparse(node)!r} is not allowed here; a measure holds numbers, + - * / **, and "
            f"calls of {', '.join([*FUNCTIONS, *_ARITHMETIC])}; tuples stand only at the top"
        )


def _check_call(node: ast.Call) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in FUNCTIONS and name not in _ARITHMETIC:
        raise MeasureError(
            f"unknown function {name!r}; known: {', '.join([*FUNCTIONS, *_ARITHMETIC])}"
        )
    if any(keyword.arg is None for keyword in node.keywords) or any(
        isinstance(argument, ast.Starred) for argument in node.args
    ):
        raise MeasureError(f"{ast.unparse(node)!r}: * and ** are not allowed; write each argument")
    keywords = {str(keyword.arg): keyword.value for keyword in node.keywords}
    try:
        if name in _ARITHMETIC:
            inspect.signature(_ARITHMETIC[name]).bind(*node.args, **keywords)
        else:
            inspect.signature(FUNCTIONS[name]).bind(None, *node.args, **keywords)
    except TypeError as error:
        raise MeasureError(f"{ast.unparse(node)!r}: {error}") from error
    for argument in [*node.args, *keywords.values()]:
        if name in _ARITHMETIC:
            _check(argument)
        else:
            _literal(argument)


def _literal(node: ast.expr) -> Any:
    """Return a number, string, True, False, None, or a list of these."""
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(entry) for entry in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _literal(node.operand)
        if type(value) in (int, float):
            return -value
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, str, bool, type(None)):
        return node.value
    raise MeasureError(
        f"{ast.unparse(node)!r} is not a plain value; columns, options and filters are numbers, "
        "strings, True, False, None or lists of these"
    )


def _walk(node: ast.expr, sample: Sample) -> Any:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]  # _check admits numbers only
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_walk(node.left, sample), _walk(node.right, sample))
    if isinstance(node, ast.UnaryOp):
        value = _walk(node.operand, sample)
        return -value if isinstance(node.op, ast.USub) else value
    assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if node.func.id in _ARITHMETIC:
        return _ARITHMETIC[node.func.id](*[_walk(argument, sample) for argument in node.args])
    return FUNCTIONS[node.func.id](
        sample,
        *[_literal(argument) for argument in node.args],
        **{str(keyword.arg): _literal(keyword.value) for keyword in node.keywords},
    )
