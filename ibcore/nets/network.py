"""What the networks of the book share: names, shapes and one forward pass for many of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ibcore.nets.batch_norm import BatchNorm, of_batch
from ibcore.nets.sample import sample_parameters
from ibcore.runtime import generator


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
