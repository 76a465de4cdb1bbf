"""Train many networks at once, each as if it were trained alone."""

from ibcore.training.loop import LOSSES, Loss, LossFunction, Progress, Trained
from ibcore.training.optimizers import OPTIMIZERS, Optimizer, OptimizerConfig, Rate, Steps

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "Loss",
    "LossFunction",
    "Optimizer",
    "OptimizerConfig",
    "Progress",
    "Rate",
    "Steps",
    "Trained",
]
