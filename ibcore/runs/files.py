"""Write a file so that a reader sees the whole of it or nothing."""

import contextlib
import errno
import os
import tempfile
import uuid
from pathlib import Path

_ADVICE = {
    errno.EACCES: "this user may not write there; ",
    errno.EPERM: "this user may not write there; ",
    errno.EROFS: "it can only be read; ",
    errno.ENOSPC: "make room there, or ",
    errno.EDQUOT: "make room there, or ",
    errno.ENOTDIR: "a file is in the place of a folder; ",
    errno.EEXIST: "a file is in the place of a folder; ",
}


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to a temporary file in the folder of ``path``, then rename it over ``path``.

    Missing folders are made.  A process killed at any moment leaves the old file or the new
    one, never a part.

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
