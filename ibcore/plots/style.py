"""One look for all figures: sizes, inks, and a color, line and marker for each name."""

from typing import Any

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
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(settings()):
        figure = Figure(figsize=size)
        return figure, figure.subplots(rows, columns, squeeze=False, **options)
