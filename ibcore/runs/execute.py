"""Run an experiment: each cell once, kept the moment it is finished."""

import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from ibcore.door import Count, Positive, door
from ibcore.runs.cells import CellFolder, FinishedCell
from ibcore.runs.experiment import (
    CellError,
    Experiment,
    TimeLimitError,
    find,
    plain_config,
    plain_fields,
)
from ibcore.runs.fingerprint import fingerprint
from ibcore.runs.forecast import TimeLimit, cost_model, measured_on
from ibcore.runs.store import (
    Provenance,
    advice,
    check_writable,
    git_state,
    machine,
    merge,
    now,
    own_store,
    read,
    read_as,
    sealed,
    seeds_of,
    to_table,
    write_atomically,
)
from ibcore.runs.workers import (
    CellResult,
    WorkerFailedError,
    check_main_guard,
    count_workers,
    outcomes,
)
from ibcore.runtime import Tier, default_tier, device_name, resolve_device

# One experiment at one tier while it runs: its plan, where its cells lie, what its errors say.


@dataclass(frozen=True)
class ExperimentRun:
    """One experiment at one tier, with all that stays the same from cell to cell."""

    cells: CellFolder
    origin: Provenance  # of a cell, but for what belongs to the cell alone
    id: str = field(default_factory=lambda: uuid.uuid4().hex)  # of this run of it

    @classmethod
    def prepare(
        cls, experiment: Experiment, tier: Tier, store: Path | str | None
    ) -> "ExperimentRun":
        """Plan the cells and find out where they will lie."""
        cells = CellFolder(experiment, tier, own_store(store), experiment.plan(tier))
        commit, dirty = git_state()
        origin = Provenance(
            experiment=experiment.name,
            question=experiment.question,
            tier=tier,
            config=plain_config(experiment.cells(tier)),
            plan=cells.plan,
            cells=1,
            cell={},
            seconds=0.0,
            date=now(),
            commit=commit,
            dirty=dirty,
            seeds=(),
            code=fingerprint(experiment.run_cell),
            **vars(machine(resolve_device())),
        )
        return cls(cells, origin)

    @property
    def plan(self) -> Mapping[str, Any]:
        """The cells by key, in order."""
        return self.cells.cells

    @property
    def name(self) -> str:
        """Experiment and tier, as messages say them."""
        return f"experiment {self.origin.experiment!r}, tier {self.origin.tier!r}"

    def check_same(self, provenance: Provenance) -> None:
        """Raise unless a complete result consists of these cells, however they were written."""
        if provenance.plan == self.cells.plan:
            return
        config = self.origin.config
        names = sorted({*config, *provenance.config})
        changed = [name for name in names if config.get(name) != provenance.config.get(name)]
        what = ", ".join(changed) or "which of its levels meet"
        raise ValueError(
            f"{self.cells.gathered} holds {self.origin.experiment} at tier {self.origin.tier} "
            f"with another configuration (different: {what}); run with fresh=True (--fresh) to "
            "replace it, or choose another store"
        )

    def report_other_code(self, provenance: Provenance) -> None:
        """Warn of a complete result that other code than today's has computed."""
        if provenance.code == self.origin.code:
            return
        fact = (
            "does not say which code computed it"
            if provenance.code is None
            else ("is older than the code that computes it")
        )
        warnings.warn(
            f"{self.cells.gathered} {fact} and is returned as it is; run with fresh=True (--fresh) "
            "to compute it again",
            stacklevel=3,
        )

    def check_same_code(self, finished: Mapping[str, FinishedCell]) -> None:
        """Raise if other code than today's has computed a cell: results do not mix two."""
        others = [cell.provenance for cell in finished.values()]
        others = [origin for origin in others if origin.code != self.origin.code]
        if others:
            commits = ", ".join(sorted({origin.commit or "unknown" for origin in others}))
            raise ValueError(
                f"{self.name}: {len(others)} of the {len(finished)} finished cells in "
                f"{self.cells.folder} were computed by other code (commit {commits}) and are not "
                "mixed with new ones; run with fresh=True (--fresh) to compute them again, or go "
                "on with the code that began"
            )

    def keep(self, key: str, outcome: CellResult) -> FinishedCell:
        """Store a finished cell, with where it comes from."""
        table = to_table(outcome.frame)
        origin = replace(
            self.origin,
            cell=plain_fields(self.plan[key]),
            seconds=round(outcome.seconds, 6),
            date=now(),
            seeds=seeds_of(table),
            **vars(outcome.machine),
        )
        with self.storing(f"the cell {self.plan[key]} is finished but"):
            if not self.cells.owned_by(self.id):
                raise CellError(
                    f"{self.name}: another run of it has begun in {self.cells.store}; that one "
                    "goes on and this one stops"
                )
            return self.cells.save(key, table, origin)

    @contextmanager
    def storing(self, what: str) -> Iterator[None]:
        """Turn a write that fails, as on a full disk, into an error that says what is lost."""
        try:
            yield
        except OSError as error:
            raise CellError(
                f"{self.name}: {what} could not be stored in {self.cells.store} "
                f"({error.strerror or error}); {advice(error)}; {self._kept()}"
            ) from error

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn the failure of a worker into an error that names the experiment and the cell."""
        try:
            yield
        except WorkerFailedError as failure:
            cells = ", ".join(str(self.plan[key]) for key in failure.keys)
            what = f"{type(failure.error).__name__}: {failure.error}"
            if failure.died:
                problem = (
                    f"a worker died while these cells were computed: {cells} ({what}); if it ran "
                    "out of memory, use fewer workers"
                )
            else:
                problem = f"cell {cells} failed with {what}"
            raise CellError(f"{self.name}, {problem}; {self._kept()}") from failure.error

    def stopped(self, finished: int, limit: TimeLimit) -> TimeLimitError:
        """Return the error of a run that stopped at its time limit."""
        error = TimeLimitError(
            f"{self.name}: stopped at the time limit of {limit.seconds:g} s; "
            f"{finished} of {len(self.plan)} cells are finished and kept in {self.cells.folder}, "
            f"{len(self.plan) - finished} remain; the same command continues"
        )
        error.needed = limit.needed
        return error

    def _kept(self) -> str:
        return (
            f"{len(self.cells.finished())} of {len(self.plan)} cells are finished and kept in "
            f"{self.cells.folder}, the same command continues from there"
        )


# Join the finished cells of a run into one result.


def gather(job: ExperimentRun, results: Mapping[str, FinishedCell]) -> pd.DataFrame:
    """Join the cells in order, store the result, and remove the cell files.

    Raises
    ------
    ValueError
        If two cells have different columns.
    """
    tables = [results[key].table for key in job.plan]
    for key, table in zip(job.plan, tables, strict=True):
        if table.column_names != tables[0].column_names:
            raise ValueError(
                f"experiment {job.origin.experiment!r}, cell {job.plan[key]}: the columns "
                f"{table.column_names} differ from those of the first cell, "
                f"{tables[0].column_names}; let run_cell return the same columns for every "
                "cell, then run with fresh=True (--fresh)"
            )
    whole = _joined(tables)
    provenance = merge([results[key].provenance for key in job.plan], seeds_of(whole))
    with job.storing("all cells are finished but the result"):
        write_atomically(job.cells.gathered, sealed(whole, provenance))
    job.cells.clear()
    return read(job.cells.gathered)[0]


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Join tables as pandas joins frames; at once where all have the same types."""
    first = tables[0].schema
    plain = not any(pa.types.is_dictionary(kind) for kind in first.types)
    if plain and all(table.schema.equals(first, check_metadata=True) for table in tables):
        return pa.concat_tables(tables)
    frames: list[pd.DataFrame] = [table.to_pandas() for table in tables]
    return to_table(pd.concat(frames, ignore_index=True))


@door(gradients=True)
def run(
    experiment: Experiment | str,
    tier: Tier | None = None,
    *,
    executor: Executor | None = None,
    workers: Count | None = None,
    device: Annotated[str | None, device_name] = None,
    time_limit: Positive | None = None,
    store: Path | str | None = None,
    fresh: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Run an experiment at a tier and return its result as one tidy frame.

    Each finished cell is stored at once, so a killed run continues where it stopped.  A result
    that is already complete for the same configuration is returned without computing, with a
    warning if other code than today's has computed it.

    Parameters
    ----------
    experiment
        An `Experiment` or its name.
    tier
        ``"smoke"``, ``"laptop"`` or ``"paper"``; default as `ibcore.runtime.default_tier`.
    executor
        Any ``concurrent.futures.Executor``; by default the cells run one after another here.
        The caller opens and closes it, for instance with `ibcore.runs.open_executor`.
    workers
        How many cells the executor computes at once; only for one that cannot be asked (those
        of processes, threads, Dask and MPI can).
    device
        Where each cell computes, for instance ``"cuda"``; default the CPU.
    time_limit
        Seconds from the call.  No cell starts that is predicted to end later; one that has
        started is finished.
    store
        Folder of results; default as `ibcore.runs.default_store`.
    fresh
        Start over: cells of this configuration are discarded, and a complete result is
        replaced once the new one is complete.
    progress
        Show a bar on the standard error stream.

    Returns
    -------
    pandas.DataFrame
        The rows of all cells, in the order of the cells; ``attrs["provenance"]`` says where
        they come from.

    Raises
    ------
    ValueError
        If the experiment, tier or device is unknown; or, without ``fresh``, if the stored result
        belongs to another configuration or other code has computed a finished cell.
    OSError
        If nothing can be stored in the folder of results; no cell is computed.
    DamagedResultError
        If a stored file cannot be read; it is left as it is.
    CellError
        If a cell fails, a worker dies or the disk is full; all finished cells are kept.
    TimeLimitError
        If cells remain at the time limit; the finished ones are kept.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     frame = run("redshift.references", "smoke", store=folder, progress=False)
    >>> frame.attrs["provenance"]["tier"]
    'smoke'
    """
    check_main_guard()
    chosen = find(experiment) if isinstance(experiment, str) else experiment
    job = ExperimentRun.prepare(chosen, tier or default_tier(), store)
    where = device if executor and device else str(resolve_device(device))
    _check_workers(executor, workers, time_limit)
    if job.cells.gathered.exists():
        frame, provenance = read_as(chosen.name, job.origin.tier, job.cells.gathered)
        if not fresh:
            job.check_same(provenance)
            job.report_other_code(provenance)
            return frame
    check_writable(job.cells.store)
    if fresh:
        job.cells.discard()
    results = job.cells.read_all()
    job.check_same_code(results)
    todo = [(key, cell) for key, cell in job.plan.items() if key not in results]
    limit = None
    if time_limit is not None:
        cost = model.cost if (model := cost_model(chosen)) else None
        limit = TimeLimit(time_limit, measured_on(where, results.values(), cost), cost)
    with job.storing("no cell was computed, for they"):
        job.cells.own(job.id)
    with (
        tqdm(
            total=len(job.plan),
            initial=len(results),
            desc=f"{chosen.name} ({job.origin.tier})",
            unit="cell",
            disable=not progress,
        ) as bar,
        closing(
            outcomes(
                chosen.run_cell,
                limit.admit(todo) if limit else todo,
                device=where,
                executor=executor,
                workers=workers,
                ahead=1 if limit else 2,
            )
        ) as stream,
        job.failures(),
    ):
        for key, outcome in stream:
            results[key] = job.keep(key, outcome)
            if limit:
                limit.learn(job.plan[key], outcome.seconds)
            bar.update()
    if limit and len(results) < len(job.plan):
        raise job.stopped(len(results), limit)
    return gather(job, results)


def _check_workers(executor: Executor | None, workers: int | None, limit: float | None) -> None:
    """Raise where it is not known how many cells run at once and a time limit needs to know."""
    if executor and limit is not None and not (workers or count_workers(executor)):
        raise ValueError(
            f"{type(executor).__name__} does not tell how many workers it has, which a time limit "
            "needs; give workers="
        )
