"""A small GPT with explicit attention, so that second derivatives and vmap work."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.door import Count, Seed, as_raw, check_memory, door
from ibcore.nets.init import ActivationName, activation_function
from ibcore.nets.network import Depth, linear
from ibcore.nets.recurrent import LayerNorm
from ibcore.runtime import generator

Past = tuple[tuple[Tensor, Tensor], ...]  # keys and values of each block, (batch, heads, t, size)

_EXPANSION = 4  # width of the hidden layer of a block over the width of the model
_SPREAD = 0.02 * math.sqrt(768)  # standard deviation of GPT-2's weights times sqrt(width)
_RESIDUAL = ("out.weight", "down.weight")  # the maps whose results are added to the stream


class Attention(nn.Module):
    r"""Causal attention with several heads, :math:`\operatorname{softmax}(QK^\top/\sqrt{s})V`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = linear(width, 3 * width), linear(width, width)

    def forward(
        self, x: Tensor, past: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the result ``(batch, t, width)``, and all keys and values so far."""
        q, k, v = self.qkv(x).unflatten(-1, (3 * self.heads, -1)).transpose(-3, -2).chunk(3, -3)
        if past is not None:
            k, v = torch.cat([past[0], k], -2), torch.cat([past[1], v], -2)
        scores = q @ k.mT / math.sqrt(q.shape[-1])  # (batch, heads, t, keys)
        new, keys = scores.shape[-2:]
        seen = torch.ones(new, keys, dtype=torch.bool, device=x.device).tril(keys - new)
        weights = scores.masked_fill(~seen, -torch.inf).softmax(-1)
        return self.out((weights @ v).transpose(-3, -2).flatten(-2)), (k, v)


class Block(nn.Module):
    """Attention and a two-layer perceptron, each with a norm before it and a skip around it."""

    def __init__(self, width: int, heads: int, activation: str) -> None:
        super().__init__()
        self.attention_norm, self.attention = LayerNorm(width), Attention(width, heads)
        self.mlp_norm = LayerNorm(width)
        self.up, self.down = linear(width, _EXPANSION * width), linear(_EXPANSION * width, width)
        self.phi = activation_function(activation)

    def forward(
        self, x: Tensor, past: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the stream ``(batch, t, width)``, and all keys and values so far."""
        change, past = self.attention(self.attention_norm(x), past)
        x = x + change
        return x + self.down(self.phi(self.up(self.mlp_norm(x)))), past


@door
class Transformer(nn.Module):
    r"""A decoder-only language model with the layout of GPT-2, at any size.

    Token and position embeddings are added, then ``depth`` blocks update the stream
    (norm, attention, skip; norm, perceptron of four times the width, skip), and a last norm and a
    linear head give one logit for each token.  No dropout.

    The initial weights follow GPT-2.  Its standard deviation 0.02 at width 768 becomes
    :math:`0.554/\sqrt{d}` at width :math:`d`, which keeps the scale of the activations' inputs;
    weights of maps that end in the stream are divided by :math:`\sqrt{2L}` for :math:`L` blocks;
    biases are 0.  Carrying the scale over to other widths is our choice.

    Parameters
    ----------
    vocabulary
        Number of tokens.
    depth, width, heads
        Blocks, width :math:`d` of the stream, and attention heads; heads divide the width.
    context
        Longest sequence that the position embeddings can number.
    activation
        In the perceptrons; one of `ibcore.nets.ACTIVATIONS`.
    gain
        Initial gain of the layer norms.  That of the last norm scales all logits alike.
    head
        ``"tied"``: the logits are products with the token embeddings, as in GPT-2.
        ``"untied"``: with a matrix of their own.
    scale_residual
        Whether the initial weights that end in the stream are divided by :math:`\sqrt{2L}`.
    positions
        Whether there are position embeddings.  Without them ``context`` has no effect.
    seed
        Of the initial parameters.  Parameters that two models share are drawn alike whatever
        the activation, gain, head and positions; only an untied head differs when position
        embeddings, which are drawn before it, are left out.

    Raises
    ------
    ValueError
        If a size is below 1, heads do not divide the width, the gain is not finite, or a name is
        unknown.

    References
    ----------
    Radford et al. (2019), section 2.3; Teney et al. (2024), section 5.

    Examples
    --------
    >>> net = Transformer(11, depth=2, width=8, heads=2)
    >>> net(torch.tensor([[3, 1, 4, 1]])).shape
    torch.Size([1, 4, 11])
    """

    def __init__(
        self,
        vocabulary: Count = 512,
        *,
        depth: Depth = 6,
        width: Count = 96,
        heads: Count = 4,
        context: Count = 128,
        activation: ActivationName = "gelu",
        gain: float = 1.0,
        head: Literal["tied", "untied"] = "tied",
        positions: bool = True,
        scale_residual: bool = True,
        seed: Seed = 0,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"heads must divide the width, got {heads} heads at width {width}")
        check_memory("vocabulary", vocabulary, 4.0 * vocabulary * width)
        check_memory("context", context, 4.0 * context * width)
        self.activation = activation
        self.vocabulary, self.depth, self.width = vocabulary, depth, width
        self.context, self.gain, self.scale_residual = context, gain, scale_residual
        self.tokens = nn.Parameter(torch.empty(vocabulary, width))
        self.blocks = nn.ModuleList([Block(width, heads, activation) for _ in range(depth)])
        self.norm = LayerNorm(width)
        self.head = linear(width, vocabulary, bias=False) if head == "untied" else None
        self.places = nn.Parameter(torch.empty(context, width)) if positions else None
        self.load_state_dict(self.initial_parameters(generator(seed)))

    def initial_parameters(self, rng: torch.Generator) -> dict[str, Tensor]:
        """Draw one set of initial parameters, float32 on the device of the generator.

        A CPU and a CUDA generator give different draws for one seed.
        """
        drawn: dict[str, Tensor] = {}
        share = math.sqrt(2 * self.depth) if self.scale_residual else 1
        order = sorted(self.named_parameters(), key=lambda item: _turn(item[0]))
        for name, parameter in order:
            value = torch.empty(parameter.shape, device=rng.device)
            if name.endswith("bias"):
                drawn[name] = value.zero_()
            elif name.endswith("gain"):
                drawn[name] = value.fill_(self.gain)
            else:
                spread = _SPREAD / math.sqrt(self.width)
                spread /= share if name.endswith(_RESIDUAL) else 1
                drawn[name] = value.normal_(generator=rng).mul_(spread)
        return drawn

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of the next token: ``(batch, t)`` to ``(batch, t, vocabulary)``."""
        return self.extend(tokens)[0]

    def extend(self, tokens: Tensor, past: Past | None = None) -> tuple[Tensor, Past]:
        """Return the logits of new tokens, and the keys and values of all so far.

        Parameters
        ----------
        tokens
            The next t tokens of each sequence, integers of shape ``(batch, t)``.
        past
            What the previous call returned; None at the start.

        Raises
        ------
        ValueError
            If the tokens are not integers of that shape, or the sequence becomes longer than
            the context.
        """
        tokens = as_raw(tokens, "tokens")
        if tokens.is_floating_point() or tokens.dtype == torch.bool or tokens.ndim != 2:
            raise ValueError(
                "tokens must be integers of shape (batch, t), got "
                f"{tokens.dtype} of shape {tuple(tokens.shape)}"
            )
        try:
            x = functional.embedding(tokens, self.tokens)  # (batch, t, width)
        except IndexError:
            low, high = int(tokens.min()), int(tokens.max())
            raise ValueError(
                f"tokens must be from 0 to {self.vocabulary - 1}, got {low} to {high}"
            ) from None
        if self.places is not None:
            start = 0 if past is None else past[0][0].shape[-2]
            x = x + self.places[start : self._end(start + tokens.shape[1])]
        present = []
        for index, block in enumerate(self.blocks):
            x, keys_values = block(x, None if past is None else past[index])
            present.append(keys_values)
        weight = self.tokens if self.head is None else self.head.weight
        return self.norm(x) @ weight.mT, tuple(present)

    def _end(self, length: int) -> int:
        if length > self.context:
            raise ValueError(
                f"a sequence of {length} tokens is longer than the context of {self.context}; "
                "build the model with a longer context or positions=False"
            )
        return length


def _turn(name: str) -> int:
    """Say when a parameter is drawn: what only some models have comes last."""
    return {"places": 1, "head.weight": 2}.get(name, 0)
