"""What a link to a page looks like where it is shared: title, description and a picture.

``book/tools/draw_card.py`` draws the picture.  Its address must name the host, so without
``html_baseurl`` there is none.
"""

import html
import re
import textwrap
from pathlib import Path
from typing import Any

import templated
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from ibcore.runs.store import write_atomically

CARD = "_static/social-card.png"
OF_LAB = re.compile(r"(?:notebooks|book/teach)/(redshift|metainit|guidance|memory|synthesis)\b")
SIZE = (1200, 630)  # what most sites show uncropped
ALT = "Four curves that start together and part, beside the title of the book"
ALT_LAB = "The drawing of a laboratory, beside its name and its question"
LONGEST = 200  # letters of a description; sites cut longer ones
LEAD = 'class="ib-lead"'
LABEL = re.compile(r"^Question\.\s+")
TAG = re.compile(r"<[^>]+>")


def description(doctree: nodes.document) -> str:
    """Return the lead of a page, or else its first paragraph outside of tables, shortened."""
    for node in doctree.findall():
        text = ""
        if isinstance(node, nodes.raw) and LEAD in node.astext():
            text = html.unescape(TAG.sub("", node.astext()))
        elif isinstance(node, nodes.paragraph) and isinstance(
            node.parent, nodes.section | nodes.document
        ):
            text = LABEL.sub("", " ".join(node.astext().split()))
        if text := text.strip():
            return shortened(text)
    return ""


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a text cut between words, with an ellipsis where something is missing.

    Examples
    --------
    >>> shortened("Draw the weights at random.", 20)
    'Draw the weights at…'
    """
    return textwrap.shorten(text, most, placeholder="…")


def card(page: str) -> tuple[str, str]:
    """Return the picture of a page, that of its laboratory or of the book, and what it shows.

    Examples
    --------
    >>> card("notebooks/memory/idea")[0], card("book/intro")[0]
    ('_static/social-memory.png', '_static/social-card.png')
    """
    lab = OF_LAB.match(page)
    return (f"_static/social-{lab[1]}.png", ALT_LAB) if lab else (CARD, ALT)


def tags(title: str, text: str, address: str, config: Config, page: str = "") -> str:
    """Return the elements for the head of a page.

    Parameters
    ----------
    title, text
        Of the page; the text may be empty.
    address
        Of the page on the published site; empty where no site is configured.
    config
        The book's configuration.
    page
        Its name, such as ``notebooks/memory/idea``.
    """
    picture, alt = card(page)
    named = {"title": title, "text": text, "address": address, "front": page == config.root_doc}
    settings = {"site": config.html_baseurl.rstrip("/"), "book": config.project}
    return templated.filled("social.html", **named, **settings, card=picture, size=SIZE, alt=alt)


def describe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add the elements to a page of the book; pages made by Sphinx itself have none."""
    if doctree is None or app.builder.format != "html":
        return
    title, text = app.env.titles[page].astext(), description(doctree)
    address, front = context.get("pageurl") or "", page == app.config.root_doc
    new = tags(title, text, address, app.config, page)
    context["metatags"] = context.get("metatags", "") + new
    if front and app.builder.name == "html":
        write_door(Path(app.outdir), app.config, f"{page}.html", new)


def write_door(folder: Path, config: Config, target: str, head: str) -> None:
    """Write ``index.html``, which leads to the first page and can be shared like it."""
    page = templated.filled("door.html", config=config, target=target, head=head)
    write_atomically(folder / "index.html", page.encode())


def write_guides(app: Sphinx, exception: Exception | None) -> None:
    """Write what is shown for a missing page and, with an address, what search engines read."""
    if exception or app.builder.name != "html":
        return
    site, out = app.config.html_baseurl, Path(app.outdir)
    missing = templated.filled("missing.html", config=app.config, site=site)
    write_atomically(out / "404.html", missing.encode())
    if site:
        places = "".join(f"{site}{page}.html\n" for page in sorted(app.env.found_docs))
        write_atomically(out / "sitemap.txt", places.encode())
        write_atomically(out / "robots.txt", f"Sitemap: {site}sitemap.txt\n".encode())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", write_guides)
    app.connect("html-page-context", describe)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
