"""A recurrent network that answers at every token, layer by layer open to taps."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from ibcore.runtime import generator

Start = Literal["uniform", "orthogonal"]

_CHUNK = 512  # sequences read at once


class SequenceRNN(nn.Module):
    r"""Elman layers that answer at every token: tokens (n, t) to logits (n, t, vocabulary).

    :math:`h_t = \tanh(W x_t + U h_{t-1} + b)` in each layer, with the layers of `torch.nn`, whose
    states at all times can be tapped (those of `ibcore.nets.RNN` cannot, layer by layer).

    Parameters
    ----------
    vocabulary, answers
        Number of tokens, and of answers.
    depth, width
        Layers, and units in each.
    start
        Of U: ``"uniform"`` as all other weights, in :math:`\pm 1/\sqrt{w}`, or a random
        ``"orthogonal"`` matrix, which keeps the length of the state.
    seed
        Of the initial parameters.

    References
    ----------
    Elman (1990); for orthogonal U, Le, Jaitly and Hinton (2015) and Arjovsky et al. (2016).

    Examples
    --------
    >>> SequenceRNN(5, 4, width=8)(torch.zeros(2, 7, dtype=torch.int64)).shape
    torch.Size([2, 7, 4])
    """

    def __init__(
        self,
        vocabulary: int,
        answers: int,
        *,
        depth: int = 2,
        width: int = 64,
        start: Start = "uniform",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.width, self.start = width, start
        self.tokens = nn.Parameter(torch.empty(vocabulary, width))
        self.layers = nn.ModuleList([_elman(width) for _ in range(depth)])
        self.head = skip_init(nn.Linear, width, answers)  # type: ignore[no-untyped-call]
        self.draw(seed)

    @torch.no_grad()
    def draw(self, seed: int) -> None:
        """Set the initial parameters; embeddings are standard normal."""
        rng, bound = generator(seed), 1 / math.sqrt(self.width)
        for name, parameter in self.named_parameters():
            value = torch.empty(parameter.shape, dtype=torch.float64)
            value.uniform_(-bound, bound, generator=rng)
            if name == "tokens":
                value.normal_(generator=rng)
            elif self.start == "orthogonal" and "weight_hh" in name:
                q, r = torch.linalg.qr(value.normal_(generator=rng))
                value = q * r.diagonal().sign()
            parameter.copy_(value)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits at each token."""
        h = functional.embedding(tokens, self.tokens)  # (n, t, width)
        for layer in self.layers:
            h, _ = layer(h)
        logits: Tensor = self.head(h)
        return logits


@torch.no_grad()
def read(model: nn.Module, x: Tensor) -> Tensor:
    """Return a network's logits for many sequences, (n, t, classes), a chunk at a time.

    Examples
    --------
    >>> read(SequenceRNN(3, 3, width=4), torch.zeros(600, 2, dtype=torch.int64)).shape
    torch.Size([600, 2, 3])
    """
    return torch.cat([model(part) for part in torch.split(x, _CHUNK)])


def _elman(width: int) -> nn.RNN:
    """Return a layer without drawing from the global random state."""
    return nn.RNN(width, width, batch_first=True, device="meta").to_empty(device="cpu")
