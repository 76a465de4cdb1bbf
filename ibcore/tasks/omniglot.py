"""Handwritten characters of many alphabets, read from the official files or from arrays."""

import io
import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ibcore.door import Count, Range, Raw, Seed, check_memory, door
from ibcore.runtime import generator
from ibcore.tasks.concepts import Episodes, Pixels

DRAWINGS = 20  # of each official character


@door
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

    images: Annotated[Tensor, Range(0, 1)]
    alphabets: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = tuple(self.images.shape)
        if len(shape) != 5 or shape[2] != 1 or shape[3] != shape[4] or 0 in shape:
            raise ValueError(f"images must be (characters, drawings, 1, size, size), got {shape}")
        if len(self.alphabets) != shape[0]:
            raise ValueError(
                f"alphabets must name that of each of the {shape[0]} characters, got "
                f"{len(self.alphabets)} names"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def names(self) -> tuple[str, ...]:
        """The alphabets, each once, in the order in which they come up."""
        return tuple(dict.fromkeys(self.alphabets))

    @door
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


@door
def glyphs_from_arrays(ink: Raw, alphabets: Sequence[str], *, size: Pixels = 32) -> Glyphs:
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
    if ink.ndim != 4 or size > min(ink.shape[2:]) or 0 in ink.shape:
        raise ValueError(
            f"ink must be (characters, drawings, height, width) of at least {size} pixels a side, "
            f"got {tuple(ink.shape)}"
        )
    Range(0, 1).check("ink", float(ink.min()), float(ink.max()))
    small = [  # character by character: the drawings of all would be large as floats
        functional.interpolate(drawings.float()[:, None], (size, size), mode="area")
        for drawings in ink
    ]
    return Glyphs(torch.stack(small), tuple(alphabets))


@door
def read_omniglot(path: str | Path, *, size: Pixels = 32) -> Glyphs:
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
    return glyphs_from_arrays(torch.from_numpy(ink), [alphabet for alphabet, _ in keys], size=size)


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


@door
def rotated(
    glyphs: Glyphs, *, degrees: Annotated[float, Range(0, 360)] = 15.0, seed: Seed = 0
) -> Glyphs:
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
    flat = glyphs.images.flatten(0, 1)  # (characters * drawings, 1, size, size)
    draw = torch.rand(len(flat), generator=generator(seed), dtype=torch.float64)
    angle = ((2 * draw - 1) * degrees).deg2rad().to(flat)
    zero = torch.zeros_like(angle)
    rows = [angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos(), zero]
    turn = torch.stack(rows, 1).reshape(-1, 2, 3)
    points = functional.affine_grid(turn, list(flat.shape), align_corners=False)
    turned = functional.grid_sample(flat, points, align_corners=False)
    return Glyphs(turned.clamp(0, 1).reshape(glyphs.images.shape), glyphs.alphabets)


# Families of Omniglot's alphabets, and episodes of few-shot recognition drawn from them.

Pool = Literal["all", "ancient", "asian", "european", "middle"]

INK_MEAN, INK_SPREAD = 0.078, 0.268  # of Omniglot at 32 pixels; inputs are (ink - mean) / spread

_MEMBERS = {
    "ancient": """
        Alphabet_of_the_Magi Anglo-Saxon_Futhorc Armenian Asomtavruli_(Georgian) Early_Aramaic
        Grantha Greek Hebrew Latin Sanskrit Syriac_(Estrangelo) Tifinagh
    """,
    "asian": """
        Balinese Bengali Burmese_(Myanmar) Grantha Gujarati Japanese_(hiragana)
        Japanese_(katakana) Korean Malay_(Jawi_-_Arabic) Sanskrit Tagalog
    """,
    "european": """
        Anglo-Saxon_Futhorc Braille Cyrillic Greek Latin
    """,
    "middle": """
        Armenian Asomtavruli_(Georgian) Early_Aramaic Hebrew Malay_(Jawi_-_Arabic)
        Mkhedruli_(Georgian) Syriac_(Estrangelo)
    """,
}
POOLS: dict[str, tuple[str, ...]] = {name: tuple(text.split()) for name, text in _MEMBERS.items()}


@door
def glyph_pool(glyphs: Glyphs, pool: Pool) -> Glyphs:
    """Return the characters of one family of alphabets.

    The families have the sizes of the paper's public code (12, 11, 5 and 7 alphabets of the
    background set) and ``"european"`` its members.  The members of the others are our choice.

    Parameters
    ----------
    glyphs
        From which to take; all alphabets of the family must be there.
    pool
        ``"all"`` for everything, or a family.

    Raises
    ------
    ValueError
        If the family is unknown, or an alphabet of it is not among the glyphs.

    References
    ----------
    Bencomo et al. (2025).

    Examples
    --------
    >>> names = POOLS["european"] + ("Korean",)
    >>> glyphs = Glyphs(torch.zeros(6, 20, 1, 8, 8), names)
    >>> len(glyph_pool(glyphs, "all")), len(glyph_pool(glyphs, "european"))
    (6, 5)
    """
    return glyphs if pool == "all" else glyphs.of(POOLS[pool])


@door
def glyph_episodes(
    glyphs: Glyphs,
    *,
    tasks: Count,
    ways: Count = 20,
    shots: Count = 5,
    queries: Count = 15,
    seed: Seed = 0,
) -> Episodes:
    """Draw tasks: tell apart a few characters after seeing a few drawings of each.

    Characters are drawn without replacement from all alphabets of the glyphs, and so are the
    drawings: none is in both sets.

    Parameters
    ----------
    glyphs
        The characters.
    tasks
        How many.
    ways
        Characters in a task.
    shots, queries
        Drawings of each in the support and in the query set.
    seed
        Of the draw.

    Returns
    -------
    Episodes
        Inputs ``(tasks, ways * shots, 1, size, size)`` with the mean and spread of ink taken out,
        classes ``(tasks, ways * shots)``; ``rows`` are the characters, ``(tasks, ways)``, and
        ``picked`` numbers the support's drawings, character * drawings + drawing.

    Raises
    ------
    ValueError
        If there are not enough characters or drawings, or a number is below 1.

    Examples
    --------
    >>> glyphs = Glyphs(torch.zeros(6, 20, 1, 8, 8), ("Greek",) * 6)
    >>> drawn = glyph_episodes(glyphs, tasks=3, ways=5, shots=1, queries=2)
    >>> drawn.support[0].shape, drawn.query[1].tolist()[0]
    (torch.Size([3, 5, 1, 8, 8]), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    """
    drawings = glyphs.images.shape[1]
    if not 2 <= ways <= len(glyphs) or shots + queries > drawings:
        raise ValueError(
            f"{ways} ways with {shots} + {queries} drawings do not fit {len(glyphs)} characters "
            f"with {drawings} drawings each"
        )
    points = tasks * (len(glyphs) + ways * (drawings + glyphs.images[0].numel()))
    check_memory("tasks", tasks, 4.0 * points)
    rng, device = generator(seed), glyphs.images.device
    rows = torch.rand(tasks, len(glyphs), generator=rng).argsort(1)[:, :ways]  # (tasks, ways)
    order = torch.rand(tasks, ways, drawings, generator=rng).argsort(2)
    rows, order = rows.to(device), order.to(device)
    numbers = rows[..., None] * drawings + order  # (tasks, ways, drawings)
    shown = numbers[..., :shots].flatten(1)
    asked = numbers[..., shots : shots + queries].flatten(1)
    return Episodes(
        (_inputs(glyphs, shown), _classes(rows, shots)),
        (_inputs(glyphs, asked), _classes(rows, queries)),
        rows,
        shown,
    )


def _inputs(glyphs: Glyphs, numbers: Tensor) -> Tensor:
    """Return chosen drawings, (tasks, n, 1, size, size)."""
    chosen = glyphs.images.flatten(0, 1)[numbers]  # (characters * drawings, ...) -> (tasks, n, ...)
    return (chosen - INK_MEAN) / INK_SPREAD


def _classes(rows: Tensor, each: int) -> Tensor:
    """Return the class of each drawing, (tasks, ways * each)."""
    tasks, ways = rows.shape
    return torch.arange(ways, device=rows.device).repeat_interleave(each).expand(tasks, -1)


# Invented alphabets: pen strokes with shared parts, for where there is no Omniglot.

_POINTS = 24  # along a stroke
_INVENTORY = 6  # strokes that the characters of an alphabet share
_STROKES = (2, 4)  # smallest and largest number of a character
_PEN = 0.05  # half width of a line; the page is 2 wide
_WOBBLE = 0.08  # standard deviation of a drawing's control points
_TILT = 0.2  # of the angle, in radians, and of the logarithm of the size of a drawing
_SHIFT = 0.12  # of the place of a drawing


@door
def synthetic_glyphs(
    alphabets: Sequence[str] = ("First", "Second", "Third", "Fourth"),
    *,
    characters: Count = 20,
    drawings: Count = 20,
    size: Annotated[int, Range(8, 4096)] = 32,
    seed: Seed = 0,
) -> Glyphs:
    """Draw invented characters: strokes from an inventory of their alphabet, by a shaky hand.

    Each alphabet has six curved strokes of its own; a character puts two to four of them at
    places of its own; a drawing moves every control point a little, and shifts, tilts and scales
    the whole.  Characters of one alphabet look alike, as in Omniglot.

    Parameters
    ----------
    alphabets
        Names, all different; those of Omniglot make its pools work.
    characters
        Of each alphabet.
    drawings
        Of each character.
    size
        Pixels along each side, at least 8.
    seed
        Of everything drawn; an alphabet does not depend on those after it.

    Raises
    ------
    ValueError
        If a number is too small, or names repeat.

    Examples
    --------
    >>> glyphs = synthetic_glyphs(["First", "Second"], characters=3, drawings=4, size=16)
    >>> glyphs.images.shape, glyphs.alphabets[2:4]
    (torch.Size([6, 4, 1, 16, 16]), ('First', 'Second'))
    """
    check_memory("characters", characters, 8.0 * len(alphabets) * characters * drawings * size**2)
    if not alphabets or len(set(alphabets)) != len(alphabets):
        raise ValueError(f"alphabets must be different names, got {list(alphabets)}")
    rng, images = generator(seed), []
    for _ in alphabets:
        inventory = torch.rand(_INVENTORY, 3, 2, generator=rng) * 1.2 - 0.6  # control points
        for _ in range(characters):
            images.append(_drawn(_character(inventory, rng), drawings, size, rng))
    names = tuple(name for name in alphabets for _ in range(characters))
    return Glyphs(torch.stack(images), names)


def _character(inventory: Tensor, rng: torch.Generator) -> Tensor:
    """Return the control points of one character, (strokes, 3, 2)."""
    low, high = _STROKES
    count = int(torch.randint(low, high + 1, (), generator=rng))
    chosen = torch.randint(len(inventory), (count,), generator=rng)
    return inventory[chosen] + (torch.rand(count, 1, 2, generator=rng) - 0.5) * 0.8


def _drawn(strokes: Tensor, drawings: int, size: int, rng: torch.Generator) -> Tensor:
    """Draw a character several times, (drawings, 1, size, size)."""
    noise = torch.randn(drawings, *strokes.shape, generator=rng)
    place = _SHIFT * torch.randn(drawings, 1, 1, 2, generator=rng)
    control = strokes + _WOBBLE * noise + place  # (drawings, strokes, 3, 2)
    tilt = torch.randn(drawings, 2, generator=rng) * _TILT
    cos, sin = tilt[:, 0].cos(), tilt[:, 0].sin()
    turn = torch.stack([cos, -sin, sin, cos], -1) * tilt[:, 1:].exp()  # (drawings, 4)
    control = control @ turn.reshape(-1, 1, 2, 2)
    t = torch.linspace(0, 1, _POINTS)[:, None]
    basis = torch.cat([(1 - t) ** 2, 2 * t * (1 - t), t**2], 1)  # (points, 3), a Bezier curve
    path = (basis @ control).flatten(1, 2)  # (drawings, strokes * points, 2)
    line = (torch.arange(size) + 0.5) / size * 2 - 1
    page = torch.stack(torch.meshgrid(line, line, indexing="ij"), -1).flatten(0, 1)  # (pixels, 2)
    distance = torch.cdist(page.expand(drawings, -1, -1), path).amin(-1)  # (drawings, pixels)
    edge = 2 / size  # one pixel
    ink = ((_PEN + edge / math.sqrt(2) - distance) / edge).clamp(0, 1)
    return ink.reshape(drawings, 1, size, size)
