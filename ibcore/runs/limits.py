"""Stop in time: start no cell that is predicted to end after the limit."""

import functools
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ibcore.runs.experiment import AnyExperiment, check_name, plain_fields
from ibcore.runs.store import of_book

# How long a cell will take, from cells that were measured.


class Prediction(NamedTuple):
    """Seconds of a cell: the middle, and the range of the measured cells it rests on."""

    seconds: float
    low: float
    high: float


@dataclass(frozen=True)
class Measurement:
    """A cell that was computed: its plain fields, its seconds, and its cost if there is a model."""

    fields: Mapping[str, Any]
    seconds: float
    cost: float = 1.0


Cost = Callable[[Any], float]


def measurement(cell: Any, seconds: float, cost: Cost | None) -> Measurement:
    """Return what a cell that took ``seconds`` tells about the time of other cells."""
    return Measurement(plain_fields(cell), seconds, _cost(cell, cost) if cost else 1.0)


def predict(
    cell: Any, measured: Sequence[Measurement], cost: Cost | None = None
) -> Prediction | None:
    """Predict the seconds of ``cell``; None where nothing was measured.

    With a cost model, a cell is as slow for its cost as the measured cells of the next smaller
    and the next larger cost.  Without one, the measured cells that differ from it in the fewest
    fields stand for it.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> cell, other = list(find("redshift.references").plan("smoke").values())[:2]
    >>> predict(cell, [Measurement(plain_fields(other), 2.0)])
    Prediction(seconds=2.0, low=2.0, high=2.0)
    >>> predict(cell, []) is None
    True
    """
    if not measured:
        return None
    if cost is None:
        fields = plain_fields(cell)
        apart = [sum(m.fields.get(name) != fields[name] for name in fields) for m in measured]
        least = min(apart)
        like = [m.seconds for m, far in zip(measured, apart, strict=True) if far == least]
    else:
        units = _cost(cell, cost)
        below = max((m.cost for m in measured if m.cost <= units), default=None)
        above = min((m.cost for m in measured if m.cost >= units), default=None)
        like = [units * m.seconds / m.cost for m in measured if m.cost in (below, above)]
    return Prediction(statistics.median(like), min(like), max(like))


def _cost(cell: Any, cost: Cost) -> float:
    """Return the cost of a cell if it is positive and finite, else raise ``ValueError``."""
    units = float(cost(cell))
    if not 0 < units < float("inf"):
        raise ValueError(f"the cost model gives {units:g} for the cell {cell}; it must be positive")
    return units


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh])")


class TimeLimitError(RuntimeError):
    """A run stopped at its time limit; what is finished is kept.

    ``needed`` is the predicted time in seconds of the shortest cell that was not started, where
    no cell at all was; a run that is given less never ends.
    """

    needed: float | None = None


def parse_time(text: str) -> float:
    """Return the seconds of a time such as ``540s``, ``9m`` or ``1.5h``.

    Raises
    ------
    ValueError
        If the text has another form or the time is zero.

    Examples
    --------
    >>> parse_time("1.5h")
    5400.0
    """
    match = _TIME.fullmatch(text.strip())
    if not match or float(match[1]) == 0:
        raise ValueError(
            f"time limit {text!r} is not a time above zero such as 540s, 9m or 1.5h "
            "(seconds, minutes, hours)"
        )
    return float(match[1]) * _UNITS[match[2]]


class TimeLimit:
    """Decides which cells may start.

    Parameters
    ----------
    seconds
        The limit, from now on.
    measured
        Cells of the same kind that were computed before, on the same kind of device.
    cost
        The cost model of the experiment, if it has one.
    """

    def __init__(
        self, seconds: float, measured: Iterable[Measurement] = (), cost: Cost | None = None
    ) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._measured, self._cost = list(measured), cost
        self._started = False
        self.needed: float | None = None

    def admit(self, cells: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """Yield the cells that are predicted to end in time; the others are left out.

        The longest of what `predict` gives counts.  Before anything is measured, a cell may
        start while there is time.
        """
        for key, cell in cells:
            least = min((entry.seconds for entry in self._measured), default=0.0)
            if not self._fits(least):
                return  # there is no time left to look at the others
            likely = predict(cell, self._measured, self._cost)
            if self._fits(likely.high if likely else 0.0):
                self._started, self.needed = True, None
                yield key, cell

    def learn(self, cell: Any, seconds: float) -> None:
        """Take note of a cell that was computed."""
        self._measured.append(measurement(cell, seconds, self._cost))

    def _fits(self, seconds: float) -> bool:
        fits = seconds < self._end - time.monotonic()
        if not (fits or self._started):
            self.needed = min(seconds, self.needed or seconds)
        return fits


# What the paper tier of each experiment is worth, why, and what its computing time grows with.

VALUES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Priority:
    """One entry of ``book/paper.yml``.

    Attributes
    ----------
    experiment
        Its name.
    value
        From 1 to 5; the file says what each means.
    why
        The reason for the value, one sentence.
    work
        Fields of a cell and their exponents: the computing time of a cell is taken to grow with
        the product of these powers.  None where no such product is known.
    """

    experiment: str
    value: int
    why: str
    work: Mapping[str, float] | None = None

    def cost(self, cell: Any) -> float:
        """Return the product of powers for a cell; a list counts as many as it has entries.

        Raises
        ------
        ValueError
            If the cell has no such field, or it is not a number or a list.
        """
        fields, product = plain_fields(cell), 1.0
        for name, power in (self.work or {}).items():
            product *= _quantity(fields, name, self.experiment) ** power
        return product


@dataclass(frozen=True)
class CostModel:
    """How the computing time of cells of one experiment compares, and that in words."""

    cost: Cost
    words: str


def read_priorities(path: Path | None = None) -> dict[str, Priority]:
    """Return the entries by experiment, in the order of the file.

    Raises
    ------
    ValueError
        If an entry is not complete or an experiment occurs twice; the message names it.

    Examples
    --------
    >>> read_priorities()["redshift.activations"].value
    5
    """
    source = path or of_book("paper.yml")
    return dict(_entries(source.read_text(encoding="utf-8"), source))


def cost_model(experiment: AnyExperiment) -> CostModel | None:
    """Return the experiment's own cost model, else the one of its priority, else None.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> model = cost_model(find("redshift.references"))
    >>> model.words
    'networks x grid^2'
    """
    if experiment.cost is not None:
        return CostModel(experiment.cost, "the experiment's own cost model")
    priority = read_priorities().get(experiment.name)
    if priority is None or priority.work is None:
        return None
    powers = priority.work.items()
    words = " x ".join(name if power == 1 else f"{name}^{power:g}" for name, power in powers)
    return CostModel(priority.cost, words)


@functools.lru_cache(maxsize=4)
def _entries(text: str, source: Path) -> Mapping[str, Priority]:
    """Parse a text once: every estimate asks for it, and parsing takes longer than the rest."""
    import yaml

    found: dict[str, Priority] = {}
    for entry in yaml.safe_load(text) or []:
        priority = _parse(entry, source)
        if priority.experiment in found:
            raise ValueError(f"{source}: {priority.experiment} occurs twice; keep one entry")
        found[priority.experiment] = priority
    return found


def _parse(entry: Any, source: Path) -> Priority:
    known = {"experiment", "value", "why", "work"}
    if not isinstance(entry, dict) or not {"experiment", "value", "why"} <= set(entry) <= known:
        raise ValueError(f"{source}: {entry!r} needs experiment, value and why (and may have work)")
    name = check_name(str(entry["experiment"]))
    if entry["value"] not in VALUES or not str(entry["why"]).strip():
        raise ValueError(f"{source}: {name} needs a value from 1 to 5 and a reason, got {entry!r}")
    work = entry.get("work")
    if work is not None and not (isinstance(work, dict) and work):
        raise ValueError(f"{source}: the work of {name} must map fields to exponents, got {work!r}")
    return Priority(name, entry["value"], str(entry["why"]).strip(), work)


def _quantity(fields: Mapping[str, Any], name: str, experiment: str) -> float:
    value: Any = fields
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        return float(len(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(
            f"the work of {experiment} names the field {name!r}, which its cells do not have as "
            f"a number or a list; they have {', '.join(fields)}"
        )
    return float(value)
