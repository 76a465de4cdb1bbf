"""What the networks of the book share: names, shapes and one forward pass for many of them."""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from ibcore.door import Count, Range, as_raw, check_memory, door
from ibcore.nets.batch_norm import BatchNorm, of_batch
from ibcore.nets.init import sample_parameters
from ibcore.runtime import generator

Depth = Annotated[int, Range(1, 10_000)]


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
    smallest = count_parameters(build(1))
    if smallest > 2 * target or count_parameters(build(largest)) < target:
        raise ValueError(
            f"no width from 1 to {largest} comes near {target} parameters (width 1 has {smallest})"
        )
    below = bisect_left(range(1, largest), target, key=lambda w: count_parameters(build(w)))
    near = build(max(below, 1)), build(below + 1)
    return min(near, key=lambda module: abs(count_parameters(module) - target))
