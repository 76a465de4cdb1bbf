"""A wide perceptron learns moved digits beside a small convolutional network, and its controls."""

from dataclasses import dataclass, replace

import pandas as pd
import torch

from ibcore.guidance.experiments.conditions import Condition, guided_by
from ibcore.guidance.experiments.images import Images
from ibcore.guidance.experiments.networks import Convolutional, Perceptron
from ibcore.guidance.experiments.room import Room
from ibcore.guidance.experiments.scores import result_row
from ibcore.guidance.experiments.setting import Fit, Setting
from ibcore.runs import Experiment

LAPTOP = Setting()
SMOKE = replace(
    LAPTOP,
    images=Images(pool=400, validation=100),
    target=Perceptron(width=192),
    untrained=Convolutional((32, 32, 64)),
    trained=Convolutional((16, 16, 32)),
    fit=Fit(steps=200, learning_rate=1e-2),
    steps=120,
    batch_size=75,
    unlabeled_batch=75,
    learning_rate=3e-3,
    weight=1.0,
)
HALF = replace(LAPTOP, target=Perceptron(width=256), batch_size=75)
"""Half as wide, for what is watched closely, with batches small enough for singular values."""

PAPER = Setting(
    images=Images("cifar10", labeled=45_000, pool=5000, validation=5000),
    target=Perceptron(width=4096),
    untrained=Convolutional((64,), resnet=True),
    trained=Convolutional((64,), resnet=True),
    fit=Fit(steps=7000, batch_size=256, learning_rate=1e-3),
    steps=7000,
    batch_size=256,
    unlabeled_batch=256,
    weight=1.0,
)

FEW = (
    *("unguided", "unguided, tuned", "unguided, twice the steps", "untrained CNN", "trained CNN"),
    *("permuted CNN", "pixels", "random features", "labels, last layer", "distillation"),
)


@dataclass(frozen=True)
class Wide:
    """Each network learns under every condition."""

    setting: Setting
    conditions: tuple[Condition, ...]
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class WideNetwork:
    """One network under all conditions."""

    setting: Setting
    conditions: tuple[Condition, ...]
    network: int
    seed: int


def wide_cells(config: Wide) -> list[WideNetwork]:
    """Return one cell for each network.

    Examples
    --------
    >>> len(wide_cells(Wide(SMOKE, (Condition("unguided"),), networks=2)))
    2
    """
    return [
        WideNetwork(config.setting, config.conditions, network, config.seed)
        for network in range(config.networks)
    ]


def run_wide(cell: WideNetwork, device: torch.device) -> pd.DataFrame:
    """Train a network under every condition and return a row for each, as in `result_row`.

    Examples
    --------
    >>> cell = wide_cells(Wide(replace(SMOKE, steps=1), guided_by("pixels"), networks=1))[0]
    >>> run_wide(cell, torch.device("cpu")).condition.tolist()
    ['pixels']
    """
    room = Room(cell.setting, cell.network, seed=cell.seed, device=device)
    rows = [result_row(room, condition, *room.choose(condition)) for condition in cell.conditions]
    return pd.DataFrame(rows).assign(network=cell.network, seed=cell.seed)


def wide_conditions(setting: Setting) -> tuple[Condition, ...]:
    """Return guidance and its controls.

    The early disconnect comes after a fifth of the steps; alignment comes first for as many steps
    as the task has afterwards, which "unguided, twice the steps" stands beside.

    Examples
    --------
    >>> [condition.name for condition in wide_conditions(LAPTOP)][:2]
    ['unguided', 'unguided, tuned']
    """
    steps, rate = setting.steps, setting.learning_rate
    return (
        Condition("unguided"),
        Condition("unguided, tuned", learning_rates=(0.3 * rate, rate, 3 * rate)),
        Condition("unguided, twice the steps", steps=2 * steps),
        Condition("weight decay", weight_decays=(1e-3, 1e-2)),
        *guided_by(
            *("untrained CNN", "trained CNN", "permuted CNN", "untrained MLP", "pixels"),
            *("random features", "noise input", "labels"),
        ),
        Condition("labels, last layer", "labels", mapping="last"),
        Condition("untrained CNN, last layer", "untrained CNN", mapping="last"),
        Condition("untrained CNN, unbiased", "untrained CNN", unbiased=True),
        Condition(
            "untrained CNN, early disconnect",
            "untrained CNN",
            schedule="disconnect",
            until=max(1, steps // 5),
        ),
        Condition(
            "untrained CNN, alignment first",
            "untrained CNN",
            schedule="initialize",
            until=steps,
            steps=2 * steps,
        ),
        Condition("distillation", distill=True),
    )


def _some(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Return the conditions that are run in seconds."""
    return tuple(condition for condition in conditions if condition.name in FEW)


WIDE: Experiment[Wide, WideNetwork] = Experiment(
    name="guidance.wide",
    question="What does a wide perceptron gain from a convolutional guide, and from its controls?",
    tiers={
        "smoke": Wide(SMOKE, _some(wide_conditions(SMOKE)), networks=2),
        "laptop": Wide(LAPTOP, wide_conditions(LAPTOP)),
        "paper": Wide(PAPER, wide_conditions(PAPER)),
    },
    cells=wide_cells,
    run_cell=run_wide,
)

EXPERIMENTS = (WIDE,)
