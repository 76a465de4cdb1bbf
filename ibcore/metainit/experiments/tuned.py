"""Learned starts and tuned random ones at equal numbers of steps, every rate chosen alike."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.baselines import accuracy, optimizer_curve, rates_curve
from ibcore.metainit.experiments.architectures import Meta, build, random_start
from ibcore.metainit.experiments.concepts import (
    BITS,
    concept_cells,
    concept_objects_for,
    held_tasks,
    new_tasks,
)
from ibcore.metainit.learner import MetaLearner
from ibcore.population import member_seed
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.tasks import Episodes, sample_concepts, table_episodes

Outputs = Callable[[float, Episodes], Tensor]
Row = dict[str, Any]


def learn_for(cell: Cell, steps: int, device: torch.device) -> MetaLearner:
    """Return a start that was meta-learned for so many inner steps, from the cell's random one."""
    own, x = cell["learned"], concept_objects_for(cell["learned"], device)
    model = build(own["condition"]["net"], tuple(x.shape[1:]), 1).to(device)
    begin = random_start(model, own["network"], seed=own["seed"], device=device)
    tables = sample_concepts(own["concepts"], seed=own["seed"]).float().to(device)
    seed, meta = member_seed(own["seed"], own["network"]), own["meta"]

    def draw(step: int) -> Episodes:
        return table_episodes(
            x, tables, tasks=meta.tasks, support=(2, 19), seed=member_seed(seed, step)
        )

    learner = MetaLearner(model, params=begin, inner_steps=steps, rate=meta.rate, loss="binary")
    learner.fit(draw, steps=meta.steps, learning_rate=meta.learning_rate)
    return learner


def _random(cell: Cell, learner: MetaLearner, device: torch.device) -> dict[str, Outputs]:
    """Return what random weights answer after ten steps at a rate, by way of going on."""
    model, own = learner.model, cell["learned"]
    start = random_start(model, own["network"], seed=own["seed"], device=device)
    shared: dict[str, Any] = {"steps": (cell["steps"],), "loss": "binary"}

    def plain(rate: float, on: Episodes) -> Tensor:
        return rates_curve(model, start, rate, on.support, on.query[0], **shared)[0]

    def adam(rate: float, on: Episodes) -> Tensor:
        options = {"optimizer": "adam", "weight_decay": 0.0, "learning_rate": rate, **shared}
        return optimizer_curve(model, start, on.support, on.query[0], **options)[0]

    return {"plain": plain, "adam": adam}


def _share(outputs: Tensor, on: Episodes) -> float:
    said = outputs.nan_to_num(nan=0.0)  # where steps diverged, a network says class 0
    return accuracy(said, on.query[1]).mean().item()


def run_tuned(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each arm, rate and number of examples.

    The arms are starts ``learned`` for some numbers of steps, each judged after as many, and random
    weights after ``steps`` of ``plain`` gradient descent or of ``adam``.  ``chosen`` rows
    repeat those at the rate that is best on other rules (``validation_accuracy``).
    """
    own, rows = cell["learned"], []
    learners = {steps: learn_for(cell, steps, device) for steps in cell["starts"]}
    arms = _random(cell, learners[1], device)
    for support in own["test"]["support"]:
        held, drawn = held_tasks(cell, support, device), new_tasks(own, support, device)
        for steps, learner in learners.items():
            right = _share(learner.predict(drawn.support, drawn.query[0]), drawn)
            found = {"arm": f"learned for {steps}", "accuracy": right, "chosen": True}
            rows.append({"support": support, "steps": steps, **found})
        for name, outputs in arms.items():
            tried = _tried(cell["rates"][name], outputs, held, drawn)
            rows += [{"support": support, "steps": cell["steps"], "arm": name, **r} for r in tried]
    net, network, seed = own["condition"]["net"], own["network"], own["seed"]
    return pd.DataFrame(rows).assign(architecture=net.architecture, network=network, seed=seed)


def _tried(rates: Sequence[float], outputs: Outputs, held: Episodes, drawn: Episodes) -> list[Row]:
    """Return a row for each rate, then once more that of the rate chosen on the held tasks."""
    rows: list[Row] = [
        {
            "rate": rate,
            "validation_accuracy": _share(outputs(rate, held), held),
            "accuracy": _share(outputs(rate, drawn), drawn),
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


# Shown in: limits, "Result 1: steps and data"; claims metainit.ten-mlp, one-lstm,
# adam-lstm, trained-for-ten.
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
        "laptop": _cells(BITS[:2], 10),
        "paper": _cells(BITS, 20, meta=Meta(steps=5000)),
    },
    list,
    run_tuned,
)
