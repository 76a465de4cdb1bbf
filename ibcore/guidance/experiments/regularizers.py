"""What a guide adds beside regularizers that need no guide, on the wide perceptron."""

from dataclasses import dataclass
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.experiments.guided_trial import (
    LAPTOP,
    PAPER,
    SMOKE,
    Condition,
    GuidedTrial,
    GuideName,
    image_experiment,
    image_trial,
)
from ibcore.guidance.guides import Batch, CachedGuide, Guide
from ibcore.guidance.training import Distillation, TaskLoss
from ibcore.runs.experiment import Cell

Row = dict[str, Any]


@dataclass(frozen=True)
class Regularizer:
    """One way to regularize the target, and how strongly.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> [type(layer).__name__ for layer in Regularizer("dropout", 0.5).dress(net)]
    ['Linear', 'ReLU', 'Dropout', 'Linear']
    """

    name: str = "none"
    strength: float = 0.0

    def of(self, name: str) -> float:
        """Return the strength if this is the regularizer of that name, else 0."""
        return self.strength if self.name == name else 0.0

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the cross-entropy, with smoothed labels if they are asked for."""
        return functional.cross_entropy(logits, batch.y, label_smoothing=self.of("smoothing"))

    def dress(self, net: nn.Module) -> nn.Sequential:
        """Return the layers of a network, with dropout after each ReLU if it is asked for."""
        layers: list[nn.Module] = []
        for layer in net.children():
            dropped = self.of("dropout") and isinstance(layer, nn.ReLU)
            layers += [layer, nn.Dropout(self.strength)] if dropped else [layer]
        return nn.Sequential(*layers)


def _trained(trial: GuidedTrial, name: str, own: Guide | None, each: Regularizer) -> list[Row]:
    """Return what is measured of a target under a guide and a regularizer.

    Early stopping has a row for every twentieth of the steps, and is none after the last.
    """
    steps: int = trial.setting["steps"]
    loss: TaskLoss = each.loss
    if each.name == "distillation":
        taught = trial.outputs(trial.trained, trial.sets.x)
        loss = Distillation(taught, weight=each.strength)
    stopping = each.name == "stopping"
    seen = trial.watch(
        Condition(name, None if name == "none" else cast(GuideName, name)),
        range(steps // 20, steps + 1, steps // 20) if stopping else (steps,),
        lambda model: {"validation_accuracy": trial.validation(model), **trial.accuracies(model)},
        guide=own,
        target=each.dress(trial.target),
        loss=loss,
        weight_decay=each.of("decay"),
    )
    rows: list[Row] = [
        {"regularizer": each.name, "strength": step if stopping else each.strength, **row}
        for step, row in seen.items()
    ]
    last: list[Row] = [{"regularizer": "none", "strength": 0.0, **seen[steps]}] if stopping else []
    return [{"guide": name, **row} for row in rows + last]


def best_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with ``chosen`` rows: of each guide the best of a regularizer, and of all.

    What is best is decided by ``validation_accuracy``, the first of equals; that of all is called
    ``best``.

    Examples
    --------
    >>> rows = [("none", "none", 0.1), ("none", "decay", 0.3), ("none", "decay", 0.2)]
    >>> frame = pd.DataFrame(rows, columns=["guide", "regularizer", "validation_accuracy"])
    >>> found = best_rows(frame)
    >>> found[found.chosen].regularizer.tolist()
    ['none', 'decay', 'best']
    """
    every = frame[frame.regularizer != "none"].assign(regularizer="best")
    pairs = pd.concat([frame, every]).groupby(["guide", "regularizer"], sort=False)
    tops = pd.concat([part.nlargest(1, "validation_accuracy") for _, part in pairs])
    return pd.concat([frame.assign(chosen=False), tops.assign(chosen=True)], ignore_index=True)


def run_regularizers(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Train a network under every guide and regularizer and return a row for each.

    ``chosen`` rows repeat those whose strength classifies the validation images best.
    """
    trial = image_trial(cell, device)
    x, y, rows = trial.sets.x, trial.sets.y, []
    both = dict.fromkeys(("none", "untrained CNN"), cell.get("regularizers", ()))
    for name, regularizers in cell.get("arms", {**both, "permuted points": NONE}).items():
        own = None if name == "none" else CachedGuide(trial.guide(name), x, y, turned=True)
        for each in regularizers:
            rows += _trained(trial, name, own, each)
    return best_rows(pd.DataFrame(rows)).assign(network=cell["network"], seed=cell["seed"])


def _grid(**strengths: tuple[float, ...]) -> tuple[Regularizer, ...]:
    named = ((name, value) for name, values in strengths.items() for value in values)
    return (Regularizer(), *(Regularizer(*pair) for pair in named))


def _smoothed(*strengths: float) -> tuple[Regularizer, ...]:
    return tuple(Regularizer("smoothing", strength) for strength in strengths)


STRENGTHS = {"strength": ("guide", "regularizer")}  # one grid for each regularizer of a guide
NONE = (Regularizer(),)
FEW = _grid(smoothing=(0.3,), dropout=(0.5,))
ALL = _grid(smoothing=(0.1, 0.3, 0.6), dropout=(0.2, 0.5), decay=(0.001, 0.01))

# The guide with permuted points stands alone, as the null: it has the geometry of the untrained
# CNN and says nothing about an image.  Shown in: result, "The main result"; limits, "The
# abstract"; claims guidance.smoothing, alone, beside-best, interaction, permuted-points.
REGULARIZERS = image_experiment(
    "regularizers",
    "Does an untrained guide add anything beside a tuned regularizer?",
    run_regularizers,
    networks=20,
    tuned=STRENGTHS,
    smoke={"setting": SMOKE, "regularizers": FEW},
    laptop={"setting": LAPTOP, "regularizers": ALL},
    paper={"setting": PAPER, "regularizers": ALL},
)

STOPPED = (Regularizer("stopping"),)
SMOOTHED = _smoothed(0.3, 0.6)
TAUGHT = (Regularizer("distillation", 0.5),)
ARMS: Cell = {
    "none": (*STOPPED, *_smoothed(0.3, 0.6, 0.8), *TAUGHT),
    "untrained CNN": (*STOPPED, *SMOOTHED, *TAUGHT),
    "permuted CNN": SMOOTHED,
    "pixels": SMOOTHED,
}
SMALL: Cell = {"none": (*STOPPED, *SMOOTHED), "untrained CNN": SMOOTHED}

# Early stopping and distillation beside smoothed labels, and guides with other pixels or without a
# network beside them.
# Shown in: result, "The main result"; claims guidance.stopping, beside-distillation.
RIVALS = image_experiment(
    "rivals",
    "Beside smoothed labels, is it the architecture that the untrained guide adds?",
    run_regularizers,
    networks=10,
    tuned=STRENGTHS,
    smoke={"setting": SMOKE, "arms": SMALL},
    laptop={"setting": LAPTOP, "arms": ARMS},
    paper={"setting": PAPER, "arms": ARMS},
)

WEAK: Cell = {
    "none": _smoothed(0.1, 0.3, 0.6, 0.8, 0.9),
    **dict.fromkeys(("untrained CNN", "permuted CNN"), _smoothed(0.05, 0.1, 0.3, 0.6)),
}

# Strengths up to where each guide is past its best: smoothed labels alone bear more of them.
# Shown in: result, "The main result"; limits, "The abstract"; claims guidance.beside-strong,
# beside-scrambled, scrambled-costs.
STRENGTHENED = image_experiment(
    "strengths",
    "Beside labels smoothed as strongly as is best, does an untrained guide add anything?",
    run_regularizers,
    networks=20,
    tuned=STRENGTHS,
    smoke={"setting": SMOKE, "arms": dict.fromkeys(WEAK, _smoothed(0.3))},
    laptop={"setting": LAPTOP, "arms": WEAK},
    paper={"setting": PAPER, "arms": WEAK},
)
