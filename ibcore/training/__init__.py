"""Train many networks at once, each as if it were trained alone."""

from ibcore.training.loop import (
    LOSSES,
    Look,
    Loss,
    LossFunction,
    Plan,
    Progress,
    Trained,
)
from ibcore.training.optimizers import OPTIMIZERS, Optimizer, OptimizerConfig, Rate, Steps

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "Look",
    "Loss",
    "LossFunction",
    "Optimizer",
    "OptimizerConfig",
    "Plan",
    "Progress",
    "Rate",
    "Steps",
    "Trained",
]
