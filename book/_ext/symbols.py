"""The symbols of the book and what they are called in the code: the tables of the glossary.

``book/symbols.yml`` holds them.  A page with a line ``<!-- symbols -->`` shows them, each code
name with a link to its description.
"""

import dataclasses
import inspect
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import api_names
import api_usage
import freshness
import yaml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

SOURCE = freshness.ROOT / "book" / "symbols.yml"
MARK = "<!-- symbols -->"
TITLES = {
    "everywhere": "In the whole book",
    **api_names.LAB_TITLES,
}
CLASS = "ib-symbols"
LOAD = "ibcore.runs.load"
CODE = re.compile(r"(?P<path>[\w./-]+)(?:\((?P<parameter>\w+)\)|\[(?P<item>[\w.{}]+)\])?")


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """One row: see the head of ``book/symbols.yml``; ``group`` is the part of the book."""

    group: str
    symbol: str
    code: tuple[str, ...]
    meaning: str
    range: str
    pages: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[str, ...]:
        """Return every way in which a table of symbols writes it."""
        return (self.symbol, *self.also)

    @property
    def first(self) -> str:
        """Return the chapter that uses it first; without one, the page that defines it."""
        chapters = [chapter for chapter in api_usage.chapters() if chapter in self.pages]
        return (chapters or list(self.pages))[0]


def read(path: Path = SOURCE) -> list[Symbol]:
    """Return all symbols in the order of the file.

    Raises
    ------
    ValueError
        If a group or a field is unknown, or a field is missing.
    """
    found = []
    for group, rows in yaml.safe_load(path.read_text("utf-8")).items():
        if group not in TITLES:
            raise ValueError(f"{path.name}: unknown group {group!r}; choose one of {set(TITLES)}")
        for row in rows:
            fields: dict[str, Any] = {
                key: tuple(v) if isinstance(v, list) else v for key, v in row.items()
            }
            try:
                found.append(Symbol(group=group, **fields))
            except TypeError as error:
                raise ValueError(f"{path.name}: {row.get('symbol')!r}: {error}") from error
    return found


def shown(code: str) -> str:
    """Return a code name in MyST, with a link to its description.

    Raises
    ------
    ValueError
        If ibcore has no such name.

    Examples
    --------
    >>> shown("ibcore.nets.MLP(depth)")
    '`depth` of {py:obj}`MLP <ibcore.nets.MLP>`'
    """
    match = CODE.fullmatch(code)
    if match is None:
        raise ValueError(f"{code!r} is neither a name, name(parameter) nor name[item]")
    path, parameter, item = match.group("path", "parameter", "item")
    if item and path in api_usage.chapters():
        return f"`{item}` in the code of [](/{path}.ipynb)"
    if item and not path.startswith("ibcore."):
        return f"`{item}` in {{py:obj}}`{path} <{LOAD}>`"
    owner = owner_of(path)
    member = path.removeprefix(owner.path).removeprefix(".")
    thing = getattr(owner.thing, member) if parameter and member else owner.thing
    if parameter and parameter not in inspect.signature(thing).parameters:
        raise ValueError(f"{path} has no parameter {parameter!r}")
    label = f"{owner.name}.{member}" if member else owner.name
    link = f"{{py:obj}}`{label} <{_described(owner, member)}>`"
    return f"`{parameter or item}` of {link}" if parameter or item else link


def owner_of(path: str) -> api_names.Name:
    """Return the public name that a path is, or that it is a member of.

    Raises
    ------
    ValueError
        If there is none, or it has no such member.
    """
    known = api_names.names()
    if path in known:
        return known[path]
    parent, _, member = path.rpartition(".")
    if parent not in known or not _has(known[parent].thing, member):
        raise ValueError(f"{path!r} is no public name of ibcore and no member of one")
    return known[parent]


def _has(thing: Any, member: str) -> bool:
    return hasattr(thing, member) or member in _fields(thing)


def _fields(thing: Any) -> set[str]:
    if not (isinstance(thing, type) and dataclasses.is_dataclass(thing)):
        return set()
    return {field.name for field in dataclasses.fields(thing)}


def _described(owner: api_names.Name, member: str) -> str:
    """Return where a name or a member is described; a plain value, where its class is."""
    own = member and member not in _fields(owner.thing)
    return f"{owner.path}.{member}" if own else owner.path


def row(symbol: Symbol) -> str:
    """Return a row of a table in MyST."""
    suffix = "ipynb" if symbol.first in api_usage.chapters() else "md"
    code = ", ".join(shown(each) for each in symbol.code)
    cells = (symbol.symbol, code, symbol.meaning, symbol.range, f"[](/{symbol.first}.{suffix})")
    return f"| {' | '.join(cells)} |"


@cache
def tables() -> str:
    """Return a table for each part of the book, in MyST."""
    parts, every = [], read()
    for group, title in TITLES.items():
        rows = [row(symbol) for symbol in every if symbol.group == group]
        head = ["| Symbol | In the code | Meaning | Values | First in |", "|---|---|---|---|---|"]
        table = "\n".join([*head, *rows])
        parts += [f"### {title}", f'<div class="{CLASS}">', table, "</div>"]
    return "\n\n".join(parts)


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the tables in place of their mark."""
    if MARK in source[0]:
        try:
            source[0] = source[0].replace(MARK, tables())
        except ValueError as error:
            raise ExtensionError(f"the glossary cannot be shown: {error}") from error


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("source-read", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
