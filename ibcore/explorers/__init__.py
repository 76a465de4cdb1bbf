"""Interactive figures: one Python class and one JavaScript function each, two hosts.

In the static book a figure is computed in the reader's browser; in a notebook with a kernel the
same figure is answered by ibcore.  ``EXPLORERS`` maps the name of each figure to its class.
"""

from ibcore.explorers.architecture_gap import (
    ArchitectureGap,
    ConceptLearner,
    RemainderLearner,
    StepBudget,
)
from ibcore.explorers.base import KINDS, Explorer, is_static
from ibcore.explorers.complexity_map import ComplexityMap, ModularPlayer
from ibcore.explorers.guided_training import GuideComparison, GuidedTraining, SweepPlayer
from ibcore.explorers.live_labs import DigitTraining, GuidedStep, MetaTraining
from ibcore.explorers.random_network import (
    DiagonalNetwork,
    ImageSpectrum,
    RandomNetwork,
    SimilarityPlayground,
)
from ibcore.explorers.synthesis_board import ClockCollapse, SynthesisBoard

EXPLORERS: dict[str, type[Explorer]] = {kind: globals()[kind] for kind in KINDS}

__all__ = [
    "EXPLORERS",
    "ArchitectureGap",
    "ClockCollapse",
    "ComplexityMap",
    "ConceptLearner",
    "DiagonalNetwork",
    "DigitTraining",
    "Explorer",
    "GuideComparison",
    "GuidedStep",
    "GuidedTraining",
    "ImageSpectrum",
    "MetaTraining",
    "ModularPlayer",
    "RandomNetwork",
    "RemainderLearner",
    "SimilarityPlayground",
    "StepBudget",
    "SweepPlayer",
    "SynthesisBoard",
    "is_static",
]
