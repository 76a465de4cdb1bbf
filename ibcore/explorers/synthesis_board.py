"""The explorers of the synthesis: one law in two units, and the board of four dials."""

import base64
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ibcore.door import door
from ibcore.explorers.base import Control, Poster, StoredFigure, square
from ibcore.explorers.stored import (
    Floats,
    Table,
    check_columns,
    intervals,
    read_parts,
    read_table,
    rounded,
    source_of,
)
from ibcore.runs import load
from ibcore.stats import FEW, expanded_tail, student_quantile

_ROUND = 4


def _packed(values: Floats) -> list[Any]:
    """Return nested lists of rounded numbers, None for nan."""
    return [None if np.isnan(v) else round(float(v), _ROUND) for v in values]


# Figure A: a learned start trained at six rates, over steps and over the clock.

VIEWS = {"steps": "steps", "clock": "clock 2\u03b7\u03bbt"}
SHOWN = {"learned": "learned start", "random": "random start", "lead": "lead of the learned"}
MARKS = [round(0.05 * i, 2) for i in range(21)]  # shares of the axis


@door
class ClockCollapse(StoredFigure):
    """One learned start under six rates and decays: six curves over steps, one over the clock.

    The reader changes the axis, chooses what is shown, and moves a mark at which the distance of
    the curves is read.

    Parameters
    ----------
    view, shown, mark
        What to start from: the axis, ``"steps"`` or ``"clock"``; the learned start, the random one
        or the lead of the learned; and the place of the mark, a share of the axis.
    frame
        As ``synthesis.start-decay`` stores it; by default ``ibcore.runs.load`` of this name.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ValueError
        If a value is unknown, or the frame lacks a column, a combination or a run with decay.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"activation": "tanh", "optimizer": "sgd", "pull": "zero", "learning_rate": 0.1}
    >>> row |= {"weight_decay": 0.01, "network": 0, "half_steps": 300.0, "half_clock": 0.6}
    >>> looks = [{"start": s, "step": t} for s in ("random", "learned") for t in (1, 1000)]
    >>> ClockCollapse(frame=pd.DataFrame(looks).assign(**row, accuracy=0.5))
    ClockCollapse(learned start over steps)
    """

    heights = ("875px", "722px")

    def __init__(
        self,
        view: str | None = None,
        *,
        shown: str | None = None,
        mark: float | None = None,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("synthesis.start-decay") if frame is None else frame
        self.source = source_of(data)
        self._parts, own = _decayed_runs(data)
        rows = [own[(own.learning_rate == r) & (own.weight_decay == d)] for r, d in self._parts]
        self._controls = {
            "view": Control("choice", "Axis", tuple(VIEWS), VIEWS),
            "mark": Control("slider", "Mark", MARKS),
            "shown": Control("dropdown", "Shown", tuple(SHOWN), SHOWN),
        }
        self._values = {
            name: [_shown(table, name).mean(-1) for table in self._parts.values()] for name in SHOWN
        }
        self._numbers = {
            "runs": [f"\u03b7 {rate:g}, \u03bb {decay:g}" for rate, decay in self._parts],
            "networks": len(next(iter(self._parts.values())).axes["network"]),
            "values": {name: [_packed(run) for run in runs] for name, runs in self._values.items()},
            "views": {view: self._view(view) for view in VIEWS},
            "halves": {view: [_mean(part[f"half_{view}"]) for part in rows] for view in VIEWS},
        }
        self._start({"mark": 0.75}, view=view, shown=shown, mark=mark)

    def poster(self) -> Poster:
        """Return the learned start's accuracy, runs upward and steps to the right, and words."""
        kept = self._values["learned"]
        ends = ", ".join(f"{100 * run[-1]:.1f} %" for run in kept)
        return self._still(
            square(np.array([run[-min(map(len, kept)) :] for run in kept]).T),
            "Accuracy on unseen objects from a learned start, steps to the right and runs upward",
            f"at the last step {ends} for {', '.join(self._numbers['runs'])}",
        )

    def _view(self, view: str) -> dict[str, Any]:
        """Return where the curves, the marks and the ticks of an axis are, and what is there."""
        logs = {
            (rate, decay): np.log10(
                np.array(table.axes["step"]) * (2 * rate * decay if view == "clock" else 1)
            )
            for (rate, decay), table in self._parts.items()
        }
        first, last = (end([end(log) for log in logs.values()]) for end in (min, max))
        places = [(log - first) / (last - first) for log in logs.values()]
        marked = [10 ** (first + mark * (last - first)) for mark in MARKS]
        powers = range(int(np.ceil(first)), int(np.floor(last)) + 1)
        return {
            "places": [_packed(place) for place in places],
            "here": {
                name: [
                    _packed(np.interp(MARKS, place, run, left=np.nan, right=np.nan))
                    for place, run in zip(places, runs, strict=True)
                ]
                for name, runs in self._values.items()
            },
            "marks": [
                f"{value:,.0f} steps" if view == "steps" else f"clock {value:.2g}"
                for value in marked
            ],
            "ticks": [((p - first) / (last - first), f"{10.0**p:,g}") for p in powers],
        }

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{SHOWN[p['shown']]} over {p['view']}"


def _decayed_runs(data: pd.DataFrame) -> tuple[dict[tuple[Any, ...], Table], pd.DataFrame]:
    """Return a table of accuracies for each learning rate and decay to zero, and their rows."""
    columns = ("activation", "optimizer", "pull", "weight_decay", "step", "half_steps")
    check_columns("frame", data, (*columns, "half_clock"))
    own = data[(data.activation == "tanh") & (data.optimizer == "sgd") & (data.pull == "zero")]
    own = own[(own.weight_decay > 0) & (own.step > 0)]
    rates = ("learning_rate", "weight_decay")
    return (
        read_parts(own, rates, ("start", "step", "network"), ("accuracy",), sparse=True),
        own,
    )


def _mean(halves: "pd.Series[float]") -> float | None:
    """Return the mean of the networks' half-lives, None if one of them has not come to it."""
    found = float(halves.dropna().mean())
    return round(found, _ROUND) if np.isfinite(found) else None


def _shown(table: Table, name: str) -> Floats:
    """Return what is shown of a run, (steps, networks)."""
    if name != "lead":
        return table.at("accuracy", start=name)
    lead: Floats = table.at("accuracy", start="learned") - table.at("accuracy", start="random")
    return lead


# The board: architecture, start, guide and training, each pair of cells.

DIALS = ("architecture", "start", "guide", "training")
WORDS = {
    **{"relu": "ReLU", "random": "random start", "learned": "learned start"},
    **{"guided": "guided first", "none": "no guide"},
    **{"untrained": "untrained guide", "trained": "trained guide", "sgd": "SGD"},
    **{"decay": "SGD, decay", "adam": "Adam", "adamw": "AdamW", "smoothing": "label smoothing"},
}
GAUGES = {
    "complexity": "Complexity",
    "start_cosine": "Start left",
    "similarity": "Likeness to guide",
    "few_steps": "After few steps",
    "clock": "Clock",
}
SECOND = {"start": "learned", "guide": "trained", "training": "decay"}  # the usual other cell
BETS = tuple(range(-60, 61, 2))  # points by which the second cell is ahead


def _bet(points: int) -> str:
    return f"{'B' if points > 0 else 'A'} by {abs(points)} points" if points else "a tie"


@door
class SynthesisBoard(StoredFigure):
    """Two cells of the synthesis beside each other, for a bet on which one wins by how much.

    A cell is an architecture, a start, a guide and a training.  The reader sets two of them, bets,
    and then sees both learning curves, what each network is like, and, in the second view, what
    each of the turned dials does alone beside what they do together.

    Parameters
    ----------
    first, second
        The cells to start from, as ``{"start": "learned"}``; what is left out is that of the first
        row of the frame, in the second cell that of the first one if it is given.
    view, bet, open
        ``"race"`` or ``"sum"``; points by which the second cell is ahead; whether the result is
        shown.
    frame
        As ``synthesis.instruments`` stores it; by default ``ibcore.runs.load`` of this name.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ValueError
        If a value is unknown, or the frame lacks a column or a combination.

    Examples
    --------
    >>> from itertools import product
    >>> import pandas as pd
    >>> axes = {"start": ("random", "learned"), "step": (0, 400), "seed": (0, 1)}
    >>> rows = pd.DataFrame(product(*axes.values()), columns=list(axes))
    >>> rows = rows.assign(architecture="relu", guide="none", training="sgd", accuracy=0.5)
    >>> frame = rows.assign(final=rows.step == 400, **dict.fromkeys(GAUGES, 0.5))
    >>> SynthesisBoard({"start": "random"}, {"start": "learned"}, frame=frame)
    SynthesisBoard(relu, random, none, sgd against relu, learned, none, sgd)
    """

    heights = ("968px", "1056px")

    def __init__(
        self,
        first: Mapping[str, str] | None = None,
        second: Mapping[str, str] | None = None,
        *,
        view: str | None = None,
        bet: int | None = None,
        open: bool = False,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("synthesis.instruments") if frame is None else frame
        self.source = source_of(data)
        check_columns("frame", data, ("final", *DIALS))
        curves = read_table(data, (*DIALS, "step", "seed"), ("accuracy",))
        ends = read_table(data[data.final], (*DIALS, "seed"), ("accuracy", *GAUGES))
        self._axes = {dial: curves.axes[dial] for dial in DIALS}
        steps, seeds = curves.axes["step"], curves.axes["seed"]
        self._controls = {
            "bet": Control("slider", "My bet", BETS, _bet, wide=False),
            "open": Control("choice", "Show", (False, True), {False: "bet", True: "result"}, False),
            "view": Control("choice", "View", ("race", "sum"), {"sum": "effects"}, False),
            **{
                f"{side}_{dial}": Control(
                    "dropdown", f"{side.upper()}: {dial}", values, WORDS, False
                )
                for dial, values in self._axes.items()
                for side in "ab"
            },
        }
        self._finals = ends.measures["accuracy"].reshape(-1, len(seeds))  # (cells, networks)
        every = curves.measures["accuracy"].reshape(-1, len(steps), len(seeds))
        self._numbers = {
            **{"dials": DIALS, "steps": steps, "networks": len(seeds), "words": GAUGES},
            "curves": intervals(every),
            "finals": rounded(self._finals, _ROUND),
            "gauges": {n: rounded(ends.measures[n].mean(-1).ravel(), _ROUND) for n in GAUGES},
            **_interval_options(len(seeds)),
        }
        usual = {f"b_{d}": value for d, value in SECOND.items() if value in self._axes[d]}
        own = {f"a_{dial}": value for dial, value in (first or {}).items()}
        other = {f"b_{dial}": value for dial, value in {**(first or {}), **(second or {})}.items()}
        self._start({"bet": 0, **usual}, view=view, bet=bet, open=open, **own, **other)

    def poster(self) -> Poster:
        """Return the accuracies of all cells and networks as a picture, and words on two cells."""
        a, b = (self._finals[self._cell(self._initial, side)] for side in "ab")
        return self._still(
            square(self._finals),
            "Accuracy on new digits, cells to the right and networks upward "
            f"({self._describe(self._initial)})",
            f"the first has {100 * a.mean():.1f} % right, the second {100 * b.mean():.1f} %",
        )

    def _cell(self, p: Mapping[str, Any], side: str) -> int:
        cells = list(product(*self._axes.values()))
        return cells.index(tuple(p[f"{side}_{dial}"] for dial in DIALS))

    def _describe(self, p: Mapping[str, Any]) -> str:
        return " against ".join(", ".join(p[f"{side}_{dial}"] for dial in DIALS) for side in "ab")


def _interval_options(n: int) -> dict[str, Any]:
    """Return what the page needs to compute intervals of n values as `ibcore.stats` does."""
    if n < FEW:
        return {"student": student_quantile(0.95, n - 1) if n > 1 else 0}
    rows = np.random.default_rng(0).integers(n, size=(2000, n)).astype(np.uint8)
    return {"resamples": base64.b64encode(rows.tobytes()).decode(), "tail": expanded_tail(0.95, n)}
