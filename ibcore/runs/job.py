"""One experiment at one tier while it runs: its plan, where its cells lie, what its errors say."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ibcore.runs.cells import CellFolder, FinishedCell
from ibcore.runs.experiment import AnyExperiment, plain_fields
from ibcore.runs.limits import TimeLimitError
from ibcore.runs.provenance import Provenance, git_state, machine, now
from ibcore.runs.segments import SegmentWriter
from ibcore.runs.store import default_store
from ibcore.runs.tables import seeds_of, to_table
from ibcore.runs.workers import Outcome, WorkerFailedError
from ibcore.runtime import Tier, resolve_device


class CellError(RuntimeError):
    """A cell of an experiment failed; the message names both and says what is kept."""


@dataclass(frozen=True)
class Job:
    """One experiment at one tier, with all that stays the same from cell to cell."""

    cells: CellFolder
    origin: Provenance  # of a cell, but for what belongs to the cell alone

    @classmethod
    def prepare(cls, experiment: AnyExperiment, tier: Tier, store: Path | str | None) -> "Job":
        """Plan the cells and find out where they will lie."""
        folder = default_store() if store is None else Path(store)
        cells = CellFolder(experiment, tier, folder, experiment.plan(tier))
        commit, dirty = git_state()
        origin = Provenance(
            experiment=experiment.name,
            question=experiment.question,
            tier=tier,
            config=plain_fields(experiment.config(tier)),
            plan=cells.plan,
            cells=1,
            cell={},
            seconds=0.0,
            date=now(),
            commit=commit,
            dirty=dirty,
            seeds=(),
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
        """Raise unless a complete result was made with this configuration."""
        config = self.origin.config
        if provenance.config == config and provenance.plan == self.cells.plan:
            return
        names = sorted({*config, *provenance.config})
        changed = [name for name in names if config.get(name) != provenance.config.get(name)]
        what = ", ".join(changed) or "the cells made from it"
        raise ValueError(
            f"{self.cells.gathered} holds {self.origin.experiment} at tier {self.origin.tier} "
            f"with another configuration (different: {what}); run with fresh=True (--fresh) to "
            "replace it, or choose another store"
        )

    def keep(self, key: str, outcome: Outcome, writer: SegmentWriter) -> FinishedCell:
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
            return self.cells.save(key, table, origin, writer)

    @contextmanager
    def storing(self, what: str) -> Iterator[None]:
        """Turn a write that fails, as on a full disk, into an error that says what is lost."""
        try:
            yield
        except OSError as error:
            raise CellError(
                f"{self.name}: {what} could not be stored in {self.cells.store} "
                f"({error.strerror or error}); make room there; {self._kept()}"
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

    def stopped(self, finished: int, seconds: float, needed: float | None) -> TimeLimitError:
        """Return the error of a run that stopped at its time limit."""
        error = TimeLimitError(
            f"{self.name}: stopped at the time limit of {seconds:g} s; "
            f"{finished} of {len(self.plan)} cells are finished and kept in {self.cells.folder}, "
            f"{len(self.plan) - finished} remain; the same command continues"
        )
        error.needed = needed
        return error

    def _kept(self) -> str:
        return (
            f"{len(self.cells.finished())} of {len(self.plan)} cells are finished and kept in "
            f"{self.cells.folder}, the same command continues from there"
        )
