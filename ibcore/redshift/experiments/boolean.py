"""Boolean functions of seven inputs: how often random networks compute each, and how complex."""

from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import torch

from ibcore.redshift.boolean import (
    Table,
    boolean_complexity,
    rank_functions,
    sample_boolean,
)
from ibcore.runs import Experiment

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

EXPERIMENTS = (BOOLEAN, BOOLEAN_COMPLEXITY)
