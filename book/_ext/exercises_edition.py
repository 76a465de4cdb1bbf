"""The solutions edition: the same notebooks with stubs filled in and solutions opened.

``make book EDITION=solutions`` changes each notebook on its way into the book, before it is run;
the files stay as they are.
"""

import json
import os
import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from ibcore.exercises import exercises

EDITIONS = ("student", "instructor", "solutions")
_CLOSED = re.compile(r"<details>(?=<summary>Solution)")
_HIDDEN = "hide-cell"


def edition() -> str:
    """Return the edition that is built: ``IBCORE_EDITION``, else the students'.

    Raises
    ------
    sphinx.errors.ExtensionError
        If it is none of the editions.
    """
    name = os.environ.get("IBCORE_EDITION") or EDITIONS[0]
    if name not in EDITIONS:
        raise ExtensionError(f"unknown edition {name!r}; choose one of {', '.join(EDITIONS)}")
    return name


def solved(text: str) -> str:
    """Return the text of a notebook with its stubs filled in and its solutions opened.

    Examples
    --------
    >>> cell = {"cell_type": "markdown", "source": ["<details><summary>Solution</summary>"]}
    >>> solved(json.dumps({"cells": [cell]}))
    '{"cells": [{"cell_type": "markdown", "source": "<details open><summary>Solution</summary>"}]}'
    """
    filled = {each.cell(each.stub): each.cell(each.solution) for each in exercises()}
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = _CLOSED.sub("<details open>", source)
        elif source in filled:
            cell["source"] = filled[source]
        elif source.startswith("# @title Solution") and _HIDDEN in cell["metadata"].get("tags", []):
            cell["metadata"]["tags"].remove(_HIDDEN)
    return json.dumps(notebook)


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Change a notebook on its way into the solutions edition."""
    if edition() == "solutions" and app.env.doc2path(page).endswith(".ipynb"):
        source[0] = solved(source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    edition()  # an unknown one stops the build here
    app.connect("source-read", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
