"""Guess and check: how often do random networks fit a few points, and do they generalize."""

import math
from collections.abc import Iterable, Mapping
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
from ibcore.runs.experiment import Cell, Experiment, Factors, design
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


def _guesser(cell: Cell, device: torch.device) -> Guesser:
    """Each data set has random functions of its own."""
    seed = member_seed(cell["seed"], cell["dataset"])
    if cell["learner"] == "unbiased":
        return unbiased_guesser(2 * cell["grid"], seed=seed, device=device)
    options = LEARNERS[cell["learner"]]
    net = MLP(depth=cell["depth"], width=cell["width"], activation=options["activation"])
    size = {"weight_scale": options["weight_scale"], "bias_scale": cell["bias_scale"]}
    return network_guesser(net, **size, seed=seed, device=device)


def _run_guessing(cell: Cell, device: torch.device) -> pd.DataFrame:
    rng = generator(member_seed(cell["seed"], cell["dataset"]))
    count = cell["points"]
    known = torch.rand(count, 2, generator=rng, dtype=torch.float64) * 2 - 1
    points = torch.cat([known, input_grid(cell["grid"], nodes="cell")])
    y = labels(cell["task"], points, rng)
    train, test = (
        (points[part].to(device), y[part].to(device)) for part in (slice(count), slice(count, None))
    )
    result = check_guesses(_guesser(cell, device), train, test, samples=cell["samples"])
    return pd.DataFrame(
        {
            "learner": [cell["learner"]],
            "bias_scale": math.nan if cell["bias_scale"] is None else cell["bias_scale"],
            "task": cell["task"],
            "points": count,
            "network": cell["dataset"],
            "seed": cell["seed"],
            "samples": result.samples,
            "hits": result.hits,
            "hit_rate": result.hit_rate.value,
            "low": result.hit_rate.low,
            "high": result.hit_rate.high,
            "baseline": result.baseline,
            "accuracy": result.accuracy,
        }
    )


def _guesses(learners: Iterable[str], *, datasets: int, samples: int, grid: int = 16) -> list[Cell]:
    """Let every learner guess on every data set; the unbiased model has no biases to scale."""
    size = {"samples": samples, "depth": 3, "width": 64, "grid": grid, "seed": 0}
    cells: list[Cell] = []
    for learner in learners:
        biases = (1.0, 0.0) if LEARNERS[learner] else (None,)
        factors = {"bias_scale": biases, "task": TASKS, "dataset": range(datasets)}
        cells += design(factors, learner=learner, points=8, **size)
    return cells


# Shown in: limits, "Result 4"; claims redshift.guess-tanh, guess-relu, guess-biases,
# guess-generalizes, guess-biases-accuracy, guess-unbiased, guess-unbiased-rate, guess-sine,
# guess-checkerboard.
GUESSES = Experiment(
    "redshift.guess-and-check",
    "How often does a random network fit eight points, and does it generalize then?",
    {
        "smoke": _guesses(("relu", "tanh 1", "sine 8", "unbiased"), datasets=5, samples=500),
        "laptop": _guesses(LEARNERS, datasets=10, samples=2500),
        "paper": _guesses(LEARNERS, datasets=50, samples=100_000, grid=32),
    },
    _run_guessing,
)


# Boolean functions of seven inputs: how often random networks compute each, and how complex.

RANDOM = "random function"  # independent fair bits, in place of an activation


def _run_ensemble(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Draw an ensemble in equal batches, and rank its most frequent functions."""
    options = dict(cell)
    batches, top = options.pop("batches"), options.pop("top")
    options["networks"] *= batches
    ranking = rank_functions(sample_boolean(**options, device=device), batches=batches, top=top)
    complexity = boolean_complexity(ranking.tables)
    rank, batch = np.indices(ranking.counts.shape)
    return pd.DataFrame(
        {
            "activation": cell["activation"],
            "weight_scale": cell["weight_scale"],
            "rank": rank.ravel() + 1,
            "network": batch.ravel(),
            "seed": cell["seed"],
            "count": ranking.counts.ravel(),
            "probability": ranking.counts.ravel() / cell["networks"],
            "complexity": complexity[rank.ravel()],
            "distinct": ranking.distinct,
        }
    )


def _tables(cell: Cell, device: torch.device) -> Table:
    if cell["activation"] != RANDOM:
        return sample_boolean(**cell, device=device)
    rng = np.random.default_rng(cell["seed"])
    return rng.integers(256, size=(cell["networks"], 2 ** cell["variables"] // 8), dtype=np.uint8)


def _run_members(cell: Cell, device: torch.device) -> pd.DataFrame:
    tables = _tables(cell, device)
    return pd.DataFrame(
        {
            "activation": cell["activation"],
            "weight_scale": np.nan if cell["weight_scale"] is None else cell["weight_scale"],
            "network": range(cell["networks"]),
            "seed": cell["seed"],
            "complexity": boolean_complexity(tables),
            "ones": np.unpackbits(tables, axis=1).mean(1),
        }
    )


SHAPE = {"variables": 7, "depth": 2, "width": 40, "seed": 0}  # networks 7-40-40-1
BIASES = 0.35  # scale: a standard deviation of 0.2
ENSEMBLES = {"activation": ("relu", "tanh"), "weight_scale": (1.0, 4.0, 16.0)}
MORE = {
    "activation": ("relu", "gelu", "tanh", "sine"),
    "weight_scale": (0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
}


def _ensembles(factors: Factors, **size: int) -> list[Cell]:
    return design(factors, bias_scale=BIASES, **SHAPE, **size)


def _members(factors: Factors, **size: int) -> list[Cell]:
    """Take some networks of each ensemble, and random functions, which have no weights."""
    random = {"activation": RANDOM, "weight_scale": None, "bias_scale": None, **SHAPE, **size}
    return [*_ensembles(factors, **size), random]


# Shown in: limits, "Result 4"; claim redshift.boolean-rank.
BOOLEAN = Experiment(
    "redshift.boolean",
    "Which Boolean functions do random networks compute most often?",
    {
        "smoke": _ensembles(ENSEMBLES, networks=500, batches=4, top=300),
        "laptop": _ensembles(ENSEMBLES, networks=4000, batches=10, top=300),
        "paper": _ensembles(MORE, networks=100_000, batches=10, top=1000),
    },
    _run_ensemble,
)

# Shown in: limits, "Result 4"; claims redshift.boolean-fades, boolean-relu.
BOOLEAN_COMPLEXITY = Experiment(
    "redshift.boolean-complexity",
    "How complex is the Boolean function of a random network?",
    {
        "smoke": _members(ENSEMBLES, networks=100),
        "laptop": _members(ENSEMBLES, networks=500),
        "paper": _members(MORE, networks=10_000),
    },
    _run_members,
)
