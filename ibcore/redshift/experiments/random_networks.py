"""Random networks over activation, depth, width, weight scale and components."""

from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import pandas as pd
import torch

from ibcore.nets import Scaling
from ibcore.redshift.experiments.measures import measured
from ibcore.redshift.sampling import sample_functions
from ibcore.runs import Experiment

SEVEN = ("relu", "gelu", "silu", "selu", "tanh", "gaussian", "sine")
OCTAVES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
FIFTHS = tuple(round(10 ** (k / 5 - 1), 4) for k in range(16))  # 0.1 to 100, five a decade

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "layer norm": {"norm": "layer"},
    "residual": {"residual": "paper"},
    "gated": {"gated": True},
}


@dataclass(frozen=True)
class RandomNetworks:
    """A grid of conditions: random networks are drawn at every combination of the tuples."""

    activation: tuple[str, ...] = SEVEN
    depth: tuple[int, ...] = (3,)
    width: tuple[int, ...] = (64,)
    weight_scale: tuple[float, ...] = OCTAVES
    variant: tuple[str, ...] = ("plain",)
    scaling: tuple[Scaling, ...] = ("glorot",)
    networks: int = 40
    grid: int = 64
    seed: int = 0


@dataclass(frozen=True)
class Condition:
    """One combination."""

    activation: str
    depth: int
    width: int
    weight_scale: float
    variant: str
    scaling: Scaling
    networks: int
    grid: int
    seed: int


def _conditions(config: RandomNetworks) -> list[Condition]:
    axes = (config.activation, config.depth, config.width, config.weight_scale, config.variant)
    size = (config.networks, config.grid, config.seed)
    return [Condition(*choice, *size) for choice in product(*axes, config.scaling)]


def _run_condition(cell: Condition, device: torch.device) -> pd.DataFrame:
    options = asdict(cell)
    components = VARIANTS[options.pop("variant")]
    values = sample_functions(**options, **components, device=device)
    return measured({k: v for k, v in asdict(cell).items() if k != "networks"}, values)


def _experiment(
    name: str, question: str, laptop: RandomNetworks, smoke: RandomNetworks, paper: RandomNetworks
) -> Experiment[RandomNetworks, Condition]:
    tiers = {
        "smoke": replace(smoke, networks=10, grid=32),
        "laptop": laptop,
        "paper": replace(paper, networks=100, grid=300),
    }
    return Experiment(f"redshift.{name}", question, tiers, _conditions, _run_condition)  # type: ignore[arg-type]


FOUR = ("relu", "tanh", "gaussian", "sine")

ACTIVATIONS = _experiment(  # Figure 4 of the paper
    "activations",
    "How does the complexity of random networks depend on activation, depth and weight scale?",
    laptop=RandomNetworks(depth=(1, 2, 3, 4, 5, 6)),
    smoke=RandomNetworks(activation=FOUR, depth=(1, 3, 6), weight_scale=(0.5, 1.0, 8.0, 16.0)),
    paper=RandomNetworks(depth=(1, 2, 3, 4, 5, 6, 7), weight_scale=FIFTHS),
)

COMPONENTS = _experiment(  # Figure 5
    "components",
    "How do layer norm, residual connections and gates move the complexity?",
    laptop=RandomNetworks(depth=(3, 6), variant=tuple(VARIANTS)),
    smoke=RandomNetworks(
        activation=("relu", "tanh"), weight_scale=(1.0, 16.0), variant=tuple(VARIANTS)
    ),
    paper=RandomNetworks(depth=(3, 6), weight_scale=FIFTHS, variant=tuple(VARIANTS)),
)

WIDTH = _experiment(  # Table 1
    "width",
    "Does the width of a random network change the complexity of its function?",
    laptop=RandomNetworks(
        activation=FOUR,
        width=(8, 16, 32, 64, 128, 256),
        weight_scale=(4.0,),
        scaling=("glorot", "fan_in"),
    ),
    smoke=RandomNetworks(
        activation=("relu", "tanh"),
        width=(8, 64),
        weight_scale=(4.0,),
        scaling=("glorot", "fan_in"),
    ),
    paper=RandomNetworks(
        width=(8, 16, 32, 64, 128, 256, 512),
        weight_scale=(1.0, 4.0, 16.0),
        scaling=("glorot", "fan_in"),
    ),
)

EXPERIMENTS = (ACTIVATIONS, COMPONENTS, WIDTH)
