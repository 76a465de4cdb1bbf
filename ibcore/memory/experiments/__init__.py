"""The experiments of laboratory 4, in the order of the book."""

from ibcore.memory.experiments.cifar import CIFAR
from ibcore.memory.experiments.digits import (
    ARCHITECTURE,
    BATCH_SIZE,
    CLOCK,
    FLOW_TIME,
    FUNCTION_AND_WEIGHTS,
    LAYERS,
    LONG,
    NORMALIZED,
    OPTIMIZERS,
    PIPELINES,
    RESNET_LAYERS,
    SCALE_CLOCK,
    TUNED,
)
from ibcore.memory.experiments.digits import SCHEDULE as TIME_SCHEDULE
from ibcore.memory.experiments.exact import DIAGONAL, FORGETTING, SCHEDULE, SIGNS
from ibcore.memory.experiments.resnet import RESNET
from ibcore.runs.experiment import Experiment

EXPERIMENTS: tuple[Experiment, ...] = (
    DIAGONAL,
    FORGETTING,
    SCHEDULE,
    SIGNS,
    PIPELINES,
    TUNED,
    OPTIMIZERS,
    LAYERS,
    CLOCK,
    SCALE_CLOCK,
    LONG,
    TIME_SCHEDULE,
    FUNCTION_AND_WEIGHTS,
    FLOW_TIME,
    BATCH_SIZE,
    ARCHITECTURE,
    NORMALIZED,
    RESNET_LAYERS,
    RESNET,
    CIFAR,
)

__all__ = ["EXPERIMENTS"]
