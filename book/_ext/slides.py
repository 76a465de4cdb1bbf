"""Slides of every chapter, cut from its built page: ``_build/html/slides/LAB-CHAPTER.html``.

reveal.js comes from the package sphinx-revealjs, mathematics and explorers from the book's own
files, so that nothing is asked from another host.
"""

import html
import json
import posixpath
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import explorer_scripts
from bs4 import BeautifulSoup
from docutils import nodes
from jinja2 import Environment
from slide_cut import Slide, cut
from slide_text import FOLDER
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.fileutil import copy_asset

CHAPTERS = "notebooks/"
REVEAL = ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js", "LICENSE")

TEMPLATE = Environment(autoescape=True).from_string("""<!DOCTYPE html>
<html lang="en" data-theme="light" data-mode="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slides: {{ title }}</title>
<link rel="icon" href="../_static/favicon.svg">
<link rel="stylesheet" media="screen" href="../_static/reveal/reveal.css">
{% for sheet in ("pygments.css", "ibbook.css", "slides.css") -%}
<link rel="stylesheet" href="../_static/{{ sheet }}">
{% endfor -%}
<script>window.MathJax = {{ mathjax|safe }}</script>
{% for script in scripts -%}
<script defer src="../_static/{{ script }}"></script>
{% endfor -%}
</head>
<body>
<main class="reveal"><div class="slides">
{% for slide in slides -%}
<section class="ib-slide ib-slide-{{ slide.kind }}">
<div class="ib-slide-inner">
{% if loop.first -%}
<p class="ib-slide-book">{{ book }}</p>
<h1>{{ slide.title|safe }}</h1>
<div class="ib-slide-body ib-lead">{{ slide.body|safe }}</div>
<p class="ib-slide-foot">Edition {{ release }} · <a href="{{ back }}">the chapter</a> ·
<span class="ib-slide-keys">arrow keys move, S opens the notes, O shows all,
Esc leaves a control</span></p>
{% else -%}
<h2>{{ slide.title|safe }}</h2>
<div class="ib-slide-body">{{ slide.body|safe }}</div>
{% endif -%}
</div>
{% if slide.notes -%}
<aside class="notes">{% for note in slide.notes %}{{ note|safe }}{% endfor %}</aside>
{% endif -%}
</section>
{% endfor -%}
</div></main>
</body>
</html>
""")

SCRIPTS = (
    "mathjax/tex-chtml.js",
    "ibbook.js",
    "reveal/reveal.js",
    "reveal/notes.js",
    "slides.js",
)


def deck_name(page: str) -> str:
    """Return the file of a chapter's slides.

    Examples
    --------
    >>> deck_name("notebooks/redshift/idea")
    'slides/redshift-idea.html'
    """
    return f"{FOLDER}/{page.removeprefix(CHAPTERS).replace('/', '-')}.html"


def render(slides: list[Slide], page: str, config: Any, scripts: Sequence[str] = SCRIPTS) -> str:
    """Return the page of a deck."""
    title = BeautifulSoup(slides[0].title, "html.parser").get_text()
    return TEMPLATE.render(
        slides=slides,
        title=title,
        book=config.project,
        release=config.release,
        back=posixpath.relpath(f"{page}.html", FOLDER),
        mathjax=json.dumps(config.mathjax3_config or {}),
        scripts=scripts,
    )


def write_deck(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Write the slides of a chapter beside its page."""
    if app.builder.name != "html" or not page.startswith(CHAPTERS):
        return
    from ibcore.runs.store import write_atomically  # of this checkout: see ibbook

    kinds = explorer_scripts.kinds_of(context["body"])
    shown = [explorer_scripts.write_script(kinds, Path(app.outdir))] if kinds else []
    deck = render(cut(context["body"], page), page, app.config, [*shown, *SCRIPTS])
    write_atomically(Path(app.outdir) / deck_name(page), deck.encode())


def copy_reveal(app: Sphinx, exception: Exception | None) -> None:
    """Copy the files of reveal.js that slides use."""
    if exception or app.builder.name != "html":
        return
    spec = find_spec("sphinx_revealjs")
    if spec is None or spec.origin is None:
        raise ImportError("slides need reveal.js: pip install sphinx-revealjs")
    source = Path(spec.origin).parent / "_static" / "revealjs"
    for name in REVEAL:
        copy_asset(str(source / name), str(Path(app.outdir) / "_static" / "reveal"))


class SlidesDirective(SphinxDirective):
    """A list of all chapters with a link to the slides of each."""

    def run(self) -> list[nodes.Node]:
        """Leave a place; which chapters there are is known later."""
        return [deck_list()]


class deck_list(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes like this)
    """Where the list of slides will stand."""


def link_decks(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the slides from the chapter's card and from the list of slides."""
    built = app.builder.name == "html"
    for place in list(doctree.findall(deck_list)):
        place.replace_self(_list(app, page) if built else [])
    end = _end_of_card(doctree) if built and page.startswith(CHAPTERS) else None
    if end is not None:
        line = nodes.paragraph("", "", nodes.strong("", "Slides."), nodes.Text(" "))
        line += _link(page, page, "This chapter as slides")
        end.parent.insert(end.parent.index(end), line)


def _end_of_card(doctree: nodes.document) -> nodes.Node | None:
    """Return the raw end tag of the card at the top of a chapter."""
    raw = list(doctree.findall(nodes.raw))
    start = next((n for n, each in enumerate(raw) if 'class="ib-card"' in each.astext()), None)
    ends = [] if start is None else [each for each in raw[start:] if "</div>" in each.astext()]
    return ends[0] if ends else None


def _list(app: Sphinx, page: str) -> list[nodes.Node]:
    found = nodes.bullet_list()
    for chapter in _chapters(app):
        title = app.env.titles[chapter].astext()
        found += nodes.list_item("", nodes.paragraph("", "", _link(page, chapter, title)))
    return [found]


def _chapters(app: Sphinx) -> list[str]:
    """Return the chapters in the order of the table of contents."""
    order: list[str] = []
    waiting = [app.config.root_doc]
    while waiting:
        page = waiting.pop(0)
        order.append(page)
        waiting = [*app.env.toctree_includes.get(page, []), *waiting]
    return [page for page in order if page.startswith(CHAPTERS)]


def _link(page: str, chapter: str, text: str) -> nodes.reference:
    to = posixpath.relpath(deck_name(chapter), posixpath.dirname(page))
    return nodes.reference("", html.unescape(text), refuri=to, internal=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(deck_list)
    app.add_directive("slides", SlidesDirective)
    app.connect("doctree-resolved", link_decks)
    app.connect("html-page-context", write_deck, priority=950)
    app.connect("build-finished", copy_reveal)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
