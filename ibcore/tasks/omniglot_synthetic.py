"""Invented alphabets: pen strokes with shared parts, for where there is no Omniglot."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ibcore.runtime import generator
from ibcore.tasks.omniglot import Glyphs

_POINTS = 24  # along a stroke
_INVENTORY = 6  # strokes that the characters of an alphabet share
_STROKES = (2, 4)  # smallest and largest number of a character
_PEN = 0.05  # half width of a line; the page is 2 wide
_WOBBLE = 0.08  # standard deviation of a drawing's control points
_TILT = 0.2  # of the angle, in radians, and of the logarithm of the size of a drawing
_SHIFT = 0.12  # of the place of a drawing


def synthetic_glyphs(
    alphabets: Sequence[str] = ("First", "Second", "Third", "Fourth"),
    *,
    characters: int = 20,
    drawings: int = 20,
    size: int = 32,
    seed: int = 0,
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
    for name, value, least in (
        ("characters", characters, 1),
        ("drawings", drawings, 1),
        ("size", size, 8),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
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
