"""The experiments of the synthesis, in the order of the book."""

from ibcore.runs.experiment import Experiment
from ibcore.synthesis.experiments.exact import DIAGONAL
from ibcore.synthesis.experiments.images import INSTRUMENTS, RELEASED, SCALE_CLOCK, UNTIL
from ibcore.synthesis.experiments.pairs import START_DECAY
from ibcore.synthesis.experiments.rivals import RIVALS

EXPERIMENTS: tuple[Experiment, ...] = (
    INSTRUMENTS,
    RIVALS,
    SCALE_CLOCK,
    START_DECAY,
    DIAGONAL,
    RELEASED,
    UNTIL,
)

__all__ = ["EXPERIMENTS"]
