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
from ibcore.redshift.fourier import fourier_complexity, path_variation
from ibcore.runs import Experiment
from ibcore.runtime import generator
from ibcore.tasks import Modular, grid, modular_addition
from ibcore.tasks.images import PIXELS, ColoredDigits, colored_digits

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
    ``i * points + j`` and belongs to ``(axis[i], axis[j])`` of `ibcore.tasks.modular`.

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


# Networks that learn a task after they have fitted random labels, and whether it shows.


@dataclass(frozen=True)
class Hysteresis:
    """Networks learn modular addition fresh, and after they have fitted random labels.

    ``kinds`` are pairs of activation and prefactor.  How the detour is made is our choice: the
    training points are the same, and each label is drawn with probability 1/2.
    """

    kinds: tuple[tuple[str, float], ...] = (("relu", 1.0), ("sine", 1.0), ("sine", 3.0))
    modulus: int = 10
    learner: Learner = Learner()
    detour_steps: int = 2000
    networks: int = 20
    grid: int = 48
    seed: int = 0


@dataclass(frozen=True)
class Detour:
    """One kind of network, with and without the detour."""

    learners: Learners
    detour_steps: int


def random_labels(shape: tuple[int, int], seed: int) -> Tensor:
    """Return labels (m, n) of 0 and 1, each member's from a generator of its own.

    Examples
    --------
    >>> random_labels((2, 4), seed=0).unique().tolist()
    [0, 1]
    """
    members, points = shape
    draws = [
        torch.randint(2, (points,), generator=generator(member_seed(member_seed(seed, i), 2)))
        for i in range(members)
    ]
    return torch.stack(draws)


def _run_detour(cell: Detour, device: torch.device) -> pd.DataFrame:
    """Return one row per phase and network.

    ``train_accuracy`` is that on the labels of the phase, ``test_accuracy`` that on the task.
    """
    plain = cell.learners
    long = replace(plain, learner=replace(plain.learner, steps=cell.detour_steps))
    data, start = sample_tasks(plain, device), sample_learners(plain, 1, device)
    x, y = data["train_x"], data["train_y"]
    noise = random_labels((len(y), y.shape[1]), plain.seed).to(device)
    detour, _ = fit(long, start, x, noise)
    phases: dict[str, tuple[Population, Tensor]] = {
        "initial": (start, y),
        "fresh": (fit(plain, start, x, y)[0], y),
        "random labels": (detour, noise),
        "after random labels": (fit(plain, detour, x, y)[0], y),
    }
    rows = [
        pd.DataFrame(
            {
                "activation": plain.activation,
                "prefactor": plain.prefactor,
                "phase": phase,
                "network": range(plain.networks),
                "seed": plain.seed,
                "train_accuracy": accuracy(networks, x, labels),
                "test_accuracy": accuracy(networks, data["test_x"], data["test_y"]),
                "complexity": complexity(networks, plain.grid),
            }
        )
        for phase, (networks, labels) in phases.items()
    ]
    return pd.concat(rows, ignore_index=True)


def _hysteresis_cells(config: Hysteresis) -> list[Detour]:
    size = (config.networks, config.grid, config.seed)
    return [
        Detour(
            Learners(activation, prefactor, (config.modulus,), config.learner, *size),
            config.detour_steps,
        )
        for activation, prefactor in config.kinds
    ]


HYSTERESIS: Experiment[Hysteresis, Detour] = Experiment(  # appendix E.3 of the paper
    name="redshift.hysteresis",
    question="Is a network that starts from a complex function complex after training?",
    tiers={
        "smoke": Hysteresis(
            kinds=(("relu", 1.0), ("sine", 3.0)),
            learner=Learner(steps=600),
            detour_steps=600,
            networks=4,
            grid=32,
        ),
        "laptop": Hysteresis(),
        "paper": Hysteresis(
            learner=Learner(steps=5000), detour_steps=10_000, networks=100, grid=64
        ),
    },
    cells=_hysteresis_cells,
    run_cell=_run_detour,
)


# Shortcut learning: digits whose color predicts the label just as well, over the prefactor.

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
