"""Laboratory 2, meta-learned starts: what initial weights can do for an architecture.

After Bencomo, Gupta, Marinescu, McCoy and Griffiths, "Teasing Apart Architecture and Initial
Weights as Sources of Inductive Bias in Neural Networks", 2025 (arXiv 2502.20237).
"""

from ibcore.metainit.adapt import adapt, predict
from ibcore.metainit.baselines import BUDGETS, optimizer_curve, pooled, rates_curve
from ibcore.metainit.bayes import Belief, TaskPrior, believe, guess_accuracy, memorize_majority
from ibcore.metainit.gap import GapKind, Reduction, gap, gap_reduction, pool_inverse_variance
from ibcore.metainit.initial import random_starts
from ibcore.metainit.inner import Inner, Points
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.maml import meta_gradient
from ibcore.metainit.outer import Fitted, Outer
from ibcore.metainit.rates import full_rates, names_below
from ibcore.metainit.reptile import reptile_gradient
from ibcore.metainit.scores import accuracy, squared_error, variance_explained
from ibcore.metainit.start import Start

__all__ = [
    "BUDGETS",
    "Belief",
    "Fitted",
    "GapKind",
    "Inner",
    "MetaLearner",
    "Outer",
    "Points",
    "Reduction",
    "Start",
    "TaskPrior",
    "accuracy",
    "adapt",
    "believe",
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
    "predict",
    "random_starts",
    "rates_curve",
    "reptile_gradient",
    "squared_error",
    "variance_explained",
]
