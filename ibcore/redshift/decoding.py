"""Sample the sequences that untrained transformers write, many networks and gains at once."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from ibcore.door import Count, Seed, Whole, check_memory, door
from ibcore.nets.transformer import Past, Transformer
from ibcore.population import member_seed
from ibcore.runtime import generator, resolve_device

_CHUNK_BYTES = {"cpu": 2**26, "cuda": 2**35}  # of parameters held at once


class _Extend(nn.Module):
    """Makes `Transformer.extend` reachable for ``functional_call``."""

    def __init__(self, net: Transformer) -> None:
        super().__init__()
        self.net = net

    def forward(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        logits, past = self.net.extend(tokens, past)
        return logits[:, -1].argmax(-1), past  # (batch,)


@door
def sample_sequences(
    architecture: Transformer,
    *,
    networks: Count = 10,
    gains: Sequence[float] = (1.0,),
    length: Count = 100,
    seed: Seed = 0,
    first: Whole = 0,
    device: torch.device | str | None = None,
) -> Tensor:
    """Draw untrained transformers and let each continue one random token by greedy decoding.

    Every network has fresh weights and a prompt of one token of its own.  The same weights are
    used at each gain of the layer norms.  Keys and values are kept from step to step.

    Parameters
    ----------
    architecture
        Fixes the computation; its own parameter values and gain are not used.
    networks, seed, first
        Networks are members ``first`` to ``first + networks - 1`` of the population with this
        seed, whatever the activation, head and positions of the architecture.
    gains
        Of all layer norms together.
    length
        Tokens to decode after the prompt.
    device
        Where the weights are used.  They are drawn on the CPU, so they are the same everywhere.

    Returns
    -------
    Tensor
        Shape ``(networks, gains, length + 1)``; the prompt comes first.

    Raises
    ------
    ValueError
        If a number is out of range, the sequence does not fit the context, or the device is
        absent.

    References
    ----------
    Teney et al. (2024), section 5.

    Examples
    --------
    >>> net = Transformer(11, depth=1, width=8, heads=2)
    >>> sample_sequences(net, networks=3, gains=(0.5, 1.0), length=5).shape
    torch.Size([3, 2, 6])
    """
    _check(architecture, networks, gains, length)
    target = resolve_device(device)
    return torch.cat(
        [
            decode(
                architecture,
                _stack(architecture, members, target),
                _prompts(architecture, members, target),
                gains,
                length,
            )
            for members in _chunks(architecture, networks, seed, first, target)
        ]
    )


@torch.no_grad()
def decode(
    architecture: Transformer,
    parameters: dict[str, Tensor],
    prompts: Tensor,
    gains: Sequence[float],
    length: int,
) -> Tensor:
    """Continue prompts ``(m,)`` by m networks with stacked parameters: ``(m, gains, length + 1)``.

    Examples
    --------
    >>> net = Transformer(11, depth=1, width=8, heads=2)
    >>> stacked = {name: p.detach()[None] for name, p in net.named_parameters()}
    >>> decode(net, stacked, torch.tensor([3]), (1.0,), 2)[0, 0, 0]
    tensor(3)
    """
    gain = torch.tensor(gains, device=prompts.device)[:, None, None]  # (gains, 1, 1)
    named = {f"net.{k}": gain if k.endswith("gain") else v for k, v in parameters.items()}
    dims = {name: None if name.endswith("gain") else 0 for name in named}
    extend = _Extend(architecture)

    def step(p: dict[str, Tensor], tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        result: tuple[Tensor, Past] = functional_call(extend, p, (tokens, past))
        return result

    tokens = prompts[:, None].expand(-1, len(gains))  # (m, gains)
    sequence, past = [tokens], None
    for _ in range(length):
        batched = vmap(step, in_dims=(dims, 0, None if past is None else 0))
        tokens, past = batched(named, tokens[..., None], past)
        sequence.append(tokens)
    return torch.stack(sequence, -1)


def _chunks(
    net: Transformer, networks: int, seed: int, first: int, device: torch.device
) -> Iterator[list[int]]:
    """Yield the members' seeds, as many at once as the memory for parameters allows."""
    size = sum(p.numel() * p.element_size() for p in net.parameters())
    chunk = max(1, _CHUNK_BYTES.get(device.type, _CHUNK_BYTES["cpu"]) // size)
    seeds = [member_seed(seed, first + i) for i in range(networks)]
    for start in range(0, networks, chunk):
        yield seeds[start : start + chunk]


def _stack(net: Transformer, seeds: list[int], device: torch.device) -> dict[str, Tensor]:
    stacked = {
        name: torch.empty(len(seeds), *p.shape, device=device) for name, p in net.named_parameters()
    }
    for index, seed in enumerate(seeds):
        for name, value in net.initial_parameters(generator(seed)).items():
            stacked[name][index] = value
    return stacked


def _prompts(net: Transformer, seeds: list[int], device: torch.device) -> Tensor:
    """Draw one token for each member, from a generator of its own on the CPU."""
    rngs = [generator(member_seed(seed, 1)) for seed in seeds]
    drawn = [torch.randint(net.vocabulary, (1,), generator=rng) for rng in rngs]
    return torch.cat(drawn).to(device)


def _check(net: Transformer, networks: int, gains: Sequence[float], length: int) -> None:
    if not gains:
        raise ValueError("gains must hold at least one number, got none")
    if net.places is not None and length > net.context:
        raise ValueError(
            f"length must be at most the context of {net.context}, got {length}; build the model "
            "with a longer context or positions=False"
        )
    kept = 8.0 * len(gains) * length * net.depth * net.width  # bytes of keys and values
    check_memory("length", length, kept)
    check_memory("networks", networks, 8.0 * networks * len(gains) * length)
