"""At the end of each chapter: the functions that it uses, with links to their descriptions.

The list is made from the chapter's own code and text as Sphinx reads it; the notebook stays as it
is.  Descriptions lead back: see ``api_pages.footer``.
"""

import json
from typing import Any

import api_names
import api_usage
from sphinx.application import Sphinx

HEADING = "Functions used in this chapter"
CLASS = "ib-functions"
CELL = "functions-used"  # the id of the cell


def section(chapter: str) -> str:
    """Return the list of a chapter in MyST: what is of its laboratory described, the rest named.

    Parameters
    ----------
    chapter
        Its name, such as ``"notebooks/guidance/idea"``.
    """
    lab, parts = api_usage.lab_of(chapter), [f"## {HEADING}", f'<div class="{CLASS}">']
    parts += ["Each description shows an example, and leads to the other chapters that use it."]
    by_page: dict[str, list[api_names.Name]] = {lab: []}
    for name in api_usage.in_chapters()[chapter]:
        by_page.setdefault(name.page, []).append(name)
    own = [f"- {name.link}: {name.summary}" for name in by_page.pop(lab)]
    shared = [
        f"- [](/{api_names.FOLDER}/{page}.md): {', '.join(name.link for name in names)}"
        for page, names in by_page.items()
    ]
    return "\n\n".join([*parts, "\n".join(own + shared), "</div>"])


def with_section(text: str, chapter: str) -> str:
    """Return the text of a notebook with one more cell, which holds the list."""
    notebook = json.loads(text)
    cell = {"cell_type": "markdown", "id": CELL, "metadata": {}, "source": section(chapter)}
    notebook["cells"].append(cell)
    return json.dumps(notebook)


def add(app: Sphinx, page: str, source: list[str]) -> None:
    """Append the list to a chapter that is read."""
    if page in api_usage.chapters():
        source[0] = with_section(source[0], page)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("source-read", add)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
