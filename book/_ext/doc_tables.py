"""Tables of the book's own directives: one head, one row for each entry, fixed widths."""

from collections.abc import Iterable, Mapping

from docutils import nodes


def table(
    title: str, columns: Mapping[str, int], rows: Iterable[nodes.row], *, name: str
) -> nodes.table:
    """Return a table.

    Parameters
    ----------
    title
        Its caption.
    columns
        The heading of each column and its width, in shares of their sum.
    rows
        The rows of the body.
    name
        The class that the style sheet knows it by.
    """
    group = nodes.tgroup("", cols=len(columns))
    group += [nodes.colspec(colwidth=width) for width in columns.values()]
    group += nodes.thead("", nodes.row("", *(cell(nodes.Text(head)) for head in columns)))
    group += nodes.tbody("", *rows)
    return nodes.table("", nodes.title("", title), group, classes=[name, "colwidths-given"])


def cell(*children: nodes.Node) -> nodes.entry:
    """Return a cell with one paragraph."""
    return nodes.entry("", nodes.paragraph("", "", *children))
