"""Characters from a few drawings: of alphabets seen in meta-training, and of new ones."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Literal, NamedTuple, get_args

import pandas as pd
import torch

from ibcore.metainit.baselines import accuracy, optimizer_curve, rates_curve
from ibcore.metainit.experiments.architectures import (
    LARGE,
    PAPER,
    QUICK,
    Meta,
    Net,
    build,
    meta_learn,
    present,
    random_start,
)
from ibcore.metainit.learner import MetaLearner
from ibcore.population import member_seed
from ibcore.runs import Experiment
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


TEST_SEED = 3_000_017


@dataclass(frozen=True)
class Task:
    """Tell apart so many characters after so many drawings of each."""

    ways: int = 5
    shots: int = 1
    queries: int = 5
    size: int = 16


@dataclass(frozen=True)
class Characters:
    """Each net is meta-trained on each pool; AdamW from random weights has the rate 0.001."""

    nets: tuple[Net, ...]
    pools: tuple[Pool, ...] = ("all", "european")
    source: GlyphSource = "synthetic"
    task: Task = Task()
    meta: Meta = QUICK
    budgets: tuple[int, ...] = (0, 1, 10, 50, 100, 200)
    test: int = 60
    networks: int = 5
    task_chunk: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Reader:
    """One network of one net on one pool."""

    net: Net
    pool: Pool
    network: int
    source: GlyphSource
    task: Task
    meta: Meta
    budgets: tuple[int, ...]
    test: int
    task_chunk: int | None
    seed: int


def character_cells(config: Characters) -> list[Reader]:
    """Return one cell for each net, pool and network, network by network.

    Examples
    --------
    >>> len(character_cells(Characters((Net(),), networks=3)))
    6
    """
    sizes = (
        config.source,
        config.task,
        config.meta,
        config.budgets,
        config.test,
        config.task_chunk,
        config.seed,
    )
    axes = product(range(config.networks), config.nets, config.pools)
    return [Reader(net, pool, network, *sizes) for network, net, pool in axes]


def draw_characters(
    cell: Reader, glyphs: Glyphs, *, tasks: int, seed: int, device: torch.device
) -> Episodes:
    """Return tasks with drawings as the network of a cell reads them.

    Examples
    --------
    >>> cell, cpu = character_cells(Characters((Net(),)))[0], torch.device("cpu")
    >>> sets = glyph_sets("synthetic", "all", size=8)
    >>> draw_characters(cell, sets.new, tasks=2, seed=0, device=cpu).query[0].shape
    torch.Size([2, 25, 64])
    """
    task = cell.task
    drawn = glyph_episodes(
        glyphs, tasks=tasks, ways=task.ways, shots=task.shots, queries=task.queries, seed=seed
    )
    sets = []
    for x, y in (drawn.support, drawn.query):
        flat = present(cell.net, x.flatten(0, 1))  # (tasks * n, ...)
        sets.append((flat.reshape(*x.shape[:2], *flat.shape[1:]).to(device), y.to(device)))
    return Episodes(sets[0], sets[1], drawn.rows, drawn.picked)


def run_characters(cell: Reader, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each method, budget and kind of alphabet.

    ``alphabets`` are ``known``, with characters that were kept from meta-training, or ``new``;
    ``source`` says whether the characters are invented.

    Examples
    --------
    >>> tiny = Task(size=8)
    >>> config = Characters((Net(),), task=tiny, meta=Meta(steps=1), budgets=(0, 1), test=2)
    >>> frame = run_characters(character_cells(config)[0], torch.device("cpu"))
    >>> frame.alphabets.tolist()[::4], frame.source[0]
    (['known', 'new'], 'synthetic')
    """
    sets = glyph_sets(cell.source, cell.pool, size=cell.task.size, seed=cell.seed)
    learner, start = _learn(cell, sets, device)
    rows = []
    for number, (kind, glyphs) in enumerate((("known", sets.known), ("new", sets.new))):
        seed = member_seed(TEST_SEED + number, cell.network)
        drawn = draw_characters(cell, glyphs, tasks=cell.test, seed=seed, device=device)
        for method, budget, value in _scores(cell, learner, start, drawn):
            rows.append({"alphabets": kind, "method": method, "budget": budget, "accuracy": value})
    labels = {
        "source": cell.source,
        "architecture": cell.net.architecture,
        "pool": cell.pool,
        "pool_alphabets": len(sets.train.names),
        "ways": cell.task.ways,
        "shots": cell.task.shots,
        "network": cell.network,
        "seed": cell.seed,
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


def _learn(
    cell: Reader, sets: GlyphSets, device: torch.device
) -> tuple[MetaLearner, dict[str, torch.Tensor]]:
    """Return the learner and the random weights that it came from."""
    tasks, seed = cell.meta.tasks, member_seed(cell.seed, cell.network)

    def draw(step: int) -> Episodes:
        return draw_characters(cell, sets.train, tasks=tasks, seed=step, device=device)

    shape = tuple(draw(0).support[0].shape[2:])
    model = build(cell.net, shape, cell.task.ways).to(device)
    start = random_start(model, cell.network, seed=cell.seed, device=device)
    learner = meta_learn(
        model,
        start,
        draw,
        cell.meta,
        loss="cross_entropy",
        seed=seed,
        task_chunk=cell.task_chunk,
    )
    return learner, start


def _scores(
    cell: Reader, learner: MetaLearner, start: dict[str, torch.Tensor], drawn: Episodes
) -> list[tuple[str, int, float]]:
    """Return method, number of steps and mean accuracy."""
    place, x = (learner.model, learner.start.params, learner.start.rates), drawn.query[0]
    steps, chunk = (0, 1), cell.task_chunk
    learned = rates_curve(
        *place, drawn.support, x, steps=steps, loss="cross_entropy", task_chunk=chunk
    )
    plain = optimizer_curve(
        learner.model,
        start,
        drawn.support,
        x,
        steps=cell.budgets,
        loss="cross_entropy",
        task_chunk=chunk,
    )
    found = []
    for method, budgets, curve in (("meta", steps, learned), ("random", cell.budgets, plain)):
        values = accuracy(curve, drawn.query[1]).mean(-1).tolist()
        found += [(method, b, value) for b, value in zip(budgets, values, strict=True)]
    return found


_NETS = (Net("MLP", 2, 64), Net("ConvNet", 2, 8))
_TWENTY = Task(ways=20, shots=5, queries=15, size=32)

_SMOKE = Characters(_NETS[:1], meta=Meta(steps=150), budgets=(0, 1, 50, 100), test=40, networks=2)

OMNIGLOT: Experiment[Characters, Reader] = Experiment(
    name="metainit.omniglot",
    question="Does a learned start help with characters of alphabets that it has not seen?",
    tiers={
        "smoke": _SMOKE,
        "laptop": Characters(_NETS, meta=Meta(steps=400)),
        "paper": Characters(
            LARGE,
            ("all", "ancient", "asian", "european", "middle"),
            "full",
            _TWENTY,
            PAPER,
            networks=10,
            task_chunk=4,
        ),
    },
    cells=character_cells,
    run_cell=run_characters,
)

OFFICIAL: Experiment[Characters, Reader] = Experiment(
    name="metainit.omniglot-official",
    question="What does a learned start reach on Omniglot's own small splits?",
    tiers={
        "smoke": replace(_SMOKE, pools=("all",)),  # invented characters: nothing to download
        "laptop": Characters(_NETS, ("all",), "small", meta=Meta(steps=400)),
        "paper": Characters(LARGE, ("all",), "small", _TWENTY, PAPER, networks=10, task_chunk=4),
    },
    cells=character_cells,
    run_cell=run_characters,
)
