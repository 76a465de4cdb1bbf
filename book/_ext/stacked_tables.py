"""Wide tables of words become cards on a phone: each cell carries the heading of its column.

The headings are hidden where the table is wide enough to show its own; the style sheet decides.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PAGES = ("book/intro", "book/teach/", "book/appendices/status", "notebooks/")
FEWEST = 3  # tables of two columns fit


def headings(table: nodes.table) -> list[str]:
    """Return the words of the first row, none without a head."""
    head = next(table.findall(nodes.thead), None)
    return [] if head is None else [entry.astext() for entry in head.findall(nodes.entry)]


def stack(table: nodes.table) -> None:
    """Put the heading of its column before each cell but the first of a row."""
    names = headings(table)
    if len(names) < FEWEST:
        return
    table["classes"].append("ib-stacked")
    for body in table.findall(nodes.tbody):
        for row in body.findall(nodes.row):
            cells = row.findall(nodes.entry)
            for name, cell in list(zip(names, cells, strict=True))[1:]:
                if cell.astext():
                    cell.insert(0, nodes.paragraph("", name, classes=["ib-heading"]))


def stack_tables(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Prepare the tables of chapters and of the pages whose tables hold words."""
    if page.startswith(PAGES) and app.builder.name == "html":
        for table in doctree.findall(nodes.table):
            if "ib-narrow" not in table.parent.get("classes", ()):
                stack(table)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the change of finished pages."""
    app.connect("doctree-resolved", stack_tables)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
