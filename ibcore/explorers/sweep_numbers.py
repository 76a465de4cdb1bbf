"""A stored sweep over initial scales: its measures as arrays, and what a page shows of them."""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.stored import check_columns, in_order, plain, summarize
from ibcore.memory import gate, spread, spread_interval

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

AXES = ("pipeline", "step", "weight_scale", "network")
RATES = ("optimizer", "learning_rate", "weight_decay", "momentum")
MEASURES = (
    "train_accuracy",
    "test_accuracy",
    "weight_norm",
    "retained_fraction",
    "cosine",
    "disagreement",
)
SETTING = ("architecture", "layers")  # one of each in a frame, where it has them

_DIGITS = 4


@dataclass(frozen=True, eq=False)
class StoredSweep:
    """Measures of networks over pipelines, looks and initial scales.

    Attributes
    ----------
    pipelines
        Name and rates of each; ``clock`` is the explicit clock at each look, None where it is
        not defined.
    steps, scales
        The looks and the initial scales, increasing; the first look is at step 0.
    measures
        Each name of `MEASURES` to an array (pipelines, looks, scales, networks), and
        ``norm_ratio``, the norm of the weights over their norm at step 0.
    """

    pipelines: list[dict[str, Any]]
    steps: list[int]
    scales: list[float]
    measures: dict[str, Floats]

    @property
    def names(self) -> list[str]:
        """The names of the pipelines."""
        return [pipeline["name"] for pipeline in self.pipelines]

    @property
    def networks(self) -> int:
        """How many networks stand behind each mean."""
        return int(self.measures["test_accuracy"].shape[3])


def read_sweep(frame: "pd.DataFrame") -> StoredSweep:
    """Return a tidy sweep as arrays.

    Parameters
    ----------
    frame
        As `ibcore.memory.sweep_table` makes it: one row for each pipeline, step, weight scale
        and network.  Of several splits of the data only split 0 is read.

    Raises
    ------
    ValueError
        If a column, a combination or split 0 is missing, a combination comes twice, there are
        several architectures or scaled layers, fewer than two scales, or no look at step 0.

    Examples
    --------
    >>> import pandas as pd
    >>> rates = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0}
    >>> rows = {"pipeline": "SGD", **rates, "step": 0, "weight_scale": [1.0, 8.0], "network": 0}
    >>> frame = pd.DataFrame({**rows, **dict.fromkeys(MEASURES, 1.0), "explicit_clock": 0.0})
    >>> read_sweep(frame).measures["test_accuracy"].shape
    (1, 1, 2, 1)
    """
    check_columns("frame", frame, (*AXES, *RATES, *MEASURES, "explicit_clock"))
    rows = _one_setting(frame)
    axes = [in_order(rows["pipeline"]), *(plain(rows[name]) for name in AXES[1:])]
    _check_axes(axes)
    cells = _complete(rows.set_index(list(AXES)), axes)
    shape = tuple(map(len, axes))
    # (pipelines * looks * scales * networks,) -> shape
    measures = {name: cells[name].to_numpy(np.float64).reshape(shape) for name in MEASURES}
    measures["norm_ratio"] = measures["weight_norm"] / measures["weight_norm"][:, :1]
    clocks = cells["explicit_clock"].to_numpy(np.float64).reshape(shape)[:, :, 0, 0]
    first = cells.reset_index().groupby("pipeline", sort=False).first()
    pipelines = [
        {
            "name": name,
            **{rate: plain([first.loc[name, rate]])[0] for rate in RATES},
            "clock": [None if np.isnan(tau) else float(f"{tau:.6g}") for tau in clock],
        }
        for name, clock in zip(axes[0], clocks, strict=True)
    ]
    return StoredSweep(pipelines, axes[1], [float(scale) for scale in axes[2]], measures)


def page_numbers(sweep: StoredSweep) -> dict[str, Any]:
    """Return means, intervals and spreads, rounded for a page, by pipeline, look and scale.

    ``train`` and ``test`` hold (mean, low, high) with the bootstrap interval over networks, None
    for one network; the other measures hold means; ``spread`` holds what `spread_at` returns.

    Examples
    --------
    >>> half = np.full((1, 1, 2, 3), 0.5)
    >>> measures = dict.fromkeys((*MEASURES, "norm_ratio"), half)
    >>> numbers = page_numbers(StoredSweep([{}], [0], [1.0, 8.0], measures))
    >>> numbers["test"], numbers["cosine"]
    ([[[(0.5, 0.5, 0.5), (0.5, 0.5, 0.5)]]], [[[0.5, 0.5]]])
    """
    looks = list(product(range(len(sweep.pipelines)), range(len(sweep.steps))))
    whole: dict[str, Any] = {
        "train": _each_look(sweep, "train_accuracy", _accuracy),
        "test": _each_look(sweep, "test_accuracy", _accuracy),
        "norm": _each_look(sweep, "norm_ratio", _mean),
        "cosine": _each_look(sweep, "cosine", _mean),
        "retained": _each_look(sweep, "retained_fraction", _mean),
        "disagreement": _each_look(sweep, "disagreement", _mean),
    }
    spreads = {look: spread_at(sweep, *look) for look in looks}
    whole["spread"] = [
        [spreads[p, t] for t in range(len(sweep.steps))] for p in range(len(sweep.pipelines))
    ]
    return whole


def spread_at(sweep: StoredSweep, pipeline: int, look: int) -> dict[str, Any]:
    """Return the spread of test accuracy over scales at a look, and whether it may be memory.

    ``value``, ``low`` and ``high`` in percentage points, the interval over networks (None for
    one); ``least``, the least train accuracy of a network; ``verdict`` of `ibcore.memory.gate`.

    Examples
    --------
    >>> measures = {"test_accuracy": np.array([[[[0.9], [0.5]]]])}
    >>> measures["train_accuracy"] = np.array([[[[1.0], [0.98]]]])
    >>> found = spread_at(StoredSweep([{}], [0], [1.0, 8.0], measures), 0, 0)
    >>> found["value"], found["low"], found["least"], found["verdict"]
    (40.0, None, 0.98, 'undertrained')
    """
    test = sweep.measures["test_accuracy"][pipeline, look]  # (scales, networks)
    train = sweep.measures["train_accuracy"][pipeline, look]
    value, low, high = spread(test), None, None
    if test.shape[1] > 1:
        interval = spread_interval(test)
        low, high = round(interval.low, 2), round(interval.high, 2)
    least = round(float(train.min()), _DIGITS)
    ends = {"value": round(value, 2), "low": low, "high": high}
    return {**ends, "least": least, "verdict": gate(train)}


def _each_look(sweep: StoredSweep, measure: str, show: Any) -> list[list[list[Any]]]:
    values = sweep.measures[measure]
    return [[[show(cell) for cell in look] for look in pipeline] for pipeline in values]


def _accuracy(values: Floats) -> tuple[float | None, float | None, float | None]:
    return summarize(values)[:3]


def _mean(values: Floats) -> float | None:
    mean = float(values.mean())
    return None if np.isnan(mean) else round(mean, _DIGITS)


def _one_setting(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of split 0; raise if architectures or scaled layers differ."""
    rows = frame
    if "split" in frame:
        rows = frame[frame["split"] == 0]
        if rows.empty:
            raise ValueError(
                f"frame has splits {plain(frame['split'])} and no split 0; relabel the one to show"
            )
    for name in SETTING:
        values = plain(rows[name]) if name in rows else []
        if len(values) > 1:
            raise ValueError(f"the player needs one {name}, got {values}; select one before")
    return rows


def _check_axes(axes: list[list[Any]]) -> None:
    _, steps, scales, _ = axes
    if len(scales) < 2:
        raise ValueError(f"frame has scale {scales[0]} only; a spread needs at least 2 scales")
    if steps[0] != 0:
        raise ValueError(
            f"the first look is at step {steps[0]}; the norm at the start needs one at step 0"
        )


def _complete(rows: "pd.DataFrame", axes: list[list[Any]]) -> "pd.DataFrame":
    """Return one row for each combination, in the order of the axes."""
    import pandas as pd

    wanted = pd.MultiIndex.from_product(axes, names=AXES)
    missing = wanted[~wanted.isin(rows.index)]
    if len(missing):
        first = [plain([value])[0] for value in missing[0]]
        named = ", ".join(f"{name} {value!r}" for name, value in zip(AXES, first, strict=True))
        raise ValueError(f"frame has no row for {named}; the player needs every combination")
    if rows.index.has_duplicates:
        raise ValueError(
            f"frame has {len(rows)} rows for {len(wanted)} combinations of {', '.join(AXES)}; "
            "keep one of each"
        )
    return rows.loc[wanted]
