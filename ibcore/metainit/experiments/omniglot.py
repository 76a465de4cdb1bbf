"""Characters from a few drawings: of alphabets seen in meta-training, and of new ones."""

from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import pandas as pd
import torch

from ibcore.door import as_choice
from ibcore.metainit.experiments.architectures import (
    LARGE,
    PAPER,
    Meta,
    Net,
    build,
    meta_learn,
    present_episodes,
    random_start,
    start_scores,
)
from ibcore.metainit.learner import MetaLearner
from ibcore.population import member_seed
from ibcore.runs.experiment import Cell, Experiment, Factors, design
from ibcore.runtime import generator
from ibcore.tasks import (
    Episodes,
    Glyphs,
    Pool,
    glyph_episodes,
    glyph_pool,
    read_omniglot,
    rotated,
    synthetic_glyphs,
)
from ibcore.tasks.omniglot import POOLS

# Characters for the experiment on recognition: the official files, or invented alphabets.

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
    return _split(glyph_pool(everything, pool), new, seed)


def _split(chosen: Glyphs, new: Glyphs, seed: int) -> GlyphSets:
    held = [row for row in range(len(chosen)) if row % HELD == HELD - 1]
    rest = [row for row in range(len(chosen)) if row % HELD != HELD - 1]
    return GlyphSets(
        rotated(_rows(chosen, rest), degrees=_DEGREES, seed=seed), _rows(chosen, held), new
    )


def held_alphabets(
    source: GlyphSource, *, size: int, seed: int, alphabets: int = 5
) -> tuple[GlyphSets, Glyphs]:
    """Return the characters of all alphabets but a few, split, and those of these few.

    Which alphabets are held, for all that is chosen, depends on the seed.  Invented characters are
    those of seed 0.

    Examples
    --------
    >>> sets, held = held_alphabets("synthetic", size=8, seed=1)
    >>> len(held.names), set(held.names) & {*sets.train.names, *sets.new.names}
    (5, set())
    """
    everything, new = _read(source, size, 0)
    order = torch.randperm(len(everything.names), generator=generator(seed)).tolist()
    names = [everything.names[place] for place in order]
    return _split(everything.of(names[alphabets:]), new, seed), everything.of(names[:alphabets])


def _rows(glyphs: Glyphs, rows: list[int]) -> Glyphs:
    return Glyphs(glyphs.images[rows], tuple(glyphs.alphabets[row] for row in rows))


@lru_cache(maxsize=2)
def _read(source: GlyphSource, size: int, seed: int) -> tuple[Glyphs, Glyphs]:
    """Return the alphabets that pools are taken from, and new ones."""
    as_choice(source, "source", get_args(GlyphSource))
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


TEST_SEED = 3_000_017


def _draw(cell: Cell, glyphs: Glyphs, *, tasks: int, seed: int, device: torch.device) -> Episodes:
    """Return tasks with drawings as the network of a cell reads them."""
    sizes = {name: cell["task"][name] for name in ("ways", "shots", "queries")}
    drawn = glyph_episodes(glyphs, tasks=tasks, seed=seed, **sizes)
    return present_episodes(cell["net"], drawn, device)


def run_characters(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each method, budget and kind of alphabet.

    ``alphabets`` are ``known``, with characters that were kept from meta-training, or ``new``;
    ``source`` says whether the characters are invented.
    """
    task = cell["task"]
    sets = glyph_sets(cell["source"], cell["pool"], size=task["size"], seed=cell["seed"])
    learner, start = _learn(cell, sets, device)
    rows = []
    for number, (kind, glyphs) in enumerate((("known", sets.known), ("new", sets.new))):
        seed = member_seed(TEST_SEED + number, cell["network"])
        drawn = _draw(cell, glyphs, tasks=cell["test"], seed=seed, device=device)
        found = start_scores(learner, start, drawn, (0, 1), cell["budgets"])
        rows += [{"alphabets": kind, **row} for row in found]
    labels = {
        "source": cell["source"],
        "architecture": cell["net"].architecture,
        "pool": cell["pool"],
        "pool_alphabets": len(sets.train.names),
        "ways": task["ways"],
        "shots": task["shots"],
        "network": cell["network"],
        "seed": cell["seed"],
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


def _learn(
    cell: Cell, sets: GlyphSets, device: torch.device
) -> tuple[MetaLearner, dict[str, torch.Tensor]]:
    """Return the learner and the random weights that it came from."""
    meta, seed = cell["meta"], member_seed(cell["seed"], cell["network"])

    def draw(step: int) -> Episodes:
        return _draw(cell, sets.train, tasks=meta.tasks, seed=step, device=device)

    shape = tuple(draw(0).support[0].shape[2:])
    model = build(cell["net"], shape, cell["task"]["ways"]).to(device)
    start = random_start(model, cell["network"], seed=cell["seed"], device=device)
    options = {"loss": "cross_entropy", "task_chunk": cell["task_chunk"]}
    return meta_learn(model, start, draw, meta, seed=seed, **options), start


# Tell apart so many characters (ways) after so many drawings (shots) of each.  AdamW from random
# weights has the rate 0.001, and as many steps as a budget says.

NETS = (Net("MLP", 2, 64), Net("ConvNet", 2, 8))
FIVE = {"ways": 5, "shots": 1, "queries": 5, "size": 16}
TWENTY = {"ways": 20, "shots": 5, "queries": 15, "size": 32}
LAPTOP = {
    "source": "synthetic",
    "task": FIVE,
    "meta": Meta(steps=400),
    "budgets": (0, 1, 10, 50, 100, 200),
    "test": 60,
    "task_chunk": None,
    "seed": 0,
}
SMOKE = {**LAPTOP, "meta": Meta(steps=150), "budgets": (0, 1, 50, 100), "test": 40}
FULL = {**LAPTOP, "source": "full", "task": TWENTY, "meta": PAPER, "task_chunk": 4}
TWO: tuple[Pool, ...] = ("all", "european")
FIVE_POOLS: tuple[Pool, ...] = ("all", "ancient", "asian", "european", "middle")


def _networks(networks: int, nets: tuple[Net, ...], pools: tuple[Pool, ...]) -> Factors:
    """Meta-train every net on every pool, network by network."""
    return {"network": range(networks), "net": nets, "pool": pools}


# Shown in: result, "Result 4: new alphabets"; claims metainit.new-alphabets, narrow-pool.
OMNIGLOT = Experiment(
    "metainit.omniglot",
    "Does a learned start help with characters of alphabets that it has not seen?",
    {
        "smoke": design(_networks(2, NETS[:1], TWO), **SMOKE),
        "laptop": design(_networks(5, NETS, TWO), **LAPTOP),
        "paper": design(_networks(10, LARGE, FIVE_POOLS), **FULL),
    },
    run_characters,
)

# Shown in: result, "Result 4: new alphabets"; limits, "The abstract, claim by claim"; claims
# metainit.official-new-alphabets, official-drop, official-drop-random.
OFFICIAL = Experiment(
    "metainit.omniglot-official",
    "What does a learned start reach on Omniglot's own small splits?",
    {
        "smoke": design(_networks(2, NETS[:1], ("all",)), **SMOKE),  # nothing to download
        "laptop": design(_networks(5, NETS, ("all",)), **{**LAPTOP, "source": "small"}),
        "paper": design(_networks(10, LARGE, ("all",)), **{**FULL, "source": "small"}),
    },
    run_characters,
)
