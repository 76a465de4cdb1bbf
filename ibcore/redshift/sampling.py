"""Sample the functions that untrained networks compute."""

import torch
from torch import Tensor

from ibcore.nets import MLP, Norm, Prior, Residual, Scaling
from ibcore.population import Population
from ibcore.tasks import grid as input_grid

_CHUNK = 64  # networks whose weights are held at once


def sample_functions(  # noqa: PLR0917 -- the order is part of the public API
    activation: str = "relu",
    depth: int = 3,
    width: int = 64,
    weight_scale: float = 1.0,
    networks: int = 100,
    grid: int = 64,
    norm: Norm | None = None,
    residual: Residual | None = None,
    gated: bool = False,
    prior: Prior = "uniform",
    scaling: Scaling = "glorot",
    bias_scale: float = 1.0,
    seed: int = 0,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float64,
    *,
    prefactor: float = 1.0,
    bias_growth: float = 1.0,
    first: int = 0,
) -> Tensor:
    r"""Draw untrained networks and evaluate each on a grid over :math:`[-1, 1]^2`.

    Every network :math:`f:\mathbb{R}^2\to\mathbb{R}` is an `ibcore.nets.MLP` with fresh weights.

    Parameters
    ----------
    activation, depth, width, norm, residual, gated, prefactor
        The architecture, as in `ibcore.nets.MLP`; depth counts hidden layers.
    weight_scale, bias_scale, bias_growth, prior, scaling
        The draw, as in `ibcore.nets.sample_parameters`; weight_scale is :math:`\alpha`.
    networks
        How many.
    grid
        Points along each axis, both ends included.
    seed, first
        Networks are members ``first`` to ``first + networks - 1`` of the population with this
        seed; the same seed at another ``weight_scale`` scales the same draw.
    device, dtype
        Where and in which precision the networks are evaluated.

    Returns
    -------
    Tensor
        Shape ``(networks, grid, grid)``; entry ``[r, i, j]`` is network r at
        ``(x_1, x_2) = (axis[i], axis[j])``.

    Raises
    ------
    ValueError
        If a number is out of range, a name unknown, or the device absent.

    References
    ----------
    Teney et al. (2024), section 2.

    Examples
    --------
    >>> sample_functions("tanh", networks=2, grid=8, width=16).shape
    torch.Size([2, 8, 8])
    """
    if networks < 1:
        raise ValueError(f"networks must be at least 1, got {networks}")
    architecture = MLP(
        2,
        1,
        depth=depth,
        width=width,
        activation=activation,
        prefactor=prefactor,
        norm=norm,
        residual=residual,
        gated=gated,
    )
    points = input_grid(grid, dtype=dtype)
    values = []
    for start in range(0, networks, _CHUNK):
        population = Population.sample(
            architecture,
            networks=min(_CHUNK, networks - start),
            weight_scale=weight_scale,
            bias_scale=bias_scale,
            bias_growth=bias_growth,
            prior=prior,
            scaling=scaling,
            seed=seed,
            first=first + start,
            device=device,
            dtype=dtype,
        )
        values.append(population.forward(points.to(population.device)))  # (chunk, grid**2, 1)
    return torch.cat(values).reshape(networks, grid, grid)


# What all measures share: the check of their input, and which functions are constant.

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

    Rounding noise looks like white noise, so a measure must not look at it.  ``(networks, ...)``
    to boolean ``(networks,)``.
    """
    flat = values.flatten(1)  # (networks, n**d)
    spread = flat.amax(1) - flat.amin(1)
    return spread <= _ROUNDING_STEPS * torch.finfo(values.dtype).eps * flat.abs().amax(1)


def mask_constant(measure: Tensor, values: Tensor) -> Tensor:
    """Replace the measure of constant functions by nan."""
    return measure.masked_fill(is_constant(values), torch.nan)
