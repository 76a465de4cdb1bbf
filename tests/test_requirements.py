"""What the code imports is what an installation brings: nothing arrives by way of another package.

An import inside ``try: ... except ImportError`` is optional: there the code says what to install.
"""

import ast
import functools
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REQUIREMENTS = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
FOLDERS = [ROOT / folder for folder in (".ci", "benchmarks", "book/_ext", "book/tools", "tests")]
FILES = [path for folder in FOLDERS for path in folder.rglob("*.py")]
OURS = {"ibcore", *(path.stem for path in FILES), *(path.parent.name for path in FILES)}
INSTALLED = packages_distributions()
# Distributions named otherwise than their module; those that are installed name it themselves.
ALIASES = {"torch_cka": "torch-cka", "cka": "pytorch-cka"}
SIX = {"torch", "jupyter", "jupyter-book", "matplotlib", "ipywidgets", "seaborn"}
IMPORTERS = {"import_module", "find_spec"}  # and pytest.importorskip, which can do without


def declared(lines: list[str]) -> set[str]:
    """Return the names of the distributions that requirement lines ask for."""
    names = (re.match(r"[A-Za-z][\w.-]*", line) for line in lines)
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in names if name}


PACKAGE = declared(PROJECT["dependencies"])
BOOK = declared(REQUIREMENTS) | PACKAGE
EXTRA = {name: declared(lines) for name, lines in PROJECT["optional-dependencies"].items()}


def imports(tree: ast.AST, *, guarded: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the top-level modules that code imports, lazily too, and whether it can do without."""
    for node in ast.iter_child_nodes(tree):
        inside = guarded or (isinstance(tree, ast.Try) and node in tree.body and _is_caught(tree))
        for name in _names(node):
            yield name.partition(".")[0], inside
        yield from imports(node, guarded=inside)


def _is_caught(block: ast.Try) -> bool:
    return any("ImportError" in ast.unparse(h.type) for h in block.handlers if h.type)


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(level=0, module=str(module)):
            return [module]
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if node.args:
            first = node.args[0]
            text = first.value if isinstance(first, ast.Constant) else None
            return [text] if called in IMPORTERS and isinstance(text, str) else []
    return []


def code(path: Path) -> str:
    """Return the Python code of a file; of a notebook, its code cells."""
    text = path.read_text("utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


def distributions(module: str) -> set[str]:
    """Return the distributions that bring a module, under their normalized names."""
    return declared(INSTALLED.get(module) or [ALIASES.get(module, module)])


@functools.cache
def foreign(pattern: str, *, optional: bool = False) -> dict[str, str]:
    """Return the modules of others that files import, each with a file that does."""
    paths = [p for p in sorted(ROOT.glob(pattern)) if not {".venv", "_build"} & set(p.parts)]
    found = {
        name: path.relative_to(ROOT).as_posix()
        for path in paths
        for name, guarded in imports(ast.parse(code(path)))
        if guarded <= optional
    }
    assert paths, f"no file matches {pattern}"
    known = sys.stdlib_module_names | OURS
    return {name: path for name, path in found.items() if name not in known}


@pytest.mark.parametrize(
    ("pattern", "installed"),
    [
        ("ibcore/**/*.py", PACKAGE),
        ("notebooks/**/*.ipynb", PACKAGE),
        ("book/_ext/*.py", BOOK),
        (".ci/*.py", set()),
        ("book/tools/*.py", BOOK | EXTRA["test"]),
        ("tests/**/*.py", BOOK | EXTRA["test"]),
        ("benchmarks/*.py", BOOK | EXTRA["bench"]),
    ],
)
def test_what_files_import_is_installed_by_name(pattern: str, installed: set[str]) -> None:
    missing = {
        name: path for name, path in foreign(pattern).items() if not distributions(name) & installed
    }
    assert not missing


def test_what_the_package_can_do_without_stands_in_an_extra() -> None:
    optional = foreign("ibcore/**/*.py", optional=True).keys() - foreign("ibcore/**/*.py").keys()
    extras = set().union(*EXTRA.values())
    assert optional >= {"numba", "pooch", "sklearn"}
    assert {name for name in optional if not distributions(name) & extras} <= {"mpi4py"}


def test_the_book_brings_the_data_of_its_chapters_and_the_six_packages_it_is_built_on() -> None:
    assert EXTRA["data"] | SIX <= declared(REQUIREMENTS)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b", [("a", False)]),
        ("def f():\n    from c import d", [("c", False)]),
        ("try:\n    import e\nexcept ImportError:\n    pass", [("e", True)]),
        ("try:\n    pass\nexcept ValueError:\n    import f", [("f", False)]),
        ("import_module('g.h')", [("g", False)]),
        ("from . import i", []),
    ],
)
def test_imports_are_found_wherever_they_stand(
    source: str, expected: list[tuple[str, bool]]
) -> None:
    assert list(imports(ast.parse(source))) == expected
