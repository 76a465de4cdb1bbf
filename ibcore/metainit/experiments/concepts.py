"""Boolean concepts: one step from a learned start against many from a random one."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.baselines import optimizer_curve, rates_curve
from ibcore.metainit.experiments.architectures import Architecture, Net
from ibcore.metainit.experiments.concept_tasks import (
    Concepts,
    Condition,
    Learned,
    Test,
    bounds,
    concept_cells,
    learn_concepts,
    new_tasks,
)
from ibcore.metainit.experiments.learning import LARGE, PAPER, QUICK, Meta
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.scores import accuracy
from ibcore.nets import count_parameters
from ibcore.runs import Experiment
from ibcore.tasks import ConceptView, Episodes, sample_concepts


def run_concepts(cell: Learned, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each method, budget and support size.

    ``accuracy`` is that of one network on all objects, averaged over tasks; ``floor`` is the
    accuracy of memory and majority and ``ceiling`` the ideal learner's, on the same tasks.

    Examples
    --------
    >>> test = Test(tasks=2, support=(5,), budgets=(0, 1), steps=(0, 1))
    >>> cell = concept_cells(Concepts((Condition(Net()),), Meta(steps=1), test))[0]
    >>> run_concepts(cell, torch.device("cpu")).method.tolist()
    ['meta', 'meta', 'random', 'random']
    """
    pool = sample_concepts(cell.concepts, seed=cell.seed).float()
    learner, start = learn_concepts(cell, pool, device)
    rows = []
    for support in cell.test.support:
        drawn = new_tasks(cell, support, device)
        limits = {name: values.mean().item() for name, values in bounds(drawn).items()}
        rows += [
            {"method": method, "budget": budget, "support": support, "accuracy": value, **limits}
            for method, budget, value in _scores(cell.test, learner, start, drawn)
        ]
    labels = {
        "architecture": cell.condition.net.architecture,
        "view": cell.condition.view,
        "parameters": count_parameters(learner.model),
        "network": cell.network,
        "seed": cell.seed,
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


def _scores(
    test: Test, learner: MetaLearner, start: dict[str, Tensor], drawn: Episodes
) -> list[tuple[str, int, float]]:
    """Return method, number of steps and mean accuracy."""
    place, x = (learner.model, learner.start.params, learner.start.rates), drawn.query[0]
    shared: dict[str, Any] = {"loss": "binary"}
    learned = rates_curve(*place, drawn.support, x, steps=test.steps, **shared)
    plain = optimizer_curve(learner.model, start, drawn.support, x, steps=test.budgets, **shared)
    curves = (("meta", test.steps, learned), ("random", test.budgets, plain))
    return [
        (method, steps, value)
        for method, budgets, curve in curves
        for steps, value in zip(
            budgets, accuracy(curve, drawn.query[1]).mean(-1).tolist(), strict=True
        )
    ]


def _views(*nets: Net, view: ConceptView) -> tuple[Condition, ...]:
    return tuple(Condition(net, view) for net in nets)


BITS = _views(Net(), Net("LSTM", 1, 16), Net("Transformer", 1, 16), view="bits")
IMAGES = _views(Net("MLP", 2, 16), Net("ConvNet", 2, 8), view="image")


def _paper(*names: Architecture, view: ConceptView) -> tuple[Condition, ...]:
    return tuple(Condition(net, view) for net in LARGE if net.architecture in names)


SEVEN = (
    *_paper("MLP", "LSTM", "Transformer", view="bits"),
    *_paper("MLP", "ConvNet", "LSTM", "Transformer", view="image"),
)

SMOKE = Concepts(
    (*BITS[:2], IMAGES[0]),
    Meta(steps=150),
    Test(tasks=20, support=(5, 15), budgets=(0, 1, 50, 200)),
    networks=2,
)

CONCEPTS: Experiment[Concepts, Learned] = Experiment(
    name="metainit.concepts",
    question="What does one step from a meta-learned start reach, in which architecture?",
    tiers={
        "smoke": SMOKE,
        "laptop": Concepts((*BITS, *IMAGES), QUICK),
        "paper": Concepts(SEVEN, PAPER, Test(tasks=100), networks=10, size=32),
    },
    cells=concept_cells,
    run_cell=run_concepts,
)

EXPERIMENTS = (CONCEPTS,)
