"""Train many networks at once, each as if it were trained alone."""

from ibcore.training.loop import LOSSES, Loss, LossFunction, OnCheckpoint, Plan, Progress, Trained
from ibcore.training.optimizers import OPTIMIZERS, Optimizer, OptimizerConfig, Rate, Steps

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "Loss",
    "LossFunction",
    "OnCheckpoint",
    "Optimizer",
    "OptimizerConfig",
    "Plan",
    "Progress",
    "Rate",
    "Steps",
    "Trained",
]
