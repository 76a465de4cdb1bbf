"""Networks as most people write them, which every peer can read."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.metainit.experiments.architectures import SequenceTransformer


def mlp(inputs: int, width: int, outputs: int) -> nn.Module:
    """Return two hidden layers of relu."""
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, outputs),
    )


class Recurrent(nn.Module):
    """An LSTM cell written out; the last state of a sequence (n, t, in) meets a linear map.

    ``nn.LSTM`` can neither be batched over weights nor, on a GPU, be differentiated twice.
    """

    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.gates, self.head = nn.Linear(inputs + width, 4 * width), nn.Linear(width, outputs)
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """Read sequences and answer once."""
        h = c = x.new_zeros(len(x), self.width)
        for t in range(x.shape[1]):
            i, f, g, o = self.gates(torch.cat([x[:, t], h], 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        answer: Tensor = self.head(h)
        return answer


def transformer(inputs: int, width: int, outputs: int, *, length: int) -> nn.Module:
    """Return two blocks of causal attention, written out so that it can be differentiated twice."""
    return SequenceTransformer(inputs, outputs, length=length, depth=2, width=width)


def conv4(channels: int, outputs: int) -> nn.Module:
    """Return four blocks of convolution, batch norm (statistics of the batch), relu and pooling."""
    layers: list[nn.Module] = []
    for block in range(4):
        layers += [
            nn.Conv2d(channels if block else 1, channels, 3, padding=1),
            nn.BatchNorm2d(channels, track_running_stats=False),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels, outputs))


class ResNet9(nn.Module):
    """ResNet-9 with batch norm, its parameters in the order of `ibcore.nets.ResNet`."""

    def __init__(self, channels: int, width: int, outputs: int) -> None:
        super().__init__()
        one, two, four, eight = (width * factor for factor in (1, 2, 4, 8))
        sizes = {"stem": (channels, one), "grow1": (one, two), "a1": (two, two), "b1": (two, two)}
        sizes |= {"grow2": (two, four), "grow3": (four, eight)}
        sizes |= {"a3": (eight, eight), "b3": (eight, eight)}
        self.convs = nn.ModuleDict(
            {name: nn.Conv2d(i, o, 3, padding=1, bias=False) for name, (i, o) in sizes.items()}
        )
        self.norms = nn.ModuleDict({name: nn.BatchNorm2d(o) for name, (_, o) in sizes.items()})
        self.head = nn.Linear(eight, outputs)

    def unit(self, name: str, x: Tensor) -> Tensor:
        """Convolve, normalize and rectify."""
        answer: Tensor = self.norms[name](self.convs[name](x)).relu()
        return answer

    def forward(self, x: Tensor) -> Tensor:
        """Return logits of images (n, channels, height, width)."""
        x = functional.max_pool2d(self.unit("grow1", self.unit("stem", x)), 2)
        x = x + self.unit("b1", self.unit("a1", x))
        x = functional.max_pool2d(self.unit("grow2", x), 2)
        x = functional.max_pool2d(self.unit("grow3", x), 2)
        x = x + self.unit("b3", self.unit("a3", x))
        answer: Tensor = self.head(x.amax((2, 3)))
        return answer
