"""The symbols of the book and what they are called in the code: the tables of the glossary.

``book/symbols.yml`` holds them and says what their fields mean; ``{symbols}`` shows them, each
code name with a link to its description.
"""

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import api_names
import api_usage
import freshness
import templated
from sphinx.application import Sphinx

SOURCE = freshness.ROOT / "book" / "symbols.yml"
TITLES = {"everywhere": "In the whole book", **api_names.LAB_TITLES}
CODE = re.compile(r"(?P<path>[\w./-]+)(?:\((?P<parameter>\w+)\)|\[(?P<item>[\w.{}]+)\])?")

Symbol = dict[str, Any]


def read(path: Path = SOURCE) -> dict[str, list[Symbol]]:
    """Return the symbols of each part of the book, in the order of the file."""
    found: dict[str, list[Symbol]] = templated.read("symbols", path)
    return found


def first(symbol: Symbol) -> str:
    """Return the chapter that uses a symbol first; without one, the page that defines it."""
    chapters = [chapter for chapter in api_usage.chapters() if chapter in symbol["pages"]]
    return str((chapters or symbol["pages"])[0])


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
        return f"`{item}` in {{py:obj}}`{path} <ibcore.runs.load>`"
    owner, member = owner_of(path)
    thing = getattr(owner.thing, member) if parameter and member else owner.thing
    if parameter and parameter not in inspect.signature(thing).parameters:
        raise ValueError(f"{path} has no parameter {parameter!r}")
    # A plain value is described where its class is.
    place = owner.path if member in _fields(owner.thing) else path
    link = f"{{py:obj}}`{path.removeprefix(f'{owner.home}.')} <{place}>`"
    return f"`{parameter or item}` of {link}" if parameter or item else link


def owner_of(path: str) -> tuple[api_names.Name, str]:
    """Return the public name that a path is, or that it is a member of, and the member.

    Raises
    ------
    ValueError
        If there is none, or it has no such member.
    """
    known = api_names.names()
    parent, _, member = path.rpartition(".")
    if path in known:
        return known[path], ""
    if (owner := known.get(parent)) and (
        hasattr(owner.thing, member) or member in _fields(owner.thing)
    ):
        return owner, member
    raise ValueError(f"{path!r} is no public name of ibcore and no member of one")


def _fields(thing: Any) -> set[str]:
    known = isinstance(thing, type) and dataclasses.is_dataclass(thing)
    return {field.name for field in dataclasses.fields(thing)} if known else set()


def content() -> dict[str, Any]:
    """Return what the tables show."""
    return {"titles": TITLES, "symbols": read(), "first": first, "shown": shown}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("symbols", templated.directive(content))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
