"""Exact models of initialization memory: what training conserves, and what erases it."""

from ibcore.memory.analytic.balance import TwoLayerReLU, flow_balance
from ibcore.memory.analytic.batches import minibatches
from ibcore.memory.analytic.diagonal import DiagonalNet
from ibcore.memory.analytic.factor import FactorNet
from ibcore.memory.analytic.saxe import saxe_mode, saxe_time
from ibcore.memory.analytic.scale_invariant import (
    NormalizedNet,
    effective_learning_rate,
    equilibrium_norm_squared,
)
from ibcore.memory.analytic.sign import sign_balance, sign_descent, sign_step
from ibcore.memory.analytic.slide import effective_scale, time_to_scale
from ibcore.memory.analytic.woodworth import woodworth_potential, woodworth_solution

__all__ = [
    "DiagonalNet",
    "FactorNet",
    "NormalizedNet",
    "TwoLayerReLU",
    "effective_learning_rate",
    "effective_scale",
    "equilibrium_norm_squared",
    "flow_balance",
    "minibatches",
    "saxe_mode",
    "saxe_time",
    "sign_balance",
    "sign_descent",
    "sign_step",
    "time_to_scale",
    "woodworth_potential",
    "woodworth_solution",
]
