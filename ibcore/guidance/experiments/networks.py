"""Targets and guides of the experiments on images: perceptrons and convolutional networks."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from ibcore.nets import ResNet
from ibcore.nets.network import Network
from ibcore.nets.statistics import batch_statistics

_CHUNK = 1000  # points that are evaluated at once
_REFERENCE = 1000  # points whose statistics a network without running averages uses


@dataclass(frozen=True)
class Perceptron:
    """A plain fully connected ReLU network: depth hidden layers of one width."""

    depth: int = 3
    width: int = 512
    norm: Literal["batch"] | None = None


@dataclass(frozen=True)
class Convolutional:
    """A plain convolutional network, or with ``resnet`` a ResNet-18.

    ``channels`` are those of its 3 x 3 convolutions, with a pooling by 2 before the last and the
    mean over places after it; of a ResNet-18, those of the first alone.
    """

    channels: tuple[int, ...] = (32, 32, 64)
    resnet: bool = False


def build_perceptron(net: Perceptron, shape: tuple[int, ...], classes: int) -> nn.Sequential:
    """Return a perceptron for inputs of a shape; its linear layers are what is compared.

    Examples
    --------
    >>> net = build_perceptron(Perceptron(depth=1, width=4), (1, 8, 8), 10)
    >>> [type(layer).__name__ for layer in net]
    ['Flatten', 'Linear', 'ReLU', 'Linear']
    """
    sizes = [torch.Size(shape).numel(), *([net.width] * net.depth)]
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(sizes):
        norm = [nn.BatchNorm1d(after)] if net.norm == "batch" else []
        layers += [nn.Linear(before, after), *norm, nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], classes))


def build_convolutional(net: Convolutional, shape: tuple[int, ...], classes: int) -> nn.Module:
    """Return a convolutional network for images (channels, height, width).

    Raises
    ------
    ValueError
        If a ResNet-18 is given more than one number of channels.

    Examples
    --------
    >>> net = build_convolutional(Convolutional((4, 8)), (1, 8, 8), 10)
    >>> net(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """
    if net.resnet:
        if len(net.channels) != 1:
            raise ValueError(f"a ResNet-18 has one first width, got channels={net.channels}")
        return ResNet(shape[0], classes, depth=18, width=net.channels[0], image_size=shape[-1])
    layers: list[nn.Module] = []
    for index, (before, after) in enumerate(pairwise([shape[0], *net.channels])):
        pooled = [nn.MaxPool2d(2)] if index == len(net.channels) - 1 else []
        layers += [*pooled, nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(net.channels[-1], classes))
    return nn.Sequential(*layers, *head)


def reference_of(model: nn.Module, x: Tensor) -> Tensor | None:
    """Return the data of batch statistics for a network that keeps no running averages.

    Examples
    --------
    >>> reference_of(nn.Linear(2, 2), torch.zeros(5, 2)) is None
    True
    """
    needs = isinstance(model, Network) and bool(model.batch_norms)
    return x[:_REFERENCE] if needs else None


@torch.no_grad()
def outputs(model: nn.Module, x: Tensor, *, reference: Tensor | None = None) -> Tensor:
    """Return the outputs (n, classes) of a network in evaluation mode, in parts.

    Examples
    --------
    >>> outputs(nn.Linear(2, 3), torch.zeros(5, 2)).shape
    torch.Size([5, 3])
    """
    options = {}
    if reference is not None:
        assert isinstance(model, Network)
        own = {name: value.detach()[None] for name, value in model.named_parameters()}
        options = {"statistics": batch_statistics(model, own, reference[None])}
    return torch.cat([model(part, **options) for part in torch.split(x, _CHUNK)])


def correct(logits: Tensor, y: Tensor) -> Tensor:
    """Return whether each point is classified correctly: (n, classes) and (n,) to (n,).

    Examples
    --------
    >>> correct(torch.eye(3), torch.tensor([0, 1, 0])).tolist()
    [True, True, False]
    """
    return logits.argmax(1) == y
