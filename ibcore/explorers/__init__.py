"""Interactive figures: one Python class and one JavaScript function each, two hosts.

In the static book a figure is computed in the reader's browser; in a notebook with a kernel the
same figure is answered by ibcore.  ``EXPLORERS`` maps the name of each figure to its class.
"""

from ibcore.explorers.architecture_gap import ArchitectureGap
from ibcore.explorers.base import Explorer, is_static
from ibcore.explorers.complexity_map import ComplexityMap
from ibcore.explorers.concept_learner import ConceptLearner
from ibcore.explorers.diagonal_network import DiagonalNetwork
from ibcore.explorers.guide_comparison import GuideComparison
from ibcore.explorers.guided_training import GuidedTraining
from ibcore.explorers.image_spectrum import ImageSpectrum
from ibcore.explorers.modular_player import ModularPlayer
from ibcore.explorers.random_network import RandomNetwork
from ibcore.explorers.remainder_learner import RemainderLearner
from ibcore.explorers.similarity_playground import SimilarityPlayground
from ibcore.explorers.step_budget import StepBudget
from ibcore.explorers.sweep_player import SweepPlayer

EXPLORERS: dict[str, type[Explorer]] = {
    "RandomNetwork": RandomNetwork,
    "ComplexityMap": ComplexityMap,
    "ModularPlayer": ModularPlayer,
    "ImageSpectrum": ImageSpectrum,
    "DiagonalNetwork": DiagonalNetwork,
    "SweepPlayer": SweepPlayer,
    "ConceptLearner": ConceptLearner,
    "RemainderLearner": RemainderLearner,
    "ArchitectureGap": ArchitectureGap,
    "StepBudget": StepBudget,
    "SimilarityPlayground": SimilarityPlayground,
    "GuideComparison": GuideComparison,
    "GuidedTraining": GuidedTraining,
}

__all__ = [
    "EXPLORERS",
    "ArchitectureGap",
    "ComplexityMap",
    "ConceptLearner",
    "DiagonalNetwork",
    "Explorer",
    "GuideComparison",
    "GuidedTraining",
    "ImageSpectrum",
    "ModularPlayer",
    "RandomNetwork",
    "RemainderLearner",
    "SimilarityPlayground",
    "StepBudget",
    "SweepPlayer",
    "is_static",
]
