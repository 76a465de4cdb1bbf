"""Tidy frames in Parquet files that carry their own provenance."""

import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import ibcore
from ibcore.runs.experiment import check_name
from ibcore.runs.files import write_atomically
from ibcore.runs.provenance import Provenance
from ibcore.runs.tables import to_table
from ibcore.runtime import TIERS, Tier, as_folder, check_tier

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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


def own_store(store: Path | str | None) -> Path:
    """Return the folder that ``store`` names; for None, `default_store`."""
    return default_store() if store is None else as_folder(store, "store")


def published() -> Path:
    """Return the folder of the published results: ``book/results`` of a checkout, else packaged."""
    package = Path(ibcore.__file__).parent
    checkout = package.parent / "book" / "results"
    return checkout if checkout.is_dir() else package / "_results"


def result_path(name: str, tier: Tier, store: Path) -> Path:
    """Return where the result of an experiment and tier lies in ``store``."""
    return store / f"{check_name(name)}.{check_tier(tier)}.parquet"


def write(frame: "pd.DataFrame", path: Path, provenance: Provenance) -> None:
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
    write_table(to_table(frame), path, provenance)


def write_table(table: "pa.Table", path: Path, provenance: Provenance) -> None:
    """Write what `ibcore.runs.tables.to_table` made of a frame, as `write` does."""
    import pyarrow.parquet as pq

    table = table.replace_schema_metadata(
        {
            **(table.schema.metadata or {}),
            _KEY: provenance.to_json().encode(),
            _SEAL: _BLANK,
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    content = buffer.getvalue()
    write_atomically(path, _swap(content, _BLANK, hashlib.sha256(content).hexdigest().encode()))


def read(path: Path) -> "tuple[pd.DataFrame, Provenance]":
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
    import pyarrow.parquet as pq

    data = path.read_bytes()
    try:
        metadata = pq.read_metadata(io.BytesIO(data)).metadata
        _check_seal(data, metadata[_SEAL])
        provenance = Provenance.from_json(metadata[_KEY])
        frame: pd.DataFrame = pq.read_table(io.BytesIO(data)).to_pandas()
    except Exception as error:  # a damaged file can fail anywhere inside pyarrow
        known = "it has no provenance" if isinstance(error, KeyError | TypeError) else str(error)
        reason = known or type(error).__name__
        raise DamagedResultError(
            f"{path} is damaged or not a result of ibcore ({reason.splitlines()[0]}); "
            "move or delete it, then run again"
        ) from error
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
        If the file cannot be read.

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
    wanted = check_tier(tier) if tier else max(entries, key=TIERS.index, default=None)
    if wanted is None or wanted not in entries:
        raise FileNotFoundError(_missing(name, tier, folder))
    return read(entries[wanted])[0]


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
