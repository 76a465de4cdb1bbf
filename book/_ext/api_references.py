"""References in docstrings and signatures lead to the one description of what they name.

Docstrings and annotations name a thing as their own module sees it.  What exists but has no
description, or belongs to another package, stays text; what does not exist stays a warning.
"""

import sys
from functools import cache
from typing import Any

import api_names
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

ALIASES = {  # names that a module holds for its type checker only
    "Figure": "matplotlib.figure.Figure",
    "OptimizerConfig": "ibcore.training.OptimizerConfig",
}
FOREIGN = ("pd.", "matplotlib.")  # packages that have a description elsewhere
TYPE_PARAMETERS = frozenset("KC")  # of `Experiment`


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
    if target.startswith(FOREIGN) or target in TYPE_PARAMETERS:
        return text
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
    app.connect("missing-reference", resolve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
