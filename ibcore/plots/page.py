"""Put a figure on a page: inline SVG whose text follows the page's color, with alt text."""

import html
import io
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from ibcore.runtime import door

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


def subplots(rows: int, columns: int, size: tuple[float, float], **options: Any) -> Any:
    """Return a figure and a 2-D array of axes, without pyplot's global state."""
    with mpl.rc_context(settings()):
        figure = Figure(figsize=size)
        return figure, figure.subplots(rows, columns, squeeze=False, **options)


_SHORTEST_ALT = 40


@dataclass(frozen=True)
class Shown:
    """A figure on a page: inline SVG with alt text and caption."""

    svg: str
    alt: str
    caption: str

    def _repr_html_(self) -> str:
        label = html.escape(self.alt, quote=True)
        caption = f"<figcaption>{self.caption}</figcaption>" if self.caption else ""
        scroll = 'tabindex="0" style="overflow-x:auto"'  # a wide figure on a narrow screen
        image = f'<div role="img" aria-label="{label}" {scroll}>{self.svg}</div>'
        return f'<figure class="ib-figure" style="margin:0;color:inherit">{image}{caption}</figure>'

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


@door
def caption(frame: pd.DataFrame, *, band: str = "bands: bootstrap 95 % of the mean") -> str:
    """Return the line below a figure of a stored result: n, seeds, band, tier and date.

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
    return (
        f"{_replicates(frame)}; {band}; "
        f"{origin['experiment']}, {origin['tier']} tier, {origin['date'][:10]}."
    )


def _replicates(frame: pd.DataFrame) -> str:
    """Say how many networks stand behind each condition; without any, the seeds are counted."""
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
    buffer = io.StringIO()
    with mpl.rc_context(settings()):
        metadata = {"Date": None, "Description": source or None}
        figure.savefig(buffer, format="svg", metadata=metadata, dpi=144)
    return Shown(_inline(buffer.getvalue()), alt, caption)


def _inline(svg: str) -> str:
    """Make an SVG file part of a page: adaptive ink, ids of its own, width of the column."""
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    prefix = "f" + sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    width = re.search(r'width="([\d.]+)pt" height="[\d.]+pt"', svg)
    if width is None:
        raise ValueError("the SVG writer of matplotlib gave no size in points")
    size = f"width:100%;min-width:{0.7 * float(width[1]):.0f}pt;max-width:{width[1]}pt"
    style = f'style="{size};height:auto" aria-hidden="true"'
    return svg.replace(width[0], style, 1)
