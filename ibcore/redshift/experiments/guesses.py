"""Guess and check: how often do random networks fit a few points, and do they generalize."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ibcore.nets import MLP
from ibcore.population import member_seed
from ibcore.redshift.guess_and_check import (
    Guesser,
    Table,
    boolean_complexity,
    check_guesses,
    network_guesser,
    rank_functions,
    sample_boolean,
    unbiased_guesser,
)
from ibcore.runs import Experiment
from ibcore.runtime import generator
from ibcore.tasks import grid as input_grid

LEARNERS: Mapping[str, dict[str, Any]] = {  # activation and weight scale; unbiased has neither
    "relu": {"activation": "relu", "weight_scale": 1.0},
    "tanh 1": {"activation": "tanh", "weight_scale": 1.0},
    "tanh 8": {"activation": "tanh", "weight_scale": 8.0},
    "sine 8": {"activation": "sine", "weight_scale": 8.0},
    "unbiased": {},
}
TASKS = ("half-plane", "checkerboard")
_SQUARES = 3  # of the checkerboard, along each axis


@dataclass(frozen=True)
class GuessAndCheck:
    """Every learner guesses on ``datasets`` data sets of each task."""

    learner: tuple[str, ...] = tuple(LEARNERS)
    bias_scale: tuple[float, ...] = (1.0, 0.0)
    task: tuple[str, ...] = TASKS
    points: int = 8
    datasets: int = 10
    samples: int = 2500
    depth: int = 3
    width: int = 64
    grid: int = 16
    seed: int = 0


@dataclass(frozen=True)
class Guessing:
    """One learner on one data set; the unbiased model has no biases to scale."""

    learner: str
    bias_scale: float | None
    task: str
    points: int
    dataset: int
    samples: int
    depth: int
    width: int
    grid: int
    seed: int


def labels(task: str, x: Tensor, rng: torch.Generator) -> Tensor:
    """Return the labels +1 and -1 of points ``(n, 2)``, after drawing the rule.

    ``"half-plane"``: the side of a line at a distance up to 0.25 from the origin, in a random
    direction.  ``"checkerboard"``: three by three squares on :math:`[-1, 1]^2`, with a random
    color for the middle.

    Raises
    ------
    ValueError
        If the task is unknown.

    Examples
    --------
    >>> x = torch.tensor([[0.0, 0.0], [0.0, 0.9]], dtype=torch.float64)
    >>> labels("checkerboard", x, generator(0)).prod()
    tensor(-1., dtype=torch.float64)
    """
    if task == "half-plane":
        angle, offset = torch.rand(2, generator=rng, dtype=torch.float64)
        normal = torch.stack([(2 * math.pi * angle).cos(), (2 * math.pi * angle).sin()])
        return torch.where(x @ normal > offset / 2 - 0.25, 1.0, -1.0).double()
    if task != "checkerboard":
        raise ValueError(f"unknown task {task!r}; choose one of {', '.join(TASKS)}")
    flip = 2 * torch.randint(2, (1,), generator=rng) - 1
    square = ((x + 1) / 2 * _SQUARES).floor().clamp(max=_SQUARES - 1).sum(-1)
    return (1 - 2 * (square % 2)) * flip


def _guesser(cell: Guessing, device: torch.device) -> Guesser:
    """Each data set has random functions of its own."""
    seed = member_seed(cell.seed, cell.dataset)
    if cell.learner == "unbiased":
        return unbiased_guesser(2 * cell.grid, seed=seed, device=device)
    options = LEARNERS[cell.learner]
    net = MLP(depth=cell.depth, width=cell.width, activation=options["activation"])
    size = {"weight_scale": options["weight_scale"], "bias_scale": cell.bias_scale}
    return network_guesser(net, **size, seed=seed, device=device)


def _run_guessing(cell: Guessing, device: torch.device) -> pd.DataFrame:
    rng = generator(member_seed(cell.seed, cell.dataset))
    known = torch.rand(cell.points, 2, generator=rng, dtype=torch.float64) * 2 - 1
    points = torch.cat([known, input_grid(cell.grid, nodes="cell")])
    y = labels(cell.task, points, rng)
    train, test = (
        (points[part].to(device), y[part].to(device))
        for part in (slice(cell.points), slice(cell.points, None))
    )
    result = check_guesses(_guesser(cell, device), train, test, samples=cell.samples)
    return pd.DataFrame(
        {
            "learner": [cell.learner],
            "bias_scale": math.nan if cell.bias_scale is None else cell.bias_scale,
            "task": cell.task,
            "points": cell.points,
            "network": cell.dataset,
            "seed": cell.seed,
            "samples": result.samples,
            "hits": result.hits,
            "hit_rate": result.hit_rate.value,
            "low": result.hit_rate.low,
            "high": result.hit_rate.high,
            "baseline": result.baseline,
            "accuracy": result.accuracy,
        }
    )


def _cells(config: GuessAndCheck) -> list[Guessing]:
    size = (config.samples, config.depth, config.width, config.grid, config.seed)
    return [
        Guessing(learner, bias_scale, task, config.points, number, *size)
        for learner in config.learner
        for bias_scale in (config.bias_scale if LEARNERS[learner] else (None,))
        for task, number in product(config.task, range(config.datasets))
    ]


GUESSES: Experiment[GuessAndCheck, Guessing] = Experiment(
    name="redshift.guess-and-check",
    question="How often does a random network fit eight points, and does it generalize then?",
    tiers={
        "smoke": GuessAndCheck(
            learner=("relu", "tanh 1", "sine 8", "unbiased"), datasets=5, samples=500
        ),
        "laptop": GuessAndCheck(),
        "paper": GuessAndCheck(datasets=50, samples=100_000, grid=32),
    },
    cells=_cells,
    run_cell=_run_guessing,
)


# Boolean functions of seven inputs: how often random networks compute each, and how complex.

RANDOM = "random function"  # independent fair bits, in place of an activation


@dataclass(frozen=True)
class BooleanFunctions:
    """Networks 7-40-40-1 at every activation and weight scale."""

    activation: tuple[str, ...] = ("relu", "tanh")
    weight_scale: tuple[float, ...] = (1.0, 4.0, 16.0)
    bias_scale: float = 0.35  # biases have a standard deviation of 0.2
    variables: int = 7
    depth: int = 2
    width: int = 40
    networks: int = 4000  # in each batch
    batches: int = 10
    top: int = 300
    looked_at: int = 500  # networks whose own function is measured
    seed: int = 0


@dataclass(frozen=True)
class Ensemble:
    """One ensemble of networks, drawn in equal batches, and its most frequent functions."""

    activation: str
    weight_scale: float
    bias_scale: float
    variables: int
    depth: int
    width: int
    networks: int
    batches: int
    top: int
    seed: int


@dataclass(frozen=True)
class Members:
    """Some networks of one ensemble, or random functions (which have no weights)."""

    activation: str
    weight_scale: float | None
    bias_scale: float | None
    variables: int
    depth: int
    width: int
    networks: int
    seed: int


def _ensembles(config: BooleanFunctions) -> list[Ensemble]:
    shape = (config.variables, config.depth, config.width)
    draw = (config.networks, config.batches, config.top, config.seed)
    return [
        Ensemble(activation, weight_scale, config.bias_scale, *shape, *draw)
        for activation, weight_scale in product(config.activation, config.weight_scale)
    ]


def _members(config: BooleanFunctions) -> list[Members]:
    size = (config.variables, config.depth, config.width, config.looked_at, config.seed)
    pairs = product(config.activation, config.weight_scale)
    return [
        *(Members(*pair, config.bias_scale, *size) for pair in pairs),
        Members(RANDOM, None, None, *size),
    ]


def _run_ensemble(cell: Ensemble, device: torch.device) -> pd.DataFrame:
    options: dict[str, Any] = asdict(cell)
    batches, top = options.pop("batches"), options.pop("top")
    options["networks"] *= batches
    ranking = rank_functions(sample_boolean(**options, device=device), batches=batches, top=top)
    complexity = boolean_complexity(ranking.tables)
    rank, batch = np.indices(ranking.counts.shape)
    return pd.DataFrame(
        {
            "activation": cell.activation,
            "weight_scale": cell.weight_scale,
            "rank": rank.ravel() + 1,
            "network": batch.ravel(),
            "seed": cell.seed,
            "count": ranking.counts.ravel(),
            "probability": ranking.counts.ravel() / cell.networks,
            "complexity": complexity[rank.ravel()],
            "distinct": ranking.distinct,
        }
    )


def _tables(cell: Members, device: torch.device) -> Table:
    options: dict[str, Any] = asdict(cell)
    if cell.activation != RANDOM:
        return sample_boolean(**options, device=device)
    rng = np.random.default_rng(cell.seed)
    return rng.integers(256, size=(cell.networks, 2**cell.variables // 8), dtype=np.uint8)


def _run_members(cell: Members, device: torch.device) -> pd.DataFrame:
    tables = _tables(cell, device)
    return pd.DataFrame(
        {
            "activation": cell.activation,
            "weight_scale": np.nan if cell.weight_scale is None else cell.weight_scale,
            "network": range(cell.networks),
            "seed": cell.seed,
            "complexity": boolean_complexity(tables),
            "ones": np.unpackbits(tables, axis=1).mean(1),
        }
    )


TIERS = {
    "smoke": BooleanFunctions(networks=500, batches=4, looked_at=100),
    "laptop": BooleanFunctions(),
    "paper": BooleanFunctions(
        activation=("relu", "gelu", "tanh", "sine"),
        weight_scale=(0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
        networks=100_000,
        top=1000,
        looked_at=10_000,
    ),
}

BOOLEAN: Experiment[BooleanFunctions, Ensemble] = Experiment(
    name="redshift.boolean",
    question="Which Boolean functions do random networks compute most often?",
    tiers=TIERS,  # type: ignore[arg-type]
    cells=_ensembles,
    run_cell=_run_ensemble,
)

BOOLEAN_COMPLEXITY: Experiment[BooleanFunctions, Members] = Experiment(
    name="redshift.boolean-complexity",
    question="How complex is the Boolean function of a random network?",
    tiers=TIERS,  # type: ignore[arg-type]
    cells=_members,
    run_cell=_run_members,
)
