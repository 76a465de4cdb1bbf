"""What the convolutional networks share: layers by name, and one forward pass for one or many."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn.utils import skip_init

from ibcore.nets.activations import activation_function, canonical_activation
from ibcore.nets.batch_norm import BatchNorm, OfStatistics, Statistics, of_batch, of_formula
from ibcore.nets.grouped import Grouped, convolution, side_by_side
from ibcore.nets.network import Affine, Network

ImageNorm = Literal["batch"]
Layer = tuple[str, int, int, int]  # name, channels in, channels out, size of the kernel


class ImageNetwork(Network):
    """A network of convolutions, each perhaps with batch norm after it, and a linear head.

    Convolutions have a bias only where no batch norm follows, as its shift would do the same.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        features: int,
        out_features: int,
        *,
        activation: str,
        norm: ImageNorm | None,
        seed: int,
    ) -> None:
        super().__init__()
        if norm is not None and norm not in get_args(ImageNorm):
            raise ValueError(f"unknown norm {norm!r}; choose one of 'batch', None")
        self.activation = canonical_activation(activation)
        self.phi = activation_function(activation)
        self.norm, self.in_dimensions, self.out_features = norm, 3, out_features
        self.convs = nn.ModuleDict(
            {name: convolution(i, o, size, bias=norm is None) for name, i, o, size in layers}
        )
        normed = layers if norm else ()
        self.norms = nn.ModuleDict({name: Affine(o) for name, _, o, _ in normed})
        self.batch_norms = tuple(f"norms.{name}" for name, *_ in normed)
        self.head = skip_init(nn.Linear, features, out_features)  # type: ignore[no-untyped-call]
        self.draw(seed)

    @abstractmethod
    def compute(self, layers: Grouped, h: Tensor) -> Tensor:
        """Return the features that the head sees: images (n, m * c, h, w) to (n, m * features)."""

    def forward(self, x: Tensor, *, statistics: Statistics | None = None) -> Tensor:
        """Evaluate the network: ``(n, channels, height, width)`` to ``(n, out_features)``.

        Batch norm takes its moments from x, or from ``statistics`` of this one network.
        """
        own = {name: value[None] for name, value in self.named_parameters()}
        batch_norm = of_formula if statistics is None else OfStatistics(statistics)
        return self.forward_stacked(own, x[None], batch_norm=batch_norm)[0]

    def forward_stacked(
        self, parameters: Mapping[str, Tensor], x: Tensor, *, batch_norm: BatchNorm = of_batch
    ) -> Tensor:
        """Evaluate m networks with stacked parameters: ``(m, n, c, h, w)`` to ``(m, n, out)``.

        ``batch_norm`` is as in `ibcore.nets.network.Network`.
        """
        layers = Grouped(parameters, batch_norm if self.norm else None)
        return layers.head(self.compute(layers, side_by_side(x)))


def check_sizes(**sizes: int) -> None:
    """Raise ``ValueError`` for a size below 1.

    Examples
    --------
    >>> check_sizes(width=3)
    """
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
