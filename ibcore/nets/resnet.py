"""ResNet-9 and ResNet-18 for images of 32 x 32, with and without residuals and batch norm."""

from collections.abc import Iterator
from typing import Literal

from torch import Tensor
from torch.nn import functional

from ibcore.nets.grouped import Grouped
from ibcore.nets.image_network import ImageNetwork, ImageNorm, Layer, check_sizes

ResNetDepth = Literal[9, 18]

_STAGES = (1, 2, 4, 8)  # width of each stage over that of the first
_BLOCKS = 2  # in each stage of ResNet-18
_GROWS = ("grow1", "grow2", "grow3")


class ResNet(ImageNetwork):
    r"""A residual network in one of two forms.

    ``depth=9`` is the fast network of Page (2018): four convolutions to widths w, 2w, 4w, 8w,
    pooling by 2 after the last three, a residual branch of two convolutions after the second and
    the fourth, :math:`h + \varphi(K_2\varphi(K_1 h))`, and the maximum over all places; our logits
    have a bias and no constant factor.

    ``depth=18`` is the basic form of He et al. (2016) for small images: a convolution, then four
    stages of two blocks :math:`\varphi(K_2\varphi(K_1 h) + S h)`, the first of the last three
    stages with stride 2, and the average over all places.  S is the identity, or a convolution of
    1 x 1 where the shape changes.

    Each K (and S) stands for a convolution and its batch norm, if there is one.  With batch norm
    convolutions have no bias.  The initial parameters are drawn by
    `ibcore.nets.sample_parameters` with its default prior; gains are 1, shifts 0.

    Parameters
    ----------
    in_channels, out_features
        Channels of the image and dimensions of the output.
    depth
        9 or 18.
    width
        Channels of the first convolution.
    residual
        Whether the sums are taken; without, the branches stay in the chain and S is left out.
    norm
        ``"batch"`` or None.
    activation
        One of `ibcore.nets.ACTIVATIONS`.
    image_size
        Height and width, a multiple of 8.
    seed
        Of the initial parameters.

    Raises
    ------
    ValueError
        If a size is below 1, the image size is no multiple of 8, or a choice is unknown.

    References
    ----------
    He, Zhang, Ren and Sun (2016); Page (2018), "How to train your ResNet".

    Examples
    --------
    >>> import torch
    >>> ResNet(3, 10, depth=9, width=4)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_features: int = 10,
        *,
        depth: ResNetDepth = 9,
        width: int = 64,
        residual: bool = True,
        norm: ImageNorm | None = "batch",
        activation: str = "relu",
        image_size: int = 32,
        seed: int = 0,
    ) -> None:
        check_sizes(in_channels=in_channels, out_features=out_features, width=width)
        if depth not in (9, 18):
            raise ValueError(f"depth must be 9 or 18, got {depth}")
        if image_size < 8 or image_size % 8:
            raise ValueError(f"image_size must be a multiple of 8, got {image_size}")
        layers = _layers9(in_channels, width) if depth == 9 else _layers18(in_channels, width)
        super().__init__(
            [layer for layer in layers if residual or not layer[0].endswith("skip")],
            _STAGES[-1] * width,
            out_features,
            activation=activation,
            norm=norm,
            seed=seed,
        )
        self.depth, self.width, self.residual = depth, width, residual
        first = 2 * width if depth == 9 else width  # channels at full size
        self.widest = max(in_channels, first) * image_size**2

    def compute(self, layers: Grouped, h: Tensor) -> Tensor:
        """Return the features that the head sees: images (n, m * c, h, w) to (n, m * features)."""
        return self._compute9(layers, h) if self.depth == 9 else self._compute18(layers, h)

    def _compute9(self, layers: Grouped, h: Tensor) -> Tensor:
        h = self.phi(layers.convolve("stem", h))
        for name in _GROWS:
            h = functional.max_pool2d(self.phi(layers.convolve(name, h)), 2)
            if f"{name}_a" in self.convs:
                branch = self.phi(layers.convolve(f"{name}_a", h))
                branch = self.phi(layers.convolve(f"{name}_b", branch))
                h = h + branch if self.residual else branch
        return h.amax((2, 3))

    def _compute18(self, layers: Grouped, h: Tensor) -> Tensor:
        h = self.phi(layers.convolve("stem", h))
        for stage in range(len(_STAGES)):
            for block in range(_BLOCKS):
                stride = 2 if stage and not block else 1
                h = self._block(layers, f"stage{stage}_{block}", h, stride)
        return h.mean((2, 3))

    def _block(self, layers: Grouped, name: str, h: Tensor, stride: int) -> Tensor:
        branch = self.phi(layers.convolve(f"{name}_a", h, stride=stride))
        branch = layers.convolve(f"{name}_b", branch)
        if not self.residual:
            return self.phi(branch)
        if f"{name}_skip" in self.convs:
            h = layers.convolve(f"{name}_skip", h, stride=stride)
        return self.phi(branch + h)


def _layers9(in_channels: int, width: int) -> Iterator[Layer]:
    """Yield the convolutions in the order in which they are computed."""
    sizes = [width * stage for stage in _STAGES]
    yield "stem", in_channels, width, 3
    for name, before, after in zip(_GROWS, sizes[:-1], sizes[1:], strict=True):
        yield name, before, after, 3
        if name != "grow2":
            yield f"{name}_a", after, after, 3
            yield f"{name}_b", after, after, 3


def _layers18(in_channels: int, width: int) -> Iterator[Layer]:
    """Yield the convolutions in the order in which they are computed."""
    yield "stem", in_channels, width, 3
    before = width
    for stage, factor in enumerate(_STAGES):
        after = width * factor
        for block in range(_BLOCKS):
            name = f"stage{stage}_{block}"
            yield f"{name}_a", before, after, 3
            yield f"{name}_b", after, after, 3
            if before != after:
                yield f"{name}_skip", before, after, 1
            before = after
