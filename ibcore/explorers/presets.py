"""Pictures to start from; the browser draws the same ones."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.checks import check_among, check_number
from ibcore.explorers.draws import uniforms

Preset = Literal["ramp", "wave", "checkerboard", "noise", "digit", "blank"]
PRESETS: tuple[Preset, ...] = get_args(Preset)

SIDE = 64
CYCLES = (0.5, 16.0)

# A five, 16 rows of 16 bits from the top.
DIGIT = (
    *(0x0000, 0x0FF8, 0x0FF8, 0x0C00, 0x0C00, 0x0C00, 0x0FE0, 0x0FF0),
    *(0x0038, 0x0018, 0x0018, 0x0018, 0x0C38, 0x0FF0, 0x07E0, 0x0000),
)


def preset_picture(preset: Preset, cycles: float = 2.0) -> NDArray[np.uint8]:
    """Return a picture of 64 x 64 gray levels, rows from the top; ``IBExplorers`` has the same.

    Parameters
    ----------
    preset
        ``"ramp"``: rises from left to right, ``cycles`` times.  ``"wave"``: a sine with
        ``cycles`` periods from left to right.  ``"checkerboard"``: ``2 * cycles`` fields along
        each side.  ``"noise"``: independent uniform values.  ``"digit"``: a five.  ``"blank"``.
    cycles
        From 0.5 to 16; without effect on noise, digit and blank.

    Raises
    ------
    ValueError
        If the preset is unknown or the number of cycles out of range.

    Examples
    --------
    >>> preset_picture("ramp", 1.0)[0, :3].tolist()
    [0, 3, 7]
    """
    check_among("preset", preset, PRESETS)
    check_number("cycles", cycles, CYCLES)
    place = np.arange(SIDE) / SIDE
    if preset == "wave":
        row = np.floor(127.5 + 126 * np.sin(2 * np.pi * cycles * place))
        return np.tile(row.astype(np.uint8), (SIDE, 1))
    if preset == "ramp":
        return np.tile((255 * (cycles * place % 1)).astype(np.uint8), (SIDE, 1))
    if preset == "checkerboard":
        field = np.floor(2 * cycles * place)
        return (255 * ((field[:, None] + field) % 2)).astype(np.uint8)
    if preset == "noise":
        return (256 * uniforms(0, SIDE**2)).astype(np.uint8).reshape(SIDE, SIDE)
    if preset == "digit":
        bits = [[word >> (15 - column) & 1 for column in range(16)] for word in DIGIT]
        return np.kron(np.array(bits, dtype=np.uint8) * 255, np.ones((4, 4), dtype=np.uint8))
    return np.zeros((SIDE, SIDE), dtype=np.uint8)
