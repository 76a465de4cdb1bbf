"""Which chapter uses which public name: read from the code of notebooks and experiments."""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import api_names
import freshness
import yaml

TOC = freshness.ROOT / "book" / "_toc.yml"
_SPAN = re.compile(r"(?<!`)`([A-Za-z_][\w.]*)(?:\([^`]*\))?`(?!`)")


def imported(source: str) -> Iterator[str]:
    """Yield the dotted path of every name of ibcore that a piece of code imports or reaches for.

    Examples
    --------
    >>> code = "import ibcore; from ibcore import stats as s; ibcore.check(s.spearman(a))"
    >>> sorted(imported(code))
    ['ibcore', 'ibcore.check', 'ibcore.stats', 'ibcore.stats.spearman']
    """
    known: dict[str, str] = {}
    nodes = list(ast.walk(ast.parse(source)))
    for node in nodes:
        match node:
            case ast.Import(names=names):
                for each in names:
                    known[each.asname or _head(each.name)] = (
                        each.name if each.asname else _head(each.name)
                    )
            case ast.ImportFrom(module=str(module), level=0, names=names):
                known |= {each.asname or each.name: f"{module}.{each.name}" for each in names}
    chains = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
    reached = {
        chain.replace(head, known[head], 1) for chain in chains if (head := _head(chain)) in known
    }
    yield from (path for path in {*known.values(), *reached} if _head(path) == "ibcore")


def _head(path: str) -> str:
    return path.partition(".")[0]


def cells(notebook: Path, kind: str) -> str:
    """Return the cells of one kind as one text, without lines that only IPython reads."""
    found = [c for c in json.loads(notebook.read_text("utf-8"))["cells"] if c["cell_type"] == kind]
    lines = "\n".join("".join(cell["source"]) for cell in found).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("%", "!")))


def named(text: str, lab: str) -> set[str]:
    """Return the paths of the public names of a laboratory that a text shows as inline code.

    Examples
    --------
    >>> sorted(named("`cka(x, y)`, `ibcore.stats.spearman`, but no `average_ranks`", "guidance"))
    ['ibcore.guidance.cka', 'ibcore.stats.spearman']
    """
    known = api_names.names()
    spans = {match[1] for match in _SPAN.finditer(text)}
    own = {f"ibcore.{lab}.{span.split('.')[0]}" for span in spans}
    return (own | spans) & known.keys()


def used(sources: Iterable[str]) -> list[api_names.Name]:
    """Return the public names that pieces of code use, in the order of the pages."""
    paths = {path for source in sources for path in imported(source)}
    things = {id(thing) for path in paths if (thing := api_names.locate(path)) is not None}
    return [
        name
        for name in api_names.names().values()
        if name.path in paths or (name.kind != "data" and id(name.thing) in things)
    ]


@cache
def chapters() -> tuple[str, ...]:
    """Return the notebooks of the book, in the order of its table of contents."""
    parts = yaml.safe_load(TOC.read_text("utf-8"))["parts"]
    files = [str(chapter["file"]) for part in parts for chapter in part["chapters"]]
    return tuple(file for file in files if file.startswith("notebooks/"))


def lab_of(chapter: str) -> str:
    """Return the folder of a chapter: ``"memory"`` for ``"notebooks/memory/idea"``."""
    return chapter.split("/")[1]


@cache
def in_chapters() -> dict[str, tuple[api_names.Name, ...]]:
    """Return the public names that the code of each chapter uses, or that its text shows."""
    return {chapter: tuple(_in_chapter(chapter)) for chapter in chapters()}


def _in_chapter(chapter: str) -> list[api_names.Name]:
    file = freshness.ROOT / f"{chapter}.ipynb"
    shown = named(cells(file, "markdown"), lab_of(chapter))
    code = used([cells(file, "code")])
    return [name for name in api_names.names().values() if name in code or name.path in shown]


@cache
def in_experiments() -> dict[str, tuple[str, ...]]:
    """Return, by path of a public name, the laboratories whose experiments use it."""
    found: dict[str, tuple[str, ...]] = {}
    for lab in api_names.LABS:
        files = (freshness.ROOT / "ibcore" / lab).glob("experiments*/**/*.py")
        for name in used(file.read_text("utf-8") for file in sorted(files)):
            found[name.path] = (*found.get(name.path, ()), lab)
    return found


def chapters_of(name: api_names.Name) -> list[str]:
    """Return the chapters that use a name, those of its own laboratory first."""
    using = [chapter for chapter, names in in_chapters().items() if name in names]
    return sorted(using, key=lambda chapter: lab_of(chapter) != name.page)
