"""Laboratory 4, initialization memory: how much of the initial scale survives training.

In the spirit of Das, Beneventano, Dey, McKinley and Poggio (2026), arXiv 2605.29152, of which we
know the abstract; definitions that it does not state are ours and say so.
"""

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
    sign_balance,
    sign_descent,
    sign_step,
)
from ibcore.memory.analytic.scale_invariant import (
    NormalizedNet,
    effective_learning_rate,
    equilibrium_norm_squared,
)
from ibcore.memory.metrics import (
    at_selected,
    disagreement,
    disagreement_by_scale,
    explicit_clock,
    forgetting_time,
    gate,
    noise_clock,
    scale_slope,
    selected_look,
    spread,
    spread_interval,
    spread_per_seed,
)
from ibcore.memory.scaling import (
    cosine,
    repeat_members,
    retained_fraction,
    scale_weights,
    weight_names,
    weight_norm,
)
from ibcore.memory.sweep import (
    Examples,
    Pipeline,
    Problem,
    SweepResult,
    digits_problem,
    image_problem,
    sweep,
    sweep_table,
)

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
