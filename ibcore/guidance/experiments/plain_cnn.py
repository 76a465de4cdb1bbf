"""A deep convolutional network without residuals, guided by a ResNet, and its controls."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.altered import ScrambledGuide
from ibcore.guidance.experiments.networks import correct, outputs
from ibcore.guidance.experiments.plain_config import (
    Condition,
    Images,
    Labeled,
    Plain,
    PlainCell,
    Watcher,
    load_parts,
    plain_cells,
)
from ibcore.guidance.experiments.rated import GUIDE_SEED, late_similarity, rows_of
from ibcore.guidance.experiments.scores import share
from ibcore.guidance.guides import Guide, LabelGuide, NetworkGuide, NoiseGuide, PixelGuide
from ibcore.guidance.schedule import Schedule
from ibcore.guidance.task import Distillation
from ibcore.guidance.training import Guided, guide
from ibcore.nets import ResNet
from ibcore.population import member_seed
from ibcore.runs import Experiment


@dataclass(frozen=True, eq=False)
class _Stage:
    """What all conditions of a cell share: its images, and the trained guide."""

    config: Plain
    seed: int
    parts: tuple[Labeled, ...]
    teacher: nn.Module

    @classmethod
    def set(cls, cell: PlainCell, device: torch.device) -> "_Stage":
        """Split the images and train the guide."""
        own, config = member_seed(cell.config.seed, cell.network), cell.config
        parts = load_parts(config.images, own, device)
        resnet = _net(config, parts[0].x, member_seed(own, GUIDE_SEED), guide=True)
        options: dict[str, Any] = {"steps": config.guide_steps, "learning_rate": config.guide_rate}
        done = _train(resnet, None, parts[0], config.batch_size, seed=own, **options)
        return cls(config, own, parts, done.model)

    def watcher(self, kind: Watcher | None) -> Guide | None:
        """Return the guide of this kind."""
        train, again = self.parts[0], member_seed(self.seed, 2 * GUIDE_SEED)
        if kind == "trained":
            return NetworkGuide(self.teacher, reference=train.x)
        if kind in ("untrained", "scrambled", "same architecture"):
            net = _net(self.config, train.x, again, guide=kind != "same architecture")
            found = NetworkGuide(net.to(train.x.device), reference=train.x)
            return ScrambledGuide(found, seed=self.seed) if kind == "scrambled" else found
        known: dict[Watcher | None, Guide | None] = {
            None: None,
            "pixels": PixelGuide(),
            "labels": LabelGuide(int(train.y.max()) + 1),
            "noise": NoiseGuide(len(train.y), seed=self.seed),
        }
        return known[kind]


def run_plain(cell: PlainCell, device: torch.device) -> pd.DataFrame:
    """Train one network under all conditions and return a row for each learning rate.

    ``accuracy`` and ``loss`` (nats) are those of test images, ``similarity`` the CKA with the
    guide, averaged over pairs of layers and the last 20 steps.  The ResNet itself is the condition
    ``"guide"``; ``"residual"`` is the target's own network with residuals, trained alike.

    Examples
    --------
    >>> config = Plain((Condition("unguided"),), Images("digits", 50, 20, 20), steps=1,
    ...                batch_size=50, width=1, guide_width=1, guide_steps=1)
    >>> run_plain(plain_cells(config)[0], torch.device("cpu")).condition.tolist()
    ['guide', 'residual', 'unguided']
    """
    stage, config = _Stage.set(cell, device), cell.config
    stated = {"steps": config.steps, "learning_rate": config.learning_rate}
    own = _net(config, stage.parts[0].x, stage.seed, residual=True)
    shared: dict[str, Any] = {**stated, "seed": stage.seed}
    residual = _train(own, None, stage.parts[0], config.batch_size, **shared).model
    rows = [
        {"condition": "guide", "learning_rate": config.guide_rate, "steps": config.guide_steps}
        | _scores(stage, stage.teacher),
        {"condition": "residual", **stated, **_scores(stage, residual)},
    ]
    rows += rows_of(config.conditions, partial(_guided, stage))
    labels = {"source": config.images.source, "network": cell.network, "seed": config.seed}
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


def _net(
    config: Plain, x: Tensor, seed: int, *, guide: bool = False, residual: bool = False
) -> ResNet:
    """Return the plain network, the same with residuals, or the guide."""
    return ResNet(
        x.shape[1],
        10,
        depth=18,
        width=config.guide_width if guide else config.width,
        residual=guide or residual,
        image_size=x.shape[-1],
        seed=seed,
    )


def _train(
    net: nn.Module, watcher: Guide | None, train: Labeled, batch_size: int, **options: Any
) -> Guided:
    return guide(net, watcher, *train, batch_size=batch_size, device=train.x.device, **options)


def _guided(stage: _Stage, condition: Condition, rate: float) -> dict[str, Any]:
    """Train under one condition at one learning rate and return its row."""
    config, train = stage.config, stage.parts[0]
    watcher = stage.watcher(condition.guide)
    stated: dict[str, Any] = {
        "steps": config.steps * condition.longer,
        "learning_rate": round(config.learning_rate * rate, 12),
    }
    options = {**stated, "weight_decay": condition.weight_decay}
    if condition.weight_decay:
        options["optimizer"] = "adamw"
    if watcher is not None:
        one = condition.guide in ("pixels", "labels", "noise")
        options |= {"schedule": Schedule(weight=config.weight), "mapping": "all" if one else "even"}
    if condition.distilled:
        options["loss"] = Distillation(outputs(stage.teacher, train.x, reference=train.x))
    net = _net(config, train.x, stage.seed)
    done = _train(net, watcher, train, config.batch_size, seed=stage.seed, **options)
    row = {"condition": condition.name, **stated, **_scores(stage, done.model)}
    return {**row, "similarity": late_similarity(done)}


def _scores(stage: _Stage, net: nn.Module) -> dict[str, float]:
    """Return the scores of a network on all three parts."""
    train, validation, test = stage.parts
    logits = [outputs(net, part.x, reference=train.x) for part in stage.parts]
    return {
        "accuracy": share(correct(logits[2], test.y)),
        "loss": functional.cross_entropy(logits[2].double(), test.y).item(),
        "train_accuracy": share(correct(logits[0], train.y)),
        "validation_loss": functional.cross_entropy(logits[1].double(), validation.y).item(),
        "similarity": float("nan"),
    }


FEW = (
    Condition("unguided", rates=(1.0, 3.0)),
    Condition("trained", "trained", rates=(1.0, 3.0)),
    Condition("untrained", "untrained"),
    Condition("pixels", "pixels"),
    Condition("noise", "noise"),
)
ALL = (
    Condition("unguided", rates=(1.0, 3.0)),
    Condition("longer", longer=2),
    Condition("trained", "trained", rates=(1.0, 3.0)),
    Condition("untrained", "untrained"),
    Condition("same architecture", "same architecture"),
    Condition("pixels", "pixels"),
    Condition("labels", "labels"),
    Condition("noise", "noise"),
    Condition("distillation", distilled=True),
)
PLAIN: Experiment[Plain, PlainCell] = Experiment(
    name="guidance.plain-cnn",
    question="Does a ResNet's guidance train a deep convolutional network without residuals?",
    tiers={
        "smoke": Plain(
            FEW,
            Images(train=100, validation=60, test=200),
            steps=20,
            batch_size=50,
            guide_steps=30,
            networks=2,
        ),
        "laptop": Plain(ALL),
        "paper": Plain(
            ALL,
            Images("cifar10", 44_000, 1000, 5000),
            width=64,
            steps=8600,
            batch_size=128,
            guide_width=64,
            guide_steps=8600,
            guide_rate=1e-3,
        ),
    },
    cells=plain_cells,
    run_cell=run_plain,
)

EXPERIMENTS = (PLAIN,)
