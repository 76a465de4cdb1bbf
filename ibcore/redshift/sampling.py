"""Sample the functions that untrained networks compute; what all measures of them share."""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, overload

import torch
from torch import Tensor
from tqdm import tqdm

from ibcore.door import (
    Count,
    NonNegative,
    Range,
    Seed,
    Whole,
    as_raw,
    as_tensor,
    as_whole,
    check_memory,
    door,
)
from ibcore.nets import MLP, Norm, Prior, Residual, Scaling
from ibcore.nets.tiles import evaluate_tiles
from ibcore.population import Population
from ibcore.tasks import grid as input_grid

_CHUNK = 64  # networks whose weights are held at once
_BAR_AFTER = 2.0  # seconds


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
    where = torch.device(device or "cpu")
    points = input_grid(grid, dtype=dtype).to(where)
    values = torch.empty((networks, grid**2, 1), dtype=dtype, device=where)
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
            device=where,
            dtype=dtype,
        )
        values[start : start + _CHUNK] = check_outputs(_evaluated(population, points))
    return values.reshape(networks, grid, grid)


def _evaluated(population: Population, points: Tensor) -> Tensor:
    """Evaluate a population of MLPs, on a CPU in tiles: (n, in) to (m, n, out)."""
    net = population.architecture
    if points.device.type != "cpu" or not isinstance(net, MLP) or net.batch_norms:
        return population.forward(points)
    return evaluate_tiles(net, population.parameters, points.expand(len(population), -1, -1))


Measure = Callable[[Tensor], Tensor]


@overload
def measure_functions(
    measures: Measure, networks: Count = ..., *, progress: bool = ..., **draw: Any
) -> Tensor: ...
@overload
def measure_functions(
    measures: Mapping[str, Measure], networks: Count = ..., *, progress: bool = ..., **draw: Any
) -> dict[str, Tensor]: ...
@door
def measure_functions(
    measures: Measure | Mapping[str, Measure],
    networks: Count = 100,
    *,
    progress: bool = True,
    **draw: Any,
) -> Tensor | dict[str, Tensor]:
    """Measure the functions of any number of untrained networks, which are never held together.

    Networks are drawn, evaluated and measured some at a time: beside the results this takes less
    than 64 MB at the default size, for a thousand networks or a million.

    Parameters
    ----------
    measures
        A function of values (m, grid, grid) that returns (m,), such as `fourier_complexity`, or
        several by name.
    networks
        How many.
    progress
        Whether a bar shows after two seconds how far it is.
    draw
        All else that `sample_functions` takes.

    Returns
    -------
    Tensor or dict of Tensor
        What the measures return for ``sample_functions(networks=networks, **draw)``.

    Raises
    ------
    ValueError
        As `sample_functions`, and what the measures raise.

    Examples
    --------
    >>> from ibcore.redshift import fourier_complexity, total_variation
    >>> found = measure_functions({"fourier": fourier_complexity}, 70, grid=8, width=8)
    >>> values = sample_functions(networks=70, grid=8, width=8)
    >>> torch.equal(found["fourier"], fourier_complexity(values))
    True
    """
    first, found = as_whole(draw.pop("first", 0), "first"), dict[str, Tensor]()
    named = measures if isinstance(measures, Mapping) else {"": measures}
    with tqdm(total=networks, unit="network", disable=not progress, delay=_BAR_AFTER) as bar:
        for start in range(0, networks, _CHUNK):
            size = min(_CHUNK, networks - start)
            values = sample_functions(networks=size, first=first + start, **draw)
            for name, measure in named.items():
                part = measure(values)
                whole = found.setdefault(name, part.new_empty(networks, *part.shape[1:]))
                whole[start : start + size] = part
            bar.update(size)
    return found if isinstance(measures, Mapping) else found[""]


def check_outputs(values: Tensor) -> Tensor:
    """Return what networks give, or raise ``ValueError`` if it is not finite."""
    if not math.isfinite(values.sum().item()) and not bool(values.isfinite().all()):
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
