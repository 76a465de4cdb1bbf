"""Compute one cell of each stored result again and compare its rows: ``make recheck``.

The cell is the one that is predicted to take the least time, so that all results together take
about an hour.  Rows that the same processor, instruction set and torch have computed must agree;
where any of these is another or not known, numbers that differ are shown and not counted as a
failure: rounding differs there, and a training can follow another path.  Give names of
experiments or laboratories to check only these.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from ibcore.runs import Provenance, Stored, find, read, stored
from ibcore.runs.experiment import plan_digest
from ibcore.runs.forecast import cost_model, show_time
from ibcore.runs.store import machine, to_table

TOLERANCE = 1e-6  # of the largest value of a column
# What training decides, among the columns that are not floats; the others say what was computed.
MEASURED = {
    *("picture", "outputs", "probabilities", "turns", "count", "distinct", "hits"),
    *("censored", "selected", "forgets"),
}


@dataclass(frozen=True)
class Check:
    """What came of one cell; ``failed`` where the code of today contradicts the stored rows."""

    result: str
    seconds: float
    says: str
    failed: bool = False

    def __str__(self) -> str:
        mark = "FAIL" if self.failed else "ok"
        return f"{mark:<4}  {self.result:<36} {show_time(self.seconds):>7}  {self.says}"


def recheck(entry: Stored) -> Check:
    """Compute the cheapest cell of a stored result again, on a processor, and compare."""
    name = f"{entry.experiment} {entry.tier}"
    frame, origin = read(entry.path)
    plan = find(entry.experiment).plan(entry.tier)
    if plan_digest(plan) != origin.plan:
        return Check(name, 0.0, "it holds other cells than the experiment of today", True)
    index, start = cheapest(entry, origin)[0], time.perf_counter()
    try:
        rows = find(entry.experiment).run_cell(list(plan.values())[index], torch.device("cpu"))
    except (OSError, ImportError) as missing:  # an official data set, or what reads it
        return Check(name, 0.0, f"not computed: {missing}")
    seconds, rows = time.perf_counter() - start, to_table(rows).to_pandas()
    return judge(name, seconds, stored_rows(frame, rows, index, origin.cells), rows, origin)


def cheapest(entry: Stored, origin: Provenance) -> tuple[int, float]:
    """Return which cell is predicted to take the least time, and how many seconds."""
    experiment = find(entry.experiment)
    cells, model = list(experiment.plan(entry.tier).values()), cost_model(experiment)
    costs = [model.cost(cell) if model else 1.0 for cell in cells]
    return costs.index(min(costs)), origin.seconds * min(costs) / sum(costs)


def stored_rows(frame: pd.DataFrame, rows: pd.DataFrame, index: int, cells: int) -> pd.DataFrame:
    """Return the rows of a cell from a result, in which the cells follow each other.

    Most cells have as many rows each; else the first rows that say the same as the new ones.
    """
    size = len(rows)
    starts = [index * size] if len(frame) == cells * size else range(len(frame) - size + 1)
    blocks = [frame.iloc[start : start + size].reset_index(drop=True) for start in starts]
    alike = (block for block in blocks if set(compare(block, rows)[0]) <= MEASURED)
    return next(alike, (blocks or [frame])[0])


def judge(
    name: str, seconds: float, old: pd.DataFrame, new: pd.DataFrame, origin: Provenance
) -> Check:
    """Say whether stored and new rows agree, as far as the machine lets them."""
    other, apart = compare(old, new)
    if not set(other) <= MEASURED:
        return Check(name, seconds, f"other rows than the stored ones: {', '.join(other)}", True)
    if not other and not any(apart.values()):
        return Check(name, seconds, "equal to the last bit")
    worst = sorted(filter(apart.get, apart), key=lambda column: -apart[column])[:3]
    by = ", ".join([*other, *(f"{column} {apart[column]:.1g}" for column in worst)])
    if not other and apart[worst[0]] <= TOLERANCE:
        return Check(name, seconds, f"equal but for rounding (relative: {by})")
    count = len(other) + sum(size > TOLERANCE for size in apart.values())
    says = f"{count} of {len(list(old))} columns differ (relative: {by})"
    if computed_like_here(origin):
        return Check(name, seconds, says, True)
    where = f"{origin.device_name}, {origin.instructions or 'instruction set not recorded'}"
    return Check(name, seconds, f"{says}; stored on {where}")


def computed_like_here(origin: Provenance) -> bool:
    """Say whether a result comes from a processor, instruction set and torch like these."""
    here = machine(torch.device("cpu"))
    return (origin.device_name, origin.instructions, origin.versions["torch"]) == (
        here.device_name,
        here.instructions,
        here.versions["torch"],
    )


def compare(old: pd.DataFrame, new: pd.DataFrame) -> tuple[list[str], dict[str, float]]:
    """Return what is not the same at all, and by how much columns of floats differ.

    Differences are relative to the largest value of the column, so that a rounded zero counts
    as one; infinite where only one of the two is a number.

    Examples
    --------
    >>> compare(pd.DataFrame({"seed": [1], "x": [2.0]}), pd.DataFrame({"seed": [2], "x": [2.5]}))
    (['seed'], {'x': 0.25})
    """
    if list(old) != list(new) or len(old) != len(new):
        return [f"{len(new)} rows of {', '.join(new)}"], {}
    other, apart = [], {}
    for name in old:
        first, second = _numbers(old[name]), _numbers(new[name])
        if first.dtype.kind == "f" and first.shape == second.shape and second.dtype.kind in "fi":
            apart[name] = _distance(first, second.astype(float))
        elif first.tolist() != second.tolist():
            other.append(name)
    return other, apart


def _numbers(column: "pd.Series[Any]") -> np.ndarray:
    """Return a column as an array; one of equally long lists as a matrix."""
    values = [None if value is pd.NA else value for value in column.tolist()]
    try:
        return np.array(values)
    except ValueError:  # lists of different lengths
        return np.array([str(value) for value in values])


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    if same.all():
        return 0.0
    apart = np.abs(first - second)[~same].max()
    largest = np.abs(first[np.isfinite(first)]).max(initial=0.0)
    return float(apart / largest) if largest and np.isfinite(apart) else float("inf")


def main() -> int:
    """Check what is asked for, the cheapest first, and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="experiments or laboratories (default: all)")
    parser.add_argument("--limit", type=float, default=float("inf"), help="seconds for a cell")
    options = parser.parse_args()
    chosen = []
    for entry in stored():
        seconds = cheapest(entry, read(entry.path)[1])[1]
        asked = {entry.experiment, entry.experiment.partition(".")[0]} & set(options.names)
        if seconds <= options.limit and (asked or not options.names):
            chosen.append((seconds, entry))
    failed = 0
    for _, entry in sorted(chosen):
        check = recheck(entry)
        print(check, flush=True)
        failed += check.failed
    print(f"{len(chosen) - failed} of {len(chosen)} stored results are not contradicted")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
