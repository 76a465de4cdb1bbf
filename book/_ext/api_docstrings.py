"""Docstrings as reStructuredText: what people read as plain text must not become markup.

References in docstrings and signatures lead to the one description of what they name, as their own
module sees it.  What exists but has no description, or belongs to another package, stays text; what
does not exist stays a warning.
"""

import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import api_names
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon.docstring import NumpyDocstring
from sphinx.util.nodes import make_refnode

from ibcore.runs import experiments

_SPAN = re.compile(r"(``.*?``|:\w+:`[^`]*`|(?<!`)`[^`]+`_?)")
_STAR = re.compile(r"(?<=[(\[ ])\*(?=\w)(?![\w ]*\*)")  # (*shape, n), but not *emphasis*
_BARS = re.compile(r"\|")  # |p q|
_PRIVATE = re.compile(r", _\w+: .*(?=\)$)")  # the private fields of a dataclass stand last
_NAME = re.compile(r"`~?[A-Za-z_][\w.]*(?:\(\))?`|`[^`<]+<[^`>]+>`_?")

ALIASES = {"OptimizerConfig": "ibcore.training.OptimizerConfig"}  # what only a type checker sees


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


@cache
def find(target: str, module: str | None, parent: str | None) -> Any:
    """Return what a name means inside a module (and a class in it), or ``None``.

    Examples
    --------
    >>> find("Tensor", "ibcore.guidance", None).__name__
    'Tensor'
    >>> find("Tensro", "ibcore.guidance", None) is None
    True
    """
    tried = [target, f"builtins.{target}"]
    for name in sorted(sys.modules) if module else ():
        if f"{name}.".startswith(f"{module}."):
            tried += [f"{name}.{parent}.{target}"] if parent else []
            tried += [f"{name}.{target}"]
    return next((thing for path in tried if (thing := _present(path)) is not None), None)


def _present(path: str) -> Any:
    """Return the object with a dotted path in a package that is loaded."""
    return api_names.locate(path) if path.split(".", maxsplit=1)[0] in sys.modules else None


def anchor(thing: Any) -> str | None:
    """Return the path under which a thing, or the class that it is a method of, is described.

    Examples
    --------
    >>> from ibcore.population import Population
    >>> anchor(Population.train)
    'ibcore.population.Population.train'
    """
    if name := api_names.described(thing):
        return name.path
    module, _, inner = ".".join(api_names.key(thing) or ("", "")).rpartition(".")
    owner = _present(module)
    name = api_names.described(owner) if owner is not None else None
    return f"{name.path}.{inner}" if name else None


def resolve(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, text: nodes.Element
) -> nodes.Element | None:
    """Resolve a reference that Sphinx could not."""
    if node.get("refdomain") != "py":
        return None
    target = ALIASES.get(node["reftarget"], node["reftarget"])
    thing = find(target, node.get("py:module"), node.get("py:class"))
    if thing is None:
        return None
    path = anchor(thing)
    place = env.domaindata["py"]["objects"].get(path)
    if place is None:
        return text
    return make_refnode(app.builder, node["refdoc"], place.docname, place.node_id, text, path)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("autodoc-process-docstring", clean, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", readable)
    app.connect("autodoc-process-docstring", unread, priority=600)  # after it
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
