"""Look at networks while they train: accuracy, loss, what they predict, what their weights keep."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ibcore.memory.metrics import Floats
from ibcore.memory.problem import Problem
from ibcore.memory.result import MEASURES
from ibcore.memory.weights import cosine, retained_fraction, weight_norm
from ibcore.nets.batch_norm import Statistics
from ibcore.population import Population


class Watcher:
    """Records the measures of m networks at every look; give it to training as ``on_look``.

    Parameters
    ----------
    problem
        The data, on the device of the networks.
    start
        The networks before training.
    looks
        The steps at which `__call__` will be called.

    Attributes
    ----------
    measures
        Each name of `ibcore.memory.result.MEASURES` to an array (looks, m).
    predictions
        Classes of the test points, (looks, m, points).
    """

    def __init__(self, problem: Problem, start: Population, looks: Sequence[int]) -> None:
        self.problem, self.start = problem, start
        self.rows = {step: row for row, step in enumerate(looks)}
        shape = (len(looks), len(start))
        self.measures: dict[str, Floats] = {name: np.full(shape, np.nan) for name in MEASURES}
        self.predictions = np.zeros((*shape, len(problem.test.y)), dtype=np.int32)

    def __call__(self, step: int, members: Tensor, population: Population) -> None:
        """Record ``population``, the present state of these ``members``, after ``step`` steps."""
        row, columns = self.rows[step], members.cpu().numpy()
        start = _take(self.start, members)
        statistics = population.batch_statistics(self.problem.train.x)
        values = self._fit(population, statistics) | {
            "weight_norm": weight_norm(population),
            "retained_fraction": retained_fraction(population, start),
            "cosine": cosine(population, start),
        }
        outputs = population.forward(self.problem.test.x, statistics=statistics)  # (m, n, k)
        classes = outputs.argmax(-1)  # (m, n)
        values["test_accuracy"] = _share(classes == self.problem.test.y)
        self.predictions[row, columns] = classes.to(torch.int32).cpu().numpy()
        for name, value in values.items():
            self.measures[name][row, columns] = value.cpu().numpy()

    def _fit(self, population: Population, statistics: Statistics) -> dict[str, Tensor]:
        """Return accuracy and loss on the data that training and selection use."""
        (x, y), (held_x, held_y) = self.problem.train, self.problem.validation
        outputs = population.forward(x, statistics=statistics)  # (m, n, k)
        losses = functional.cross_entropy(
            outputs.double().flatten(0, 1), y.repeat(len(outputs)), reduction="none"
        ).reshape(len(outputs), -1)  # (m * n,) -> (m, n)
        held = population.forward(held_x, statistics=statistics).argmax(-1) == held_y
        return {
            "train_accuracy": _share(outputs.argmax(-1) == y),
            "train_loss": losses.mean(1),
            "validation_accuracy": _share(held),
        }


def _share(right: Tensor) -> Tensor:
    return right.double().mean(1)


def _take(population: Population, members: Tensor) -> Population:
    chosen = {name: value[members] for name, value in population.parameters.items()}
    return Population(population.architecture, chosen)
