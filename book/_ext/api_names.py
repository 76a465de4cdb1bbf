"""Every public name of ibcore: where it is imported from, and on which page it is described."""

import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import ibcore

FOLDER = "book/reference"
PAGES: dict[str, tuple[str, ...]] = {
    "redshift": ("ibcore.redshift",),
    "metainit": ("ibcore.metainit",),
    "guidance": ("ibcore.guidance",),
    "memory": ("ibcore.memory",),
    "running": ("ibcore.runtime", "ibcore.door", "ibcore.runs", "ibcore.stats", "ibcore.exercises"),
    "networks": ("ibcore.nets", "ibcore.tasks", "ibcore.data"),
    "training": ("ibcore.population", "ibcore.training", "ibcore.synthesis"),
    "figures": ("ibcore.plots", "ibcore.explorers"),
}
LAB_TITLES = {
    "redshift": "Neural Redshift",
    "metainit": "Meta-learned starts",
    "guidance": "Guidance",
    "memory": "Initialization memory",
}
LABS = tuple(LAB_TITLES)


@dataclass(frozen=True)
class Name:
    """A public name: ``home`` is the module it is described under, and ``flat`` its short path."""

    name: str
    home: str
    page: str
    thing: Any
    flat: bool

    @property
    def path(self) -> str:
        """Return the path that readers import."""
        return f"{self.home}.{self.name}"

    @property
    def link(self) -> str:
        """Return a link to its description, in MyST."""
        return f"{{py:obj}}`{self.name} <{self.path}>`"

    @property
    def kind(self) -> str:
        """Return what it is, as Sphinx calls it: class, exception, function or data."""
        if inspect.isclass(self.thing):
            return "exception" if issubclass(self.thing, BaseException) else "class"
        return "function" if inspect.isroutine(self.thing) else "data"

    @property
    def summary(self) -> str:
        """Return the first line of its description in MyST; of a constant, what it holds."""
        if self.kind == "data":
            return "The allowed values." if isinstance(self.thing, tuple | dict) else "A type."
        return in_myst((inspect.getdoc(self.thing) or "").split("\n", 1)[0])


def in_myst(line: str) -> str:
    """Return a line of reStructuredText with its formulas as MyST writes them.

    Examples
    --------
    >>> in_myst("Return :math:`x^2`, see `cka`.")
    'Return {math}`x^2`, see `cka`.'
    """
    return re.sub(r":(\w+):(?=`)", r"{\1}", line)


def public(module: ModuleType) -> list[str]:
    """Return ``__all__``, or what a module without it defines itself, without underscores.

    Examples
    --------
    >>> "mean_interval" in public(importlib.import_module("ibcore.stats"))
    True
    """
    if listed := getattr(module, "__all__", None):
        return list(listed)
    own = [
        name
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", None) == module.__name__ and hasattr(thing, "__name__")
    ]
    return sorted(name for name in own if not name.startswith("_"))


def subpackages() -> list[str]:
    """Return the public modules and packages directly in ibcore, found on the disk."""
    found = [info.name for info in pkgutil.iter_modules(ibcore.__path__)]
    return [f"ibcore.{name}" for name in found if not name.startswith("_")]


@cache
def names() -> dict[str, Name]:
    """Return all public names by path, in the order of the pages.

    Raises
    ------
    ValueError
        If a package of ibcore stands on no page.
    """
    placed = [home for homes in PAGES.values() for home in homes]
    if lost := set(subpackages()) - set(placed):
        raise ValueError(f"{sorted(lost)} stand on no page; add them to PAGES in {__file__}")
    found = [
        Name(name, home, page, thing := getattr(module, name), getattr(ibcore, name, None) is thing)
        for page, homes in PAGES.items()
        for home, module in zip(homes, map(importlib.import_module, homes), strict=True)
        for name in public(module)
    ]
    return {each.path: each for each in found}


def key(thing: Any) -> tuple[str, str] | None:
    """Return the module and name under which a function or class was defined, if it has them."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    return (module, name) if isinstance(module, str) and isinstance(name, str) else None


@cache
def by_definition() -> dict[tuple[str, str], Name]:
    """Return the public functions and classes by the place of their definition.

    A type such as ``tuple[Tensor, Tensor]`` is left out: it says of itself that it is ``tuple``.
    """
    own = [each for each in names().values() if each.kind != "data"]
    return {where: each for each in own if (where := key(each.thing))}


def described(thing: Any) -> Name | None:
    """Return the public name of a function or class, or ``None`` if it has none.

    Examples
    --------
    >>> from ibcore.guidance.similarity import cka
    >>> described(cka).path
    'ibcore.guidance.cka'
    """
    where = key(thing)
    return by_definition().get(where) if where else None


def locate(path: str) -> Any:
    """Return the object with a dotted path, or ``None`` if there is none.

    Examples
    --------
    >>> locate("ibcore.population.Population.train").__name__
    'train'
    >>> locate("ibcore.nothing") is None
    True
    """
    try:
        return pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError):
        return None
