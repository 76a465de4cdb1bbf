"""The complexity of a picture, as a figure shows it."""

import math

import numpy as np
import torch
from numpy.typing import NDArray

from ibcore.redshift import fourier_complexity
from ibcore.redshift.fourier import Transform


def complexity_of(values: NDArray[np.float64], transform: Transform = "dct") -> float | None:
    """Return the Fourier complexity of values (n, n); None for a constant, which has none.

    Examples
    --------
    >>> complexity_of(np.ones((4, 4))) is None
    True
    """
    complexity = float(fourier_complexity(torch.from_numpy(values)[None], transform=transform)[0])
    return None if math.isnan(complexity) else complexity
