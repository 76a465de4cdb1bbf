"""The experiments of laboratory 1, in the order of the book."""

from ibcore.redshift.experiments.guesses import BOOLEAN, BOOLEAN_COMPLEXITY, GUESSES
from ibcore.redshift.experiments.modular import HYSTERESIS, MODULAR, PICTURES, SHORTCUTS
from ibcore.redshift.experiments.random_networks import (
    ACTIVATIONS,
    BIASES,
    COMPONENTS,
    PRIOR,
    REFERENCES,
    UNBIASED,
    WIDTH,
)
from ibcore.redshift.experiments.splines import SHAPE, SPLINES
from ibcore.redshift.experiments.transformers import SEQUENCES, SHOULDERS, TRANSFORMERS
from ibcore.runs.experiment import AnyExperiment

EXPERIMENTS: tuple[AnyExperiment, ...] = (
    ACTIVATIONS,
    COMPONENTS,
    WIDTH,
    REFERENCES,
    PRIOR,
    BIASES,
    UNBIASED,
    MODULAR,
    PICTURES,
    HYSTERESIS,
    SHORTCUTS,
    GUESSES,
    BOOLEAN,
    BOOLEAN_COMPLEXITY,
    TRANSFORMERS,
    SEQUENCES,
    SHOULDERS,
    SPLINES,
    SHAPE,
)

__all__ = ["EXPERIMENTS"]
