"""The finished cells of a run that is under way: a folder that outlives a killed process."""

import contextlib
import hashlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ibcore.runs.experiment import AnyExperiment
from ibcore.runs.provenance import Provenance
from ibcore.runs.store import DamagedResultError, read, result_path, write
from ibcore.runtime import Tier

if TYPE_CHECKING:
    import pandas as pd

_REPLACED = "replaced"  # a gathered result that a fresh run set aside


@dataclass(frozen=True)
class CellFolder:
    """Where the cells of one experiment and tier lie until the run is complete.

    Attributes
    ----------
    experiment, tier
        What is being run.
    store
        The folder of results.
    keys
        The keys of this configuration's cells, in order.
    """

    experiment: AnyExperiment
    tier: Tier
    store: Path
    keys: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """The folder of the cell files."""
        return self.store / self.experiment.name / self.tier

    @property
    def gathered(self) -> Path:
        """The file of the complete result."""
        return result_path(self.experiment.name, self.tier, self.store)

    @property
    def plan(self) -> str:
        """Digest of all keys: equal when the same cells are meant."""
        return hashlib.sha256(" ".join(self.keys).encode()).hexdigest()[:16]

    def finished(self) -> tuple[str, ...]:
        """Return the keys of this configuration that have a file, without reading them."""
        return tuple(key for key in self.keys if self._path(key).exists())

    def stale(self) -> tuple[Path, ...]:
        """Return the files of cells that belong to another configuration."""
        known = {*self.keys, _REPLACED}
        return tuple(sorted(p for p in self.folder.glob("*.parquet") if p.stem not in known))

    def save(self, key: str, frame: "pd.DataFrame", provenance: Provenance) -> None:
        """Write a finished cell, at once and atomically."""
        write(frame, self._path(key), provenance)

    def read(self, key: str) -> "tuple[pd.DataFrame, Provenance]":
        """Read a finished cell; `DamagedResultError` if it is not what `save` wrote."""
        path = self._path(key)
        frame, provenance = read(path)
        if provenance.experiment != self.experiment.name or provenance.cell is None:
            raise DamagedResultError(
                f"{path} is not a cell of {self.experiment.name}; move or delete it, then run again"
            )
        return frame, provenance

    def discard(self) -> None:
        """Forget this configuration's cells and set the gathered result aside.

        The old result stays in the folder, as ``replaced.parquet``, until the new one is
        complete, so that a failing run destroys nothing.
        """
        self._remove(self.keys)
        if self.gathered.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.gathered.replace(self._path(_REPLACED))

    def clear(self) -> None:
        """Remove the cells of a complete run; cells of another configuration stay."""
        self._remove([*self.keys, _REPLACED])
        for leftover in self.folder.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        for folder in (self.folder, self.folder.parent):
            with contextlib.suppress(OSError):  # not empty, or removed by a concurrent run
                folder.rmdir()

    def report_stale(self) -> None:
        """Warn about cells of another configuration; they are never gathered."""
        stale = self.stale()
        if stale:
            warnings.warn(
                f"{self.folder} also holds finished cells of another configuration of "
                f"{self.experiment.name} ({len(stale)}); they are not used in this run, "
                "delete them unless that configuration will be run again",
                UserWarning,
                stacklevel=3,
            )

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.parquet"

    def _remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._path(key).unlink(missing_ok=True)
