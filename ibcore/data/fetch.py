"""Get official files: from a folder of the user's, or downloaded once, and checked every time."""

import hashlib
import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ibcore.data.catalog import DataSet, RemoteFile, find_data_set
from ibcore.runtime import as_folder

_FOLDER = "IBCORE_DATA"
_BLOCK = 2**20


def data_file(data_set: str, file: str, *, progress: bool = False) -> Path:
    """Return the path of an official file whose checksum is right.

    If the environment variable ``IBCORE_DATA`` names a folder (``~`` is the home folder), it is
    ``$IBCORE_DATA/<data set>/<file>`` and nothing is downloaded.  Otherwise it is downloaded once
    into the cache of this user (with the package pooch).

    Parameters
    ----------
    data_set, file
        Names of a data set and of one of its files; ``ibcore data list`` shows them.
    progress
        Whether a download shows a bar.

    Raises
    ------
    ValueError
        If a name is unknown, or the file is damaged.
    OSError
        If the file is missing from ``IBCORE_DATA``, or cannot be downloaded.
    ImportError
        If a download is needed and pooch is not installed.

    Examples
    --------
    >>> data_file("mnist", "digits.gz")
    Traceback (most recent call last):
    ValueError: mnist has no file 'digits.gz'; it has train-images-idx3-ubyte.gz, ...
    """
    source = find_data_set(data_set)
    chosen = next((entry for entry in source.files if entry.name == file), None)
    if chosen is None:
        names = ", ".join(entry.name for entry in source.files)
        raise ValueError(f"{data_set} has no file {file!r}; it has {names}")
    if _own_folder() is not None:
        return _own_file(source, chosen)
    return _download(source, chosen, progress)


def fetch(data_set: str, *, progress: bool = False) -> list[Path]:
    """Return the paths of all files of a data set, downloaded where needed, as in `data_file`.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    Examples
    --------
    >>> fetch("imagenet")
    Traceback (most recent call last):
    ValueError: unknown data set 'imagenet'; choose one of cifar10, mnist, ...
    """
    source = find_data_set(data_set)
    return [data_file(data_set, entry.name, progress=progress) for entry in source.files]


def place(data_set: str) -> Path:
    """Return the folder in which the files of a data set are, or will be.

    Raises
    ------
    ValueError, ImportError, NotADirectoryError
        If the name is unknown; if pooch, which knows the cache, is missing; if ``IBCORE_DATA``
        leads to a file.

    Examples
    --------
    >>> place("mnist").name
    'mnist'
    """
    name = find_data_set(data_set).name
    folder = _own_folder()
    if folder is None:
        return Path(_pooch().os_cache("ibcore")) / name
    return as_folder(folder / name, f"{_FOLDER}/{name}")


def _own_folder() -> Path | None:
    folder = os.environ.get(_FOLDER)
    return as_folder(folder, _FOLDER) if folder else None


def _own_file(source: DataSet, file: RemoteFile) -> Path:
    path = place(source.name) / file.name
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; put {file.urls[0]} there, or unset {_FOLDER} to download it"
        )
    if _sha256(path) != file.sha256:
        raise ValueError(
            f"{path} is not the official file (its SHA-256 is not {file.sha256}); replace it by "
            f"{file.urls[0]}, or unset {_FOLDER} to download it"
        )
    return path


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _download(source: DataSet, file: RemoteFile, progress: bool) -> Path:
    """Download from the first address that works; pooch checks what it has and what it gets."""
    pooch, reasons = _pooch(), []
    pooch.get_logger().setLevel("WARNING")
    for url in file.urls:
        try:
            return Path(
                pooch.retrieve(
                    url,
                    f"sha256:{file.sha256}",
                    fname=file.name,
                    path=place(source.name),
                    progressbar=progress,
                )
            )
        except (OSError, ValueError) as error:  # no connection; another content
            reasons.append(f"{url}: {' '.join(str(error).split())[:200]}")
    raise OSError(
        f"{source.name}: {file.name} could not be downloaded ({'; '.join(reasons)}); try again "
        f"later, or put the official file into a folder of your own as {source.name}/{file.name} "
        f"and set {_FOLDER} to that folder"
    )


def _pooch() -> ModuleType:
    try:
        return import_module("pooch")
    except ImportError as error:
        raise ImportError(
            "downloads need pooch: pip install pooch, or set "
            f"{_FOLDER} to a folder with the official files"
        ) from error
