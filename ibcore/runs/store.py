"""Tidy frames in Parquet files that carry their own provenance."""

import contextlib
import errno
import functools
import hashlib
import io
import json
import os
import platform
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import ibcore
from ibcore.runs.experiment import Experiment, check_name, listed, plan_digest
from ibcore.runs.fingerprint import fingerprint
from ibcore.runtime import TIERS, Tier, as_folder, as_kind, as_path, check_tier

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import torch


# Write a file so that a reader sees the whole of it or nothing.

_ADVICE = {
    errno.EACCES: "this user may not write there; ",
    errno.EPERM: "this user may not write there; ",
    errno.EROFS: "it can only be read; ",
    errno.ENOSPC: "make room there, or ",
    errno.EDQUOT: "make room there, or ",
    errno.ENOTDIR: "a file is in the place of a folder; ",
    errno.EEXIST: "a file is in the place of a folder; ",
}


def write_atomically(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write ``data`` to a temporary file in the folder of ``path``, then rename it over ``path``.

    Missing folders are made.  A process killed at any moment leaves the old file or the new
    one, never a part; without ``sync``, a crash of the machine soon after can.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "new" / "note.txt", b"kept")
    ...     (Path(folder) / "new" / "note.txt").read_text()
    'kept'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}.tmp"
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def check_writable(folder: Path) -> None:
    """Make a folder and write in it, so that what is in the way is known before the work.

    Raises
    ------
    OSError
        If it cannot be made or written; the message says why and what to do.

    Examples
    --------
    >>> check_writable(Path("/dev/null/results"))
    Traceback (most recent call last):
    NotADirectoryError: nothing can be stored in /dev/null/results (Not a directory); a file ...
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.write(b"0" * 4096)
            stream.flush()
    except OSError as error:
        reason = error.strerror or error
        raise type(error)(
            f"nothing can be stored in {folder} ({reason}); {advice(error)}"
        ) from error


def advice(error: OSError) -> str:
    """Say what to do about a write that failed.

    Examples
    --------
    >>> advice(OSError(errno.ENOSPC, "No space left on device"))
    'make room there, or choose another folder with store= (--store, IBCORE_RESULTS)'
    """
    another = "choose another folder with store= (--store, IBCORE_RESULTS)"
    known = _ADVICE.get(error.errno or 0)
    return f"{known}{another}" if known else another


# Where a result comes from: experiment, configuration, code, versions and machine.

_LATER = {"instructions", "code"}  # fields that results of the first edition do not have


@dataclass(frozen=True)
class Provenance:
    """What a stored result says about its own origin.

    Attributes
    ----------
    experiment, question, tier
        Which experiment, at which tier.
    config
        The configuration of the tier as plain values.
    plan
        Digest of the keys of all cells; another plan is another experiment.
    cells
        How many cells the frame holds.
    cell
        The fields of the cell, in the file of a single cell; None in a gathered result.
    seconds
        Computing time, summed over cells.
    date
        When the result was finished, UTC, ISO 8601.
    commit
        Git commit of the code, or None outside a checkout.
    dirty
        Whether the package differed from that commit, or None outside a checkout.
    versions
        Versions of python, torch, numpy, pandas and ibcore.
    device, device_name, processor
        ``"cpu"`` or ``"cuda:0"``, the name of the GPU or processor, and the processor.
    seeds
        The different values of a column ``seed``, sorted; empty without that column.
    instructions
        The instruction set that torch computed with, for instance ``"AVX2"``; results of the
        first edition do not say (None).
    code
        Digest of the code that computed it; None where there was no source, and in
        results of the first edition.
    """

    experiment: str
    question: str
    tier: str
    config: Mapping[str, Any]
    plan: str
    cells: int
    cell: Mapping[str, Any] | None
    seconds: float
    date: str
    commit: str | None
    dirty: bool | None
    versions: Mapping[str, str]
    device: str
    device_name: str
    processor: str
    seeds: tuple[int, ...]
    instructions: str | None = None
    code: str | None = None

    def to_json(self) -> str:
        """Return the JSON text that the file carries."""
        return json.dumps(self.to_dict(), sort_keys=True, allow_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "versions": dict(self.versions), "seeds": list(self.seeds)}

    @classmethod
    def from_json(cls, text: str | bytes) -> "Provenance":
        """Read the JSON text of a file; ``ValueError`` if it is not what `to_json` writes."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, values: Any) -> "Provenance":
        """Read plain values; ``ValueError`` if they are not what `to_dict` returns."""
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or not names - _LATER <= set(values) <= names:
            raise ValueError("the provenance does not have the expected fields")
        return cls(**{**values, "seeds": tuple(values["seeds"])})


@dataclass(frozen=True)
class Machine:
    """The versions and hardware that computed a cell, as seen from where it ran."""

    versions: Mapping[str, str]
    device: str
    device_name: str
    processor: str
    instructions: str | None


def machine(device: "torch.device") -> Machine:
    """Describe this process and the device it computes on."""
    import torch

    processor = _processor()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor
    instructions = torch.backends.cpu.get_cpu_capability()
    return Machine(_versions(), str(device), name, processor, instructions)


def device_kind(device: str) -> str:
    """Return ``"cpu"`` or ``"cuda"``: times on one kind say nothing about the other."""
    return device.partition(":")[0]


def now() -> str:
    """Return the present time, UTC, ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def git_state(package: Path | None = None) -> tuple[str | None, bool | None]:
    """Return the commit of the code and whether the package differs from it.

    ``(None, None)`` when the package does not lie in a git checkout of its own, as when it is
    installed from a wheel, or when git is not there.
    """
    folder = package or Path(ibcore.__file__).parent
    if not (folder.parent / ".git").exists():
        return None, None
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changes = _git(folder, "status", "--porcelain", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return commit, bool(changes)


def merge(cells: Sequence[Provenance], seeds: Iterable[int]) -> Provenance:
    """Return the provenance of the frame gathered from ``cells``.

    Seconds are added; where cells differ in commit, versions or machine, all values are listed.
    """
    commits = {cell.commit for cell in cells}
    names = sorted({name for cell in cells for name in cell.versions})
    return replace(
        cells[0],
        cells=len(cells),
        cell=None,
        seconds=round(sum(cell.seconds for cell in cells), 3),
        date=max(cell.date for cell in cells),
        commit=_known("none", commits),
        dirty=None if commits == {None} else any(cell.dirty for cell in cells),
        versions={
            name: _listed(cell.versions[name] for cell in cells if name in cell.versions)
            for name in names
        },
        seeds=tuple(sorted(set(seeds))),
        instructions=_known("unknown", {cell.instructions for cell in cells}),
        code=_known("unknown", {cell.code for cell in cells}),
        device=_listed(cell.device for cell in cells),
        device_name=_listed(cell.device_name for cell in cells),
        processor=_listed(cell.processor for cell in cells),
    )


def _known(missing: str, values: set[str | None]) -> str | None:
    return None if values == {None} else _listed(value or missing for value in values)


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


@functools.cache
def _versions() -> Mapping[str, str]:
    import torch

    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),  # with the build, such as +cu124
        **{name: version(name) for name in ("numpy", "pandas")},
        "ibcore": ibcore.__version__,
    }


@functools.cache
def _processor() -> str:
    """Name of the processor; Linux tells it only in a file."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


# What speaks against a stored result, said by its own provenance and the code of today.


def doubts(origin: Provenance, experiment: Experiment | None) -> tuple[str, ...]:
    """Return the reasons not to take a result for what the code of today would compute.

    Parameters
    ----------
    origin
        The provenance of the result.
    experiment
        The experiment of that name as it is today, or None where there is none.
    """
    changed = "package changed since its commit" if origin.dirty else None
    return tuple(filter(None, (_difference(origin, experiment), changed)))


def _difference(origin: Provenance, experiment: Experiment | None) -> str | None:
    if experiment is None or origin.tier not in experiment.tiers:
        return "no such experiment today"
    if origin.plan != plan_digest(experiment.plan(check_tier(origin.tier))):
        return "another configuration than today's"
    if origin.code is None:
        return "code not recorded"
    return None if origin.code == fingerprint(experiment.run_cell) else "older than its code"


def doubt(origin: Provenance) -> str | None:
    """Return how a result differs from what today's code would compute, or None.

    None also for an experiment that no laboratory lists: there is nothing to compare it with.
    """
    experiment = listed(origin.experiment)
    return None if experiment is None else _difference(origin, experiment)


# Frames as Arrow tables, and these as files.


def to_table(frame: "pd.DataFrame") -> "pa.Table":
    """Return a tidy frame as an Arrow table that pandas reads back with the same types.

    Raises
    ------
    ValueError
        If the index carries information, which a tidy frame keeps in columns.

    Examples
    --------
    >>> import pandas as pd
    >>> to_table(pd.DataFrame({"seed": [0, 1]})).column_names
    ['seed']
    """
    import pandas as pd
    import pyarrow as pa

    as_kind(frame, "frame", pd.DataFrame, "a DataFrame")
    if frame.index.nlevels > 1 or frame.index.name is not None:
        raise ValueError(
            f"the frame has the index {list(frame.index.names)}; call reset_index() first, "
            "a tidy frame keeps everything in columns"
        )
    bare = frame.copy(deep=False)
    bare.attrs = {}
    return pa.Table.from_pandas(bare, preserve_index=False)


def seeds_of(table: "pa.Table") -> tuple[int, ...]:
    """Return the different values of the column ``seed``, sorted; empty without that column."""
    if "seed" not in table.column_names:
        return ()
    values = table.column("seed").unique().drop_null()  # not a number is null here
    return tuple(sorted(map(int, values.to_pylist())))


_KEY = b"ibcore"
_SEAL = b"ibcore.sha256"
_BLANK = b"0" * 64  # stands in for the digest while it is computed


class DamagedResultError(ValueError):
    """A results file cannot be read as one that was written; it is left as it is."""

    key: str | None = None  # of the damaged cell, in a file that holds several


class Stored(NamedTuple):
    """One stored result: experiment, tier and file."""

    experiment: str
    tier: Tier
    path: Path


def default_store() -> Path:
    """Return the folder of the reader's own runs.

    It is named by the environment variable ``IBCORE_RESULTS``, in which ``~`` is the home folder;
    without it, ``ibcore-results`` in the working folder.

    Examples
    --------
    >>> isinstance(default_store(), Path)
    True
    """
    return as_folder(os.environ.get("IBCORE_RESULTS") or "ibcore-results", "IBCORE_RESULTS")


def own_store(store: Path | str | None, name: str = "store") -> Path:
    """Return the folder that an argument names; for None, `default_store`."""
    return default_store() if store is None else as_folder(store, name)


def of_book(name: str) -> Path:
    """Return a file or folder of the book: in ``book`` of a checkout, else the packaged copy."""
    package = Path(ibcore.__file__).parent
    checkout = package.parent / "book" / name
    return checkout if checkout.exists() else package / f"_{name}"


def published() -> Path:
    """Return the folder of the published results."""
    return of_book("results")


def result_path(name: str, tier: Tier, store: Path) -> Path:
    """Return where the result of an experiment and tier lies in ``store``."""
    return store / f"{check_name(name)}.{check_tier(tier)}.parquet"


def write(frame: "pd.DataFrame", path: Path | str, provenance: Provenance) -> None:
    """Write a tidy frame and its provenance atomically as Parquet with zstd compression.

    The file also carries a checksum of all its bytes, which `read` verifies.

    Raises
    ------
    ValueError
        If the index carries information, which a tidy frame keeps in columns.

    Examples
    --------
    A stored result with one more column, in a file of its own:

    >>> import tempfile
    >>> from ibcore.runs import run
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = run("redshift.references", "smoke", store=folder, progress=False)
    ...     frame, provenance = read(Path(folder) / "redshift.references.smoke.parquet")
    ...     write(frame.assign(mine=1), Path(folder) / "mine.parquet", provenance)
    ...     "mine" in read(Path(folder) / "mine.parquet")[0]
    True
    """
    as_kind(provenance, "provenance", Provenance, "a Provenance")
    write_atomically(as_path(path, "path"), sealed(to_table(frame), provenance))


def sealed(table: "pa.Table", provenance: Provenance, compression: str = "zstd") -> bytes:
    """Return a table as the bytes of a Parquet file with its provenance and a checksum of all."""
    import pyarrow.parquet as pq

    own = {_KEY: provenance.to_json().encode(), _SEAL: _BLANK}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **own})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression=compression)
    content = buffer.getvalue()
    return _swap(content, _BLANK, hashlib.sha256(content).hexdigest().encode())


def unsealed(data: bytes) -> "tuple[pa.Table, Provenance]":
    """Return what `sealed` put in; ``ValueError`` with the reason if it is not all there."""
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(io.BytesIO(data)).metadata
        _check_seal(data, metadata[_SEAL])
        provenance, table = Provenance.from_json(metadata[_KEY]), pq.read_table(io.BytesIO(data))
    except Exception as error:  # a damaged file can fail anywhere inside pyarrow
        known = "it has no provenance" if isinstance(error, KeyError | TypeError) else str(error)
        raise ValueError((known or type(error).__name__).splitlines()[0]) from error
    of_pandas = {name: text for name, text in table.schema.metadata.items() if name == b"pandas"}
    return table.replace_schema_metadata(of_pandas), provenance


def read(path: Path | str) -> "tuple[pd.DataFrame, Provenance]":
    """Read a frame and its provenance.

    The provenance is also in ``frame.attrs["provenance"]``, as a dict.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedResultError
        If the file is cut short, altered, or not one of ours.

    Examples
    --------
    >>> import tempfile
    >>> from ibcore.runs import run
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = run("redshift.references", "smoke", store=folder, progress=False)
    ...     read(Path(folder) / "redshift.references.smoke.parquet")[1].tier
    'smoke'
    """
    path = as_path(path, "path")
    try:
        table, provenance = unsealed(path.read_bytes())
    except ValueError as error:
        raise DamagedResultError(
            f"{path} is damaged or not a result of ibcore ({error}); move or delete it, then run "
            "again"
        ) from error
    frame: pd.DataFrame = table.to_pandas()
    frame.attrs["provenance"] = provenance.to_dict()
    return frame, provenance


def stored(store: Path | str | None = None) -> tuple[Stored, ...]:
    """List the results in ``store`` (default: the published ones), by name and tier.

    Examples
    --------
    >>> stored("a-folder-that-does-not-exist")
    ()
    """
    folder = published() if store is None else as_folder(store, "store")
    found = []
    for path in sorted(folder.glob("*.parquet")):
        name, _, tier = path.stem.rpartition(".")
        if tier in TIERS and "." in name:
            found.append(Stored(name, check_tier(tier), path))
    return tuple(sorted(found, key=lambda entry: (entry.experiment, TIERS.index(entry.tier))))


def load(name: str, tier: Tier | None = None, *, store: Path | str | None = None) -> "pd.DataFrame":
    """Return a stored result as one tidy frame, its provenance in ``attrs["provenance"]``.

    ``attrs["doubt"]`` says in what it differs from what today's code would compute, such as
    "older than its code"; None where nothing does.  `ibcore.plots.caption` prints it.  Of a result
    in another folder than that of the published ones a warning says it too.

    Parameters
    ----------
    name
        The experiment, for instance ``"redshift.activations"``.
    tier
        ``"smoke"``, ``"laptop"`` or ``"paper"``; by default the largest tier stored.
    store
        The folder; by default the published results.

    Raises
    ------
    FileNotFoundError
        If it is not stored; the message names what is stored and the command that computes it.
    DamagedResultError
        If the file cannot be read, or holds another result than its name says.

    Examples
    --------
    >>> load("redshift.nothing", store="a-folder-that-does-not-exist")
    Traceback (most recent call last):
    ...
    FileNotFoundError: ...
    """
    check_name(name)
    folder = published() if store is None else as_folder(store, "store")
    entries = {entry.tier: entry.path for entry in stored(folder) if entry.experiment == name}
    wanted = check_tier(tier) if tier is not None else max(entries, key=TIERS.index, default=None)
    if wanted is None or wanted not in entries:
        raise FileNotFoundError(_missing(name, tier, folder))
    frame, origin = read_as(name, wanted, entries[wanted])
    frame.attrs["doubt"] = doubt(origin)
    if frame.attrs["doubt"] and folder.resolve() != published().resolve():
        warnings.warn(
            f"{entries[wanted]} is returned as it is ({frame.attrs['doubt']}); compute it again "
            f"with: python -m ibcore run {name} --tier {wanted} --store {folder} --fresh",
            stacklevel=2,
        )
    return frame


def read_as(name: str, tier: str, path: Path) -> "tuple[pd.DataFrame, Provenance]":
    """Read a result whose seal says that it is this one: a file copied to another name is not."""
    frame, origin = read(path)
    if (origin.experiment, origin.tier) != (name, tier):
        raise DamagedResultError(
            f"{path} holds {origin.experiment} at tier {origin.tier}, as its seal says, and not "
            f"what its name says; give it the name of what it holds, or delete it"
        )
    return frame, origin


def _check_seal(content: bytes, digest: bytes) -> None:
    """Raise unless ``digest`` is that of the whole file with the digest itself blanked."""
    if hashlib.sha256(_swap(content, digest, _BLANK)).hexdigest().encode() != digest:
        raise ValueError("its content does not match its checksum")


def _swap(content: bytes, old: bytes, new: bytes) -> bytes:
    """Replace the last occurrence of ``old``: the one in the footer of the file."""
    head, found, tail = content.rpartition(old)
    if not found or len(old) != len(new):
        raise ValueError("it has no checksum")
    return head + new + tail


def _missing(name: str, tier: Tier | None, folder: Path) -> str:
    everything = stored(folder)
    tiers = [entry.tier for entry in everything if entry.experiment == name]
    names = sorted({entry.experiment for entry in everything})
    if tiers:
        hint = f"stored for it: {', '.join(tiers)}"
    else:
        hint = f"stored there: {', '.join(names)}" if names else "nothing is stored there"
    return (
        f"no result of {name!r}{f' at tier {tier}' if tier else ''} in {folder} ({hint}); "
        f"compute it with: python -m ibcore run {name} --tier {tier or 'smoke'} "
        "(and name its folder in store=)"
    )
