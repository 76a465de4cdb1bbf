"""A notebook opened alone says which book it belongs to; on the book's own pages that is left out.

The sentence stands in the first cell of every notebook, below the title.  Where it leads follows
from ``_config.yml``: see ``origin``.
"""

import json
import re
from typing import Any

import api_usage
import freshness
import ibbook
import yaml
from sphinx.application import Sphinx

START = '<div class="ib-origin">'
BLOCK = re.compile(rf"{re.escape(START)}\n\n.*?\n\n</div>\n\n", re.DOTALL)


def origin(chapter: str, title: str, repository: str, branch: str) -> str:
    """Return what a notebook says of its book, as it stands in the first cell.

    Parameters
    ----------
    chapter
        Its name, such as ``"notebooks/guidance/idea"``.
    title, repository, branch
        The title of the book, the address of the repository, and the branch or tag that launch
        buttons lead to.

    Raises
    ------
    ValueError
        If the address is not of the form ``https://github.com/OWNER/NAME``.

    Examples
    --------
    >>> text = origin("notebooks/a", "A Book", "https://github.com/ada/engine", "main")
    >>> "[A Book](https://ada.github.io/engine/)" in text
    True
    """
    pages = ibbook.pages_address(repository)
    colab = repository.replace("https://github.com", "https://colab.research.google.com/github")
    sentence = (
        f"This notebook is a chapter of the open book [{title}]({pages}). "
        f"Read it [as a page]({pages}{chapter}.html), or run it "
        f"[in Colab]({colab}/blob/{branch}/{chapter}.ipynb)."
    )
    return f"{START}\n\n{sentence}\n\n</div>\n\n"


def configured(chapter: str) -> str:
    """Return what a notebook must say, with the addresses that ``_config.yml`` states."""
    config = yaml.safe_load((freshness.ROOT / "_config.yml").read_text("utf-8"))
    repository = config["repository"]
    return origin(chapter, config["title"], repository["url"], repository["branch"])


def without_origin(text: str) -> str:
    """Return the text of a notebook whose first cell does not name the book."""
    notebook = json.loads(text)
    first = notebook["cells"][0]
    first["source"] = BLOCK.sub("", "".join(first["source"]), count=1)
    return json.dumps(notebook)


def drop(app: Sphinx, page: str, source: list[str]) -> None:
    """Leave the sentence out of a chapter that is read for the book."""
    if page in api_usage.chapters():
        source[0] = without_origin(source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("source-read", drop)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
