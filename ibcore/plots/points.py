"""One point for each condition, to see whether two measures agree."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ibcore.plots.style import CYCLE, STYLES, subplots

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def scatter(
    frame: "pd.DataFrame",
    *,
    x: str,
    y: Sequence[str],
    hue: str,
    labels: Mapping[str, str] | None = None,
) -> "Figure":
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
    labels = labels or {}
    figure, axes = subplots(1, len(y), (1.3 + 2.4 * len(y), 2.9))
    groups = [(str(name), part) for name, part in frame.groupby(hue, sort=False)]
    for axis, column in zip(axes[0], y, strict=True):
        for index, (name, part) in enumerate(groups):
            color, _, marker = STYLES.get(name, CYCLE[index % len(CYCLE)])
            axis.scatter(part[x], part[column], s=16, c=color, marker=marker, lw=0, label=name)
        axis.set(xlabel=labels.get(x, x), ylabel=labels.get(column, column))
    axes[0, -1].legend(
        frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), handletextpad=0.2
    )
    return figure  # type: ignore[no-any-return]
