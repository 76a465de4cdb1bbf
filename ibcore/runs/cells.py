"""The finished cells of a run that is under way: a folder that outlives a killed process.

Each cell is one small sealed file of the form that complete results have, renamed into place when
it is whole, so that a killed process loses none, and a damaged one costs a single cell.
"""

import contextlib
import functools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from ibcore.runs.experiment import Experiment, cell_key, plan_digest
from ibcore.runs.store import (
    DamagedResultError,
    Provenance,
    result_path,
    sealed,
    unsealed,
    write_atomically,
)
from ibcore.runtime import Tier

SUFFIX = ".cell"
_END = b"PAR1"  # of every whole file of Parquet
_LONG = 1.0  # seconds; a shorter cell does not wait for the disk, which can take as long as itself
_REPLACED = "replaced.parquet"  # a complete result that a fresh run set aside
_OWNER = "owner"  # names the run that stores cells at present


class FinishedCell(NamedTuple):
    """The rows of a cell and where they come from."""

    table: pa.Table
    provenance: Provenance
    cell: Any


@dataclass(frozen=True)
class CellFolder:
    """Where the cells of one experiment and tier lie until the run is complete.

    Attributes
    ----------
    experiment, tier
        What is being run.
    store
        The folder of results.
    cells
        The cells of this configuration by key, in order.
    """

    experiment: Experiment
    tier: Tier
    store: Path
    cells: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """The folder of the cell files."""
        return self.store / self.experiment.name / self.tier

    @property
    def gathered(self) -> Path:
        """The file of the complete result."""
        return result_path(self.experiment.name, self.tier, self.store)

    @functools.cached_property
    def plan(self) -> str:
        """The `plan_digest` of the cells."""
        return plan_digest(self.cells)

    def finished(self) -> tuple[str, ...]:
        """Return the keys of this configuration that are stored, in order."""
        stored = self._stored()
        return tuple(key for key in self.cells if key in stored)

    def read_all(self) -> dict[str, FinishedCell]:
        """Read the finished cells of this configuration.

        Warns of cells of another configuration, which are never used, and of a cell that was
        cut short by a crash of the machine, which is left out.

        Raises
        ------
        DamagedResultError
            If a stored cell is not what `save` wrote; the message names cell, file and remedy.
        """
        if stale := self._stored() - set(self.cells):
            warnings.warn(
                f"{self.folder} also holds finished cells of another configuration of "
                f"{self.experiment.name} ({len(stale)}); they are not used in this run, "
                "delete them unless that configuration will be run again",
                stacklevel=3,
            )
        found = ((key, self._read(key)) for key in self.finished())
        return {key: cell for key, cell in found if cell is not None}

    def save(self, key: str, table: pa.Table, origin: Provenance) -> FinishedCell:
        """Write a finished cell at once."""
        content = sealed(table, origin, compression="none")  # which takes as long as the rest
        write_atomically(self._path(key), content, sync=origin.seconds >= _LONG)
        return FinishedCell(table, origin, self.cells[key])

    def own(self, name: str) -> None:
        """Let this run be the one that stores cells; another one will notice."""
        write_atomically(self.folder / _OWNER, name.encode(), sync=False)

    def owned_by(self, name: str) -> bool:
        """Say whether no other run has begun to store cells here since `own`."""
        try:
            return (self.folder / _OWNER).read_text() == name
        except FileNotFoundError:  # the other run is complete
            return False

    def discard(self) -> None:
        """Forget this configuration's cells and set the gathered result aside.

        The old result stays in the folder until the new one is complete, so that a failing run
        destroys nothing.
        """
        self._remove()
        if self.gathered.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.gathered.replace(self.folder / _REPLACED)

    def clear(self) -> None:
        """Remove the cells of a complete run; cells of another configuration stay."""
        self._remove()
        for leftover in (_REPLACED, _OWNER):
            (self.folder / leftover).unlink(missing_ok=True)
        for folder in (self.folder, self.folder.parent):
            with contextlib.suppress(OSError):  # not empty, or removed by a concurrent run
                folder.rmdir()

    def _stored(self) -> set[str]:
        return {path.stem for path in self.folder.glob(f"*{SUFFIX}")}

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _remove(self) -> None:
        for path in (*map(self._path, self.cells), *self.folder.glob(".*.tmp")):
            path.unlink(missing_ok=True)

    def _read(self, key: str) -> FinishedCell | None:
        """Return a stored cell; None if the end of the file is missing."""
        path, cell = self._path(key), self.cells[key]
        content = path.read_bytes()
        if not content.endswith(_END):
            warnings.warn(
                f"{path} was cut short while it was written, by a crash of the machine; that "
                "cell is computed again",
                stacklevel=5,
            )
            return None
        try:
            table, provenance = unsealed(content)
            if cell_key(provenance.experiment, provenance.cell) != key:
                raise ValueError(f"it holds another cell, of {provenance.experiment}")
        except ValueError as error:
            raise DamagedResultError(
                f"the stored cell {cell}: {path} is damaged ({error}); move or delete it, then "
                "run again: this cell alone is computed again"
            ) from error
        return FinishedCell(table, provenance, cell)
