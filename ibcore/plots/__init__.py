"""The figures of the book: a handful of standard plots in one style, for light and dark pages.

Each plot takes tidy data and returns a matplotlib `Figure`; `show` puts it on a page.
"""

from ibcore.plots.curves import curves
from ibcore.plots.images import gallery, heatmaps
from ibcore.plots.page import Shown, caption, show
from ibcore.plots.points import scatter
from ibcore.plots.style import FUNCTION_COLORS, STYLES

__all__ = [
    "FUNCTION_COLORS",
    "STYLES",
    "Shown",
    "caption",
    "curves",
    "gallery",
    "heatmaps",
    "scatter",
    "show",
]
