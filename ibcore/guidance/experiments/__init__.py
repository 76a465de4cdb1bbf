"""The experiments of laboratory 3: one file per kind, gathered here."""

from ibcore.guidance.experiments import (
    complexity,
    copying,
    curves,
    deep,
    disconnect,
    distances,
    errors,
    parity,
    plain_cnn,
    text,
    unlabeled,
    wide,
)
from ibcore.runs.experiment import AnyExperiment

EXPERIMENTS: tuple[AnyExperiment, ...] = (
    *wide.EXPERIMENTS,
    *unlabeled.EXPERIMENTS,
    *disconnect.EXPERIMENTS,
    *deep.EXPERIMENTS,
    *curves.EXPERIMENTS,
    *distances.EXPERIMENTS,
    *errors.EXPERIMENTS,
    *complexity.EXPERIMENTS,
    *plain_cnn.EXPERIMENTS,
    *copying.EXPERIMENTS,
    *parity.EXPERIMENTS,
    *text.EXPERIMENTS,
)

__all__ = ["EXPERIMENTS"]
