"""The experiments of laboratory 3, in the order of the book."""

from ibcore.guidance.experiments.cifar import CIFAR
from ibcore.guidance.experiments.curves import COMPLEXITY, CURVES, ERRORS
from ibcore.guidance.experiments.pictures import PICTURES
from ibcore.guidance.experiments.regularizers import REGULARIZERS, RIVALS, STRENGTHENED
from ibcore.guidance.experiments.sequence_runs import (
    COPYING,
    COPYING_RATES,
    PARITY,
    PARITY_RATES,
    TEXT,
)
from ibcore.guidance.experiments.wide import (
    DEPTH,
    DISTANCES,
    PLAIN,
    PLAIN_BARE,
    PLAIN_RATES,
    UNLABELED,
    WIDE,
    WIDTH,
)
from ibcore.runs.experiment import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (
    WIDE,
    UNLABELED,
    DEPTH,
    CURVES,
    DISTANCES,
    ERRORS,
    PICTURES,
    COMPLEXITY,
    REGULARIZERS,
    RIVALS,
    STRENGTHENED,
    CIFAR,
    WIDTH,
    PLAIN,
    PLAIN_RATES,
    PLAIN_BARE,
    COPYING,
    COPYING_RATES,
    PARITY,
    PARITY_RATES,
    TEXT,
)

__all__ = ["EXPERIMENTS"]
