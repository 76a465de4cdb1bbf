"""The experiments of laboratory 1, in the order of the book."""

from ibcore.redshift.experiments import random_networks
from ibcore.redshift.experiments.guesses import BOOLEAN, BOOLEAN_COMPLEXITY, FOUND, GUESSES
from ibcore.redshift.experiments.modular import (
    BUDGET,
    HYSTERESIS,
    MODULAR,
    PICTURES,
    SHORTCUTS,
)
from ibcore.redshift.experiments.splines import SHAPE, SPLINES
from ibcore.redshift.experiments.transformers import (
    LANGUAGES,
    PLATEAUS,
    SEQUENCES,
    TRANSFORMERS,
)
from ibcore.runs.experiment import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (
    *random_networks.EXPERIMENTS,
    MODULAR,
    PICTURES,
    BUDGET,
    HYSTERESIS,
    SHORTCUTS,
    GUESSES,
    FOUND,
    BOOLEAN,
    BOOLEAN_COMPLEXITY,
    TRANSFORMERS,
    SEQUENCES,
    PLATEAUS,
    LANGUAGES,
    SPLINES,
    SHAPE,
)

__all__ = ["EXPERIMENTS"]
