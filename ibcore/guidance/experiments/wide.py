"""A wide perceptron learns moved digits beside a small convolutional network, and its controls."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.experiments.guided_trial import (
    GUIDE_SEED,
    Condition,
    Convolutional,
    Fit,
    GuidedTrial,
    GuideKind,
    GuideName,
    Images,
    Labeled,
    Perceptron,
    Plain,
    PlainCell,
    PlainCondition,
    PlainImages,
    Setting,
    correct,
    final_similarity,
    guided_by,
    load_parts,
    outputs,
    plain_cells,
    result_row,
    share,
    sweep_learning_rates,
)
from ibcore.guidance.guides import (
    Guide,
    LabelGuide,
    NetworkGuide,
    NoiseGuide,
    PixelGuide,
    ScrambledGuide,
)
from ibcore.guidance.training import Distillation, Guided, Schedule, guide
from ibcore.nets import ResNet
from ibcore.population import member_seed
from ibcore.runs import Experiment

LAPTOP = Setting()
SMOKE = replace(
    LAPTOP,
    images=Images(pool=400, validation=100),
    target=Perceptron(width=192),
    untrained=Convolutional((32, 32, 64)),
    trained=Convolutional((16, 16, 32)),
    fit=Fit(steps=200, learning_rate=1e-2),
    steps=120,
    batch_size=75,
    unlabeled_batch=75,
    learning_rate=3e-3,
    weight=1.0,
)
HALF = replace(LAPTOP, target=Perceptron(width=256), batch_size=75)
"""Half as wide, for what is watched closely, with batches small enough for singular values."""

PAPER = Setting(
    images=Images("cifar10", labeled=45_000, pool=5000, validation=5000),
    target=Perceptron(width=4096),
    untrained=Convolutional((64,), resnet=True),
    trained=Convolutional((64,), resnet=True),
    fit=Fit(steps=7000, batch_size=256, learning_rate=1e-3),
    steps=7000,
    batch_size=256,
    unlabeled_batch=256,
    weight=1.0,
)

FEW = (
    *("unguided", "unguided, tuned", "unguided, twice the steps", "untrained CNN", "trained CNN"),
    *("permuted CNN", "pixels", "random features", "labels, last layer", "distillation"),
)


@dataclass(frozen=True)
class Wide:
    """Each network learns under every condition."""

    setting: Setting
    conditions: tuple[Condition, ...]
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class WideNetwork:
    """One network under all conditions."""

    setting: Setting
    conditions: tuple[Condition, ...]
    network: int
    seed: int


def wide_cells(config: Wide) -> list[WideNetwork]:
    """Return one cell for each network.

    Examples
    --------
    >>> len(wide_cells(Wide(SMOKE, (Condition("unguided"),), networks=2)))
    2
    """
    return [
        WideNetwork(config.setting, config.conditions, network, config.seed)
        for network in range(config.networks)
    ]


def run_wide(cell: WideNetwork, device: torch.device) -> pd.DataFrame:
    """Train a network under every condition and return a row for each, as in `result_row`.

    Examples
    --------
    >>> cell = wide_cells(Wide(replace(SMOKE, steps=1), guided_by("pixels"), networks=1))[0]
    >>> run_wide(cell, torch.device("cpu")).condition.tolist()
    ['pixels']
    """
    trial = GuidedTrial(cell.setting, cell.network, seed=cell.seed, device=device)
    rows = [result_row(trial, condition, *trial.choose(condition)) for condition in cell.conditions]
    return pd.DataFrame(rows).assign(network=cell.network, seed=cell.seed)


def wide_conditions(setting: Setting) -> tuple[Condition, ...]:
    """Return guidance and its controls.

    The early disconnect comes after a fifth of the steps; alignment comes first for as many steps
    as the task has afterwards, which "unguided, twice the steps" stands beside.

    Examples
    --------
    >>> [condition.name for condition in wide_conditions(LAPTOP)][:2]
    ['unguided', 'unguided, tuned']
    """
    steps, rate = setting.steps, setting.learning_rate
    return (
        Condition("unguided"),
        Condition("unguided, tuned", learning_rates=(0.3 * rate, rate, 3 * rate)),
        Condition("unguided, twice the steps", steps=2 * steps),
        Condition("weight decay", weight_decays=(1e-3, 1e-2)),
        *guided_by(
            *("untrained CNN", "trained CNN", "permuted CNN", "untrained MLP", "pixels"),
            *("random features", "noise input", "labels"),
        ),
        Condition("labels, last layer", "labels", mapping="last"),
        Condition("untrained CNN, last layer", "untrained CNN", mapping="last"),
        Condition("untrained CNN, unbiased", "untrained CNN", unbiased=True),
        Condition(
            "untrained CNN, early disconnect",
            "untrained CNN",
            schedule="disconnect",
            until=max(1, steps // 5),
        ),
        Condition(
            "untrained CNN, alignment first",
            "untrained CNN",
            schedule="initialize",
            until=steps,
            steps=2 * steps,
        ),
        Condition("distillation", distill=True),
    )


def _some(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Return the conditions that are run in seconds."""
    return tuple(condition for condition in conditions if condition.name in FEW)


WIDE: Experiment[Wide, WideNetwork] = Experiment(
    name="guidance.wide",
    question="What does a wide perceptron gain from a convolutional guide, and from its controls?",
    tiers={
        "smoke": Wide(SMOKE, _some(wide_conditions(SMOKE)), networks=2),
        "laptop": Wide(LAPTOP, wide_conditions(LAPTOP)),
        "paper": Wide(PAPER, wide_conditions(PAPER)),
    },
    cells=wide_cells,
    run_cell=run_wide,
)


# A deep plain perceptron: guided, begun better, trained longer, or just with another rate.

STARTS: tuple[GuideName, ...] = ("untrained CNN", "permuted CNN", "pixels")

DEEP = Setting(
    images=Images("digits", labeled=1000, pool=200, validation=200),
    target=Perceptron(depth=30, width=96, norm="batch"),
    steps=270,  # 40 passes over the images
    weight=1.0,
)
SMALL = replace(
    DEEP,
    images=Images("digits", labeled=600, pool=200, validation=200),
    target=Perceptron(depth=16, width=32, norm="batch"),
    untrained=Convolutional((16, 16, 32)),
    trained=Convolutional((8, 16, 32)),
    fit=Fit(steps=100, learning_rate=1e-2),
    steps=60,
)
LARGE = replace(PAPER, target=Perceptron(depth=30, width=1024, norm="batch"))


def deep_conditions(
    setting: Setting, *, guides: tuple[GuideName, ...], starts: tuple[GuideName, ...] = STARTS
) -> tuple[Condition, ...]:
    """Return guides, guides for a start, and what needs no guide, at three learning rates.

    A start takes five eighths as many steps of alignment as the task has steps afterwards;
    "unguided, longer" takes all of these for the task.  Where a name ends in a rate, only that
    differs.

    Examples
    --------
    >>> names = [condition.name for condition in deep_conditions(DEEP, guides=("pixels",))]
    >>> names[:2], names[-1]
    (['unguided', 'pixels'], 'untrained CNN, rate x 3')
    """
    steps = setting.steps
    first = 5 * steps // 8
    return (
        Condition("unguided"),
        *(Condition(name, name) for name in guides),
        *(
            Condition(
                f"{name}, alignment first",
                name,
                schedule="initialize",
                until=first,
                steps=first + steps,
            )
            for name in starts
        ),
        Condition("unguided, longer", steps=first + steps),
        *(
            Condition(f"{name}, rate x {factor:g}", guide, learning_rates=(rate,))
            for factor, rate in ((0.3, 0.3 * setting.learning_rate), (3, 3 * setting.learning_rate))
            for name, guide in _RATED
        ),
    )


_RATED: tuple[tuple[str, GuideName | None], ...] = (
    ("unguided", None),
    ("untrained CNN", "untrained CNN"),
)
_FOUR: tuple[GuideName, ...] = ("untrained CNN", "trained CNN", "pixels", "labels")
_ALL: tuple[GuideName, ...] = (*_FOUR, "permuted CNN", "untrained MLP", "noise input")

DEPTH: Experiment[Wide, WideNetwork] = Experiment(
    name="guidance.deep",
    question="Is a deep plain perceptron untrainable without a guide, or badly begun and tuned?",
    tiers={
        "smoke": Wide(
            SMALL,
            deep_conditions(SMALL, guides=("untrained CNN",), starts=("untrained CNN", "pixels")),
            networks=2,
        ),
        "laptop": Wide(DEEP, deep_conditions(DEEP, guides=_FOUR)),
        "paper": Wide(LARGE, deep_conditions(LARGE, guides=_ALL, starts=(*STARTS, "noise input"))),
    },
    cells=wide_cells,
    run_cell=run_wide,
)


# Other measures of similarity as the second term of the loss, on equal terms with linear CKA.

WEIGHTS = (0.5, 2.0, 8.0)


def distance_conditions(weights: tuple[float, ...] = WEIGHTS) -> tuple[Condition, ...]:
    """Return the unguided target, and an untrained CNN as the guide by each measure.

    Each has the weight, of the same few, with which it classifies the validation images best.

    Examples
    --------
    >>> [condition.name for condition in distance_conditions()][:3]
    ['unguided', 'linear CKA', 'RBF CKA']
    """
    return (
        Condition("unguided"),
        Condition("linear CKA", "untrained CNN", weights=weights),
        Condition("RBF CKA", "untrained CNN", kernel="rbf", weights=weights),
        Condition("RSA", "untrained CNN", measure="rsa", weights=weights),
        Condition("ridge", "untrained CNN", measure="ridge", weights=weights),
        Condition("Procrustes", "untrained CNN", measure="procrustes", weights=weights),
    )


def _few() -> tuple[Condition, ...]:
    """Return the conditions that are run in seconds, at one weight."""
    names = ("unguided", "linear CKA", "Procrustes")
    return tuple(c for c in distance_conditions((1.0,)) if c.name in names)


DISTANCES: Experiment[Wide, WideNetwork] = Experiment(
    name="guidance.measures",
    question="Does it matter by which measure of similarity a guide guides?",
    tiers={
        "smoke": Wide(SMOKE, _few(), networks=2),
        "laptop": Wide(HALF, distance_conditions()),
        "paper": Wide(replace(PAPER, batch_size=128), distance_conditions()),
    },
    cells=wide_cells,
    run_cell=run_wide,
)


# A deep convolutional network without residuals, guided by a ResNet, and its controls.


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

    def watcher(self, kind: GuideKind | None) -> Guide | None:
        """Return the guide of this kind."""
        train, again = self.parts[0], member_seed(self.seed, 2 * GUIDE_SEED)
        if kind == "trained":
            return NetworkGuide(self.teacher, reference=train.x)
        if kind in ("untrained", "scrambled", "same architecture"):
            net = _net(self.config, train.x, again, guide=kind != "same architecture")
            found = NetworkGuide(net.to(train.x.device), reference=train.x)
            return ScrambledGuide(found, seed=self.seed) if kind == "scrambled" else found
        known: dict[GuideKind | None, Guide | None] = {
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
    >>> config = Plain((PlainCondition("unguided"),), PlainImages("digits", 50, 20, 20), steps=1,
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
    rows += sweep_learning_rates(config.conditions, partial(_guided, stage))
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


def _guided(stage: _Stage, condition: PlainCondition, rate: float) -> dict[str, Any]:
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
    return {**row, "similarity": final_similarity(done)}


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


PLAIN_CNN_FEW = (
    PlainCondition("unguided", rates=(1.0, 3.0)),
    PlainCondition("trained", "trained", rates=(1.0, 3.0)),
    PlainCondition("untrained", "untrained"),
    PlainCondition("pixels", "pixels"),
    PlainCondition("noise", "noise"),
)
ALL = (
    PlainCondition("unguided", rates=(1.0, 3.0)),
    PlainCondition("longer", longer=2),
    PlainCondition("trained", "trained", rates=(1.0, 3.0)),
    PlainCondition("untrained", "untrained"),
    PlainCondition("same architecture", "same architecture"),
    PlainCondition("pixels", "pixels"),
    PlainCondition("labels", "labels"),
    PlainCondition("noise", "noise"),
    PlainCondition("distillation", distilled=True),
)
PLAIN: Experiment[Plain, PlainCell] = Experiment(
    name="guidance.plain-cnn",
    question="Does a ResNet's guidance train a deep convolutional network without residuals?",
    tiers={
        "smoke": Plain(
            PLAIN_CNN_FEW,
            PlainImages(train=100, validation=60, test=200),
            steps=20,
            batch_size=50,
            guide_steps=30,
            networks=2,
        ),
        "laptop": Plain(ALL),
        "paper": Plain(
            ALL,
            PlainImages("cifar10", 44_000, 1000, 5000),
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


# Images without labels: what each guide adds when it may speak of more than the labeled ones.

GUIDES: tuple[GuideName, ...] = ("untrained CNN", "permuted CNN", "untrained MLP", "pixels")


def unlabeled_conditions(
    counts: tuple[int, ...], guides: tuple[GuideName, ...] = GUIDES
) -> tuple[Condition, ...]:
    """Return the unguided target, and guides and distillation with images that have no labels.

    The first guide and distillation are run at every number of images, the other guides at the
    first and the last.

    Examples
    --------
    >>> [(c.name, c.unlabeled) for c in unlabeled_conditions((0, 5), ("pixels",))][1:]
    [('pixels', 0), ('pixels', 5), ('distillation', 0), ('distillation', 5)]
    """
    ends = (counts[0], counts[-1])
    return (
        Condition("unguided"),
        *(Condition(guides[0], guides[0], unlabeled=count) for count in counts),
        *(Condition(name, name, unlabeled=count) for name in guides[1:] for count in ends),
        *(Condition("distillation", distill=True, unlabeled=count) for count in counts),
    )


UNLABELED: Experiment[Wide, WideNetwork] = Experiment(
    name="guidance.unlabeled",
    question="How does the gain from a guide grow with images that have no labels?",
    tiers={
        "smoke": Wide(
            SMOKE,
            unlabeled_conditions((0, 300), ("untrained CNN", "pixels")),
            networks=2,
        ),
        "laptop": Wide(replace(LAPTOP, unlabeled_batch=100), unlabeled_conditions((0, 200, 800))),
        "paper": Wide(
            replace(
                PAPER,
                images=replace(PAPER.images, labeled=5000, pool=45_000),
                steps=4000,
                fit=replace(PAPER.fit, steps=4000),
            ),
            unlabeled_conditions((0, 5000, 20_000, 40_000)),
        ),
    },
    cells=wide_cells,
    run_cell=run_wide,
)
