"""All complexity measures of sampled functions, as one tidy frame."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from torch import Tensor

from ibcore.redshift.fourier import fourier_complexity
from ibcore.redshift.lempel_ziv import lempel_ziv_complexity
from ibcore.redshift.polynomial import chebyshev_complexity, legendre_complexity
from ibcore.redshift.variation import total_variation


def measure(values: Tensor) -> dict[str, list[float]]:
    """Return every complexity measure of each function: name to a list over networks.

    Examples
    --------
    >>> from ibcore.redshift import sample_functions
    >>> sorted(measure(sample_functions(networks=1, grid=16, width=8)))
    ['chebyshev', 'dct', 'fft', 'legendre', 'lempel_ziv', 'total_variation']
    """
    return {
        "dct": fourier_complexity(values, transform="dct").tolist(),
        "fft": fourier_complexity(values, transform="fft").tolist(),
        "chebyshev": chebyshev_complexity(values).tolist(),
        "legendre": legendre_complexity(values).tolist(),
        "lempel_ziv": lempel_ziv_complexity(values).tolist(),
        "total_variation": total_variation(values).tolist(),
    }


def measured(conditions: Mapping[str, Any], values: Tensor) -> pd.DataFrame:
    """Return one row per network: the conditions, the network's number and its measures."""
    measures = pd.DataFrame(measure(values)).rename_axis("network").reset_index()
    return measures.assign(**conditions)[[*conditions, *measures.columns]]
