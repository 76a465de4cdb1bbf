"""One experiment at one tier while it runs: its plan, where its cells lie, what its errors say."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ibcore.runs.cells import CellFolder, FinishedCell
from ibcore.runs.experiment import AnyExperiment, plain_fields
from ibcore.runs.files import advice
from ibcore.runs.fingerprint import fingerprint
from ibcore.runs.limits import TimeLimitError
from ibcore.runs.provenance import Provenance, git_state, machine, now
from ibcore.runs.segments import SegmentWriter
from ibcore.runs.store import own_store
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
        cells = CellFolder(experiment, tier, own_store(store), experiment.plan(tier))
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
