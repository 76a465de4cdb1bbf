"""The spectrum of a picture that the reader draws or opens, in three transforms."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.base import Answer, Explorer
from ibcore.explorers.checks import check_names
from ibcore.explorers.complexity import complexity_of
from ibcore.explorers.draw import GRAYS, Poster
from ibcore.explorers.presets import CYCLES, DIGIT, SIDE, Preset, preset_picture
from ibcore.redshift.fourier import TRANSFORMS


def decode_picture(text: str) -> NDArray[np.uint8]:
    """Return the picture of 64 x 64 bytes in base64 that the figure sends, rows from the top.

    Raises
    ------
    ValueError
        If the text is not base64 of that many bytes.

    Examples
    --------
    >>> decode_picture(base64.b64encode(bytes(4096)).decode()).shape
    (64, 64)
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError) as error:
        raise ValueError(f"picture must be base64 text, got {text!r:.40}") from error
    if len(content) != SIDE**2:
        raise ValueError(f"picture must hold {SIDE} x {SIDE} bytes, got {len(content)}")
    return np.frombuffer(content, dtype=np.uint8).reshape(SIDE, SIDE)


class ImageSpectrum(Explorer):
    """Draw or open a picture and read its spectrum and complexity in three transforms.

    The picture is 64 x 64 gray levels.  It never leaves the page; with a kernel it goes to the
    reader's own kernel, where ibcore measures it.

    Parameters
    ----------
    preset
        What to start from: ``"ramp"``, ``"wave"``, ``"checkerboard"``, ``"noise"``, ``"digit"``
        or ``"blank"``.
    cycles
        Repetitions of ramp, wave and checkerboard, 0.5 to 16.

    Raises
    ------
    ValueError
        If a value is none of these.

    Examples
    --------
    >>> ImageSpectrum("ramp", cycles=1).to_html().startswith("<ib-explorer")
    True
    """

    kind: ClassVar[str] = "ImageSpectrum"
    heights = (
        "calc(100cqw + 1145px)",
        "max(867px, .5238*min(100cqw, 920px) + 431.6px)",
    )

    def __init__(self, preset: Preset = "wave", *, cycles: float = 2.0) -> None:
        preset_picture(preset, cycles)
        self.preset: Preset = preset
        self.cycles = float(cycles)

    def __repr__(self) -> str:
        return f"ImageSpectrum({self.preset}, cycles {self.cycles:.3g})"

    def setup(self) -> dict[str, Any]:
        """Return the size of the picture, the bounds of the cycles and the digit."""
        return {"side": SIDE, "cycles": CYCLES, "digit": DIGIT}

    def initial(self) -> dict[str, Any]:
        """Return the preset that the figure starts from; ``picture`` is empty until it changes."""
        return {"preset": self.preset, "cycles": self.cycles, "picture": ""}

    def poster(self) -> Poster:
        """Return the preset with its three complexities."""
        picture = preset_picture(self.preset, self.cycles)
        facts = self._facts(picture)
        words = ", ".join(
            f"{name} {'none' if facts[name] is None else format(facts[name], '.3f')}"
            for name in TRANSFORMS
        )
        return Poster(
            picture[::-1].T.astype(np.float64),  # x to the right, y upward
            f"A picture ({self.preset}) of 64 by 64 gray levels. Complexity by transform: {words}.",
            f"{self.preset}, complexity by transform: {words}. With JavaScript you can draw here.",
            GRAYS,
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Measure the picture by ibcore.

        Raises
        ------
        ValueError
            If a parameter is unknown or missing, or the picture cannot be read.
        """
        check_names(params, self.initial())
        text = params["picture"]
        preset = preset_picture(params["preset"], params["cycles"])
        picture = decode_picture(text) if text else preset
        return Answer(self._facts(picture), (picture / 255).astype(np.float32).tobytes())

    def _facts(self, picture: NDArray[np.uint8]) -> dict[str, float | None]:
        return {name: complexity_of(picture / 255, name) for name in TRANSFORMS}
