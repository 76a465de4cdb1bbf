"""Train many networks at once, each as if it were trained alone."""

from ibcore.training.loop import (
    LOSSES,
    Job,
    Look,
    Loss,
    LossFunction,
    Plan,
    Progress,
    Trained,
    make_job,
    train_stacked,
)
from ibcore.training.optimizers import OPTIMIZERS, Method, Optimizer

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "Job",
    "Look",
    "Loss",
    "LossFunction",
    "Method",
    "Optimizer",
    "Plan",
    "Progress",
    "Trained",
    "make_job",
    "train_stacked",
]
