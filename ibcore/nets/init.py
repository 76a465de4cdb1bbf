"""Weight priors: what the parameters of a network are drawn from, and how large they are.

A draw has two parts.  The *direction* comes from a prior with unit variance per weight, drawn
once from the seed in float64 on the CPU.  The *size* multiplies it.  So the same seed at another
``weight_scale`` is the same network scaled, on every device and in every dtype.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from ibcore.door import Count, NonNegative, as_choice, door

Prior = Literal["uniform", "gaussian", "ball", "laplace", "student"]
Scaling = Literal["glorot", "fan_in", "raw"]
PRIORS: tuple[Prior, ...] = get_args(Prior)

Shapes = Mapping[str, tuple[Count, ...]]

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


@dataclass(frozen=True)
class Initialization:
    """How parameters are drawn and sized: the options of `ibcore.nets.sample_parameters`."""

    weight_scale: float = 1.0
    bias_scale: float = 1.0
    bias_growth: float = 1.0
    prior: Prior = "uniform"
    scaling: Scaling = "glorot"

    def size(self, name: str, shape: tuple[int, ...]) -> float:
        """Return what multiplies the drawn numbers of a parameter."""
        if len(shape) < 2:
            return self.bias_scale * _growth(name, self.bias_growth)
        size = self.weight_scale * _standard_deviation(self.scaling, shape)
        return size * (math.sqrt(3) if self.prior == "uniform" else 1)


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


def _draw_units(
    shapes: Shapes, generators: Sequence[torch.Generator], prior: Prior, entries: int
) -> Tensor:
    """Draw each network's parameters before they have a size: (m, entries) in float64.

    Weights have unit variance (1/3 for the uniform prior), biases are uniform in (-1, 1).
    """
    units = torch.empty(len(generators), entries, dtype=torch.float64)
    for own, out in zip(generators, units, strict=True):
        if prior == "uniform":  # one call for all; sqrt(3) comes with the size
            torch.rand(entries, generator=own, dtype=torch.float64, out=out).mul_(2).sub_(1)
            continue
        drawn = [
            (_uniform if len(shape) < 2 else _DRAW[prior])(math.prod(shape), own)
            for name, shape in shapes.items()
            if _constant(name) is None
        ]
        if drawn:
            torch.cat(drawn, out=out)
    return units


def _give_size(units: Tensor, shapes: Shapes, options: Initialization) -> dict[str, Tensor]:
    """Cut drawn units ``(m, entries)`` into parameters ``(m, *shape)`` of the right size."""
    parameters: dict[str, Tensor] = {}
    sizes = [math.prod(shape) for name, shape in shapes.items() if _constant(name) is None]
    parts = iter(torch.split(units, sizes, 1))
    for name, shape in shapes.items():
        if (constant := _constant(name)) is not None:
            parameters[name] = units.new_full((len(units), *shape), constant)
        else:
            sized = next(parts) * options.size(name, shape)
            parameters[name] = sized.reshape(len(units), *shape)
    return parameters


# Draw the parameters of one network, or of many at once.

_ENTRIES = 2**24  # numbers in float64 that are drawn before they are given a size


@door
def sample_parameters(
    shapes: Shapes,
    generator: torch.Generator,
    *,
    weight_scale: NonNegative = 1.0,
    bias_scale: NonNegative = 1.0,
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
        Name to shape.  Names end in ``.<layer>.weight`` (out, in, and those of a kernel, which
        count for both fans), ``.<layer>.bias``, layers counted from 0, or ``.<layer>.gain`` and
        ``.<layer>.shift`` of a norm: these are 1 and 0, not drawn.
    generator
        A CPU generator; the draw consumes it in the order of ``shapes``.
    weight_scale
        :math:`\alpha \ge 0`.
    bias_scale
        :math:`b \ge 0`.
    bias_growth
        :math:`\gamma`, for layers with numbers; with ReLU and :math:`\gamma=\alpha` scaling
        the weights only rescales the function.
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
    options = Initialization(weight_scale, bias_scale, bias_growth, prior, scaling)
    return {name: p[0] for name, p in sample_stacked(shapes, [generator], options).items()}


def sample_stacked(
    shapes: Shapes,
    generators: Iterable[torch.Generator],
    options: Initialization,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float64,
) -> dict[str, Tensor]:
    """Draw one network with each generator: parameters ``(m, *shape)``.

    Each is drawn in float64 on the CPU, whatever the device and dtype of the result.
    """
    entries = sum(math.prod(s) for name, s in shapes.items() if _constant(name) is None)
    waiting, parts = iter(generators), []
    while some := list(islice(waiting, max(1, _ENTRIES // max(1, entries)))):
        sized = _give_size(_draw_units(shapes, some, options.prior, entries), shapes, options)
        parts.append({name: value.to(device, dtype) for name, value in sized.items()})
    if len(parts) == 1:
        return parts[0]
    return {name: torch.cat([part[name] for part in parts]) for name in shapes}


# The activation functions of the book, each as a plain function and an in-place twin.

_ALIASES = {"swish": "silu", "gauss": "gaussian", "sin": "sine", "identity": "linear"}

_FUNCTIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "relu": (torch.relu, Tensor.relu_),
    "gelu": (functional.gelu, torch.ops.aten.gelu_),
    "silu": (functional.silu, torch.ops.aten.silu_),
    "selu": (torch.selu, torch.selu_),
    "tanh": (torch.tanh, Tensor.tanh_),
    "gaussian": (lambda z: torch.exp(-z.square()), lambda z: z.square_().neg_().exp_()),
    "sine": (torch.sin, Tensor.sin_),
    "sigmoid": (torch.sigmoid, Tensor.sigmoid_),
    "linear": (lambda z: z, lambda z: z),
    "leaky_relu": (functional.leaky_relu, torch.ops.aten.leaky_relu_),
    "abs": (torch.abs, Tensor.abs_),
    "softplus": (functional.softplus, lambda z: z.copy_(functional.softplus(z))),
}


ACTIVATIONS = tuple(_FUNCTIONS)


def as_activation(value: Any, name: str) -> str:
    """Return one of `ACTIVATIONS`; ``swish``, ``gauss``, ``sin`` and ``identity`` are aliases."""
    alias = _ALIASES.get(value, value) if isinstance(value, str) else value
    return str(as_choice(alias, name, ACTIVATIONS))


ActivationName = Annotated[str, as_activation]


@door
def activation_function(
    name: ActivationName, *, in_place: bool = False
) -> Callable[[Tensor], Tensor]:
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
    return _FUNCTIONS[name][in_place]


def apply_in_place(name: str, z: Tensor) -> None:
    """Overwrite z by the activation of it."""
    _FUNCTIONS[name][1](z)
