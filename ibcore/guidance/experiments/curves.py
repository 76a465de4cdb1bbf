"""Curves of accuracy, and the likeness of all layers to all layers of a guide, over the steps."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.experiments.guided_trial import (
    CLASSES,
    LAPTOP,
    PAPER,
    SMOKE,
    Condition,
    GuidedTrial,
    GuideName,
    correct,
    guided_by,
    image_experiment,
    image_trial,
    share,
)
from ibcore.guidance.guides import Batch
from ibcore.guidance.similarity import error_consistency, predict_ridge
from ibcore.guidance.taps import redraw
from ibcore.population import Population, member_seed
from ibcore.redshift import fourier_complexity, path_variation
from ibcore.runs.experiment import Cell
from ibcore.runtime import generator

# In cells ``looks`` are the checkpoints: the keys of stored results hold the names of fields.

REFERENCES: tuple[GuideName, ...] = ("untrained CNN", "trained CNN")


def _run_curves(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return a row for each condition, step, reference, layer of the reference and of the target.

    ``reference`` is the guide that the target is compared with, whether or not it guided;
    ``similarity`` is unbiased linear CKA on test images, and accuracies repeat in all rows of a
    step.
    """
    trial, rows = image_trial(cell, device), []

    def measure(model: nn.Module) -> list[dict[str, Any]]:
        scores = trial.accuracies(model)
        return [
            {**scores, "reference": name, **row}
            for name in REFERENCES
            for row in trial.layer_table(model, name)
        ]

    for condition in cell["conditions"]:
        last = condition.steps or cell["setting"]["steps"]
        for step, table in trial.watch(condition, cell["looks"], measure).items():
            labels = {"condition": condition.name, "step": step, "final": step == last}
            rows += [{**labels, **row} for row in table]
    return pd.DataFrame(rows).assign(network=cell["network"], seed=cell["seed"])


def _watched(setting: Cell, checkpoints: Sequence[int]) -> Cell:
    """Return a setting, steps, and the conditions whose targets are measured after these."""
    early = {"schedule": "disconnect", "until": setting["steps"] // 5}
    conditions = (
        Condition("unguided"),
        *guided_by("untrained CNN", "trained CNN"),
        Condition("untrained CNN, early disconnect", "untrained CNN", **early),
        Condition("distillation", distill=True),
    )
    return {"setting": setting, "conditions": conditions, "looks": checkpoints}


_SMALL = _watched(SMOKE, (0, 20, 120))

# Shown in: idea, "The result"; result, "Result 1" and "Result 3"; limits, "The abstract"; explorer
# GuidedTraining; claims guidance.training-parts, slow-start, loss-rises, loss-falls.
CURVES = image_experiment(
    "curves",
    "How do accuracy and the likeness of every layer to the guide's change over training?",
    _run_curves,
    smoke={**_SMALL, "conditions": _SMALL["conditions"][:2]},
    laptop=_watched(LAPTOP, (0, 2, 5, 10, 20, 30, 40, 60, 80, 120, 160, 200)),
    paper=_watched(PAPER, (0, 10, 30, 100, 200, 400, 700, 1000, 1400, 2000, 4000, 7000)),
)


# How complex the function of a guided target is, beside that of the unguided one.

_PATHS = 5  # stream of seeds
_GRID = 24  # points along each side of a plane


def _run_complexity(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return a row for each condition, and for the target before training.

    ``variation`` is `ibcore.redshift.path_variation` of the logits between test images: 1 for a
    linear function.  ``frequency`` is the mean `ibcore.redshift.fourier_complexity` of the logits
    on squares spanned by three test images.
    """
    trial = image_trial(cell, device)
    models: dict[str, nn.Module] = {"before training": redraw(trial.target, trial.seed).to(device)}
    models |= {c.name: trial.choose(c)[0].model for c in cell["conditions"]}
    rows = [
        {"condition": name, **trial.accuracies(model.eval()), **_measured(cell, trial, model)}
        for name, model in models.items()
    ]
    return pd.DataFrame(rows).assign(network=cell["network"], seed=cell["seed"])


@torch.no_grad()
def _measured(cell: Cell, trial: GuidedTrial, model: nn.Module) -> dict[str, float]:
    """Return the complexity of one target, on the same images whatever trained it."""
    rng, images = generator(member_seed(trial.seed, _PATHS)), trial.sets.test_x.flatten(1)

    def draw(count: int) -> Tensor:
        return images[torch.randint(len(images), (count,), generator=rng).to(images.device)]

    ends = draw(cell["paths"]), draw(cell["paths"])
    variation = path_variation(Population.from_modules([model]), *ends)
    planes = [_on_plane(model, *draw(3)) for _ in range(cell["planes"])]
    frequency = fourier_complexity(torch.cat(planes)).mean()
    return {"variation": variation.item(), "frequency": frequency.item()}


def _on_plane(model: nn.Module, origin: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the logits on the square that three images span, (classes, grid, grid), float64."""
    share = torch.linspace(0, 1, _GRID, dtype=origin.dtype, device=origin.device)
    down, across = torch.meshgrid(share, share, indexing="ij")
    x = origin + down[..., None] * (first - origin) + across[..., None] * (second - origin)
    logits: Tensor = model(x.flatten(0, 1))  # (grid * grid, in) to (grid * grid, classes)
    return logits.double().T.reshape(-1, _GRID, _GRID)


NINE = (
    Condition("unguided"),
    Condition("unguided, decayed", weight_decays=(1e-3,)),
    *guided_by("untrained CNN", "trained CNN", "permuted CNN", "pixels", "random features"),
    Condition("labels, last layer", "labels", mapping="last"),
    Condition("distillation", distill=True),
)

# Between ``paths`` pairs, and on planes of triples, of test images.  Shown in: limits, "Result 4";
# claim guidance.not-simpler.
COMPLEXITY = image_experiment(
    "complexity",
    "Is the function of a guided target simpler than that of the unguided one?",
    _run_complexity,
    smoke={"setting": SMOKE, "conditions": NINE[:3], "paths": 50, "planes": 4},
    laptop={"setting": LAPTOP, "conditions": NINE, "paths": 200, "planes": 10},
    paper={"setting": PAPER, "conditions": NINE, "paths": 1000, "planes": 50},
)


# Error consistency: whether a guided target errs where its guide errs, at equal accuracy.

_PENALTY = 1e-3  # of the readout, times the mean squared length of features


def _run_errors(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return a row for each condition, moment and classifier that errors are compared with.

    ``moment`` is ``final``, or ``matched``: of each target the step whose accuracy is nearest to
    the highest accuracy that all conditions reach.  ``reference`` is the trained CNN, or a linear
    readout of the untrained CNN; ``consistency`` is Cohen's kappa of errors on test images.
    """
    trial, steps = image_trial(cell, device), cell["setting"]["steps"]
    checkpoints = sorted({*range(0, steps, cell["every"]), steps})
    right = trial.correct_on_test
    patterns = {c.name: trial.watch(c, checkpoints, right) for c in cell["conditions"]}
    level = min(max(share(p) for p in seen.values()) for seen in patterns.values())
    references = {"trained CNN": right(trial.trained), "untrained CNN": _readout(trial)}
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
    return pd.DataFrame(rows).assign(network=cell["network"], seed=cell["seed"])


def _readout(trial: GuidedTrial) -> Tensor:
    """Return where a linear readout of the untrained CNN's last layer is right on test images.

    Ridge regression of one-hot labels, fitted to the labeled images.
    """
    known, held = (_last_layer(trial, x) for x in (trial.sets.x, trial.sets.test_x))
    labels = functional.one_hot(trial.sets.y, CLASSES).double()
    offset = labels.mean(0)
    answers = predict_ridge(known, labels - offset, held, _PENALTY) + offset
    return correct(answers, trial.sets.test_y)


def _last_layer(trial: GuidedTrial, x: Tensor) -> Tensor:
    """Return what the head of the untrained CNN sees, (n, p), float64."""
    guide, views = trial.guide("untrained CNN"), []
    for rows in torch.split(torch.arange(len(x), device=x.device), 1000):
        batch = Batch(x[rows], trial.sets.y[:0], rows)
        views.append(list(guide(batch).values())[-1].flatten(1).double())
    return torch.cat(views)


def _kappa(first: Tensor, second: Tensor) -> float:
    return error_consistency(first.cpu().numpy(), second.cpu().numpy(), draws=1).value


FIVE = (
    Condition("unguided"),
    *guided_by("untrained CNN", "trained CNN", "permuted CNN"),
    Condition("distillation", distill=True),
)

# Targets are compared at the end and, ``every`` so many steps, where their accuracies are nearest.
# Shown in: limits, "Result 4"; claims guidance.errors-of-guide, errors-of-architecture,
# readout-wins.
ERRORS = image_experiment(
    "errors",
    "Does a guided target err where its guide errs, beyond what its accuracy implies?",
    _run_errors,
    smoke={"setting": SMOKE, "conditions": FIVE[:3], "every": 30},
    laptop={"setting": LAPTOP, "conditions": FIVE, "every": 10},
    paper={"setting": PAPER, "conditions": FIVE, "every": 200},
)
