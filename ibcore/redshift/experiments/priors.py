"""The prior of random networks: shape of the weights' distribution, biases, and no bias at all."""

from dataclasses import asdict, dataclass
from itertools import product

import pandas as pd
import torch

from ibcore.nets import Prior
from ibcore.nets.init import PRIORS
from ibcore.redshift.experiments.measures import measured
from ibcore.redshift.sampling import sample_functions
from ibcore.redshift.unbiased import sample_unbiased
from ibcore.runs import Experiment

FOUR = ("relu", "tanh", "gaussian", "sine")


@dataclass(frozen=True)
class Priors:
    """Random networks at every combination of the tuples."""

    activation: tuple[str, ...] = FOUR
    prior: tuple[Prior, ...] = ("uniform",)
    weight_scale: tuple[float, ...] = (8.0,)
    bias_scale: tuple[float, ...] = (1.0,)
    depth: int = 3
    width: int = 64
    networks: int = 40
    grid: int = 64
    seed: int = 0


@dataclass(frozen=True)
class Drawn:
    """One combination."""

    activation: str
    prior: Prior
    weight_scale: float
    bias_scale: float
    depth: int
    width: int
    networks: int
    grid: int
    seed: int


@dataclass(frozen=True)
class Amplitudes:
    """Unbiased models at every amplitude."""

    amplitude: tuple[float, ...] = (0.1, 1.0, 10.0)
    networks: int = 40
    grid: int = 64
    seed: int = 0


@dataclass(frozen=True)
class Amplitude:
    """Unbiased models at one amplitude."""

    amplitude: float
    networks: int
    grid: int
    seed: int


def _combinations(config: Priors) -> list[Drawn]:
    axes = (config.activation, config.prior, config.weight_scale, config.bias_scale)
    size = (config.depth, config.width, config.networks, config.grid, config.seed)
    return [Drawn(*choice, *size) for choice in product(*axes)]


def _run_combination(cell: Drawn, device: torch.device) -> pd.DataFrame:
    values = sample_functions(**asdict(cell), device=device)
    return measured({k: v for k, v in asdict(cell).items() if k != "networks"}, values)


def _run_amplitude(cell: Amplitude, device: torch.device) -> pd.DataFrame:
    values = sample_unbiased(**asdict(cell), device=device)
    return measured({k: v for k, v in asdict(cell).items() if k != "networks"}, values)


PRIOR: Experiment[Priors, Drawn] = Experiment(  # Appendix E of the paper
    name="redshift.priors",
    question="Does the shape of the weights' distribution matter, at equal variance?",
    tiers={
        "smoke": Priors(prior=("uniform", "student"), networks=10, grid=32),
        "laptop": Priors(prior=PRIORS),
        "paper": Priors(prior=PRIORS, weight_scale=(1.0, 8.0, 64.0), networks=100, grid=300),
    },
    cells=_combinations,
    run_cell=_run_combination,
)

AMPLITUDES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)

BIASES: Experiment[Priors, Drawn] = Experiment(  # Table 1
    name="redshift.biases",
    question="Does the size of the biases matter?",
    tiers={
        "smoke": Priors(
            activation=("relu", "tanh", "sine"),
            weight_scale=(1.0, 8.0),
            bias_scale=(0.0, 1.0, 8.0),
            networks=10,
            grid=32,
        ),
        "laptop": Priors(weight_scale=(1.0, 8.0), bias_scale=AMPLITUDES),
        "paper": Priors(
            weight_scale=(1.0, 8.0, 64.0), bias_scale=AMPLITUDES, networks=100, grid=300
        ),
    },
    cells=_combinations,
    run_cell=_run_combination,
)

UNBIASED: Experiment[Amplitudes, Amplitude] = Experiment(  # Figure 4
    name="redshift.unbiased",
    question="Is the unbiased model as complex as white noise at any amplitude?",
    tiers={
        "smoke": Amplitudes(networks=10, grid=32),
        "laptop": Amplitudes(),
        "paper": Amplitudes(amplitude=(0.01, 0.1, 1.0, 10.0, 100.0), networks=100, grid=128),
    },
    cells=lambda config: [
        Amplitude(amplitude, config.networks, config.grid, config.seed)
        for amplitude in config.amplitude
    ],
    run_cell=_run_amplitude,
)

EXPERIMENTS = (PRIOR, BIASES, UNBIASED)
