"""How many concepts meta-learning needs: one, a few, or thousands from the prior."""

from dataclasses import dataclass, replace
from itertools import product

import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.experiments.concept_tasks import (
    Concepts,
    Learned,
    Test,
    bounds,
    concept_cells,
    learn_concepts,
    new_tasks,
)
from ibcore.metainit.experiments.concepts import BITS
from ibcore.metainit.experiments.learning import QUICK, Meta
from ibcore.metainit.scores import accuracy
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.tasks import sample_concepts


@dataclass(frozen=True)
class Few:
    """Starts are learned from pools of some numbers of concepts, each network from its own."""

    concepts: Concepts
    pools: tuple[int, ...] = (1, 3, 10, 30, 100, 10_000)


def few_cells(config: Few) -> list[Learned]:
    """Return one cell for each pool, condition and network.

    Examples
    --------
    >>> len(few_cells(Few(Concepts(BITS[:1], networks=2))))
    12
    """
    cells = [
        replace(cell, concepts=pool)
        for cell, pool in product(concept_cells(config.concepts), config.pools)
    ]
    return sorted(cells, key=lambda cell: cell.network)


def draw_pool(cell: Learned) -> Tensor:
    """Return the concepts that a network is meta-trained on: the first draws of its own seed.

    A larger pool of the same network holds the smaller ones.

    Examples
    --------
    >>> cells = few_cells(Few(Concepts(BITS[:1], networks=1)))
    >>> bool((draw_pool(cells[1])[:1] == draw_pool(cells[0])).all())
    True
    """
    seed = member_seed(cell.seed, cell.network)
    return sample_concepts(cell.concepts, seed=seed).float()


def seen(tables: Tensor, pool: Tensor) -> Tensor:
    """Say which truth tables (t, objects) are in a pool (p, objects): (t,) of booleans.

    Examples
    --------
    >>> seen(torch.tensor([[0.0, 1], [1, 1]]), torch.tensor([[0.0, 1]])).tolist()
    [True, False]
    """
    known = {tuple(table) for table in pool.tolist()}
    return torch.tensor([tuple(table) in known for table in tables.tolist()])


def run_few(cell: Learned, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each support size and kind of test concept.

    ``pool`` is the number of draws to meta-train on and ``distinct`` how many differ; test
    concepts are ``all``, or ``held out`` of the pool, of which there are ``tasks``.  Where none
    is held out there is no row.

    Examples
    --------
    >>> test = Test(tasks=8, support=(5,))
    >>> config = Few(Concepts(BITS[:1], Meta(steps=1), test), pools=(1,))
    >>> run_few(few_cells(config)[0], torch.device("cpu")).concepts.tolist()
    ['all', 'held out']
    """
    pool = draw_pool(cell)
    learner, _ = learn_concepts(cell, pool, device)
    rows = []
    for support in cell.test.support:
        drawn = new_tasks(cell, support, device)
        outputs = learner.predict(drawn.support, drawn.query[0])
        values = {"accuracy": accuracy(outputs, drawn.query[1]).cpu(), **bounds(drawn)}
        new = ~seen(drawn.query[1], pool)
        for kind, chosen in (("all", torch.ones_like(new)), ("held out", new)):
            if chosen.any():
                means = {name: value[chosen].mean().item() for name, value in values.items()}
                tasks = int(chosen.sum())
                rows.append({"support": support, "concepts": kind, "tasks": tasks, **means})
    labels = {
        "architecture": cell.condition.net.architecture,
        "pool": cell.concepts,
        "distinct": len({tuple(table) for table in pool.tolist()}),
        "network": cell.network,
        "seed": cell.seed,
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


_LAPTOP = Few(Concepts(BITS[:2], QUICK, Test(tasks=200)), pools=(1, 3, 10, 100, 10_000))

FEW: Experiment[Few, Learned] = Experiment(
    name="metainit.few-concepts",
    question="How many concepts must be seen before a learned start helps with new ones?",
    tiers={
        "smoke": Few(
            Concepts(BITS[:1], Meta(steps=200), Test(tasks=60, support=(5, 15)), networks=2),
            pools=(1, 10, 10_000),
        ),
        "laptop": _LAPTOP,
        "paper": Few(
            Concepts(BITS, Meta(steps=5000), Test(tasks=500), networks=10),
            pools=(1, 2, 3, 5, 10, 20, 30, 50, 100, 300, 1000, 10_000),
        ),
    },
    cells=few_cells,
    run_cell=run_few,
)

EXPERIMENTS = (FEW,)
