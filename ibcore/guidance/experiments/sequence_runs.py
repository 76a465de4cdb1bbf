"""Guided sequence models and their controls: one network under all conditions is one cell."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

from ibcore.data import load_tiny_shakespeare
from ibcore.guidance.experiments.guided_trial import (
    GUIDE_SEED,
    CachedGuide,
    final_similarity,
    sweep_learning_rates,
)
from ibcore.guidance.guides import Batch, Guide, NetworkGuide, NoiseGuide
from ibcore.guidance.similarity import cka
from ibcore.guidance.taps import layer_names
from ibcore.guidance.training import Alignment, Guided, Schedule, guide
from ibcore.nets import Transformer, count_parameters
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.runtime import generator

# A recurrent network that answers at every token, layer by layer open to taps.

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


def part_generator(part: Part, seed: int) -> torch.Generator:
    """Return a generator of its own for each part.

    Examples
    --------
    >>> seeds = {part_generator(part, 0).initial_seed() for part in ("train", "test")}
    >>> len(seeds)
    2
    """
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
        rng = part_generator(part, seed)
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

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return 2

    @property
    def answers(self) -> int:
        """Number of answers."""
        return 2

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many sequences."""
        x = torch.randint(0, 2, (count, self.length), generator=part_generator(part, seed))
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

    @property
    def answers(self) -> int:
        """Number of answers: all characters."""
        return self.vocabulary

    def draw(self, part: Part, count: int, seed: int) -> Tokens:
        """Return so many windows at random places of a part."""
        text = _characters()
        first, end = (int(share * len(text)) for share in _KEPT[part])
        starts = torch.randint(
            first, end - self.length, (count, 1), generator=part_generator(part, seed)
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

    @property
    def answers(self) -> int:
        """Number of answers: all tokens."""
        return self.vocabulary

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
        rng, rows = part_generator(part, seed), torch.arange(count)
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


# What a guided run of sequences consists of: networks, conditions, budgets and cells.

Kind = Literal["trained", "untrained", "same architecture", "inputs", "answers", "noise"]
Comparison = Literal["tokens", "sequences", "per token"]
Problem = Copying | Parity | Nested | Shakespeare


@dataclass(frozen=True)
class SequenceModel:
    """An architecture that answers at every token."""

    architecture: Literal["RNN", "Transformer"]
    width: int
    depth: int = 2
    start: Start = "uniform"


@dataclass(frozen=True)
class Condition:
    """How the target is trained.

    Attributes
    ----------
    name
        Of the condition.
    guide
        None for no guide.
    comparison
        CKA over all ``"tokens"`` of the batch, over ``"sequences"`` with the features of all
        tokens side by side, or over sequences ``"per token"``, summed over tokens.
    rates
        Learning rates over the stated one; with several, the best on validation sequences is
        reported once more under the name ``"tuned ..."``.
    longer
        Steps over the stated number.
    start
        Replaces the target's.
    distilled
        Whether the trained guide's outputs are half of the task.
    """

    name: str
    guide: Kind | None = None
    comparison: Comparison = "tokens"
    rates: tuple[float, ...] = (1.0,)
    longer: int = 1
    start: Start | None = None
    distilled: bool = False


@dataclass(frozen=True)
class Budget:
    """Adam on batches of sequences that are drawn once."""

    steps: int = 400
    learning_rate: float = 1e-3
    batch_size: int = 64
    sequences: int = 8192


@dataclass(frozen=True)
class Sequences:
    """Every problem and network is a cell; ``weight`` is that of each compared layer."""

    problems: tuple[Problem, ...]
    target: SequenceModel
    guide: SequenceModel
    conditions: tuple[Condition, ...]
    budget: Budget = Budget()
    guide_budget: Budget = Budget(learning_rate=3e-3)
    weight: float = 1.0
    held_out: int = 1000
    networks: int = 5
    seed: int = 0


@dataclass(frozen=True)
class SequenceCell:
    """One network on one problem, under all conditions."""

    problem: Problem
    target: SequenceModel
    guide: SequenceModel
    conditions: tuple[Condition, ...]
    budget: Budget
    guide_budget: Budget
    weight: float
    held_out: int
    network: int
    seed: int


def sequence_cells(config: Sequences) -> list[SequenceCell]:
    """Return one cell for each network and problem.

    Examples
    --------
    >>> net = SequenceModel("RNN", 4)
    >>> len(sequence_cells(Sequences((Parity(4),), net, net, (Condition("unguided"),))))
    5
    """
    rest = (config.target, config.guide, config.conditions, config.budget, config.guide_budget)
    tail = (config.weight, config.held_out)
    return [
        SequenceCell(problem, *rest, *tail, network, config.seed)
        for network in range(config.networks)
        for problem in config.problems
    ]


def build(reader: SequenceModel, problem: Problem, seed: int) -> nn.Module:
    """Return a network with its initial weights.

    Examples
    --------
    >>> import torch
    >>> tokens = torch.zeros(1, 4, dtype=torch.int64)
    >>> build(SequenceModel("Transformer", 8), Parity(4), 0)(tokens).shape
    torch.Size([1, 4, 2])
    """
    if reader.architecture == "RNN":
        return SequenceRNN(
            problem.vocabulary,
            problem.answers,
            depth=reader.depth,
            width=reader.width,
            start=reader.start,
            seed=seed,
        )
    return Transformer(
        problem.vocabulary,
        depth=reader.depth,
        width=reader.width,
        context=problem.length,
        head="untied",
        seed=seed,
    )


# Guidance token by token: how tokens are compared, guides of tokens, and distillation.


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


class AnswerGuide:
    """The answers at each token, one-hot, (b, t, classes); zeros where none is asked for.

    Examples
    --------
    >>> batch = Batch(torch.zeros(1, 2), torch.tensor([[-100, 1]]), torch.arange(1))
    >>> AnswerGuide(3)(batch)["answers"].tolist()
    [[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """

    fixed = True

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the answers of a batch."""
        asked = batch.y >= 0
        answers = functional.one_hot(batch.y.where(asked, torch.zeros_like(batch.y)), self.classes)
        return {"answers": (answers * asked[..., None]).float()}


class InputGuide:
    """The tokens themselves, one-hot, (b, t, vocabulary).

    Examples
    --------
    >>> batch = Batch(torch.tensor([[2, 0]]), torch.zeros(1), torch.arange(1))
    >>> InputGuide(3)(batch)["inputs"].tolist()
    [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
    """

    fixed = True

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the tokens of a batch."""
        return {"inputs": functional.one_hot(batch.x, self.vocabulary).float()}


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
    >>> from ibcore.guidance.experiments.sequence_runs import SequenceRNN
    >>> net, x = SequenceRNN(3, 3, width=4), torch.tensor([[2, 0]])
    >>> same = TokenDistillation(net, x)(net(x), Batch(x, x, torch.arange(1)))
    >>> half = functional.cross_entropy(net(x).flatten(0, 1), x.flatten()) / 2
    >>> round((same - half).item(), 6)
    0.0
    """

    temperature = 2.0

    def __init__(self, teacher: nn.Module, x: Tensor) -> None:
        self.logits = read(teacher, x)

    def __call__(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the loss of a batch."""
        asked = batch.y >= 0
        own, labels = outputs[asked], batch.y[asked]  # (tokens, answers)
        known = self.logits[batch.rows][asked][:, : own.shape[-1]]
        teacher = (known / self.temperature).log_softmax(-1)
        student = (own / self.temperature).log_softmax(-1)
        gap = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
        return (functional.cross_entropy(own, labels) + self.temperature**2 * gap) / 2


@dataclass(frozen=True, eq=False)
class _Stage:
    """What all conditions of a cell share: its sequences, and the trained guide."""

    cell: SequenceCell
    train: Tokens
    validation: Tokens
    test: Tokens
    teacher: nn.Module
    trained: Guide
    device: torch.device

    @classmethod
    def set(cls, cell: SequenceCell, device: torch.device) -> "_Stage":
        """Draw the sequences and train the guide."""
        own = member_seed(cell.seed, cell.network)
        count = max(cell.budget.sequences, cell.guide_budget.sequences)
        train = _on(cell.problem.draw("train", count, own), device)
        validation = _on(cell.problem.draw("validation", cell.held_out, own), device)
        test = _on(cell.problem.draw("test", cell.held_out, own), device)
        teacher = build(cell.guide, cell.problem, member_seed(own, GUIDE_SEED)).to(device)
        teacher = _train(teacher, None, train, cell.guide_budget, seed=own).model
        views = CachedGuide(_tapped(teacher, train), train.x, train.y)
        return cls(cell, train, validation, test, teacher, views, device)

    def watcher(self, kind: Kind | None) -> Guide | None:
        """Return the guide of this kind."""
        cell, x, y = self.cell, self.train.x, self.train.y
        own = member_seed(cell.seed, cell.network)
        if kind in ("untrained", "same architecture"):
            reader, turn = (cell.guide, 1) if kind == "untrained" else (cell.target, 2)
            net = build(reader, cell.problem, member_seed(own, turn * GUIDE_SEED)).to(self.device)
            return CachedGuide(_tapped(net, self.train), x, y)
        if kind == "noise":
            features = cell.target.width * cell.problem.length
            return NoiseGuide(len(x), features=features, seed=own)
        known: dict[Kind | None, Guide | None] = {
            None: None,
            "trained": self.trained,
            "inputs": InputGuide(cell.problem.vocabulary),
            "answers": AnswerGuide(cell.problem.answers),
        }
        return known[kind]


def run_sequences(cell: SequenceCell, device: torch.device) -> pd.DataFrame:
    """Train one network under all conditions and return a row for each learning rate.

    ``accuracy`` and ``loss`` (nats) are means over the answers of test sequences, ``last`` is the
    accuracy at the last token, ``excess`` the loss above that of an ideal reader, and
    ``similarity`` the CKA with the guide, averaged over pairs of layers and the last 20 steps.
    The guide itself is the condition ``"guide"``.

    Examples
    --------
    >>> from ibcore.guidance.experiments.sequence_runs import Parity, SequenceModel, Sequences
    >>> from ibcore.guidance.experiments.sequence_runs import sequence_cells
    >>> net, budget = SequenceModel("RNN", 4), Budget(steps=2, sequences=64)
    >>> conditions = (Condition("unguided"), Condition("trained", "trained"))
    >>> config = Sequences((Parity(4),), net, net, conditions, budget, budget, held_out=10)
    >>> run_sequences(sequence_cells(config)[0], torch.device("cpu")).condition.tolist()
    ['guide', 'unguided', 'trained']
    """
    stage = _Stage.set(cell, device)
    rows = [{"condition": "guide", **_row(stage, stage.teacher, cell.guide_budget)}]
    rows += sweep_learning_rates(cell.conditions, partial(_guided, stage))
    labels = {
        "task": type(cell.problem).__name__.lower(),
        "length": cell.problem.length,
        "answers": cell.problem.answers,
        "target": cell.target.architecture,
        "network": cell.network,
        "seed": cell.seed,
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


def _guided(stage: _Stage, condition: Condition, rate: float) -> dict[str, Any]:
    """Train under one condition at one learning rate and return its row."""
    cell = stage.cell
    reader = replace(cell.target, start=condition.start or cell.target.start)
    own = member_seed(cell.seed, cell.network)
    stated = cell.budget
    budget = replace(
        stated,
        steps=stated.steps * condition.longer,
        learning_rate=round(stated.learning_rate * rate, 12),
    )
    watcher = stage.watcher(condition.guide)
    options: dict[str, Any] = {}
    if watcher is not None:
        one = condition.guide in ("inputs", "answers", "noise")
        options = {
            "schedule": Schedule(weight=cell.weight),
            "alignment": _alignment(condition.comparison, cell.problem.length),
            "mapping": "all" if one else "even",
        }
    if condition.distilled:
        options["loss"] = TokenDistillation(stage.teacher, stage.train.x)
    net = build(reader, cell.problem, own)
    done = _train(net, watcher, stage.train, budget, seed=own, **options)
    row = _row(stage, done.model, budget)
    row["similarity"] = _similarity(done, condition, cell.problem.length)
    return {"condition": condition.name, **row}


def _train(
    net: nn.Module, watcher: Guide | None, train: Tokens, budget: Budget, **options: Any
) -> Guided:
    return guide(
        net,
        watcher,
        train.x,
        train.y,
        steps=budget.steps,
        batch_size=budget.batch_size,
        learning_rate=budget.learning_rate,
        device=train.x.device,
        **options,
    )


def _row(stage: _Stage, net: nn.Module, budget: Budget) -> dict[str, Any]:
    """Return the scores of a network."""
    return {
        "learning_rate": budget.learning_rate,
        "steps": budget.steps,
        "parameters": count_parameters(net),
        **score(net, stage.test),
        "validation_loss": score(net, stage.validation)["loss"],
        "similarity": float("nan"),
    }


def _similarity(done: Guided, condition: Condition, tokens: int) -> float:
    """Return the mean over pairs of layers and the last steps, nan without a guide."""
    share = tokens if condition.comparison == "per token" else 1  # that was a sum over tokens
    return 1 - (1 - final_similarity(done)) / share


def score(net: nn.Module, data: Tokens) -> dict[str, float]:
    """Return accuracy, that of the last token, loss in nats, and loss above the floor.

    Examples
    --------
    >>> from ibcore.guidance.experiments.sequence_runs import Parity, SequenceModel
    >>> sorted(score(build(SequenceModel("RNN", 4), Parity(4), 0), Parity(4).draw("test", 9, 0)))
    ['accuracy', 'excess', 'last', 'loss']
    """
    logits, asked = read(net, data.x), data.y >= 0
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


def _tapped(net: nn.Module, train: Tokens) -> NetworkGuide:
    return NetworkGuide(net, layer_names(net, train.x[:4]))


def _on(data: Tokens, device: torch.device) -> Tokens:
    return Tokens(data.x.to(device), data.y.to(device), data.floor)


# Copying: a vanilla recurrent network guided by a transformer.

FEW = (
    Condition("unguided"),
    Condition("orthogonal", start="orthogonal"),
    Condition("trained", "trained"),
    Condition("untrained", "untrained"),
    Condition("noise", "noise"),
)
ALL = (
    Condition("unguided", rates=(1.0, 3.0)),
    Condition("longer", longer=2),
    Condition("orthogonal", start="orthogonal"),
    Condition("trained", "trained", rates=(1.0, 3.0)),
    Condition("trained, per token", "trained", "per token"),
    Condition("trained, sequences", "trained", "sequences"),
    Condition("untrained", "untrained"),
    Condition("same architecture", "same architecture"),
    Condition("noise", "noise"),
    Condition("distillation", distilled=True),
)

COPYING: Experiment[Sequences, SequenceCell] = Experiment(
    name="guidance.copying",
    question="Does a transformer's guidance teach a vanilla recurrent network to copy?",
    tiers={
        "smoke": Sequences(
            (Copying(symbols=4, copied=6),),
            SequenceModel("RNN", 32),
            SequenceModel("Transformer", 16),
            FEW,
            Budget(steps=100, batch_size=32, sequences=1024),
            Budget(steps=100, batch_size=32, sequences=1024, learning_rate=1e-2),
            held_out=300,
            networks=2,
        ),
        "laptop": Sequences(
            (Copying(copied=8),),
            SequenceModel("RNN", 32),
            SequenceModel("Transformer", 16),
            ALL,
            Budget(steps=300, batch_size=32, sequences=4096),
            Budget(steps=200, batch_size=32, sequences=4096, learning_rate=1e-2),
            held_out=500,
        ),
        "paper": Sequences(
            (Copying(32, 64),),
            SequenceModel("RNN", 512, depth=4),
            SequenceModel("Transformer", 256, depth=4),
            ALL,
            Budget(steps=20_000, sequences=200_000),
            Budget(steps=20_000, sequences=200_000),
        ),
    },
    cells=sequence_cells,
    run_cell=run_sequences,
)


# Parity: a transformer guided by a recurrent network, for which it is easy.

PARITY_FEW = (
    Condition("unguided", rates=(1.0, 3.0)),
    Condition("longer", longer=2),
    Condition("trained", "trained", rates=(1.0, 3.0)),
    Condition("untrained", "untrained"),
    Condition("noise", "noise"),
)
PARITY_ALL = (*PARITY_FEW, Condition("distillation", distilled=True))

PARITY: Experiment[Sequences, SequenceCell] = Experiment(
    name="guidance.parity",
    question="Does a recurrent network's guidance teach a transformer parity?",
    tiers={
        "smoke": Sequences(
            (Parity(16),),
            SequenceModel("Transformer", 16),
            SequenceModel("RNN", 32, depth=1),
            PARITY_FEW,
            Budget(steps=80, batch_size=32, sequences=1024),
            Budget(steps=200, batch_size=32, sequences=1024, learning_rate=1e-2),
            held_out=300,
            networks=2,
        ),
        "laptop": Sequences(
            (Parity(16),),
            SequenceModel("Transformer", 16),
            SequenceModel("RNN", 32, depth=1),
            PARITY_ALL,
            Budget(steps=200, batch_size=32, sequences=4096),
            Budget(steps=300, batch_size=32, sequences=4096, learning_rate=3e-3),
            held_out=500,
        ),
        "paper": Sequences(
            tuple(Parity(length) for length in (16, 32, 64)),
            SequenceModel("Transformer", 256, depth=4),
            SequenceModel("RNN", 256, depth=1),
            PARITY_ALL,
            Budget(steps=20_000, sequences=200_000),
            Budget(steps=20_000, sequences=200_000),
        ),
    },
    cells=sequence_cells,
    run_cell=run_sequences,
)


# Text: a recurrent language model guided by a transformer, on a grammar whose entropy is known.

TEXT_FEW = (
    Condition("unguided", rates=(1.0, 3.0)),
    Condition("trained", "trained"),
    Condition("untrained", "untrained"),
    Condition("noise", "noise"),
)
TEXT_ALL = (
    Condition("unguided", rates=(1.0, 3.0, 10.0)),
    Condition("longer", longer=2),
    Condition("trained", "trained", rates=(1.0, 3.0)),
    Condition("untrained", "untrained"),
    Condition("noise", "noise"),
    Condition("distillation", distilled=True),
)

TEXT: Experiment[Sequences, SequenceCell] = Experiment(
    name="guidance.text",
    question="Does a transformer's guidance improve a recurrent language model?",
    tiers={
        "smoke": Sequences(
            (Nested(words=6, kinds=3, length=16),),
            SequenceModel("RNN", 32),
            SequenceModel("Transformer", 16),
            TEXT_FEW,
            Budget(steps=80, batch_size=32, sequences=1024),
            Budget(steps=150, batch_size=32, sequences=1024, learning_rate=1e-2),
            held_out=300,
            networks=2,
        ),
        "laptop": Sequences(
            (Nested(words=8, kinds=4, length=16),),
            SequenceModel("RNN", 32),
            SequenceModel("Transformer", 16),
            TEXT_ALL,
            Budget(steps=200, batch_size=32, sequences=4096),
            Budget(steps=300, batch_size=32, sequences=4096, learning_rate=1e-2),
            held_out=500,
        ),
        "paper": Sequences(
            (Nested(words=64, kinds=16, depth=6, length=128), Shakespeare()),
            SequenceModel("RNN", 512, depth=4),
            SequenceModel("Transformer", 256, depth=4),
            TEXT_ALL,
            Budget(steps=20_000, sequences=200_000),
            Budget(steps=20_000, sequences=200_000),
        ),
    },
    cells=sequence_cells,
    run_cell=run_sequences,
)
