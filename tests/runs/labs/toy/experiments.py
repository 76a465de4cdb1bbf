"""Squares of numbers, with a marker file for each computation and a pause or failure on demand."""

import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from ibcore.runs import Experiment


@dataclass(frozen=True)
class Sizes:
    sizes: tuple[int, ...]
    networks: int = 3


@dataclass(frozen=True)
class Size:
    size: int
    networks: int


def cells(config: Sizes) -> Sequence[Size]:
    return [Size(size, config.networks) for size in config.sizes]


def square(cell: Size, device: torch.device) -> pd.DataFrame:
    """One row per network; leaves a marker in TOY_MARKS, fails at TOY_FAIL, sleeps TOY_PAUSE."""
    if "TOY_MARKS" in os.environ:
        (Path(os.environ["TOY_MARKS"]) / f"{cell.size}.{uuid.uuid4().hex}").touch()
    time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
    if str(cell.size) in os.environ.get("TOY_FAIL", "").split():
        raise ArithmeticError(f"{cell.size} is too large")
    network = torch.arange(cell.networks, device=device)
    return pd.DataFrame(
        {
            "size": cell.size,
            "network": network.tolist(),
            "seed": 7,
            "kind": "even" if cell.size % 2 == 0 else "odd",
            "square": (cell.size**2 + network).double().tolist(),
        }
    )


SQUARES = Experiment(
    name="toy.squares",
    question="How large is a square?",
    tiers={"smoke": Sizes((1, 2, 3)), "laptop": Sizes((1, 2, 3, 4, 5, 6), networks=10)},
    cells=cells,
    run_cell=square,
)

EXPERIMENTS = (SQUARES,)
