"""Laboratory 1, Neural Redshift: the functions that untrained networks compute.

After Teney, Nicolicioiu, Hartmann and Abbasnejad, "Neural Redshift: Random Networks are not
Random Functions", CVPR 2024 (arXiv 2403.02241).
"""

from ibcore.redshift.bilevel import Bilevel, LearnedActivation, learn_activation
from ibcore.redshift.boolean import boolean_complexity, rank_functions, sample_boolean
from ibcore.redshift.decoding import sample_sequences
from ibcore.redshift.fourier import fourier_complexity, radial_spectrum
from ibcore.redshift.guess_and_check import (
    Guesses,
    check_guesses,
    network_guesser,
    unbiased_guesser,
)
from ibcore.redshift.lempel_ziv import lempel_ziv_complexity, lz76, lz78
from ibcore.redshift.paths import path_variation
from ibcore.redshift.polynomial import chebyshev_complexity, legendre_complexity
from ibcore.redshift.sampling import sample_functions
from ibcore.redshift.splines import Spline, SplineMLP, evaluate_spline
from ibcore.redshift.unbiased import UnbiasedModel, sample_unbiased
from ibcore.redshift.variation import total_variation

__all__ = [
    "Bilevel",
    "Guesses",
    "LearnedActivation",
    "Spline",
    "SplineMLP",
    "UnbiasedModel",
    "boolean_complexity",
    "chebyshev_complexity",
    "check_guesses",
    "evaluate_spline",
    "fourier_complexity",
    "learn_activation",
    "legendre_complexity",
    "lempel_ziv_complexity",
    "lz76",
    "lz78",
    "network_guesser",
    "path_variation",
    "radial_spectrum",
    "rank_functions",
    "sample_boolean",
    "sample_functions",
    "sample_sequences",
    "sample_unbiased",
    "total_variation",
    "unbiased_guesser",
]
