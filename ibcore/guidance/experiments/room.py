"""One network's place in an experiment on images: its data, its guides, its training."""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ibcore.guidance._steps import Look
from ibcore.guidance.altered import NoiseInputGuide, ScrambledGuide
from ibcore.guidance.experiments.conditions import FLAT, Condition, GuideName
from ibcore.guidance.experiments.images import CLASSES, load_sets
from ibcore.guidance.experiments.networks import (
    build_convolutional,
    build_perceptron,
    correct,
    outputs,
    reference_of,
)
from ibcore.guidance.experiments.remembered import TurnedGuide
from ibcore.guidance.experiments.setting import Setting
from ibcore.guidance.guides import Batch, Guide, LabelGuide, NetworkGuide, NoiseGuide, PixelGuide
from ibcore.guidance.layers import layer_names
from ibcore.guidance.redraw import redraw
from ibcore.guidance.schedule import Schedule
from ibcore.guidance.task import Distillation
from ibcore.guidance.training import Guided, guide
from ibcore.population import member_seed

_SPREAD = 4  # layers of a deep target that a guide of one representation is compared with
_REMEMBERED = 3000  # points of which a guide can be turned into few features
_COMPARED = 300  # points on which layers are compared after training
_UNTRAINED, _TRAINED, _MLP, _NOISE = 1, 2, 3, 4  # streams of seeds


class Options(NamedTuple):
    """What validation may choose."""

    learning_rate: float
    weight: float
    weight_decay: float


class Room:
    """Data, guides and training of one network of a setting.

    All conditions of a network begin with the same weights and see the same images in the same
    order.

    Parameters
    ----------
    setting
        What is built.
    network
        Its number, which fixes data, weights and guides.
    seed
        Of the experiment.
    device
        Where everything is computed.

    Examples
    --------
    >>> from ibcore.guidance.experiments.networks import Convolutional, Perceptron
    >>> setting = Setting(target=Perceptron(width=8), untrained=Convolutional((2, 4)), steps=2)
    >>> room = Room(setting, 0, seed=0, device=torch.device("cpu"))
    >>> room.train(Condition("pixels", "pixels")).pairs
    [('pixels', '1'), ('pixels', '3'), ('pixels', '5')]
    """

    def __init__(self, setting: Setting, network: int, *, seed: int, device: torch.device) -> None:
        self.setting, self.device = setting, device
        self.seed = member_seed(seed, network)
        self.sets = load_sets(setting.images, seed=self.seed, device=device)
        self.shape = tuple(self.sets.x.shape[1:])

    @cached_property
    def target(self) -> nn.Module:
        """The architecture that learns; its weights are drawn when it is trained."""
        return build_perceptron(self.setting.target, self.shape, CLASSES)

    @cached_property
    def untrained(self) -> nn.Module:
        """The convolutional network with random weights."""
        net = build_convolutional(self.setting.untrained, self.shape, CLASSES)
        return redraw(net, member_seed(self.seed, _UNTRAINED)).to(self.device)

    @cached_property
    def trained(self) -> nn.Module:
        """The convolutional network trained on the labeled images alone."""
        fit = self.setting.fit
        return guide(
            build_convolutional(self.setting.trained, self.shape, CLASSES),
            None,
            self.sets.x,
            self.sets.y,
            steps=fit.steps,
            batch_size=fit.batch_size,
            learning_rate=fit.learning_rate,
            init_seed=member_seed(self.seed, _TRAINED),
            seed=self.seed,
            device=self.device,
        ).model

    def guide(self, name: GuideName) -> Guide:
        """Return a guide by its name."""
        points, noise = len(self.sets.x) + len(self.sets.pool), member_seed(self.seed, _NOISE)
        makers: dict[str, Callable[[], Guide]] = {
            "untrained CNN": lambda: self._watch(self.untrained),
            "trained CNN": lambda: self._watch(self.trained),
            "permuted CNN": lambda: ScrambledGuide(self._watch(self.untrained), seed=noise),
            "noise input": lambda: NoiseInputGuide(self._watch(self.untrained), points, seed=noise),
            "untrained MLP": lambda: self._watch(
                redraw(self.target, member_seed(self.seed, _MLP)).to(self.device)
            ),
            "random features": lambda: NoiseGuide(points, seed=noise),
            "labels": lambda: LabelGuide(CLASSES),
            "pixels": PixelGuide,
        }
        return makers[name]()

    @cached_property
    def known_points(self) -> Batch:
        """The first labeled images, of which every guide can speak."""
        return _first(self.sets.x, self.sets.y)

    @cached_property
    def new_points(self) -> Batch:
        """The first test images, for guides that are networks."""
        return _first(self.sets.test_x, self.sets.test_y)

    @cached_property
    def cnn_views(self) -> dict[str, Tensor]:
        """The layers of the untrained CNN on the first test images, turned into few features."""
        return self.new_views("untrained CNN")

    def new_views(self, name: GuideName) -> dict[str, Tensor]:
        """Return the layers of a guide on the first test images, turned into few features."""
        points = self.new_points
        return TurnedGuide(self.guide(name), points).views

    def _watch(self, model: nn.Module) -> NetworkGuide:
        return NetworkGuide(model, reference=self.reference(model))

    def reference(self, model: nn.Module) -> Tensor | None:
        """Return the images whose statistics a network without running averages uses."""
        return reference_of(model, self.sets.x)

    def train(
        self,
        condition: Condition,
        *,
        options: Options | None = None,
        looks: Sequence[int] = (),
        on_look: Look | None = None,
    ) -> Guided:
        """Return the target trained under a condition, with options or those of the setting."""
        setting, count = self.setting, condition.unlabeled
        rate, weight, decay = options or self.candidates(condition)[0]
        own = self._taught(condition)
        return guide(
            self.target,
            own,
            self.sets.x,
            self.sets.y,
            steps=condition.steps or setting.steps,
            schedule=Schedule(condition.schedule, weight, condition.until) if own else None,
            alignment=condition.alignment(),
            mapping=condition.pairing(),
            layers=self.spread(condition),
            unlabeled=self.sets.pool[:count] if count else None,
            loss=self.distillation(count) if condition.distill else "cross_entropy",
            learning_rate=rate,
            weight_decay=decay,
            batch_size=setting.batch_size,
            unlabeled_batch_size=min(count, setting.unlabeled_batch) or None,
            init_seed=self.seed,
            seed=self.seed,
            looks=looks,
            on_look=on_look,
            device=self.device,
        )

    def _taught(self, condition: Condition) -> Guide | None:
        """Return the guide of a condition, in the cheapest form that its measure allows."""
        if condition.guide is None:
            return None
        own = self.guide(condition.guide)
        points = len(self.sets.x) + condition.unlabeled
        if condition.alignment().needs_gram_only or points > _REMEMBERED:
            return own
        x = torch.cat([self.sets.x, self.sets.pool[: condition.unlabeled]])
        return TurnedGuide(own, Batch(x, self.sets.y, torch.arange(len(x), device=x.device)))

    def spread(self, condition: Condition) -> list[str] | None:
        """Return four evenly spread layers of a deep target for a guide of one representation.

        None leaves the choice to the mapping: for other guides, and for targets of few layers.
        """
        depth = self.setting.target.depth
        if condition.guide not in FLAT or condition.mapping is not None or depth <= _SPREAD:
            return None
        names = layer_names(self.target, self.sets.x[:2])
        return [names[round(i * (depth - 1) / (_SPREAD - 1))] for i in range(_SPREAD)]

    def candidates(self, condition: Condition) -> list[Options]:
        """Return all combinations of a condition's candidates."""
        rates = condition.learning_rates or (self.setting.learning_rate,)
        weights = condition.weights or (self.setting.weight,)
        choices = product(rates, weights, condition.weight_decays)
        return [Options(*choice) for choice in choices]

    def choose(self, condition: Condition) -> tuple[Guided, Options]:
        """Return the target with the candidates that classify the validation images best."""
        found = [(self.train(condition, options=o), o) for o in self.candidates(condition)]
        return found[0] if len(found) == 1 else max(found, key=lambda f: self._validation(f[0]))

    def _validation(self, guided: Guided) -> float:
        some = slice(self.setting.images.validation)
        logits = outputs(guided.model, self.sets.pool[some])
        return correct(logits, self.sets.pool_y[some]).double().mean().item()

    def distillation(self, unlabeled: int = 0) -> Distillation:
        """Return the outputs of the trained CNN on what the target sees as its task."""
        x = torch.cat([self.sets.x, self.sets.pool[:unlabeled]])
        return Distillation(outputs(self.trained, x, reference=self.reference(self.trained)))


def _first(x: Tensor, y: Tensor) -> Batch:
    return Batch(
        x[:_COMPARED], y[:_COMPARED], torch.arange(min(len(x), _COMPARED), device=x.device)
    )
