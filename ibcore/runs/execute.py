"""Run an experiment: each cell once, kept the moment it is finished."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ibcore.runs.cells import CellFolder
from ibcore.runs.experiment import AnyExperiment, plain_fields
from ibcore.runs.provenance import Provenance, git_state, merge, now
from ibcore.runs.registry import find
from ibcore.runs.store import default_store, read, write
from ibcore.runs.workers import Outcome, WorkerFailedError, outcomes
from ibcore.runtime import Tier, check_tier, default_tier, resolve_device

if TYPE_CHECKING:
    import pandas as pd


class CellError(RuntimeError):
    """A cell of an experiment failed; the message names both and says what is kept."""


def run(
    experiment: AnyExperiment | str,
    tier: Tier | None = None,
    *,
    executor: Executor | None = None,
    device: torch.device | str | None = None,
    store: Path | str | None = None,
    fresh: bool = False,
    progress: bool = True,
) -> "pd.DataFrame":
    """Run an experiment at a tier and return its result as one tidy frame.

    Each finished cell is stored at once, so a killed run continues where it stopped.  A result
    that is already complete for the same configuration is returned without computing.

    Parameters
    ----------
    experiment
        An `Experiment` or its name.
    tier
        ``"smoke"``, ``"laptop"`` or ``"paper"``; default as `ibcore.runtime.default_tier`.
    executor
        Any ``concurrent.futures.Executor``; by default the cells run one after another here.
        The caller opens and closes it.
    device
        Where each cell computes, for instance ``"cuda"``; default the CPU.
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
        If the experiment, tier or device is unknown, or the stored result belongs to another
        configuration and ``fresh`` is not given.
    DamagedResultError
        If a stored file cannot be read; it is left as it is.
    CellError
        If a cell fails; all other finished cells are kept.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     frame = run("redshift.references", "smoke", store=folder, progress=False)
    >>> frame.attrs["provenance"]["tier"]
    'smoke'
    """
    chosen = find(experiment) if isinstance(experiment, str) else experiment
    job = _Job.prepare(chosen, check_tier(tier) if tier else default_tier(), store)
    where = str(device or "cpu") if executor else str(resolve_device(device))
    if job.cells.gathered.exists():
        frame, provenance = read(job.cells.gathered)
        if not fresh:
            job.check_same(provenance)
            return frame
    if fresh:
        job.cells.discard()
    job.cells.report_stale()
    results = {key: job.cells.read(key) for key in job.cells.finished()}
    todo = {key: cell for key, cell in job.plan.items() if key not in results}
    with _bar(job, done=len(results), show=progress) as bar:
        stream = outcomes(chosen.run_cell, todo, executor=executor, device=where)
        with closing(stream), job.failures():
            for key, outcome in stream:
                job.cells.save(key, outcome.frame, job.provenance(key, outcome))
                results[key] = job.cells.read(key)  # as a resumed run will see it
                bar.update()
    return _gather(job, results)


@dataclass(frozen=True)
class _Job:
    """One experiment at one tier, with all that stays the same from cell to cell."""

    experiment: AnyExperiment
    tier: Tier
    config: dict[str, Any]
    plan: Mapping[str, Any]
    cells: CellFolder
    git: tuple[str | None, bool | None]

    @classmethod
    def prepare(cls, experiment: AnyExperiment, tier: Tier, store: Path | str | None) -> "_Job":
        plan = experiment.plan(tier)
        folder = default_store() if store is None else Path(store)
        cells = CellFolder(experiment, tier, folder, tuple(plan))
        config = plain_fields(experiment.config(tier))
        return cls(experiment, tier, config, plan, cells, git_state())

    def check_same(self, provenance: Provenance) -> None:
        """Raise unless a complete result was made with this configuration."""
        if provenance.config == self.config and provenance.plan == self.cells.plan:
            return
        changed = sorted(
            name
            for name in {*self.config, *provenance.config}
            if self.config.get(name) != provenance.config.get(name)
        )
        what = ", ".join(changed) or "the cells made from it"
        raise ValueError(
            f"{self.cells.gathered} holds {self.experiment.name} at tier {self.tier} with another "
            f"configuration (different: {what}); run with fresh=True (--fresh) to replace it, "
            "or choose another store"
        )

    def provenance(self, key: str, outcome: Outcome) -> Provenance:
        """Say where one finished cell comes from."""
        return Provenance(
            experiment=self.experiment.name,
            question=self.experiment.question,
            tier=self.tier,
            config=self.config,
            plan=self.cells.plan,
            cells=1,
            cell=plain_fields(self.plan[key]),
            seconds=round(outcome.seconds, 3),
            date=now(),
            commit=self.git[0],
            dirty=self.git[1],
            seeds=_seeds(outcome.frame),
            **asdict(outcome.machine),
        )

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn the failure of a worker into an error that names the experiment and the cell."""
        try:
            yield
        except WorkerFailedError as failure:
            error = failure.error
            raise CellError(
                f"experiment {self.experiment.name!r}, tier {self.tier!r}, cell "
                f"{self.plan[failure.key]} failed with {type(error).__name__}: {error}; "
                f"{len(self.cells.finished())} of {len(self.plan)} cells are finished and kept in "
                f"{self.cells.folder}, the same command continues from there"
            ) from error


def _gather(job: _Job, results: "Mapping[str, tuple[pd.DataFrame, Provenance]]") -> "pd.DataFrame":
    """Join the cells in order, store the result, and remove the cell files."""
    import pandas as pd

    frames = [results[key][0] for key in job.plan]
    for key, frame in zip(job.plan, frames, strict=True):
        if list(frame.columns) != list(frames[0].columns):
            raise ValueError(
                f"experiment {job.experiment.name!r}, cell {job.plan[key]}: the columns "
                f"{list(frame.columns)} differ from those of the first cell, "
                f"{list(frames[0].columns)}; let run_cell return the same columns for every "
                "cell, then run with fresh=True (--fresh)"
            )
    for frame in frames:
        frame.attrs = {}
    whole = pd.concat(frames, ignore_index=True)
    provenance = merge([results[key][1] for key in job.plan], _seeds(whole))
    write(whole, job.cells.gathered, provenance)
    job.cells.clear()
    return read(job.cells.gathered)[0]


def _seeds(frame: "pd.DataFrame") -> tuple[int, ...]:
    if "seed" not in frame:
        return ()
    return tuple(sorted(int(seed) for seed in frame["seed"].dropna().unique()))


@contextmanager
def _bar(job: _Job, *, done: int, show: bool) -> Iterator[Any]:
    """Open a progress bar on the standard error stream."""
    from tqdm import tqdm

    title = f"{job.experiment.name} ({job.tier})"
    with tqdm(total=len(job.plan), initial=done, desc=title, unit="cell", disable=not show) as bar:
        yield bar
