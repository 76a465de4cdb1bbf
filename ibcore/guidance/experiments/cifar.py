"""A fully connected network learns CIFAR-10 of 16 x 16 beside guides that see well or badly.

A cell is one network in one arm: a guide, or none, and a regularizer, or none, at every rate and
strength of their grids.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.guidance.experiments.guided_trial import (
    CLASSES,
    Convolutional,
    Perceptron,
    correct,
    final_similarity,
    outputs,
    share,
)
from ibcore.guidance.experiments.regularizers import NONE, Regularizer
from ibcore.guidance.guides import (
    Batch,
    Guide,
    LabelGuide,
    NetworkGuide,
    PixelGuide,
    ScrambledGuide,
)
from ibcore.guidance.similarity import predict_ridge
from ibcore.guidance.taps import redraw
from ibcore.guidance.training import Distillation, Schedule, TaskLoss, guide
from ibcore.memory import image_problem
from ibcore.nets import ResNet
from ibcore.population import Population, member_seed
from ibcore.runs.experiment import Cell, Experiment
from ibcore.tasks.pictures import CHANNELS, load_pictures

# Guides: what is told of all pictures once, layer by layer.

_PLACES = 4  # along each side of what is kept of a layer of an untrained network
_THRESHOLD = 0.5
_FLOOR = 0.1  # added to the variances before whitening


class PatchGuide:
    r"""Answers of patches cut out of the pictures themselves: no labels, and nothing is trained.

    Patches are whitened: with mean :math:`\mu` and covariance C of many of them,
    :math:`P = (C + 0.1)^{-1/2}`, a filter is the direction of a random :math:`P(p - \mu)`.  Its
    answer z at each place becomes :math:`\max(z - ½, 0)` and :math:`\max(-z - ½, 0)`, averaged over
    the four quarters of the picture.

    Parameters
    ----------
    x
        Pictures (n, channels, height, width).
    filters, size
        How many, and their height and width.
    seed
        Of the choice of patches.

    References
    ----------
    Coates and Ng (2011), "The importance of encoding versus training".

    Examples
    --------
    >>> x = torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> views = PatchGuide(x, filters=5, size=3)(Batch(x, torch.zeros(20), torch.arange(20)))
    >>> views["patches"].shape
    torch.Size([20, 40])
    """

    fixed = True

    def __init__(self, x: Tensor, *, filters: int = 512, size: int = 6, seed: int = 0) -> None:
        rng = torch.Generator().manual_seed(seed)
        every = x.unfold(2, size, 1).unfold(3, size, 1)  # (n, c, rows, columns, size, size)
        counts = (len(x), every.shape[2], every.shape[3])
        places = [torch.randint(count, (8 * filters,), generator=rng) for count in counts]
        patches = every[places[0], :, places[1], places[2]]  # (8 * filters, c, size, size)
        flat = patches.flatten(1).double()
        mean, covariance = flat.mean(0), torch.cov(flat.T)
        values, vectors = torch.linalg.eigh(covariance)
        whitening = vectors * (values + _FLOOR).rsqrt() @ vectors.T
        directions = functional.normalize((flat[:filters] - mean) @ whitening)
        kernels = directions @ whitening
        self.kernels = kernels.reshape(filters, *patches.shape[1:]).to(x)
        self.offsets = -(kernels @ mean).to(x)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the averaged answers (b, filters * 8)."""
        z = functional.conv2d(batch.x, self.kernels, self.offsets)
        both = torch.cat([functional.relu(z - _THRESHOLD), functional.relu(-z - _THRESHOLD)], 1)
        return {"patches": functional.adaptive_avg_pool2d(both, 2).flatten(1)}


class _Told:
    """Views of all pictures, as a guide."""

    fixed = True

    def __init__(self, table: dict[str, Tensor]) -> None:
        self.table = table

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        return {name: view[batch.rows] for name, view in self.table.items()}


def tell(guide: Guide, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Return what a guide says of pictures, flat; maps of large layers averaged to 4 x 4 places.

    Examples
    --------
    >>> tell(PixelGuide(), torch.zeros(5, 3, 8, 8), torch.zeros(5))["pixels"].shape
    torch.Size([5, 192])
    """
    rows = torch.split(torch.arange(len(x), device=x.device), 500)
    parts = [guide(Batch(x[part], y[part], part)) for part in rows]
    return {name: torch.cat([_few(part[name]) for part in parts]) for name in parts[0]}


def _few(view: Tensor) -> Tensor:
    if view.ndim == 4 and view.shape[-1] > _PLACES:
        view = functional.adaptive_avg_pool2d(view, _PLACES)
    return view.flatten(1)


# One network: its pictures, its guides, and its training under a guide and a regularizer.


WIDE = Perceptron(depth=3, width=512)


@dataclass(frozen=True)
class Setting:
    """Pictures, networks and training; ``looks`` are the steps at which it is measured."""

    source: str = "cifar10"
    size: int = 16
    images: int = 50_000
    sets: tuple[int, int, int] = (2000, 1000, 4000)
    target: Perceptron = WIDE
    resnet: int = 16
    channels: tuple[int, ...] = (128, 128, 256)
    filters: int = 512
    fit: int = 500
    steps: int = 480
    batch_size: int = 256
    weight: float = 20.0
    looks: tuple[int, ...] = (20, 60, 120, 240, 360, 480)


_LAYERS = ("convs.grow1_b", "convs.grow3", "convs.grow3_b")  # of the ResNet
_PENALTIES = (1e-3, 1e-2, 1e-1)  # of ridge regression


class PictureTrial:
    """All that one network shares between its arms: pictures, guides, initial weights, batches."""

    def __init__(self, setting: Setting, seed: int, device: torch.device) -> None:
        self.setting, self.seed = setting, seed
        sizes = dict(zip(("train", "validation", "test"), setting.sets, strict=True))
        images, labels = load_pictures(setting.source, setting.images, setting.size)
        drawn = image_problem(images, labels, **sizes, split=seed)
        self.sets = drawn.to(device, torch.float32)
        self.x, self.y = self.sets.train
        self._known: dict[str, tuple[_Told, float]] = {}

    def _resnet(self, stream: int) -> Population:
        size: dict[str, Any] = {"width": self.setting.resnet, "image_size": self.setting.size}
        net = ResNet(CHANNELS, CLASSES, **size, seed=member_seed(self.seed, stream))
        return Population.from_modules([net.to(self.x.device)])

    @cached_property
    def trained(self) -> nn.Module:
        """The ResNet-9 trained on the labeled pictures alone."""
        fit = self.setting.fit
        options: dict[str, Any] = {"optimizer": "adamw", "learning_rate": 3e-3, "batch_size": 100}
        done = self._resnet(1).train(
            self.x, self.y, loss="cross_entropy", steps=fit, cool_down=fit // 2, **options
        )
        return done.population.member(0)

    def _make(self, name: str) -> Guide:
        """Return a guide by its name."""
        x, seed, setting = self.x, member_seed(self.seed, 2), self.setting
        if name == "trained ResNet":
            return NetworkGuide(self.trained, _LAYERS, reference=x)
        if name == "untrained ResNet":
            return NetworkGuide(self._resnet(3).member(0), _LAYERS, reference=x)
        if name == "untrained CNN":
            net = Convolutional(setting.channels).build(tuple(x.shape[1:]))
            return NetworkGuide(redraw(net, seed).to(x.device))
        if name == "patches":
            return PatchGuide(x, filters=setting.filters, seed=seed)
        if name == "scrambled patches":
            batch = Batch(x, self.y, torch.arange(len(x), device=x.device))
            seen = ScrambledGuide(PixelGuide(), seed=seed)(batch)["pixels"].reshape(x.shape)
            return ScrambledGuide(PatchGuide(seen, filters=setting.filters, seed=seed), seed=seed)
        return PixelGuide() if name == "pixels" else LabelGuide(CLASSES)

    def known(self, name: str) -> tuple[_Told, float]:
        """Return what a guide says of the training pictures, and its accuracy by ridge regression.

        The regression reads the guide's last layer; its penalty is the best of several on
        validation pictures.  The labels, which say nothing of new pictures, have none.
        """
        if name not in self._known:
            own = self._make(name)
            told = tell(own, self.x, self.y)
            self._known[name] = _Told(told), float("nan")
            if name != "labels":
                self._known[name] = _Told(told), self._ridge(own, list(told.values())[-1])
        return self._known[name]

    def _ridge(self, own: Guide, x: Tensor) -> float:
        held = [self.sets.validation, self.sets.test]
        views = [list(tell(own, *each).values())[-1] for each in held]
        y = functional.one_hot(self.y, CLASSES).float()
        sizes, found = [len(view) for view in views], []
        for penalty in _PENALTIES:
            answers = predict_ridge(x, y - y.mean(0), torch.cat(views), penalty) + y.mean(0)
            parts = zip(torch.split(answers, sizes), held, strict=True)
            found.append([share(correct(part, each.y)) for part, each in parts])
        return max(found)[1]

    def train(self, name: str, each: Regularizer, rate: float) -> list[dict[str, Any]]:
        """Return a row of measures for each look at a target."""
        setting, seen = self.setting, {}

        def look(step: int, model: nn.Module) -> None:
            seen[step] = self._scores(model)

        own, ridge = (None, float("nan")) if name == "none" else self.known(name)
        done = guide(
            each.dress(setting.target.build(tuple(self.x.shape[1:]))),
            own,
            self.x,
            self.y,
            steps=setting.steps,
            schedule=Schedule(weight=setting.weight) if own else None,
            mapping="all" if own and len(own.table) == 1 else "even",
            loss=self._loss(each),
            learning_rate=rate,
            weight_decay=each.of("decay"),
            batch_size=setting.batch_size,
            init_seed=self.seed,
            seed=self.seed,
            checkpoints=setting.looks,
            on_checkpoint=look,
            device=self.x.device,
        )
        gap = 1 - final_similarity(done)
        return [{"step": s, **row, "gap": gap, "ridge_accuracy": ridge} for s, row in seen.items()]

    def _loss(self, each: Regularizer) -> TaskLoss:
        if each.name != "distillation":
            return each.loss
        taught = outputs(self.trained, self.x, reference=self.x)
        return Distillation(taught, temperature=4.0, weight=each.strength)

    def _scores(self, model: nn.Module) -> dict[str, float]:
        found = {}
        for name in ("train", "validation", "test"):
            x, y = getattr(self.sets, name)
            logits = outputs(model, x)
            found[f"{name}_accuracy"] = share(correct(logits, y))
            found[f"{name}_loss"] = functional.cross_entropy(logits.double(), y).item()
        return found


@lru_cache(maxsize=1)
def _trial(setting: Setting, seed: int, device: torch.device) -> PictureTrial:
    return PictureTrial(setting, seed, device)


def run_cifar(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Train the network of a cell at every rate and strength and return a row for each look.

    ``chosen`` rows are those of the run whose last look is the best on validation pictures, and the
    one ``stopped`` row is the best look of all.  ``gap`` is 1 - CKA with the guide over pairs of
    layers and the last 20 steps, ``ridge_accuracy`` that of the guide itself.
    """
    trial = _trial(cell["setting"], member_seed(cell["seed"], cell["network"]), device)
    rows = [
        {"regularizer": each.name, "strength": each.strength, "learning_rate": rate, **row}
        for each in cell["regularizers"]
        for rate in cell["rates"]
        for row in trial.train(cell["guide"], each, rate)
    ]
    frame = pd.DataFrame(rows)
    final = frame.step == cell["setting"].steps
    best = frame[final].nlargest(1, "validation_accuracy").iloc[0]
    same = [frame[name] == best[name] for name in ("strength", "learning_rate")]
    labels = {name: cell[name] for name in ("guide", "network", "seed")}
    return frame.assign(
        **labels,
        final=final,
        chosen=same[0] & same[1],
        stopped=frame.index == frame.validation_accuracy.idxmax(),
        source=cell["setting"].source,
    )


RATES = (3e-4, 1e-3, 3e-3)
BELOW = (1e-4, *RATES)  # without a guide a network learns at still lower rates
TAUGHT = (Regularizer("distillation", 0.9),)
SMOOTHED = tuple(Regularizer("smoothing", strength) for strength in (0.1, 0.3, 0.6))


def _guided(*guides: str, regularizers: tuple[Regularizer, ...] = NONE) -> tuple[Cell, ...]:
    return tuple({"guide": name, "regularizers": regularizers, "rates": RATES} for name in guides)


FIRST: tuple[Cell, ...] = (
    {"guide": "none", "regularizers": NONE, "rates": BELOW},
    *_guided("patches", "trained ResNet"),
    {"guide": "none", "regularizers": TAUGHT, "rates": BELOW},
)
CONTROLS = _guided("scrambled patches", "untrained CNN")
OTHERS = _guided("pixels", "untrained ResNet", "labels")
BESIDE = _guided("none", "patches", regularizers=SMOOTHED)
PARTS = (FIRST, CONTROLS, OTHERS, BESIDE)
ARMS = (*FIRST, *CONTROLS, *OTHERS, *BESIDE)


def _cells(setting: Setting, *parts: tuple[Cell, ...], networks: int) -> list[Cell]:
    """Return a cell for each arm, part after part, in each of them the first network first."""
    rest: Cell = {"setting": setting, "seed": 0}
    every = ((network, arm) for arms in parts for network in range(networks) for arm in arms)
    return [{"network": network, **arm, **rest} for network, arm in every]


SMALL = Setting(
    source="synthetic",
    size=8,
    images=400,
    sets=(200, 100, 100),
    target=Perceptron(depth=3, width=64),
    resnet=4,
    channels=(8, 8, 16),
    filters=16,
    fit=20,
    steps=24,
    batch_size=50,
    looks=(6, 24),
)
LARGE = Setting(
    size=32,
    sets=(40_000, 5000, 5000),
    target=Perceptron(depth=3, width=4096),
    resnet=64,
    filters=2048,
    fit=8000,
    steps=9600,
    looks=(400, 1200, 2400, 4800, 7200, 9600),
)

# A cell takes half a minute on a processor, the first of each network a minute.
# Shown in: result, "Real pictures"; limits, "The abstract"; claims guidance.cifar-patches,
# cifar-trained, cifar-distillation, cifar-readout, cifar-loss, cifar-scrambled, cifar-untrained,
# cifar-smoothing, cifar-beside.
CIFAR = Experiment(
    "guidance.cifar",
    "On CIFAR-10, which guide helps a fully connected network, and what foretells it?",
    {
        "smoke": _cells(SMALL, tuple({**arm, "rates": (1e-3,)} for arm in ARMS), networks=2),
        "laptop": _cells(Setting(), FIRST, CONTROLS, BESIDE, networks=5),
        "paper": _cells(LARGE, *PARTS, networks=5),
    },
    run_cifar,
    tuned=dict.fromkeys(("learning_rate", "strength"), ("guide", "regularizer")),
)
