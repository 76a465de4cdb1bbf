"""Docstrings as reStructuredText: what people read as plain text must not become markup."""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import NumpyDocstring

from ibcore.runs import experiments

_SPAN = re.compile(r"(``.*?``|:\w+:`[^`]*`|(?<!`)`[^`]+`_?)")
_STAR = re.compile(r"(?<=[(\[ ])\*(?=\w)(?![\w ]*\*)")  # (*shape, n), but not *emphasis*
_BARS = re.compile(r"\|")  # |p q|
_PRIVATE = re.compile(r", _\w+: .*(?=\)$)")  # the private fields of a dataclass stand last
_NAME = re.compile(r"`~?[A-Za-z_][\w.]*(?:\(\))?`|`[^`<]+<[^`>]+>`_?")


def escaped(line: str, literal: frozenset[str] = frozenset()) -> str:
    """Return a line in which stars and bars are text, and what is no Python name is a literal.

    Examples
    --------
    >>> escaped('holds for `"sgd"`, see `cka`')
    'holds for ``"sgd"``, see `cka`'
    """
    parts = _SPAN.split(line)
    for i, part in enumerate(parts):
        if i % 2 == 0:
            parts[i] = _BARS.sub(r"\\|", _STAR.sub(r"\\*", part))
        elif part[0] == "`" != part[1] and (part[1:-1] in literal or not _NAME.fullmatch(part)):
            parts[i] = f"`{part}`"
    return "".join(parts)


def cleaned(lines: list[str], literal: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the lines of a docstring, escaped except in its examples."""
    example = False
    for line in lines:
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        yield line if example else escaped(line, literal)


def clean(app: Sphinx, what: str, name: str, *rest: Any) -> None:
    """Escape a docstring before napoleon reads it."""
    lines: list[str] = rest[-1]
    lines[:] = cleaned(lines, _experiments())


def unread(app: Sphinx, what: str, name: str, *rest: Any) -> None:
    """Read a property's docstring again: napoleon took what stands before a colon for a type."""
    thing, _, lines = rest
    if what == "property":
        text = list(cleaned((inspect.getdoc(thing) or "").splitlines(), _experiments()))
        lines[:] = NumpyDocstring(text, app.config, app, "method", name, thing).lines()


def readable(app: Sphinx, what: str, name: str, *rest: Any) -> tuple[str, Any] | None:
    """Write a default made anew for each object as ``...``, and leave private fields out.

    Sphinx cannot read ``<factory>``, which is how `dataclasses` writes such a default.
    """
    _, _, arguments, returned = rest
    if not arguments:
        return None
    return _PRIVATE.sub("", arguments.replace("<factory>", "...")), returned


@cache
def _experiments() -> frozenset[str]:
    """Return the names of the experiments, which look like names of Python."""
    return frozenset(each.name for each in experiments())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("autodoc-process-docstring", clean, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", readable)
    app.connect("autodoc-process-docstring", unread, priority=600)  # after it
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
