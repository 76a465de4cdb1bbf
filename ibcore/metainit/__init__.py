"""Laboratory 2, meta-learned starts: what initial weights can do for an architecture.

After Bencomo, Gupta, Marinescu, McCoy and Griffiths, "Teasing Apart Architecture and Initial
Weights as Sources of Inductive Bias in Neural Networks", 2025 (arXiv 2502.20237).
"""

from ibcore.metainit.baselines import (
    BUDGETS,
    accuracy,
    optimizer_curve,
    pooled,
    random_starts,
    rates_curve,
    squared_error,
    variance_explained,
)
from ibcore.metainit.bayes import Posterior, TaskPrior, guess_accuracy, memorize_majority, posterior
from ibcore.metainit.gap import GapKind, Reduction, gap, gap_reduction, pool_inverse_variance
from ibcore.metainit.learner import Fitted, MetaLearner
from ibcore.metainit.maml import (
    Inner,
    Points,
    Start,
    adapt,
    full_rates,
    meta_gradient,
    names_below,
    predict,
    reptile_gradient,
)

__all__ = [
    "BUDGETS",
    "Fitted",
    "GapKind",
    "Inner",
    "MetaLearner",
    "Points",
    "Posterior",
    "Reduction",
    "Start",
    "TaskPrior",
    "accuracy",
    "adapt",
    "full_rates",
    "gap",
    "gap_reduction",
    "guess_accuracy",
    "memorize_majority",
    "meta_gradient",
    "names_below",
    "optimizer_curve",
    "pool_inverse_variance",
    "pooled",
    "posterior",
    "predict",
    "random_starts",
    "rates_curve",
    "reptile_gradient",
    "squared_error",
    "variance_explained",
]
