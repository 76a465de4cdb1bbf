"""Random networks over activation, depth, width, weight scale and components."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.nets import Prior, Scaling
from ibcore.nets.init import PRIORS
from ibcore.redshift.fourier import (
    chebyshev_complexity,
    fourier_complexity,
    legendre_complexity,
    total_variation,
)
from ibcore.redshift.guess_and_check import sample_unbiased
from ibcore.redshift.lempel_ziv import lempel_ziv_complexity
from ibcore.redshift.sampling import sample_functions
from ibcore.runs import Experiment
from ibcore.runtime import generator
from ibcore.tasks import grid as input_grid

# All complexity measures of sampled functions, as one tidy frame.


def measure(values: Tensor) -> dict[str, list[float]]:
    """Return every complexity measure of each function: name to a list over networks.

    Examples
    --------
    >>> from ibcore.redshift import sample_functions
    >>> sorted(measure(sample_functions(networks=1, grid=16, width=8)))
    ['chebyshev', 'dct', 'fft', 'legendre', 'lempel_ziv', 'total_variation']
    """
    return {
        "dct": fourier_complexity(values, transform="dct").tolist(),
        "fft": fourier_complexity(values, transform="fft").tolist(),
        "chebyshev": chebyshev_complexity(values).tolist(),
        "legendre": legendre_complexity(values).tolist(),
        "lempel_ziv": lempel_ziv_complexity(values).tolist(),
        "total_variation": total_variation(values).tolist(),
    }


def measured(conditions: Mapping[str, Any], values: Tensor) -> pd.DataFrame:
    """Return one row per network: the conditions, the network's number and its measures."""
    measures = pd.DataFrame(measure(values)).rename_axis("network").reset_index()
    return measures.assign(**conditions)[[*conditions, *measures.columns]]


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


# The prior of random networks: shape of the weights' distribution, biases, and no bias at all.


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


# Functions whose complexity is known, measured like random networks.


@dataclass(frozen=True)
class References:
    """Size of the grid, and how many functions of each kind."""

    networks: int = 40
    grid: int = 64
    seed: int = 0


@dataclass(frozen=True)
class Reference:
    """One kind of function: ramp, wave, noise or unbiased."""

    kind: str
    networks: int
    grid: int
    seed: int


def reference_functions(kind: str, *, networks: int, grid: int, seed: int = 0) -> Tensor:
    """Return functions with known complexity, ``(networks, grid, grid)`` in float64.

    ``"ramp"``: linear in a random direction.  ``"wave"``: one period of a sine over the length
    2 in a random direction.  ``"noise"``: independent Gaussian values.  ``"unbiased"``: the
    unbiased model.

    Raises
    ------
    ValueError
        If the kind is unknown.

    Examples
    --------
    >>> reference_functions("ramp", networks=2, grid=8).shape
    torch.Size([2, 8, 8])
    """
    if kind == "unbiased":
        return sample_unbiased(networks, grid, seed=seed)
    rng = generator(seed)
    if kind == "noise":
        return torch.randn(networks, grid, grid, generator=rng, dtype=torch.float64)
    if kind not in ("ramp", "wave"):
        raise ValueError(f"unknown kind {kind!r}; choose one of ramp, wave, noise, unbiased")
    angle = 2 * torch.pi * torch.rand(networks, generator=rng, dtype=torch.float64)
    direction = torch.stack([angle.cos(), angle.sin()])  # (2, networks)
    ramp = (input_grid(grid) @ direction).mT.reshape(networks, grid, grid)
    return ramp if kind == "ramp" else torch.sin(torch.pi * ramp)


def _run_reference(cell: Reference, device: torch.device) -> pd.DataFrame:
    values = reference_functions(cell.kind, networks=cell.networks, grid=cell.grid, seed=cell.seed)
    return measured({"kind": cell.kind, "grid": cell.grid, "seed": cell.seed}, values.to(device))


REFERENCES: Experiment[References, Reference] = Experiment(
    name="redshift.references",
    question="What are the measures of functions that everybody knows?",
    tiers={
        "smoke": References(networks=10, grid=32),
        "laptop": References(),
        "paper": References(networks=100, grid=300),
    },
    cells=lambda config: [
        Reference(kind, config.networks, config.grid, config.seed)
        for kind in ("ramp", "wave", "noise", "unbiased")
    ],
    run_cell=_run_reference,
)
