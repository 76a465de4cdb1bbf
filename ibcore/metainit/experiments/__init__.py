"""The experiments of laboratory 2, in the order of the book."""

from ibcore.metainit.experiments.arithmetic import ARITHMETIC, OVERSHOOT, REMAINDERS
from ibcore.metainit.experiments.complexity import COMPLEXITY, PICTURES
from ibcore.metainit.experiments.concepts import CONCEPTS, FEW, GAP, PRETRAINING, SWAP
from ibcore.metainit.experiments.families import ALPHABETS, FAMILIES
from ibcore.metainit.experiments.omniglot import OFFICIAL, OMNIGLOT
from ibcore.metainit.experiments.tuned import TUNED
from ibcore.runs.experiment import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (
    CONCEPTS,
    GAP,
    ARITHMETIC,
    OVERSHOOT,
    SWAP,
    TUNED,
    FEW,
    OMNIGLOT,
    OFFICIAL,
    PRETRAINING,
    COMPLEXITY,
    PICTURES,
    REMAINDERS,
    FAMILIES,
    ALPHABETS,
)

__all__ = ["EXPERIMENTS"]
