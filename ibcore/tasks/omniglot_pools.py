"""Families of Omniglot's alphabets, and episodes of few-shot recognition drawn from them."""

from typing import Literal, get_args

import torch
from torch import Tensor

from ibcore.runtime import generator
from ibcore.tasks.episodes import Episodes
from ibcore.tasks.omniglot import Glyphs

Pool = Literal["all", "ancient", "asian", "european", "middle"]

INK_MEAN, INK_SPREAD = 0.078, 0.268  # of Omniglot at 32 pixels; inputs are (ink - mean) / spread

POOLS: dict[str, tuple[str, ...]] = {
    "ancient": (
        "Alphabet_of_the_Magi",
        "Anglo-Saxon_Futhorc",
        "Armenian",
        "Asomtavruli_(Georgian)",
        "Early_Aramaic",
        "Grantha",
        "Greek",
        "Hebrew",
        "Latin",
        "Sanskrit",
        "Syriac_(Estrangelo)",
        "Tifinagh",
    ),
    "asian": (
        "Balinese",
        "Bengali",
        "Burmese_(Myanmar)",
        "Grantha",
        "Gujarati",
        "Japanese_(hiragana)",
        "Japanese_(katakana)",
        "Korean",
        "Malay_(Jawi_-_Arabic)",
        "Sanskrit",
        "Tagalog",
    ),
    "european": ("Anglo-Saxon_Futhorc", "Braille", "Cyrillic", "Greek", "Latin"),
    "middle": (
        "Armenian",
        "Asomtavruli_(Georgian)",
        "Early_Aramaic",
        "Hebrew",
        "Malay_(Jawi_-_Arabic)",
        "Mkhedruli_(Georgian)",
        "Syriac_(Estrangelo)",
    ),
}


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
    if pool not in get_args(Pool):
        raise ValueError(f"unknown pool {pool!r}; choose one of {', '.join(get_args(Pool))}")
    return glyphs if pool == "all" else glyphs.of(POOLS[pool])


def glyph_episodes(
    glyphs: Glyphs,
    *,
    tasks: int,
    ways: int = 20,
    shots: int = 5,
    queries: int = 15,
    seed: int = 0,
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
    for name, value in (("tasks", tasks), ("shots", shots), ("queries", queries)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    drawings = glyphs.images.shape[1]
    if not 2 <= ways <= len(glyphs) or shots + queries > drawings:
        raise ValueError(
            f"{ways} ways with {shots} + {queries} drawings do not fit {len(glyphs)} characters "
            f"with {drawings} drawings each"
        )
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
