"""Weight priors: how the parameters of a network are drawn, and how large they are.

A draw has two parts.  The *direction* comes from a prior with unit variance per weight, drawn
once from the seed in float64 on the CPU.  The *size* multiplies it.  So the same seed at another
``weight_scale`` is the same network scaled, on every device and in every dtype.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, get_args

import torch
from torch import Tensor

Prior = Literal["uniform", "gaussian", "ball", "laplace", "student"]
Scaling = Literal["glorot", "fan_in", "raw"]
PRIORS: tuple[Prior, ...] = get_args(Prior)
SCALINGS: tuple[Scaling, ...] = get_args(Scaling)

Shapes = Mapping[str, tuple[int, ...]]


def _uniform(count: int, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator, dtype=torch.float64).mul_(2).sub_(1)


def _gaussian(count: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, generator=generator, dtype=torch.float64)


def _ball(count: int, generator: torch.Generator) -> Tensor:
    """Uniform in the ball of radius sqrt(count + 2): unit variance per coordinate."""
    direction = _gaussian(count, generator)
    radius = torch.rand(1, generator=generator, dtype=torch.float64).pow(1 / count)
    return direction.mul(radius * math.sqrt(count + 2) / direction.norm())


def _laplace(count: int, generator: torch.Generator) -> Tensor:
    centred = torch.rand(count, generator=generator, dtype=torch.float64) - 0.5
    return -torch.sign(centred) * torch.log1p(-2 * centred.abs()) / math.sqrt(2)


def _student(count: int, generator: torch.Generator) -> Tensor:
    """Student's t with three degrees of freedom, divided by its standard deviation sqrt(3)."""
    normal = torch.randn(4, count, generator=generator, dtype=torch.float64)
    chi_square = normal[1:].square().sum(0)  # (3, count) -> (count,)
    return normal[0].div(chi_square.sqrt())


_DRAW: dict[Prior, Callable[[int, torch.Generator], Tensor]] = {
    "gaussian": _gaussian,
    "ball": _ball,
    "laplace": _laplace,
    "student": _student,
}


def _standard_deviation(scaling: Scaling, shape: tuple[int, ...]) -> float:
    """Return the standard deviation of a weight at ``weight_scale=1``."""
    fan_out, fan_in = shape
    if scaling == "glorot":
        return math.sqrt(2 / (fan_in + fan_out))
    if scaling == "fan_in":
        return math.sqrt(1 / fan_in)
    return math.sqrt(1 / 3)


def _check_size(weight_scale: float, bias_scale: float, scaling: str) -> None:
    for name, value in (("weight_scale", weight_scale), ("bias_scale", bias_scale)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a finite number >= 0, got {value}")
    if scaling not in SCALINGS:
        raise ValueError(f"unknown scaling {scaling!r}; choose one of {', '.join(SCALINGS)}")


def _layer_number(name: str) -> int:
    return int(name.split(".")[-2]) + 1


def draw_units(shapes: Shapes, generator: torch.Generator, prior: Prior, out: Tensor) -> None:
    """Draw one network's parameters before they are given a size, one after the other.

    Weights have unit variance (1/3 for the uniform prior), biases are uniform in (-1, 1).
    ``out`` is float64 and has as many entries as the shapes together.

    Raises
    ------
    ValueError
        If the prior is unknown.

    Examples
    --------
    >>> units = torch.empty(3, dtype=torch.float64)
    >>> draw_units({"layers.0.bias": (3,)}, torch.Generator().manual_seed(0), "uniform", units)
    >>> bool((units.abs() <= 1).all())
    True
    """
    if prior not in PRIORS:
        raise ValueError(f"unknown prior {prior!r}; choose one of {', '.join(PRIORS)}")
    if prior == "uniform":  # one call for all; sqrt(3) comes with the size
        torch.rand(len(out), generator=generator, dtype=torch.float64, out=out).mul_(2).sub_(1)
        return
    start = 0
    for shape in shapes.values():
        count = math.prod(shape)
        draw = _uniform if len(shape) == 1 else _DRAW[prior]
        out[start : start + count] = draw(count, generator)
        start += count


def give_size(
    units: Tensor,
    shapes: Shapes,
    *,
    weight_scale: float,
    bias_scale: float,
    bias_growth: float,
    prior: Prior,
    scaling: Scaling,
) -> dict[str, Tensor]:
    """Cut drawn units ``(m, entries)`` into parameters ``(m, *shape)`` of the right size.

    The options are those of `sample_parameters`.

    Raises
    ------
    ValueError
        As in `sample_parameters`.
    """
    _check_size(weight_scale, bias_scale, scaling)
    parameters: dict[str, Tensor] = {}
    start = 0
    for name, shape in shapes.items():
        if len(shape) == 1:
            size = bias_scale * bias_growth ** _layer_number(name)
        else:
            size = weight_scale * _standard_deviation(scaling, shape)
            size *= math.sqrt(3) if prior == "uniform" else 1
        part = units[:, start : start + math.prod(shape)]
        parameters[name] = (part * size).reshape(len(units), *shape)  # (m, *shape)
        start += math.prod(shape)
    return parameters


def sample_parameters(
    shapes: Shapes,
    generator: torch.Generator,
    *,
    weight_scale: float = 1.0,
    bias_scale: float = 1.0,
    bias_growth: float = 1.0,
    prior: Prior = "uniform",
    scaling: Scaling = "glorot",
) -> dict[str, Tensor]:
    r"""Draw the parameters of one network in float64.

    Weights have mean 0 and standard deviation :math:`\alpha\,\sigma_l` with
    :math:`\sigma_l^2 = 2/(n_\text{in}+n_\text{out})` (``"glorot"``), :math:`1/n_\text{in}`
    (``"fan_in"``) or :math:`1/3` (``"raw"``); for the uniform prior these are
    :math:`U(-s, s)` with :math:`s=\alpha\sqrt{6/(n_\text{in}+n_\text{out})}`,
    :math:`\alpha\sqrt{3/n_\text{in}}` and :math:`\alpha`.
    Biases of layer :math:`l = 1, 2, \dots` are :math:`U(-b, b)\,\gamma^l`, whatever the prior.

    Parameters
    ----------
    shapes
        Name to shape.  Names end in ``.<layer>.weight`` (two dimensions: out, in) or
        ``.<layer>.bias``, layers counted from 0.
    generator
        A CPU generator; the draw consumes it in the order of ``shapes``.
    weight_scale
        :math:`\alpha \ge 0`.
    bias_scale
        :math:`b \ge 0`.
    bias_growth
        :math:`\gamma`; with ReLU and :math:`\gamma=\alpha` scaling the weights only rescales
        the function.
    prior
        Shape of the weights' distribution, at matched variance.  ``"ball"`` is uniform in a
        ball over each weight matrix; ``"student"`` has three degrees of freedom.
    scaling
        How the standard deviation depends on the layer's shape.

    Raises
    ------
    ValueError
        If a scale is negative or not finite, or a prior or scaling is unknown.

    References
    ----------
    Teney et al. (2024), section 2; Glorot and Bengio (2010), equation 16.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> drawn = sample_parameters({"layers.0.weight": (4, 2), "layers.0.bias": (4,)}, generator)
    >>> drawn["layers.0.weight"].shape, bool(drawn["layers.0.bias"].abs().max() <= 1)
    (torch.Size([4, 2]), True)
    """
    units = torch.empty(1, sum(map(math.prod, shapes.values())), dtype=torch.float64)
    draw_units(shapes, generator, prior, units[0])
    stacked = give_size(
        units,
        shapes,
        weight_scale=weight_scale,
        bias_scale=bias_scale,
        bias_growth=bias_growth,
        prior=prior,
        scaling=scaling,
    )
    return {name: value[0] for name, value in stacked.items()}
