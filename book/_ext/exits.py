"""What leads from the pages to the book's own address: links, buttons, clone lines, downloads.

Where the address is unknown (see ``address``) there are none of these; blocks in ``{only} address``
and ``{only} not address`` say the one or the other.
"""

from pathlib import Path
from typing import Any

import address
import api_usage
import chapter_origin
import freshness
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

from ibcore.runs.store import write_atomically

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
    for link in [n for n in doctree.findall(nodes.reference) if old.written.match(_target(n))]:
        if found:
            link["refuri"] = address.moved(_target(link), old, found)
        else:
            link.replace_self(link.children)
    if found:
        for text in [n for n in doctree.findall(nodes.Text) if old.written.search(n)]:
            _replace(text, address.moved(text, old, found))


def _target(link: nodes.reference) -> str:
    return str(link.get("refuri", ""))


def _replace(old: nodes.Text, text: str) -> None:
    """Put other words in the place of some; a block of code keeps its own source beside them."""
    parent = old.parent
    parent.replace(old, nodes.Text(text))
    parent.rawsource = parent.astext()


def offer_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Let the notebooks that the pages offer for download name the address, if there is one."""
    if exception or app.builder.name != "html":
        return
    for chapter in api_usage.chapters():
        text = (freshness.ROOT / f"{chapter}.ipynb").read_text("utf-8")
        offered = chapter_origin.offered(text, chapter, app.config.ibbook_address)
        write_atomically(Path(app.outdir, "_sources", f"{chapter}.ipynb"), offered.encode())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_config_value("ibbook_address", None, "")
    app.connect("config-inited", configure, priority=100)
    app.connect("doctree-read", settle)
    app.connect("build-finished", offer_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
