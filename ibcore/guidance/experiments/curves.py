"""Curves of accuracy, and the likeness of all layers to all layers of a guide, over the steps."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import nn

from ibcore.guidance.experiments.conditions import Condition, GuideName, guided_by
from ibcore.guidance.experiments.room import Room
from ibcore.guidance.experiments.scores import accuracies, layer_table
from ibcore.guidance.experiments.setting import Setting
from ibcore.guidance.experiments.wide import LAPTOP, PAPER, SMOKE
from ibcore.runs import Experiment

REFERENCES: tuple[GuideName, ...] = ("untrained CNN", "trained CNN")


@dataclass(frozen=True)
class Curves:
    """Each network is watched under a few conditions."""

    setting: Setting
    conditions: tuple[Condition, ...]
    looks: tuple[int, ...]
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class CurvesNetwork:
    """One network under all conditions."""

    setting: Setting
    conditions: tuple[Condition, ...]
    looks: tuple[int, ...]
    network: int
    seed: int


def curves_cells(config: Curves) -> list[CurvesNetwork]:
    """Return one cell for each network.

    Examples
    --------
    >>> len(curves_cells(Curves(SMOKE, (Condition("unguided"),), (0,), networks=3)))
    3
    """
    rest = (config.setting, config.conditions, config.looks)
    return [CurvesNetwork(*rest, network, config.seed) for network in range(config.networks)]


def run_curves(cell: CurvesNetwork, device: torch.device) -> pd.DataFrame:
    """Return a row for each condition, look, reference, layer of the reference and of the target.

    ``reference`` is the guide that the target is compared with, whether or not it guided;
    ``similarity`` is unbiased linear CKA on test images, and accuracies repeat in all rows of a
    look.

    Examples
    --------
    >>> from dataclasses import replace
    >>> setting = replace(SMOKE, steps=1)
    >>> cell = curves_cells(Curves(setting, (Condition("unguided"),), (0, 1), networks=1))[0]
    >>> len(run_curves(cell, torch.device("cpu")))  # 2 looks, 2 references, 4 by 3 layers
    48
    """
    room = Room(cell.setting, cell.network, seed=cell.seed, device=device)
    rows = [row for condition in cell.conditions for row in _watched(cell, room, condition)]
    return pd.DataFrame(rows).assign(network=cell.network, seed=cell.seed)


def _watched(cell: CurvesNetwork, room: Room, condition: Condition) -> list[dict[str, Any]]:
    """Train one target and return its rows."""
    rows: list[dict[str, Any]] = []
    points = room.new_points
    references = [(name, room.new_views(name)) for name in REFERENCES]
    last = condition.steps or cell.setting.steps

    def look(step: int, model: nn.Module) -> None:
        labels = {"condition": condition.name, "step": step, "final": step == last}
        shared = {**labels, **accuracies(model, room)}
        rows.extend(
            {**shared, "reference": name, **row}
            for name, views in references
            for row in layer_table(model, views, points)
        )

    room.train(condition, looks=cell.looks, on_look=look)
    return rows


def curves_conditions(setting: Setting) -> tuple[Condition, ...]:
    """Return the conditions that are watched.

    Examples
    --------
    >>> curves_conditions(LAPTOP)[-1].name
    'distillation'
    """
    return (
        Condition("unguided"),
        *guided_by("untrained CNN", "trained CNN"),
        Condition(
            "untrained CNN, early disconnect",
            "untrained CNN",
            schedule="disconnect",
            until=setting.steps // 5,
        ),
        Condition("distillation", distill=True),
    )


CURVES: Experiment[Curves, CurvesNetwork] = Experiment(
    name="guidance.curves",
    question="How do accuracy and the likeness of every layer to the guide's change over training?",
    tiers={
        "smoke": Curves(SMOKE, curves_conditions(SMOKE)[:2], (0, 20, SMOKE.steps), networks=2),
        "laptop": Curves(
            LAPTOP, curves_conditions(LAPTOP), (0, 2, 5, 10, 20, 30, 40, 60, 80, 120, 160, 200)
        ),
        "paper": Curves(
            PAPER,
            curves_conditions(PAPER),
            (0, 10, 30, 100, 200, 400, 700, 1000, 1400, 2000, 4000, 7000),
        ),
    },
    cells=curves_cells,
    run_cell=run_curves,
)

EXPERIMENTS = (CURVES,)
