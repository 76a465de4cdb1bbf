"""Laboratory 4, initialization memory: how much of the initial scale survives training.

In the spirit of Das, Beneventano, Dey, McKinley and Poggio (2026), arXiv 2605.29152, of which we
know the abstract; definitions that it does not state are ours and say so.
"""

from ibcore.memory.analytic import (
    DiagonalNet,
    FactorNet,
    NormalizedNet,
    TwoLayerReLU,
    effective_learning_rate,
    effective_scale,
    equilibrium_norm_squared,
    flow_balance,
    minibatches,
    saxe_mode,
    saxe_time,
    sign_balance,
    sign_descent,
    sign_step,
    time_to_scale,
    woodworth_potential,
    woodworth_solution,
)
from ibcore.memory.clocks import explicit_clock, noise_clock
from ibcore.memory.disagreement import disagreement, disagreement_by_scale
from ibcore.memory.forgetting import at_selected, forgetting_time, gate, selected_look
from ibcore.memory.images import image_problem
from ibcore.memory.metrics import scale_slope, spread, spread_interval, spread_per_seed
from ibcore.memory.pipeline import Pipeline
from ibcore.memory.problem import Examples, Problem, digits_problem
from ibcore.memory.result import SweepResult
from ibcore.memory.scaling import repeat_members, scale_weights, weight_names
from ibcore.memory.sweep import sweep
from ibcore.memory.table import sweep_table
from ibcore.memory.weights import cosine, retained_fraction, weight_norm

__all__ = [
    "DiagonalNet",
    "Examples",
    "FactorNet",
    "NormalizedNet",
    "Pipeline",
    "Problem",
    "SweepResult",
    "TwoLayerReLU",
    "at_selected",
    "cosine",
    "digits_problem",
    "disagreement",
    "disagreement_by_scale",
    "effective_learning_rate",
    "effective_scale",
    "equilibrium_norm_squared",
    "explicit_clock",
    "flow_balance",
    "forgetting_time",
    "gate",
    "image_problem",
    "minibatches",
    "noise_clock",
    "repeat_members",
    "retained_fraction",
    "saxe_mode",
    "saxe_time",
    "scale_slope",
    "scale_weights",
    "selected_look",
    "sign_balance",
    "sign_descent",
    "sign_step",
    "spread",
    "spread_interval",
    "spread_per_seed",
    "sweep",
    "sweep_table",
    "time_to_scale",
    "weight_names",
    "weight_norm",
    "woodworth_potential",
    "woodworth_solution",
]
