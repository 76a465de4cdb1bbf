"""What a guide adds beside regularizers that need no guide, on the wide perceptron."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.experiments.guided_trial import (
    LAPTOP,
    PAPER,
    SMOKE,
    GuidedTrial,
    correct,
    image_trial,
    outputs,
    share,
)
from ibcore.guidance.guides import Batch, Guide, ReducedGuide, ShuffledGuide
from ibcore.guidance.training import Schedule, guide
from ibcore.runs.experiment import Cell, Experiment, design

Row = dict[str, Any]


@dataclass(frozen=True)
class Regularizer:
    """One way to regularize the target, and how strongly.

    Examples
    --------
    >>> Regularizer("smoothing", 0.3).loss(torch.zeros(1, 2), torch.tensor([0])).item() < 0.7
    True
    """

    name: str = "none"
    strength: float = 0.0

    def of(self, name: str) -> float:
        """Return the strength if this is the regularizer of that name, else 0."""
        return self.strength if self.name == name else 0.0

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Return the cross-entropy, with smoothed labels if they are asked for."""
        return functional.cross_entropy(logits, y, label_smoothing=self.of("smoothing"))

    def dress(self, net: Iterable[nn.Module]) -> nn.Sequential:
        """Return the layers, with dropout after each ReLU if it is asked for."""
        layers: list[nn.Module] = []
        for layer in net:
            dropped = self.of("dropout") and isinstance(layer, nn.ReLU)
            layers += [layer, nn.Dropout(self.strength)] if dropped else [layer]
        return nn.Sequential(*layers)


def _guides(trial: GuidedTrial) -> dict[str, Guide | None]:
    """Return no guide, the untrained CNN, and the same with its points permuted."""
    x, y, own = trial.sets.x, trial.sets.y, trial.guide("untrained CNN")
    points = Batch(x, y, torch.arange(len(x), device=x.device))
    lost = ShuffledGuide(own, x, seed=trial.seeds["noise"])
    watched = {"untrained CNN": own, "permuted points": lost}
    return {"none": None} | {name: ReducedGuide(each, points) for name, each in watched.items()}


def _train(trial: GuidedTrial, own: Guide | None, regularizer: Regularizer) -> nn.Module:
    """Return the target trained under a guide and a regularizer."""
    setting = trial.setting
    return guide(
        regularizer.dress(setting["target"].build(trial.shape)),
        own,
        trial.sets.x,
        trial.sets.y,
        steps=setting["steps"],
        schedule=Schedule(weight=setting["weight"]) if own else None,
        loss=lambda logits, batch: regularizer.loss(logits, batch.y),
        learning_rate=setting["learning_rate"],
        weight_decay=regularizer.of("decay"),
        batch_size=setting["batch_size"],
        init_seed=trial.seed,
        seed=trial.seed,
        device=trial.device,
    ).model


def _measured(trial: GuidedTrial, name: str, own: Guide | None, each: Regularizer) -> Row:
    """Return all that is measured of one target."""
    model, some = _train(trial, own, each), slice(trial.setting["images"].validation)
    right = correct(outputs(model, trial.sets.pool[some]), trial.sets.pool_y[some])
    return {
        "guide": name,
        "regularizer": each.name,
        "strength": each.strength,
        "validation_accuracy": share(right),
        **trial.accuracies(model),
    }


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

    ``chosen`` rows repeat those whose strength classifies the validation images best.  The guide
    with permuted points stands alone, as the null: it has the geometry of the untrained CNN and
    says nothing about an image.
    """
    trial, none = image_trial(cell, device), Regularizer()
    guides = _guides(trial)
    pairs = [(name, each) for name in ("none", "untrained CNN") for each in cell["regularizers"]]
    pairs.append(("permuted points", none))
    rows = [_measured(trial, name, guides[name], each) for name, each in pairs]
    return best_rows(pd.DataFrame(rows)).assign(network=cell["network"], seed=cell["seed"])


def _grid(**strengths: tuple[float, ...]) -> tuple[Regularizer, ...]:
    named = ((name, value) for name, values in strengths.items() for value in values)
    return (Regularizer(), *(Regularizer(*pair) for pair in named))


FEW = _grid(smoothing=(0.3,), dropout=(0.5,))
ALL = _grid(smoothing=(0.1, 0.3, 0.6), dropout=(0.2, 0.5), decay=(0.001, 0.01))

# Shown in: result, "Does the architecture survive a regularizer?"; claims guidance.smoothing,
# alone, beside-best, interaction, permuted-points.
REGULARIZERS = Experiment(
    "guidance.regularizers",
    "Does an untrained guide add anything beside a tuned regularizer?",
    {
        "smoke": design({"network": range(2)}, seed=0, setting=SMOKE, regularizers=FEW),
        "laptop": design({"network": range(20)}, seed=0, setting=LAPTOP, regularizers=ALL),
        "paper": design({"network": range(5)}, seed=0, setting=PAPER, regularizers=ALL),
    },
    run_regularizers,
    tuned={"strength": ("guide", "regularizer")},
)
