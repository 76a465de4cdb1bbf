"""ResNet-9 with batch norm on CIFAR-10 of 16 x 16: one network in each cell, at a fixed budget."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch

from ibcore.memory.experiments.resnet import cell_table, draw_network
from ibcore.memory.metrics import GATE
from ibcore.memory.sweep import MetricRecorder, Pipeline, Problem, image_problem
from ibcore.population import Population, member_seed
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.tasks.pictures import CHANNELS, load_pictures


def load_problem(sets: Mapping[str, Any]) -> Problem:
    """Return the pictures of a cell in three sets."""
    pictures = load_pictures(sets["source"], sets["images"], sets["size"])
    options = {name: sets[name] for name in ("train", "validation", "test", "split")}
    return image_problem(*pictures, **options)


def train_all_steps(cell: Cell, problem: Problem, start: Population) -> MetricRecorder:
    """Train for all steps of the cell and return what was seen at its looks."""
    options = asdict(cell["pipeline"])
    del options["name"]
    watcher = MetricRecorder(problem, start, cell["looks"])
    start.train(
        *problem.train,
        loss="cross_entropy",
        steps=cell["looks"][-1],
        cool_down=cell["cool_down"],
        seed=member_seed(cell["seed"], cell["network"]),
        checkpoints=cell["looks"],
        on_checkpoint=watcher,
        **options,
    )
    return watcher


def effective_steps(steps: int, cool_down: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the sums of the shares of the learning rate and of their squares, (2, steps + 1).

    Entry t belongs to t steps: what they are worth to the flow and to the clock of the noise.

    Examples
    --------
    >>> effective_steps(3, 2).tolist()
    [[0.0, 1.0, 2.0, 2.5], [0.0, 1.0, 2.0, 2.25]]
    """
    left = np.arange(steps, 0, -1)  # steps that are left, the present one included
    share = np.minimum(1.0, left / max(cool_down, 1))
    return np.concatenate([np.zeros((2, 1)), np.cumsum([share, share**2], axis=1)], axis=1)


def run_cifar(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Train one network and return one row for each look.

    Beside the columns of `ibcore.memory.sweep_table`: ``run`` and ``layers``, the provenance of
    the data (source, picture size, split, numbers of images), and ``sustained``: whether the
    training set is fitted at this look and at all later ones.  Clocks count the cool-down.

    Examples
    --------
    >>> cell = {**next(iter(CIFAR.plan("smoke").values())), "looks": (0, 3), "cool_down": 1}
    >>> run_cifar(cell, torch.device("cpu")).step.tolist()
    [0, 3]
    """
    size, looks = cell["sets"]["size"], cell["looks"]
    start = draw_network(cell, device, channels=CHANNELS, size=size)
    problem = load_problem(cell["sets"]).to(device, start.dtype)
    table = cell_table(cell, train_all_steps(cell, problem, start), looks)
    worth = effective_steps(looks[-1], cell["cool_down"])[:, list(looks)] / np.maximum(looks, 1)
    for name, power in (("flow_time", 0), ("explicit_clock", 0), ("noise_clock", 1)):
        table[name] *= worth[power]
    fitted = table.train_accuracy.to_numpy() >= GATE
    own = {name: cell[name] for name in ("run", "layers", "cool_down")}
    return table.assign(
        **own, picture_size=size, sustained=np.logical_and.accumulate(fitted[::-1])[::-1]
    )


# Every network of every pipeline and scale is a cell, for about half a minute on a processor.

PIPELINES = (
    Pipeline("SGD lr 0.05", "sgd", 0.05, batch_size=64),
    Pipeline("SGD lr 0.1, L2 0.03", "sgd", 0.1, 0.03, batch_size=64),
    Pipeline("Adam lr 0.01", "adam", 0.01, batch_size=64),
    Pipeline("Adam lr 0.001", "adam", 0.001, batch_size=64),
    Pipeline("AdamW lr 0.003, decay 1", "adamw", 0.003, 1.0, batch_size=64),
)


def _sets(source: str, size: int, images: int, *sizes: int, split: int = 0) -> dict[str, Any]:
    parts = dict(zip(("train", "validation", "test"), sizes, strict=True))
    return {"source": source, "size": size, "images": images, **parts, "split": split}


def _budget(run: str, steps: int, sets: Mapping[str, Any], looks: int) -> dict[str, Any]:
    """Return a run of so many steps, the rate cooling down over the last three tenths."""
    seen = tuple(steps * look // looks for look in range(looks + 1))
    return {"run": run, "looks": seen, "cool_down": 3 * steps // 10, "sets": sets}


def _plan(
    networks: int,
    scales: tuple[float, ...],
    *,
    width: int,
    steps: tuple[int, int, int],
    sets: Mapping[str, Any],
    few: int,
    looks: int = 10,
) -> list[Cell]:
    """Return all cells, those of the first network first.

    All layers at every scale, the hidden ones at the largest (at scale 1 both are the same
    network); then plain SGD for longer, and all pipelines for a budget that hides forgetting, on
    ``few`` training images, each at scale 1 and the largest.
    """
    rest: dict[str, Any] = {"width": width, "norm": "batch", "seed": 0}
    usual, longer, short = (
        _budget(run, count, data, looks)
        for run, count, data in zip(
            ("usual", "long", "short"), steps, (sets, sets, {**sets, "train": few}), strict=True
        )
    )
    ends = (1.0, scales[-1])
    parts: list[tuple[tuple[Pipeline, ...], tuple[float, ...], str, dict[str, Any]]] = [
        (PIPELINES, scales, "all", usual),
        (PIPELINES, ends[1:], "hidden", usual),
        (PIPELINES[:1], ends, "all", longer),
        (PIPELINES, ends, "all", short),
    ]
    return [
        cell
        for network in range(networks)
        for pipelines, alphas, layers, budget in parts
        for cell in design(
            {"pipeline": pipelines, "weight_scale": alphas},
            network=network,
            layers=layers,
            **budget,
            **rest,
        )
    ]


SYNTHETIC = _sets("synthetic", 8, 400, 200, 100, 100)
SMALL = _sets("cifar10", 16, 50_000, 2000, 1000, 4000, split=1)
FULL = _sets("cifar10", 32, 50_000, 40_000, 5000, 5000, split=1)

# Shown in: result, "The paper's data: CIFAR-10"; limits, "Function and weights", "The abstract";
# claims memory.cifar-sgd, cifar-l2, cifar-adamw, cifar-adam, cifar-adam-low,
# cifar-alone, cifar-all, cifar-hidden, cifar-long, cifar-short, cifar-selected, cifar-helps.
CIFAR = Experiment(
    "memory.cifar",
    "How much of the initial scale does a ResNet remember on CIFAR-10?",
    {
        "smoke": _plan(
            2, (0.25, 1.0, 8.0), width=2, steps=(24, 36, 12), sets=SYNTHETIC, few=100, looks=3
        ),
        "laptop": _plan(
            5, (0.25, 0.5, 1.0, 2.0, 8.0), width=8, steps=(2500, 7500, 700), sets=SMALL, few=1000
        ),
        "paper": _plan(
            5,
            (0.25, 0.5, 1.0, 2.0, 8.0),
            width=64,
            steps=(50_000, 150_000, 14_000),
            sets=FULL,
            few=20_000,
        ),
    },
    run_cifar,
)
