"""Run an experiment: each cell once, kept the moment it is finished."""

import contextlib
import functools
import hashlib
import json
import os
import struct
import time
import uuid
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import torch

from ibcore.runs.experiment import AnyExperiment, find, plain_config, plain_fields, plan_digest
from ibcore.runs.fingerprint import fingerprint
from ibcore.runs.limits import Cost, Measurement, TimeLimit, TimeLimitError, cost_model, measurement
from ibcore.runs.store import (
    DamagedResultError,
    Machine,
    Provenance,
    advice,
    check_writable,
    device_kind,
    git_state,
    machine,
    merge,
    now,
    own_store,
    read,
    result_path,
    seeds_of,
    to_table,
    write_atomically,
    write_table,
)
from ibcore.runs.workers import CellResult, WorkerFailedError, count_workers, outcomes
from ibcore.runtime import Tier, check_tier, default_tier, resolve_device

# Files to which short cells are appended: a cell costs one write, not a file of its own.
#
# A segment is a sequence of records, each with its own checksum; the first holds what all cells
# of the file share.  A record is written by the moment its cell is finished, so that a killed
# process loses none; the file is synced with the disk and closed a second after its first record.

SUFFIX = ".cells"
_SHARED = "shared----------"  # in the place of a key, in the first record
_HEAD = struct.Struct(">4s16sII32s")  # mark, key, length of the JSON, length of the table, SHA-256
_MARK = b"cell"
_AGE = 1.0  # seconds until a segment is synced and closed


@dataclass(frozen=True)
class Record:
    """One finished cell: its key, what its origin adds to the shared part, and its table."""

    key: str
    fields: Mapping[str, Any]
    body: bytes

    def table(self) -> "pa.Table":
        """Return the rows."""
        import pyarrow as pa

        return pa.ipc.open_stream(self.body).read_all()

    def encode(self) -> bytes:
        """Return the bytes of the record."""
        text = json.dumps(self.fields, sort_keys=True, allow_nan=False).encode()
        key = self.key.encode()
        digest = hashlib.sha256(key + text + self.body).digest()
        return _HEAD.pack(_MARK, key, len(text), len(self.body), digest) + text + self.body


@dataclass(frozen=True)
class Segment:
    """What a file holds; ``cut`` tells whether its last record is incomplete."""

    path: Path
    shared: Mapping[str, Any]
    records: tuple[Record, ...]
    cut: bool

    def write_without(self, keys: Collection[str]) -> None:
        """Remove the records of ``keys``, and the file with the last one."""
        rest = [record for record in self.records if record.key not in keys]
        if not rest:
            self.path.unlink(missing_ok=True)
        elif len(rest) < len(self.records):
            kept = [Record(_SHARED, self.shared, b""), *rest]
            write_atomically(self.path, b"".join(record.encode() for record in kept))


class SegmentWriter:
    """Appends records to files in ``folder``, a new file about every second."""

    def __init__(self, folder: Path, shared: Mapping[str, Any]) -> None:
        self._folder, self._shared = folder, shared
        self._file: int | None = None
        self._opened = 0.0

    def add(self, key: str, fields: Mapping[str, Any], table: "pa.Table") -> None:
        """Write one record; after a failed write, as on a full disk, the file is as before."""
        record = Record(key, fields, _body(table)).encode()
        if self._file is None:
            self._open()
        assert self._file is not None
        _append(self._file, record)
        if time.monotonic() - self._opened >= _AGE:
            self.close()

    def close(self) -> None:
        """Sync the file with the disk and close it; the next record starts another."""
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{uuid.uuid4().hex}{SUFFIX}"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        self._opened = time.monotonic()
        _append(self._file, Record(_SHARED, self._shared, b"").encode())


def read_segment(path: Path) -> Segment:
    """Read a segment and check every record.

    Raises
    ------
    DamagedResultError
        If a record does not match its checksum; ``key`` of the error names its cell.
    """
    data = path.read_bytes()
    records, end = [], 0
    for record, end in _records(path, data):  # noqa: B007  # the end of the last one
        records.append(record)
    if records and records[0].key != _SHARED:
        raise _damaged(path, records[0].key, "its first record is missing")
    shared = records[0].fields if records else {}
    return Segment(path, shared, tuple(records[1:]), end < len(data))


def _records(path: Path, data: bytes) -> Iterator[tuple[Record, int]]:
    """Yield the records and where each ends; an incomplete one at the end is left out."""
    start = 0
    while start + _HEAD.size <= len(data):
        mark, key, text_size, body_size, digest = _HEAD.unpack_from(data, start)
        name = key.decode("ascii", "replace")
        if mark != _MARK:
            raise _damaged(path, name, f"there is no record at byte {start}")
        middle = start + _HEAD.size + text_size
        start, text = middle + body_size, data[middle - text_size : middle]
        if start > len(data):
            return
        body = data[middle:start]
        if hashlib.sha256(key + text + body).digest() != digest:
            raise _damaged(path, name, "its content does not match its checksum")
        yield Record(name, json.loads(text), body), start


def _damaged(path: Path, key: str, reason: str) -> DamagedResultError:
    error = DamagedResultError(
        f"{path} is damaged ({reason}); move or delete it, then run again: the cells in it, "
        "about one second of computing, are computed again"
    )
    error.key = key
    return error


def _body(table: "pa.Table") -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _append(file: int, data: bytes) -> None:
    """Write all of ``data`` at the end, or nothing."""
    start = os.fstat(file).st_size
    try:
        written = os.write(file, data)
        while written < len(data):
            written += os.write(file, data[written:])
    except OSError:
        os.ftruncate(file, start)
        raise


# The finished cells of a run that is under way: a folder that outlives a killed process.
#
# A cell that took a second or more has a Parquet file of its own; shorter ones share segments.

SHORT = 1.0  # seconds; shorter cells share segments
_REPLACED = "replaced"  # a gathered result that a fresh run set aside
_OWN = ("cell", "seconds", "date", "seeds", *(field.name for field in fields(Machine)))


class FinishedCell(NamedTuple):
    """The rows of a cell and where they come from."""

    table: "pa.Table"
    provenance: Provenance
    cell: Any


def measured_on(
    device: str, finished: Iterable[FinishedCell], cost: Cost | None
) -> list[Measurement]:
    """Return what cells on the same kind of device tell about the time of others."""
    origins = [(entry.cell, entry.provenance) for entry in finished]
    return [
        measurement(cell, origin.seconds, cost)
        for cell, origin in origins
        if device_kind(origin.device) == device_kind(device)
    ]


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


# One experiment at one tier while it runs: its plan, where its cells lie, what its errors say.


class CellError(RuntimeError):
    """A cell of an experiment failed; the message names both and says what is kept."""


@dataclass(frozen=True)
class ExperimentRun:
    """One experiment at one tier, with all that stays the same from cell to cell."""

    cells: CellFolder
    origin: Provenance  # of a cell, but for what belongs to the cell alone

    @classmethod
    def prepare(
        cls, experiment: AnyExperiment, tier: Tier, store: Path | str | None
    ) -> "ExperimentRun":
        """Plan the cells and find out where they will lie."""
        cells = CellFolder(experiment, tier, own_store(store), experiment.plan(tier))
        commit, dirty = git_state()
        origin = Provenance(
            experiment=experiment.name,
            question=experiment.question,
            tier=tier,
            config=plain_config(experiment.config(tier)),
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

    def keep(self, key: str, outcome: CellResult, writer: SegmentWriter) -> FinishedCell:
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
        write_table(whole, job.cells.gathered, provenance)
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


def run(
    experiment: AnyExperiment | str,
    tier: Tier | None = None,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
    time_limit: float | None = None,
    store: Path | str | None = None,
    fresh: bool = False,
    progress: bool = True,
) -> "pd.DataFrame":
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
    chosen = find(experiment) if isinstance(experiment, str) else experiment
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"time_limit must be above 0 seconds, got {time_limit}")
    job = ExperimentRun.prepare(chosen, check_tier(tier) if tier else default_tier(), store)
    where = str(device or "cpu") if executor else str(resolve_device(device))
    _check_workers(executor, workers, time_limit)
    if job.cells.gathered.exists():
        frame, provenance = read(job.cells.gathered)
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
    with (
        closing(job.cells.writer(job.origin)) as writer,
        _bar(job, done=len(results), show=progress) as bar,
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
            results[key] = job.keep(key, outcome, writer)
            if limit:
                limit.learn(job.plan[key], outcome.seconds)
            bar.update()
    if limit and len(results) < len(job.plan):
        raise job.stopped(len(results), limit)
    return gather(job, results)


def _check_workers(executor: Executor | None, workers: int | None, limit: float | None) -> None:
    """Raise where it is not known how many cells run at once and a time limit needs to know."""
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be 1 or more, got {workers}")
    if executor and limit is not None and not (workers or count_workers(executor)):
        raise ValueError(
            f"{type(executor).__name__} does not tell how many workers it has, which a time limit "
            "needs; give workers="
        )


@contextmanager
def _bar(job: ExperimentRun, *, done: int, show: bool) -> Iterator[Any]:
    """Open a progress bar on the standard error stream."""
    from tqdm import tqdm

    title = f"{job.origin.experiment} ({job.origin.tier})"
    with tqdm(total=len(job.plan), initial=done, desc=title, unit="cell", disable=not show) as bar:
        yield bar
