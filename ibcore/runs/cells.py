"""The finished cells of a run that is under way: a folder that outlives a killed process.

A cell that took a second or more has a Parquet file of its own; shorter ones share segments.
"""

import contextlib
import functools
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ibcore.runs.experiment import AnyExperiment, plain_fields, plan_digest
from ibcore.runs.prediction import Measurement
from ibcore.runs.provenance import Machine, Provenance, device_kind
from ibcore.runs.segments import SUFFIX, Record, Segment, SegmentWriter, read_segment
from ibcore.runs.store import DamagedResultError, read, result_path, write_table
from ibcore.runs.tables import to_table
from ibcore.runtime import Tier

if TYPE_CHECKING:
    import pyarrow as pa

SHORT = 1.0  # seconds; shorter cells share segments
_REPLACED = "replaced"  # a gathered result that a fresh run set aside
_OWN = ("cell", "seconds", "date", "seeds", *(field.name for field in fields(Machine)))


class FinishedCell(NamedTuple):
    """The rows of a cell and where they come from."""

    table: "pa.Table"
    provenance: Provenance
    cell: Any

    @property
    def kind(self) -> str:
        """The kind of device that computed it: ``cpu`` or ``cuda``."""
        return device_kind(self.provenance.device)

    def measurement(self, cost: Callable[[Any], float] | None) -> Measurement:
        """Return what it tells about the time of other cells."""
        fields = plain_fields(self.cell)
        return Measurement(fields, self.provenance.seconds, cost(self.cell) if cost else None)


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

    experiment: AnyExperiment
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
        stored = {path.stem for path in self.folder.glob("*.parquet")}
        stored |= {record.key for segment in self._segments() for record in segment.records}
        return tuple(key for key in self.cells if key in stored)

    def read_all(self) -> dict[str, FinishedCell]:
        """Read the finished cells of this configuration.

        Warns of cells of another configuration, which are never used, and of a cell that was
        cut short while it was written.

        Raises
        ------
        DamagedResultError
            If a stored cell is not what `save` wrote; the message names cell, file and remedy.
        """
        segments = self._segments()
        self._report_stale(segments)
        found = {}
        for segment in segments:
            if segment.cut:
                warnings.warn(
                    f"the last cell in {segment.path} was cut short while it was written, by a "
                    "crash or a full disk; it is computed again",
                    stacklevel=3,
                )
            for record in segment.records:
                if record.key in self.cells:
                    found[record.key] = self._from_record(segment, record)
        own = {path.stem for path in self.folder.glob("*.parquet")}
        found.update((key, self._read_file(key)) for key in self.cells if key in own)
        return {key: found[key] for key in self.cells if key in found}

    def save(
        self, key: str, table: "pa.Table", origin: Provenance, writer: SegmentWriter
    ) -> FinishedCell:
        """Write a finished cell at once, and return it as a resumed run will see it."""
        if origin.seconds >= SHORT:
            write_table(table, self._path(key), origin)
            return self._read_file(key)
        fields = origin.to_dict()
        writer.add(key, {name: fields[name] for name in _OWN}, table)
        return FinishedCell(table, origin, self.cells[key])

    def writer(self, origin: Provenance) -> SegmentWriter:
        """Return a writer of segments whose cells share all of ``origin`` but their own part."""
        shared = {name: value for name, value in origin.to_dict().items() if name not in _OWN}
        return SegmentWriter(self.folder, shared)

    def discard(self) -> None:
        """Forget this configuration's cells and set the gathered result aside.

        The old result stays in the folder, as ``replaced.parquet``, until the new one is
        complete, so that a failing run destroys nothing.
        """
        self._remove(self.cells)
        if self.gathered.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.gathered.replace(self._path(_REPLACED))

    def clear(self) -> None:
        """Remove the cells of a complete run; cells of another configuration stay."""
        self._remove({*self.cells, _REPLACED})
        for leftover in self.folder.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        for folder in (self.folder, self.folder.parent):
            with contextlib.suppress(OSError):  # not empty, or removed by a concurrent run
                folder.rmdir()

    def _report_stale(self, segments: Collection[Segment]) -> None:
        known = {*self.cells, _REPLACED}
        stale = {path.stem for path in self.folder.glob("*.parquet")} - known
        stale |= {record.key for segment in segments for record in segment.records} - known
        if stale:
            warnings.warn(
                f"{self.folder} also holds finished cells of another configuration of "
                f"{self.experiment.name} ({len(stale)}); they are not used in this run, "
                "delete them unless that configuration will be run again",
                UserWarning,
                stacklevel=4,
            )

    def _from_record(self, segment: Segment, record: Record) -> FinishedCell:
        origin = Provenance.from_dict({**segment.shared, **record.fields})
        return FinishedCell(record.table(), origin, self.cells[record.key])

    def _read_file(self, key: str) -> FinishedCell:
        path = self._path(key)
        try:
            frame, provenance = read(path)
        except DamagedResultError as error:
            raise DamagedResultError(f"the stored cell {self.cells[key]}: {error}") from error
        if provenance.experiment != self.experiment.name or provenance.cell is None:
            raise DamagedResultError(
                f"the stored cell {self.cells[key]}: {path} is not a cell of "
                f"{self.experiment.name}; move or delete it, then run again"
            )
        return FinishedCell(to_table(frame), provenance, self.cells[key])

    def _segments(self) -> list[Segment]:
        segments = []
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            try:
                segments.append(read_segment(path))
            except DamagedResultError as error:
                cell = self.cells.get(error.key or "", "of an unknown key")
                raise DamagedResultError(f"the stored cell {cell}: {error}") from error
        return segments

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.parquet"

    def _remove(self, keys: Collection[str]) -> None:
        for path in self.folder.glob("*.parquet"):
            if path.stem in keys:
                path.unlink(missing_ok=True)
        for segment in self._segments():
            segment.write_without(keys)
