"""Functions as images, and tables of numbers as heatmaps."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from ibcore.plots.style import FUNCTION_COLORS, subplots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def gallery(
    values: Tensor, rows: Sequence[str], columns: Sequence[str], *, size: float = 1.15
) -> "Figure":
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


def heatmaps(
    frame: "pd.DataFrame",
    *,
    x: str,
    y: str,
    value: str,
    panel: str,
    limits: tuple[float, float],
    labels: Mapping[str, str] | None = None,
) -> "Figure":
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

    labels = labels or {}
    groups = [(str(name), part) for name, part in frame.groupby(panel, sort=False)]
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
