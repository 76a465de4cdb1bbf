"""A digest of the code that a result depends on: all definitions that its function reaches.

Comments, docstrings, formatting, and the file in which a definition stands make no difference:
only what is defined does, so that moving code or merging files leaves a digest as it is.
"""

import ast
import functools
import hashlib
import importlib.util
import symtable
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Dotted = tuple[str, ...]  # a dotted name, in its parts
Place = tuple[str, str]  # module and name of a definition

_COMPUTE_NOTHING = ("ibcore.runs", "ibcore.plots", "ibcore.explorers", "ibcore.exercises")


def fingerprint(function: Callable[..., Any]) -> str | None:
    """Return 16 hexadecimal digits for the code of ``function`` and all it reaches by name.

    Names are followed through the modules of `ibcore` and of the function's own package; other
    packages are told by their versions.  None where there is no source, as in a notebook.

    Examples
    --------
    >>> fingerprint(fingerprint) == fingerprint(fingerprint)
    True
    >>> fingerprint(len) is None
    True
    """
    name, qualified = function.__module__, getattr(function, "__qualname__", "")
    packages = frozenset({"ibcore", name.partition(".")[0]})
    module = _module(name)
    if module is None:
        return None
    start = qualified.partition(".")[0]
    path = (start,) if start in module.definitions else ()
    texts = {_text(*place) for place in _reached(_follow(name, path, packages), packages)}
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()[:16]


@dataclass
class _Module:
    """The top level of a module: statements by the name they define, and imports by alias."""

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)


def _reached(start: Iterable[Place], packages: frozenset[str]) -> set[Place]:
    found, waiting = set[Place](), list(start)
    while waiting:
        place = waiting.pop()
        if place in found:
            continue
        found.add(place)
        for module, path in _references(*place):
            waiting.extend(_follow(module, path, packages))
    return found


def _follow(name: str, path: Dotted, packages: frozenset[str]) -> Iterator[Place]:
    """Yield where a dotted name, as seen from a module, is defined: in it or where it imports."""
    module = None
    if name.partition(".")[0] in packages and not name.startswith(_COMPUTE_NOTHING):
        module = _module(name)
    if module is None:
        return
    if not path:  # the module itself is handed on
        yield from ((name, each) for each in module.definitions)
        return
    head, *rest = path
    if head in module.definitions:
        yield name, head
    source = module.imports.get(head, (name, head))
    if source != (name, head):
        yield from _follow(source[0], (*filter(None, source[1:]), *rest), packages)
    elif head not in module.definitions:
        yield from _follow(f"{name}.{head}", tuple(rest), packages)


@functools.cache
def _module(name: str) -> _Module | None:
    """Read the source of a module; None where there is none."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None and name not in sys.modules:
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:  # a part of the name is no package
            return None
        file = spec and spec.origin
    if file is None or not file.endswith(".py"):
        return None
    package = name if Path(file).name == "__init__.py" else name.rpartition(".")[0]
    module = _Module()
    for statement in ast.parse(Path(file).read_bytes()).body:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            module.imports.update(_imports(statement, package))
        for each in _names(statement):
            module.definitions.setdefault(each, []).append(statement)
    return module


def _names(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines; one of another kind concerns all it mentions."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {statement.name}
    inside: list[ast.AST] = [statement]
    if isinstance(statement, ast.Assign):
        inside = list(statement.targets)
    elif isinstance(statement, ast.AnnAssign):
        inside = [statement.target]
    return {node.id for part in inside for node in ast.walk(part) if isinstance(node, ast.Name)}


def _imports(statement: ast.stmt, package: str) -> dict[str, tuple[str, str]]:
    """Return what a statement imports, also inside functions: module and name, by alias."""
    found = {}
    for node in ast.walk(statement):
        if isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            home = importlib.util.resolve_name(source, package) if node.level else source
            found.update({each.asname or each.name: (home, each.name) for each in node.names})
        elif isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                found[each.asname or top] = (each.name if each.asname else top, "")
    return found


@functools.cache
def _references(name: str, definition: str) -> tuple[tuple[str, Dotted], ...]:
    """Return what a definition refers to: dotted names, and from which module they are seen."""
    module, found = _module(name), []
    for statement in module.definitions[definition] if module else ():
        table = symtable.symtable(ast.unparse(statement), name, "exec")
        known, inner = _globals(table), _imports(statement, name)
        for path in _paths(statement):
            if path[0] in inner:
                source, imported = inner[path[0]]
                found.append((source, (*filter(None, [imported]), *path[1:])))
            elif path[0] in known:
                found.append((name, path))
    return tuple(found)


def _globals(table: symtable.SymbolTable) -> set[str]:
    """Return the names of the module that a scope and the scopes in it use."""
    top = table.get_type() == "module"
    own = {
        s.get_name() for s in table.get_symbols() if s.is_global() or (top and s.is_referenced())
    }
    return own.union(*map(_globals, table.get_children()))


def _paths(node: ast.AST) -> Iterator[Dotted]:
    """Yield the dotted names in a tree, each as long as it is written."""
    tail: list[str] = []
    while isinstance(node, ast.Attribute):
        tail.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        yield (node.id, *tail)
    for child in ast.iter_child_nodes(node):
        yield from _paths(child)


@functools.cache
def _text(name: str, definition: str) -> str:
    module = _module(name)
    return "\n".join(map(_dump, module.definitions[definition])) if module else ""


def _dump(node: object) -> str:
    """Write a tree without docstrings, imports and places, the same in every Python."""
    if isinstance(node, list):
        return f"[{', '.join(_dump(each) for each in node if not _is_silent(each))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={text}"
        for name, value in ast.iter_fields(node)
        if name not in ("kind", "type_comment") and value is not None
        if (text := _dump(value)) != "[]"  # some fields are known only to newer Pythons
    ]
    return f"{type(node).__name__}({', '.join(fields)})"


def _is_silent(node: object) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)
