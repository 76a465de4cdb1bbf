"""A notebook opened alone says which book it belongs to; on the book's own pages that is left out.

The sentence stands in the first cell of every notebook, below the title.
"""

import json
import re
from typing import Any

import address
import api_usage
import freshness
import templated
import yaml
from sphinx.application import Sphinx

START = '<div class="ib-origin">'
BLOCK = re.compile(rf"{re.escape(START)}\n\n.*?\n\n</div>\n\n", re.DOTALL)


def origin(chapter: str, title: str, here: address.Address | None, branch: str) -> str:
    """Return what a notebook says of its book, as it stands in the first cell.

    Parameters
    ----------
    chapter
        Its name, such as ``"notebooks/guidance/idea"``.
    title, here, branch
        The title of the book, its address if it has one, and the branch or tag that launch buttons
        lead to.

    Examples
    --------
    >>> text = origin("notebooks/a", "A Book", address.github("ada", "engine"), "main")
    >>> "[A Book](https://ada.github.io/engine/)" in text
    True
    """
    named = {"chapter": chapter, "title": title, "here": here, "branch": branch}
    return templated.filled("origin.md", start=START, **named)


def stated(chapter: str, here: address.Address | None) -> str:
    """Return what a notebook says, with the title and the branch that ``_config.yml`` states."""
    config = yaml.safe_load((freshness.ROOT / "_config.yml").read_text("utf-8"))
    return origin(chapter, config["title"], here, config["repository"]["branch"])


def offered(text: str, chapter: str, here: address.Address | None) -> str:
    """Return the text of a notebook as the pages offer it for download, with the address."""
    notebook = json.loads(text)
    first = notebook["cells"][0]
    words = stated(chapter, here)
    first["source"] = BLOCK.sub(lambda _: words, "".join(first["source"]), count=1)
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    return address.moved(text, address.configured(), here) if here else text


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
