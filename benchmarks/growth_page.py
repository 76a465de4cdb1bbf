"""The page on growing cost: slopes with intervals, a table and a figure, from stored numbers."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ibcore.plots import INK, STYLES, show, subplots
from ibcore.runs.store import write_atomically

LOOKS = ("relu", "gelu", "selu")  # of the tasks in their order: color, line and marker differ
COSTS = {"seconds": "CPU seconds", "bytes": "peak memory, bytes"}


@dataclass(frozen=True)
class Slope:
    """A slope on logarithmic axes with its 95 % interval: the power of the size in the cost."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def slope(sizes: "pd.Series[float]", costs: "pd.Series[float]") -> Slope:
    """Fit a line to logarithms by least squares, with Student's interval of its slope.

    The interval holds noise and curvature alike; two sizes have none.

    Raises
    ------
    ValueError
        If there are fewer than three sizes.
    """
    from scipy.special import stdtrit  # the quantile of Student's distribution

    if len(sizes) < 3:
        raise ValueError(f"a slope with an interval needs at least 3 sizes, got {len(sizes)}")
    x, y = np.log(sizes) - np.log(sizes).mean(), np.log(costs) - np.log(costs).mean()
    value, freedom = float(x @ y / (x @ x)), len(sizes) - 2
    error = float(((y - value * x) ** 2).sum() / freedom / (x @ x)) ** 0.5
    half = float(stdtrit(freedom, 0.975)) * error
    return Slope(value, value - half, value + half)


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each task and axis: the largest size, its median costs, and the slopes.

    ``time_last`` and ``memory_last`` are the powers between the two largest sizes, where fixed
    costs matter least.
    """
    rows = []
    for (task, axis, fixed), part in frame.groupby(["task", "axis", "fixed"], sort=False):
        median = part.groupby("size")[list(COSTS)].median().reset_index()
        before, top = median.iloc[-2], median.iloc[-1]
        steps = math.log(top["size"] / before["size"])
        rows.append(
            {
                "task": task,
                "axis": axis,
                "fixed": fixed,
                "smallest": int(median["size"].min()),
                "largest": int(top["size"]),
                "seconds": float(top["seconds"]),
                "time": slope(median["size"], median["seconds"]),
                "time_last": math.log(top["seconds"] / before["seconds"]) / steps,
                "bytes": float(top["bytes"]),
                "memory": slope(median["size"], median["bytes"]),
                "memory_last": math.log(top["bytes"] / before["bytes"]) / steps,
            }
        )
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame) -> Figure:
    """Draw both costs against each axis, on logarithmic axes, one line for each task."""
    axes_of, tasks = list(dict.fromkeys(frame["axis"])), list(dict.fromkeys(frame["task"]))
    options = {"sharex": "col", "sharey": "row"}
    figure, panels = subplots(len(COSTS), len(axes_of), (9.2, 5.0), **options)
    for row, (cost, label) in zip(panels, COSTS.items(), strict=True):
        for panel, axis in zip(row, axes_of, strict=True):
            for task, name in zip(tasks, LOOKS, strict=False):
                part = frame[(frame["axis"] == axis) & (frame["task"] == task)]
                _line(panel, part.groupby("size")[cost], task, STYLES[name])
            panel.grid(alpha=0.25, linewidth=0.5)
            panel.set(xscale="log", yscale="log")
            _ticks(panel, sorted(frame[frame["axis"] == axis]["size"].unique()))
        row[0].set_ylabel(label)
    for panel, axis in zip(panels[-1], axes_of, strict=True):
        panel.set_xlabel(axis)
    handles, labels = panels[0][1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False, labelcolor=INK)
    return figure  # type: ignore[no-any-return]


def _line(panel: Any, costs: Any, task: str, look: tuple[str, str, str]) -> None:
    """Draw medians, and a bar from the least to the most."""
    middle, least, most = costs.median(), costs.min(), costs.max()
    if middle.empty:
        return
    color, line, marker = look
    spread = [middle - least, most - middle]
    panel.errorbar(
        middle.index,
        middle,
        yerr=spread,
        color=color,
        linestyle=line,
        marker=marker,
        markersize=4.5,
        linewidth=1.4,
        label=task,
    )


def _ticks(panel: Any, sizes: list[int]) -> None:
    """Mark the sizes that were measured and have room, and every power of ten of a cost."""
    from matplotlib.ticker import LogLocator, NullLocator

    room = (sizes[-1] / sizes[0]) ** 0.2
    labels: list[str] = []
    last = 0.0
    for size in sizes:
        shown = size >= room * last
        labels.append(f"{size}" if shown else "")
        last = size if shown else last
    panel.set_xticks(sizes, labels)
    panel.xaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_locator(LogLocator(10, numticks=12))
    panel.yaxis.set_minor_locator(NullLocator())


def alt(rows: pd.DataFrame) -> str:
    """Return the finding in words, from the numbers."""
    parts = [
        f"{row['task']} against {row['axis']}: time grows with power {row['time'].value:.1f}, "
        f"memory with power {row['memory'].value:.1f}"
        for row in rows.to_dict("records")
    ]
    return "CPU time and peak memory grow as powers of the size: " + "; ".join(parts) + "."


def markdown(frame: pd.DataFrame, known: Mapping[str, Any]) -> str:
    """Return the section of the page: where it was measured, the figure and the table."""
    rows = summary(frame)
    rounds = frame["round"].nunique()
    where = (
        f"one thread of {known['processor']} ({known['instructions']}), torch "
        f"{known['versions']['torch']}, {str(known['date'])[:10]}, load {known['load']:.1f}"
    )
    caption = f"Medians of {rounds} rounds; bars from the least to the most; {where}."
    shown = show(draw(frame), alt=alt(rows), caption=caption, source="benchmarks/growth.py")
    picture = "\n".join(line for line in shown._repr_html_().splitlines() if line.strip())
    lines = ["```{raw} html", picture, "```"]
    records = rows.to_dict("records")
    lines += ["", "| time of | along | at the largest | power | power at the end |"]
    lines += ["|---|---|---|---|---|", *map(_time, records)]
    lines += ["", "| memory of | along | at the largest | power | power at the end |"]
    lines += ["|---|---|---|---|---|"]
    return "\n".join([*lines, *map(_memory, records)]) + "\n"


def _time(row: Mapping[Any, Any]) -> str:
    cost = f"{row['seconds']:.2g} s | {row['time']} | {row['time_last']:.2f}"
    return f"| {row['task']}; {row['fixed']} | {_range(row)} | {cost} |"


def _memory(row: Mapping[Any, Any]) -> str:
    cost = f"{row['bytes'] / 1e6:.3g} MB | {row['memory']} | {row['memory_last']:.2f}"
    return f"| {row['task']}; {row['fixed']} | {_range(row)} | {cost} |"


def _range(row: Mapping[Any, Any]) -> str:
    return f"{row['axis']}, {row['smallest']} to {row['largest']}"


def write(folder: Path) -> Path:
    """Write ``growth.md`` beside the stored numbers."""
    import pyarrow.parquet as pq

    data, page = folder / "growth.parquet", folder / "growth.md"
    known = json.loads(pq.read_schema(data).metadata[b"ibcore.benchmarks"])
    write_atomically(page, markdown(pd.read_parquet(data), known).encode())
    return page
