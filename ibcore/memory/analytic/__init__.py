"""Exact models of initialization memory: what training conserves, and what erases it."""

from ibcore.memory.analytic.diagonal import (
    DiagonalNet,
    effective_scale,
    minibatches,
    time_to_scale,
    woodworth_potential,
    woodworth_solution,
)
from ibcore.memory.analytic.factor import (
    FactorNet,
    TwoLayerReLU,
    flow_balance,
    saxe_mode,
    saxe_time,
)
from ibcore.memory.analytic.scale_invariant import (
    NormalizedNet,
    effective_learning_rate,
    equilibrium_norm_squared,
    sign_balance,
    sign_descent,
    sign_step,
)

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
