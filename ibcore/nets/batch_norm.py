r"""Batch norm of many networks: from the batch itself, or with statistics of other data.

.. math:: u = \gamma\,\frac{z - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta,
          \qquad \varepsilon = 10^{-5},

with mean :math:`\mu` and variance :math:`\sigma^2` of each channel over the points of a batch (and
the places of an image), and a learned gain :math:`\gamma` and shift :math:`\beta` where the
network has them.  There are no running averages: a network is evaluated with the statistics of
the whole training set, which `ibcore.nets.batch_statistics` computes.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

EPSILON = 1e-5

Gains = tuple[Tensor, Tensor] | None  # gain and shift, each (m, c), or (c,) for one network
BatchNorm = Callable[[str, Tensor, tuple[int, ...], Gains], Tensor]
"""Normalize ``z`` over some dimensions: ``(name, z, over, gains)`` to the shape of ``z``.

What remains of ``z`` without the dimensions ``over`` are the c channels of the m networks, in this
order.
"""

IMAGES = (0, 2, 3)  # over points and places: z has shape (n, m * c, h, w)


class Moments(NamedTuple):
    """Mean and variance of the channels of one batch norm in m networks, each (m, c)."""

    mean: Tensor
    variance: Tensor


Statistics = Mapping[str, Moments]


def kept_shape(z: Tensor, over: tuple[int, ...]) -> list[int]:
    """Return the shape of z with size 1 in the dimensions ``over``.

    Examples
    --------
    >>> import torch
    >>> kept_shape(torch.zeros(2, 9, 4), (1,))
    [2, 1, 4]
    """
    return [1 if dim in over else size for dim, size in enumerate(z.shape)]


def apply_gains(u: Tensor, over: tuple[int, ...], gains: Gains) -> Tensor:
    r"""Return :math:`\gamma u + \beta`, or u if there are no gains.

    Examples
    --------
    >>> import torch
    >>> apply_gains(torch.ones(2, 1), (0,), (torch.tensor([3.0]), torch.tensor([1.0]))).tolist()
    [[4.0], [4.0]]
    """
    if gains is None:
        return u
    gain, shift = (part.reshape(kept_shape(u, over)) for part in gains)
    return u * gain + shift


def normalized(z: Tensor, over: int | tuple[int, ...], epsilon: float) -> Tensor:
    """Return z with mean 0 and variance 1 over some dimensions, written out."""
    centered = z - z.mean(over, keepdim=True)
    return centered / (centered.square().mean(over, keepdim=True) + epsilon).sqrt()


def of_formula(name: str, z: Tensor, over: tuple[int, ...], gains: Gains) -> Tensor:
    """Normalize by the batch's own moments, written out.

    Right inside `torch.func.vmap` and `grad` to any order, where the batching rules of
    ``torch.nn.functional.batch_norm`` give wrong gradients.

    Raises
    ------
    ValueError
        If a channel has one value only.

    Examples
    --------
    >>> import torch
    >>> of_formula("norm", torch.tensor([[0.0], [2.0]]), (0,), None).round(decimals=3).tolist()
    [[-1.0], [1.0]]
    """
    _check_values(name, z, over)
    return apply_gains(normalized(z, over, EPSILON), over, gains)


def of_batch(name: str, z: Tensor, over: tuple[int, ...], gains: Gains) -> Tensor:
    """Normalize by the batch's own moments: `of_formula`, by torch's kernel for images.

    Not for use inside `torch.func.vmap`.

    Raises
    ------
    ValueError
        If a channel has one value only.

    Examples
    --------
    >>> import torch
    >>> of_batch("norm", torch.tensor([[0.0], [2.0]]), (0,), None).round(decimals=3).tolist()
    [[-1.0], [1.0]]
    """
    if over != IMAGES:
        return of_formula(name, z, over, gains)
    _check_values(name, z, over)
    # torch 2.13 reads a gain with gaps in memory wrongly where channels are last
    gain, shift = (None, None) if gains is None else (p.flatten().contiguous() for p in gains)
    return functional.batch_norm(z, None, None, gain, shift, training=True, eps=EPSILON)


class OfStatistics:
    """Normalize by given moments, one `Moments` for each name.

    Examples
    --------
    >>> import torch
    >>> norm = OfStatistics({"norm": Moments(torch.tensor([[1.0]]), torch.tensor([[4.0]]))})
    >>> norm("norm", torch.tensor([[5.0]]), (0,), None).round(decimals=3).tolist()
    [[2.0]]
    """

    def __init__(self, statistics: Statistics) -> None:
        self.statistics = statistics

    def __call__(self, name: str, z: Tensor, over: tuple[int, ...], gains: Gains) -> Tensor:
        """Return the normalized z."""
        scale, offset = scale_and_offset(self.statistics[name], gains)
        shape = kept_shape(z, over)
        scale, offset = (part.to(z.dtype).reshape(shape) for part in (scale, offset))
        return torch.addcmul(offset, z, scale)


def scale_and_offset(moments: Moments, gains: Gains) -> tuple[Tensor, Tensor]:
    """Return what batch norm with given moments multiplies by, and then adds: each (m, c).

    Examples
    --------
    >>> import torch
    >>> scale, offset = scale_and_offset(Moments(torch.ones(1, 1), torch.zeros(1, 1)), None)
    >>> round(scale.item(), 3), round(offset.item(), 3)
    (316.228, -316.228)
    """
    scale = (moments.variance + EPSILON).rsqrt()
    if gains is None:
        return scale, -moments.mean * scale
    gain, shift = gains
    scale = scale * gain
    return scale, shift - moments.mean * scale


def _check_values(name: str, z: Tensor, over: tuple[int, ...]) -> None:
    if all(z.shape[dim] == 1 for dim in over):
        raise ValueError(
            f"batch norm {name!r} needs at least 2 values in each channel, got 1; choose a "
            "batch_size that leaves no batch of a single point"
        )
