"""Weights or rates: what each half of a learned start is worth with a random other half."""

from dataclasses import dataclass, replace
from itertools import product

import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.baselines import optimizer_curve, rates_curve
from ibcore.metainit.experiments.concept_tasks import (
    Concepts,
    Condition,
    Learned,
    Test,
    concept_cells,
    learn_concepts,
    new_tasks,
)
from ibcore.metainit.experiments.concepts import BITS, SMOKE
from ibcore.metainit.experiments.learning import QUICK, Meta
from ibcore.metainit.scores import accuracy
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.runtime import generator
from ibcore.tasks import Episodes, sample_concepts

ADAMW = 1e-3  # learning rate
Table = dict[str, Tensor]


@dataclass(frozen=True)
class Swap:
    """Starts are learned as in `Concepts`, and taken apart.

    ``rate`` are the constants that stand in for learned rates.
    """

    concepts: Concepts
    rate: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Halves:
    """One network of one condition."""

    learned: Learned
    rate: tuple[float, ...]


def swap_cells(config: Swap) -> list[Halves]:
    """Return one cell for each condition and network.

    Examples
    --------
    >>> len(swap_cells(Swap(Concepts(BITS, networks=2))))
    6
    """
    return [Halves(cell, config.rate) for cell in concept_cells(config.concepts)]


def shuffled(rates: Table, seed: int) -> Table:
    """Return learned rates in random order within each parameter: their sizes without places.

    Examples
    --------
    >>> mixed = shuffled({"w": torch.tensor([1.0, 2.0, 3.0])}, 0)
    >>> sorted(mixed["w"].tolist())
    [1.0, 2.0, 3.0]
    """
    rng = generator(seed)
    return {
        name: rate.flatten()[torch.randperm(rate.numel(), generator=rng).to(rate.device)].view_as(
            rate
        )
        for name, rate in rates.items()
    }


def run_swap(cell: Halves, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each pair of weights and rates.

    ``weights`` are ``learned`` or ``random``; ``rates`` are ``learned``, ``shuffled`` among the
    weights of each parameter, ``constant`` with the value in ``rate``, or those of ``AdamW``;
    ``budget`` is the number of steps.

    Examples
    --------
    >>> test = Test(tasks=2, support=(5,), budgets=(1,), steps=(1,))
    >>> cell = swap_cells(Swap(Concepts(BITS[:1], Meta(steps=1), test), rate=(0.1,)))[0]
    >>> frame = run_swap(cell, torch.device("cpu"))
    >>> frame.groupby("weights").rates.apply(list).loc["learned"]
    ['learned', 'shuffled', 'constant', 'AdamW']
    """
    own = cell.learned
    pool = sample_concepts(own.concepts, seed=own.seed).float()
    learner, random = learn_concepts(own, pool, device)
    learned = learner.start.rates
    mixed = shuffled(learned, member_seed(own.seed, own.network))
    tables: list[tuple[str, float | None, float | Table]] = [
        ("learned", None, learned),
        ("shuffled", None, mixed),
        *[("constant", rate, rate) for rate in cell.rate],
    ]
    rows = []
    for support in own.test.support:
        drawn = new_tasks(own, support, device)
        x = drawn.query[0]
        for (weights, start), (rates, rate, table) in product(
            (("learned", learner.start.params), ("random", random)), tables
        ):
            curve = rates_curve(
                learner.model, start, table, drawn.support, x, steps=own.test.steps, loss="binary"
            )
            labels = (weights, rates, rate, support)
            rows += _rows(labels, own.test.steps, curve, drawn)
        for weights, start in (("learned", learner.start.params), ("random", random)):
            curve = optimizer_curve(
                learner.model,
                start,
                drawn.support,
                x,
                steps=own.test.budgets,
                learning_rate=ADAMW,
                loss="binary",
            )
            rows += _rows((weights, "AdamW", ADAMW, support), own.test.budgets, curve, drawn)
    names = ("weights", "rates", "rate", "support", "budget", "accuracy")
    frame = pd.DataFrame(rows, columns=list(names)).astype({"rate": "float64"})
    return frame.assign(
        architecture=own.condition.net.architecture, network=own.network, seed=own.seed
    )


def _rows(
    labels: tuple[str, str, float | None, int],
    steps: tuple[int, ...],
    curve: Tensor,
    drawn: Episodes,
) -> list[tuple[str | float | None, ...]]:
    scores = accuracy(curve, drawn.query[1]).mean(-1).tolist()
    return [(*labels, step, score) for step, score in zip(steps, scores, strict=True)]


def _both(conditions: tuple[Condition, ...]) -> Concepts:
    budgets = (1, 10, 50, 200)
    return Concepts(conditions, QUICK, Test(budgets=budgets, steps=(1, 10)))


SWAP: Experiment[Swap, Halves] = Experiment(
    name="metainit.swap",
    question="Do learned weights or learned rates carry what was meta-learned?",
    tiers={
        "smoke": Swap(
            replace(
                SMOKE,
                conditions=BITS[:2],
                test=Test(tasks=20, support=(5, 15), budgets=(1, 10, 50, 200), steps=(1, 10)),
                meta=Meta(steps=200),
            ),
            rate=(0.1, 0.3, 1.0),
        ),
        "laptop": Swap(_both(BITS[:2])),
        "paper": Swap(replace(_both(BITS), meta=Meta(steps=5000), networks=10)),
    },
    cells=swap_cells,
    run_cell=run_swap,
)

EXPERIMENTS = (SWAP,)
