"""Untrained transformers whose residual branches start at full size, or at that of GPT-2."""

from dataclasses import asdict, dataclass
from itertools import product

import pandas as pd
import torch

from ibcore.nets.transformer import Transformer
from ibcore.redshift.decoding import sample_sequences
from ibcore.redshift.experiments.transformers import DECADES, EIGHTHS, phrases_per_token
from ibcore.runs import Experiment


@dataclass(frozen=True)
class Shoulders:
    """Every activation with and without the scaling of residual weights, at every gain."""

    activation: tuple[str, ...] = ("gelu", "selu", "tanh", "sine")
    scale_residual: tuple[bool, ...] = (True, False)
    gains: tuple[float, ...] = DECADES
    networks: int = 40
    length: int = 100
    vocabulary: int = 512
    depth: int = 6
    width: int = 96
    heads: int = 4
    seed: int = 0


@dataclass(frozen=True)
class Start:
    """One activation and one initial size of the residual branches, at all gains."""

    activation: str
    scale_residual: bool
    gains: tuple[float, ...]
    networks: int
    length: int
    vocabulary: int
    depth: int
    width: int
    heads: int
    seed: int


def _starts(config: Shoulders) -> list[Start]:
    draw = (config.gains, config.networks, config.length)
    shape = (config.vocabulary, config.depth, config.width, config.heads)
    return [
        Start(activation, scaled, *draw, *shape, config.seed)
        for activation, scaled in product(config.activation, config.scale_residual)
    ]


def _run_start(cell: Start, device: torch.device) -> pd.DataFrame:
    options = asdict(cell)
    draw = {name: options.pop(name) for name in ("gains", "networks", "length")}
    architecture = Transformer(**options, context=cell.length + 1)
    sequences = sample_sequences(architecture, **draw, seed=cell.seed, device=device)
    return pd.concat(
        pd.DataFrame(
            {
                "activation": cell.activation,
                "scale_residual": cell.scale_residual,
                "depth": cell.depth,
                "gain": gain,
                "network": range(cell.networks),
                "seed": cell.seed,
                "lempel_ziv": phrases_per_token(sequences[:, index]),
            }
        )
        for index, gain in enumerate(cell.gains)
    )


SHOULDERS: Experiment[Shoulders, Start] = Experiment(
    name="redshift.transformer-shoulders",
    question="Does the initial size of the residual branches decide where complexity rises?",
    tiers={
        "smoke": Shoulders(activation=("selu",), gains=(0.1, 0.3, 1.0), networks=5),
        "laptop": Shoulders(),
        "paper": Shoulders(
            gains=EIGHTHS, networks=1000, vocabulary=50257, depth=12, width=768, heads=12
        ),
    },
    cells=_starts,
    run_cell=_run_start,
)

EXPERIMENTS = (SHOULDERS,)
