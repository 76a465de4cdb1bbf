"""The still picture of an explorer: a small indexed PNG, written without a plotting library."""

import base64
import html
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Viridis in 18 steps, interpolated in between; the same list as in the script.
PALETTE: tuple[str, ...] = (
    *("440154", "481769", "472a7a", "433d84", "3d4e8a", "355e8d"),
    *("2e6d8e", "297b8e", "23898e", "1f978b", "21a585", "2eb37c"),
    *("46c06f", "65cb5e", "89d548", "b0dd2f", "d8e219", "fde725"),
)

GRAYS = ("000000", "ffffff")

_SIDE = 84  # points along each axis of a table's poster
_LEVELS = 64  # colors in a poster: finer steps cannot be told apart at this size


def _colors(levels: int, palette: tuple[str, ...]) -> bytes:
    """Return ``levels`` colors of the palette as RGB bytes."""
    steps = np.array([list(bytes.fromhex(color)) for color in palette])
    place = np.linspace(0, len(palette) - 1, levels)
    channels = [np.interp(place, np.arange(len(palette)), steps[:, c]) for c in range(3)]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8).tobytes()


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def picture(
    values: NDArray[np.float64], *, enlarge: int = 1, palette: tuple[str, ...] = PALETTE
) -> bytes:
    r"""Return f on the square as a PNG: x1 to the right, x2 upward, normalized on its own.

    Parameters
    ----------
    values
        Shape (n, n), ``values[i, j] = f(axis[i], axis[j])``; finite.
    enlarge
        Pixels for each value along each axis.
    palette
        Colors from the smallest to the largest value, as hexadecimal RGB.

    Raises
    ------
    ValueError
        If the values are not a finite (n, n) array.

    Examples
    --------
    >>> picture(np.eye(4))[:4]
    b'\x89PNG'
    """
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not np.isfinite(values).all():
        raise ValueError(f"values must be a finite (n, n) array, got shape {values.shape}")
    low, high = values.min(), values.max()
    unit = (values - low) / (high - low) if high > low else np.full_like(values, 0.5)
    index = np.round(unit.T[::-1] * (_LEVELS - 1)).astype(np.uint8)  # rows from the top: -x2
    index = index.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
    side = len(index)
    rows = np.concatenate([np.zeros((side, 1), np.uint8), index], axis=1)  # filter 0: none
    header = struct.pack(">IIBBBBB", side, side, 8, 3, 0, 0, 0)  # 8 bits, palette
    parts = [
        _chunk(b"IHDR", header),
        _chunk(b"PLTE", _colors(_LEVELS, palette)),
        _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
        _chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def square(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Repeat the entries of a table (rows, columns) until they fill a square of 84 x 84.

    Examples
    --------
    >>> square(np.eye(2, 3)).shape
    (84, 84)
    """
    side = np.arange(_SIDE)
    row, column = (side * length // _SIDE for length in table.shape)
    return table[np.ix_(row, column)]


@dataclass(frozen=True)
class Poster:
    """What is shown where no script runs: a picture, its description and a caption.

    Parameters
    ----------
    values
        Shape (n, n), as `picture` takes them.
    description
        The alternative text: states the finding.
    caption
        One sentence under the picture.
    palette
        Colors, as `picture` takes them.
    """

    values: NDArray[np.float64]
    description: str
    caption: str
    palette: tuple[str, ...] = PALETTE

    def to_html(self) -> str:
        """Return the poster as a figure with the picture inlined."""
        data = base64.b64encode(picture(self.values, palette=self.palette)).decode()
        return (
            '<figure class="ib-poster">'
            f'<img alt="{html.escape(self.description)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )

    def to_png(self) -> str:
        """Return the picture as base64, large enough for paper."""
        content = picture(self.values, enlarge=6, palette=self.palette)
        return base64.b64encode(content).decode()
