"""Modular addition: which networks learn stripes, and what their complexity was at the start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.redshift.fourier import fourier_complexity
from ibcore.runs import Experiment
from ibcore.tasks import Modular, grid, modular_addition

SIX = ("relu", "gelu", "silu", "tanh", "gaussian", "sine")
FOUR = ("relu", "tanh", "gaussian", "sine")
OCTAVES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
EIGHT = (0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 16.0)
TEN = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)


@dataclass(frozen=True)
class Learner:
    """Architecture and training of every network here; the paper does not state them.

    Two hidden layers, the prior of `ibcore.nets.sample_parameters`, Adam on all training points.
    """

    depth: int = 2
    width: int = 64
    learning_rate: float = 2e-3
    steps: int = 1000
    train_fraction: float = 0.6
    numbers: int = 16


@dataclass(frozen=True)
class Modulo:
    """Networks are trained for every activation, prefactor and modulus."""

    activation: tuple[str, ...] = SIX
    prefactor: tuple[float, ...] = OCTAVES
    modulus: tuple[int, ...] = (10, 7, 4)
    learner: Learner = Learner()
    networks: int = 5
    grid: int = 48
    seed: int = 0


@dataclass(frozen=True)
class Learners:
    """One activation and prefactor; all moduli and networks are trained together."""

    activation: str
    prefactor: float
    modulus: tuple[int, ...]
    learner: Learner
    networks: int
    grid: int
    seed: int


def sample_learners(cell: Learners, repeats: int, device: torch.device) -> Population:
    """Draw the networks of a cell, the same ones ``repeats`` times: repeat-major."""
    depth, width = cell.learner.depth, cell.learner.width
    net = MLP(2, 1, depth=depth, width=width, activation=cell.activation, prefactor=cell.prefactor)
    drawn = Population.sample(
        net, networks=cell.networks, seed=cell.seed, device=device, dtype=torch.float32
    )
    return Population(net, {name: torch.cat([p] * repeats) for name, p in drawn.parameters.items()})


def sample_tasks(cell: Learners, device: torch.device) -> dict[str, Tensor]:
    """Return the data of each modulus and network, modulus-major: x (m, n, 2) and y (m, n).

    Network i has a split of its own, the same for every modulus.
    """
    options: dict[str, Any] = {
        "numbers": cell.learner.numbers,
        "train_fraction": cell.learner.train_fraction,
        "dtype": torch.float32,
    }
    tasks: list[Modular] = [
        modular_addition(modulus, seed=member_seed(cell.seed, network), **options)
        for modulus, network in product(cell.modulus, range(cell.networks))
    ]
    names = ("train_x", "train_y", "test_x", "test_y")
    return {name: torch.stack([getattr(t, name) for t in tasks]).to(device) for name in names}


def fit(cell: Learners, population: Population, x: Tensor, y: Tensor) -> tuple[Population, Tensor]:
    """Train on labels y (m, n) and return the networks with their losses (m,)."""
    rate, steps = cell.learner.learning_rate, cell.learner.steps
    trained = population.train(x, y, loss="binary", steps=steps, learning_rate=rate)
    return trained.population, trained.losses


def accuracy(population: Population, x: Tensor, y: Tensor) -> list[float]:
    """Return the share of points that each network puts in the right class."""
    right = (population.forward(x)[..., 0] > 0) == (y > 0)
    return right.double().mean(1).tolist()


def functions(population: Population, points: int) -> Tensor:
    """Return the logits of each network on a grid over the square, (m, points, points)."""
    x = grid(points, dtype=population.dtype).to(population.device)
    return population.forward(x).reshape(len(population), points, points)


def complexity(population: Population, points: int) -> list[float]:
    """Return the Fourier complexity (cosine transform) of each network's logit."""
    return fourier_complexity(functions(population, points)).tolist()


def _labeled(cell: Learners, columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Return one row per modulus and network."""
    conditions = list(product(cell.modulus, range(cell.networks)))
    return pd.DataFrame(
        {
            "activation": cell.activation,
            "prefactor": cell.prefactor,
            "modulus": [modulus for modulus, _ in conditions],
            "network": [network for _, network in conditions],
            "seed": cell.seed,
            **columns,
        }
    )


def _run_learners(cell: Learners, device: torch.device) -> pd.DataFrame:
    start, data = sample_learners(cell, len(cell.modulus), device), sample_tasks(cell, device)
    trained, losses = fit(cell, start, data["train_x"], data["train_y"])
    columns = {
        "train_accuracy": accuracy(trained, data["train_x"], data["train_y"]),
        "test_accuracy": accuracy(trained, data["test_x"], data["test_y"]),
        "loss": losses.tolist(),
        "complexity_initial": complexity(start, cell.grid),
        "complexity_trained": complexity(trained, cell.grid),
    }
    return _labeled(cell, columns)


def _run_pictures(cell: Learners, device: torch.device) -> pd.DataFrame:
    start, data = sample_learners(cell, len(cell.modulus), device), sample_tasks(cell, device)
    trained, _ = fit(cell, start, data["train_x"], data["train_y"])
    columns: dict[str, Sequence[Any]] = {
        "picture": learned_functions(trained, cell.grid),
        "train_accuracy": accuracy(trained, data["train_x"], data["train_y"]),
        "test_accuracy": accuracy(trained, data["test_x"], data["test_y"]),
    }
    return _labeled(cell, columns)


def learned_functions(population: Population, points: int = 32) -> list[bytes]:
    r"""Return what each network has learned as a picture: points * points bytes, row by row.

    A byte is 255 times the probability of label 1, rounded; entry (i, j) stands at byte
    ``i * points + j`` and belongs to ``(axis[i], axis[j])`` of `ibcore.tasks.grid`.

    Examples
    --------
    >>> flat = Population.sample(MLP(2, 1), networks=1, weight_scale=0.0, bias_scale=0.0)
    >>> learned_functions(flat, 2)
    [b'\x80\x80\x80\x80']
    """
    bytes_ = (functions(population, points).sigmoid() * 255).round().to(torch.uint8)
    return [picture.numpy().tobytes() for picture in bytes_.cpu()]


def _cells(config: Modulo) -> list[Learners]:
    size = (config.modulus, config.learner, config.networks, config.grid, config.seed)
    return [Learners(a, p, *size) for a, p in product(config.activation, config.prefactor)]


SMOKE = Modulo(
    activation=("relu", "tanh", "sine"),
    prefactor=(1.0, 4.0, 16.0),
    modulus=(10, 4),
    learner=Learner(steps=400),
    networks=3,
    grid=32,
)

MODULAR: Experiment[Modulo, Learners] = Experiment(  # Figures 7 and 8 of the paper
    name="redshift.modular",
    question="Which activations and prefactors learn modular addition from 60 % of its points?",
    tiers={
        "smoke": SMOKE,
        "laptop": Modulo(),
        "paper": Modulo(prefactor=TEN, learner=Learner(steps=5000), networks=40, grid=64),
    },
    cells=_cells,
    run_cell=_run_learners,
)

PICTURES: Experiment[Modulo, Learners] = Experiment(
    name="redshift.modular-pictures",
    question="What does the function look like that one network learned from modular addition?",
    tiers={
        "smoke": replace(SMOKE, networks=1, prefactor=(1.0, 4.0), learner=Learner(steps=200)),
        "laptop": Modulo(activation=FOUR, prefactor=EIGHT, networks=1, grid=32),
        "paper": Modulo(
            activation=FOUR, prefactor=EIGHT, networks=1, grid=32, learner=Learner(steps=5000)
        ),
    },
    cells=_cells,
    run_cell=_run_pictures,
)

EXPERIMENTS = (MODULAR, PICTURES)
