"""Guided sequence models and their controls: one network under all conditions is one cell."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, Literal, NamedTuple, get_args

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from ibcore.data import load_tiny_shakespeare
from ibcore.guidance.experiments.guided_trial import (
    GUIDE_SEED,
    final_similarity,
    rated,
    sweep_learning_rates,
)
from ibcore.guidance.guides import Batch, CachedGuide, Guide, NetworkGuide, NoiseGuide
from ibcore.guidance.similarity import cka
from ibcore.guidance.taps import layer_names
from ibcore.guidance.training import Alignment, Distillation, Guided, Schedule, guide
from ibcore.nets import Transformer, count_parameters
from ibcore.population import member_seed
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import Tier, generator

# A recurrent network that answers at every token, layer by layer open to taps.

Start = Literal["uniform", "orthogonal"]

_CHUNK = 512  # sequences at once


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
def predict(model: nn.Module, x: Tensor) -> Tensor:
    """Return a network's logits for many sequences, (n, t, classes), a chunk at a time.

    Examples
    --------
    >>> predict(SequenceRNN(3, 3, width=4), torch.zeros(600, 2, dtype=torch.int64)).shape
    torch.Size([600, 2, 3])
    """
    return torch.cat([model(part) for part in torch.split(x, _CHUNK)])


def _elman(width: int) -> nn.RNN:
    """Return a layer without drawing from the global random state."""
    return nn.RNN(width, width, batch_first=True, device="meta").to_empty(device="cpu")


# Problems on sequences of tokens: copying, running parity, and the characters of plays.

Part = Literal["train", "validation", "test"]

SILENT = -100  # the answer where none is asked for, as in torch
_TURN = {"train": 0, "validation": 1, "test": 2}
_KEPT = {"train": (0.0, 0.9), "validation": (0.9, 0.95), "test": (0.95, 1.0)}  # of a text


class Tokens(NamedTuple):
    """Sequences, and what is to be said at each of their tokens.

    Attributes
    ----------
    x, y
        Tokens and answers (n, t), int64; -100 where no answer is asked for.
    floor
        Mean cross-entropy in nats of an ideal reader on these answers, nan where unknown.
    """

    x: Tensor
    y: Tensor
    floor: float


def _part_generator(part: Part, seed: int) -> torch.Generator:
    """Return a generator of its own for each part."""
    return generator(member_seed(seed, _TURN[part]))


@dataclass(frozen=True)
class Copying:
    """Symbols at random, a separator, and the same symbols again, which are to be said.

    Examples
    --------
    >>> x, y, _ = Copying(symbols=2, copied=3).draw("train", 1, 0)
    >>> x.shape, y[0, :3].tolist(), bool((y[:, 3:] == x[:, :3]).all())
    (torch.Size([1, 6]), [-100, -100, -100], True)
    """

    symbols: int = 8
    copied: int = 12

    @property
    def vocabulary(self) -> int:
        """Number of tokens: the symbols and the separator."""
        return self.symbols + 1

    @property
    def answers(self) -> int:
        """Number of answers: the symbols."""
        return self.symbols

    @property
    def length(self) -> int:
        """Tokens in a sequence; the last symbol is only said."""
        return 2 * self.copied

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many sequences."""
        rng = _part_generator(part, seed)
        drawn = torch.randint(0, self.symbols, (count, self.copied), generator=rng)
        separator, silent = (torch.full((count, 1), v) for v in (self.symbols, SILENT))
        x = torch.cat([drawn, separator, drawn[:, :-1]], 1)  # (n, 2 * copied)
        return Tokens(x, torch.cat([silent.expand_as(drawn), drawn], 1), 0.0)


@dataclass(frozen=True)
class Parity:
    """Bits at random; at each of them, whether the ones so far are odd in number.

    Examples
    --------
    >>> x, y, _ = Parity(4).draw("test", 2, 0)
    >>> bool((y == x.cumsum(1) % 2).all())
    True
    """

    length: int = 16

    vocabulary = answers = 2

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many sequences."""
        x = torch.randint(0, 2, (count, self.length), generator=_part_generator(part, seed))
        return Tokens(x, x.cumsum(1) % 2, 0.0)


@dataclass(frozen=True)
class Shakespeare:
    """Windows of the plays, character by character; each part is a stretch of its own.

    Raises
    ------
    ValueError, OSError, ImportError
        When drawing, if the text cannot be had (`ibcore.data.load_tiny_shakespeare`).

    Examples
    --------
    >>> Shakespeare().draw("train", 4, 0).x.shape  # doctest: +SKIP
    torch.Size([4, 128])
    """

    length: int = 128

    @property
    def vocabulary(self) -> int:
        """Number of different characters."""
        return int(_characters().max()) + 1

    answers = vocabulary  # all characters

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many windows at random places of a part."""
        text = _characters()
        first, end = (int(share * len(text)) for share in _KEPT[part])
        starts = torch.randint(
            first, end - self.length, (count, 1), generator=_part_generator(part, seed)
        )
        window = text[starts + torch.arange(self.length + 1)]  # (n, length + 1)
        return Tokens(window[:, :-1], window[:, 1:], float("nan"))


@lru_cache(maxsize=1)
def _characters() -> Tensor:
    """Return the text as numbers of its characters in sorted order."""
    codes = torch.tensor([ord(c) for c in load_tiny_shakespeare()])
    numbers: Tensor = torch.unique(codes, return_inverse=True)[1]
    return numbers


# Text from a probabilistic grammar with nested phrases, of which the entropy is known.

_SHARPNESS = 2.0  # of the probabilities of words


@dataclass(frozen=True)
class Nested:
    r"""Text of a probabilistic grammar with nested phrases, whose entropy is known.

    A phrase is a chain of words, each drawn given the word before.  At each place it may be
    interrupted by a phrase inside brackets of one of several kinds, after whose end it goes on from
    the word before.  With the stack of open phrases :math:`s`, which all earlier tokens determine,

    .. math:: p(\text{open } k) = o/K,\quad p(\text{close the last}) = c,\quad
              p(w) = (1 - o - c)\,P_{s, w}

    with o = 0 at the greatest depth and c = 0 outside all brackets.  The floor is the mean of
    :math:`-\log p` over the answers, the next tokens.  The table P is softmax of normal numbers
    times 2, drawn once with seed 0; its rows are the word before, or the kind of bracket.

    Examples
    --------
    >>> x, y, floor = Nested().draw("train", 50, 0)
    >>> x.shape, bool((x[:, 1:] == y[:, :-1]).all()), 2 < floor < 2.3
    (torch.Size([50, 24]), True, True)
    """

    words: int = 12
    kinds: int = 6
    depth: int = 4
    length: int = 24
    opens: float = 0.25
    closes: float = 0.3

    @property
    def vocabulary(self) -> int:
        """Number of tokens: words, opening and closing brackets."""
        return self.words + 2 * self.kinds

    answers = vocabulary  # all tokens

    def probabilities(self, kinds: Tensor, before: Tensor, level: Tensor) -> Tensor:
        """Return the probability of each next token, (n, vocabulary), float64.

        ``kinds`` (n, depth) and ``before`` (n, depth + 1) are the stack: the bracket that opened
        each phrase, and the row of the table for its next word; ``level`` (n,) its height.
        """
        rows = torch.arange(len(level))
        p = torch.zeros(len(level), self.vocabulary, dtype=torch.float64)
        opens = self.opens * (level < self.depth).double()
        closes = self.closes * (level > 0).double()
        p[:, : self.words] = (1 - opens - closes)[:, None] * self._table()[before[rows, level]]
        p[:, self.words : self.words + self.kinds] = (opens / self.kinds)[:, None]
        last = kinds[rows, (level - 1).clamp(min=0)]
        p[rows, self.words + self.kinds + last] = closes
        return p

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many texts, each from its beginning."""
        rng, rows = _part_generator(part, seed), torch.arange(count)
        kinds = torch.zeros(count, self.depth, dtype=torch.int64)
        before = torch.full((count, self.depth + 1), self.words + self.kinds)
        level = torch.zeros(count, dtype=torch.int64)
        said, surprise = [], []
        for _ in range(self.length + 1):
            p = self.probabilities(kinds, before, level)
            token = torch.multinomial(p, 1, generator=rng)[:, 0]
            said.append(token)
            surprise.append(-p[rows, token].log())
            self._follow(token, kinds, before, level)
        text = torch.stack(said, 1)  # (n, length + 1)
        return Tokens(text[:, :-1], text[:, 1:], torch.stack(surprise[1:]).mean().item())

    def _follow(self, token: Tensor, kinds: Tensor, before: Tensor, level: Tensor) -> None:
        """Bring the stack up to date, in place."""
        opened = (token >= self.words) & (token < self.words + self.kinds)
        word, closed = token < self.words, token >= self.words + self.kinds
        before[word, level[word]] = token[word]
        kinds[opened, level[opened]] = token[opened] - self.words
        level += opened.long() - closed.long()
        before[opened, level[opened]] = token[opened]

    def _table(self) -> Tensor:
        """Return the probability of a word after each word, in each bracket and at the start."""
        shape = (self.words + self.kinds + 1, self.words)
        drawn = torch.randn(shape, generator=generator(0), dtype=torch.float64)
        return (_SHARPNESS * drawn).softmax(1)


# Guidance token by token: how tokens are compared, and distillation.


@dataclass(frozen=True)
class TokenCKA:
    """Biased linear CKA with the tokens of all sequences as points: (n, t p) to (n t, p).

    Examples
    --------
    >>> x = torch.rand(6, 8, generator=torch.Generator().manual_seed(0))
    >>> round(TokenCKA(tokens=4)(x, x.reshape(24, 2).flip(1).reshape(6, 8)).item(), 4)
    1.0
    """

    tokens: int

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the similarity of two layers."""
        x, y = (z.reshape(len(z) * self.tokens, -1) for z in (x, y))  # (n * t, p)
        return cka(x, y, unbiased=False)


class TokenDistillation:
    r"""Half the task, half the outputs of a teacher at each token where an answer is asked for.

    .. math:: \tfrac12\,\mathrm{CE}(y, p) + \tfrac12\,T^2\,\mathrm{KL}(q^T\,\Vert\,p^T),\quad T = 2

    as in `ibcore.guidance.Distillation`, with means over tokens.

    Parameters
    ----------
    teacher
        Any module with logits (n, t, classes), of which the target's answers are the first.
    x
        All data.

    References
    ----------
    Hinton, Vinyals and Dean (2015).

    Examples
    --------
    >>> net, x = SequenceRNN(3, 3, width=4), torch.tensor([[2, 0]])
    >>> same = TokenDistillation(net, x)(net(x), Batch(x, x, torch.arange(1)))
    >>> half = functional.cross_entropy(net(x).flatten(0, 1), x.flatten()) / 2
    >>> round((same - half).item(), 6)
    0.0
    """

    def __init__(self, teacher: nn.Module, x: Tensor) -> None:
        self.logits = predict(teacher, x)

    def __call__(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the loss of a batch."""
        asked = batch.y >= 0
        own, labels = outputs[asked], batch.y[asked]  # (tokens, answers)
        known = self.logits[batch.rows][asked][:, : own.shape[-1]]
        rows = torch.arange(len(labels), device=labels.device)
        return Distillation(known)(own, Batch(own, labels, rows))


# What a guided run of sequences consists of: networks, their guides, and their training.

Kind = Literal["trained", "untrained", "same architecture", "noise"]
Comparison = Literal["tokens", "sequences", "per token"]
Problem = Copying | Parity | Nested | Shakespeare


@dataclass(frozen=True)
class SequenceModel:
    """An architecture that answers at every token.

    Examples
    --------
    >>> tokens = torch.zeros(1, 4, dtype=torch.int64)
    >>> SequenceModel("Transformer", 8).build(Parity(4), 0)(tokens).shape
    torch.Size([1, 4, 2])
    """

    architecture: Literal["RNN", "Transformer"]
    width: int
    depth: int = 2
    start: Start = "uniform"

    def build(self, problem: Problem, seed: int) -> nn.Module:
        """Return a network for a problem with its initial weights."""
        size: dict[str, Any] = {"depth": self.depth, "width": self.width, "seed": seed}
        if self.architecture == "RNN":
            return SequenceRNN(problem.vocabulary, problem.answers, start=self.start, **size)
        return Transformer(problem.vocabulary, context=problem.length, head="untied", **size)


class SequenceTrial:
    """Sequences, guides and training of one network on one problem.

    All conditions begin with the same weights and see the same sequences in the same order.

    Parameters
    ----------
    cell
        As `_sequences` makes it.
    device
        Where everything is computed.
    """

    def __init__(self, cell: Cell, device: torch.device) -> None:
        self.cell, self.device = cell, device
        self.problem: Problem = cell["problem"]
        self.seed = member_seed(cell["seed"], cell["network"])
        count = max(cell[name]["sequences"] for name in ("budget", "guide_budget"))
        self.train_set = self._draw("train", count)
        self.validation = self._draw("validation", cell["held_out"])
        self.test = self._draw("test", cell["held_out"])

    def _draw(self, part: Part, count: int) -> Tokens:
        x, y, floor = self.problem.draw(part, count, self.seed)
        return Tokens(x.to(self.device), y.to(self.device), floor)

    @cached_property
    def teacher(self) -> nn.Module:
        """The trained guide."""
        return self._fit(self._drawn("guide", 1), None, self.cell["guide_budget"]).model

    def _drawn(self, name: str, turn: int) -> nn.Module:
        """Return the guide or a network as the target with weights of their own."""
        model: SequenceModel = self.cell[name]
        return model.build(self.problem, member_seed(self.seed, turn * GUIDE_SEED)).to(self.device)

    @cached_property
    def _trained(self) -> Guide:
        return self._watch(self.teacher)

    def _watch(self, net: nn.Module) -> Guide:
        x, y, _ = self.train_set
        return CachedGuide(NetworkGuide(net, layer_names(net, x[:4])), x, y)

    def guide(self, kind: Kind) -> Guide:
        """Return the guide of this kind."""
        networks = {"untrained": ("guide", 1), "same architecture": ("target", 2)}
        if kind == "trained":
            return self._trained
        if kind in networks:
            return self._watch(self._drawn(*networks[kind]))
        if kind == "noise":
            features = self.cell["target"].width * self.problem.length
            return NoiseGuide(len(self.train_set.x), features=features, seed=self.seed)
        raise ValueError(f"unknown guide {kind!r}; choose one of {', '.join(get_args(Kind))}")

    def train(self, condition: Cell, *, steps: int, learning_rate: float) -> Guided:
        """Return the target trained under a condition."""
        kind, options = condition["guide"], {}
        if kind is not None:
            options = {
                "schedule": Schedule(weight=self.cell["weight"]),
                "alignment": _alignment(condition["comparison"], self.problem.length),
                "mapping": "all" if kind == "noise" else "even",
            }
        if condition["distilled"]:
            options["loss"] = TokenDistillation(self.teacher, self.train_set.x)
        target = self.cell["target"]
        net = replace(target, start=condition["start"] or target.start)
        watched = self.guide(kind) if kind else None
        budget = {**self.cell["budget"], "steps": steps, "learning_rate": learning_rate}
        return self._fit(net.build(self.problem, self.seed), watched, budget, **options)

    def _fit(self, net: nn.Module, watched: Guide | None, budget: Cell, **options: Any) -> Guided:
        pace = {name: budget[name] for name in ("steps", "learning_rate", "batch_size")}
        x, y, _ = self.train_set
        return guide(net, watched, x, y, **pace, seed=self.seed, device=self.device, **options)

    def scores(self, net: nn.Module) -> dict[str, Any]:
        """Return the scores of a network."""
        return {
            "parameters": count_parameters(net),
            **_score(net, self.test),
            "validation_loss": _score(net, self.validation)["loss"],
            "similarity": float("nan"),
        }


def _run_sequences(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Train one network under all conditions and return a row for each learning rate.

    ``accuracy`` and ``loss`` (nats) are means over the answers of test sequences, ``last`` is the
    accuracy at the last token, ``excess`` the loss above that of an ideal reader, and
    ``similarity`` the CKA with the guide, averaged over pairs of layers and the last 20 steps.
    The guide itself is the condition ``"guide"``.
    """
    trial = SequenceTrial(cell, device)
    stated = {name: cell["guide_budget"][name] for name in ("learning_rate", "steps")}
    rows = [{"condition": "guide", **stated, **trial.scores(trial.teacher)}]
    rows += sweep_learning_rates(cell["conditions"], cell["budget"], partial(_guided, trial))
    labels = {
        "task": type(cell["problem"]).__name__.lower(),
        "length": cell["problem"].length,
        "answers": cell["problem"].answers,
        "target": cell["target"].architecture,
        "network": cell["network"],
        "seed": cell["seed"],
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


def _guided(trial: SequenceTrial, condition: Cell, steps: int, rate: float) -> dict[str, Any]:
    """Train under one condition at one learning rate and return its scores."""
    done = trial.train(condition, steps=steps, learning_rate=rate)
    # "per token" was a sum over tokens
    terms = trial.problem.length if condition["comparison"] == "per token" else 1
    return {**trial.scores(done.model), "similarity": 1 - (1 - final_similarity(done)) / terms}


def _score(net: nn.Module, data: Tokens) -> dict[str, float]:
    """Return accuracy, that of the last token, loss in nats, and loss above the floor."""
    logits, asked = predict(net, data.x), data.y >= 0
    right = logits.argmax(-1) == data.y
    loss = functional.cross_entropy(logits[asked].double(), data.y[asked]).item()
    return {
        "accuracy": right[asked].double().mean().item(),
        "last": right[:, -1].double().mean().item(),
        "loss": loss,
        "excess": loss - data.floor,
    }


def _alignment(comparison: Comparison, tokens: int) -> Alignment:
    if comparison == "tokens":
        return Alignment(measure=TokenCKA(tokens))
    return Alignment(per_token=comparison == "per token")


# What each experiment varies, at every tier: problems, networks, conditions, and how long.

SIZES: Mapping[Tier, Cell] = {
    "smoke": {"batch_size": 32, "sequences": 1024, "held_out": 300, "guide_rate": 1e-2},
    "laptop": {"batch_size": 32, "sequences": 4096, "held_out": 500, "guide_rate": 1e-2},
    "paper": {"batch_size": 64, "sequences": 200_000, "held_out": 1000, "guide_rate": 1e-3},
}


def _sequences(
    tier: Tier,
    problems: tuple[Problem, ...],
    models: tuple[SequenceModel, SequenceModel],
    conditions: tuple[Cell, ...],
    *,
    steps: tuple[int, int] = (20_000, 20_000),
    networks: int = 5,
    **changes: float,
) -> list[Cell]:
    """Return a cell for each network and problem; models and steps are the target's, the guide's.

    The target learns at rate 0.001, and each compared layer has weight 1.
    """
    size = {**SIZES[tier], **changes}
    sets = {name: size[name] for name in ("batch_size", "sequences")}
    return design(
        {"network": range(2 if tier == "smoke" else networks), "problem": problems},
        target=models[0],
        guide=models[1],
        conditions=conditions,
        budget={**sets, "steps": steps[0], "learning_rate": 1e-3},
        guide_budget={**sets, "steps": steps[1], "learning_rate": size["guide_rate"]},
        weight=1.0,
        held_out=size["held_out"],
        seed=0,
    )


_way = partial(rated, {"comparison": "tokens", "start": None})
BOTH = (1.0, 3.0)
UNGUIDED = _way("unguided", rates=BOTH)
LONGER = _way("longer", longer=2)
ORTHOGONAL = _way("orthogonal", start="orthogonal")
TRAINED, TUNED = (_way("trained", "trained", rates=rates) for rates in ((1.0,), BOTH))
CONTROLS = (_way("untrained", "untrained"), _way("noise", "noise"))
DISTILLATION = _way("distillation", distilled=True)
SMALL = (SequenceModel("RNN", 32), SequenceModel("Transformer", 16))
LARGE = (SequenceModel("RNN", 512, depth=4), SequenceModel("Transformer", 256, depth=4))

FEW = (_way("unguided"), ORTHOGONAL, TRAINED, *CONTROLS)
ALL = (
    UNGUIDED,
    LONGER,
    ORTHOGONAL,
    TUNED,
    _way("trained, per token", "trained", comparison="per token"),
    _way("trained, sequences", "trained", comparison="sequences"),
    CONTROLS[0],
    _way("same architecture", "same architecture"),
    CONTROLS[1],
    DISTILLATION,
)

# Copying: a vanilla recurrent network guided by a transformer.  Shown in: result, "Result 5";
# claim guidance.copying-order.
COPYING = Experiment(
    "guidance.copying",
    "Does a transformer's guidance teach a vanilla recurrent network to copy?",
    {
        "smoke": _sequences("smoke", (Copying(4, 6),), SMALL, FEW, steps=(100, 100)),
        "laptop": _sequences("laptop", (Copying(copied=8),), SMALL, ALL, steps=(300, 200)),
        "paper": _sequences("paper", (Copying(32, 64),), LARGE, ALL),
    },
    _run_sequences,
    tuned={"learning_rate": ("condition",)},
)

PARITY_FEW = (UNGUIDED, LONGER, TUNED, *CONTROLS)
PARITY_ALL = (*PARITY_FEW, DISTILLATION)
PARITIES = tuple(Parity(length) for length in (16, 32, 64))
SHALLOW = (SMALL[1], SequenceModel("RNN", 32, depth=1))
SHALLOW_LARGE = (LARGE[1], SequenceModel("RNN", 256, depth=1))

# Parity: a transformer guided by a recurrent network, for which it is easy.  Shown in: result,
# "Result 5"; claim guidance.parity-longer.
PARITY = Experiment(
    "guidance.parity",
    "Does a recurrent network's guidance teach a transformer parity?",
    {
        "smoke": _sequences("smoke", PARITIES[:1], SHALLOW, PARITY_FEW, steps=(80, 200)),
        "laptop": _sequences(
            "laptop", PARITIES[:1], SHALLOW, PARITY_ALL, steps=(200, 300), guide_rate=3e-3
        ),
        "paper": _sequences("paper", PARITIES, SHALLOW_LARGE, PARITY_ALL),
    },
    _run_sequences,
    tuned={"learning_rate": ("condition",)},
)

TEXT_FEW = (UNGUIDED, TRAINED, *CONTROLS)
TEXT_ALL = (_way("unguided", rates=(1.0, 3.0, 10.0)), LONGER, TUNED, *CONTROLS, DISTILLATION)
TEXTS = (Nested(words=64, kinds=16, depth=6, length=128), Shakespeare())

# Text: a recurrent language model guided by a transformer, on a grammar whose entropy is known.
# Shown in: result, "Result 5"; claims guidance.text-null, text-gap.
TEXT = Experiment(
    "guidance.text",
    "Does a transformer's guidance improve a recurrent language model?",
    {
        "smoke": _sequences("smoke", (Nested(6, 3, length=16),), SMALL, TEXT_FEW, steps=(80, 150)),
        "laptop": _sequences(
            "laptop", (Nested(8, 4, length=16),), SMALL, TEXT_ALL, steps=(200, 300)
        ),
        "paper": _sequences("paper", TEXTS, LARGE, TEXT_ALL),
    },
    _run_sequences,
    tuned={"learning_rate": ("condition",)},
)


# The two tasks on which a network stays far behind its guide at its own best rate: with rates on
# both sides of the best, for networks without a guide, with it, and with noise in its place.

_TUNED = tuple(
    _way(name, guide, rates=(1.0, 3.0, 10.0))
    for name, guide in (("unguided", None), ("trained", "trained"), ("noise", "noise"))
)


def _gap(
    name: str, question: str, tasks: tuple[Problem, ...], models: Any, large: Any, **laptop: Any
) -> Experiment:
    """Return the experiment of a task, the first of which stands for it at the small tiers."""
    small, smoke = tasks[:1], {**laptop, "steps": (80, 100)}
    plans: dict[Tier, list[Cell]] = {
        "smoke": _sequences("smoke", small, models, _TUNED[:2], **smoke),
        "laptop": _sequences("laptop", small, models, _TUNED, networks=10, **laptop),
        "paper": _sequences("paper", tasks, large, _TUNED),
    }
    return Experiment(f"guidance.{name}", question, plans, _run_sequences)


# Shown in: result, "Result 5"; limits, "The abstract"; claims guidance.copying-gap, copying-guided,
# copying-noise-tuned.
COPYING_RATES = _gap(
    "copying-rates",
    "Does a transformer's guidance close the gap of a recurrent network at its best rate?",
    (Copying(copied=8), Copying(32, 64)),
    SMALL,
    LARGE,
    steps=(300, 200),
)

# Shown in: result, "Result 5"; limits, "The abstract"; claims guidance.parity-gap, parity-guided,
# parity-noise.
PARITY_RATES = _gap(
    "parity-rates",
    "Does a recurrent network's guidance close the gap of a transformer at its best rate?",
    PARITIES,
    SHALLOW,
    SHALLOW_LARGE,
    steps=(200, 300),
    guide_rate=3e-3,
)
