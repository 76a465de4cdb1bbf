"""Files to which short cells are appended: a cell costs one write, not a file of its own.

A segment is a sequence of records, each with its own checksum; the first holds what all cells
of the file share.  A record is written by the moment its cell is finished, so that a killed
process loses none; the file is synced with the disk and closed a second after its first record.
"""

import hashlib
import json
import os
import struct
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ibcore.runs.files import write_atomically
from ibcore.runs.store import DamagedResultError

if TYPE_CHECKING:
    import pyarrow as pa

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
