"""How long cells will take: to stop in time, to say it before the start, to choose an order."""

import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ibcore.runs.cells import CellFolder, FinishedCell
from ibcore.runs.experiment import Experiment, count_cells, find, plain_fields, plan_digest
from ibcore.runs.schema import read_list
from ibcore.runs.store import Provenance, device_kind, of_book, own_store, published, read, stored
from ibcore.runtime import Tier, as_kind, check_tier, default_tier, device_name

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


def measured_on(
    device: str, finished: Iterable[FinishedCell], cost: Cost | None
) -> list[Measurement]:
    """Return what cells on the same kind of device tell about the time of others."""
    return [
        _measurement(entry.cell, entry.provenance.seconds, cost)
        for entry in finished
        if device_kind(entry.provenance.device) == device_kind(device)
    ]


def predict(
    cell: Any, measured: Sequence[Measurement], cost: Cost | None = None
) -> Prediction | None:
    """Predict the seconds of ``cell``; None where nothing was measured.

    With a cost model, a cell is as slow for its cost as the measured cells of the next smaller
    and the next larger cost.  Without one, the measured cells that differ from it in the fewest
    fields stand for it.
    """
    if not measured:
        return None
    if cost is None:
        fields = plain_fields(cell)
        apart = [sum(m.fields.get(name) != fields[name] for name in fields) for m in measured]
        near = zip(measured, apart, strict=True)
        like = [m.seconds for m, far in near if far == min(apart)]
    else:
        units = _units(cell, cost)
        below = max((m.cost for m in measured if m.cost <= units), default=None)
        above = min((m.cost for m in measured if m.cost >= units), default=None)
        like = [units * m.seconds / m.cost for m in measured if m.cost in (below, above)]
    return Prediction(statistics.median(like), min(like), max(like))


def _measurement(cell: Any, seconds: float, cost: Cost | None) -> Measurement:
    return Measurement(plain_fields(cell), seconds, _units(cell, cost) if cost else 1.0)


def _units(cell: Any, cost: Cost) -> float:
    """Return the cost of a cell if it is positive and finite, else raise ``ValueError``."""
    units = float(cost(cell))
    if not 0 < units < float("inf"):
        raise ValueError(f"the cost model gives {units:g} for the cell {cell}; it must be positive")
    return units


# Stop in time: start no cell that is predicted to end after the limit.

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_time(text: str) -> float:
    """Return the seconds of a time such as ``540s``, ``9m`` or ``1.5h``; else ``ValueError``."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh])", text.strip())
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
        self._measured.append(_measurement(cell, seconds, self._cost))

    def _fits(self, seconds: float) -> bool:
        fits = seconds < self._end - time.monotonic()
        if not (fits or self._started):
            self.needed = min(seconds, self.needed or seconds)
        return fits


# What the paper tier of each experiment is worth, why, and what its computing time grows with.


class CostModel(NamedTuple):
    """How the computing time of cells of one experiment compares, and that in words."""

    cost: Cost
    words: str


def read_priorities(path: Path | None = None) -> Mapping[str, Mapping[str, Any]]:
    """Return the entries of ``book/paper.yml`` by experiment, in the order of the file.

    Raises
    ------
    ValueError
        If an entry is not complete or an experiment occurs twice; the message names it.
    """
    return read_list(path or of_book("paper.yml"), "priority")


def cost_model(experiment: Experiment) -> CostModel | None:
    """Return the experiment's own cost model, else the one of its priority, else None."""
    if experiment.cost is not None:
        return CostModel(experiment.cost, "the experiment's own cost model")
    work = read_priorities().get(experiment.name, {}).get("work")
    if work is None:
        return None
    words = (name if power == 1 else f"{name}^{power:g}" for name, power in work.items())
    return CostModel(partial(_product, experiment.name, work), " x ".join(words))


def _product(experiment: str, work: Mapping[str, float], cell: Any) -> float:
    """Return the product of powers of a cell's fields; a list counts its entries."""
    fields, product = plain_fields(cell), 1.0
    for name, power in work.items():
        product *= _quantity(fields, name, experiment) ** power
    return product


def _quantity(fields: Mapping[str, Any], name: str, experiment: str) -> float:
    value: Any = fields
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    value = len(value) if isinstance(value, list) else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(
            f"the work of {experiment} names the field {name!r}, which its cells do not have as "
            f"a number or a list; they have {', '.join(fields)}"
        )
    return float(value)


# How long a run will take, and what that number rests on.


@dataclass(frozen=True)
class Estimate:
    """The predicted computing time of the cells of a run that are not finished.

    Attributes
    ----------
    experiment, tier
        What would be run.
    cells, done
        How many cells there are, and how many are finished.
    seconds
        Summed over the cells that remain: the middle, and the range of what was measured; None
        where nothing is known.
    basis
        What the number rests on, or why there is none.
    """

    experiment: str
    tier: Tier
    cells: int
    done: int
    seconds: Prediction | None
    basis: str

    def __str__(self) -> str:
        head = f"{self.experiment} ({self.tier}): {count_cells(self.cells)}, {self.done} finished"
        if self.seconds is None:
            return f"{head}; no time is predicted: {self.basis}"
        middle, low, high = (show_time(value) for value in self.seconds)
        between = "" if low == high else f", between {low} and {high}"
        return f"{head}; about {middle} of computing remain{between}, from {self.basis}"


def estimate(
    experiment: Experiment | str,
    tier: Tier | None = None,
    *,
    device: str | None = None,
    store: Path | str | None = None,
) -> Estimate:
    """Predict how long the cells of a run take that are not finished; nothing is computed.

    The first of these that is at hand is used, on the same kind of device (CPU or GPU):
    finished cells of this run; a stored result of the same cells; stored results at other tiers,
    scaled by the cost model.

    Parameters
    ----------
    experiment, tier, device, store
        As in `ibcore.runs.run`.

    Raises
    ------
    ValueError
        If the experiment or tier is unknown.
    DamagedResultError
        If a stored file cannot be read.

    Examples
    --------
    >>> estimate("redshift.references", "paper", store="a-folder-that-does-not-exist").cells
    4
    """
    chosen = find(experiment) if isinstance(experiment, str) else experiment
    as_kind(chosen, "experiment", Experiment, "an Experiment or its name")
    size = check_tier(tier) if tier is not None else default_tier()
    cells = CellFolder(chosen, size, own_store(store), chosen.plan(size))
    count, place = len(cells.cells), device_name(device)
    if cells.gathered.exists() and read(cells.gathered)[1].plan == cells.plan:
        basis, nothing = "the complete result that is stored", Prediction(0.0, 0.0, 0.0)
        return Estimate(chosen.name, size, count, count, nothing, basis)
    finished = cells.read_all()
    todo = [cell for key, cell in cells.cells.items() if key not in finished]
    model = cost_model(chosen)
    cost = model.cost if model else None
    if measured := measured_on(place, finished.values(), cost):
        parts = [part for cell in todo if (part := predict(cell, measured, cost))]
        seconds: Prediction | None = Prediction(
            *(sum(part[column] for part in parts) for column in range(3))
        )
        basis = f"{count_cells(len(measured))} of this run that are finished"
    else:
        seconds, basis = _from_results(cells, todo, place, model)
    return Estimate(chosen.name, size, count, len(finished), seconds, basis)


_ASK = "run it with a time limit of a minute, which keeps what it finishes, and ask again"


def _from_results(
    cells: CellFolder, todo: Sequence[Any], device: str, model: CostModel | None
) -> tuple[Prediction | None, str]:
    """Predict from complete results, of the same cells or scaled by the cost model."""
    kind = device_kind(device)
    origins = [origin for origin in _results(cells) if device_kind(origin.device) == kind]
    if not origins:
        return None, f"nothing is stored that was computed on {device}; {_ASK}"
    same = [origin for origin in origins if origin.plan == cells.plan]
    if same:
        known = [origin.seconds * len(todo) / len(cells.cells) for origin in same]
        where = ", ".join(sorted({origin.device_name for origin in same}))
        basis = f"a stored result of the same cells ({where})"
        return Prediction(known[-1], min(known), max(known)), basis
    rates = _rates(cells, origins, model.cost) if model else {}
    if model is None or not rates:
        return None, f"no cost model compares its tiers; {_ASK}"
    units, each = sum(map(model.cost, todo)), [rate for _, rate in rates.values()]
    total = Prediction(max(rates.values())[1] * units, min(each) * units, max(each) * units)
    return total, f"the stored result of tier {' and '.join(rates)}, scaled with {model.words}"


def _rates(
    cells: CellFolder, origins: Sequence[Provenance], cost: Cost
) -> dict[str, tuple[float, float]]:
    """Return for each result of today's configuration its cost and its seconds for a unit."""
    rates = {}
    for origin in origins:
        tier = check_tier(origin.tier)
        plan = cells.experiment.plan(tier) if tier in cells.experiment.tiers else {}
        if plan_digest(plan) == origin.plan:  # else the cells are not known
            units = sum(map(cost, plan.values()))
            rates[f"{tier} on {origin.device_name}"] = (units, origin.seconds / units)
    return rates


def _results(cells: CellFolder) -> list[Provenance]:
    """Return the origins of the stored results of this experiment, own and published."""
    folders = {folder.resolve(): folder for folder in (cells.store, published())}
    entries = [entry for folder in folders.values() for entry in stored(folder)]
    name = cells.experiment.name
    return [read(entry.path)[1] for entry in entries if entry.experiment == name]


def show_time(seconds: float) -> str:
    """Say a time in the unit that suits it.

    Examples
    --------
    >>> show_time(0.25), show_time(90.0), show_time(4000.0), show_time(200_000.0)
    ('0.25 s', '90 s', '67 min', '56 h')
    """
    unit, size = ("s", 1) if seconds < 120 else ("min", 60) if seconds < 7200 else ("h", 3600)
    number = seconds / size
    return f"{number:,.0f} {unit}" if number >= 10 else f"{number:.2g} {unit}"


# In which order experiments run at the paper tier: the most value for a minute first.


def in_order(
    experiments: Sequence[Experiment],
    *,
    device: str | None = None,
    store: Path | str | None = None,
) -> list[tuple[Experiment, str]]:
    """Order experiments by their value for a predicted minute of the paper tier, and say why.

    Values are declared in ``book/paper.yml``; times come from `ibcore.runs.estimate`.  Where
    nothing was measured on the kind of ``device``, times on the CPU stand in.  Experiments of
    unknown time come last, those of higher value first.

    Raises
    ------
    ValueError
        If an experiment has no paper tier or no entry in ``book/paper.yml``.
    """
    priorities = read_priorities()
    missing = [entry.name for entry in experiments if entry.name not in priorities]
    if missing:
        raise ValueError(f"book/paper.yml has no entry for {', '.join(missing)}; add value and why")
    ranked = []
    for entry in experiments:
        value, why = (priorities[entry.name][key] for key in ("value", "why"))
        known = _known(entry, device or "cpu", store)
        says = "unknown time" if known is None else f"about {show_time(known)}"
        worth = -1.0 if known is None else value / known if known else float("inf")
        ranked.append((worth, value, entry, f"{entry.name}: value {value}, {says}. {why}"))
    ranked.sort(key=lambda entry: entry[:2], reverse=True)
    return [(entry, says) for _, _, entry, says in ranked]


def _known(experiment: Experiment, device: str, store: Path | str | None) -> float | None:
    """Return the predicted seconds on the device, else on the CPU; None where nothing is known."""
    kinds = dict.fromkeys((device, "cpu"))
    found = (estimate(experiment, "paper", device=kind, store=store).seconds for kind in kinds)
    return next((prediction.seconds for prediction in found if prediction), None)
