"""One network's place in an experiment on images: its data, its guides, its training."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.door import Count, Range, door
from ibcore.guidance.guides import (
    Batch,
    CachedGuide,
    Guide,
    LabelGuide,
    NetworkGuide,
    NoiseGuide,
    NoiseInputGuide,
    PixelGuide,
    ScrambledGuide,
    ShuffledGuide,
    statistics_of,
)
from ibcore.guidance.similarity import Kernel, cka, cka_matrix
from ibcore.guidance.taps import LayerMapping, Pairs, activations, layer_names, layer_pairs, redraw
from ibcore.guidance.training import (
    Alignment,
    Distillation,
    Guided,
    Measure,
    OnCheckpoint,
    Schedule,
    ScheduleKind,
    guide,
)
from ibcore.nets import ResNet
from ibcore.nets.network import Network
from ibcore.population import member_seed
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import Tier, generator
from ibcore.tasks import digits

# Conditions of the experiments on images: who guides, how, and what is done instead.

GuideName = Literal[
    "untrained CNN",
    "trained CNN",
    "permuted CNN",
    "permuted points",
    "untrained MLP",
    "pixels",
    "labels",
    "random features",
    "noise input",
]

FLAT: tuple[GuideName, ...] = ("pixels", "labels", "random features")
"""Guides of one representation, which all layers of the target are compared with."""


@door
@dataclass(frozen=True)
class Condition:
    """One way to train the target; the defaults are those of the setting.

    Attributes
    ----------
    name
        What it is called in tables.
    guide
        Whose layers are compared; None for no guidance.
    distill
        Whether the outputs of the trained CNN are learned too.
    measure, kernel, unbiased
        Of the dissimilarity, as in `ibcore.guidance.Alignment`.
    mapping
        None for even pairs, or for guides of one representation all layers.
    schedule, until
        As in `ibcore.guidance.Schedule`.
    steps
        None for those of the setting.
    learning_rates, weights, weight_decays
        Candidates; of several those with the highest accuracy on the validation images are
        taken, the first of equal ones.  Empty for those of the setting, which has no decay.
    unlabeled
        How many images of the pool both networks see too, without labels.

    Raises
    ------
    ValueError
        If the guide is unknown.

    Examples
    --------
    >>> Condition("untrained CNN", "untrained CNN").alignment().kernel
    'linear'
    """

    name: str
    guide: GuideName | None = None
    distill: bool = False
    measure: Measure = "cka"
    kernel: Kernel = "linear"
    unbiased: bool = False
    mapping: LayerMapping | None = None
    schedule: ScheduleKind = "constant"
    until: int | None = None
    steps: int | None = None
    learning_rates: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    weight_decays: tuple[float, ...] = (0.0,)
    unlabeled: int = 0

    def alignment(self) -> Alignment:
        """Return how layers are compared."""
        return Alignment(self.measure, self.kernel, self.unbiased)

    def pairing(self) -> LayerMapping:
        """Return which layers are compared."""
        return self.mapping or ("all" if self.guide in FLAT else "even")


def guided_by(*guides: GuideName) -> tuple[Condition, ...]:
    """Return a condition for each guide, called as the guide.

    Examples
    --------
    >>> [condition.name for condition in guided_by("pixels", "labels")]
    ['pixels', 'labels']
    """
    return tuple(Condition(name, name) for name in guides)


# Images for guidance: which ones, how they are placed, and how they are split.

Source = Literal["moved digits", "digits", "cifar10"]

CLASSES = 10  # of every source


@door
@dataclass(frozen=True)
class Images:
    """Where images come from, and how many are in each set.

    Attributes
    ----------
    source
        ``"digits"``: those of 8 by 8 pixels; ``"moved digits"``: each of them at a random place of
        an empty canvas; ``"cifar10"``.
    labeled
        Images to learn from.
    pool
        Images beside, which guide and target may see without labels.
    validation
        How many of the pool, the first ones, choose between candidates with their labels.
    canvas
        Height and width of the canvas.

    Raises
    ------
    ValueError
        If the source is unknown, or a number does not fit.

    Examples
    --------
    >>> Images(labeled=300).pool
    800
    """

    source: Source = "moved digits"
    labeled: Count = 300
    pool: Count = 800
    validation: Count = 200
    canvas: Annotated[int, Range(8)] = 12

    def __post_init__(self) -> None:
        if self.validation > self.pool:
            raise ValueError(
                f"validation must be at most the pool of {self.pool}, got {self.validation}"
            )


class Sets(NamedTuple):
    """Images (n, channels, height, width), float32, with their labels (n,).

    The labels of the pool are for validation only.
    """

    x: Tensor
    y: Tensor
    pool: Tensor
    pool_y: Tensor
    test_x: Tensor
    test_y: Tensor


def load_sets(images: Images, *, seed: int, device: torch.device) -> Sets:
    """Return images in a random order, split; a seed of its own moves and splits them anew.

    The test set of the digits is what is left of them, that of CIFAR-10 the official one.

    Raises
    ------
    ValueError
        If there are too few images.

    Examples
    --------
    >>> sets = load_sets(Images(), seed=0, device=torch.device("cpu"))
    >>> sets.x.shape, len(sets.pool), len(sets.test_x)
    (torch.Size([300, 1, 12, 12]), 800, 697)
    """
    rng = generator(seed)
    pixels, labels, test = _source(images, rng)
    used = images.labeled + images.pool
    if len(pixels) < used + (test is None):
        raise ValueError(
            f"{images.source} has {len(pixels)} images to learn from, too few for {used}; choose "
            "fewer labeled images or a smaller pool"
        )
    order = torch.randperm(len(pixels), generator=rng)
    parts = order[: images.labeled], order[images.labeled : used], order[used:]
    known, pool, rest = ((pixels[rows], labels[rows]) for rows in parts)
    return Sets(*(tensor.to(device) for tensor in (*known, *pool, *(test or rest))))


def _source(
    images: Images, rng: torch.Generator
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
    """Return images and labels to learn from, and an official test set if there is one."""
    if images.source == "cifar10":
        from ibcore.data import load_cifar10

        data = load_cifar10()
        train, test = (part.float() / 255 for part in (data.train_images, data.test_images))
        mean, std = (f((0, 2, 3), keepdim=True) for f in (train.mean, train.std))
        return (train - mean) / std, data.train_labels, ((test - mean) / std, data.test_labels)
    pixels, labels = digits(dtype=torch.float32)
    if images.source == "moved digits":
        return _moved(pixels, images.canvas, rng), labels, None
    return pixels[:, None], labels, None  # (n, 8, 8) -> (n, 1, 8, 8)


def _moved(pixels: Tensor, canvas: int, rng: torch.Generator) -> Tensor:
    """Put each image at a random place: (n, 8, 8) to (n, 1, canvas, canvas)."""
    count, size = pixels.shape[0], pixels.shape[-1]
    places = torch.randint(0, canvas - size + 1, (count, 2), generator=rng)
    line = torch.arange(size)
    down, across = (places[:, i, None] + line for i in (0, 1))  # (n, size)
    moved = torch.zeros(count, 1, canvas, canvas)
    moved[torch.arange(count)[:, None, None], 0, down[:, :, None], across[:, None, :]] = pixels
    return moved


# Targets and guides of the experiments on images: perceptrons and convolutional networks.

_CHUNK = 1000  # points that are evaluated at once
_REFERENCE = 1000  # points whose statistics a network without running averages uses


@dataclass(frozen=True)
class Perceptron:
    """A plain fully connected ReLU network: depth hidden layers of one width.

    Examples
    --------
    >>> net = Perceptron(depth=1, width=4).build((1, 8, 8))
    >>> [type(layer).__name__ for layer in net]
    ['Flatten', 'Linear', 'ReLU', 'Linear']
    """

    depth: int = 3
    width: int = 512
    norm: Literal["batch"] | None = None

    def build(self, shape: tuple[int, ...]) -> nn.Sequential:
        """Return it for inputs of a shape; its linear layers are what is compared."""
        sizes = [torch.Size(shape).numel(), *([self.width] * self.depth)]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(sizes):
            norm = [nn.BatchNorm1d(after)] if self.norm == "batch" else []
            layers += [nn.Linear(before, after), *norm, nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], CLASSES))


@dataclass(frozen=True)
class Convolutional:
    """A plain convolutional network, or with ``resnet`` a ResNet-18.

    ``channels`` are those of its 3 x 3 convolutions, with a pooling by 2 before the last and the
    mean over places after it; of a ResNet-18, those of the first alone.

    Examples
    --------
    >>> Convolutional((4, 8)).build((1, 8, 8))(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    channels: tuple[int, ...] = (32, 32, 64)
    resnet: bool = False

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """Return it for images (channels, height, width); a ResNet-18 has one first width."""
        if self.resnet:
            if len(self.channels) != 1:
                raise ValueError(f"a ResNet-18 has one first width, got channels={self.channels}")
            width, size = self.channels[0], shape[-1]
            return ResNet(shape[0], CLASSES, depth=18, width=width, image_size=size)
        layers: list[nn.Module] = []
        for index, (before, after) in enumerate(pairwise([shape[0], *self.channels])):
            pooled = [nn.MaxPool2d(2)] if index == len(self.channels) - 1 else []
            layers += [*pooled, nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(self.channels[-1], CLASSES))
        return nn.Sequential(*layers, *head)


@torch.no_grad()
def outputs(model: nn.Module, x: Tensor, *, reference: Tensor | None = None) -> Tensor:
    """Return the outputs (n, classes) of a network in evaluation mode, in parts.

    ``reference`` are the data of batch statistics for a network that keeps no running averages.
    """
    options = {} if reference is None else {"statistics": statistics_of(model, reference)}
    return torch.cat([model(part, **options) for part in torch.split(x, _CHUNK)])


def correct(logits: Tensor, y: Tensor) -> Tensor:
    """Return whether each point is classified correctly: (n, classes) and (n,) to (n,)."""
    return logits.argmax(1) == y


def share(right: Tensor) -> float:
    """Return the share of True among booleans."""
    return right.double().mean().item()


# What an experiment on images is made of: its data, its target and its guides.

LAPTOP: Cell = {
    "images": Images(),
    "target": Perceptron(),
    "untrained": Convolutional((128, 128, 256)),
    "trained": Convolutional(),
    "fit": {"steps": 400, "batch_size": 50, "learning_rate": 3e-3},  # of the trained guide
    "steps": 200,
    "batch_size": 150,
    "unlabeled_batch": 200,  # at most
    "learning_rate": 1e-3,
    "weight": 5.0,  # of the dissimilarity, summed over pairs of layers
}
SMOKE: Cell = {
    "images": Images(pool=400, validation=100),
    "target": Perceptron(width=192),
    "untrained": Convolutional((32, 32, 64)),
    "trained": Convolutional((16, 16, 32)),
    "fit": {"steps": 200, "batch_size": 50, "learning_rate": 1e-2},
    "steps": 120,
    "batch_size": 75,
    "unlabeled_batch": 75,
    "learning_rate": 3e-3,
    "weight": 1.0,
}
PAPER: Cell = {
    "images": Images("cifar10", labeled=45_000, pool=5000, validation=5000),
    "target": Perceptron(width=4096),
    "untrained": Convolutional((64,), resnet=True),
    "trained": Convolutional((64,), resnet=True),
    "fit": {"steps": 7000, "batch_size": 256, "learning_rate": 1e-3},
    "steps": 7000,
    "batch_size": 256,
    "unlabeled_batch": 256,
    "learning_rate": 1e-3,
    "weight": 1.0,
}
# Half as wide, for what is watched closely, with batches small enough for singular values.
HALF: Cell = {**LAPTOP, "target": Perceptron(width=256), "batch_size": 75}


def image_experiment(
    name: str,
    question: str,
    run_cell: Callable[[Cell, torch.device], pd.DataFrame],
    *,
    networks: int = 5,
    tuned: Mapping[str, Sequence[str]] | None = None,
    **tiers: Cell,
) -> Experiment:
    """Return an experiment of two networks at the smoke tier, five at paper, and as said."""
    known: dict[Tier, int] = {"smoke": 2, "laptop": networks, "paper": 5}
    plans = {
        tier: design({"network": range(count)}, seed=0, **tiers[tier])
        for tier, count in known.items()
    }
    return Experiment(f"guidance.{name}", question, plans, run_cell, tuned=tuned or {})


_SPREAD = 4  # layers of a deep target that a guide of one representation is compared with
_REMEMBERED = 3000  # points of which a guide can be turned into few features
_COMPARED = 300  # points on which layers are compared after training

T = TypeVar("T")


class Options(NamedTuple):
    """What validation may choose."""

    learning_rate: float
    weight: float
    weight_decay: float


class GuidedTrial:
    """Data, guides and training of one network of a setting.

    All conditions of a network begin with the same weights and see the same images in the same
    order.

    Parameters
    ----------
    setting
        What is built, as `LAPTOP`.
    sets
        Its images, on the device where everything is computed.
    seed
        Of the target's initial weights and of the order of images.
    seeds
        Of the guides: ``"untrained"``, ``"trained"``, ``"target"`` (its architecture drawn again)
        and ``"noise"``.
    reference
        How many images a network without running averages takes its statistics from.

    Examples
    --------
    >>> setting = {**LAPTOP, "target": Perceptron(width=8), "steps": 2}
    >>> trial = image_trial({"setting": setting, "network": 0, "seed": 0}, torch.device("cpu"))
    >>> trial.train(Condition("pixels", "pixels")).pairs
    [('pixels', '1'), ('pixels', '3'), ('pixels', '5')]
    """

    def __init__(
        self,
        setting: Cell,
        sets: Sets,
        *,
        seed: int,
        seeds: Mapping[str, int],
        reference: int = _REFERENCE,
    ) -> None:
        self.setting, self.sets, self.seed, self.seeds = setting, sets, seed, seeds
        self.device, self.shape = sets.x.device, tuple(sets.x.shape[1:])
        self._statistics = sets.x[:reference]
        self._views: dict[GuideName, dict[str, Tensor]] = {}

    @cached_property
    def target(self) -> nn.Module:
        """The architecture that learns; its weights are drawn when it is trained."""
        net: nn.Module = self.setting["target"].build(self.shape)
        return net

    @cached_property
    def untrained(self) -> nn.Module:
        """The convolutional network with random weights."""
        return self._drawn(self.setting["untrained"].build(self.shape), "untrained")

    @cached_property
    def trained(self) -> nn.Module:
        """The convolutional network trained on the labeled images alone."""
        net, fit = self.setting["trained"].build(self.shape), self.setting["fit"]
        seeds: dict[str, Any] = {"init_seed": self.seeds["trained"], "seed": self.seed}
        x, y = self.sets.x, self.sets.y
        return guide(net, None, x, y, **fit, **seeds, device=self.device).model

    def _drawn(self, net: nn.Module, name: str) -> nn.Module:
        return redraw(net, self.seeds[name]).to(self.device)

    def guide(self, name: GuideName) -> Guide:
        """Return a guide by its name."""
        points, noise = len(self.sets.x) + len(self.sets.pool), self.seeds["noise"]
        makers: dict[str, Callable[[], Guide]] = {
            "untrained CNN": lambda: self._watch(self.untrained),
            "trained CNN": lambda: self._watch(self.trained),
            "permuted CNN": lambda: ScrambledGuide(self._watch(self.untrained), seed=noise),
            "permuted points": lambda: ShuffledGuide(
                self._watch(self.untrained), self.sets.x, seed=noise
            ),
            "noise input": lambda: NoiseInputGuide(self._watch(self.untrained), points, seed=noise),
            "untrained MLP": lambda: self._watch(self._drawn(self.target, "target")),
            "random features": lambda: NoiseGuide(points, seed=noise),
            "labels": lambda: LabelGuide(CLASSES),
            "pixels": PixelGuide,
        }
        return makers[name]()

    @cached_property
    def new_points(self) -> Batch:
        """The first test images, for guides that are networks."""
        return _first(self.sets.test_x, self.sets.test_y)

    def views(self, name: GuideName) -> dict[str, Tensor]:
        """Return the layers of a guide on the first test images, turned into few features."""
        if name not in self._views:
            x, y, _ = self.new_points
            self._views[name] = CachedGuide(self.guide(name), x, y, turned=True).table
        return self._views[name]

    def _watch(self, model: nn.Module) -> NetworkGuide:
        return NetworkGuide(model, reference=self.reference(model))

    def reference(self, model: nn.Module) -> Tensor | None:
        """Return the images whose statistics a network without running averages uses."""
        needs = isinstance(model, Network) and bool(model.batch_norms)
        return self._statistics if needs else None

    def outputs(self, model: nn.Module, x: Tensor) -> Tensor:
        """Return the outputs (n, classes) of a network of this trial in evaluation mode."""
        return outputs(model, x, reference=self.reference(model))

    def train(
        self,
        condition: Condition,
        *,
        options: Options | None = None,
        checkpoints: Sequence[int] = (),
        on_checkpoint: OnCheckpoint | None = None,
        **changes: Any,
    ) -> Guided:
        """Return the target trained under a condition, with options or those of the setting.

        ``changes`` are arguments of `ibcore.guidance.guide` in place of those of the condition.
        """
        setting, count = self.setting, condition.unlabeled
        rate, weight, decay = options or self.candidates(condition)[0]
        own = changes.pop("guide", None) or self._taught(condition)
        arguments: dict[str, Any] = {
            "target": self.target,
            "steps": condition.steps or setting["steps"],
            "schedule": Schedule(condition.schedule, weight, condition.until) if own else None,
            "alignment": condition.alignment(),
            "mapping": condition.pairing(),
            "layers": self._spread(condition),
            "unlabeled": self.sets.pool[:count] if count else None,
            "loss": self._distillation(count) if condition.distill else "cross_entropy",
            "learning_rate": rate,
            "weight_decay": decay,
            "batch_size": setting["batch_size"],
            "unlabeled_batch_size": min(count, setting["unlabeled_batch"]) if count else None,
            "checkpoints": checkpoints,
            "on_checkpoint": on_checkpoint,
        }
        seeds: dict[str, Any] = {"init_seed": self.seed, "seed": self.seed, "device": self.device}
        return guide(guide=own, x=self.sets.x, y=self.sets.y, **seeds, **(arguments | changes))

    def watch(
        self,
        condition: Condition,
        checkpoints: Sequence[int],
        measure: Callable[[nn.Module], T],
        **changes: Any,
    ) -> dict[int, T]:
        """Train the target and return what is measured of it after these numbers of steps."""
        seen: dict[int, T] = {}

        def keep(step: int, model: nn.Module) -> None:
            seen[step] = measure(model)

        self.train(condition, checkpoints=checkpoints, on_checkpoint=keep, **changes)
        return seen

    def _taught(self, condition: Condition) -> Guide | None:
        """Return the guide of a condition, in the cheapest form that its measure allows."""
        if condition.guide is None:
            return None
        own = self.guide(condition.guide)
        points = len(self.sets.x) + condition.unlabeled
        if condition.alignment().needs_gram_only or points > _REMEMBERED:
            return own
        x = torch.cat([self.sets.x, self.sets.pool[: condition.unlabeled]])
        return CachedGuide(own, x, self.sets.y, turned=True)

    def _spread(self, condition: Condition) -> list[str] | None:
        """Return four evenly spread layers of a deep target for a guide of one representation.

        None leaves the choice to the mapping: for other guides, and for targets of few layers.
        """
        if condition.guide not in FLAT or condition.mapping is not None:
            return None
        depth = getattr(self.setting["target"], "depth", 0)
        if depth <= _SPREAD:
            return None
        names = layer_names(self.target, self.sets.x[:2].cpu())  # where the target is drawn
        return [names[round(i * (depth - 1) / (_SPREAD - 1))] for i in range(_SPREAD)]

    def candidates(self, condition: Condition) -> list[Options]:
        """Return all combinations of a condition's candidates."""
        rates = condition.learning_rates or (self.setting["learning_rate"],)
        weights = condition.weights or (self.setting["weight"],)
        choices = product(rates, weights, condition.weight_decays)
        return [Options(*choice) for choice in choices]

    def choose(self, condition: Condition) -> tuple[Guided, Options]:
        """Return the target with the candidates that classify the validation images best."""
        found = [(self.train(condition, options=o), o) for o in self.candidates(condition)]
        if len(found) == 1:
            return found[0]
        return max(found, key=lambda pair: self.validation(pair[0].model))

    def validation(self, model: nn.Module) -> float:
        """Return the share of validation images that a network classifies correctly."""
        some = slice(self.setting["images"].validation)
        return share(correct(outputs(model, self.sets.pool[some]), self.sets.pool_y[some]))

    def _distillation(self, unlabeled: int) -> Distillation:
        """Return the outputs of the trained CNN on what the target sees as its task."""
        x = torch.cat([self.sets.x, self.sets.pool[:unlabeled]])
        return Distillation(self.outputs(self.trained, x))

    def correct_on_test(self, model: nn.Module) -> Tensor:
        """Return which test images a network of this trial classifies correctly, (n,)."""
        return correct(self.outputs(model, self.sets.test_x), self.sets.test_y)

    def accuracies(self, model: nn.Module) -> dict[str, float]:
        """Return accuracy on test and training images, and the mean loss of the former."""
        sets = self.sets
        held, known = (self.outputs(model, x) for x in (sets.test_x, sets.x))
        return {
            "test_accuracy": share(correct(held, sets.test_y)),
            "train_accuracy": share(correct(known, sets.y)),
            "test_loss": functional.cross_entropy(held.double(), sets.test_y).item(),
        }

    def guide_similarity(self, name: GuideName, guided: Guided) -> float:
        """Return the similarity to a guide on training images, at the layers it was trained by."""
        points = _first(self.sets.x, self.sets.y)
        return _pair_similarity(guided.model, self.guide(name)(points), guided.pairs, points)

    def cnn_similarity(self, model: nn.Module) -> float:
        """Return the similarity to the untrained CNN on test images, at evenly spread layers."""
        views, points = self.views("untrained CNN"), self.new_points
        pairs = layer_pairs(list(views), layer_names(model, points.x))
        return _pair_similarity(model, views, pairs, points)

    @torch.no_grad()
    def layer_table(self, model: nn.Module, name: GuideName) -> list[dict[str, Any]]:
        """Return a row with unbiased linear CKA for each layer of the guide and of the target.

        They see the first test images; ``mapped`` marks the pairs that are spread evenly.
        """
        views, x = self.views(name), self.new_points.x
        names = layer_names(model, x)
        seen = activations(model, x, names)
        table = cka_matrix(
            [view.flatten(1) for view in views.values()], [seen[own].flatten(1) for own in names]
        )
        pairs = layer_pairs(list(views), names)
        return [
            {
                "guide_layer": i + 1,
                "target_layer": j + 1,
                "similarity": table[i, j].item(),
                "mapped": (other, own) in pairs,
            }
            for i, other in enumerate(views)
            for j, own in enumerate(names)
        ]


def image_trial(cell: Cell, device: torch.device) -> GuidedTrial:
    """Return the trial of a cell; its network fixes data, weights and guides."""
    seed = member_seed(cell["seed"], cell["network"])
    streams = {"untrained": 1, "trained": 2, "target": 3, "noise": 4}
    seeds = {name: member_seed(seed, stream) for name, stream in streams.items()}
    sets = load_sets(cell["setting"]["images"], seed=seed, device=device)
    return GuidedTrial(cell["setting"], sets, seed=seed, seeds=seeds)


def _first(x: Tensor, y: Tensor) -> Batch:
    rows = torch.arange(min(len(x), _COMPARED), device=x.device)
    return Batch(x[:_COMPARED], y[:_COMPARED], rows)


@torch.no_grad()
def _pair_similarity(
    model: nn.Module, views: Mapping[str, Tensor], pairs: Pairs, points: Batch
) -> float:
    """Return the mean over pairs of layers of unbiased linear CKA with the views of a guide.

    Examples
    --------
    >>> points = Batch(torch.rand(9, 2), torch.zeros(9), torch.arange(9))
    >>> model = nn.Sequential(nn.Identity())
    >>> round(_pair_similarity(model, PixelGuide()(points), [("pixels", "0")], points), 6)
    1.0
    """
    seen = activations(model, points.x, list(dict.fromkeys(name for _, name in pairs)))
    values = [cka(seen[own].flatten(1), views[other].flatten(1)) for other, own in pairs]
    return torch.stack(values).mean().item()


# Conditions at several learning rates: a row for each, and one more for the best of them.

GUIDE_SEED = 1000  # stream of the seeds of a trained guide; others of its kind follow at 2000
_LAST = 20  # steps over which the final similarity is averaged


def rated(more: Cell, name: str, guide: str | None = None, **changes: Any) -> Cell:
    """Return a condition that is run at the learning rates of its target times some factors.

    With several ``rates`` the best on validation data is reported once more; ``longer`` is steps
    over the stated number, and ``distilled`` says whether the trained guide's outputs are learned
    too.  ``more`` holds what else there is to change, as it is if nothing is said.
    """
    shared = {"name": name, "guide": guide, "rates": (1.0,), "longer": 1, "distilled": False}
    if unknown := changes.keys() - shared.keys() - more.keys():
        known = ", ".join([*shared, *more])
        raise ValueError(f"a condition has no {', '.join(sorted(unknown))}; it has {known}")
    return {**shared, **more, **changes}


def sweep_learning_rates(
    conditions: Iterable[Cell], stated: Cell, train: Callable[[Cell, int, float], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the row of every condition and rate, then of several the one to be chosen.

    It has the smallest ``validation_loss`` and is named ``"tuned ..."``.  ``stated`` holds the
    steps and the learning rate that conditions multiply; ``train`` gets the products.

    Examples
    --------
    >>> def train(condition, steps, rate):
    ...     return {"validation_loss": 0.5 - rate}
    >>> stated = {"steps": 10, "learning_rate": 0.1}
    >>> rows = sweep_learning_rates([rated({}, "unguided", rates=(1.0, 3.0))], stated, train)
    >>> [(row["condition"], row["learning_rate"]) for row in rows]
    [('unguided', 0.1), ('unguided', 0.3), ('tuned unguided', 0.3)]
    """
    rows = []
    for condition in conditions:
        name, steps = condition["name"], stated["steps"] * condition["longer"]
        rates = [round(stated["learning_rate"] * factor, 12) for factor in condition["rates"]]
        found = [
            {"condition": name, "learning_rate": rate, "steps": steps}
            | train(condition, steps, rate)
            for rate in rates
        ]
        rows += found
        if len(found) > 1:
            best = min(found, key=lambda row: float(row["validation_loss"]))
            rows.append({**best, "condition": f"tuned {name}"})
    return rows


def final_similarity(done: Guided) -> float:
    """Return the similarity to the guide over pairs of layers and the last 20 steps, or nan."""
    late = done.layers[done.layers.step > len(done.log) - _LAST].similarity
    return float(late.mean()) if len(late) else float("nan")
