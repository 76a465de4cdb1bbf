"""The ``measurements`` directive: how large, when, how long and where each experiment ran."""

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from doc_tables import cell, table
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {"Experiment": 32, "Largest tier": 12, "Measured": 17, "Computing": 15, "On": 24}
TIERS = ("smoke", "laptop", "paper")


def largest(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the row of the largest tier of each experiment, by name."""
    rank = frame["tier"].map(TIERS.index)
    return frame.assign(rank=rank).sort_values("rank").groupby("experiment").tail(1).sort_index()


class Measurements(SphinxDirective):
    """Render how many experiments stand at each tier, and one table for each laboratory."""

    def run(self) -> list[nodes.Node]:
        """Return the sentence and the tables."""
        from stored_results import measurements

        from ibcore.runs import experiments

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
    found = rows.set_index("experiment").to_dict("index")
    title = f"Experiments of the laboratory “{lab}”"
    body = (_row(name, *_texts(found.get(name))) for name in names)
    return table(title, COLUMNS, body, name="ib-measurements")


def _texts(row: "Mapping[Hashable, Any] | None") -> tuple[str, ...]:
    from ibcore.runs.forecast import show_time

    if row is None:
        return ("not stored", "", "", "")
    where = "GPU" if str(row["device"]).startswith("cuda") else "CPU"
    machine = " ".join(filter(None, (row["device_name"], row["instructions"], f"({where})")))
    notes = ", ".join(filter(None, (machine, row["doubts"])))
    return (row["tier"], f"{row['date']:%Y-%m-%d}", show_time(row["seconds"]), notes)


def _row(name: str, *texts: str) -> nodes.row:
    others = (cell(nodes.Text(text)) for text in texts)
    return nodes.row("", cell(nodes.literal("", name)), *others)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("measurements", Measurements)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
