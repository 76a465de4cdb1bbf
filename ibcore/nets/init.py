"""Weight priors: what the parameters of a network are drawn from, and how large they are.

A draw has two parts.  The *direction* comes from a prior with unit variance per weight, drawn
once from the seed in float64 on the CPU.  The *size* multiplies it.  So the same seed at another
``weight_scale`` is the same network scaled, on every device and in every dtype.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

Prior = Literal["uniform", "gaussian", "ball", "laplace", "student"]
Scaling = Literal["glorot", "fan_in", "raw"]
PRIORS: tuple[Prior, ...] = get_args(Prior)
SCALINGS: tuple[Scaling, ...] = get_args(Scaling)

Shapes = Mapping[str, tuple[int, ...]]

_CONSTANT = {"gain": 1.0, "shift": 0.0}  # of norms: not drawn, and no scale changes them


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
    field = math.prod(shape[2:])  # places that a convolution sees; 1 for a matrix
    fan_out, fan_in = shape[0] * field, shape[1] * field
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


def _growth(name: str, bias_growth: float) -> float:
    """Return the factor of a bias, which grows from layer to layer."""
    if bias_growth == 1:
        return 1.0
    layer = name.split(".")[-2]
    if not layer.isdecimal():
        raise ValueError(f"bias_growth needs layers with numbers, got {name!r}; leave it at 1")
    return bias_growth ** (int(layer) + 1)


def _constant(name: str) -> float | None:
    return _CONSTANT.get(name.rsplit(".", maxsplit=1)[-1])


def count_units(shapes: Shapes) -> int:
    """Return how many numbers are drawn for one network: all but gains and shifts of norms.

    Examples
    --------
    >>> count_units({"layers.0.weight": (3, 2), "norms.0.gain": (3,), "norms.0.shift": (3,)})
    6
    """
    return sum(math.prod(shape) for name, shape in shapes.items() if _constant(name) is None)


def draw_units(shapes: Shapes, generator: torch.Generator, prior: Prior, out: Tensor) -> None:
    """Draw one network's parameters before they are given a size, one after the other.

    Weights have unit variance (1/3 for the uniform prior), biases are uniform in (-1, 1).
    ``out`` is float64 and has `count_units` entries.

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
    for shape in (shape for name, shape in shapes.items() if _constant(name) is None):
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
    """Cut drawn units ``(m, count_units)`` into parameters ``(m, *shape)`` of the right size.

    The options are those of `ibcore.nets.sample_parameters`.

    Raises
    ------
    ValueError
        As in `ibcore.nets.sample_parameters`.
    """
    _check_size(weight_scale, bias_scale, scaling)
    parameters: dict[str, Tensor] = {}
    start = 0
    for name, shape in shapes.items():
        constant = _constant(name)
        if constant is not None:
            parameters[name] = units.new_full((len(units), *shape), constant)
            continue
        if len(shape) == 1:
            size = bias_scale * _growth(name, bias_growth)
        else:
            size = weight_scale * _standard_deviation(scaling, shape)
            size *= math.sqrt(3) if prior == "uniform" else 1
        part = units[:, start : start + math.prod(shape)]
        parameters[name] = (part * size).reshape(len(units), *shape)  # (m, *shape)
        start += math.prod(shape)
    return parameters


# The activation functions of the book, each as a plain function and an in-place twin.

Activation = Literal[
    "relu",
    "gelu",
    "silu",
    "selu",
    "tanh",
    "gaussian",
    "sine",
    "sigmoid",
    "linear",
    "leaky_relu",
    "abs",
    "softplus",
]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)

_ALIASES: dict[str, Activation] = {
    "swish": "silu",
    "gauss": "gaussian",
    "sin": "sine",
    "identity": "linear",
}


def _activations_gaussian(z: Tensor) -> Tensor:
    return torch.exp(-z.square())


def _linear(z: Tensor) -> Tensor:
    return z


_FUNCTIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "selu": torch.selu,
    "tanh": torch.tanh,
    "gaussian": _activations_gaussian,
    "sine": torch.sin,
    "sigmoid": torch.sigmoid,
    "linear": _linear,
    "leaky_relu": functional.leaky_relu,
    "abs": torch.abs,
    "softplus": functional.softplus,
}

_IN_PLACE: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": Tensor.relu_,
    "gelu": torch.ops.aten.gelu_,
    "silu": torch.ops.aten.silu_,
    "selu": torch.selu_,
    "tanh": Tensor.tanh_,
    "gaussian": lambda z: z.square_().neg_().exp_(),
    "sine": Tensor.sin_,
    "sigmoid": Tensor.sigmoid_,
    "linear": _linear,
    "leaky_relu": torch.ops.aten.leaky_relu_,
    "abs": Tensor.abs_,
    "softplus": lambda z: z.copy_(functional.softplus(z)),
}


def canonical_activation(name: str) -> Activation:
    """Return the canonical name; ``"swish"``, ``"gauss"``, ``"sin"``, ``"identity"`` are aliases.

    Raises
    ------
    ValueError
        If the name is not known.
    """
    alias = _ALIASES.get(name, name)
    for known in ACTIVATIONS:
        if alias == known:
            return known
    raise ValueError(f"unknown activation {name!r}; choose one of {', '.join(ACTIVATIONS)}")


def activation_function(name: str, *, in_place: bool = False) -> Callable[[Tensor], Tensor]:
    r"""Return the activation :math:`\varphi`, applied element by element.

    Parameters
    ----------
    name
        One of `ACTIVATIONS`.  ``"gaussian"`` is :math:`e^{-z^2}` and ``"sine"`` is
        :math:`\sin z`, as in the code of Teney et al. (2024); ``"gelu"`` is the exact form
        :math:`z\,\Phi(z)`; ``"silu"`` (Swish) is :math:`z\,\sigma(z)`.
    in_place
        Return the twin that overwrites its argument (no autograd).

    Raises
    ------
    ValueError
        If the name is not known.

    Examples
    --------
    >>> activation_function("gaussian")(torch.tensor([0.0, 1.0])).tolist()
    [1.0, 0.3678794503211975]
    """
    table = _IN_PLACE if in_place else _FUNCTIONS
    return table[canonical_activation(name)]
