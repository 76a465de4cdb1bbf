"""Learned starts and tuned random ones at equal numbers of steps, every rate chosen alike."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.experiments.architectures import (
    Meta,
    Steps,
    mean_accuracies,
    optimizer_scores,
    rates_scores,
)
from ibcore.metainit.experiments.concepts import (
    BITS,
    concept_cells,
    concept_pool,
    held_tasks,
    learn_concepts,
    new_tasks,
)
from ibcore.metainit.learner import MetaLearner
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.tasks import Episodes

Score = Callable[[float, Episodes], float]
Row = dict[str, Any]


def arms(cell: Cell, learner: MetaLearner, start: dict[str, Tensor]) -> dict[str, Score]:
    """Return how right random weights are after the steps at a rate, by way of going on."""
    steps: Steps = (cell["steps"],)

    def plain(rate: float, on: Episodes) -> float:
        return rates_scores(learner, start, rate, on, steps)[0]

    def adam(rate: float, on: Episodes) -> float:
        options = {"optimizer": "adam", "weight_decay": 0.0, "learning_rate": rate}
        return optimizer_scores(learner, start, on, steps, **options)[0]

    return {"plain": plain, "adam": adam}


def run_tuned(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each arm, rate and number of examples.

    The arms are starts ``learned`` for some numbers of steps, each judged after as many, and random
    weights after ``steps`` of ``plain`` gradient descent or of ``adam``.  ``chosen`` rows
    repeat those at the rate that is best on other rules (``validation_accuracy``).
    """
    own, rows = cell["learned"], []
    found = {
        steps: learn_concepts(own, concept_pool(own), device, inner_steps=steps)
        for steps in cell["starts"]
    }
    random = arms(cell, *found[1])
    for support in own["test"]["support"]:
        held, drawn = held_tasks(cell, support, device), new_tasks(own, support, device)
        for steps, (learner, _) in found.items():
            (right,) = mean_accuracies(learner.predict(drawn.support, drawn.query[0])[None], drawn)
            row = {"arm": f"learned for {steps}", "accuracy": right, "chosen": True}
            rows.append({"support": support, "steps": steps, **row})
        for name, score in random.items():
            tried = tried_rates(cell["rates"][name], score, held, drawn)
            rows += [{"support": support, "steps": cell["steps"], "arm": name, **r} for r in tried]
    net, network, seed = own["condition"]["net"], own["network"], own["seed"]
    return pd.DataFrame(rows).assign(architecture=net.architecture, network=network, seed=seed)


def tried_rates(rates: Sequence[float], score: Score, held: Episodes, drawn: Episodes) -> list[Row]:
    """Return a row for each rate, then once more that of the rate chosen on the held tasks."""
    rows: list[Row] = [
        {
            "rate": rate,
            "validation_accuracy": score(rate, held),
            "accuracy": score(rate, drawn),
        }
        for rate in rates
    ]
    best = max(rows, key=lambda row: float(row["validation_accuracy"]))
    return [*({**row, "chosen": False} for row in rows), {**best, "chosen": True}]


TEST = {"tasks": 100, "support": (5, 10, 15)}
GRID = {"plain": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0), "adam": (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)}


def _cells(
    nets: Sequence[Cell],
    networks: int,
    *,
    starts: tuple[int, ...] = (1, 10),
    validation: int = 60,
    **sizes: Any,
) -> list[Cell]:
    learned = concept_cells(nets, networks, **{"test": TEST, **sizes})
    return design({"learned": learned}, starts=starts, steps=10, rates=GRID, validation=validation)


# Shown in: result, "Result 1: the gap and the budget"; limits, "Result 1: steps and data" and "The
# abstract, claim by claim"; claims metainit.pair-tuned, tuned-plain, lstm-needs-start, ten-mlp,
# one-lstm, adam-lstm, trained-for-ten.
TUNED = Experiment(
    "metainit.tuned",
    "At equal steps and tuned rates, is a learned start ahead of a random one?",
    {
        "smoke": _cells(
            BITS[:2],
            2,
            validation=20,
            meta=Meta(steps=60),
            test={"tasks": 20, "support": (5, 15)},
        ),
        "laptop": [*_cells(BITS[:1], 10), *_cells(BITS[1:2], 10, starts=(1,))],
        "paper": _cells(BITS, 20, meta=Meta(steps=5000)),
    },
    run_tuned,
    tuned={"rate": ("architecture", "arm")},
)
