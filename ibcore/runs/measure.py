"""The small expression language of the claims: parsed, checked, and walked without ``eval``."""

import ast
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ibcore.runs.reductions import FUNCTIONS
from ibcore.runs.sample import Draws, MeasureError, Sample

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
    functions of `ibcore.runs.reductions` (``mean``, ``median``, ``std``, ``quantile``, ``share``,
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
