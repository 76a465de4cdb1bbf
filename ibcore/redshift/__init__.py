"""Laboratory 1, Neural Redshift: the functions that untrained networks compute.

After Teney, Nicolicioiu, Hartmann and Abbasnejad, "Neural Redshift: Random Networks are not
Random Functions", CVPR 2024 (arXiv 2403.02241).
"""

from ibcore.redshift.fourier import fourier_complexity, radial_spectrum
from ibcore.redshift.lempel_ziv import lempel_ziv_complexity, lz76, lz78
from ibcore.redshift.polynomial import chebyshev_complexity, legendre_complexity
from ibcore.redshift.sampling import sample_functions
from ibcore.redshift.unbiased import UnbiasedModel, sample_unbiased
from ibcore.redshift.variation import total_variation

__all__ = [
    "UnbiasedModel",
    "chebyshev_complexity",
    "fourier_complexity",
    "legendre_complexity",
    "lempel_ziv_complexity",
    "lz76",
    "lz78",
    "radial_spectrum",
    "sample_functions",
    "sample_unbiased",
    "total_variation",
]
