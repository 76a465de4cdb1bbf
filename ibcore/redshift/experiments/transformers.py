"""The sequences that untrained transformers write, over activation, depth, gain and head."""

from dataclasses import asdict, dataclass
from itertools import product

import pandas as pd
import torch
from torch import Tensor

from ibcore.nets.transformer import Head, Transformer
from ibcore.redshift.decoding import sample_sequences
from ibcore.redshift.lempel_ziv import lz78
from ibcore.runs import Experiment
from ibcore.runtime import generator

SIX = ("relu", "gelu", "selu", "tanh", "gaussian", "sine")
DECADES = (0.1, 0.3, 1.0, 3.0, 10.0)
EIGHTHS = tuple(round(10 ** (k / 4 - 1), 4) for k in range(9))  # 0.1 to 10, four a decade


@dataclass(frozen=True)
class Transformers:
    """Every activation at every depth, and the other designs with GELU at the first depth."""

    activation: tuple[str, ...] = SIX
    depth: tuple[int, ...] = (6, 3)
    gains: tuple[float, ...] = DECADES
    networks: int = 64
    length: int = 100
    vocabulary: int = 512
    width: int = 96
    heads: int = 4
    seed: int = 0


@dataclass(frozen=True)
class Design:
    """One architecture, at all gains: the same weights serve each gain."""

    activation: str
    depth: int
    head: Head
    positions: bool
    gains: tuple[float, ...]
    networks: int
    length: int
    vocabulary: int
    width: int
    heads: int
    seed: int


@dataclass(frozen=True)
class Sequences:
    """Sequences whose complexity is known: constant, or of independent random tokens."""

    kind: str
    networks: int
    length: int
    vocabulary: int
    seed: int


def _designs(config: Transformers) -> list[Design]:
    plain: list[tuple[str, int, Head, bool]] = [
        (activation, depth, "tied", True)
        for activation, depth in product(config.activation, config.depth)
    ]
    others: list[tuple[str, int, Head, bool]] = [
        ("gelu", config.depth[0], "untied", True),
        ("gelu", config.depth[0], "tied", False),
        ("gelu", config.depth[0], "untied", False),
    ]
    size = (config.gains, config.networks, config.length, config.vocabulary)
    return [Design(*d, *size, config.width, config.heads, config.seed) for d in plain + others]


def phrases_per_token(sequences: Tensor) -> list[float]:
    """Return the number of LZ78 phrases of each row over its length: ``(n, length)`` to n.

    Examples
    --------
    >>> phrases_per_token(torch.tensor([[7, 7, 7, 7, 7, 7], [1, 2, 3, 4, 5, 6]]))
    [0.5, 1.0]
    """
    return [lz78(sequence) / len(sequence) for sequence in sequences.tolist()]


def _run_design(cell: Design, device: torch.device) -> pd.DataFrame:
    options = asdict(cell)
    draw = {name: options.pop(name) for name in ("gains", "networks", "length")}
    architecture = Transformer(**options, context=cell.length + 1)
    sequences = sample_sequences(architecture, **draw, seed=cell.seed, device=device)
    return pd.concat(
        pd.DataFrame(
            {
                **{key: options[key] for key in ("activation", "depth", "head", "positions")},
                "gain": gain,
                "network": range(cell.networks),
                "seed": cell.seed,
                "lempel_ziv": phrases_per_token(sequences[:, index]),
                "tokens": [len(set(row)) for row in sequences[:, index].tolist()],
            }
        )
        for index, gain in enumerate(cell.gains)
    )


def _run_sequences(cell: Sequences, device: torch.device) -> pd.DataFrame:
    rng = generator(cell.seed)
    shape = (cell.networks, cell.length + 1)
    drawn = torch.randint(cell.vocabulary, shape, generator=rng)
    sequences = drawn if cell.kind == "random" else drawn[:, :1].expand(shape)
    measures = {"lempel_ziv": phrases_per_token(sequences)}
    frame = pd.DataFrame({"kind": cell.kind, "network": range(cell.networks), **measures})
    return frame.assign(seed=cell.seed)


TIERS = {
    "smoke": Transformers(depth=(6,), gains=(0.1, 1.0, 10.0), networks=5),
    "laptop": Transformers(),
    "paper": Transformers(  # GPT-2
        depth=(12, 1, 3, 6, 9),
        gains=EIGHTHS,
        networks=1000,
        vocabulary=50257,
        width=768,
        heads=12,
    ),
}

TRANSFORMERS: Experiment[Transformers, Design] = Experiment(  # Figure 10 of the paper
    name="redshift.transformers",
    question="How complex are the sequences that untrained transformers write?",
    tiers=TIERS,  # type: ignore[arg-type]
    cells=_designs,
    run_cell=_run_design,
)

SEQUENCES: Experiment[Transformers, Sequences] = Experiment(
    name="redshift.sequences",
    question="What is the complexity of a constant and of a random sequence of tokens?",
    tiers=TIERS,  # type: ignore[arg-type]
    cells=lambda config: [
        Sequences(kind, config.networks, config.length, config.vocabulary, config.seed)
        for kind in ("constant", "random")
    ],
    run_cell=_run_sequences,
)


# Untrained transformers whose residual branches start at full size, or at that of GPT-2.


@dataclass(frozen=True)
class Shoulders:
    """Every activation with and without the scaling of residual weights, at every gain."""

    activation: tuple[str, ...] = ("gelu", "selu", "tanh", "sine")
    scale_residual: tuple[bool, ...] = (True, False)
    gains: tuple[float, ...] = DECADES
    networks: int = 40
    length: int = 100
    vocabulary: int = 512
    depth: int = 6
    width: int = 96
    heads: int = 4
    seed: int = 0


@dataclass(frozen=True)
class Start:
    """One activation and one initial size of the residual branches, at all gains."""

    activation: str
    scale_residual: bool
    gains: tuple[float, ...]
    networks: int
    length: int
    vocabulary: int
    depth: int
    width: int
    heads: int
    seed: int


def _starts(config: Shoulders) -> list[Start]:
    draw = (config.gains, config.networks, config.length)
    shape = (config.vocabulary, config.depth, config.width, config.heads)
    return [
        Start(activation, scaled, *draw, *shape, config.seed)
        for activation, scaled in product(config.activation, config.scale_residual)
    ]


def _run_start(cell: Start, device: torch.device) -> pd.DataFrame:
    options = asdict(cell)
    draw = {name: options.pop(name) for name in ("gains", "networks", "length")}
    architecture = Transformer(**options, context=cell.length + 1)
    sequences = sample_sequences(architecture, **draw, seed=cell.seed, device=device)
    return pd.concat(
        pd.DataFrame(
            {
                "activation": cell.activation,
                "scale_residual": cell.scale_residual,
                "depth": cell.depth,
                "gain": gain,
                "network": range(cell.networks),
                "seed": cell.seed,
                "lempel_ziv": phrases_per_token(sequences[:, index]),
            }
        )
        for index, gain in enumerate(cell.gains)
    )


SHOULDERS: Experiment[Shoulders, Start] = Experiment(
    name="redshift.transformer-shoulders",
    question="Does the initial size of the residual branches decide where complexity rises?",
    tiers={
        "smoke": Shoulders(activation=("selu",), gains=(0.1, 0.3, 1.0), networks=5),
        "laptop": Shoulders(),
        "paper": Shoulders(
            gains=EIGHTHS, networks=1000, vocabulary=50257, depth=12, width=768, heads=12
        ),
    },
    cells=_starts,
    run_cell=_run_start,
)
