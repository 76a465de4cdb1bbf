"""Train many networks at once, each as if it were trained alone."""

from ibcore.training.loop import Trained, train_stacked
from ibcore.training.losses import LOSSES, Loss, LossFunction
from ibcore.training.optimizers import OPTIMIZERS, Method, Optimizer
from ibcore.training.plan import Job, Look, Plan, Progress, make_job

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
