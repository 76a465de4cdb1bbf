"""The ``measurements`` directive: how large, when, how long and where each experiment ran."""

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {"Experiment": 32, "Largest tier": 12, "Measured": 17, "Computing": 15, "On": 24}
TIERS = ("smoke", "laptop", "paper")


def duration(seconds: float) -> str:
    """Return a time in the unit that reads best.

    Examples
    --------
    >>> duration(42.4), duration(600), duration(2 * 3600)
    ('42 s', '10 min', '2.0 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def largest(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the row of the largest tier of each experiment, by name."""
    rank = frame["tier"].map(TIERS.index)
    return frame.assign(rank=rank).sort_values("rank").groupby("experiment").tail(1).sort_index()


class Measurements(SphinxDirective):
    """Render how many experiments stand at each tier, and one table for each laboratory."""

    def run(self) -> list[nodes.Node]:
        """Return the sentence and the tables."""
        from ibcore.runs import experiments, measurements

        rows = largest(measurements())
        known = {each.name: each.tiers for each in experiments()}
        labs = dict.fromkeys(name.split(".")[0] for name in known)
        tables = [_table(lab, [n for n in known if n.startswith(f"{lab}.")], rows) for lab in labs]
        return [nodes.paragraph("", summary(rows, len(known))), *tables]


def summary(rows: "pd.DataFrame", known: int) -> str:
    """Return how many of the known experiments are stored at each tier."""
    count = {tier: int((rows["tier"] == tier).sum()) for tier in reversed(TIERS)}
    parts = [f"{number} at the {tier} tier" for tier, number in count.items()]
    missing = known - len(rows)
    return f"Of {known} experiments, {', '.join(parts)}, and {missing} not stored."


def _table(lab: str, names: list[str], rows: "pd.DataFrame") -> nodes.table:
    found = rows.set_index("experiment")
    group = nodes.tgroup("", cols=len(COLUMNS))
    group += [nodes.colspec(colwidth=width) for width in COLUMNS.values()]
    group += nodes.thead("", _row(*COLUMNS))
    group += nodes.tbody("", *(_row(*_cells(name, found)) for name in names))
    title = nodes.title("", f"Experiments of the laboratory “{lab}”")
    return nodes.table("", title, group, classes=["ib-measurements", "colwidths-given"])


def _cells(name: str, found: "pd.DataFrame") -> tuple[str, ...]:
    if name not in found.index:
        return (name, "not stored", "", "", "")
    row = found.to_dict("index")[name]
    where = "GPU" if str(row["device"]).startswith("cuda") else "CPU"
    machine = f"{row['device_name']} ({where})"
    changed = ", package changed since its commit" if row["dirty"] else ""
    date = f"{row['date']:%Y-%m-%d}"
    return (name, row["tier"], date, duration(row["seconds"]), machine + changed)


def _row(*texts: str) -> nodes.row:
    first, *rest = (nodes.Text(text) for text in texts)
    code = texts[0] not in COLUMNS
    head = nodes.literal("", texts[0]) if code else first
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", n)) for n in (head, *rest)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("measurements", Measurements)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
