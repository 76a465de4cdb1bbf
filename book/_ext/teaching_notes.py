"""Links between chapters, their slides and the notes for the lecturer.

``{decks}`redshift/idea` `` links the slides of a chapter, for the screen and for the printer.
In the instructor edition each chapter begins with a link to its notes.
"""

import posixpath
from typing import Any

import api_names
from docutils import nodes
from slides import CHAPTERS, deck_name
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole


def notes_address(chapter: str) -> tuple[str, str] | None:
    """Return the page and the anchor of a chapter's notes, or ``None`` for other pages.

    Examples
    --------
    >>> notes_address("notebooks/redshift/idea")
    ('book/teach/redshift', 'teach-redshift-idea')
    >>> notes_address("book/intro") is None
    True
    """
    parts = chapter.split("/")
    if len(parts) != 3 or parts[0] != "notebooks" or parts[1] not in api_names.LABS:
        return None
    return f"book/teach/{parts[1]}", f"teach-{parts[1]}-{parts[2]}"


class DecksRole(SphinxRole):
    """Two links to the slides of a chapter."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return both links; pages are checked for broken ones after the build."""
        here = posixpath.dirname(self.env.docname)
        deck = posixpath.relpath(deck_name(f"{CHAPTERS}{self.text}"), here)
        screen = nodes.reference("", "slides", refuri=deck, internal=True)
        paper = nodes.reference("", "slides to print", refuri=f"{deck}?print-pdf", internal=True)
        return [screen, nodes.Text(" · "), paper], []


def add_link(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put a note with the link before everything that follows the title."""
    found = notes_address(page)
    if found is None or not app.tags.has("instructor"):
        return
    address = f"{app.builder.get_relative_uri(page, found[0])}#{found[1]}"
    link = nodes.reference("", "notes for this chapter", refuri=address, internal=True)
    words = ", with minutes, questions, misconceptions, a demonstration and its stored frames."
    text = nodes.paragraph("", "", nodes.Text("For the lecturer: "), link, nodes.Text(words))
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, nodes.note("", text))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the role and the change of finished pages."""
    app.add_role("decks", DecksRole())
    app.connect("doctree-resolved", add_link)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
