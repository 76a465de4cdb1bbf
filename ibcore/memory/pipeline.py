"""A training pipeline: optimizer, rates and batch, with the clocks that it sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from ibcore.memory.clocks import Floats, explicit_clock, noise_clock
from ibcore.training import Optimizer


@dataclass(frozen=True)
class Pipeline:
    r"""How a network is trained; memory belongs to the pipeline, not to the network alone.

    Attributes
    ----------
    name
        What tables and figures call it.
    optimizer, learning_rate, weight_decay, momentum
        As in `ibcore.training.Method`: decay is added to the gradient for ``"sgd"`` and
        ``"adam"``, and shrinks the weights directly for ``"adamw"``.  It acts on all parameters.
    batch_size
        Points in a minibatch.
    decay_steps
        Weight decay is on for the first so many steps only; None for all of them.
    sam_radius
        Of sharpness-aware minimization; 0 for none.

    Raises
    ------
    ValueError
        If the optimizer is unknown or a number is out of range.

    Examples
    --------
    >>> pipeline = Pipeline("SGD + L2", learning_rate=0.1, weight_decay=1e-2, decay_steps=1000)
    >>> pipeline.clock([500, 1000, 3000]).round(9).tolist()
    [1.0, 2.0, 2.0]
    """

    name: str
    optimizer: Optimizer = "sgd"
    learning_rate: float = 0.1
    weight_decay: float = 0.0
    momentum: float = 0.0
    batch_size: int = 32
    decay_steps: int | None = None
    sam_radius: float = 0.0

    def __post_init__(self) -> None:
        if self.optimizer not in get_args(Optimizer):
            known = ", ".join(get_args(Optimizer))
            raise ValueError(f"unknown optimizer {self.optimizer!r}; choose one of {known}")
        if self.decay_steps is not None and self.decay_steps < 0:
            raise ValueError(f"decay_steps must be at least 0, got {self.decay_steps}")
        if not self.sam_radius >= 0:
            raise ValueError(f"sam_radius must be at least 0, got {self.sam_radius}")
        for clock in (self.clock, self.noise):
            clock(0)  # refuses rates that are out of range

    def clock(self, steps: ArrayLike) -> Floats:
        """Return the explicit clock after so many steps; nan for decay under ``"adam"``."""
        rates = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        taken = np.asarray(steps, dtype=np.float64)
        if self.decay_steps is not None:
            taken = np.minimum(taken, self.decay_steps)
        clock = explicit_clock(taken, **rates, momentum=self.momentum)
        rescaled = self.optimizer == "adam" and self.weight_decay > 0
        return np.full_like(clock, nan) if rescaled else clock

    def noise(self, steps: ArrayLike) -> Floats:
        """Return the noise clock after so many steps, at a squared gradient of 1; SGD only."""
        clock = noise_clock(steps, learning_rate=self.learning_rate, batch_size=self.batch_size)
        return clock if self.optimizer == "sgd" else np.full_like(clock, nan)


def group_pipelines(pipelines: Sequence[Pipeline]) -> list[list[int]]:
    """Return the numbers of pipelines that can train as one population: same optimizer and batch.

    Raises
    ------
    ValueError
        If there is none, or two have the same name.

    Examples
    --------
    >>> group_pipelines([Pipeline("a"), Pipeline("b", "adam"), Pipeline("c", momentum=0.9)])
    [[0, 2], [1]]
    """
    names = [pipeline.name for pipeline in pipelines]
    if not names:
        raise ValueError("there is no pipeline; give at least 1")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two pipelines are called {twice[0]!r}; give each a name of its own")
    groups: dict[tuple[str, int], list[int]] = {}
    for number, pipeline in enumerate(pipelines):
        groups.setdefault((pipeline.optimizer, pipeline.batch_size), []).append(number)
    return list(groups.values())
