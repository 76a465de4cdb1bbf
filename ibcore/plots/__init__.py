"""The figures and tables of the book, in one style, for light and dark pages.

Each plot takes tidy data and returns a matplotlib `Figure`; `show` puts it on a page.
Tables of means carry their interval and n.
"""

from ibcore.plots.curves import curves, gallery, heatmaps, scatter
from ibcore.plots.page import FUNCTION_COLORS, STYLES, Shown, caption, show
from ibcore.plots.tables import difference_table, interval_grid, interval_table

__all__ = [
    "FUNCTION_COLORS",
    "STYLES",
    "Shown",
    "caption",
    "curves",
    "difference_table",
    "gallery",
    "heatmaps",
    "interval_grid",
    "interval_table",
    "scatter",
    "show",
]
