"""ResNet-9 on images: one network in each cell, so that a long run can be stopped and continued."""

import contextlib
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

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
from ibcore.runs import Experiment
from ibcore.tasks.images import digits

# Images for the experiments on convolutional networks: which ones, and how they are split.

Source = Literal["digits", "cifar10"]


@dataclass(frozen=True)
class ImageSets:
    """Where the images come from, and how many are in each set.

    Only the first so many ``images`` of the source are used; of CIFAR-10, training images only.
    """

    source: Source = "cifar10"
    images: int = 25_000
    train: int = 20_000
    validation: int = 2500
    test: int = 2500
    split: int = 0


def load_images(sets: ImageSets) -> Problem:
    """Return the images of a source, split.

    Examples
    --------
    >>> load_images(ImageSets("digits", 1797, 200, 100, 100)).train.x.shape
    torch.Size([200, 1, 8, 8])
    """
    if sets.source == "digits":
        pixels, labels = digits()
        images = pixels[:, None]  # (n, 8, 8) -> (n, 1, 8, 8)
    else:
        from ibcore.data import load_cifar10

        data = load_cifar10()
        images, labels = data.train_images, data.train_labels
    sizes = {"train": sets.train, "validation": sets.validation, "test": sets.test}
    some = slice(sets.images)
    return image_problem(images[some], labels[some], **sizes, split=sets.split)


@dataclass(frozen=True)
class Schedule:
    """How long to train: at least some epochs, then on until the training set is fitted.

    Training ends at the first look, from ``least`` epochs on, at which train accuracy is at
    least 99.5 %, and after ``most`` epochs in any case.
    """

    least: int
    most: int
    every: int = 5  # epochs between looks


@dataclass(frozen=True)
class ResNets:
    """Every pipeline, scale and network is a cell; the first network's cells come first."""

    pipelines: tuple[Pipeline, ...]
    schedule: Schedule
    scales: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    sets: ImageSets = ImageSets()
    width: int = 32
    norm: Literal["batch"] | None = "batch"
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class ResNetRun:
    """One network."""

    pipeline: Pipeline
    weight_scale: float
    network: int
    schedule: Schedule
    sets: ImageSets
    width: int
    norm: Literal["batch"] | None
    seed: int


def _cells(config: ResNets) -> list[ResNetRun]:
    rest = (config.schedule, config.sets, config.width, config.norm, config.seed)
    choices = product(range(config.networks), config.pipelines, config.scales)
    return [ResNetRun(pipeline, scale, network, *rest) for network, pipeline, scale in choices]


class _FittedError(Exception):
    """The training set is fitted, and training has been long enough."""


def train_watched(
    cell: ResNetRun, problem: Problem, start: Population
) -> tuple[MetricRecorder, tuple[int, ...]]:
    """Train until the schedule ends it; return what was seen, and the looks that were reached.

    Examples
    --------
    >>> sets = ImageSets("digits", 1797, 40, 20, 20)
    >>> cell = ResNetRun(Pipeline("SGD"), 1.0, 0, Schedule(1, 1, 1), sets, 1, "batch", 0)
    >>> train_watched(cell, load_images(sets), draw_start(cell, torch.device("cpu")))[1]
    (0, 2)
    """
    epoch = -(-len(problem.train.y) // cell.pipeline.batch_size)  # steps, the last one smaller
    epochs = {0, cell.schedule.most, *range(0, cell.schedule.most + 1, cell.schedule.every)}
    looks = tuple(epoch * number for number in sorted(epochs))
    watcher, seen = MetricRecorder(problem, start, looks), []

    def look(step: int, members: Tensor, population: Population) -> None:
        watcher(step, members, population)
        seen.append(step)
        accuracy = watcher.measures["train_accuracy"][watcher.rows[step], 0]
        if step >= epoch * cell.schedule.least and accuracy >= GATE:
            raise _FittedError

    with contextlib.suppress(_FittedError):
        start.train(
            *problem.train,
            loss="cross_entropy",
            steps=looks[-1],
            optimizer=cell.pipeline.optimizer,
            learning_rate=cell.pipeline.learning_rate,
            weight_decay=cell.pipeline.weight_decay,
            momentum=cell.pipeline.momentum,
            batch_size=cell.pipeline.batch_size,
            decay_steps=cell.pipeline.decay_steps,
            sam_radius=cell.pipeline.sam_radius,
            seed=member_seed(cell.seed, cell.network),
            looks=looks,
            on_look=look,
        )
    return watcher, tuple(seen)


def draw_start(cell: ResNetRun, device: torch.device) -> Population:
    """Return the cell's network before training: the same draw at every scale.

    Examples
    --------
    >>> sets = ImageSets("digits", 1797, 40, 20, 20)
    >>> cell = ResNetRun(Pipeline("SGD"), 1.0, 0, Schedule(1, 1), sets, 1, "batch", 0)
    >>> len(draw_start(cell, torch.device("cpu")))
    1
    """
    channels, size = (1, 8) if cell.sets.source == "digits" else (3, 32)
    drawn = Population.sample(
        ResNet(channels, 10, depth=9, width=cell.width, norm=cell.norm, image_size=size),
        networks=1,
        prior="gaussian",
        scaling="fan_in",
        bias_scale=0.0,
        seed=cell.seed,
        first=cell.network,
        device=device,
        dtype=torch.float32,
    )
    return scale_weights(drawn, cell.weight_scale)


def run_resnet(cell: ResNetRun, device: torch.device) -> pd.DataFrame:
    """Train one network and return one row for each look, with the sizes of its data.

    Examples
    --------
    >>> sets = ImageSets("digits", 1797, 40, 20, 20)
    >>> cell = ResNetRun(Pipeline("SGD"), 1.0, 0, Schedule(1, 1, 1), sets, 1, "batch", 0)
    >>> run_resnet(cell, torch.device("cpu")).step.tolist()
    [0, 2]
    """
    start = draw_start(cell, device)
    problem = load_images(cell.sets).to(device, start.dtype)
    watcher, looks = train_watched(cell, problem, start)
    rows = slice(len(looks))
    measures = {name: values[rows, None, None] for name, values in watcher.measures.items()}
    predictions = watcher.predictions[rows, None, None]
    axes = ((cell.pipeline,), (cell.weight_scale,), looks, cell.seed)
    table = sweep_table(SweepResult(*axes, measures, predictions))
    labels = {
        "source": cell.sets.source,
        "width": cell.width,
        "norm": cell.norm or "none",
        "split": cell.sets.split,
        "images": cell.sets.images,
        "train_size": cell.sets.train,
        "validation_size": cell.sets.validation,
        "test_size": cell.sets.test,
    }
    table = table.drop(columns=["disagreement", "forgets"]).assign(network=cell.network)
    return pd.DataFrame(labels, index=range(1)).merge(table, how="cross")


_BATCH = 128
_PIPELINES = (
    Pipeline("SGD lr 0.001", learning_rate=0.001, batch_size=_BATCH),
    Pipeline("SGD lr 0.01, L2 0.01", "sgd", 0.01, 0.01, batch_size=_BATCH),
    Pipeline("Adam lr 0.001", "adam", 0.001, batch_size=_BATCH),
    Pipeline("AdamW lr 0.001, decay 0.1", "adamw", 0.001, 0.1, batch_size=_BATCH),
)
_DIGITS = ResNets(
    (
        Pipeline("SGD lr 0.01", learning_rate=0.01),
        Pipeline("SGD lr 0.1, L2 0.03", learning_rate=0.1, weight_decay=0.03),
        Pipeline("Adam lr 0.01", "adam", 0.01),
    ),
    Schedule(least=90, most=200, every=10),
    scales=(1.0, 16.0),
    sets=ImageSets("digits", 1797, 300, 300, 1197),
    width=4,
)

RESNET: Experiment[ResNets, ResNetRun] = Experiment(
    name="memory.resnet",
    question="How much of the initial scale does a ResNet with batch norm remember?",
    tiers={
        "smoke": replace(
            _DIGITS,
            schedule=Schedule(least=40, most=40, every=40),
            sets=ImageSets("digits", 1797, 100, 100, 1000),
            networks=2,
        ),
        "laptop": _DIGITS,
        "paper": ResNets(_PIPELINES, Schedule(least=60, most=300)),
    },
    cells=_cells,
    run_cell=run_resnet,
)
