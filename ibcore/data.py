"""Real data sets from their official addresses: checked, cached, and never a pickle."""

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor

from ibcore.door import as_choice, door
from ibcore.runtime import as_folder

# Which real data sets there are: the catalogue is in data_sets.yml.


@dataclass(frozen=True)
class RemoteFile:
    """One official file.

    Attributes
    ----------
    name
        Of the file, in the folder of its data set.
    urls
        Where to get it; the next one is tried when one fails.
    sha256
        Of its content.
    size
        In bytes, where a download stops.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str
    size: int


@dataclass(frozen=True)
class DataSet:
    """A data set: what it is, under which license, and its files."""

    name: str
    about: str
    license: str
    files: tuple[RemoteFile, ...]


def _data_set(name: str, entry: Mapping[str, Any]) -> DataSet:
    files = [
        RemoteFile(file, tuple(f"{base}/{file}" for base in entry["addresses"]), **told)
        for file, told in entry["files"].items()
    ]
    return DataSet(name, entry["about"], entry["license"], tuple(files))


_CATALOGUE = yaml.safe_load(Path(__file__).with_name("data_sets.yml").read_text("utf-8"))
DATA_SETS = {name: _data_set(name, entry) for name, entry in _CATALOGUE.items()}


@door
def find_data_set(name: str) -> DataSet:
    """Return the data set of this name.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> find_data_set("mnist").license
    'CC BY-SA 3.0'
    """
    return _find(name, "name")


def _find(data_set: str, name: str = "data_set") -> DataSet:
    return DATA_SETS[as_choice(data_set, name, [*DATA_SETS])]


# Get official files: from a folder of the user's, or downloaded once, and checked every time.

_FOLDER = "IBCORE_DATA"


@door
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
    source = _find(data_set)
    chosen = next((entry for entry in source.files if entry.name == file), None)
    if chosen is None:
        names = ", ".join(entry.name for entry in source.files)
        raise ValueError(f"{data_set} has no file {file!r}; it has {names}")
    if _own_folder() is not None:
        return _own_file(source, chosen)
    return _download(source, chosen, progress)


@door
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
    ValueError: unknown data_set 'imagenet'; choose one of 'cifar10', 'mnist', ...
    """
    source = _find(data_set)
    return [data_file(data_set, entry.name, progress=progress) for entry in source.files]


@door
def data_dir(data_set: str) -> Path:
    """Return the folder in which the files of a data set are, or will be.

    Raises
    ------
    ValueError, ImportError, NotADirectoryError
        If the name is unknown; if pooch, which knows the cache, is missing; if ``IBCORE_DATA``
        leads to a file.

    Examples
    --------
    >>> data_dir("mnist").name
    'mnist'
    """
    name = _find(data_set).name
    folder = _own_folder()
    if folder is None:
        return Path(_pooch().os_cache("ibcore")) / name
    return as_folder(folder / name, f"{_FOLDER}/{name}")


def _own_folder() -> Path | None:
    folder = os.environ.get(_FOLDER)
    return as_folder(folder, _FOLDER) if folder else None


def _own_file(source: DataSet, file: RemoteFile) -> Path:
    path = data_dir(source.name) / file.name
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; put {file.urls[0]} there, or unset {_FOLDER} to download it"
        )
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.sha256:
        raise ValueError(
            f"{path} is not the official file (its SHA-256 is not {file.sha256}); replace it by "
            f"{file.urls[0]}, or unset {_FOLDER} to download it"
        )
    return path


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
                    path=data_dir(source.name),
                    downloader=_downloader(pooch, file, progress),
                )
            )
        except (OSError, ValueError) as error:  # no connection; another content
            reasons.append(f"{url}: {' '.join(str(error).split())[:200]}")
    raise OSError(
        f"{source.name}: {file.name} could not be downloaded ({'; '.join(reasons)}); try again "
        f"later, or put the official file into a folder of your own as {source.name}/{file.name} "
        f"and set {_FOLDER} to that folder"
    )


class _AtMost(io.FileIO):
    """A file that takes as many bytes as the catalogue says, and no more."""

    def __init__(self, path: Path | str, file: RemoteFile) -> None:
        super().__init__(path, "w")
        self.file, self.left = file, file.size

    def write(self, block: Any) -> int:
        """Write a block, or raise ``ValueError`` where the file would be longer than it is."""
        self.left -= len(block)
        if self.left < 0:
            raise ValueError(f"it sends more than the {self.file.size:,} bytes of {self.file.name}")
        return super().write(block)


def _downloader(pooch: ModuleType, file: RemoteFile, progress: bool) -> Callable[..., None]:
    """Return what pooch downloads with: its own way, into a file of limited size."""
    http = pooch.HTTPDownloader(progressbar=progress)

    def download(url: str, output: Path | str, asking: object) -> None:
        with _AtMost(output, file) as stream:
            http(url, stream, asking)

    return download


def _pooch() -> ModuleType:
    try:
        return import_module("pooch")
    except ImportError as error:
        raise ImportError(
            "downloads need pooch: pip install pooch, or set "
            f"{_FOLDER} to a folder with the official files"
        ) from error


# Read the official file formats into arrays: CIFAR-10's binary records and IDX; never a pickle.
# `data_file` has compared the checksums: these are the official bytes, not checked again.

_RECORD = 1 + 3 * 32 * 32  # of CIFAR-10: a label, then red, green and blue

Bytes = NDArray[np.uint8]


def _read_idx(path: Path) -> Bytes:
    """Return the array of bytes in a gzip-compressed IDX file.

    References
    ----------
    LeCun, Cortes and Burges, "The MNIST database": two zero bytes, the type, the number of
    dimensions, each as a big-endian integer of four bytes, then the data.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "labels.gz")
    ...     _ = file.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])))
    ...     _read_idx(file).tolist()
    [7, 9]
    """
    content = gzip.decompress(path.read_bytes())
    start = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:start], ">u4").tolist()
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_cifar(path: Path) -> dict[str, bytes]:
    """Return the files of the CIFAR-10 archive, read in memory.

    References
    ----------
    Krizhevsky (2009), https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
    """
    with tarfile.open(path, "r:gz") as archive:
        return {
            Path(member.name).name: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
            if member.isfile()
        }


def _records(*batches: bytes) -> tuple[Tensor, Tensor]:
    """Return images (n, 3, 32, 32) and labels (n,) of batches of CIFAR-10."""
    records = np.frombuffer(b"".join(batches), np.uint8).reshape(-1, _RECORD)
    return _bytes(records[:, 1:].reshape(-1, 3, 32, 32)), _labels(records[:, 0])


OmniglotPart = Literal["background", "evaluation", "background_small1", "background_small2"]

_DIGITS = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


class ImageData(NamedTuple):
    """Images and their classes, split officially.

    Attributes
    ----------
    train_images, test_images
        uint8, shape (n, channels, height, width).
    train_labels, test_labels
        int64 from 0, shape (n,).
    classes
        Name of each class.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]


class WikiText2(NamedTuple):
    """The held-out text of WikiText-2: words between spaces, rare ones as ``<unk>``."""

    valid: str
    test: str


def load_cifar10() -> ImageData:
    """Return CIFAR-10: 50,000 and 10,000 color images of 32 x 32, from the binary version.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    Krizhevsky (2009), "Learning multiple layers of features from tiny images".

    Examples
    --------
    >>> data = load_cifar10()  # doctest: +SKIP
    >>> data.train_images.shape  # doctest: +SKIP
    torch.Size([50000, 3, 32, 32])
    """
    content = _read_cifar(data_file("cifar10", "cifar-10-binary.tar.gz"))
    train = _records(*(content[f"data_batch_{batch}.bin"] for batch in range(1, 6)))
    classes = content["batches.meta.txt"].decode("ascii").split()
    return ImageData(*train, *_records(content["test_batch.bin"]), tuple(classes))


def load_mnist() -> ImageData:
    """Return MNIST: 60,000 and 10,000 gray images of digits, 28 x 28.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner (1998), "Gradient-based learning applied to document
    recognition".

    Examples
    --------
    >>> load_mnist().classes[3]  # doctest: +SKIP
    '3'
    """
    return _load_idx("mnist", _DIGITS)


def load_fashion_mnist() -> ImageData:
    """Return Fashion-MNIST: 60,000 and 10,000 gray images of clothes, 28 x 28.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST".

    Examples
    --------
    >>> load_fashion_mnist().classes[9]  # doctest: +SKIP
    'Ankle boot'
    """
    return _load_idx("fashion_mnist", _CLOTHES)


@door
def omniglot_archive(part: OmniglotPart = "background") -> Path:
    """Return the path of an official Omniglot archive, for `ibcore.tasks.read_omniglot`.

    Raises
    ------
    ValueError, OSError, ImportError
        If the part is unknown; otherwise as in `data_file`.

    References
    ----------
    Lake, Salakhutdinov and Tenenbaum (2015), "Human-level concept learning through probabilistic
    program induction".

    Examples
    --------
    >>> omniglot_archive("training")
    Traceback (most recent call last):
    ValueError: unknown part 'training'; choose one of 'background', 'evaluation', ...
    """
    return data_file("omniglot", f"images_{part}.zip")


def load_tiny_shakespeare() -> str:
    """Return 1,115,394 characters of Shakespeare's plays.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    Karpathy (2015), "The unreasonable effectiveness of recurrent neural networks".

    Examples
    --------
    >>> load_tiny_shakespeare()[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    return data_file("tiny_shakespeare", "input.txt").read_text("utf-8")


def load_wikitext2() -> WikiText2:
    """Return the validation and test text of WikiText-2.

    Raises
    ------
    ValueError, OSError, ImportError
        As in `data_file`.

    References
    ----------
    Merity, Xiong, Bradbury and Socher (2016), "Pointer sentinel mixture models".

    Examples
    --------
    >>> load_wikitext2().valid.split()[:3]  # doctest: +SKIP
    ['=', 'Homarus', 'gammarus']
    """
    valid, test = (
        data_file("wikitext2", f"{part}.txt").read_text("utf-8") for part in WikiText2._fields
    )
    return WikiText2(valid, test)


def _load_idx(name: str, classes: tuple[str, ...]) -> ImageData:
    """Return images and labels from the four IDX files that MNIST and its kin share."""
    return ImageData(*_idx_pair(name, "train"), *_idx_pair(name, "t10k"), classes)


def _idx_pair(name: str, split: str) -> tuple[Tensor, Tensor]:
    images = _read_idx(data_file(name, f"{split}-images-idx3-ubyte.gz"))
    labels = _read_idx(data_file(name, f"{split}-labels-idx1-ubyte.gz"))
    return _bytes(images)[:, None], _labels(labels)  # (n, h, w) -> (n, 1, h, w)


def _bytes(values: Bytes) -> Tensor:
    return torch.from_numpy(values.copy())  # files give read-only memory


def _labels(values: Bytes) -> Tensor:
    return torch.from_numpy(values.astype(np.int64))
