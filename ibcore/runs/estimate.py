"""How long a run will take, said before it starts, and what that number rests on."""

import time
from collections.abc import Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibcore.runs.execute import CellError, CellFolder, measured_on
from ibcore.runs.executors import open_executor
from ibcore.runs.experiment import AnyExperiment, find, plan_digest
from ibcore.runs.limits import (
    Cost,
    CostModel,
    Measurement,
    Prediction,
    cost_model,
    measurement,
    predict,
    read_priorities,
)
from ibcore.runs.store import Provenance, device_kind, own_store, published, read, stored
from ibcore.runs.workers import compute
from ibcore.runtime import Tier, check_tier, default_tier, resolve_device

# Time a few cells of a run, in a process that is ended when it takes too long.

PROBE_LIMIT = 60.0  # seconds


def probe(
    experiment: AnyExperiment,
    cells: Sequence[Any],
    device: str,
    *,
    limit: float = PROBE_LIMIT,
    cost: Cost | None = None,
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
    with suppress(_TooLongError), open_executor("processes:1", device=device) as pool:
        _warm_up(pool, experiment, device)
        end = time.monotonic() + limit
        for cell in chosen:
            seconds = _seconds(pool, experiment, cell, device, end)
            measured.append(measurement(cell, seconds, cost))
    return measured


class _TooLongError(Exception):
    """A cell did not end in time; leaving the pool with an error ends the process."""


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
    wait([future], timeout=max(0.0, end - time.monotonic()))
    if not future.done():
        raise _TooLongError
    try:
        return future.result().seconds
    except Exception as error:
        raise CellError(
            f"experiment {experiment.name!r}: timing the cell {cell} failed with "
            f"{type(error).__name__}: {error}"
        ) from error


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
    if cells.gathered.exists() and read(cells.gathered)[1].plan == cells.plan:
        count, nothing = len(cells.cells), Prediction(0.0, 0.0, 0.0)
        return Estimate(
            chosen.name, size, count, count, nothing, "the complete result that is stored"
        )
    finished = cells.read_all()
    todo = [cell for key, cell in cells.cells.items() if key not in finished]
    place, model = device or "cpu", cost_model(chosen)
    cost = model.cost if model else None
    if measured := measured_on(place, finished.values(), cost):
        seconds = _total(todo, measured, cost)
        basis = f"{count_cells(len(measured))} of this run that are finished"
    else:
        seconds, basis = _from_results(cells, todo, place, model)
    if seconds is None and probe_limit is not None:
        measured = probe(chosen, todo, place, limit=probe_limit, cost=cost)
        seconds = _total(todo, measured, cost)
        basis = f"{count_cells(len(measured))} computed just now on {place} to be timed"
        if not measured:
            basis = f"the first cell did not end within {show_time(probe_limit)}"
    return Estimate(chosen.name, size, len(cells.cells), len(finished), seconds, basis)


def _total(
    cells: Sequence[Any], measured: Sequence[Measurement], cost: Cost | None
) -> Prediction | None:
    """Predict the seconds of all cells, one after another; None where nothing was measured."""
    if not measured:
        return None
    parts = [part for cell in cells if (part := predict(cell, measured, cost))]
    return Prediction(*(sum(part[column] for part in parts) for column in range(3)))


def count_cells(count: int) -> str:
    """Say how many cells, in words."""
    return f"{count} cell" if count == 1 else f"{count} cells"


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


def _from_results(
    cells: CellFolder, todo: Sequence[Any], device: str, model: CostModel | None
) -> tuple[Prediction | None, str]:
    """Predict from complete results, of the same cells or scaled by the cost model."""
    kind = device_kind(device)
    origins = [origin for origin in _results(cells) if device_kind(origin.device) == kind]
    if not origins:
        return None, f"nothing is stored that was computed on {device}, and no cell was timed"
    same = [origin for origin in origins if origin.plan == cells.plan]
    if same:
        share = len(todo) / len(cells.cells)
        known = [origin.seconds * share for origin in same]
        where = ", ".join(sorted({origin.device_name for origin in same}))
        basis = f"a stored result of the same cells ({where})"
        return Prediction(known[-1], min(known), max(known)), basis
    rates = _rates(cells, origins, model.cost) if model else {}
    if model is None or not rates:
        return None, "no cost model compares its tiers, and no cell was timed"
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
    name = cells.experiment.name
    return [
        read(entry.path)[1]
        for folder in folders.values()
        for entry in stored(folder)
        if entry.experiment == name
    ]


# In which order experiments run at the paper tier: the most value for a minute first.


def in_order(
    experiments: Sequence[AnyExperiment],
    *,
    device: str | None = None,
    store: Path | str | None = None,
) -> list[tuple[AnyExperiment, str]]:
    """Order experiments by their value for a predicted minute of the paper tier, and say why.

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
    ranked = []
    for entry in experiments:
        value, why = priorities[entry.name].value, priorities[entry.name].why
        known = _known(entry, device or "cpu", store)
        time = "unknown time" if known is None else f"about {show_time(known)}"
        worth = -1.0 if known is None else value / known if known else float("inf")
        ranked.append((worth, value, entry, f"{entry.name}: value {value}, {time}. {why}"))
    ranked.sort(key=lambda entry: entry[:2], reverse=True)
    return [(entry, says) for _, _, entry, says in ranked]


def _known(experiment: AnyExperiment, device: str, store: Path | str | None) -> float | None:
    """Return the predicted seconds on the device, else on the CPU; None where nothing is known."""
    for kind in dict.fromkeys((device, "cpu")):
        found = estimate(experiment, "paper", device=kind, store=store, probe_limit=None)
        if found.seconds is not None:
            return found.seconds.seconds
    return None
