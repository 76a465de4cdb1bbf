"""Schematics: a Markdown image of ``book/schematics`` stands in the page as SVG, not as a file.

So the colors of the theme reach it, and its letters can be searched and selected.  An image, and no
directive: where a notebook is read elsewhere, the file or the sentence of its caption is shown.
"""

import html
import re
from typing import Any

import freshness
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ADDRESS = re.compile(r"(?:^|/)schematics/([\w-]+\.svg)$")
STYLE = re.compile(r"<style>.*?</style>|\n", re.S)  # a page has it from schematics.css
FIGURE = '<figure class="ib-schematic">{}<figcaption><p>{}</p></figcaption></figure>'


def figure(svg: str, caption: str, *, alone: bool = True) -> str:
    """Return a drawing for a page: a figure with its caption, or the drawing in a line of text."""
    bare = STYLE.sub("", svg)
    return FIGURE.format(bare, html.escape(caption, quote=False)) if alone else bare


class InlineSchematics(SphinxTransform):
    """Put the drawing in the place of its image, before images are collected."""

    default_priority = 200

    def apply(self, **_: Any) -> None:
        """Replace every image of the document that is a schematic."""
        for image in list(self.document.findall(nodes.image)):
            if match := ADDRESS.search(image.get("uri", "")):
                self.inline(image, match[1])

    def inline(self, image: nodes.image, name: str) -> None:
        """Replace one image; a file that is missing is left to Sphinx, which names it."""
        file = freshness.ROOT / "book" / "schematics" / name
        if file.is_file():
            self.env.note_dependency(str(file))
            alone = isinstance(image.parent, nodes.paragraph) and len(image.parent) == 1
            page = figure(file.read_text("utf-8"), caption := image.get("alt", ""), alone=alone)
            words = nodes.raw("", f"[{caption}]", format="text latex")
            (image.parent if alone else image).replace_self(
                [nodes.raw("", page, format="html"), words]
            )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_transform(InlineSchematics)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
