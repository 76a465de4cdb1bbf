"""What a guided run of sequences consists of: networks, conditions, budgets and cells."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from ibcore.guidance.experiments.grammar import Nested
from ibcore.guidance.experiments.readers import SequenceRNN, Start
from ibcore.guidance.experiments.sequence_tasks import Copying, Parity, Shakespeare
from ibcore.nets import Transformer

Kind = Literal["trained", "untrained", "same architecture", "inputs", "answers", "noise"]
Comparison = Literal["tokens", "sequences", "per token"]
Problem = Copying | Parity | Nested | Shakespeare


@dataclass(frozen=True)
class Reader:
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
    target: Reader
    guide: Reader
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
    target: Reader
    guide: Reader
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
    >>> net = Reader("RNN", 4)
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


def build(reader: Reader, problem: Problem, seed: int) -> nn.Module:
    """Return a network with its initial weights.

    Examples
    --------
    >>> import torch
    >>> build(Reader("Transformer", 8), Parity(4), 0)(torch.zeros(1, 4, dtype=torch.int64)).shape
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
