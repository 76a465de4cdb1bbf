"""The sequences that untrained transformers write, over activation, depth, gain and head."""

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.nets.transformer import Transformer
from ibcore.population import member_seed
from ibcore.redshift.decoding import sample_sequences
from ibcore.redshift.lempel_ziv import lz78
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import generator

CONDITIONS = ("activation", "scale_residual", "depth", "head", "positions")


def phrases_per_token(sequences: Tensor) -> list[float]:
    """Return the number of LZ78 phrases of each row over its length: ``(n, length)`` to n.

    Examples
    --------
    >>> phrases_per_token(torch.tensor([[7, 7, 7, 7, 7, 7], [1, 2, 3, 4, 5, 6]]))
    [0.5, 1.0]
    """
    return [lz78(sequence) / len(sequence) for sequence in sequences.tolist()]


def _run_transformers(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return one row per gain and network: the same weights serve each gain."""
    options = dict(cell)
    draw = {name: options.pop(name) for name in ("gains", "networks", "length")}
    architecture = Transformer(**options, context=cell["length"] + 1)
    sequences = sample_sequences(architecture, **draw, seed=cell["seed"], device=device)
    return pd.concat(
        pd.DataFrame(
            {
                **{name: cell[name] for name in CONDITIONS if name in cell},
                "gain": gain,
                "network": range(cell["networks"]),
                "seed": cell["seed"],
                "lempel_ziv": phrases_per_token(sequences[:, index]),
                "tokens": [len(set(row)) for row in sequences[:, index].tolist()],
            }
        )
        for index, gain in enumerate(cell["gains"])
    )


def _run_shoulders(cell: Cell, device: torch.device) -> pd.DataFrame:
    return _run_transformers(cell, device).drop(columns="tokens")


def _run_sequences(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Measure sequences of known complexity: constant, or of independent random tokens."""
    shape = (cell["networks"], cell["length"] + 1)
    drawn = torch.randint(cell["vocabulary"], shape, generator=generator(cell["seed"]))
    sequences = drawn if cell["kind"] == "random" else drawn[:, :1].expand(shape)
    measures = {"lempel_ziv": phrases_per_token(sequences), "seed": cell["seed"]}
    return pd.DataFrame({"kind": cell["kind"], "network": range(cell["networks"]), **measures})


# What each experiment varies, at every tier.

SIX = ("relu", "gelu", "selu", "tanh", "gaussian", "sine")
FOUR = ("gelu", "selu", "tanh", "sine")
DECADES = (0.1, 0.3, 1.0, 3.0, 10.0)
EIGHTHS = tuple(round(10 ** (k / 4 - 1), 4) for k in range(9))  # 0.1 to 10, four a decade
SIXTHS = tuple(round(10 ** (k / 6 - 1), 2) for k in range(13))  # 0.1 to 10, six a decade
LAPTOP: dict[str, Any] = {
    "gains": DECADES,
    "networks": 64,
    "length": 100,
    "vocabulary": 512,
    "width": 96,
    "heads": 4,
    "seed": 0,
}
SMOKE = {**LAPTOP, "gains": (0.1, 1.0, 10.0), "networks": 5}
GPT2 = {"gains": EIGHTHS, "networks": 1000, "vocabulary": 50257, "width": 768, "heads": 12}
PAPER = {**LAPTOP, **GPT2}


def _architectures(depth: Sequence[int], size: dict[str, Any]) -> list[Cell]:
    """Every activation at every depth, and the other designs with GELU at the first depth."""
    factors = {"activation": SIX, "depth": depth}
    others = {"positions": (True, False), "head": ("tied", "untied")}
    return [
        *design(factors, head="tied", positions=True, **size),
        *design(others, activation="gelu", depth=depth[0], **size)[1:],  # all but the one above
    ]


def _known(size: dict[str, Any]) -> list[Cell]:
    fixed = {name: size[name] for name in ("networks", "length", "vocabulary", "seed")}
    return design({"kind": ("constant", "random")}, **fixed)


# Figure 10 of the paper.  Shown in: limits, "Result 3"; claims redshift.transformer-order,
# transformer-relu, transformer-selu-sine, transformer-gaussian-crosses, transformer-gain,
# transformer-below-random, transformer-tied-head, transformer-positions.
TRANSFORMERS = Experiment(
    "redshift.transformers",
    "How complex are the sequences that untrained transformers write?",
    {
        "smoke": _architectures((6,), SMOKE),
        "laptop": _architectures((6, 3), LAPTOP),
        "paper": _architectures((12, 1, 3, 6, 9), PAPER),
    },
    _run_transformers,
)

# Shown in: limits, "Result 3", as the ends of the scale; no claims.
SEQUENCES = Experiment(
    "redshift.sequences",
    "What is the complexity of a constant and of a random sequence of tokens?",
    {"smoke": _known(SMOKE), "laptop": _known(LAPTOP), "paper": _known(PAPER)},
    _run_sequences,
)


def _plateaus(size: dict[str, Any], *activations: str) -> list[Cell]:
    return design({"activation": activations}, scale_residual=True, **{"depth": 6, **size})


# The residual branches are those of GPT-2.  Shown in: limits, "Result 3"; claims
# redshift.plateau-tanh, plateau-rise, plateau-selu, plateau-gelu.
PLATEAUS = Experiment(
    "redshift.transformer-plateaus",
    "Does complexity rise steadily with the gain, or does it rest on the way?",
    {
        "smoke": _plateaus({**SMOKE, "gains": SIXTHS[6:11:2]}, "gelu", "selu", "tanh"),
        "laptop": _plateaus({**LAPTOP, "gains": SIXTHS, "networks": 100}, *FOUR),
        "paper": _plateaus({**PAPER, "gains": SIXTHS, "depth": 12}, *FOUR),
    },
    _run_shoulders,
)


@torch.no_grad()
def sample_tokens(net: Transformer, seed: int, length: int) -> Tensor:
    """Return a random token and those that a network draws after it, ``(1, length + 1)``."""
    rng = generator(member_seed(seed, 1))
    tokens, past = [torch.randint(net.vocabulary, (1, 1), generator=rng)], None
    for _ in range(length):
        logits, past = net.extend(tokens[-1].to(net.tokens.device), past)
        tokens.append(torch.multinomial(logits[0, -1:].softmax(-1).cpu(), 1, generator=rng))
    return torch.cat(tokens, 1)


def _run_languages(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Measure strings of bits: written by untrained networks, or drawn with equal chances."""
    if cell["kind"] == "random":
        return _run_sequences(cell, device)
    options = {name: cell[name] for name in ("vocabulary", "depth", "width", "heads")}
    options["context"], draw = cell["length"] + 1, {"seed": cell["seed"], "length": cell["length"]}
    if cell["kind"] == "greedy":
        net, networks = Transformer(**options), cell["networks"]
        sequences = sample_sequences(net, networks=networks, **draw, device=device)[:, 0]
    else:
        seeds = [member_seed(cell["seed"], i) for i in range(cell["networks"])]
        nets = (Transformer(**options, seed=seed).to(device) for seed in seeds)
        drawn = map(sample_tokens, nets, seeds, repeat(cell["length"]))
        sequences = torch.cat(list(drawn))
    measures = {"lempel_ziv": phrases_per_token(sequences), "seed": cell["seed"]}
    return pd.DataFrame({"kind": cell["kind"], "network": range(cell["networks"]), **measures})


def _languages(networks: int, **size: int) -> list[Cell]:
    size = {"length": 100, "width": 96, "heads": 4, "depth": 6, **size}
    kinds = {"kind": ("greedy", "sampled", "random")}
    return design(kinds, vocabulary=2, networks=networks, seed=0, **size)


# After Goldblum et al.  Shown in: limits, "Result 3"; claims redshift.language-sampled,
# language-greedy.
LANGUAGES = Experiment(
    "redshift.language-models",
    "Do untrained language models write simpler strings of bits than a coin does?",
    {
        "smoke": _languages(20, depth=2),
        "laptop": _languages(150),
        "paper": _languages(10_000, depth=12, width=768, heads=12),
    },
    _run_languages,
)
