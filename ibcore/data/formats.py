"""Read the official file formats into arrays: CIFAR-10's binary records and IDX; never a pickle."""

import gzip
import math
import tarfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_RECORD = 1 + 3 * 32 * 32  # of CIFAR-10: a label, then red, green and blue
_UNSIGNED = 8  # the code of bytes in IDX files

Bytes = NDArray[np.uint8]


def read_idx(path: Path) -> Bytes:
    """Return the array of bytes in a gzip-compressed IDX file.

    Raises
    ------
    ValueError
        If the file is damaged or is no IDX file of bytes.

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
    ...     read_idx(file).tolist()
    [7, 9]
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a sound gzip file ({error}); get it anew") from error
    if len(content) < 4 or content[:3] != bytes([0, 0, _UNSIGNED]):
        raise ValueError(f"{path} is not an IDX file of bytes; get it anew")
    start = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    if len(shape) != content[3] or len(content) - start != math.prod(shape):
        raise ValueError(
            f"{path} announces shape {shape} but holds {len(content) - start} bytes; get it anew"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_cifar(path: Path) -> tuple[dict[str, tuple[Bytes, Bytes]], tuple[str, ...]]:
    """Return images and labels of each batch of the CIFAR-10 archive, and the class names.

    The archive is read in memory.  Batches are ``"data_batch_1"`` to ``"data_batch_5"`` and
    ``"test_batch"``, each with images ``(n, 3, 32, 32)`` and labels ``(n,)``.

    Raises
    ------
    ValueError
        If the archive is damaged or lacks something.

    References
    ----------
    Krizhevsky (2009), https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".

    Examples
    --------
    >>> read_cifar(Path(__file__))
    Traceback (most recent call last):
    ValueError: ...formats.py is not a sound CIFAR-10 archive (not a gzip file); get it anew
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            content = {
                Path(member.name).name: archive.extractfile(member).read()  # type: ignore[union-attr]
                for member in archive
                if member.isfile()
            }
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path} is not a sound CIFAR-10 archive ({error}); get it anew"
        ) from error
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    needed = {f"{name}.bin" for name in names} | {"batches.meta.txt"}
    if missing := needed - set(content):
        raise ValueError(f"{path} lacks {', '.join(sorted(missing))}; get it anew")
    classes = tuple(content["batches.meta.txt"].decode("ascii").split())
    return {name: _records(path, name, content[f"{name}.bin"], classes) for name in names}, classes


def _records(
    path: Path, name: str, content: bytes, classes: tuple[str, ...]
) -> tuple[Bytes, Bytes]:
    """Return images (n, 3, 32, 32) and labels (n,) of one batch."""
    if not content or len(content) % _RECORD:
        raise ValueError(f"{name} in {path} is no whole number of images; get the file anew")
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    labels = records[:, 0]
    if int(labels.max()) >= len(classes):
        raise ValueError(f"{name} in {path} has label {labels.max()}; get the file anew")
    return records[:, 1:].reshape(-1, 3, 32, 32), labels
