"""The reference: a description of every public name, made from its docstring.

A page in ``book/reference`` holds a line ``<!-- api -->``; the descriptions of its names take its
place, those of a laboratory in the order of the chapters that first use them.
"""

import inspect
import json
import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

import api_names
import api_usage
import freshness
from sphinx.application import Sphinx
from sphinx.config import Config

MARK = "<!-- api -->"
INDEX = "<!-- api index -->"
LONGEST_SIGNATURE = 60  # letters; a longer one has a line for each parameter


def entry(name: api_names.Name) -> str:
    """Return the directive that describes a name, as a block of reStructuredText in MyST."""
    lines = [f".. auto{name.kind}:: {name.path}"]
    if name.kind == "class":
        lines += ["   :members:"]
    if name.kind == "data":
        lines = [f".. py:data:: {name.name}", f"   :module: {name.home}", ""]
        lines += [f"   {contents(name.thing)}", ""]
        lines += [f"   {line}" for line in footer(name)]
    return "\n".join(["```{eval-rst}", *lines, "```", ""])


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


def footer(name: api_names.Name) -> list[str]:
    """Return the last lines of a description: its short path, and where it is used."""
    chapters = [f":doc:`/{chapter}`" for chapter in api_usage.chapters_of(name)]
    lines = [f"Also importable as ``ibcore.{name.name}``."] if name.flat else []
    lines += [f"Explained in {chapters[0]}."] if chapters else [unused(name)]
    if chapters[1:]:
        lines += [f"Used in {', '.join(chapters[1:])}."]
    return [".. container:: ib-used", "", f"   {' '.join(lines)}", ""]


def unused(name: api_names.Name) -> str:
    """Return where a name belongs that no chapter uses."""
    labs = api_usage.in_experiments().get(name.path, ())
    text = "No chapter uses it directly"
    text += f"; the experiments of {', '.join(labs)} do." if labs else "."
    if name.page in api_names.LABS:
        first = next(each for each in api_usage.chapters() if api_usage.lab_of(each) == name.page)
        text += f" Its laboratory begins with :doc:`/{first}`."
    return text


def groups(page: str) -> Iterator[tuple[str, list[api_names.Name]]]:
    """Yield headings and names of a page: by chapter for a laboratory, else by module."""
    every = [name for name in api_names.names().values() if name.page == page]
    if page not in api_names.LABS:
        for home in api_names.PAGES[page]:
            yield f"`{home}`", [name for name in every if name.home == home]
        return
    first = {name.path: next(iter(api_usage.chapters_of(name)), "") for name in every}
    for chapter in (c for c in api_usage.chapters() if api_usage.lab_of(c) == page):
        yield f"In “{title(chapter)}”", [n for n in every if first[n.path] == chapter]
    yield (
        "Beyond the chapters",
        [n for n in every if api_usage.lab_of(first[n.path] or "/") != page],
    )


@cache
def title(chapter: str) -> str:
    """Return the title of a notebook: its first heading."""
    text = api_usage.cells(freshness.ROOT / f"{chapter}.ipynb", "markdown")
    return next(line for line in text.splitlines() if line.startswith("# ")).removeprefix("# ")


def page_text(page: str) -> str:
    """Return the descriptions of a page in MyST."""
    parts = []
    for heading, names in groups(page):
        if names:
            parts += [f"## {heading}", *(entry(name) for name in names)]
    return "\n\n".join(parts)


def page_title(page: str) -> str:
    """Return the title of a page of the reference, or raise where it has none."""
    text = (freshness.ROOT / api_names.FOLDER / f"{page}.md").read_text("utf-8")
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    if not found:
        raise ValueError(f"{api_names.FOLDER}/{page}.md has no title: begin it with '# …'")
    return found[1]


def index_text() -> str:
    """Return the list of all names, by page, with the first line of each description."""
    parts = []
    for page in api_names.PAGES:
        # With its title written out: a heading is listed in the margin before its link is resolved.
        parts += [f"## [{page_title(page)}](/{api_names.FOLDER}/{page}.md)", ""]
        parts += [
            f"- {name.link}: {name.summary}"
            for name in sorted(api_names.names().values(), key=lambda each: each.name.lower())
            if name.page == page
        ]
        parts += [""]
    return "\n".join(parts)


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the descriptions in place of their mark, as Sphinx reads a page."""
    folder, _, page = docname.rpartition("/")
    if folder == api_names.FOLDER:
        if page in api_names.PAGES:
            source[0] = source[0].replace(MARK, page_text(page))
        if INDEX in source[0]:
            source[0] = source[0].replace(INDEX, index_text())


def add_footer(app: Sphinx, what: str, name: str, *rest: Any) -> None:
    """Say below a docstring, the last argument, where its name is used."""
    lines: list[str] = rest[-1]
    if known := api_names.names().get(name):
        lines += ["", *footer(known)]


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


def set_options(app: Sphinx, config: Config) -> None:
    """Set the options of autodoc and its companions, and learn the repository's address."""
    options: dict[str, Any] = {
        "autodoc_member_order": "bysource",
        "autodoc_preserve_defaults": True,
        "autodoc_typehints_format": "short",
        "default_role": "py:obj",
        "maximum_signature_line_length": LONGEST_SIGNATURE,
        "napoleon_google_docstring": False,
        "napoleon_custom_sections": [("Attributes", "params_style")],  # holds "low, high" too
        "napoleon_use_rtype": False,
        "python_display_short_literal_types": True,
        "add_module_names": False,
        "toc_object_entries_show_parents": "hide",
        "linkcode_resolve": partial(source_link, *repository(config)),
    }
    for name, value in options.items():
        setattr(config, name, value)


def repository(config: Config) -> tuple[str, str]:
    """Return the address of the repository, and its branch."""
    theme = config.html_theme_options
    return theme["repository_url"], theme["repository_branch"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    for companion in ("autodoc", "napoleon", "linkcode"):
        app.setup_extension(f"sphinx.ext.{companion}")
    app.setup_extension("api_docstrings")
    app.setup_extension("api_references")
    app.setup_extension("api_in_chapter")
    app.connect("config-inited", set_options)
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", add_footer, priority=900)  # after napoleon
    app.connect("autodoc-skip-member", skip_fields)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
