"""Taps for the convolutional networks of `ibcore.nets`, whose layers are not called as modules.

They compute from stacked weights, through an object that holds all layers; a copy of it that
remembers what it computes takes its place.
"""

from collections.abc import Callable

from torch import Tensor

from ibcore.nets.grouped import Grouped
from ibcore.nets.image_network import ImageNetwork

Record = Callable[[str, Tensor], None]

FEATURES, HEAD = "features", "head"


class _Recording(Grouped):
    """Layers that report what they compute."""

    def __init__(self, layers: Grouped, record: Record) -> None:
        super().__init__(layers.parameters, layers.batch_norm)
        self.record = record

    def convolve(self, name: str, h: Tensor, *, stride: int = 1) -> Tensor:
        """Convolve, and report under the name of the module."""
        z = super().convolve(name, h, stride=stride)
        self.record(f"convs.{name}", z)
        return z


def image_layers(network: ImageNetwork) -> list[str]:
    """Return what can be tapped, in order: convolutions, the features of the head, the head.

    Examples
    --------
    >>> from ibcore.nets import ConvNet
    >>> image_layers(ConvNet(1, 10, channels=(4, 8)))
    ['convs.0', 'convs.1', 'features', 'head']
    """
    return [*(f"convs.{name}" for name in network.convs), FEATURES, HEAD]


def attach(network: ImageNetwork, record: Record) -> Callable[[], None]:
    """Report what the network computes, for one network at a time; call the result to end.

    Convolutions are reported with their batch norm and before the activation.

    Examples
    --------
    >>> import torch
    >>> from ibcore.nets import ConvNet
    >>> net, seen = ConvNet(1, 10), {}
    >>> end = attach(net, seen.__setitem__)
    >>> _ = net(torch.zeros(2, 1, 8, 8))
    >>> end()
    >>> [(name, tuple(value.shape)) for name, value in seen.items()][-2:]
    [('features', (2, 32)), ('head', (2, 10))]
    """
    compute = network.compute

    def watched(layers: Grouped, h: Tensor) -> Tensor:
        features = compute(_Recording(layers, record), h)
        record(FEATURES, features)
        return features

    def report_head(_: object, __: object, output: Tensor) -> None:
        record(HEAD, output)

    hook = network.register_forward_hook(report_head)
    network.__dict__["compute"] = watched  # shadows the method of this one object

    def end() -> None:
        hook.remove()
        network.__dict__.pop("compute", None)

    return end
