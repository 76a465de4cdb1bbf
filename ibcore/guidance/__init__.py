"""Laboratory 3, guidance: a network learns its task, and to see the data as another one does.

After Subramaniam, Mayo, Conwell, Poggio, Katz, Cheung and Barbu, "Training the Untrainable:
Introducing Inductive Bias via Representational Alignment" (arXiv 2410.20035).
"""

from ibcore.guidance.guides import (
    Batch,
    FilterGuide,
    Guide,
    LabelGuide,
    NetworkGuide,
    NoiseGuide,
    NoiseInputGuide,
    PixelGuide,
    ScrambledGuide,
    ShuffledGuide,
    gabor_filters,
)
from ibcore.guidance.similarity import (
    MinibatchCKA,
    cka,
    cka_matrix,
    error_consistency,
    procrustes,
    ridge,
    rsa,
)
from ibcore.guidance.taps import Taps, activations, in_mode, layer_names, layer_pairs, redraw
from ibcore.guidance.training import Alignment, Distillation, Guided, Schedule, Weights, guide

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
