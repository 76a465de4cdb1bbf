"""The figures and tables of the book, in one style, for light and dark pages.

Each plot takes tidy data and returns a matplotlib `Figure`; `show` puts it on a page, where a
phone gets it drawn anew: narrow, its panels one below the other.
Tables of means carry their interval and n.
"""

import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator
from pandas.api.types import is_numeric_dtype
from torch import Tensor

from ibcore.door import Level, Positive, Range, door
from ibcore.stats import Interval, mean_interval

__all__ = [
    "FUNCTION_COLORS",
    "STYLES",
    "Shown",
    "caption",
    "curves",
    "gallery",
    "heatmaps",
    "interval_grid",
    "interval_table",
    "scatter",
    "show",
]

# One look for all figures: sizes, inks, and a color, line and marker for each name.

INK = "#010203"  # replaced by the page's own text color when shown
FUNCTION_COLORS = "viridis"  # ordered in lightness, the same for color-blind readers

STYLES: dict[str, tuple[str, str, str]] = {  # color, line, marker: never color alone
    "relu": ("#2b7bba", "-", "o"),
    "gelu": ("#12917c", "--", "s"),
    "silu": ("#6f8a12", ":", "^"),
    "selu": ("#7a68d6", "-.", "v"),
    "tanh": ("#c96a08", "-", "D"),
    "gaussian": ("#c23f78", "--", "P"),
    "sine": ("#b5402f", ":", "X"),
    "plain": ("#2b7bba", "-", "o"),
    "layer norm": ("#12917c", "--", "s"),
    "residual": ("#7a68d6", "-.", "v"),
    "gated": ("#c96a08", ":", "D"),
}
CYCLE = tuple(STYLES[name] for name in ("relu", "tanh", "gelu", "gaussian", "selu", "sine", "silu"))


def settings() -> Any:
    """Return the matplotlib settings of every figure."""
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(inked, INK),
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.titlesize": 10.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "svg.fonttype": "none",
        "svg.hashsalt": "ibcore",
        "figure.constrained_layout.use": True,
    }


NARROW = 3.54  # inches: 340 pixels


class Drawn(Figure):
    """A figure that knows how it is drawn for a phone."""

    narrow: Callable[[], Figure] | None = None


def subplots(rows: int, columns: int, size: tuple[float, float], **options: Any) -> Any:
    """Return a figure and a 2-D array of axes, without pyplot's global state."""
    with mpl.rc_context(settings()):
        figure = Drawn(figsize=size)
        return figure, figure.subplots(rows, columns, squeeze=False, **options)


def two_widths(draw: Callable[[bool], Drawn]) -> Drawn:
    """Return what is drawn wide, which knows how it is drawn narrow.

    Lines that are plotted into the panels of the wide one later stand in the narrow one too.
    """
    figure = draw(False)
    counts = [len(axis.lines) for axis in figure.axes]

    def narrow() -> Drawn:
        drawn = draw(True)
        for axis, own, count in zip(drawn.axes, figure.axes, counts, strict=True):
            for line in own.lines[count:]:
                copy = Line2D(*line.get_data())
                copy.update_from(line)
                axis.add_line(copy)
        return drawn

    figure.narrow = narrow
    return figure


def panels(count: int, narrow: bool, size: tuple[float, float], **options: Any) -> Any:
    """Return a figure and its axes: side by side, or narrow and one below the other."""
    if narrow:
        return subplots(count, 1, (NARROW, 2.4 * count + 0.4), **options)
    return subplots(1, count, size, **options)


_SHORTEST_ALT = 40
_FRAME = "overflow-x:auto;container-type:inline-size"
_CHOICE = (
    "<style>.ib-narrow{display:none}@container(width<520px){"
    ".ib-wide{display:none}.ib-wide~.ib-narrow{display:inline}}</style>"
)


@dataclass(frozen=True)
class Shown:
    """A figure on a page: inline SVG, wide and perhaps narrow, with alt text and caption."""

    svg: str
    alt: str
    caption: str
    narrow: str = ""

    def _repr_html_(self) -> str:
        label = html.escape(self.alt, quote=True)
        caption = f"<figcaption>{self.caption}</figcaption>" if self.caption else ""
        drawn = f"{_CHOICE}{self.svg}{self.narrow}" if self.narrow else self.svg
        # without the second drawing a wide figure scrolls on a narrow screen
        scroll = "" if self.narrow else ' tabindex="0"'
        image = f'<div role="img" aria-label="{label}"{scroll} style="{_FRAME}">{drawn}</div>'
        return f'<figure class="ib-figure" style="margin:0;color:inherit">{image}{caption}</figure>'

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


@door
def caption(frame: pd.DataFrame, *, band: str = "bands: 95 % interval of the mean") -> str:
    """Return the line below a figure of a stored result: n, seeds, band, tier and date.

    It ends with what `ibcore.runs.load` found: for instance that it is older than its code.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"network": [0, 1, 0, 1], "seed": 0})
    >>> origin = {"experiment": "toy.squares", "tier": "smoke", "date": "2026-01-02"}
    >>> frame.attrs["provenance"] = origin
    >>> caption(frame, band="no bands")
    'n = 2 networks in each condition, seed 0; no bands; toy.squares, smoke tier, 2026-01-02.'
    """
    origin = frame.attrs.get("provenance")
    if origin is None:
        raise ValueError("frame has no provenance; it must be a stored result, from ibcore.load")
    doubt = frame.attrs.get("doubt")
    return (
        f"{_replicates(frame)}; {band}; {origin['experiment']}, {origin['tier']} tier, "
        f"{origin['date'][:10]}{f', {doubt}' if doubt else ''}."
    )


def _replicates(frame: pd.DataFrame) -> str:
    """Say how many networks stand behind each condition; without any, the seeds are counted."""
    check_columns(frame, seed="seed")
    seeds = sorted(frame["seed"].unique())
    if "network" not in frame:
        return f"n = {len(seeds)} seeds in each condition, {seeds[0]} to {seeds[-1]}"
    listed = ", ".join(str(seed) for seed in seeds)
    return f"n = {frame['network'].nunique()} networks in each condition, seed {listed}"


@door
def show(figure: Figure, *, alt: str, caption: str = "", source: str = "") -> Shown:
    """Return a figure as inline SVG for a light or dark page.

    Parameters
    ----------
    figure
        Of one of the plots here.
    alt
        What the figure shows: the finding, in at least 40 characters.
    caption
        Number of networks, seeds, meaning of the band, tier; HTML.
    source
        Experiment, tier and commit, written into the file.

    Raises
    ------
    ValueError
        If the alt text is too short to state a finding.

    Examples
    --------
    >>> from ibcore.plots import gallery
    >>> from ibcore.redshift import sample_functions
    >>> figure = gallery(sample_functions(networks=2, grid=8)[None], ["relu"], ["a", "b"])
    >>> show(figure, alt="Two random ReLU networks draw large flat patches.")
    Figure: Two random ReLU networks draw large flat patches.
    """
    if len(alt) < _SHORTEST_ALT:
        raise ValueError(f"alt text must state the finding in >= 40 characters, got {alt!r}")
    narrow = figure.narrow() if isinstance(figure, Drawn) and figure.narrow else None
    # the rule that hides the wide drawing holds in the whole page: a figure of one has another name
    name, least = ("ib-wide", 0.0) if narrow else ("ib-only", 0.7)
    wide = _inline(_svg(figure, source), name, least=least)
    other = _inline(_svg(narrow, source), "ib-narrow") if narrow else ""
    return Shown(wide, alt, caption, other)


def _svg(figure: Figure, source: str) -> str:
    buffer = io.StringIO()
    with mpl.rc_context(settings()):
        metadata = {"Date": None, "Description": source or None}
        figure.savefig(buffer, format="svg", metadata=metadata, dpi=144)
    return buffer.getvalue()


# A name must stand out more than its curve: some of the page's ink is in its color.
_TEXT_INK = re.compile(r"(<text style=\"[^\"]*?fill: )(#[0-9a-f]{6})(?=[;\"])")


def _inline(svg: str, name: str, *, least: float = 0.0) -> str:
    """Make an SVG file part of a page: adaptive ink, ids of its own, width of the column."""
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = _TEXT_INK.sub(r"\1color-mix(in srgb, \2 60%, currentColor)", svg)
    prefix = "f" + sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    width = re.search(r'width="([\d.]+)pt" height="[\d.]+pt"', svg)
    if width is None:
        raise ValueError("the SVG writer of matplotlib gave no size in points")
    size = f"width:100%;min-width:{least * float(width[1]):.0f}pt;max-width:{width[1]}pt"
    style = f'class="{name}" style="{size};height:auto" aria-hidden="true"'
    return svg.replace(width[0], style, 1)


# Tables of means that carry their interval and the number of units behind them.

Decimals = Annotated[int, Range(0, 15)]


@door
def interval_table(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str],
    value: str,
    unit: str | Sequence[str] = "network",
    percent: bool = False,
    digits: Decimals | None = None,
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return the mean of ``value`` in each group with its interval and n.

    Rows of the same unit are averaged first, so n counts units and not rows.

    Parameters
    ----------
    frame
        Tidy data.
    by
        Column or columns whose values make a group; groups keep the order of the frame.
    value
        Column of numbers.
    unit
        Column or columns that name the independent units, which are resampled.
    percent
        Multiply by 100.
    digits
        Decimals; by default 1 in percent, else 3.
    level
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``by``, with the columns mean, low, high (in the unit of ``value``, or in
        percent) and n.

    Raises
    ------
    ValueError
        If a column is missing, a group has fewer than two units, or a value is not finite.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"arm": ["a", "a"], "network": [0, 1], "right": [0.5, 0.75]})
    >>> interval_table(data, by="arm", value="right", percent=True)
    ... # doctest: +NORMALIZE_WHITESPACE
         mean   low   high  n
    arm
    a    62.5 -96.3  221.3  2
    """
    check_columns(frame, ["value"], by=by, value=value, unit=unit)
    keys = _names(by)
    means = _unit_means(frame, keys, value, _names(unit))
    groups = means.groupby(level=keys if len(keys) > 1 else keys[0], sort=False)
    found = {name: _mean(part, name, value, level) for name, part in groups}
    return _table(found, groups.size().index, "mean", percent=percent, digits=digits)


def _names(columns: str | Sequence[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns)


def _unit_means(
    frame: pd.DataFrame, keys: list[str], value: str, units: list[str]
) -> "pd.Series[float]":
    """Average the rows of each unit within each group, so that units are what is counted."""
    parts = frame.groupby([*keys, *units], sort=False, dropna=False)[value]
    return parts.agg(lambda part: part.mean(skipna=False))


def _mean(part: "pd.Series[float]", name: Any, value: str, level: float) -> Interval:
    try:
        return mean_interval(part.sort_index(), level=level)  # the same in any order of rows
    except ValueError as error:
        raise ValueError(f"{value} of the group {name!r}: {error}") from error


def _table(
    found: Mapping[Any, Interval],
    index: "pd.Index[Any]",
    center: str,
    *,
    percent: bool,
    digits: int | None,
) -> pd.DataFrame:
    ends = [(interval.value, interval.low, interval.high) for interval in found.values()]
    numbers = pd.DataFrame(ends, index, [center, "low", "high"])
    table: pd.DataFrame = _scaled(numbers, percent=percent, digits=digits)
    table["n"] = [interval.n for interval in found.values()]
    return table


def _scaled(numbers: Any, *, percent: bool, digits: int | None) -> Any:
    return (numbers * (100 if percent else 1)).round(_decimals(percent, digits)) + 0.0  # no -0.0


def _decimals(percent: bool, digits: int | None) -> int:
    """Return how many decimals a table shows: as told, else 1 in percent and 3 otherwise."""
    return (1 if percent else 3) if digits is None else digits


def check_columns(
    frame: pd.DataFrame, numbers: Sequence[str] = (), **named: str | Sequence[str] | None
) -> None:
    """Refuse a frame without the columns of some arguments, or with other than numbers in them."""
    for name, columns in named.items():
        for column in _names(columns or ()):
            if column not in frame:
                raise ValueError(f"{name}: frame has no column {column!r}; it has {list(frame)}")
            if name in numbers and not is_numeric_dtype(frame[column]):
                raise ValueError(
                    f"{name} must be a column of numbers, {column!r} has {frame[column].dtype}"
                )


# Means with their intervals as text, several side by side in each row of a table.


@door
def interval_grid(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str],
    value: str | Sequence[str],
    across: str | None = None,
    unit: str | Sequence[str] = "network",
    percent: bool = False,
    digits: Decimals | None = None,
    level: Level = 0.95,
) -> pd.DataFrame:
    """Return means with their intervals as text, several side by side in each row, and n.

    Parameters
    ----------
    frame, by, unit, percent, digits, level
        As for `interval_table`.
    value
        Column of numbers; or several, which stand side by side.
    across
        With one ``value``: the column whose values stand side by side.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``by``: texts such as ``62.5 (50.0 to 75.0)``, empty where the frame has no
        rows, and n (as in ``4 to 5`` where it differs within a row).

    Raises
    ------
    ValueError
        If it is unclear what stands side by side, or as for `interval_table`.

    Examples
    --------
    >>> import pandas as pd
    >>> data = pd.DataFrame({"arm": "a", "network": [0, 1, 0, 1], "x": list("iijj"), "y": 1.0})
    >>> interval_grid(data, by="arm", value="y", across="x", digits=1)
    ... # doctest: +NORMALIZE_WHITESPACE
                       i                 j  n
    arm
    a    1.0 (1.0 to 1.0)  1.0 (1.0 to 1.0)  2
    """
    if isinstance(value, str) == (across is None):
        raise ValueError(
            f"got value={value!r} and across={across!r}: name several values, or one value and "
            "the column whose values shall stand side by side"
        )
    check_columns(frame, ["value"], by=by, value=value, across=across, unit=unit)

    def table(part: pd.DataFrame, column: str) -> pd.DataFrame:
        return interval_table(
            part, by=by, value=column, unit=unit, percent=percent, digits=digits, level=level
        )

    if isinstance(value, str):
        parts = {name: table(part, value) for name, part in frame.groupby(across, sort=False)}
    else:
        parts = {column: table(frame, column) for column in value}
    return _side_by_side(parts, _decimals(percent, digits))


def _side_by_side(tables: Mapping[Any, pd.DataFrame], digits: int) -> pd.DataFrame:
    texts = {name: _texts(table, digits) for name, table in tables.items()}
    counts = pd.concat([table["n"] for table in tables.values()], axis=1)
    least, most = counts.min(axis=1).astype(int), counts.max(axis=1).astype(int)
    n = [f"{a} to {b}" if a < b else str(a) for a, b in zip(least, most, strict=True)]
    table: pd.DataFrame = pd.concat(texts, axis=1).fillna("")
    table["n"] = n
    return table


def _texts(table: pd.DataFrame, digits: int) -> "pd.Series[str]":
    shown = table[["mean", "low", "high"]].map(lambda number: f"{number:.{digits}f}")
    return shown["mean"] + " (" + shown["low"] + " to " + shown["high"] + ")"


# Means against a parameter, with bands of intervals and direct labels.


class _Line(NamedTuple):
    """A mean with its interval over the positions, and how it is drawn."""

    name: str
    x: Any
    y: list[float]
    low: list[float]
    high: list[float]
    style: tuple[str, str, str]


def _lines(frame: pd.DataFrame, x: str, y: str, hue: str) -> list[_Line]:
    lines = []
    for index, (name, group) in enumerate(frame.groupby(hue, sort=False)):
        positions = np.sort(group[x].unique())
        columns = [group.loc[group[x] == p, y].dropna() for p in positions]
        means = [
            _mean(column, (name, position), y, 0.95)
            for position, column in zip(positions.tolist(), columns, strict=True)
        ]
        ends = ([m.value for m in means], [m.low for m in means], [m.high for m in means])
        style = STYLES.get(str(name), CYCLE[index % len(CYCLE)])
        lines.append(_Line(str(name), positions, *ends, style))
    return lines


def _label_ends(axis: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
    """Write each name at the height of its end, right of the panel, apart where they touch."""
    low, high = axis.get_ylim()
    gap, position = (high - low) / 15, -np.inf
    for name, y, color in sorted(ends, key=lambda end: end[1]):
        position = max(y, position + gap)
        axis.annotate(
            name, (1, position), (3, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", color=color, va="center", annotation_clip=False,
        )  # fmt: skip


def _draw_lines(axis: Axes, lines: Sequence[_Line]) -> None:
    for line in lines:
        color, dashes, marker = line.style
        axis.fill_between(line.x, line.low, line.high, color=color, alpha=0.2, lw=0)
        axis.plot(line.x, line.y, dashes, color=color, marker=marker, ms=4, lw=1.6, label=line.name)


_SHORT = 9  # characters of a name that stands beside its curve on a phone


def _name_lines(
    axes: Sequence[Axes],
    drawn: Sequence[Sequence[_Line]],
    references: Mapping[str, float],
    narrow: bool,
) -> None:
    """Name curves and references at their right ends; on a phone long names stand above."""
    names = [line.name for lines in drawn for line in lines]
    above = narrow and max(map(len, names)) > _SHORT
    for axis, lines in zip(axes, drawn, strict=True):
        ends = [(line.name, line.y[-1], line.style[0]) for line in lines if not above]
        _label_ends(axis, ends + [(name, y, INK) for name, y in references.items()])
    if above:
        _legend_above(axes)


def _legend_above(axes: Sequence[Axes]) -> None:
    """Name all curves of a narrow figure once, above its panels."""
    found = [axis.get_legend_handles_labels() for axis in axes]
    handles = {
        name: mark for marks, names in found for mark, name in zip(marks, names, strict=True)
    }
    wide = max(map(len, handles)) > 2 * _SHORT
    axes[0].figure.legend(
        handles.values(), handles.keys(), loc="outside upper left", frameon=False,
        labelcolor=INK, fontsize=9, ncols=1 if wide else 2, handletextpad=0.5, columnspacing=1,
    )  # fmt: skip


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
    """Draw the mean of ``y`` against ``x`` for each ``hue``, with 95 % bands.

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
    'Drawn'
    """
    check_columns(frame, ["x", "y"], x=x, y=y, hue=hue, panel=panel)
    groups = [("", frame)] if panel is None else _groups(frame, panel)
    drawn = [_lines(part, x, y, hue) for _, part in groups]
    names, heights = labels or {}, references or {}

    def draw(narrow: bool) -> Drawn:
        width = 1.2 + 2.35 * len(groups) if panel else 5.2
        figure, axes = panels(len(groups), narrow, (width, 2.9), sharey=True)
        for axis, (name, part), lines in zip(axes.flat, groups, drawn, strict=True):
            if log_x:
                _log_axis(axis, part[x].min())
            for height in heights.values():
                axis.axhline(height, color=INK, lw=0.6, ls=(0, (1, 3)))
            _draw_lines(axis, lines)
            title = "" if panel is None else f"{names.get(panel, panel)} {name}".strip()
            axis.set(xlabel=names.get(x, x), ylabel=names.get(y, y), title=title)
            axis.label_outer()
            axis.tick_params(labelbottom=True)
        _name_lines([*axes.flat], drawn, heights, narrow)
        return figure  # type: ignore[no-any-return]

    return two_widths(draw)


def _log_axis(axis: Axes, least: float) -> None:
    axis.set_xscale("log", base=2)
    ticks = 5 if least < 0.1 else 6  # small numbers are long
    axis.xaxis.set_major_locator(LogLocator(base=2, numticks=ticks))
    axis.xaxis.set_major_formatter(lambda v, _: f"{v:g}" if v >= 0.1 else f"{v:.1g}")


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
    'Drawn'
    """
    if values.ndim != 4 or values.shape[:2] != (len(rows), len(columns)) or 0 in values.shape:
        raise ValueError(
            f"values must be ({len(rows)} rows, {len(columns)} columns, n, n), got "
            f"{tuple(values.shape)}"
        )

    def draw(narrow: bool) -> Drawn:
        side = min(size, (NARROW - 0.8) / len(columns)) if narrow else size
        shape = (side * len(columns) + 0.8, side * len(rows) + 0.3)
        figure, axes = subplots(len(rows), len(columns), shape)
        _fill_gallery(axes, values, rows, columns)
        return figure  # type: ignore[no-any-return]

    return two_widths(draw)


def _fill_gallery(axes: Any, values: Tensor, rows: Sequence[str], columns: Sequence[str]) -> None:
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


def _ink_on(share: float) -> str:
    """Return black or white, whichever stands out more from this place of the color scale."""
    rgb = mpl.colormaps[FUNCTION_COLORS](share)[:3]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return "#000000" if np.dot(linear, (0.2126, 0.7152, 0.0722)) > 0.18 else "#ffffff"


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
    'Drawn'
    """
    import seaborn as sns

    check_columns(frame, ["value"], x=x, y=y, value=value, panel=panel)
    names, groups = labels or {}, _groups(frame, panel)

    def draw(narrow: bool) -> Drawn:
        columns = 1 if narrow else min(3, len(groups))
        rows = -(-len(groups) // columns)
        width = NARROW if narrow else 2.5 * columns
        figure, axes = subplots(rows, columns, (width, 2.5 * rows), sharex=True, sharey=True)
        for axis in axes.flat[len(groups) :]:
            axis.set_visible(False)
        for axis, (name, part) in zip(axes.flat, groups, strict=False):
            table = part.pivot_table(index=y, columns=x, values=value).sort_index(ascending=False)
            sns.heatmap(
                table, ax=axis, cmap=FUNCTION_COLORS, vmin=limits[0], vmax=limits[1], cbar=False,
                annot=table.map(_two_digits), fmt="", annot_kws={"size": 9},
            )  # fmt: skip
            for text, number in zip(axis.texts, table.stack(), strict=True):
                text.set_color(_ink_on((number - limits[0]) / (limits[1] - limits[0])))
            axis.set(title=name, xlabel=names.get(x, x), ylabel=names.get(y, y))
        for axis in axes.flat:
            axis.label_outer()
        return figure  # type: ignore[no-any-return]

    return two_widths(draw)


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
    'Drawn'
    """
    check_columns(frame, ["x", "y"], x=x, y=y, hue=hue)
    if not y:
        raise ValueError("y must name at least one column, got none")
    names, groups = labels or {}, _groups(frame, hue)

    def draw(narrow: bool) -> Drawn:
        figure, axes = panels(len(y), narrow, (1.3 + 2.4 * len(y), 2.9))
        for axis, column in zip(axes.flat, y, strict=True):
            for index, (name, part) in enumerate(groups):
                color, _, marker = STYLES.get(name, CYCLE[index % len(CYCLE)])
                axis.scatter(part[x], part[column], s=16, c=color, marker=marker, lw=0, label=name)
            axis.set(xlabel=names.get(x, x), ylabel=names.get(column, column))
        if narrow:
            _legend_above([*axes.flat])
        else:
            axes[0, -1].legend(
                frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5),
                handletextpad=0.2, labelcolor=INK,
            )  # fmt: skip
        return figure  # type: ignore[no-any-return]

    return two_widths(draw)
