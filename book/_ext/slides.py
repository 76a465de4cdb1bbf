"""Slides of every chapter, cut from its built page: ``_build/html/slides/LAB-CHAPTER.html``.

reveal.js comes from the package sphinx-revealjs, mathematics and explorers from the book's own
files, so that nothing is asked from another host.  ``{slides}`` lists all decks, and
``{decks}`redshift/idea` `` links those of a chapter, for the screen and for the printer.
"""

import itertools
import json
import posixpath
from pathlib import Path
from typing import Any

import api_pages
import api_usage
import explorer_directive
import sphinx_revealjs
import templated
from bs4 import BeautifulSoup
from docutils import nodes
from slide_cut import FOLDER, cut
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.fileutil import copy_asset

from ibcore.runs.store import write_atomically

CHAPTERS = "notebooks/"
REVEAL = ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js", "LICENSE")

SCRIPTS = ("mathjax/tex-chtml.js", "ibbook.js", "reveal/reveal.js", "reveal/notes.js", "slides.js")


def deck_name(page: str) -> str:
    """Return the file of a chapter's slides.

    Examples
    --------
    >>> deck_name("notebooks/redshift/idea")
    'slides/redshift-idea.html'
    """
    return f"{FOLDER}/{page.removeprefix(CHAPTERS).replace('/', '-')}.html"


def write_deck(app: Sphinx, page: str, _: str, context: dict[str, Any], *rest: Any) -> None:
    """Write the slides of a chapter beside its page."""
    if app.builder.name != "html" or not page.startswith(CHAPTERS):
        return
    kinds = explorer_directive.kinds_of(context["body"])
    shown = [explorer_directive.write_script(kinds, Path(app.outdir))] if kinds else []
    slides = cut(context["body"], page)
    deck = templated.filled(
        "slides.html",
        config=app.config,
        slides=slides,
        title=BeautifulSoup(slides[0].title, "html.parser").get_text(),
        back=posixpath.relpath(f"{page}.html", FOLDER),
        mathjax=json.dumps(app.config.mathjax3_config or {}),
        scripts=[*shown, *SCRIPTS],
    )
    write_atomically(Path(app.outdir) / deck_name(page), deck.encode())


def copy_reveal(app: Sphinx, exception: Exception | None) -> None:
    """Copy the files of reveal.js that slides use."""
    if exception or app.builder.name != "html":
        return
    source = Path(sphinx_revealjs.__file__).parent / "_static" / "revealjs"
    for name in REVEAL:
        copy_asset(str(source / name), str(Path(app.outdir) / "_static" / "reveal"))


def link(page: str, chapter: str, text: str, more: str = "") -> nodes.reference:
    """Return a link from a page to the slides of a chapter, which only the HTML has."""
    to = posixpath.relpath(deck_name(chapter), posixpath.dirname(page))
    return nodes.reference("", text, refuri=to + more, internal=True)


class SlidesDirective(SphinxDirective):
    """A list of all chapters with a link to the slides of each."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        found = nodes.bullet_list()
        for chapter in api_usage.chapters():
            each = link(self.env.docname, chapter, api_pages.title(f"{chapter}.ipynb"))
            found += nodes.list_item("", nodes.paragraph("", "", each))
        return [addnodes.only("", found, expr="builder_html")]


class DecksRole(SphinxRole):
    """Links to the slides of a chapter, such as ``redshift/idea``, and to their prints."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the links; pages are checked for broken ones after the build."""
        chapter, page = f"{CHAPTERS}{self.text}", self.env.docname
        paper = link(page, chapter, "slides to print", "?print-pdf")
        notes = link(page, chapter, "handout", "?handout")
        dot = nodes.Text(" · ")
        return [link(page, chapter, "slides"), dot, paper, dot.copy(), notes], []


def link_decks(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the slides of a chapter from the card at its top."""
    html = app.builder.name == "html" and page.startswith(CHAPTERS)
    if end := _end_of_card(doctree) if html else None:
        line = nodes.paragraph("", "", nodes.strong("", "Slides."), nodes.Text(" "))
        line += link(page, page, "This chapter as slides")
        end.parent.insert(end.parent.index(end), line)


def _end_of_card(doctree: nodes.document) -> nodes.Node | None:
    """Return the raw end tag of the card at the top of a chapter."""
    raw = doctree.findall(nodes.raw)
    card = itertools.dropwhile(lambda each: 'class="ib-card"' not in each.astext(), raw)
    return next((each for each in card if "</div>" in each.astext()), None)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("slides", SlidesDirective)
    app.add_role("decks", DecksRole())
    app.connect("doctree-resolved", link_decks)
    app.connect("html-page-context", write_deck, priority=950)
    app.connect("build-finished", copy_reveal)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
