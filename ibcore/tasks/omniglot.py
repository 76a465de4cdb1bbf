"""Handwritten characters of many alphabets, read from the official files or from arrays."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from ibcore.runtime import generator

DRAWINGS = 20  # of each official character


@dataclass(frozen=True, eq=False)
class Glyphs:
    """Drawings of characters, and the alphabet of each.

    Attributes
    ----------
    images
        Ink from 0 to 1, ``(characters, drawings, 1, size, size)``.
    alphabets
        One name for each character.

    Raises
    ------
    ValueError
        If shapes do not fit or ink lies outside [0, 1].

    Examples
    --------
    >>> glyphs = Glyphs(torch.zeros(3, 20, 1, 8, 8), ("Greek", "Greek", "Latin"))
    >>> len(glyphs), glyphs.names
    (3, ('Greek', 'Latin'))
    """

    images: Tensor
    alphabets: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = tuple(self.images.shape)
        if len(shape) != 5 or shape[2] != 1 or shape[3] != shape[4] or 0 in shape:
            raise ValueError(f"images must be (characters, drawings, 1, size, size), got {shape}")
        if len(self.alphabets) != shape[0]:
            raise ValueError(f"{shape[0]} characters need as many alphabets' names")
        low, high = self.images.min().item(), self.images.max().item()
        if not 0 <= low <= high <= 1:
            raise ValueError(f"ink must lie between 0 and 1, got {low} to {high}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def names(self) -> tuple[str, ...]:
        """The alphabets, each once, in the order in which they come up."""
        return tuple(dict.fromkeys(self.alphabets))

    def of(self, names: Sequence[str]) -> "Glyphs":
        """Return the characters of some alphabets.

        Raises
        ------
        ValueError
            If one of them is not there.
        """
        absent = sorted(set(names) - set(self.alphabets))
        if absent or not names:
            raise ValueError(f"no characters of {absent}; there are {list(self.names)}")
        rows = [row for row, name in enumerate(self.alphabets) if name in set(names)]
        return Glyphs(self.images[rows], tuple(self.alphabets[row] for row in rows))


def glyphs_from_arrays(ink: ArrayLike, alphabets: Sequence[str], *, size: int = 32) -> Glyphs:
    """Make glyphs of drawings, each pixel of the result the mean ink of the area it covers.

    Parameters
    ----------
    ink
        ``(characters, drawings, height, width)``, 0 for paper and 1 for ink.
    alphabets
        One name for each character.
    size
        Pixels along each side of the result.

    Raises
    ------
    ValueError
        If shapes do not fit, or the size is below 1 or above that of the drawings.

    Examples
    --------
    >>> glyphs_from_arrays(np.zeros((2, 20, 105, 105)), ["Greek", "Latin"]).images.shape
    torch.Size([2, 20, 1, 32, 32])
    """
    data = np.asarray(ink)
    if data.ndim != 4 or not 1 <= size <= min(data.shape[2:]):
        raise ValueError(
            f"need ink (characters, drawings, height, width) of at least {size} pixels a side, "
            f"got {data.shape}"
        )
    small = [  # character by character: the drawings of all would be large as floats
        functional.interpolate(
            torch.from_numpy(drawings.astype(np.float32))[:, None], (size, size), mode="area"
        )
        for drawings in data
    ]
    return Glyphs(torch.stack(small), tuple(alphabets))


def read_omniglot(path: str | Path, *, size: int = 32) -> Glyphs:
    """Read one of the official archives, or the folder it was unpacked to.

    The files are ``images_*/ALPHABET/characterNN/*.png``, black ink on white paper, 20 drawings
    of each character.  `ibcore.data` downloads the archives.

    Parameters
    ----------
    path
        A ``.zip`` file or a folder.
    size
        Pixels along each side of the result; the drawings have 105.

    Raises
    ------
    FileNotFoundError
        If there is nothing at the path.
    ValueError
        If the archive is damaged or holds no characters, or a character lacks drawings.

    References
    ----------
    Lake, Salakhutdinov and Tenenbaum (2015), "Human-level concept learning through probabilistic
    program induction".  https://github.com/brendenlake/omniglot, MIT license.

    Examples
    --------
    >>> glyphs = read_omniglot("images_background_small1.zip")
    Traceback (most recent call last):
    FileNotFoundError: no Omniglot files at images_background_small1.zip; download an archive ...
    """
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(
            f"no Omniglot files at {place}; download an archive such as "
            "images_background_small1.zip, or use ibcore.tasks.synthetic_glyphs without data"
        )
    found: dict[tuple[str, str], dict[str, NDArray[np.bool_]]] = {}
    for name, content in _files(place):
        *_, alphabet, character, drawing = PurePosixPath(name).parts
        found.setdefault((alphabet, character), {})[drawing] = _ink(name, content)
    if not found:
        raise ValueError(f"{place} holds no files ALPHABET/characterNN/*.png")
    counts = {f"{a}/{c}": len(drawings) for (a, c), drawings in found.items()}
    if wrong := {name: count for name, count in counts.items() if count != DRAWINGS}:
        raise ValueError(f"{place} should hold {DRAWINGS} drawings of each character, has {wrong}")
    keys = sorted(found)
    ink = np.stack([np.stack([found[key][name] for name in sorted(found[key])]) for key in keys])
    return glyphs_from_arrays(ink, [alphabet for alphabet, _ in keys], size=size)


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path below the root and the content of each drawing."""
    if place.is_dir():
        for file in sorted(place.rglob("*.png")):
            yield file.relative_to(place.parent).as_posix(), file.read_bytes()
        return
    try:
        with zipfile.ZipFile(place) as archive:
            for name in archive.namelist():
                if name.endswith(".png") and len(PurePosixPath(name).parts) >= 3:
                    yield name, archive.read(name)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{place} is not a sound zip archive; delete it and get it anew"
        ) from error


def _ink(name: str, content: bytes) -> NDArray[np.bool_]:
    """Return where the ink is, (height, width)."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as image:
            dark: NDArray[np.bool_] = np.asarray(image.convert("L")) < 128
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{name} is not a readable image") from error
    return dark


def rotated(glyphs: Glyphs, *, degrees: float = 15.0, seed: int = 0) -> Glyphs:
    """Turn each drawing once by an angle of its own, uniform from ``-degrees`` to ``degrees``.

    Raises
    ------
    ValueError
        If the angle is negative.

    References
    ----------
    Bencomo et al. (2025); their public code turns the training drawings once, by up to 15.

    Examples
    --------
    >>> glyphs = Glyphs(torch.zeros(1, 20, 1, 8, 8), ("Greek",))
    >>> rotated(glyphs).images.shape
    torch.Size([1, 20, 1, 8, 8])
    """
    if not degrees >= 0:
        raise ValueError(f"degrees must be at least 0, got {degrees}")
    flat = glyphs.images.flatten(0, 1)  # (characters * drawings, 1, size, size)
    draw = torch.rand(len(flat), generator=generator(seed), dtype=torch.float64)
    angle = ((2 * draw - 1) * degrees).deg2rad().to(flat)
    zero = torch.zeros_like(angle)
    rows = [angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos(), zero]
    turn = torch.stack(rows, 1).reshape(-1, 2, 3)
    points = functional.affine_grid(turn, list(flat.shape), align_corners=False)
    turned = functional.grid_sample(flat, points, align_corners=False)
    return Glyphs(turned.clamp(0, 1).reshape(glyphs.images.shape), glyphs.alphabets)
