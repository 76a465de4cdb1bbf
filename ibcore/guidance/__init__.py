"""Laboratory 3, guidance: a network learns its task, and to see the data as another one does.

After Subramaniam, Mayo, Conwell, Poggio, Katz, Cheung and Barbu, "Training the Untrainable:
Introducing Inductive Bias via Representational Alignment" (arXiv 2410.20035).
"""

from ibcore.guidance.alignment import Alignment
from ibcore.guidance.altered import NoiseInputGuide, ScrambledGuide, ShuffledGuide
from ibcore.guidance.consistency import error_consistency
from ibcore.guidance.filters import FilterGuide, gabor_filters
from ibcore.guidance.guides import (
    Batch,
    Guide,
    LabelGuide,
    NetworkGuide,
    NoiseGuide,
    PixelGuide,
)
from ibcore.guidance.layers import in_mode, layer_names
from ibcore.guidance.mapping import layer_pairs
from ibcore.guidance.measures import procrustes, rsa
from ibcore.guidance.minibatch import MinibatchCKA
from ibcore.guidance.redraw import redraw
from ibcore.guidance.regression import ridge
from ibcore.guidance.schedule import Schedule, Weights
from ibcore.guidance.similarity import cka, cka_matrix
from ibcore.guidance.taps import Taps, activations
from ibcore.guidance.task import Distillation
from ibcore.guidance.training import Guided, guide

__all__ = [
    "Alignment",
    "Batch",
    "Distillation",
    "FilterGuide",
    "Guide",
    "Guided",
    "LabelGuide",
    "MinibatchCKA",
    "NetworkGuide",
    "NoiseGuide",
    "NoiseInputGuide",
    "PixelGuide",
    "Schedule",
    "ScrambledGuide",
    "ShuffledGuide",
    "Taps",
    "Weights",
    "activations",
    "cka",
    "cka_matrix",
    "error_consistency",
    "gabor_filters",
    "guide",
    "in_mode",
    "layer_names",
    "layer_pairs",
    "procrustes",
    "redraw",
    "ridge",
    "rsa",
]
