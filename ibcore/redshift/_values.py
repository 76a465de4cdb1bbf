"""What all measures share: the check of their input, and which functions are constant."""

import torch
from torch import Tensor

_ROUNDING_STEPS = 32  # a spread below this many units in the last place is rounding noise


def check_values(values: Tensor) -> Tensor:
    """Return sampled functions ``(networks, n, ..., n)`` in float64, or raise ``ValueError``."""
    if not values.is_floating_point():
        raise ValueError(f"values must be floating point, got {values.dtype}; use values.double()")
    if values.ndim < 2 or len(set(values.shape[1:])) != 1 or values.shape[1] < 2:
        raise ValueError(
            "values must have shape (networks, n, ..., n) with n >= 2 points along each axis, "
            f"got {tuple(values.shape)}; add a leading dimension for a single function"
        )
    if not bool(torch.isfinite(values).all()):
        raise ValueError("values contain nan or infinity; look at the weight scale of the networks")
    return values.double()


def is_constant(values: Tensor) -> Tensor:
    """Return which functions are constant up to the rounding noise of their own dtype.

    Rounding noise looks like white noise, the most complex function there is, so a measure must
    not look at it.  ``(networks, ...)`` to boolean ``(networks,)``.
    """
    flat = values.flatten(1)  # (networks, n**d)
    spread = flat.amax(1) - flat.amin(1)
    return spread <= _ROUNDING_STEPS * torch.finfo(values.dtype).eps * flat.abs().amax(1)


def mask_constant(measure: Tensor, values: Tensor) -> Tensor:
    """Replace the measure of constant functions by nan."""
    return measure.masked_fill(is_constant(values), torch.nan)
