"""The experiments of laboratory 3, in the order of the book."""

from ibcore.guidance.experiments.curves import COMPLEXITY, CURVES, DISCONNECT, ERRORS
from ibcore.guidance.experiments.regularizers import REGULARIZERS
from ibcore.guidance.experiments.sequence_runs import COPYING, PARITY, TEXT
from ibcore.guidance.experiments.wide import (
    DEPTH,
    DISTANCES,
    PLAIN,
    PLAIN_RATES,
    UNLABELED,
    WIDE,
)
from ibcore.runs.experiment import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (
    WIDE,
    UNLABELED,
    DISCONNECT,
    DEPTH,
    CURVES,
    DISTANCES,
    ERRORS,
    COMPLEXITY,
    REGULARIZERS,
    PLAIN,
    PLAIN_RATES,
    COPYING,
    PARITY,
    TEXT,
)

__all__ = ["EXPERIMENTS"]
