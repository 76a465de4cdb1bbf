"""The small expression language of the claims: parsed, checked, and walked without ``eval``."""

import ast
import inspect
import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from ibcore.stats import rank_correlations

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
        self._read: dict[str, tuple[Rows, Draws]] = {}  # each draw asks for the same rows again

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
        key = repr((name, where))
        if key not in self._read:
            self._read[key] = self._finite(name, where)
        return self._read[key]

    def _finite(self, name: str, where: Mapping[str, Any]) -> tuple[Rows, Draws]:
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


def quantile(sample: Sample, column: str, /, q: float, **where: Any) -> Draws:
    """Quantile of the finite values, with linear interpolation as in `numpy.quantile`."""
    if not isinstance(q, int | float) or not 0 <= q <= 1:
        raise MeasureError(f"quantile needs q between 0 and 1, got {q!r}")
    rows, values = sample.finite(column, where)
    order = np.argsort(values, kind="stable")
    ordered, codes = values[order], sample.codes[rows][order]
    return np.array([_weighted_quantile(ordered, copies[codes], q) for copies in sample.weights])


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
    return rank_correlations(first, second)


FUNCTIONS: Mapping[str, Callable[..., Draws]] = {
    "mean": mean,
    "quantile": quantile,
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


Value = Draws | tuple[Draws, ...]

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
}


_ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "min": lambda first, second, /, *others: np.minimum.reduce([first, second, *others]),
    "max": lambda first, second, /, *others: np.maximum.reduce([first, second, *others]),
}
_KNOWN = ", ".join([*FUNCTIONS, *_ARITHMETIC])
Compute = Callable[[Sample], Any]  # what a part of a measure gives on a sample


class Measure:
    """A checked expression over a stored frame.

    Numbers, ``+ - * /``, a tuple at the top, ``min``, ``max``, and the functions of
    `ibcore.runs.measure` (``mean``, ``quantile``, ``max_over``, ``min_over``,
    ``spearman``), whose keyword arguments other than their own select rows:
    ``mean("complexity", activation="relu", depth=[2, 3])``.

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
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise MeasureError(f"{text!r} is not an expression: {error}") from error
        entries = tree.elts if isinstance(tree, ast.Tuple) else [tree]
        self._entries = [_compile(entry) for entry in entries]
        self.length = len(entries) if isinstance(tree, ast.Tuple) else None
        self.null = _null(tree) if self.length is None else ()
        self.shares = tuple(_differences_divided_by(tree))
        self.reductions = tuple(_reductions(tree))

    def with_filters(self, exchanged: Mapping[str, Mapping[Any, Any]]) -> "Measure":
        """Return the measure with other values of its filters, by name and present value."""
        tree = ast.parse(self.text.strip(), mode="eval")
        found = set()
        for node in ast.walk(tree):
            for now, then in exchanged.get(getattr(node, "arg", ""), {}).items():
                if isinstance(node, ast.keyword) and ast.unparse(node.value) == repr(now):
                    found.add((node.arg, now))
                    node.value = ast.Constant(then)
                    break
        missing = {(name, now) for name in exchanged for now in exchanged[name]} - found
        if missing:
            raise MeasureError(f"no filter of {self.text!r} is {missing}; exchange one that is")
        return Measure(ast.unparse(tree))

    def __call__(self, sample: Sample) -> Value:
        """Return one array over draws, or a tuple of them, shape (draws,) each."""
        with np.errstate(all="ignore"):
            values = [np.asarray(entry(sample), dtype=np.float64) for entry in self._entries]
        draws = tuple(np.broadcast_to(value, (sample.draws,)) for value in values)
        return draws[0] if self.length is None else draws


def _differences_divided_by(tree: ast.expr) -> Iterator[str]:
    """Yield the denominators of a measure that are effects: differences of reductions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts = list(ast.walk(node.right))
            if any(isinstance(part, ast.Sub) for part in parts):
                yield ast.unparse(node.right)


def _reductions(tree: ast.expr) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each reduction of a measure that reads rows: its name and its arguments."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    for node in calls:
        name = ast.unparse(node.func)
        if name in FUNCTIONS:
            options = {str(each.arg): _literal(each.value) for each in node.keywords}
            bound = inspect.signature(FUNCTIONS[name]).bind(
                None, *map(_literal, node.args), **options
            )
            yield name, {"where": {}, **bound.arguments}


class _Equal(ast.NodeTransformer):
    """Puts 1 in the place of every reduction, as if all conditions gave the same."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            return self.generic_visit(node)
        self.names.append(name)
        return ast.Constant(1.0)


def _null(tree: ast.expr) -> tuple[float, ...]:
    """Return the value of a measure where all its reductions are equal; () if it has none."""
    equal = _Equal()
    same = equal.visit(ast.parse(ast.unparse(tree), mode="eval").body)
    if equal.names == ["spearman"] and isinstance(tree, ast.Call):
        return (0.0,)
    if len(equal.names) < 2 or "spearman" in equal.names:
        return ()
    with np.errstate(all="ignore"):
        value = float(_compile(same)(None))  # type: ignore[arg-type]  # numbers ask no sample
    return (value,) if np.isfinite(value) else ()


def _compile(node: ast.expr) -> Compute:
    """Read a number, arithmetic, or a call of a known function; refuse anything else."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        number = float(node.value)  # type: ignore[arg-type]
        return lambda _: number
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        combine = _OPERATORS[type(node.op)]
        left, right = _compile(node.left), _compile(node.right)
        return lambda sample: combine(left(sample), right(sample))
    if isinstance(node, ast.Call):
        return _compile_call(node)
    raise MeasureError(
        f"{ast.unparse(node)!r} is not allowed here; a measure holds numbers, + - * /, and "
        f"calls of {_KNOWN}; tuples stand only at the top"
    )


def _compile_call(node: ast.Call) -> Compute:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in FUNCTIONS and name not in _ARITHMETIC:
        raise MeasureError(f"unknown function {name!r}; known: {_KNOWN}")
    if any(keyword.arg is None for keyword in node.keywords):
        raise MeasureError(f"{ast.unparse(node)!r}: * and ** are not allowed; write each argument")
    function = _ARITHMETIC.get(name) or FUNCTIONS[name]
    read: Callable[[ast.expr], Any] = _compile if name in _ARITHMETIC else _literal
    values = [read(argument) for argument in node.args]
    options = {str(keyword.arg): read(keyword.value) for keyword in node.keywords}
    before = () if name in _ARITHMETIC else (None,)  # in the place of the sample
    try:
        inspect.signature(function).bind(*before, *values, **options)
    except TypeError as error:
        raise MeasureError(f"{ast.unparse(node)!r}: {error}") from error
    if name in _ARITHMETIC:
        return lambda sample: function(*[value(sample) for value in values])
    return lambda sample: function(sample, *values, **options)


def _literal(node: ast.expr) -> Any:
    """Return a number, string, True, False, None, or a list of these."""
    with suppress(ValueError, TypeError):
        value = ast.literal_eval(node)
        entries = list(value) if isinstance(value, list | tuple) else [value]
        if {type(entry) for entry in entries} <= {int, float, str, bool, type(None)}:
            return entries if isinstance(value, list | tuple) else value
    raise MeasureError(
        f"{ast.unparse(node)!r} is not a plain value; columns, options and filters are numbers, "
        "strings, True, False, None or lists of these"
    )
