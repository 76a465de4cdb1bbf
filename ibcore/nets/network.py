"""What the networks of the book share: names, shapes and one forward pass for many of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from ibcore.nets.batch_norm import BatchNorm, of_batch
from ibcore.nets.init import (
    Initialization,
    Prior,
    Scaling,
    Shapes,
    count_units,
    draw_units,
    give_size,
)
from ibcore.runtime import Count, NonNegative, Range, as_raw, check_memory, door, generator

# Draw the parameters of one network, or of many at once.

Depth = Annotated[int, Range(1, 10_000)]

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
    entries, waiting, parts = count_units(shapes), iter(generators), []
    while some := list(islice(waiting, max(1, _ENTRIES // max(1, entries)))):
        sized = give_size(_units(shapes, some, options.prior, entries), shapes, options)
        parts.append({name: value.to(device, dtype) for name, value in sized.items()})
    if len(parts) == 1:
        return parts[0]
    return {name: torch.cat([part[name] for part in parts]) for name in shapes}


def _units(
    shapes: Shapes, generators: Sequence[torch.Generator], prior: Prior, entries: int
) -> Tensor:
    units = torch.empty(len(generators), entries, dtype=torch.float64)
    for index, own in enumerate(generators):
        draw_units(shapes, own, prior, units[index])
    return units


def as_input(x: Tensor, like: Tensor, *inside: int, lead: int | None = None) -> Tensor:
    """Return what a module with a parameter ``like`` is called on, as real numbers of its type.

    Its last dimensions are ``inside`` (0 for any size), after ``lead`` ones, or any number.  As in
    `torch.nn` its values are not looked at, which would make a GPU wait.
    """
    x = as_raw(x, "x")
    start = max(0, x.ndim - len(inside)) if lead is None else lead
    sizes = tuple(want or size for want, size in zip(inside, x.shape[start:], strict=False))
    if len(sizes) < len(inside) or tuple(x.shape[start:]) != sizes:
        shown = ", ".join(
            ["..." if lead is None else "n", *(str(want or "any") for want in inside)]
        )
        raise ValueError(f"x must have shape ({shown}), got {tuple(x.shape)}")
    return x if x.is_floating_point() else x.to(like.dtype)


def linear(in_features: int, out_features: int, *, bias: bool = True) -> nn.Linear:
    """Return a linear layer without drawing from the global random state."""
    check_memory(
        "width or features", max(in_features, out_features), 4.0 * in_features * out_features
    )
    layer: nn.Linear = skip_init(nn.Linear, in_features, out_features, bias=bias)  # type: ignore[no-untyped-call]
    return layer


class Affine(nn.Module):
    """Gain 1 and shift 0 of a norm's channels, to be learned; the network applies them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))


class Network(nn.Module, ABC):
    """A network of which many can be drawn, stacked, evaluated and trained at once.

    Attributes
    ----------
    in_dimensions
        Of one input: 1 for vectors, 3 for images (channels, height, width).
    widest
        Largest number of values of one layer for one input, which decides how many inputs fit
        the memory.
    batch_norms
        Names of the batch norms in the order in which they are computed.
    """

    in_dimensions: int
    widest: int
    batch_norms: tuple[str, ...] = ()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each parameter, in the order in which they are drawn."""
        return {name: tuple(value.shape) for name, value in self.named_parameters()}

    @abstractmethod
    def forward_stacked(
        self, parameters: Mapping[str, Tensor], x: Tensor, *, batch_norm: BatchNorm = of_batch
    ) -> Tensor:
        """Evaluate m networks with stacked parameters: ``(m, n, *in)`` to ``(m, n, out)``.

        The parameters have the names of `shapes` and a leading dimension m.  Differentiable.
        ``batch_norm`` computes the batch norms, if there are any: from the batch ``x`` itself,
        or `ibcore.nets.batch_norm.OfStatistics`.
        """

    def draw(self, seed: int) -> None:
        """Set the initial parameters, with the default prior of `ibcore.nets.sample_parameters`."""
        self.load_state_dict(sample_parameters(self.shapes, generator(seed)))


def for_each(architecture: nn.Module, x: Tensor, members: int) -> Tensor:
    """Return inputs with a leading dimension of members, without copying shared ones.

    Inputs are shared, ``(n, *in)``, or each member's own, ``(m, n, *in)``.

    Raises
    ------
    ValueError
        If x has another shape.

    Examples
    --------
    >>> for_each(nn.Linear(2, 1), torch.zeros(5, 2), 3).shape
    torch.Size([3, 5, 2])
    """
    images = getattr(architecture, "in_dimensions", 1) == 3
    own = x.ndim == (5 if images else 3)
    if x.ndim not in ((4, 5) if images else (2, 3)) or (own and len(x) != members):
        inside = "channels, height, width" if images else "in"
        raise ValueError(
            f"x must have shape (n, {inside}) or ({members}, n, {inside}), got {tuple(x.shape)}"
        )
    return x if own else x.expand(members, *x.shape)


# Count the parameters of a network, and find the width that matches a count.


@door
def count_parameters(module: nn.Module) -> int:
    """Return the number of trainable parameters.

    Examples
    --------
    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


@door
def match_size(
    build: Callable[[int], nn.Module], target: Count, *, largest: Count = 4096
) -> nn.Module:
    """Return the network whose parameter count is nearest to ``target``.

    ``build(width)`` must have more parameters at larger widths; the width is found by
    bisection, and of two equally near ones the smaller is taken.

    Raises
    ------
    ValueError
        If even ``build(1)`` is larger than twice the target, or ``build(largest)`` is smaller.

    Examples
    --------
    >>> match_size(lambda width: nn.Linear(width, 1), 10).in_features
    9
    """
    low, high = 1, largest
    smallest = count_parameters(build(low))
    if smallest > 2 * target or count_parameters(build(high)) < target:
        raise ValueError(
            f"no width from 1 to {largest} comes near {target} parameters (width 1 has {smallest})"
        )
    while high - low > 1:
        middle = (low + high) // 2
        if count_parameters(build(middle)) < target:
            low = middle
        else:
            high = middle
    return min(build(low), build(high), key=lambda m: abs(count_parameters(m) - target))
