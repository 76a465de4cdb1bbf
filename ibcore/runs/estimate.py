"""How long a run will take, said before it starts, and what that number rests on."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibcore.runs.execute import CellError, CellFolder
from ibcore.runs.executors import open_executor
from ibcore.runs.experiment import AnyExperiment, find, plain_fields
from ibcore.runs.limits import (
    CostModel,
    Measurement,
    Prediction,
    Priority,
    cost_model,
    predict,
    read_priorities,
)
from ibcore.runs.options import count_cells
from ibcore.runs.store import Provenance, device_kind, own_store, published, read, stored
from ibcore.runs.workers import compute
from ibcore.runtime import Tier, check_tier, default_tier, resolve_device

# Time a few cells of a run, in a process that is ended when it takes too long.

PROBE_LIMIT = 60.0  # seconds


class _TooLongError(Exception):
    """A cell did not end in time."""


def probe(
    experiment: AnyExperiment,
    cells: Sequence[Any],
    device: str,
    *,
    limit: float = PROBE_LIMIT,
    cost: Callable[[Any], float] | None = None,
) -> list[Measurement]:
    """Compute the first, the middle and the last of ``cells`` and return the seconds they took.

    What they compute is thrown away.  After ``limit`` seconds no further cell is waited for, so
    that fewer or none may be returned.

    Raises
    ------
    ValueError
        If the device does not exist on this machine.
    CellError
        If a cell fails; the message names it.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> probe(find("redshift.references"), [], "cpu")
    []
    """
    measured: list[Measurement] = []
    if not cells:
        return measured
    resolve_device(device)
    chosen = [cells[index] for index in sorted({0, len(cells) // 2, len(cells) - 1})]
    try:
        with open_executor("processes:1", device=device) as pool:
            _warm_up(pool, experiment, device)
            end = time.monotonic() + limit
            for cell in chosen:
                seconds = _seconds(pool, experiment, cell, device, end)
                measured.append(Measurement(plain_fields(cell), seconds, cost and cost(cell)))
    except _TooLongError:
        pass  # leaving the pool with an error ended the process
    return measured


def _warm_up(pool: Executor, experiment: AnyExperiment, device: str) -> None:
    """Let the process import what it needs and set up its GPU, with a cell that takes no time."""
    if "smoke" in experiment.tiers:
        first = next(iter(experiment.plan("smoke").values()))
        pool.submit(compute, experiment.run_cell, first, device).result()
    else:
        pool.submit(abs, 0).result()


def _seconds(
    pool: Executor, experiment: AnyExperiment, cell: Any, device: str, end: float
) -> float:
    future = pool.submit(compute, experiment.run_cell, cell, device)
    try:
        return future.result(timeout=max(0.0, end - time.monotonic())).seconds
    except TimeoutError as error:
        if not future.done():
            raise _TooLongError from error
        raise _failed(experiment, cell, error) from error
    except Exception as error:
        raise _failed(experiment, cell, error) from error


def _failed(experiment: AnyExperiment, cell: Any, error: Exception) -> CellError:
    return CellError(
        f"experiment {experiment.name!r}: timing the cell {cell} failed with "
        f"{type(error).__name__}: {error}"
    )


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
    experiment: AnyExperiment | str,
    tier: Tier | None = None,
    *,
    device: str | None = None,
    store: Path | str | None = None,
    probe_limit: float | None = PROBE_LIMIT,
) -> Estimate:
    """Predict how long the cells of a run take that are not finished; nothing is stored.

    The first of these that is at hand is used, on the same kind of device (CPU or GPU):
    finished cells of this run; a stored result of the same cells; stored results at other tiers,
    scaled by the cost model; up to three cells that are computed to be timed.

    Parameters
    ----------
    experiment, tier, device, store
        As in `ibcore.runs.run`.
    probe_limit
        Seconds after which timing cells is given up; None never times any.

    Raises
    ------
    ValueError
        If the experiment or tier is unknown.
    DamagedResultError
        If a stored file cannot be read.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> estimate("redshift.references", "paper", store="a-folder-that-does-not-exist").cells
    4
    """
    chosen = find(experiment) if isinstance(experiment, str) else experiment
    size = check_tier(tier) if tier else default_tier()
    cells = CellFolder(chosen, size, own_store(store), chosen.plan(size))
    place = device or "cpu"
    if cells.gathered.exists() and read(cells.gathered)[1].plan == cells.plan:
        return _complete(cells)
    found = _from_cells(cells, place) or _from_results(cells, place)
    if found is None and probe_limit is not None:
        return _from_probes(cells, place, probe_limit)
    return found or _estimate(cells, None, _unknown(cells, place))


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


def _complete(cells: CellFolder) -> Estimate:
    count = len(cells.cells)
    basis = "the complete result that is stored"
    return Estimate(
        cells.experiment.name, cells.tier, count, count, Prediction(0.0, 0.0, 0.0), basis
    )


def _from_cells(cells: CellFolder, device: str) -> Estimate | None:
    """Predict from the cells of this run that are finished."""
    model, kind = cost_model(cells.experiment), device_kind(device)
    cost = model.cost if model else None
    finished = [cell for cell in cells.read_all().values() if cell.kind == kind]
    measured = [cell.measurement(cost) for cell in finished]
    if not measured:
        return None
    parts = [predict(cell, measured, cost) for cell in _todo(cells).values()]
    basis = f"{count_cells(len(measured))} of this run that are finished"
    return _estimate(cells, _total([part for part in parts if part]), basis)


def _from_results(cells: CellFolder, device: str) -> Estimate | None:
    """Predict from complete results, of the same cells or scaled by the cost model."""
    origins = [
        origin for origin in _results(cells) if device_kind(origin.device) == device_kind(device)
    ]
    same = [origin for origin in origins if origin.plan == cells.plan]
    if same:
        share = len(_todo(cells)) / len(cells.cells)
        known = [origin.seconds * share for origin in same]
        where = ", ".join(sorted({origin.device_name for origin in same}))
        total = Prediction(known[-1], min(known), max(known))
        return _estimate(cells, total, f"a stored result of the same cells ({where})")
    model = cost_model(cells.experiment)
    return _scaled(cells, origins, model) if model else None


def _scaled(cells: CellFolder, origins: Sequence[Provenance], model: CostModel) -> Estimate | None:
    """Scale the seconds of other tiers; the largest gives the middle, all of them the range."""
    rates: dict[str, tuple[float, float]] = {}
    for origin in origins:
        tier = check_tier(origin.tier)
        plan = cells.experiment.plan(tier) if tier in cells.experiment.tiers else {}
        if CellFolder(cells.experiment, tier, cells.store, plan).plan != origin.plan:
            continue  # made with another configuration, of which the cells are not known
        units = sum(model.cost(cell) for cell in plan.values())
        rates[f"{tier} on {origin.device_name}"] = (units, origin.seconds / units)
    if not rates:
        return None
    units = sum(model.cost(cell) for cell in _todo(cells).values())
    each = [rate for _, rate in rates.values()]
    total = Prediction(max(rates.values())[1] * units, min(each) * units, max(each) * units)
    basis = f"the stored result of tier {' and '.join(rates)}, scaled with {model.words}"
    return _estimate(cells, total, basis)


def _from_probes(cells: CellFolder, device: str, limit: float) -> Estimate:
    model, todo = cost_model(cells.experiment), list(_todo(cells).values())
    probed = probe(cells.experiment, todo, device, limit=limit, cost=model.cost if model else None)
    if not probed:
        return _estimate(cells, None, f"the first cell did not end within {show_time(limit)}")
    parts = [predict(cell, probed, model.cost if model else None) for cell in todo]
    basis = f"{count_cells(len(probed))} computed just now on {device} to be timed"
    return _estimate(cells, _total([part for part in parts if part]), basis)


def _unknown(cells: CellFolder, device: str) -> str:
    if not any(device_kind(origin.device) == device_kind(device) for origin in _results(cells)):
        return f"nothing is stored that was computed on {device}, and no cell was timed"
    return "no cost model compares its tiers, and no cell was timed"


def _results(cells: CellFolder) -> list[Provenance]:
    """Return the origins of the stored results of this experiment, own and published."""
    folders = {folder.resolve(): folder for folder in (cells.store, published())}
    name = cells.experiment.name
    return [
        read(entry.path)[1]
        for folder in folders.values()
        for entry in stored(folder)
        if entry.experiment == name
    ]


def _todo(cells: CellFolder) -> Mapping[str, Any]:
    finished = set(cells.finished())
    return {key: cell for key, cell in cells.cells.items() if key not in finished}


def _estimate(cells: CellFolder, seconds: Prediction | None, basis: str) -> Estimate:
    done, name = len(cells.finished()), cells.experiment.name
    return Estimate(name, cells.tier, len(cells.cells), done, seconds, basis)


def _total(parts: Sequence[Prediction]) -> Prediction:
    sums = [sum(values) for values in zip(*parts, strict=True)]
    return Prediction(*sums) if sums else Prediction(0.0, 0.0, 0.0)


# In which order experiments run at the paper tier: the most value for a minute first.


@dataclass(frozen=True)
class Turn:
    """An experiment with its declared priority and its predicted time."""

    experiment: AnyExperiment
    priority: Priority
    estimate: Estimate

    @property
    def minutes(self) -> float | None:
        """Predicted minutes of computing that remain; None where no time is known."""
        seconds = self.estimate.seconds
        return None if seconds is None else seconds.seconds / 60

    @property
    def rate(self) -> float | None:
        """Value for a minute of computing; infinite where nothing remains."""
        if self.minutes is None:
            return None
        return self.priority.value / self.minutes if self.minutes else float("inf")

    def __str__(self) -> str:
        name, value = self.experiment.name, self.priority.value
        time = "unknown time" if self.minutes is None else f"about {show_time(60 * self.minutes)}"
        return f"{name}: value {value}, {time}. {self.priority.why}"


def in_order(
    experiments: Sequence[AnyExperiment],
    *,
    device: str | None = None,
    store: Path | str | None = None,
) -> list[Turn]:
    """Order experiments for the paper tier by their value for a predicted minute of computing.

    Values are declared in ``book/paper.yml``; times come from `ibcore.runs.estimate` without
    computing a cell.  Where nothing was measured on the kind of ``device``, times on the CPU
    stand in.  Experiments of unknown time come last, those of higher value first.

    Raises
    ------
    ValueError
        If an experiment has no paper tier or no entry in ``book/paper.yml``.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> pair = [find("redshift.references"), find("redshift.activations")]
    >>> len(in_order(pair, store="a-folder-that-does-not-exist"))
    2
    """
    priorities = read_priorities()
    missing = [entry.name for entry in experiments if entry.name not in priorities]
    if missing:
        raise ValueError(f"book/paper.yml has no entry for {', '.join(missing)}; add value and why")
    turns = [
        Turn(entry, priorities[entry.name], _known(entry, device or "cpu", store))
        for entry in experiments
    ]
    return sorted(turns, key=_key)


def _known(experiment: AnyExperiment, device: str, store: Path | str | None) -> Estimate:
    kinds = (device,) if device.startswith("cpu") else (device, "cpu")
    found = [
        estimate(experiment, "paper", device=kind, store=store, probe_limit=None) for kind in kinds
    ]
    return next((entry for entry in found if entry.seconds is not None), found[0])


def _key(turn: Turn) -> tuple[bool, float, int]:
    return turn.rate is None, -(turn.rate or 0.0), -turn.priority.value
