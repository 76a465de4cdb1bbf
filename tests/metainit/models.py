"""Small networks with every kind of layer whose second derivatives can go wrong, in float64."""

import torch
from torch import nn
from torch.nn import functional

from ibcore.nets import MLP


class Flat(nn.Module):
    """A sequence read as one vector."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x.flatten(1))


class Cell(nn.Module):
    """An LSTM cell written out, run over a sequence (n, t, in); its last state meets a head."""

    def __init__(self, inputs, width, outputs):
        super().__init__()
        self.gates, self.head = nn.Linear(inputs + width, 4 * width), nn.Linear(width, outputs)
        self.norm, self.width = nn.LayerNorm(4 * width), width

    def forward(self, x):
        h = c = x.new_zeros(len(x), self.width)
        for t in range(x.shape[1]):
            i, f, g, o = self.norm(self.gates(torch.cat([x[:, t], h], 1))).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return self.head(h)


class Attention(nn.Module):
    """A transformer block with fused attention and layer norms, averaged over the sequence."""

    def __init__(self, inputs, width, outputs, heads=2):
        super().__init__()
        self.embed, self.qkv = nn.Linear(inputs, width), nn.Linear(width, 3 * width)
        self.up, self.head = nn.Linear(width, 2 * width), nn.Linear(2 * width, outputs)
        self.first, self.second, self.heads = nn.LayerNorm(width), nn.LayerNorm(width), heads

    def forward(self, x):
        x = self.embed(x)
        q, k, v = self.qkv(self.first(x)).unflatten(-1, (3 * self.heads, -1)).mT.mT.chunk(3, -2)
        mixed = functional.scaled_dot_product_attention(*(z.transpose(-3, -2) for z in (q, k, v)))
        x = x + mixed.transpose(-3, -2).flatten(-2)
        return self.head(self.up(self.second(x)).tanh().mean(-2))


def batch_norm(width):
    return nn.BatchNorm1d(width, track_running_stats=False)


def convolutions(norm):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        norm,
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 9, 2),
    )


# name -> (model, shape of one input); every model has two outputs
BUILDERS = {
    "mlp": lambda: (MLP(3, 2, depth=2, width=5, activation="tanh"), (3,)),
    "mlp with layer norm of ours": lambda: (
        MLP(3, 2, depth=2, width=5, activation="tanh", norm="layer"),
        (3,),
    ),
    "mlp with batch norm": lambda: (
        nn.Sequential(
            nn.Linear(3, 5),
            batch_norm(5),
            nn.Tanh(),
            nn.Linear(5, 5),
            batch_norm(5),
            nn.Tanh(),
            nn.Linear(5, 2),
        ),
        (3,),
    ),
    "mlp with layer norm": lambda: (
        nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 2)),
        (3,),
    ),
    "cnn with batch norm": lambda: (
        convolutions(nn.BatchNorm2d(4, track_running_stats=False)),
        (1, 6, 6),
    ),
    "cnn with group norm": lambda: (convolutions(nn.GroupNorm(2, 4)), (1, 6, 6)),
    "lstm with layer norm": lambda: (Cell(2, 3, 2), (4, 2)),
    "transformer with layer norm": lambda: (Attention(2, 4, 2), (4, 2)),
}


def build(name, seed=0):
    """Return a model in float64 with its parameters moved off the special values 0 and 1."""
    model, shape = BUILDERS[name]()
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.double().parameters():
            drawn = torch.randn(parameter.shape, generator=rng, dtype=torch.float64)
            parameter.copy_(parameter + 0.3 * drawn if parameter.ndim == 1 else 0.5 * drawn)
    return model, shape


def start_of(model):
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def tasks_for(shape, tasks=3, points=4, seed=1):
    """Return support and query sets with two-dimensional targets for each task."""
    rng = torch.Generator().manual_seed(seed)

    def draw(*size):
        return torch.randn(*size, generator=rng, dtype=torch.float64)

    return tuple((draw(tasks, n, *shape), draw(tasks, n, 2)) for n in (points, points + 1))
