"""Means against a parameter, with bootstrap bands and direct labels."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ibcore.plots.style import CYCLE, INK, STYLES, subplots
from ibcore.stats import bootstrap_mean

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _label_ends(axis: "Axes", ends: Mapping[str, tuple[float, float, str]]) -> None:
    """Write each curve's name at its right end, moved apart where names would touch."""
    low, high = axis.get_ylim()
    gap, position = (high - low) / 15, -np.inf
    for name, (x, y, color) in sorted(ends.items(), key=lambda item: item[1][1]):
        position = max(y, position + gap)
        axis.annotate(
            name, (x, position), (8, 0), textcoords="offset points", color=color, va="center",
            annotation_clip=False,
        )  # fmt: skip


def _draw_curves(axis: "Axes", frame: "pd.DataFrame", x: str, y: str, hue: str) -> None:
    ends: dict[str, tuple[float, float, str]] = {}
    for index, (name, group) in enumerate(frame.groupby(hue, sort=False)):
        color, line, marker = STYLES.get(str(name), CYCLE[index % len(CYCLE)])
        positions = np.sort(group[x].unique())
        columns = [group.loc[group[x] == p, y].dropna().to_numpy() for p in positions]
        means = [bootstrap_mean(column) for column in columns]
        center = [m.value for m in means]
        axis.fill_between(
            positions, [m.low for m in means], [m.high for m in means], color=color, alpha=0.2, lw=0
        )
        axis.plot(positions, center, line, color=color, marker=marker, ms=4, lw=1.6)
        ends[str(name)] = (positions[-1], center[-1], color)
    _label_ends(axis, ends)


def curves(
    frame: "pd.DataFrame",
    *,
    x: str,
    y: str,
    hue: str,
    panel: str | None = None,
    references: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
    log_x: bool = True,
) -> "Figure":
    """Draw the mean of ``y`` against ``x`` for each ``hue``, with bootstrap 95 % bands.

    Parameters
    ----------
    frame
        Tidy data, one row per network.
    x, y, hue
        Columns.
    panel
        Column that splits the figure into panels side by side.
    references
        Name to height of thin horizontal lines.
    labels
        Column name to axis label.
    log_x
        Base-2 logarithmic x axis.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"a": [1, 1, 2, 2], "b": [1.0, 2.0, 3.0, 4.0], "c": ["relu"] * 4})
    >>> type(curves(data, x="a", y="b", hue="c")).__name__
    'Figure'
    """
    from matplotlib.ticker import LogLocator

    groups = [("", frame)]
    if panel is not None:
        groups = [(str(name), part) for name, part in frame.groupby(panel, sort=False)]
    figure, axes = subplots(1, len(groups), (1.2 + 2.35 * len(groups), 2.9), sharey=True)
    labels = labels or {}
    for axis, (name, part) in zip(axes[0], groups, strict=True):
        if log_x:
            axis.set_xscale("log", base=2)
            ticks = 5 if part[x].min() < 0.1 else 6  # small numbers are long
            axis.xaxis.set_major_locator(LogLocator(base=2, numticks=ticks))
            axis.xaxis.set_major_formatter(lambda v, _: f"{v:g}" if v >= 0.1 else f"{v:.1g}")
        for label, height in (references or {}).items():
            axis.axhline(height, color=INK, lw=0.6, ls=(0, (1, 3)))
            axis.annotate(label, (0.01, height), (0, 2), xycoords=("axes fraction", "data"),
                          textcoords="offset points", fontsize=8, color=INK)  # fmt: skip
        _draw_curves(axis, part, x, y, hue)
        title = "" if panel is None else f"{labels.get(panel, panel)} {name}".strip()
        axis.set(xlabel=labels.get(x, x), title=title)
    axes[0, 0].set_ylabel(labels.get(y, y))
    return figure  # type: ignore[no-any-return]
