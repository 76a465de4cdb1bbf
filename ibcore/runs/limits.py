"""Stop in time: start no cell that is predicted to end after the limit."""

import bisect
import functools
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ibcore
from ibcore.runs.experiment import AnyExperiment, check_name, plain_fields

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
    cost: float | None = None


def predict(
    cell: Any, measured: Sequence[Measurement], cost: Callable[[Any], float] | None = None
) -> Prediction | None:
    """Predict the seconds of ``cell``; None where nothing was measured.

    With a cost model the measured seconds per unit of cost are multiplied by the cost of this
    cell.  Without one the cell is compared with the measured cells that differ from it in the
    fewest fields.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> cell, other = list(find("redshift.references").plan("smoke").values())[:2]
    >>> predict(cell, [Measurement(plain_fields(other), 2.0)])
    Prediction(seconds=2.0, low=2.0, high=2.0)
    >>> predict(cell, []) is None
    True
    """
    if cost is None:
        seconds = _nearest(plain_fields(cell), measured)
    else:
        scale = check_cost(cost(cell), cell)
        seconds = [m.seconds / m.cost * scale for m in measured if m.cost]
    if not seconds:
        return None
    return Prediction(statistics.median(seconds), min(seconds), max(seconds))


def check_cost(cost: float, cell: Any) -> float:
    """Return the cost of a cell if it is positive and finite, else raise ``ValueError``."""
    if not 0 < cost < float("inf"):
        raise ValueError(f"the cost model gives {cost} for the cell {cell}; it must be positive")
    return float(cost)


def _nearest(fields: Mapping[str, Any], measured: Sequence[Measurement]) -> list[float]:
    distances = [
        sum(entry.fields.get(name) != value for name, value in fields.items()) for entry in measured
    ]
    least = min(distances, default=0)
    return [m.seconds for m, distance in zip(measured, distances, strict=True) if distance == least]


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
        self,
        seconds: float,
        measured: Iterable[Measurement] = (),
        cost: Callable[[Any], float] | None = None,
    ) -> None:
        self._end = time.monotonic() + seconds
        self._measured, self._cost = list(measured), cost
        known = [entry.seconds for entry in self._measured]
        self._least, self._most = min(known, default=0.0), max(known, default=0.0)
        self._rates = sorted((m.cost, m.seconds / m.cost) for m in self._measured if m.cost)
        self._started = False
        self.needed: float | None = None

    def admit(self, cells: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """Yield the cells that are predicted to end in time; the others are left out.

        With a cost model, a cell is as slow for its cost as the measured cells of the next
        smaller and the next larger cost.  Without one, the longest measured cell among those most
        like it stands for it.  Before anything is measured, a cell may start while there is time.
        """
        for key, cell in cells:
            remaining = self._end - time.monotonic()
            if remaining <= self._least:
                self._refuse(self._least)
                return
            if self._fits(cell, remaining):
                self._started, self.needed = True, None
                yield key, cell

    def learn(self, cell: Any, seconds: float) -> None:
        """Take note of a cell that was computed."""
        self._least = min(self._least, seconds) if self._measured else seconds
        self._most = max(self._most, seconds)
        cost = None if self._cost is None else check_cost(self._cost(cell), cell)
        if cost is not None:
            bisect.insort(self._rates, (cost, seconds / cost))
        self._measured.append(Measurement(plain_fields(cell), seconds, cost))

    def _fits(self, cell: Any, remaining: float) -> bool:
        if self._cost is not None:
            needed = self._by_cost(check_cost(self._cost(cell), cell))
        elif self._most < remaining:
            return True
        else:
            prediction = predict(cell, self._measured)
            needed = prediction.high if prediction else 0.0
        if needed < remaining:
            return True
        self._refuse(needed)
        return False

    def _by_cost(self, cost: float) -> float:
        place = bisect.bisect(self._rates, (cost, 0.0))
        neighbors = self._rates[max(place - 1, 0) : place + 1]
        return cost * max((rate for _, rate in neighbors), default=0.0)

    def _refuse(self, seconds: float) -> None:
        if not self._started:
            self.needed = min(seconds, self.needed or seconds)


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

    cost: Callable[[Any], float]
    words: str


def priorities_path() -> Path:
    """Return the file: ``book/paper.yml`` of a checkout, else the packaged copy."""
    package = Path(ibcore.__file__).parent
    checkout = package.parent / "book" / "paper.yml"
    return checkout if checkout.exists() else package / "_paper.yml"


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
    source = path or priorities_path()
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
