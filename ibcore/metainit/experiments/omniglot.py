"""Characters from a few drawings: of alphabets seen in meta-training, and of new ones."""

from dataclasses import dataclass, replace
from itertools import product

import pandas as pd
import torch

from ibcore.metainit.baselines import optimizer_curve, rates_curve
from ibcore.metainit.experiments.architectures import Net, build, present
from ibcore.metainit.experiments.glyphs import GlyphSets, GlyphSource, glyph_sets
from ibcore.metainit.experiments.learning import (
    LARGE,
    PAPER,
    QUICK,
    Meta,
    meta_learn,
    random_start,
)
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.scores import accuracy
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.tasks import Episodes, Glyphs, Pool, glyph_episodes

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

EXPERIMENTS = (OMNIGLOT, OFFICIAL)
