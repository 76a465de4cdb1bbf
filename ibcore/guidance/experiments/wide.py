"""A wide perceptron learns moved digits beside a small convolutional network, and its controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from ibcore.guidance.experiments.guided_trial import (
    CLASSES,
    GUIDE_SEED,
    HALF,
    LAPTOP,
    PAPER,
    SMOKE,
    Condition,
    Convolutional,
    GuidedTrial,
    GuideName,
    Images,
    Options,
    Perceptron,
    Sets,
    correct,
    final_similarity,
    guided_by,
    image_experiment,
    image_trial,
    rated,
    share,
    sweep_learning_rates,
)
from ibcore.guidance.training import Guided
from ibcore.nets import ResNet
from ibcore.population import member_seed
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import Tier, generator
from ibcore.tasks import digits


def _run_wide(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Train a network under every condition and return a row for each.

    ``guide_similarity`` is that of the compared layers on training images, ``cnn_similarity`` that
    to the untrained CNN on test images, and ``guide_accuracy`` that of the trained CNN where it
    guides or teaches.
    """
    trial = image_trial(cell, device)
    rows = [_row(trial, each, *trial.choose(each)) for each in cell["conditions"]]
    return pd.DataFrame(rows).assign(network=cell["network"], seed=cell["seed"])


def _row(
    trial: GuidedTrial, condition: Condition, guided: Guided, options: Options
) -> dict[str, Any]:
    """Return all that is measured of one target."""
    like, taught = float("nan"), float("nan")
    if condition.guide is not None:
        like = trial.guide_similarity(condition.guide, guided)
    if condition.distill or condition.guide == "trained CNN":
        taught = share(trial.correct_on_test(trial.trained))
    return {
        "condition": condition.name,
        "guide": condition.guide or "none",
        **trial.accuracies(guided.model),
        "guide_similarity": like,
        "cnn_similarity": trial.cnn_similarity(guided.model),
        "guide_accuracy": taught,
        **options._asdict(),
        "steps": condition.steps or trial.setting["steps"],
        "unlabeled": condition.unlabeled,
    }


def _named(conditions: tuple[Condition, ...], *names: str) -> tuple[Condition, ...]:
    """Return the conditions that are run in seconds."""
    return tuple(condition for condition in conditions if condition.name in names)


def _wide_conditions(setting: Cell) -> tuple[Condition, ...]:
    """Return guidance and its controls.

    The early disconnect comes after a fifth of the steps; alignment comes first for as many steps
    as the task has afterwards, which "unguided, twice the steps" stands beside.

    Examples
    --------
    >>> [condition.name for condition in _wide_conditions(LAPTOP)][:2]
    ['unguided', 'unguided, tuned']
    """
    steps, rate = setting["steps"], setting["learning_rate"]
    cnn = partial(Condition, guide="untrained CNN")
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
        cnn("untrained CNN, last layer", mapping="last"),
        cnn("untrained CNN, unbiased", unbiased=True),
        cnn("untrained CNN, early disconnect", schedule="disconnect", until=max(1, steps // 5)),
        _first("untrained CNN", until=steps, steps=2 * steps),
        Condition("distillation", distill=True),
    )


def _first(guide: GuideName, *, until: int, steps: int) -> Condition:
    """Return a guide that is followed alone before the task."""
    name = f"{guide}, alignment first"
    return Condition(name, guide, schedule="initialize", until=until, steps=steps)


RATES = {"learning_rate": ("guide",)}  # one grid for each guide, whatever else differs

FEW = (
    *("unguided", "unguided, tuned", "unguided, twice the steps", "untrained CNN", "trained CNN"),
    *("permuted CNN", "pixels", "random features", "labels, last layer", "distillation"),
)

# Shown in: idea, "The result"; result, "Result 1", "Result 3" and "Break it"; limits, "Result 3"
# and "Break it"; explorer GuideComparison; claims guidance.untrained-guide, trained-guide,
# prior-not-any-guide, scrambled-keeps, labels-alone, random-guide-harms, wide-not-tuning,
# wide-not-steps, test-loss, loss-not-locality, still-overfits, likeness-kept, far-below-guide,
# beats-distillation, wide-pixels, trained-or-not, wide-start.
WIDE = image_experiment(
    "wide",
    "What does a wide perceptron gain from a convolutional guide, and from its controls?",
    _run_wide,
    tuned=RATES,
    smoke={"setting": SMOKE, "conditions": _named(_wide_conditions(SMOKE), *FEW)},
    laptop={"setting": LAPTOP, "conditions": _wide_conditions(LAPTOP)},
    paper={"setting": PAPER, "conditions": _wide_conditions(PAPER)},
)


def _narrow(setting: Cell) -> Cell:
    """Return an untrained guide as narrow as the trained one beside it."""
    conditions = guided_by("untrained CNN", "trained CNN")
    return {"setting": {**setting, "untrained": setting["trained"]}, "conditions": conditions}


# Shown in: result, "Result 1"; limits, "The abstract"; claim guidance.equal-width.
WIDTH = image_experiment(
    "equal-width",
    "Does a trained guide help more than an untrained one of its width?",
    _run_wide,
    networks=10,
    smoke=_narrow(SMOKE),
    laptop=_narrow(LAPTOP),
    paper=_narrow(PAPER),
)


# Images without labels: what each guide adds when it may speak of more than the labeled ones.


def _unlabeled(
    *counts: int,
    guides: tuple[GuideName, ...] = ("untrained CNN", "permuted CNN", "untrained MLP", "pixels"),
) -> tuple[Condition, ...]:
    """Return the unguided target, and guides and distillation with images that have no labels.

    The first guide and distillation are run at every number of images, the other guides at the
    first and the last.
    """
    ends = (counts[0], counts[-1])
    return (
        Condition("unguided"),
        *(Condition(guides[0], guides[0], unlabeled=count) for count in counts),
        *(Condition(name, name, unlabeled=count) for name in guides[1:] for count in ends),
        *(Condition("distillation", distill=True, unlabeled=count) for count in counts),
    )


# Shown in: result, "Result 2"; explorer GuideComparison; claims guidance.unlabeled-prior,
# unlabeled-distillation, unlabeled-pixels, unlabeled-untrained.
UNLABELED = image_experiment(
    "unlabeled",
    "How does the gain from a guide grow with images that have no labels?",
    _run_wide,
    smoke={
        "setting": SMOKE,
        "conditions": _unlabeled(0, 300, guides=("untrained CNN", "pixels")),
    },
    laptop={
        "setting": {**LAPTOP, "unlabeled_batch": 100},
        "conditions": _unlabeled(0, 200, 800),
    },
    paper={
        "setting": {
            **PAPER,
            "images": Images("cifar10", labeled=5000, pool=45_000, validation=5000),
            "fit": {**PAPER["fit"], "steps": 4000},
            "steps": 4000,
        },
        "conditions": _unlabeled(0, 5000, 20_000, 40_000),
    },
)


# A deep plain perceptron: guided, begun better, trained longer, or just with another rate.

STARTS: tuple[GuideName, ...] = ("untrained CNN", "permuted CNN", "pixels")
FOUR: tuple[GuideName, ...] = ("untrained CNN", "trained CNN", "pixels", "labels")


def _deep(
    setting: Cell, guides: tuple[GuideName, ...], starts: tuple[GuideName, ...] = STARTS
) -> Cell:
    """Return guides, guides for a start, and what needs no guide, at three learning rates.

    A start takes five eighths as many steps of alignment as the task has steps afterwards;
    "unguided, longer" takes all of these for the task.  Where a name ends in a rate, only that
    differs.
    """
    steps, rate = setting["steps"], setting["learning_rate"]
    first = 5 * steps // 8
    conditions = (
        Condition("unguided"),
        *guided_by(*guides),
        *(_first(name, until=first, steps=first + steps) for name in starts),
        Condition("unguided, longer", steps=first + steps),
        *(
            Condition(f"{guide or 'unguided'}, rate x {x:g}", guide, learning_rates=(x * rate,))
            for x in (0.3, 3)
            for guide in (None, STARTS[0])
        ),
    )
    return {"setting": setting, "conditions": conditions}


# Shown in: limits, "Result 1"; claims guidance.deep-tuning, deep-tuned-no-gain, deep-start,
# deep-start-any, deep-guided, deep-start-tuned.
DEPTH = image_experiment(
    "deep",
    "Is a deep plain perceptron untrainable without a guide, or badly begun and tuned?",
    _run_wide,
    tuned=RATES,
    smoke=_deep(
        {
            **LAPTOP,
            "images": Images("digits", labeled=600, pool=200),
            "target": Perceptron(depth=16, width=32, norm="batch"),
            "untrained": Convolutional((16, 16, 32)),
            "trained": Convolutional((8, 16, 32)),
            "fit": {"steps": 100, "batch_size": 50, "learning_rate": 1e-2},
            "steps": 60,
            "weight": 1.0,
        },
        guides=("untrained CNN",),
        starts=("untrained CNN", "pixels"),
    ),
    laptop=_deep(
        {
            **LAPTOP,
            "images": Images("digits", labeled=1000, pool=200),
            "target": Perceptron(depth=30, width=96, norm="batch"),
            "steps": 270,  # 40 passes over the images
            "weight": 1.0,
        },
        guides=FOUR,
    ),
    paper=_deep(
        {**PAPER, "target": Perceptron(depth=30, width=1024, norm="batch")},
        guides=(*FOUR, "permuted CNN", "untrained MLP", "noise input"),
        starts=(*STARTS, "noise input"),
    ),
)


# Other measures of similarity as the second term of the loss, on equal terms with linear CKA.


def _measures(*weights: float) -> tuple[Condition, ...]:
    """Return the unguided target, and an untrained CNN as the guide by each measure.

    Each has the weight, of the same few, with which it classifies the validation images best.
    """
    cnn = partial(Condition, guide="untrained CNN", weights=weights)
    return (
        Condition("unguided"),
        cnn("linear CKA"),
        cnn("RBF CKA", kernel="rbf"),
        cnn("RSA", measure="rsa"),
        cnn("ridge", measure="ridge"),
        cnn("Procrustes", measure="procrustes"),
    )


# Shown in: limits, "Result 3"; claim guidance.measure-matters.
DISTANCES = image_experiment(
    "measures",
    "Does it matter by which measure of similarity a guide guides?",
    _run_wide,
    smoke={
        "setting": SMOKE,
        "conditions": _named(_measures(1.0), "unguided", "linear CKA", "Procrustes"),
    },
    laptop={"setting": HALF, "conditions": _measures(0.5, 2.0, 8.0)},
    paper={"setting": {**PAPER, "batch_size": 128}, "conditions": _measures(0.5, 2.0, 8.0)},
)


# A deep convolutional network without residuals, guided by a ResNet, and its controls.


@dataclass(frozen=True)
class _Plain:
    """A ResNet-18 without its residual connections: 17 convolutions in a row."""

    width: int
    norm: Literal["batch"] | None

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """Return it for images (channels, height, width)."""
        size: dict[str, Any] = {"depth": 18, "width": self.width, "image_size": shape[-1]}
        return ResNet(shape[0], CLASSES, residual=False, norm=self.norm, **size)


GUIDES: Mapping[str | None, GuideName | None] = {
    None: None,
    "trained": "trained CNN",
    "untrained": "untrained CNN",
    "same architecture": "untrained MLP",
    "pixels": "pixels",
    "labels": "labels",
    "noise": "random features",
}


def _load_parts(images: Cell, seed: int, device: torch.device) -> Sets:
    """Return training, validation and test images, split by the seed, each with mean 0.

    Raises
    ------
    ValueError
        If there are fewer images than asked for.

    Examples
    --------
    >>> sets = _load_parts(DIGITS, 0, torch.device("cpu"))
    >>> len(sets.y), len(sets.pool_y), len(sets.test_y)
    (300, 300, 997)
    """
    if images["source"] == "digits":
        raw = digits(dtype=torch.float32)
        x, y = raw.images[:, None], raw.labels  # (n, 1, 8, 8)
    else:
        from ibcore.data import load_cifar10

        data = load_cifar10()
        x, y = data.train_images.float() / 255, data.train_labels
    sizes = [images[name] for name in ("train", "validation", "test")]
    if sum(sizes) > len(y):
        raise ValueError(f"{images['source']} has {len(y)} images, {sum(sizes)} are asked for")
    parts = torch.split(torch.randperm(len(y), generator=generator(seed))[: sum(sizes)], sizes)
    mean = x[parts[0]].mean((0, 2, 3), keepdim=True)
    return Sets(*(part.to(device) for rows in parts for part in (x[rows] - mean, y[rows])))


def _plain_trial(cell: Cell, device: torch.device, *, residual: bool = False) -> GuidedTrial:
    """Return the plain network, or the same with residuals, its images and its guides."""
    config = cell["config"]
    resnet, width = Convolutional((config["guide_width"],), resnet=True), config["width"]
    fit = {"steps": config["guide_steps"], "learning_rate": config["guide_rate"]}
    setting = {
        **{name: config[name] for name in ("steps", "learning_rate", "batch_size", "weight")},
        "target": Convolutional((width,), resnet=True)
        if residual
        else _Plain(width, config.get("norm", "batch")),
        "untrained": resnet,
        "trained": resnet,
        "fit": {**fit, "batch_size": config["batch_size"]},
    }
    seed = member_seed(config["seed"], cell["network"])
    again, sets = member_seed(seed, 2 * GUIDE_SEED), _load_parts(config["images"], seed, device)
    seeds = {"untrained": again, "target": again, "noise": seed}
    seeds["trained"] = member_seed(seed, GUIDE_SEED)
    return GuidedTrial(setting, sets, seed=seed, seeds=seeds, reference=len(sets.x))


def _run_plain(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Train one network under all conditions and return a row for each learning rate.

    ``accuracy`` and ``loss`` (nats) are those of test images, ``similarity`` the CKA with the
    guide, averaged over pairs of layers and the last 20 steps.  The ResNet itself is the condition
    ``"guide"``; ``"residual"`` is the target's own network with residuals, trained alike.
    """
    trial, config = _plain_trial(cell, device), cell["config"]
    stated = {name: config[name] for name in ("learning_rate", "steps")}
    guide = {"learning_rate": config["guide_rate"], "steps": config["guide_steps"]}
    residual = _plain_trial(cell, device, residual=True).train(Condition("residual")).model
    rows = [
        {"condition": "guide", **guide, **_scores(trial, trial.trained)},
        {"condition": "residual", **stated, **_scores(trial, residual)},
        *sweep_learning_rates(config["conditions"], config, partial(_guided, trial)),
    ]
    source, seed = config["images"]["source"], config["seed"]
    labels = {"source": source, "network": cell["network"], "seed": seed}
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


def _guided(trial: GuidedTrial, row: Cell, steps: int, rate: float) -> dict[str, Any]:
    """Train under one condition at one learning rate and return its scores."""
    condition = Condition(row["name"], GUIDES[row["guide"]], row["distilled"], steps=steps)
    options = Options(rate, trial.setting["weight"], row["weight_decay"])
    done = trial.train(condition, options=options)
    return {**_scores(trial, done.model), "similarity": final_similarity(done)}


def _scores(trial: GuidedTrial, net: nn.Module) -> dict[str, float]:
    """Return the scores of a network on all three parts."""
    x, y, other_x, other_y, test_x, test_y = trial.sets
    train, validation, test = (trial.outputs(net, part) for part in (x, other_x, test_x))
    return {
        "accuracy": share(correct(test, test_y)),
        "loss": functional.cross_entropy(test.double(), test_y).item(),
        "train_accuracy": share(correct(train, y)),
        "validation_loss": functional.cross_entropy(validation.double(), other_y).item(),
        "similarity": float("nan"),
    }


DIGITS: Cell = {"source": "digits", "train": 300, "validation": 300, "test": 997}
BOTH = (1.0, 3.0)
_way = partial(rated, {"weight_decay": 0.0})
PLAIN_LAPTOP: Cell = {
    "conditions": (
        _way("unguided", rates=BOTH),
        _way("longer", longer=2),
        _way("trained", "trained", rates=BOTH),
        *(_way(name, name) for name in ("untrained", "same architecture", "pixels", "labels")),
        _way("noise", "noise"),
        _way("distillation", distilled=True),
    ),
    "images": DIGITS,
    "width": 4,
    "steps": 60,
    "learning_rate": 1e-3,
    "batch_size": 100,
    "guide_width": 4,
    "guide_steps": 100,
    "guide_rate": 3e-3,
    "weight": 1.0,  # of each compared layer
    "networks": 5,
    "seed": 0,
}
_PLAIN_SMOKE: Cell = {
    "images": {**DIGITS, "train": 100, "validation": 60, "test": 200},
    "steps": 20,
    "batch_size": 50,
    "guide_steps": 30,
    "networks": 2,
}
_PLAIN_PAPER: Cell = {
    "images": {"source": "cifar10", "train": 44_000, "validation": 1000, "test": 5000},
    "width": 64,
    "steps": 8600,
    "batch_size": 128,
    "guide_width": 64,
    "guide_steps": 8600,
    "guide_rate": 1e-3,
    "networks": 5,
}


def _plain(
    name: str, question: str, smoke: Sequence[Cell], conditions: Sequence[Cell], **changes: Any
) -> Experiment:
    """Return an experiment with a cell for each network, under fewer conditions if ``smoke``."""
    plans: dict[Tier, list[Cell]] = {}
    tiers: dict[Tier, Cell] = {"smoke": _PLAIN_SMOKE, "laptop": {}, "paper": _PLAIN_PAPER}
    for tier, sizes in tiers.items():
        own = {"conditions": smoke if tier == "smoke" else conditions}
        config = {**PLAIN_LAPTOP, **changes, **sizes, **own}
        plans[tier] = design({"network": range(config["networks"])}, config=config)
    return Experiment(
        f"guidance.{name}", question, plans, _run_plain, tuned={"learning_rate": ("condition",)}
    )


# Shown in: result, "Result 4"; claims guidance.plain-cnn-trains, plain-cnn-tuned,
# plain-cnn-pixels, plain-cnn-untrained.
PLAIN = _plain(
    "plain-cnn",
    "Does a ResNet's guidance train a deep convolutional network without residuals?",
    (
        _way("unguided", rates=BOTH),
        _way("trained", "trained", rates=BOTH),
        *(_way(name, name) for name in ("untrained", "pixels", "noise")),
    ),
    PLAIN_LAPTOP["conditions"],
)

_THREE = (("unguided", None), ("trained", "trained"), ("pixels", "pixels"))

# Shown in: result, "Result 4"; claims guidance.plain-rate-alone, plain-guided-tuned,
# plain-pixels-tuned, plain-residual.
PLAIN_RATES = _plain(
    "plain-rates",
    "Does a deep plain convolutional network need a guide, or a learning rate?",
    tuple(_way(*way, rates=(3.0, 30.0)) for way in _THREE),
    tuple(_way(*way, rates=(3.0, 10.0, 30.0, 60.0)) for way in _THREE),
    networks=7,
)

_BARE = tuple(
    _way(f"{name}{more}", guide, rates=rates, longer=longer)
    for more, rates, longer in (("", (0.3, 1.0, 3.0, 10.0), 1), (", longer", (1.0,), 2))
    for name, guide in _THREE[:2]
)

# Shown in: result, "Result 4"; limits, "The abstract"; claims guidance.plain-bare,
# plain-bare-guided.
PLAIN_BARE = _plain(
    "plain-bare",
    "Does a guide train a plain network that no learning rate trains?",
    _BARE[:2],
    _BARE,
    norm=None,
    networks=10,
)
