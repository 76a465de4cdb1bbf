"""Functions whose complexity is known, measured like random networks."""

from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from ibcore.redshift.experiments.measures import measured
from ibcore.redshift.unbiased import sample_unbiased
from ibcore.runs import Experiment
from ibcore.runtime import generator
from ibcore.tasks import grid as input_grid


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

EXPERIMENTS = (REFERENCES,)
