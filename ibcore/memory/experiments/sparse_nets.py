"""What the experiments on exact models share: problems, ways to train, and what is measured."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.memory.analytic import DiagonalNet, woodworth_solution
from ibcore.tasks import SparseRegression, sparse_regression, stack_problems


@dataclass(frozen=True)
class Problems:
    """Sparse regressions, one for each seed; the seed also draws batches and label noise."""

    points: int = 20
    features: int = 40
    nonzero: int = 3
    seeds: int = 10


SPARSE = Problems()


@dataclass(frozen=True)
class Training:
    """How diagonal nets are trained: by flow where there is no learning rate, else by steps."""

    name: str
    weight_scale: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)
    weight_decay: float = 0.0
    time: float = 80.0
    learning_rate: float = 0.0
    batch_size: int = 1
    label_noise: float = 0.0


def draw_problems(problems: Problems, device: torch.device) -> SparseRegression:
    """Return one problem for each seed, stacked.

    Examples
    --------
    >>> draw_problems(Problems(seeds=2), torch.device("cpu")).x.shape
    torch.Size([2, 20, 40])
    """
    size = {"points": problems.points, "features": problems.features, "nonzero": problems.nonzero}
    task = stack_problems([sparse_regression(seed=s, **size) for s in range(problems.seeds)])
    return SparseRegression(task.x.to(device), task.y.to(device), task.truth.to(device))


def grid_frame(**axes: Iterable[Any]) -> pd.DataFrame:
    """Return one row for every combination of the axes, the last one changing fastest.

    Examples
    --------
    >>> grid_frame(weight_scale=(0.1, 1.0), seed=range(3)).shape
    (6, 2)
    """
    return pd.MultiIndex.from_product(list(axes.values()), names=list(axes)).to_frame(index=False)


def starts(scales: tuple[float, ...], task: SparseRegression) -> DiagonalNet:
    """Return nets (scales, 1, d), to be trained on every problem.

    Examples
    --------
    >>> starts((0.1, 1.0), draw_problems(Problems(), torch.device("cpu"))).p.shape
    torch.Size([2, 1, 40])
    """
    column = torch.tensor(scales, dtype=torch.float64, device=task.x.device)[:, None]
    return DiagonalNet.start(column, features=task.x.shape[-1], device=task.x.device)


def train_nets(net: DiagonalNet, task: SparseRegression, how: Training) -> DiagonalNet:
    """Train nets of shape (scales, seeds, d) or (scales, 1, d) on every problem."""
    if not how.learning_rate:
        return net.flow(task.x, task.y, time=how.time, weight_decay=how.weight_decay)
    return net.train(
        task.x,
        task.y,
        steps=round(how.time / how.learning_rate),
        learning_rate=how.learning_rate,
        weight_decay=how.weight_decay,
        batch_size=how.batch_size,
        label_noise=how.label_noise,
        seed=range(len(task.x)),
    )


def measure_nets(net: DiagonalNet, task: SparseRegression) -> dict[str, Tensor]:
    """Return what is known of nets (scales, seeds, d), each (scales, seeds).

    ``distance_to_curve`` is the distance to the coefficients of least potential with the same
    outputs and effective scales.
    """
    least = woodworth_solution(task.x, net.predict(task.x), net.scale)
    return {
        "effective_scale": net.mean_scale,
        "excess_risk": task.excess_risk(net.beta),
        "train_error": 2 * net.loss(task.x, task.y),
        "distance_to_curve": (net.beta - least).norm(dim=-1),
    }
