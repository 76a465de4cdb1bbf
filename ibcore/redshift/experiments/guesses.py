"""Guess and check: how often do random networks fit a few points, and do they generalize."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.redshift.guess_and_check import (
    Guesser,
    Table,
    UnbiasedModel,
    boolean_complexity,
    boolean_inputs,
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


def _network(cell: Cell) -> tuple[MLP, dict[str, Any]]:
    """Return an architecture, and the scales of its weights and biases."""
    options = LEARNERS[cell["learner"]]
    net = MLP(depth=cell["depth"], width=cell["width"], activation=options["activation"])
    return net, {"weight_scale": options["weight_scale"], "bias_scale": cell["bias_scale"]}


def _guesser(cell: Cell, device: torch.device) -> Guesser:
    """Each data set has random functions of its own."""
    seed = member_seed(cell["seed"], cell["dataset"])
    if cell["learner"] == "unbiased":
        return unbiased_guesser(2 * cell["grid"], seed=seed, device=device)
    net, size = _network(cell)
    return network_guesser(net, **size, seed=seed, device=device)


def _data(cell: Cell, device: torch.device) -> list[tuple[Tensor, Tensor]]:
    """Return points and labels to learn from, and those of a grid over the square."""
    rng = generator(member_seed(cell["seed"], cell["dataset"]))
    count = cell["points"]
    known = torch.rand(count, 2, generator=rng, dtype=torch.float64) * 2 - 1
    points = torch.cat([known, input_grid(cell["grid"], nodes="cell")])
    y, x = labels(cell["task"], points, rng), points + cell.get("shift", 0.0)
    return [(x[p].to(device), y[p].to(device)) for p in (slice(count), slice(count, None))]


def _run_guessing(cell: Cell, device: torch.device) -> pd.DataFrame:
    train, test = _data(cell, device)
    result = check_guesses(_guesser(cell, device), train, test, samples=cell["samples"])
    return pd.DataFrame(
        {
            "learner": [cell["learner"]],
            "bias_scale": math.nan if cell["bias_scale"] is None else cell["bias_scale"],
            "task": cell["task"],
            "points": cell["points"],
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


# Three ways to a network that fits: draw until one does, climb at random, follow the gradient.

FINDERS = ("guess and check", "random search", "gradient descent")
MODELS = (("relu", 0.0), ("relu", 1.0), ("unbiased", None))  # scale of the biases
_FITS = 0.08  # a mean loss on eight points below log(2) / 8: all have the right sign


def _losses(population: Population, x: Tensor, y: Tensor) -> Tensor:
    return functional.softplus(-y * population.forward(x)[..., 0]).mean(1)  # (m,)


def random_search(start: Population, x: Tensor, y: Tensor, *, steps: int, seed: int) -> Population:
    """Move all weights at random and keep what lowers a member's loss, until all members fit."""
    rng, least = generator(seed), _losses(start, x, y)
    found = {name: p.clone() for name, p in start.parameters.items()}
    size = 0.1 * torch.cat([p.flatten() for p in found.values()]).std()
    for _ in range(steps):
        if bool((least < _FITS).all()):
            break
        noise = {n: torch.randn(p.shape, generator=rng, dtype=p.dtype) for n, p in found.items()}
        tried = {name: p + size * noise[name].to(p.device) for name, p in found.items()}
        loss = _losses(Population(start.architecture, tried), x, y)
        kept = (loss < least) & (least >= _FITS)
        least = torch.where(kept, loss, least)
        for name, p in found.items():
            p[kept] = tried[name][kept]
    return Population(start.architecture, found)


def _starts(cell: Cell, seed: int, device: torch.device) -> Population:
    if cell["learner"] == "unbiased":
        seeds = [member_seed(seed, i) for i in range(cell["networks"])]
        models = [UnbiasedModel(2 * cell["grid"], seed=s).to(device) for s in seeds]
        return Population.from_modules(models)
    net, size = _network(cell)
    return Population.sample(net, networks=cell["networks"], seed=seed, device=device, **size)


def _run_finder(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row: how many fit of those tried, and how right these are on the square."""
    (x, y), test = _data(cell, device)
    seed = member_seed(cell["seed"], cell["dataset"])
    tried, steps = cell["networks"], cell["steps"]
    if cell["finder"] == "guess and check":
        tried = cell["samples"]
        result = check_guesses(_guesser(cell, device), (x, y), test, samples=tried)
        fits, right = result.hits, result.accuracy
    else:
        found = _starts(cell, seed, device)
        if cell["finder"] == "random search":
            found = random_search(found, x, y, steps=steps, seed=seed)
        else:
            options = {"learning_rate": 3e-3, "steps": steps, "stop_at": _FITS}
            found = found.train(x, (y > 0).double(), loss="binary", **options).population
        fitted = _losses(found, x, y) < _FITS
        signs = (found.forward(test[0])[..., 0].sign() == test[1]).double().mean(1)
        fits, right = int(fitted.sum()), signs[fitted].mean().item()
    names = ("learner", "finder", "shift", "seed")
    row = {name: cell[name] for name in names} | {"network": cell["dataset"], "tried": tried}
    bias = math.nan if cell["bias_scale"] is None else cell["bias_scale"]
    return pd.DataFrame([{**row, "bias_scale": bias, "fits": fits, "accuracy": right}])


def _found(*, datasets: int, samples: int, steps: int) -> list[Cell]:
    size = {"samples": samples, "steps": steps, "networks": 3, "depth": 3, "width": 64}
    fixed = {"task": "half-plane", "points": 8, "grid": 16, "seed": 0, **size}
    factors = {"finder": FINDERS, "shift": (0.0, 1.0), "dataset": range(datasets)}
    return [
        cell
        for learner, bias in MODELS
        for cell in design(factors, learner=learner, bias_scale=bias, **fixed)
    ]


# Shown in: limits, "Result 4"; claims redshift.learners-guess, learners-search, learners-descent,
# learners-gain, learners-unbiased, learners-moved.
FOUND = Experiment(
    "redshift.learners",
    "Does it matter how a network that fits is found: by guessing, by climbing or by gradients?",
    {
        "smoke": _found(datasets=2, samples=500, steps=3000),
        "laptop": _found(datasets=20, samples=1500, steps=3000),
        "paper": _found(datasets=100, samples=25_000, steps=10_000),
    },
    _run_finder,
)


# Boolean functions of seven inputs: how often random networks compute each, and how complex.

RANDOM = "random function"  # independent fair bits, in place of an activation
UNBIASED = "unbiased model"  # all parities of the inputs, with independent Gaussian strengths


def _run_ensemble(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Draw an ensemble in equal batches, and rank its most frequent functions."""
    options = dict(cell)
    batches, top = options.pop("batches"), options.pop("top")
    options["networks"] *= batches
    ranking = rank_functions(_tables(options, device), batches=batches, top=top)
    complexity = boolean_complexity(ranking.tables)
    rank, batch = np.indices(ranking.counts.shape)
    return pd.DataFrame(
        {
            "activation": cell["activation"],
            "weight_scale": math.nan if cell["weight_scale"] is None else cell["weight_scale"],
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
    if cell["activation"] not in (RANDOM, UNBIASED):
        return sample_boolean(**cell, device=device)
    rng, size = np.random.default_rng(cell["seed"]), 2 ** cell["variables"]
    if cell["activation"] == RANDOM:
        return rng.integers(256, size=(cell["networks"], size // 8), dtype=np.uint8)
    inputs = boolean_inputs(cell["variables"]).numpy()
    parities = 1 - 2 * (inputs @ inputs.T % 2)  # (2**n, 2**n)
    return np.packbits(rng.standard_normal((cell["networks"], size)) @ parities > 0, axis=1)


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


def _beside(factors: Factors, *others: str, **size: int) -> list[Cell]:
    """Return each ensemble of networks, and others that have no weight scale."""
    nothing = {"weight_scale": None, "bias_scale": None, **SHAPE, **size}
    return _ensembles(factors, **size) + [{"activation": name, **nothing} for name in others]


# Shown in: idea, "A histogram of functions"; limits, "The paper, claim by claim"; claims
# redshift.boolean-top, boolean-share, boolean-rank.
BOOLEAN = Experiment(
    "redshift.boolean",
    "Which Boolean functions do random networks compute most often?",
    {
        "smoke": _beside(ENSEMBLES, UNBIASED, RANDOM, networks=500, batches=4, top=300),
        "laptop": _beside(ENSEMBLES, UNBIASED, RANDOM, networks=4000, batches=10, top=300),
        "paper": _beside(MORE, UNBIASED, RANDOM, networks=100_000, batches=10, top=1000),
    },
    _run_ensemble,
)

# Shown in: idea, "A histogram of functions"; claims redshift.boolean-fades, boolean-relu.
BOOLEAN_COMPLEXITY = Experiment(
    "redshift.boolean-complexity",
    "How complex is the Boolean function of a random network?",
    {
        "smoke": _beside(ENSEMBLES, RANDOM, networks=100),
        "laptop": _beside(ENSEMBLES, RANDOM, networks=500),
        "paper": _beside(MORE, RANDOM, networks=10_000),
    },
    _run_members,
)
