"""ResNet-9 and ResNet-18 for images of 32 x 32, with and without residuals and batch norm."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from ibcore.door import Count, Seed, check_memory, door
from ibcore.nets.batch_norm import IMAGES, BatchNorm, OfStatistics, Statistics, of_batch, of_formula
from ibcore.nets.init import ActivationName, activation_function
from ibcore.nets.network import Affine, Network, as_input, linear

# Convolutions of many networks as one grouped convolution, and what comes after the last one.
#
# The channels of all networks stand side by side: images of m networks with c channels each have
# shape (n, m * c, h, w), and a convolution with m groups keeps the networks apart.


def convolution(inputs: int, outputs: int, size: int, *, bias: bool) -> nn.Conv2d:
    """Return a convolution without drawing from the global random state."""
    check_memory("width or channels", max(inputs, outputs), 4.0 * inputs * outputs * size**2)
    layer: nn.Conv2d = skip_init(nn.Conv2d, inputs, outputs, size, bias=bias)  # type: ignore[no-untyped-call]
    return layer


_CHANNELS_LAST = torch.backends.cpu.get_cpu_capability() == "AVX512"


def channels_last(h: Tensor) -> Tensor:
    """Return images (n, c, height, width) in the order in which their device computes faster.

    On a CPU with AVX-512 the channels of a place lie side by side in memory, in which training
    takes .45 to .94 of the time in the order (n, c, height, width), measured on ResNet-9 and
    ConvNets, one and up to 16 in a chunk, in float32 and float64.  A GPU keeps that order, and so
    do other CPUs: with torch 2.13 limited to AVX2 the backward pass of such a convolution broke the
    memory of its process.  Values are the same, and the next layers keep the order in turn;
    written so that `torch.func.vmap` takes it.
    """
    if h.device.type != "cpu" or not _CHANNELS_LAST or h.stride(1) == 1:
        return h
    return h.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


class Grouped:
    """The layers of m networks on images side by side.

    Parameters
    ----------
    parameters
        Stacked parameters ``(m, *shape)``: ``convs.NAME.weight`` and perhaps ``.bias``,
        ``norms.NAME.gain`` and ``.shift``, ``head.weight`` and ``head.bias``.
    batch_norm
        Computes the batch norms; None where there are none.

    Examples
    --------
    >>> layers = Grouped({"convs.first.weight": torch.zeros(2, 5, 3, 3, 3)}, None)
    >>> layers.convolve("first", torch.zeros(1, 6, 8, 8), stride=2).shape
    torch.Size([1, 10, 4, 4])
    """

    def __init__(self, parameters: Mapping[str, Tensor], batch_norm: BatchNorm | None) -> None:
        self.parameters, self.batch_norm = parameters, batch_norm

    def convolve(self, name: str, h: Tensor, *, stride: int = 1) -> Tensor:
        """Convolve with padding that keeps the size, and normalize: (n, m * c, h, w)."""
        weight, bias = self.parameters[f"convs.{name}.weight"], None
        if f"convs.{name}.bias" in self.parameters:
            bias = self.parameters[f"convs.{name}.bias"].flatten()
        z = functional.conv2d(
            h,
            weight.flatten(0, 1),  # (m, out, in, k, k) -> (m * out, in, k, k)
            bias,
            stride=stride,
            padding=weight.shape[-1] // 2,
            groups=len(weight),
        )
        z = channels_last(z)  # is so already, unless there is one gray image of one network
        if self.batch_norm is None:
            return z
        gains = self.parameters[f"norms.{name}.gain"], self.parameters[f"norms.{name}.shift"]
        return self.batch_norm(f"norms.{name}", z, IMAGES, gains)

    def head(self, features: Tensor) -> Tensor:
        """Return the outputs, linear in the features: (n, m * c) to (m, n, out)."""
        weight, bias = self.parameters["head.weight"], self.parameters["head.bias"]
        own = torch.unflatten(features, 1, (len(weight), -1)).transpose(0, 1)  # (m, n, c)
        return torch.baddbmm(bias[:, None, :], own, weight.mT)


# What the convolutional networks share: layers by name, and one forward pass for one or many.

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
        self.activation, self.phi = activation, activation_function(activation)
        self.norm, self.in_dimensions = norm, 3
        self.in_channels, self.out_features = layers[0][1], out_features
        self.convs = nn.ModuleDict(
            {name: convolution(i, o, size, bias=norm is None) for name, i, o, size in layers}
        )
        normed = layers if norm else ()
        self.norms = nn.ModuleDict({name: Affine(o) for name, _, o, _ in normed})
        self.batch_norms = tuple(f"norms.{name}" for name, *_ in normed)
        self.head = linear(features, out_features)
        self.draw(seed)

    @abstractmethod
    def compute(self, layers: Grouped, h: Tensor) -> Tensor:
        """Return the features that the head sees: images (n, m * c, h, w) to (n, m * features)."""

    def forward(self, x: Tensor, *, statistics: Statistics | None = None) -> Tensor:
        """Evaluate the network: ``(n, channels, height, width)`` to ``(n, out_features)``.

        Batch norm takes its moments from x, or from ``statistics`` of this one network.
        """
        x = as_input(x, self.head.weight, self.in_channels, 0, 0, lead=1)
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
        images = x.transpose(0, 1).flatten(1, 2)  # (m, n, c, h, w) -> (n, m * c, h, w)
        return layers.head(self.compute(layers, channels_last(images)))


_STAGES = (1, 2, 4, 8)  # width of each stage over that of the first
_BLOCKS = 2  # in each stage of ResNet-18
_GROWS = ("grow1", "grow2", "grow3")


@door
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
        in_channels: Count = 3,
        out_features: Count = 10,
        *,
        depth: Literal[9, 18] = 9,
        width: Count = 64,
        residual: bool = True,
        norm: ImageNorm | None = "batch",
        activation: ActivationName = "relu",
        image_size: Count = 32,
        seed: Seed = 0,
    ) -> None:
        if image_size % 8:
            raise ValueError(f"image_size must be a multiple of 8, got {image_size}")
        layers = _layers9(in_channels, width) if depth == 9 else _layers18(in_channels, width)
        kept = [layer for layer in layers if residual or not layer[0].endswith("skip")]
        size = _STAGES[-1] * width
        super().__init__(kept, size, out_features, activation=activation, norm=norm, seed=seed)
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


# A small convolutional network for digits and other small images.


@door
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
        in_channels: Count = 1,
        out_features: Count = 10,
        *,
        channels: Sequence[Count] = (16, 32),
        image_size: Count = 8,
        activation: ActivationName = "relu",
        norm: ImageNorm | None = None,
        head: Literal["average", "flatten"] = "average",
        seed: Seed = 0,
    ) -> None:
        last = image_size >> len(channels)
        if not channels or last < 1:
            raise ValueError(
                f"channels={channels} are {len(channels)} blocks, each of which halves the image; "
                f"give at least one, and as many as image_size {image_size} takes"
            )
        pairs = pairwise((in_channels, *channels))
        features = channels[-1] * (last**2 if head == "flatten" else 1)
        layers = [(str(index), i, o, 3) for index, (i, o) in enumerate(pairs)]
        super().__init__(
            layers, features, out_features, activation=activation, norm=norm, seed=seed
        )
        self.pooling = head
        sizes = [(image_size >> index) ** 2 * count for index, count in enumerate(channels)]
        self.widest = max(in_channels * image_size**2, *sizes)

    def compute(self, layers: Grouped, h: Tensor) -> Tensor:
        """Return the features that the head sees: images (n, m * c, h, w) to (n, m * features)."""
        for name in self.convs:
            h = functional.max_pool2d(self.phi(layers.convolve(name, h)), 2)
        return h.mean((2, 3)) if self.pooling == "average" else h.flatten(1)
