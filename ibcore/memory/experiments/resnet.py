"""ResNet-9 on images: one network in each cell, so that a long run can be stopped and continued."""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.memory.metrics import GATE
from ibcore.memory.scaling import scale_weights
from ibcore.memory.sweep import (
    MetricRecorder,
    Pipeline,
    Problem,
    SweepResult,
    image_problem,
    sweep_table,
)
from ibcore.nets import ResNet
from ibcore.population import Population, member_seed
from ibcore.runs.experiment import Cell, Experiment, Factors, design
from ibcore.tasks.images import digits


def load_images(sets: Mapping[str, Any]) -> Problem:
    """Return the first so many digits in three sets.

    Examples
    --------
    >>> load_images(DIGITS).train.x.shape
    torch.Size([300, 1, 8, 8])
    """
    pixels, labels = digits()
    options = {name: sets[name] for name in ("train", "validation", "test", "split")}
    some = slice(sets["images"])
    return image_problem(pixels[some, None], labels[some], **options)  # (n, 1, 8, 8)


class _FittedError(Exception):
    """The training set is fitted, and training has been long enough."""


def train_watched(
    cell: Cell, problem: Problem, start: Population
) -> tuple[MetricRecorder, tuple[int, ...]]:
    """Train until the schedule ends it; return what was seen, and the looks that were reached.

    Training ends at the first look, from ``least`` epochs on, at which train accuracy is at
    least 99.5 %, and after ``most`` epochs in any case; looks are ``every`` so many epochs.
    """
    plan, options = cell["schedule"], asdict(cell["pipeline"])
    del options["name"]
    epoch = -(-len(problem.train.y) // options["batch_size"])  # steps, the last one smaller
    epochs = {0, plan["most"], *range(0, plan["most"] + 1, plan["every"])}
    looks = tuple(epoch * number for number in sorted(epochs))
    watcher, seen = MetricRecorder(problem, start, looks), []

    def look(step: int, members: Tensor, population: Population) -> None:
        watcher(step, members, population)
        seen.append(step)
        accuracy = watcher.measures["train_accuracy"][watcher.rows[step], 0]
        if step >= epoch * plan["least"] and accuracy >= GATE:
            raise _FittedError

    with contextlib.suppress(_FittedError):
        start.train(
            *problem.train,
            loss="cross_entropy",
            steps=looks[-1],
            seed=member_seed(cell["seed"], cell["network"]),
            checkpoints=looks,
            on_checkpoint=look,
            **options,
        )
    return watcher, tuple(seen)


def draw_network(cell: Cell, device: torch.device, *, channels: int, size: int) -> Population:
    """Return the cell's ResNet-9 for such images, with its scale in all layers or some.

    The draw is the same at every scale.
    """
    shape = {"width": cell["width"], "norm": cell["norm"], "image_size": size}
    drawn = Population.sample(
        ResNet(channels, 10, depth=9, **shape),
        networks=1,
        prior="gaussian",
        scaling="fan_in",
        bias_scale=0.0,
        seed=cell["seed"],
        first=cell["network"],
        device=device,
        dtype=torch.float32,
    )
    return scale_weights(drawn, cell["weight_scale"], layers=cell.get("layers", "all"))


def run_resnet(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Train one network and return one row for each look, with the sizes of its data.

    Examples
    --------
    >>> cell = next(iter(RESNET.plan("smoke").values()))
    >>> short = {**cell, "schedule": {"least": 1, "most": 1, "every": 1}, "width": 1}
    >>> run_resnet(short, torch.device("cpu")).step.tolist()
    [0, 4]
    """
    start = draw_network(cell, device, channels=1, size=8)
    problem = load_images(cell["sets"]).to(device, start.dtype)
    return cell_table(cell, *train_watched(cell, problem, start))


def cell_table(cell: Cell, watcher: MetricRecorder, looks: tuple[int, ...]) -> pd.DataFrame:
    """Return one row for each look that was reached, with the sizes of the data."""
    rows, sets = slice(len(looks)), cell["sets"]
    measures = {name: values[rows, None, None] for name, values in watcher.measures.items()}
    predictions = watcher.predictions[rows, None, None]
    axes = ((cell["pipeline"],), (cell["weight_scale"],), looks, cell["seed"])
    table = sweep_table(SweepResult(*axes, measures, predictions))
    labels = {
        "source": sets["source"],
        "width": cell["width"],
        "norm": cell["norm"] or "none",
        "split": sets["split"],
        "images": sets["images"],
        **{f"{name}_size": sets[name] for name in ("train", "validation", "test")},
    }
    table = table.drop(columns=["disagreement", "forgets"]).assign(network=cell["network"])
    return pd.DataFrame(labels, index=range(1)).merge(table, how="cross")


# Every pipeline, scale and network is a cell; the first network's cells come first.

SMALL: Factors = {
    "network": range(5),
    "pipeline": (
        Pipeline("SGD lr 0.01", learning_rate=0.01),
        Pipeline("SGD lr 0.1, L2 0.03", learning_rate=0.1, weight_decay=0.03),
        Pipeline("Adam lr 0.01", "adam", 0.01),
    ),
    "weight_scale": (1.0, 16.0),
}


def _sets(train: int, validation: int, test: int) -> dict[str, Any]:
    sizes = {"images": 1797, "train": train, "validation": validation, "test": test}
    return {"source": "digits", **sizes, "split": 0}


DIGITS, FEW = _sets(300, 300, 1197), _sets(100, 100, 1000)
UNTIL_FITTED = {"least": 90, "most": 200, "every": 10}
REST: dict[str, Any] = {"width": 4, "norm": "batch", "seed": 0}

# Shown in: limits, "Result 1"; claims memory.resnet-remembers, resnet-forgets, resnet-adam.
RESNET = Experiment(
    "memory.resnet",
    "How much of the initial scale does a ResNet with batch norm remember?",
    {
        "smoke": design(
            {**SMALL, "network": range(2)},
            schedule={"least": 40, "most": 40, "every": 40},
            sets=FEW,
            **REST,
        ),
        "laptop": design(SMALL, schedule=UNTIL_FITTED, sets=DIGITS, **REST),
        "paper": design(
            {**SMALL, "network": range(20), "weight_scale": (0.25, 1.0, 4.0, 16.0)},
            schedule=UNTIL_FITTED,
            sets=DIGITS,
            **REST,
        ),
    },
    run_resnet,
)
