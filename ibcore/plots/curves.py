"""Means against a parameter, with bootstrap bands and direct labels."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from torch import Tensor

from ibcore.plots.page import CYCLE, FUNCTION_COLORS, INK, STYLES, subplots
from ibcore.plots.tables import check_columns
from ibcore.runtime import Positive, door
from ibcore.stats import bootstrap_mean


def _label_ends(axis: Axes, ends: Mapping[str, tuple[float, float, str]]) -> None:
    """Write each curve's name at its right end, moved apart where names would touch."""
    low, high = axis.get_ylim()
    gap, position = (high - low) / 15, -np.inf
    for name, (x, y, color) in sorted(ends.items(), key=lambda item: item[1][1]):
        position = max(y, position + gap)
        axis.annotate(
            name, (x, position), (8, 0), textcoords="offset points", color=color, va="center",
            annotation_clip=False,
        )  # fmt: skip


def _draw_curves(axis: Axes, frame: pd.DataFrame, x: str, y: str, hue: str) -> None:
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


@door
def curves(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    hue: str,
    panel: str | None = None,
    references: Mapping[str, float] | None = None,
    labels: Mapping[str, str] | None = None,
    log_x: bool = True,
) -> Figure:
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
    check_columns(frame, ["x", "y"], x=x, y=y, hue=hue, panel=panel)
    groups = [("", frame)] if panel is None else _groups(frame, panel)
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


def _groups(frame: pd.DataFrame, column: str) -> list[tuple[str, pd.DataFrame]]:
    return [(str(name), part) for name, part in frame.groupby(column, sort=False)]


# Functions as images, and tables of numbers as heatmaps.


@door
def gallery(
    values: Tensor, rows: Sequence[str], columns: Sequence[str], *, size: Positive = 1.15
) -> Figure:
    """Draw functions as images, each between its own minimum and maximum.

    Parameters
    ----------
    values
        Shape ``(rows, columns, n, n)``; x1 runs to the right and x2 upward.
    rows, columns
        Labels.
    size
        Side of one image in inches.

    Examples
    --------
    >>> import torch
    >>> type(gallery(torch.rand(1, 2, 4, 4), ["a"], ["b", "c"])).__name__
    'Figure'
    """
    if values.ndim != 4 or values.shape[:2] != (len(rows), len(columns)) or 0 in values.shape:
        raise ValueError(
            f"values must be ({len(rows)} rows, {len(columns)} columns, n, n), got "
            f"{tuple(values.shape)}"
        )
    figure, axes = subplots(
        len(rows), len(columns), (size * len(columns) + 0.8, size * len(rows) + 0.3)
    )
    for (i, j), axis in np.ndenumerate(axes):
        axis.imshow(
            values[i, j].mT.cpu().numpy(),
            cmap=FUNCTION_COLORS,
            origin="lower",
            interpolation="none",
        )
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        if i == 0:
            axis.set_title(columns[j])
        if j == 0:
            axis.set_ylabel(rows[i], rotation=0, ha="right", va="center")
    return figure  # type: ignore[no-any-return]


def _two_digits(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")


@door
def heatmaps(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    value: str,
    panel: str,
    limits: tuple[float, float],
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """Draw the mean of ``value`` in each cell of ``x`` and ``y``, one panel per ``panel``.

    The numbers stand in the cells, so that color is not the only code.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"a": [1, 2], "b": [1, 1], "c": [0.1, 0.2], "d": ["p", "p"]})
    >>> type(heatmaps(data, x="a", y="b", value="c", panel="d", limits=(0, 1))).__name__
    'Figure'
    """
    import seaborn as sns

    check_columns(frame, ["value"], x=x, y=y, value=value, panel=panel)
    labels, groups = labels or {}, _groups(frame, panel)
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure, axes = subplots(rows, columns, (2.5 * columns, 2.5 * rows), sharex=True, sharey=True)
    for axis in axes.flat[len(groups) :]:
        axis.set_visible(False)
    for axis, (name, part) in zip(axes.flat, groups, strict=False):
        table = part.pivot_table(index=y, columns=x, values=value).sort_index(ascending=False)
        sns.heatmap(
            table, ax=axis, cmap=FUNCTION_COLORS, vmin=limits[0], vmax=limits[1], cbar=False,
            annot=table.map(_two_digits), fmt="", annot_kws={"size": 7.5},
        )  # fmt: skip
        axis.set(title=name, xlabel=labels.get(x, x), ylabel=labels.get(y, y))
    for axis in axes.flat:
        axis.label_outer()
    return figure  # type: ignore[no-any-return]


# One point for each condition, to see whether two measures agree.


@door
def scatter(
    frame: pd.DataFrame,
    *,
    x: str,
    y: Sequence[str],
    hue: str,
    labels: Mapping[str, str] | None = None,
) -> Figure:
    """Draw each row of ``frame`` as a point, ``x`` against each ``y`` in a panel of its own.

    Parameters
    ----------
    frame
        One row per condition, for instance means over networks.
    x, y, hue
        Columns; color and marker follow ``hue``.
    labels
        Column name to axis label.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 4.0], "c": ["relu", "tanh"]})
    >>> type(scatter(data, x="a", y=["b"], hue="c")).__name__
    'Figure'
    """
    check_columns(frame, ["x", "y"], x=x, y=y, hue=hue)
    if not y:
        raise ValueError("y must name at least one column, got none")
    labels, groups = labels or {}, _groups(frame, hue)
    figure, axes = subplots(1, len(y), (1.3 + 2.4 * len(y), 2.9))
    for axis, column in zip(axes[0], y, strict=True):
        for index, (name, part) in enumerate(groups):
            color, _, marker = STYLES.get(name, CYCLE[index % len(CYCLE)])
            axis.scatter(part[x], part[column], s=16, c=color, marker=marker, lw=0, label=name)
        axis.set(xlabel=labels.get(x, x), ylabel=labels.get(column, column))
    axes[0, -1].legend(
        frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), handletextpad=0.2
    )
    return figure  # type: ignore[no-any-return]
