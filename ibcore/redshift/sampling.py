"""Sample the functions that untrained networks compute; what all measures of them share."""

from collections.abc import Callable
from typing import Annotated, Any

import torch
from torch import Tensor

from ibcore.door import (
    Count,
    NonNegative,
    Range,
    Seed,
    Whole,
    as_raw,
    as_tensor,
    check_memory,
    door,
)
from ibcore.nets import MLP, Norm, Prior, Residual, Scaling
from ibcore.population import Population
from ibcore.tasks import grid as input_grid

_CHUNK = 64  # networks whose weights are held at once


@door
def sample_functions(  # noqa: PLR0917 -- the order is part of the public API
    activation: str = "relu",
    depth: Count = 3,
    width: Count = 64,
    weight_scale: NonNegative = 1.0,
    networks: Count = 100,
    grid: Annotated[int, Range(2)] = 64,
    norm: Norm | None = None,
    residual: Residual | None = None,
    gated: bool = False,
    prior: Prior = "uniform",
    scaling: Scaling = "glorot",
    bias_scale: NonNegative = 1.0,
    seed: Seed = 0,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float64,
    *,
    prefactor: float = 1.0,
    bias_growth: float = 1.0,
    first: Whole = 0,
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
        If a number is out of range, a name unknown, the device absent, or a weight scale so large
        that an output is not finite.

    References
    ----------
    Teney et al. (2024), section 2.

    Examples
    --------
    >>> sample_functions("tanh", networks=2, grid=8, width=16).shape
    torch.Size([2, 8, 8])
    """
    one = grid**2 * 8.0  # bytes
    check_memory("grid", grid, one)
    check_memory("networks", networks, networks * one)
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
    return check_outputs(torch.cat(values)).reshape(networks, grid, grid)


def check_outputs(values: Tensor) -> Tensor:
    """Return what networks give, or raise ``ValueError`` if it is not finite."""
    if not bool(values.isfinite().all()):
        raise ValueError("an output is nan or infinite; choose a smaller weight_scale")
    return values


# What all measures share: functions on a grid, and which of them are constant.

ROUNDING = 32  # a spread below this many units in the last place is rounding noise
_ORDINARY = 1e100  # functions larger than this, or smaller than its inverse, are scaled


def as_values(value: Any, name: str) -> Tensor:
    """Return finite functions on a grid, ``(networks, n, ..., n)``; no network is allowed."""
    values = as_raw(value, name)
    values = as_tensor(values if values.is_floating_point() else values.double(), name)
    if values.ndim < 2 or len(set(values.shape[1:])) != 1 or values.shape[1] < 2:
        raise ValueError(
            f"{name} must have shape (networks, n, ..., n) with n >= 2 points along each axis, "
            f"got {tuple(values.shape)}; add a leading dimension for a single function"
        )
    return values


Values = Annotated[Tensor, as_values]


_PART = {"cpu": 2**18}  # values measured at once, near the cache: 2 MiB
_PART_ELSEWHERE = 2**21


def by_parts(measure: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Measure some functions after others: ``(networks, ...)`` to ``(networks,)``."""
    size = _PART.get(values.device.type, _PART_ELSEWHERE) // values.shape[1:].numel()
    return torch.cat([measure(part) for part in torch.split(values, max(1, size))])


def exact(values: Tensor) -> Tensor:
    """Return functions in float64; those of extreme size are divided by it.

    No measure sees the scale of a function, but its sums and squares could overflow or vanish.
    """
    doubles, flat = values.double(), values.flatten(1)
    size = torch.maximum(flat.amax(1), -flat.amin(1)).double()  # (networks,)
    extreme = (size > _ORDINARY) | ((size > 0) & (size < 1 / _ORDINARY))
    if not bool(extreme.any()):
        return doubles
    return doubles / torch.where(extreme, size, 1.0).reshape(-1, *[1] * (values.ndim - 1))


def ordinary(sums: Tensor) -> bool:
    """Whether sums over functions, (networks, ...), tell that none is of extreme size."""
    size = sums.flatten(1).abs().amax(1)
    return bool(((size <= _ORDINARY) & (size >= 1 / _ORDINARY)).all())


def rounding_noise(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Return up to which size a difference of values is noise, if computed in ``dtype``: (m,)."""
    flat = values.flatten(1)
    return ROUNDING * torch.finfo(dtype).eps * torch.maximum(flat.amax(1), -flat.amin(1))


def is_constant(values: Tensor) -> Tensor:
    """Return which functions are constant up to the rounding noise of their own dtype.

    Rounding noise looks like white noise, so a measure must not look at it.  ``(networks, ...)``
    to boolean ``(networks,)``.
    """
    high, low = values.flatten(1).amax(1), values.flatten(1).amin(1)
    return high - low <= ROUNDING * torch.finfo(values.dtype).eps * torch.maximum(high, -low)


def mask_constant(measure: Tensor, values: Tensor) -> Tensor:
    """Replace the measure of constant functions by nan."""
    return measure.masked_fill(is_constant(values), torch.nan)
