"""The ``measurements`` directive: how large, when, how long and where each experiment ran."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import templated
from sphinx.application import Sphinx
from stored_results import measurements

from ibcore.runs import experiments
from ibcore.runs.forecast import show_time

TIERS = ("smoke", "laptop", "paper")


def largest(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the row of the largest tier of each experiment, by name."""
    rank = frame["tier"].map(TIERS.index)
    return frame.assign(rank=rank).sort_values("rank").groupby("experiment").tail(1).sort_index()


def content() -> dict[str, Any]:
    """Return how many experiments stand at each tier, and the rows of each laboratory."""
    rows = largest(measurements())
    found = rows.set_index("experiment").to_dict("index")
    labs: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for name in (each.name for each in experiments()):
        labs.setdefault(name.split(".")[0], []).append((name, texts(found.get(name))))
    return {"summary": summary(rows, len(experiments())), "labs": labs}


def summary(rows: pd.DataFrame, known: int) -> str:
    """Return how many of the known experiments are stored at each tier."""
    count = {tier: int((rows["tier"] == tier).sum()) for tier in reversed(TIERS)}
    parts = [f"{number} at the {tier} tier" for tier, number in count.items()]
    missing = known - len(rows)
    return f"Of {known} experiments, {', '.join(parts)}, and {missing} not stored."


def texts(row: Mapping[Hashable, Any] | None) -> tuple[str, ...]:
    """Return what is said of the stored run of an experiment, or that there is none."""
    if row is None:
        return ("not stored", "", "", "")
    where = "GPU" if str(row["device"]).startswith("cuda") else "CPU"
    parts = (row["device_name"], row["instructions"], f"({where})")
    machine = " ".join(part for part in parts if part and pd.notna(part))
    notes = ", ".join(filter(None, (machine, row["doubts"])))
    return (row["tier"], f"{row['date']:%Y-%m-%d}", show_time(row["seconds"]), notes)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("measurements", templated.directive(content))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
