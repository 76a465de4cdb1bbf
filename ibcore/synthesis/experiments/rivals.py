"""Four cheap regularizers, tuned, beside a guide and a learned start; and equal information."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.guidance.experiments.regularizers import best_rows
from ibcore.memory import repeat_members
from ibcore.nets import ConvNet
from ibcore.population import Population, member_seed
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import generator
from ibcore.synthesis.digits import CANVAS, WAYS, DigitFamily, DigitTask
from ibcore.synthesis.experiments.images import (
    FACTORIAL,
    LAPTOP,
    SMOKE,
    TINY,
    Arms,
    draw_guide,
    draw_network,
    learn_start,
    of_training,
)
from ibcore.synthesis.training import TappedMLP

GRID: Mapping[str, Sequence[float]] = {
    "smoothing": (0.02, 0.05, 0.1, 0.2, 0.4),
    "dropout": (0.05, 0.1, 0.2, 0.4, 0.6),
    "weight_decay": (0.003, 0.01, 0.03, 0.1),
}
VALIDATION, TEST = 300, 300


class DroppingMLP(TappedMLP):
    """A `TappedMLP` that drops hidden units while ``kept``, (m, 1, 1), says how many stay.

    Examples
    --------
    >>> net = DroppingMLP(2, 1, depth=1, width=8)
    >>> many, x = Population.sample(net, networks=2), torch.ones(2, 1, 2).double()
    >>> net.kept, net.rng = torch.tensor([1.0, 0.5]).double()[:, None, None], generator(0)
    >>> dropped = net.forward_stacked(many.parameters, x).flatten()
    >>> net.kept = None
    >>> torch.eq(dropped, net.forward_stacked(many.parameters, x).flatten()).tolist()
    [True, False]
    """

    kept: Tensor | None = None
    rng: torch.Generator

    def combine(self, u: Tensor, h: Tensor, gate: Tensor | None) -> Tensor:
        """Return the layer's output, noted whole, without what is dropped."""
        output = super().combine(u, h, gate)
        if self.kept is None:
            return output
        stays = torch.rand(output.shape, generator=self.rng, dtype=output.dtype) < self.kept
        return output * stays / self.kept


class Rivals(Arms):
    """Arms that may drop hidden units while they train, and are scored on validation images."""

    def __init__(
        self,
        task: DigitTask,
        start: Population,
        arms: Sequence[Mapping[str, Any]],
        guides: Mapping[str, ConvNet],
        seed: int,
    ) -> None:
        assert isinstance(start.architecture, TappedMLP)
        net = DroppingMLP(CANVAS**2, WAYS, depth=3, width=start.architecture.width)
        many = Population(net, repeat_members(start, len(arms)).parameters)
        self.validation = task.test_x[:VALIDATION], task.test_y[:VALIDATION]
        tested = task._replace(test_x=task.test_x[VALIDATION:], test_y=task.test_y[VALIDATION:])
        super().__init__(tested, many, arms, guides, seed)
        self.kept = 1 - self.of(arms, "dropout")[:, None, None]

    def losses(self, step: int, parameters: Mapping[str, Tensor], unlabeled: int = 40) -> Tensor:
        """Return the losses of the arms, (m,), with hidden units dropped."""
        assert isinstance(self.net, DroppingMLP)
        self.net.kept, self.net.rng = self.kept, generator(member_seed(self.seed, 4_000_000 + step))
        try:
            return super().losses(step, parameters, unlabeled)
        finally:
            self.net.kept = None

    def scores(self, networks: Population) -> list[dict[str, float]]:
        """Return what `Arms` does, and the accuracy on validation images."""
        x, y = self.validation
        right = self.net.forward_stacked(networks.parameters, self.each(x)).argmax(-1) == y  # type: ignore[operator]
        each = zip(super().scores(networks), right.double().mean(1).tolist(), strict=True)
        return [{**row, "validation_accuracy": value} for row, value in each]


def tuned(several: Rivals, cell: Cell, arms: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Train all arms; where there are several, the first is also stopped early at every look."""
    frame = several.run(cell["steps"], cell["looks"])
    names = [arm["regularizer"] for arm in arms]
    last = frame[frame.step == cell["steps"]].sort_values("arm")
    last = last.assign(regularizer=names, strength=[arm["strength"] for arm in arms])
    first = frame[(frame.arm == 0) & (len(arms) > 1)]
    stopped = first.assign(regularizer="stopping", strength=first.step)
    return pd.concat([last, stopped]).drop(columns="arm")  # type: ignore[no-any-return]


def _arms(guide: str, grid: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    plain = {**of_training("sgd", "relu"), "dropout": 0.0, "guide": guide}
    named = [(name, value) for name, values in grid.items() for value in values]
    told = [{**plain, name: value, "regularizer": name, "strength": value} for name, value in named]
    return [{**plain, "regularizer": "none", "strength": 0.0}, *told]


def _run_rivals(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row for each lever, regularizer and strength, then those that are chosen.

    Levers: none, a trained guide, a learned start; and, without regularizers, a guide that sees
    images of the family (``guide, family``), as the start did, or no image but the labeled ones
    (``guide, labeled``) in the place of unlabeled images of the task.
    """
    seed = cell["seed"]
    family = DigitFamily(seed)
    task = family.task(test=VALIDATION + TEST)
    random = draw_network("relu", seed, width=cell["width"])
    learned = learn_start({**cell, "architecture": "relu"}, random)
    guides = {"trained": draw_guide(seed, "trained", cell["guide_steps"])}
    known = family.images(cell["known"], seed=member_seed(seed, 5))[0]
    levers = {
        "none": (random, task, "none", cell["grid"]),
        "start": (learned, task, "none", cell["grid"]),
        "guide": (random, task, "trained", cell["grid"]),
        "guide, family": (random, task._replace(unlabeled=known), "trained", {}),
        "guide, labeled": (random, task._replace(unlabeled=known[:0]), "trained", {}),
    }
    frames = []
    for lever, (start, images, guide, grid) in levers.items():
        arms = _arms(guide, grid)
        several = Rivals(images, start, arms, guides, seed)
        frames.append(tuned(several, cell, arms).assign(guide=lever))
    return best_rows(pd.concat(frames)).rename(columns={"guide": "lever"}).assign(seed=seed)


LOOKS = (5, 10, 20, 40, 80, 160, 240, 400, 560, 800)

# Shown in: instruments, "Result 4"; crossings, "Predictions and outcomes"; claims
# synthesis.rivals-best, rivals-guide, rivals-start, rivals-guide-family, rivals-guide-labeled,
# rivals-start-ahead.
RIVALS = Experiment(
    "synthesis.rivals",
    "Do tuned regularizers give what a guide or a learned start gives, with the same images?",
    {
        "smoke": design(
            {"seed": (0,)}, **SMOKE, **TINY, steps=6, looks=(2, 6), known=60,
            grid={name: values[1:2] for name, values in GRID.items()},
        ),
        "laptop": design(
            {"seed": range(20)}, **LAPTOP, meta=FACTORIAL["meta"], steps=800, looks=LOOKS,
            known=1000, grid=GRID,
        ),
    },
    _run_rivals,
    tuned={"strength": ("lever", "regularizer")},
)  # fmt: skip
