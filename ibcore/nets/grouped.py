"""Convolutions of many networks as one grouped convolution, and what comes after the last one.

The channels of all networks stand side by side: images of m networks with c channels each have
shape (n, m * c, h, w), and a convolution with m groups keeps the networks apart.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from ibcore.nets.batch_norm import BatchNorm

OVER = (0, 2, 3)  # points and places, over which batch norm takes its moments


def convolution(inputs: int, outputs: int, size: int, *, bias: bool) -> nn.Conv2d:
    """Return a convolution without drawing from the global random state.

    Examples
    --------
    >>> convolution(3, 8, 5, bias=False).weight.shape
    torch.Size([8, 3, 5, 5])
    """
    layer: nn.Conv2d = skip_init(nn.Conv2d, inputs, outputs, size, bias=bias)  # type: ignore[no-untyped-call]
    return layer


def side_by_side(x: Tensor) -> Tensor:
    """Put the channels of all networks side by side: (m, n, c, h, w) to (n, m * c, h, w).

    Examples
    --------
    >>> side_by_side(torch.zeros(4, 7, 3, 8, 8)).shape
    torch.Size([7, 12, 8, 8])
    """
    return x.transpose(0, 1).flatten(1, 2)


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
        if self.batch_norm is None:
            return z
        gains = self.parameters[f"norms.{name}.gain"], self.parameters[f"norms.{name}.shift"]
        return self.batch_norm(f"norms.{name}", z, OVER, gains)

    def head(self, features: Tensor) -> Tensor:
        """Return the outputs, linear in the features: (n, m * c) to (m, n, out)."""
        weight, bias = self.parameters["head.weight"], self.parameters["head.bias"]
        own = features.reshape(len(features), len(weight), -1).transpose(0, 1)  # (m, n, c)
        return torch.baddbmm(bias[:, None, :], own, weight.mT)
