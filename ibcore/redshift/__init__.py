"""Laboratory 1, Neural Redshift: the functions that untrained networks compute.

After Teney, Nicolicioiu, Hartmann and Abbasnejad, "Neural Redshift: Random Networks are not
Random Functions", CVPR 2024 (arXiv 2403.02241).
"""

from ibcore.redshift.decoding import sample_sequences
from ibcore.redshift.fourier import (
    chebyshev_complexity,
    fourier_complexity,
    legendre_complexity,
    path_variation,
    radial_spectrum,
    total_variation,
)
from ibcore.redshift.guess_and_check import (
    Guesses,
    UnbiasedModel,
    boolean_complexity,
    check_guesses,
    network_guesser,
    rank_functions,
    sample_boolean,
    sample_unbiased,
    unbiased_guesser,
)
from ibcore.redshift.lempel_ziv import lempel_ziv_complexity, lz76, lz78
from ibcore.redshift.sampling import measure_functions, sample_functions
from ibcore.redshift.splines import (
    Bilevel,
    LearnedActivation,
    Spline,
    SplineMLP,
    evaluate_spline,
    learn_activation,
)

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
    "measure_functions",
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
