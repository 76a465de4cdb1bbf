"""A small convolutional network for digits and other small images."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

from torch import Tensor
from torch.nn import functional

from ibcore.nets.grouped import Grouped
from ibcore.nets.image_network import ImageNetwork, ImageNorm, check_sizes

ConvHead = Literal["average", "flatten"]


class ConvNet(ImageNetwork):
    r"""Blocks of convolution, activation and 2 x 2 max pooling, then a linear output layer.

    Each block is :math:`h \mapsto \text{pool}(\varphi(\text{norm}(K * h)))` with a kernel of 3 x 3
    that keeps the size.  With batch norm the convolutions have no bias, and the norm has a gain
    and a shift for each channel.  The initial parameters are drawn by
    `ibcore.nets.sample_parameters` with its default prior; gains are 1, shifts 0.

    Parameters
    ----------
    in_channels, out_features
        Channels of the image and dimensions of the output.
    channels
        Channels after each block; images shrink by half in each (rounded down).
    image_size
        Height and width of the images.
    activation
        One of `ibcore.nets.ACTIVATIONS`.
    norm
        ``"batch"`` or None.
    head
        What the output layer sees: the ``"average"`` of each channel over all places, or all
        places (``"flatten"``).
    seed
        Of the initial parameters.

    Raises
    ------
    ValueError
        If a size is below 1, the image is too small for the blocks, or a name is unknown.

    Examples
    --------
    >>> import torch
    >>> ConvNet(1, 10, channels=(8, 16), image_size=8)(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_features: int = 10,
        *,
        channels: Sequence[int] = (16, 32),
        image_size: int = 8,
        activation: str = "relu",
        norm: ImageNorm | None = None,
        head: ConvHead = "average",
        seed: int = 0,
    ) -> None:
        check_sizes(in_channels=in_channels, out_features=out_features, blocks=len(channels))
        check_sizes(**{f"channels[{i}]": count for i, count in enumerate(channels)})
        if head not in get_args(ConvHead):
            raise ValueError(f"unknown head {head!r}; choose one of 'average', 'flatten'")
        last = image_size >> len(channels)
        if last < 1:
            raise ValueError(
                f"image_size {image_size} is too small for {len(channels)} blocks, each of which "
                f"halves it; use at least {2 ** len(channels)}, or fewer channels"
            )
        layers = [
            (str(index), i, o, 3) for index, (i, o) in enumerate(pairwise((in_channels, *channels)))
        ]
        places = last**2 if head == "flatten" else 1
        super().__init__(
            layers,
            channels[-1] * places,
            out_features,
            activation=activation,
            norm=norm,
            seed=seed,
        )
        self.pooling = head
        sizes = [(image_size >> index) ** 2 * count for index, count in enumerate(channels)]
        self.widest = max(in_channels * image_size**2, *sizes)

    def compute(self, layers: Grouped, h: Tensor) -> Tensor:
        """Return the features that the head sees: images (n, m * c, h, w) to (n, m * features)."""
        for name in self.convs:
            h = functional.max_pool2d(self.phi(layers.convolve(name, h)), 2)
        return h.mean((2, 3)) if self.pooling == "average" else h.flatten(1)
