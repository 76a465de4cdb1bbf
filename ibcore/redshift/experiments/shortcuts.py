"""Shortcut learning: digits whose color predicts the label just as well, over the prefactor."""

from dataclasses import dataclass, replace
from itertools import product

import pandas as pd
import torch
from torch import Tensor

from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.redshift.paths import path_variation
from ibcore.runs import Experiment
from ibcore.tasks.images import PIXELS, ColoredDigits, colored_digits

_SEGMENTS = 100  # between training points, on which the variation is measured


@dataclass(frozen=True)
class Shortcuts:
    """A grid of conditions, and how each network is trained (Adam, mean squared error)."""

    activation: tuple[str, ...] = ("relu", "tanh", "gaussian", "sine")
    prefactor: tuple[float, ...] = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
    band: tuple[int, ...] = (1,)
    networks: int = 10
    depth: int = 2
    width: int = 64
    train: int = 1300
    steps: int = 800
    batch_size: int = 100
    learning_rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True)
class Shortcut:
    """One combination."""

    activation: str
    prefactor: float
    band: int
    networks: int
    depth: int
    width: int
    train: int
    steps: int
    batch_size: int
    learning_rate: float
    seed: int


def _conditions(config: Shortcuts) -> list[Shortcut]:
    return [
        Shortcut(
            *choice,
            networks=config.networks,
            depth=config.depth,
            width=config.width,
            train=config.train,
            steps=config.steps,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            seed=config.seed,
        )
        for choice in product(config.activation, config.prefactor, config.band)
    ]


def correlation(prediction: Tensor, target: Tensor) -> Tensor:
    """Return Pearson's correlation of each row: two tensors (m, n) to (m,); nan for a constant.

    Examples
    --------
    >>> rows = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    >>> correlation(rows, torch.tensor([[0.0, 1.0, 2.0]]).expand(2, 3)).round(decimals=9).tolist()
    [1.0, -1.0]
    """
    first, second = (v.double() - v.double().mean(1, keepdim=True) for v in (prediction, target))
    return (first * second).sum(1).div(first.norm(dim=1) * second.norm(dim=1))


def _data(cell: Shortcut) -> list[ColoredDigits]:
    """Return the data of each network: a split and colors of its own."""
    seeds = [member_seed(cell.seed, member) for member in range(cell.networks)]
    return [
        colored_digits(train=cell.train, band=cell.band, seed=seed, dtype=torch.float32)
        for seed in seeds
    ]


def _stack(data: list[ColoredDigits], name: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return one set of all networks: inputs (m, n, in) from -1 to 1, targets (m, n, 1)."""
    sets = [getattr(each, name) for each in data]
    x, y = torch.stack([s.x for s in sets]), torch.stack([s.y for s in sets])
    return (2 * x - 1).to(device), y.to(device)


def _run_shortcut(cell: Shortcut, device: torch.device) -> pd.DataFrame:
    data = _data(cell)
    x, y = _stack(data, "train", device)
    network = MLP(
        PIXELS + cell.band,
        depth=cell.depth,
        width=cell.width,
        activation=cell.activation,
        prefactor=cell.prefactor,
    )
    untrained = Population.sample(
        network, networks=cell.networks, seed=cell.seed, device=device, dtype=torch.float32
    )
    trained = untrained.train(
        x,
        y,
        loss="mse",
        steps=cell.steps,
        learning_rate=cell.learning_rate,
        batch_size=cell.batch_size,
        seed=cell.seed,
    ).population
    ends = x[0, :_SEGMENTS], x[0, _SEGMENTS : 2 * _SEGMENTS]
    columns = {"variation_initial": path_variation(untrained, *ends)}
    columns["variation_trained"] = path_variation(trained, *ends)
    for column, name in (("train", "train"), ("digit", "test_digit"), ("color", "test_color")):
        points, target = _stack(data, name, device)
        prediction = trained.forward(points)[..., 0]
        columns[f"{column}_correlation"] = correlation(prediction, target[..., 0])
    return _frame(cell, columns)


def _frame(cell: Shortcut, columns: dict[str, Tensor]) -> pd.DataFrame:
    measures = pd.DataFrame({name: value.tolist() for name, value in columns.items()})
    conditions = {name: getattr(cell, name) for name in ("activation", "prefactor", "band", "seed")}
    frame = measures.rename_axis("network").reset_index().assign(**conditions)
    return frame[[*conditions, "network", *measures.columns]]


_LAPTOP = Shortcuts()

SHORTCUTS: Experiment[Shortcuts, Shortcut] = Experiment(  # Figure 9 of the paper
    name="redshift.shortcuts",
    question="Which of two predictive signals does a network learn, over its prefactor?",
    tiers={
        "smoke": replace(
            _LAPTOP,
            prefactor=(0.5, 2.0, 4.0),
            networks=3,
            steps=300,
            batch_size=50,
        ),
        "laptop": _LAPTOP,
        "paper": replace(_LAPTOP, band=(1, 2, 4, 8), networks=40, width=256, steps=3000),
    },
    cells=_conditions,
    run_cell=_run_shortcut,
)

EXPERIMENTS = (SHORTCUTS,)
