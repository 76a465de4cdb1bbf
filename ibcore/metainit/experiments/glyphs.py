"""Characters for the experiment on recognition: the official files, or invented alphabets."""

from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from ibcore.tasks import Glyphs, Pool, glyph_pool, read_omniglot, rotated, synthetic_glyphs
from ibcore.tasks.omniglot_pools import POOLS

GlyphSource = Literal["synthetic", "small", "full"]

HELD = 4  # every fourth character of a pool is kept from meta-training
_DEGREES = 15.0  # by up to which drawings for meta-training are turned
_FAMILIAR = tuple(sorted({name for names in POOLS.values() for name in names}))
_NEW = tuple(f"Invented {number}" for number in range(1, 11))


class GlyphSets(NamedTuple):
    """Characters to meta-train on, others of the same alphabets, and some of new alphabets."""

    train: Glyphs
    known: Glyphs
    new: Glyphs


@lru_cache(maxsize=8)
def glyph_sets(source: GlyphSource, pool: Pool, *, size: int, seed: int = 0) -> GlyphSets:
    """Return the characters of a pool, split, and those of new alphabets.

    ============= ================================= ========================================
    source        pool                              new alphabets
    ============= ================================= ========================================
    ``synthetic`` invented, with Omniglot's names   ten more invented ones
    ``small``     the first official minimal split  those of the second that the first lacks
    ``full``      the 30 background alphabets       the 20 evaluation alphabets
    ============= ================================= ========================================

    Parameters
    ----------
    source
        One of the three; the last two are downloaded by `ibcore.data`.
    pool
        A family of alphabets; ``"small"`` has only ``"all"``.
    size
        Pixels along each side.
    seed
        Of the invented characters and of the angles of drawings for meta-training.

    Raises
    ------
    ValueError
        If the source is unknown, or an alphabet of the pool is not in it.

    Examples
    --------
    >>> sets = glyph_sets("synthetic", "european", size=8)
    >>> len(sets.train.names), len(sets.new.names), set(sets.known.names) <= set(sets.train.names)
    (5, 10, True)
    """
    everything, new = _read(source, size, seed)
    chosen = glyph_pool(everything, pool)
    held = [row for row in range(len(chosen)) if row % HELD == HELD - 1]
    rest = [row for row in range(len(chosen)) if row % HELD != HELD - 1]
    return GlyphSets(
        rotated(_rows(chosen, rest), degrees=_DEGREES, seed=seed), _rows(chosen, held), new
    )


def _rows(glyphs: Glyphs, rows: list[int]) -> Glyphs:
    return Glyphs(glyphs.images[rows], tuple(glyphs.alphabets[row] for row in rows))


@lru_cache(maxsize=2)
def _read(source: GlyphSource, size: int, seed: int) -> tuple[Glyphs, Glyphs]:
    """Return the alphabets that pools are taken from, and new ones."""
    if source not in get_args(GlyphSource):
        known = ", ".join(get_args(GlyphSource))
        raise ValueError(f"unknown source {source!r}; choose one of {known}")
    if source == "synthetic":
        drawn = synthetic_glyphs((*_FAMILIAR, *_NEW), characters=12, size=size, seed=seed)
        return drawn.of(_FAMILIAR), drawn.of(_NEW)
    from ibcore.data import omniglot_archive

    if source == "full":
        first, second = omniglot_archive("background"), omniglot_archive("evaluation")
        return read_omniglot(first, size=size), read_omniglot(second, size=size)
    first = omniglot_archive("background_small1")
    second = omniglot_archive("background_small2")
    before, after = read_omniglot(first, size=size), read_omniglot(second, size=size)
    return before, after.of([name for name in after.names if name not in before.names])
