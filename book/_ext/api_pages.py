"""The reference: a description of every public name, made from its docstring.

``{reference} PAGE`` holds the descriptions of a page, those of a laboratory in the order of the
chapters that first use them; ``{reference-index}`` lists all names.  Each chapter ends with the
functions that it uses, found in its own code and text as Sphinx reads it: the notebook stays as it
is.
"""

import inspect
import json
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

import api_names
import api_usage
import freshness
import templated
from api_names import PAGES, Name
from sphinx.application import Sphinx
from sphinx.config import Config

CELL = "functions-used"  # the id of the cell at the end of a chapter


def contents(thing: Any) -> str:
    """Return what a type or a constant holds, in one line.

    Examples
    --------
    >>> contents(("sgd", "adam"))
    '``"sgd"``, ``"adam"``'
    """
    values = thing if isinstance(thing, tuple | dict) else get_args(thing)
    if all(isinstance(value, str | int) for value in values) and values:
        shown = ", ".join(f"``{json.dumps(value, ensure_ascii=False)}``" for value in values)
        return shown if isinstance(thing, tuple | dict) else f"One of {shown}."
    return f"The type ``{inspect.formatannotation(thing)}``."


def used(name: Name) -> str:
    """Return the last lines of a description: its short path, and where it is used."""
    chapters, labs = api_usage.chapters_of(name), api_usage.in_experiments().get(name.path, ())
    first = {api_usage.lab_of(each): each for each in reversed(api_usage.chapters())}
    return templated.filled("used.rst", name=name, chapters=chapters, labs=labs, first=first)


def groups(page: str) -> dict[str, list[Name]]:
    """Return the names of a page by heading: the chapter for a laboratory, else the module."""
    order = {chapter: number for number, chapter in enumerate(api_usage.chapters())}
    first = {name.path: _first(name) for name in names_of(page)}
    found: dict[str, list[Name]] = {}
    for name in sorted(names_of(page), key=lambda name: order.get(first[name.path], len(order))):
        found.setdefault(_heading(name, first[name.path]), []).append(name)
    return found


def names_of(page: str) -> list[Name]:
    """Return the names that a page describes."""
    return [name for name in api_names.names().values() if name.page == page]


def _first(name: Name) -> str:
    """Return the chapter of its own laboratory that uses a name first, else nothing."""
    chapter = next(iter(api_usage.chapters_of(name)), "")
    return chapter if chapter.startswith(f"notebooks/{name.page}/") else ""


def _heading(name: Name, chapter: str) -> str:
    if name.page not in api_names.LABS:
        return f"`{name.home}`"
    return f"In “{title(f'{chapter}.ipynb')}”" if chapter else "Beyond the chapters"


@cache
def title(file: str) -> str:
    """Return the title of a page or a notebook: its first heading."""
    path = freshness.ROOT / file
    is_page = path.suffix == ".md"
    text = path.read_text("utf-8") if is_page else api_usage.cells(path, "markdown")
    return next(line for line in text.splitlines() if line.startswith("# ")).removeprefix("# ")


def one_page(page: str = "") -> dict[str, Any]:
    """Return what the template of a page of the reference shows."""
    return {"groups": groups(templated.chosen(page, PAGES)), "contents": contents, "used": used}


def index() -> dict[str, Any]:
    """Return what the list of all names shows."""
    return {"pages": {page: names_of(page) for page in PAGES}, "title": title}


def functions_used(chapter: str) -> str:
    """Return the list of a chapter: what is of its laboratory described, the rest named."""
    by_page: dict[str, list[Name]] = {api_usage.lab_of(chapter): []}
    for name in api_usage.in_chapters()[chapter]:
        by_page.setdefault(name.page, []).append(name)
    own = by_page.pop(api_usage.lab_of(chapter))
    return templated.filled("functions-used.md", own=own, shared=by_page)


def with_functions(text: str, chapter: str) -> str:
    """Return the text of a notebook with one more cell, which holds the list."""
    notebook = json.loads(text)
    cell = {"cell_type": "markdown", "id": CELL, "metadata": {}}
    notebook["cells"].append(cell | {"source": functions_used(chapter)})
    return json.dumps(notebook)


def add_functions(app: Sphinx, page: str, source: list[str]) -> None:
    """Append the list to a chapter that is read."""
    if page in api_usage.chapters():
        source[0] = with_functions(source[0], page)


def add_used(app: Sphinx, what: str, name: str, *rest: Any) -> None:
    """Say below a docstring, the last argument, where its name is used."""
    lines: list[str] = rest[-1]
    if known := api_names.names().get(name):
        lines += ["", *used(known).splitlines(), ""]


def skip_fields(app: Sphinx, what: str, name: str, thing: Any, *rest: Any) -> bool | None:
    """Leave out the fields of named tuples, which the signature shows already."""
    return True if type(thing).__name__ == "_tuplegetter" else None


def source_link(repository: str, branch: str, domain: str, info: dict[str, str]) -> str | None:
    """Return the address of the lines that define a name; ``None`` outside of ibcore or of GitHub.

    Examples
    --------
    >>> where = {"module": "ibcore.guidance", "fullname": "cka"}
    >>> source_link("https://github.com/ada/engine", "main", "py", where).partition("#")[0]
    'https://github.com/ada/engine/blob/main/ibcore/guidance/similarity.py'
    """
    if not repository:
        return None
    thing: Any = inspect.unwrap(api_names.locate(f"{info['module']}.{info['fullname']}"))
    thing = thing.fget if isinstance(thing, property) else thing
    try:
        file = Path(inspect.getsourcefile(thing) or "").relative_to(freshness.ROOT)
        lines, start = inspect.getsourcelines(thing)
    except (TypeError, ValueError, OSError):
        return None
    return f"{repository}/blob/{branch}/{file.as_posix()}#L{start}-L{start + len(lines) - 1}"


def learn_address(app: Sphinx, config: Config) -> None:
    """Let descriptions link their source in the repository, whose address is settled by now."""
    theme = config.html_theme_options
    place = theme["repository_url"], theme["repository_branch"]
    config.linkcode_resolve = partial(source_link, *place)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("reference", templated.directive(one_page))
    app.add_directive("reference-index", templated.directive(index))
    app.connect("config-inited", learn_address)
    app.connect("source-read", add_functions)
    app.connect("autodoc-process-docstring", add_used, priority=900)  # after napoleon
    app.connect("autodoc-skip-member", skip_fields)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
