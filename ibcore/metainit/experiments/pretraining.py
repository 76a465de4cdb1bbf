"""Pooled pre-training against meta-learning and random weights, at equal numbers of steps."""

from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.baselines import BUDGETS, optimizer_curve, rates_curve
from ibcore.metainit.experiments.concept_tasks import (
    Concepts,
    Learned,
    Test,
    bounds,
    concept_cells,
    concept_objects_for,
    learn_concepts,
    new_tasks,
)
from ibcore.metainit.experiments.concepts import BITS
from ibcore.metainit.experiments.learning import Meta
from ibcore.metainit.experiments.pooling import Weights, pretrain, same_answer
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.scores import accuracy
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.tasks import Episodes, sample_concepts, table_episodes

ADAMW = 1e-3  # learning rate
VALIDATION_SEED = 4_000_037  # concepts on which constant rates are chosen

Row = tuple[str | float | None, ...]


@dataclass(frozen=True)
class Pretraining:
    """Starts are learned as in `Concepts`, by meta-learning and by pooled pre-training.

    Pre-training has each of the learning rates ``pooled``; that of meta-learning is one of
    them.  Constant rates are chosen among ``rate`` on ``validation`` tasks, for each start,
    number of examples and number of steps.
    """

    concepts: Concepts
    pooled: tuple[float, ...] = (0.001, 0.01)
    rate: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)
    validation: int = 40


@dataclass(frozen=True)
class Prepared:
    """One network of one condition."""

    learned: Learned
    pooled: tuple[float, ...]
    rate: tuple[float, ...]
    validation: int


def pretraining_cells(config: Pretraining) -> list[Prepared]:
    """Return one cell for each condition and network.

    Examples
    --------
    >>> len(pretraining_cells(Pretraining(Concepts(BITS, networks=2))))
    6
    """
    cells = concept_cells(config.concepts)
    return [Prepared(cell, config.pooled, config.rate, config.validation) for cell in cells]


def held_tasks(cell: Prepared, support: int, device: torch.device) -> Episodes:
    """Return the tasks on which constant rates are chosen.

    Examples
    --------
    >>> cell = pretraining_cells(Pretraining(Concepts(BITS), validation=7))[0]
    >>> held_tasks(cell, 5, torch.device("cpu")).support[0].shape
    torch.Size([7, 5, 4])
    """
    seed = member_seed(VALIDATION_SEED, cell.learned.network)
    tables = sample_concepts(cell.validation, seed=seed).float().to(device)
    x = concept_objects_for(cell.learned, device)
    return table_episodes(x, tables, support=support, seed=seed)


def run_pretraining(cell: Prepared, device: torch.device) -> pd.DataFrame:
    """Prepare one network and return a row for each start, optimizer, budget and support size.

    ``start`` is ``random``, ``pooled`` or ``meta``, with the learning rate of its outer loop in
    ``outer_rate``; ``optimizer`` is ``AdamW`` with the rate
    0.001, ``gradient`` with the constant rate that validation chose, or ``Meta-SGD`` with the
    learned rates.  ``floor`` and ``ceiling`` are those of `bounds`, and ``average`` is the
    accuracy of the best answer that does not depend on the task: for each object, the label that
    most concepts of meta-training give it.

    Examples
    --------
    >>> test = Test(tasks=2, support=(5,), budgets=(0,), steps=(1,))
    >>> config = Pretraining(Concepts(BITS[:1], Meta(steps=1), test), rate=(0.1,))
    >>> frame = run_pretraining(pretraining_cells(config)[0], torch.device("cpu"))
    >>> frame.start.unique().tolist(), frame.optimizer.unique().tolist()
    (['random', 'pooled', 'meta'], ['AdamW', 'gradient', 'Meta-SGD'])
    """
    own = cell.learned
    pool = sample_concepts(own.concepts, seed=own.seed).float()
    learner, random = learn_concepts(own, pool, device)
    starts = _starts(cell, learner, random, pool, device)
    usual = pool.mean(0, keepdim=True) > 0.5  # (1, objects)
    parts = []
    for support in own.test.support:
        held, drawn = held_tasks(cell, support, device), new_tasks(own, support, device)
        limits = bounds(drawn) | {"average": same_answer(usual, drawn)}
        found = {name: values.mean().item() for name, values in limits.items()}
        for (name, outer), start in starts.items():
            frame = _adapt(cell, learner, start, held, drawn)
            parts.append(frame.assign(start=name, outer_rate=outer, support=support, **found))
    return pd.concat(parts, ignore_index=True).assign(
        architecture=own.condition.net.architecture, network=own.network, seed=own.seed
    )


def _starts(
    cell: Prepared, learner: MetaLearner, random: Weights, pool: Tensor, device: torch.device
) -> dict[tuple[str, float], Weights]:
    """Return weights by name and learning rate of the outer loop, which random ones lack."""
    own = cell.learned
    starts = {("random", float("nan")): random}
    for rate in cell.pooled:
        slower = replace(own, meta=replace(own.meta, learning_rate=rate))
        starts["pooled", rate] = pretrain(slower, learner.model, random, pool, device)
    return starts | {("meta", own.meta.learning_rate): learner.start.params}


def _adapt(
    cell: Prepared, learner: MetaLearner, start: Weights, held: Episodes, drawn: Episodes
) -> pd.DataFrame:
    """Return optimizer, rate, budget and mean accuracy of one start."""
    model, test, x = learner.model, cell.learned.test, drawn.query[0]
    plain = optimizer_curve(
        model, start, drawn.support, x, steps=test.budgets, learning_rate=ADAMW, loss="binary"
    )
    rows = _rows("AdamW", [ADAMW] * len(test.budgets), test.budgets, _means(plain, drawn))

    def descend(rates: float | Weights, on: Episodes) -> list[float]:
        curve = rates_curve(
            model, start, rates, on.support, on.query[0], steps=test.steps, loss="binary"
        )
        return _means(curve, on)

    chosen = best_rates({rate: descend(rate, held) for rate in cell.rate})
    curves = {rate: descend(rate, drawn) for rate in sorted(set(chosen))}
    best = [curves[rate][place] for place, rate in enumerate(chosen)]
    rows += _rows("gradient", chosen, test.steps, best)
    learned = descend(learner.start.rates, drawn)
    rows += _rows("Meta-SGD", [None] * len(test.steps), test.steps, learned)
    frame = pd.DataFrame(rows, columns=["optimizer", "rate", "budget", "accuracy"])
    return frame.astype({"rate": "float64"})


def best_rates(curves: dict[float, list[float]]) -> list[float]:
    """Return, for each place of the curves, the rate whose curve is highest; the first of equals.

    Examples
    --------
    >>> best_rates({0.1: [0.5, 0.9], 1.0: [0.6, 0.8]})
    [1.0, 0.1]
    """
    places = range(len(next(iter(curves.values()))))
    return [max(curves, key=lambda rate: curves[rate][place]) for place in places]


def _means(curve: Tensor, drawn: Episodes) -> list[float]:
    values: list[float] = accuracy(curve, drawn.query[1]).mean(-1).tolist()
    return values


def _rows(
    optimizer: str, rates: list[float] | list[None], steps: tuple[int, ...], values: list[float]
) -> list[Row]:
    return [(optimizer, *row) for row in zip(rates, steps, values, strict=True)]


_LAPTOP = Concepts(BITS[:1], test=Test(budgets=BUDGETS, steps=(1, 10, 50, 200)))

PRETRAINING: Experiment[Pretraining, Prepared] = Experiment(
    name="metainit.pretraining",
    question="Does plain pre-training on the same tasks give a start as good as meta-learning's?",
    tiers={
        "smoke": Pretraining(
            replace(
                _LAPTOP,
                meta=Meta(steps=200),
                test=Test(tasks=20, support=(5, 15), budgets=(0, 1, 50, 200), steps=(1, 10)),
                networks=2,
            ),
            rate=(0.3, 1.0, 3.0),
            validation=20,
        ),
        "laptop": Pretraining(_LAPTOP),
        "paper": Pretraining(
            replace(
                _LAPTOP,
                conditions=BITS,
                meta=Meta(steps=5000),
                test=replace(_LAPTOP.test, tasks=100),
                networks=10,
            ),
            validation=100,
        ),
    },
    cells=pretraining_cells,
    run_cell=run_pretraining,
)

EXPERIMENTS = (PRETRAINING,)
