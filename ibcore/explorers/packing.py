"""Many small pictures as one short text: quantized, predicted, deflated, base64."""

import base64
import zlib

import numpy as np
from numpy.typing import NDArray

LEVELS = (64, 32, 16, 8)  # gray levels to try; more than 64 cannot be told apart in a figure


def quantize(pictures: NDArray[np.uint8], levels: int) -> NDArray[np.uint8]:
    """Reduce 256 levels to fewer: 0 stays 0 and 255 becomes ``levels - 1``.

    Examples
    --------
    >>> quantize(np.array([0, 128, 255], dtype=np.uint8), 32).tolist()
    [0, 16, 31]
    """
    return np.floor(pictures.astype(np.float64) * (levels - 1) / 255 + 0.5).astype(np.uint8)


def fit_pictures(pictures: NDArray[np.uint8], largest: int) -> tuple[str, int]:
    """Pack pictures (m, n, n) with the most gray levels that fit, and return how many these are.

    Parameters
    ----------
    pictures
        uint8 of shape (m, n, n).
    largest
        Characters that the text may have.

    Raises
    ------
    ValueError
        If the coarsest pictures are still too large.

    Examples
    --------
    >>> fit_pictures(np.zeros((50, 32, 32), dtype=np.uint8), 1000)[1]
    64
    """
    for levels in LEVELS:
        packed = pack_pictures(pictures, levels)
        if len(packed) <= largest:
            return packed, levels
    raise ValueError(
        f"{len(pictures)} pictures take {len(packed)} characters in {levels} gray levels, more "
        f"than {largest}; select fewer of them"
    )


def pack_pictures(pictures: NDArray[np.uint8], levels: int) -> str:
    """Return pictures (m, n, n) as text that ``IBExplorers.unpackPictures`` reads.

    Each value is replaced by its difference from left + above - above left (modulo 256), which
    is small where a picture is smooth, and the differences are deflated.

    Raises
    ------
    ValueError
        If the pictures are not uint8 of shape (m, n, n).

    Examples
    --------
    >>> len(pack_pictures(np.zeros((50, 32, 32), dtype=np.uint8), 32)) < 200
    True
    """
    if pictures.dtype != np.uint8 or pictures.ndim != 3 or pictures.shape[1] != pictures.shape[2]:
        raise ValueError(
            f"pictures must be uint8 of shape (m, n, n), got {pictures.dtype} {pictures.shape}"
        )
    padded = np.pad(
        quantize(pictures, levels), ((0, 0), (1, 0), (1, 0))
    )  # arithmetic modulo 256 is meant
    above = padded[:, :-1, 1:] - padded[:, :-1, :-1]
    differences = padded[:, 1:, 1:] - padded[:, 1:, :-1] - above
    return base64.b64encode(zlib.compress(differences.tobytes(), 9)).decode()
