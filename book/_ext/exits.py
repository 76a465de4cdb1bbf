"""What leads from the pages to the book's own address: links, buttons, clone lines, downloads.

Where the address is unknown (see ``address``) there are none of these; blocks in ``{only} address``
and ``{only} not address`` say the one or the other.  A notebook opened alone says which book it
belongs to, in its first cell below the title; on the book's own pages that is left out.
"""

import json
import re
from pathlib import Path
from typing import Any

import address
import api_usage
import freshness
import templated
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from ibcore.runs.store import write_atomically

START = '<div class="ib-origin">'
BLOCK = re.compile(rf"{re.escape(START)}\n\n.*?\n\n</div>\n\n", re.DOTALL)
LABEL = re.compile(
    r"\$\$ <!-- (\(eq-[\w-]+\)) -->"
)  # a comment, so that JupyterLab shows none of it
SWITCHED_OFF: dict[str, Any] = {
    "repository_url": "",
    "use_repository_button": False,
    "use_issues_button": False,
    "launch_buttons": {},
}

logger = logging.getLogger(__name__)


def configure(app: Sphinx, config: Config) -> None:
    """Give the theme the resolved address, or take away what would need one."""
    found = config.ibbook_address = address.resolved()
    config.html_baseurl = f"{found.pages}/" if found else ""
    if found is None:
        config.html_theme_options.update(SWITCHED_OFF)
        return
    app.tags.add("address")
    config.html_theme_options["repository_url"] = found.code
    config.linkcheck_ignore = [found.written.pattern]  # ours: checked offline
    if address.configured() == address.PLACEHOLDER:
        advice = "commit `make repository URL=%s`: what Colab opens cannot install ibcore before"
        logger.info(advice, found.code)


def settle(app: Sphinx, doctree: nodes.document) -> None:
    """Lead the links of a page to the address; without one they become plain words.

    Code cells have run as they stand in their notebook: they are changed where they are shown.
    """
    old, found = address.configured(), app.config.ibbook_address
    for link in [
        n for n in doctree.findall(nodes.reference) if old.written.match(n.get("refuri", ""))
    ]:
        if found:
            link["refuri"] = address.moved(link["refuri"], old, found)
        else:
            link.replace_self(link.children)
    if found:
        for text in [n for n in doctree.findall(nodes.Text) if old.written.search(n)]:
            parent = text.parent  # a block of code keeps its own source beside its words
            parent.replace(text, nodes.Text(address.moved(text, old, found)))
            parent.rawsource = parent.astext()


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
    """Leave the sentence out of a chapter that is read for the book, and label its equations."""
    if page in api_usage.chapters():
        source[0] = LABEL.sub(r"$$ \1", without_origin(source[0]))


def offer_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Let the notebooks that the pages offer for download name the address, if there is one."""
    if exception or app.builder.name != "html":
        return
    for chapter in api_usage.chapters():
        text = (freshness.ROOT / f"{chapter}.ipynb").read_text("utf-8")
        text = offered(text, chapter, app.config.ibbook_address)
        write_atomically(Path(app.outdir, "_sources", f"{chapter}.ipynb"), text.encode())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_config_value("ibbook_address", None, "")
    app.connect("config-inited", configure, priority=100)
    app.connect("source-read", drop)
    app.connect("doctree-read", settle)
    app.connect("build-finished", offer_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
