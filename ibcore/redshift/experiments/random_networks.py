"""The complexity of functions: those of random networks, and some of known complexity."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.nets.init import PRIORS
from ibcore.redshift.fourier import (
    chebyshev_complexity,
    fourier_complexity,
    legendre_complexity,
    total_variation,
)
from ibcore.redshift.guess_and_check import sample_unbiased
from ibcore.redshift.lempel_ziv import lempel_ziv_complexity
from ibcore.redshift.sampling import measure_functions
from ibcore.runs.experiment import Cell, Experiment, Factors, design
from ibcore.runtime import Tier, generator
from ibcore.tasks import grid as input_grid

NOTHING: Factors = {}

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "layer norm": {"norm": "layer"},
    "residual": {"residual": "paper"},
    "gated": {"gated": True},
}


MEASURES: dict[str, Callable[[Tensor], Tensor]] = {
    "dct": fourier_complexity,
    "fft": partial(fourier_complexity, transform="fft"),
    "chebyshev": chebyshev_complexity,
    "legendre": legendre_complexity,
    "lempel_ziv": lempel_ziv_complexity,
    "total_variation": total_variation,
}


def _run_networks(cell: Cell, device: torch.device) -> pd.DataFrame:
    options = dict(cell)
    options |= VARIANTS[options.pop("variant", "plain")]
    return _table(cell, measure_functions(MEASURES, progress=False, device=device, **options))


def _run_known(cell: Cell, device: torch.device) -> pd.DataFrame:
    values = _known_functions(**cell).to(device)
    return _table(cell, {name: measure(values) for name, measure in MEASURES.items()})


def _table(cell: Cell, measured: Mapping[str, Tensor]) -> pd.DataFrame:
    """Return one row per network: its conditions, its number and all measures of its function."""
    columns = {name: value.tolist() for name, value in measured.items()}
    conditions = {name: value for name, value in cell.items() if name != "networks"}
    frame = pd.DataFrame(columns).rename_axis("network").reset_index().assign(**conditions)
    return frame[[*conditions, "network", *columns]]


def _known_functions(
    kind: str = "unbiased", *, networks: int, grid: int, seed: int, amplitude: float = 1.0
) -> Tensor:
    """Return functions on a grid, ``(networks, grid, grid)`` in float64.

    ``"ramp"``: linear in a random direction.  ``"wave"``: one period of a sine over the length
    2 in a random direction.  ``"noise"``: independent Gaussian values.  ``"unbiased"``: the
    unbiased model.
    """
    if kind == "unbiased":
        return sample_unbiased(networks, grid, amplitude=amplitude, seed=seed)
    rng = generator(seed)
    if kind == "noise":
        return torch.randn(networks, grid, grid, generator=rng, dtype=torch.float64)
    angle = 2 * torch.pi * torch.rand(networks, generator=rng, dtype=torch.float64)
    direction = torch.stack([angle.cos(), angle.sin()])  # (2, networks)
    ramp = (input_grid(grid) @ direction).mT.reshape(networks, grid, grid)
    return {"ramp": ramp, "wave": torch.sin(torch.pi * ramp)}[kind]


# What each experiment varies, at every tier.

TWO = ("relu", "tanh")
FOUR = (*TWO, "gaussian", "sine")
SEVEN = ("relu", "gelu", "silu", "selu", "tanh", "gaussian", "sine")
OCTAVES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
FIFTHS = tuple(round(10 ** (k / 5 - 1), 4) for k in range(16))  # 0.1 to 100, five a decade
THREE = (1.0, 8.0, 64.0)
WIDTHS = (8, 16, 32, 64, 128, 256, 512)
DEPTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24)
BIASES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
SMOKE, LAPTOP, PAPER = (
    {"networks": networks, "grid": grid, "seed": 0}
    for networks, grid in ((10, 32), (40, 64), (100, 300))
)
NETWORKS: Factors = {
    "activation": SEVEN,
    "depth": (3,),
    "width": (64,),
    "weight_scale": OCTAVES,
    "variant": ("plain",),
    "scaling": ("glorot",),
}
WEIGHTS: Factors = {
    "activation": FOUR,
    "prior": ("uniform",),
    "weight_scale": (8.0,),
    "bias_scale": (1.0,),
    "depth": (3,),
    "width": (64,),
}


def _experiment(
    name: str,
    question: str,
    run_cell: Callable[[Cell, torch.device], pd.DataFrame],
    factors: Factors,
    *,
    smoke: Factors = NOTHING,
    laptop: Factors = NOTHING,
    paper: Factors = NOTHING,
) -> Experiment:
    """Vary ``factors``, with other levels at some tiers."""
    tiers: dict[Tier, list[Cell]] = {
        "smoke": design({**factors, **smoke}, **SMOKE),
        "laptop": design({**factors, **laptop}, **LAPTOP),
        "paper": design({**factors, **paper}, **PAPER),
    }
    return Experiment(f"redshift.{name}", question, tiers, run_cell)


EXPERIMENTS = (
    # Figure 4 of the paper.  Shown in: idea, "The result"; limits, "Result 1"; result, "Do the
    # measures agree?"; explorer ComplexityMap; claims redshift.relu-bounded, relu-flat-fft,
    # tanh-rises, order, sine-noise, depth-tanh, depth-relu, relu-not-lowest, agree-chebyshev,
    # agree-legendre, agree-lempel-ziv, agree-variation, fft-ranks, lempel-ziv-simple.
    _experiment(
        "activations",
        "How does the complexity of random networks depend on activation, depth and weight scale?",
        _run_networks,
        NETWORKS,
        smoke={"activation": FOUR, "depth": (1, 3, 6), "weight_scale": (0.5, 1.0, 8.0, 16.0)},
        laptop={"depth": range(1, 7)},
        paper={"depth": range(1, 8), "weight_scale": FIFTHS},
    ),
    # Figure 5.  Shown in: idea, "The result"; limits, "Result 1"; claims redshift.norm-calms,
    # norm-slope, norm-slope-deep, norm-slope-fft, residual-calms, gating-excites, norm-relu.
    _experiment(
        "components",
        "How do layer norm, residual connections and gates move the complexity?",
        _run_networks,
        {**NETWORKS, "depth": (3, 6), "variant": tuple(VARIANTS)},
        smoke={"activation": TWO, "weight_scale": (1.0, 16.0)},
        paper={"weight_scale": FIFTHS},
    ),
    # Figure 5.  Shown in: idea, "The result"; claims redshift.residual-level,
    # residual-deep, residual-relu.
    _experiment(
        "depth",
        "Do residual connections hold the complexity down at any depth?",
        _run_networks,
        {**NETWORKS, "weight_scale": (8.0,), "variant": ("plain", "residual")},
        smoke={"activation": TWO, "depth": (3, 24)},
        laptop={"activation": ("relu", "tanh", "sine"), "depth": DEPTHS},
        paper={"depth": DEPTHS},
    ),
    # Table 1.  Shown in: limits, "Result 2"; claims redshift.width-fan-in, width-glorot.
    _experiment(
        "width",
        "Does the width of a random network change the complexity of its function?",
        _run_networks,
        {**NETWORKS, "weight_scale": (4.0,), "scaling": ("glorot", "fan_in")},
        smoke={"activation": TWO, "width": (8, 64)},
        laptop={"activation": FOUR, "width": WIDTHS[:-1]},
        paper={"width": WIDTHS, "weight_scale": (1.0, 4.0, 16.0)},
    ),
    # Shown in: idea, "The result", as bands; no claims.
    _experiment(
        "references",
        "What are the measures of functions that everybody knows?",
        _run_known,
        {"kind": ("ramp", "wave", "noise", "unbiased")},
    ),
    # Appendix E.  Shown in: limits, "Result 2"; claims redshift.priors-alike, priors-tails.
    _experiment(
        "priors",
        "Does the shape of the weights' distribution matter, at equal variance?",
        _run_networks,
        {**WEIGHTS, "prior": PRIORS},
        smoke={"prior": ("uniform", "student")},
        paper={"weight_scale": THREE},
    ),
    # Table 1.  Shown in: limits, "Result 2"; claims redshift.biases-relu, biases-tanh, biases-sine.
    _experiment(
        "biases",
        "Does the size of the biases matter?",
        _run_networks,
        {**WEIGHTS, "weight_scale": (1.0, 8.0), "bias_scale": BIASES},
        smoke={"activation": (*TWO, "sine"), "bias_scale": (0.0, 1.0, 8.0)},
        paper={"weight_scale": THREE},
    ),
    # Figure 4.  Shown in: limits, "Break it"; claim redshift.unbiased-flat.
    Experiment(
        "redshift.unbiased",
        "Is the unbiased model as complex as white noise at any amplitude?",
        {
            "smoke": design({"amplitude": (0.1, 1.0, 10.0)}, **SMOKE),
            "laptop": design({"amplitude": (0.1, 1.0, 10.0)}, **LAPTOP),
            "paper": design({"amplitude": (0.01, 0.1, 1.0, 10.0, 100.0)}, **{**PAPER, "grid": 128}),
        },
        _run_known,
    ),
)
