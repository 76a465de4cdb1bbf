"""Error consistency: whether a guided target errs where its guide errs, at equal accuracy."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.consistency import error_consistency
from ibcore.guidance.experiments.conditions import Condition, guided_by
from ibcore.guidance.experiments.images import CLASSES
from ibcore.guidance.experiments.networks import correct, outputs
from ibcore.guidance.experiments.room import Room
from ibcore.guidance.experiments.scores import share
from ibcore.guidance.experiments.setting import Setting
from ibcore.guidance.experiments.wide import LAPTOP, PAPER, SMOKE
from ibcore.guidance.guides import Batch
from ibcore.runs import Experiment

_PENALTY = 1e-3  # of the readout, times the mean squared length of features

CONDITIONS = (
    Condition("unguided"),
    *guided_by("untrained CNN", "trained CNN", "permuted CNN"),
    Condition("distillation", distill=True),
)


@dataclass(frozen=True)
class Errors:
    """Targets are compared at the end and where their accuracies are nearest to each other."""

    setting: Setting
    conditions: tuple[Condition, ...] = CONDITIONS
    every: int = 10  # steps between looks
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class ErrorsNetwork:
    """One network under all conditions."""

    setting: Setting
    conditions: tuple[Condition, ...]
    every: int
    network: int
    seed: int


def errors_cells(config: Errors) -> list[ErrorsNetwork]:
    """Return one cell for each network.

    Examples
    --------
    >>> len(errors_cells(Errors(SMOKE, networks=3)))
    3
    """
    rest = (config.setting, config.conditions, config.every)
    return [ErrorsNetwork(*rest, network, config.seed) for network in range(config.networks)]


def run_errors(cell: ErrorsNetwork, device: torch.device) -> pd.DataFrame:
    """Return a row for each condition, moment and classifier that errors are compared with.

    ``moment`` is ``final``, or ``matched``: of each target the look whose accuracy is nearest to
    the highest accuracy that all conditions reach.  ``reference`` is the trained CNN, or a linear
    readout of the untrained CNN; ``consistency`` is Cohen's kappa of errors on test images.

    Examples
    --------
    >>> cell = errors_cells(Errors(SMOKE, CONDITIONS[:1], every=60, networks=1))[0]
    >>> run_errors(cell, torch.device("cpu")).moment.unique().tolist()
    ['final', 'matched']
    """
    room = Room(cell.setting, cell.network, seed=cell.seed, device=device)
    patterns = {c.name: _patterns(cell, room, c) for c in cell.conditions}
    level = min(max(share(p) for p in seen.values()) for seen in patterns.values())
    references = {"trained CNN": _trained(room), "untrained CNN": readout(room)}
    rows: list[dict[str, Any]] = []
    for name, seen in patterns.items():
        matched = min(seen, key=lambda step: abs(share(seen[step]) - level))
        for moment, step in (("final", max(seen)), ("matched", matched)):
            rows += [
                {
                    "condition": name,
                    "moment": moment,
                    "step": step,
                    "reference": reference,
                    "test_accuracy": share(seen[step]),
                    "reference_accuracy": share(other),
                    "consistency": _kappa(seen[step], other),
                }
                for reference, other in references.items()
            ]
    return pd.DataFrame(rows).assign(network=cell.network, seed=cell.seed)


def _patterns(cell: ErrorsNetwork, room: Room, condition: Condition) -> dict[int, Tensor]:
    """Train one target and return which test images it classifies correctly at each look."""
    seen: dict[int, Tensor] = {}

    def look(step: int, model: nn.Module) -> None:
        seen[step] = correct(outputs(model, room.sets.test_x), room.sets.test_y)

    steps = cell.setting.steps
    room.train(condition, looks=sorted({*range(0, steps, cell.every), steps}), on_look=look)
    return seen


def _trained(room: Room) -> Tensor:
    x, reference = room.sets.test_x, room.reference(room.trained)
    return correct(outputs(room.trained, x, reference=reference), room.sets.test_y)


def readout(room: Room) -> Tensor:
    """Return where a linear readout of the untrained CNN's last layer is right on test images.

    Ridge regression of one-hot labels, fitted to the labeled images.

    Examples
    --------
    >>> found = readout(Room(SMOKE, 0, seed=0, device=torch.device("cpu")))
    >>> 0.2 < share(found) < 0.9
    True
    """
    known, held = (_last_layer(room, x) for x in (room.sets.x, room.sets.test_x))
    middle = known.mean(0)
    a, b = known - middle, functional.one_hot(room.sets.y, CLASSES).double()
    strength = _PENALTY * a.square().sum() / len(a)
    own = a.mT @ a + strength * torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
    slopes = torch.linalg.solve(own, a.mT @ (b - b.mean(0)))
    return correct((held - middle) @ slopes + b.mean(0), room.sets.test_y)


def _last_layer(room: Room, x: Tensor) -> Tensor:
    """Return what the head of the untrained CNN sees, (n, p), float64."""
    guide, views = room.guide("untrained CNN"), []
    for rows in torch.split(torch.arange(len(x), device=x.device), 1000):
        batch = Batch(x[rows], room.sets.y[:0], rows)
        views.append(list(guide(batch).values())[-1].flatten(1).double())
    return torch.cat(views)


def _kappa(first: Tensor, second: Tensor) -> float:
    return error_consistency(first.cpu().numpy(), second.cpu().numpy(), draws=1).value


ERRORS: Experiment[Errors, ErrorsNetwork] = Experiment(
    name="guidance.errors",
    question="Does a guided target err where its guide errs, beyond what its accuracy implies?",
    tiers={
        "smoke": Errors(SMOKE, CONDITIONS[:3], every=30, networks=2),
        "laptop": Errors(LAPTOP),
        "paper": Errors(PAPER, every=200),
    },
    cells=errors_cells,
    run_cell=run_errors,
)

EXPERIMENTS = (ERRORS,)
