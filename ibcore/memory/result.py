"""What a sweep leaves behind: every measure at every look, as arrays and as a tidy table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from ibcore.memory.forgetting import Verdict, at_selected, forgetting_time, gate
from ibcore.memory.metrics import Floats, spread
from ibcore.memory.pipeline import Pipeline

When = Literal["final", "selected"]

MEASURES = (  # of each network at each look
    "train_accuracy",
    "validation_accuracy",
    "test_accuracy",
    "train_loss",
    "weight_norm",
    "retained_fraction",
    "cosine",
)
FORGOTTEN = 2.0  # spread in percentage points at which a scale counts as forgotten


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Measures of every pipeline, scale and network at every look.

    Attributes
    ----------
    pipelines, scales, looks
        The axes; looks are numbers of steps, increasing.
    seed
        Networks are members 0, 1, ... of the population with this seed; the same ones for all
        pipelines and scales.
    measures
        Each name of `MEASURES` to an array (looks, pipelines, scales, networks).
    predictions
        Classes of the test points, shape (looks, pipelines, scales, networks, points).

    Raises
    ------
    ValueError
        If an array has another shape.
    """

    pipelines: tuple[Pipeline, ...]
    scales: tuple[float, ...]
    looks: tuple[int, ...]
    seed: int
    measures: Mapping[str, Floats]
    predictions: NDArray[np.int32]

    def __post_init__(self) -> None:
        axes = (len(self.looks), len(self.pipelines), len(self.scales))
        shapes = {name: values.shape for name, values in self.measures.items()}
        if set(shapes) != set(MEASURES):
            raise ValueError(f"measures are {sorted(shapes)}, expected {sorted(MEASURES)}")
        for name, shape in (shapes | {"predictions": self.predictions.shape[:-1]}).items():
            if shape != (*axes, self.networks):
                raise ValueError(f"{name} has shape {shape}, expected {(*axes, self.networks)}")

    @property
    def networks(self) -> int:
        """How many networks stand behind each scale of each pipeline."""
        return int(self.measures["test_accuracy"].shape[3])

    def number(self, pipeline: str) -> int:
        """Return the place of a pipeline; ``ValueError`` naming the known ones."""
        names = [each.name for each in self.pipelines]
        if pipeline not in names:
            raise ValueError(f"unknown pipeline {pipeline!r}; choose one of {', '.join(names)}")
        return names.index(pipeline)

    def values(self, measure: str, pipeline: str, *, when: When = "final") -> Floats:
        """Return a measure at the last look, or at each network's best validation accuracy.

        Shape (scales, networks), as `spread` takes it.
        """
        if when not in get_args(When):
            raise ValueError(f"unknown when {when!r}; choose one of {', '.join(get_args(When))}")
        if measure not in self.measures:
            raise ValueError(f"unknown measure {measure!r}; choose one of {', '.join(MEASURES)}")
        track = self.measures[measure][:, self.number(pipeline)]  # (looks, scales, networks)
        if when == "final":
            return cast(Floats, track[-1])
        validation = self.measures["validation_accuracy"][:, self.number(pipeline)]
        return at_selected(validation, track)

    def spread(self, pipeline: str, *, when: When = "final") -> float:
        """Return the spread of test accuracy over scales in percentage points."""
        return spread(self.values("test_accuracy", pipeline, when=when))

    def spreads(self, pipeline: str) -> Floats:
        """Return the spread of test accuracy at each look, shape (looks,)."""
        track = self.measures["test_accuracy"][:, self.number(pipeline)]
        return np.array([spread(values) for values in track])

    def gate(self, pipeline: str) -> Verdict:
        """Say whether all networks of a pipeline have fitted their training set at the end."""
        return gate(self.values("train_accuracy", pipeline))

    def forgetting_time(self, pipeline: str, *, eps: float = FORGOTTEN) -> float | None:
        """Return the first look from which the spread stays within ``eps``, in steps.

        None if the last look is not there yet; see `ibcore.memory.forgetting_time`.
        """
        fitted = self.measures["train_accuracy"][:, self.number(pipeline)].min(axis=(1, 2))
        return forgetting_time(self.looks, self.spreads(pipeline), eps, train_accuracy=fitted)
