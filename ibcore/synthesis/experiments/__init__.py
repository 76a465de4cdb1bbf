"""The experiments of the synthesis, in the order of the book."""

from ibcore.runs.experiment import Experiment
from ibcore.synthesis.experiments.pairs import START_DECAY

EXPERIMENTS: tuple[Experiment, ...] = (START_DECAY,)

__all__ = ["EXPERIMENTS"]
