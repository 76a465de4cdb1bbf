"""Guided sequence models and their controls: one network under all conditions is one cell."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from ibcore.guidance.alignment import Alignment
from ibcore.guidance.experiments.rated import GUIDE_SEED, late_similarity, rows_of
from ibcore.guidance.experiments.readers import read
from ibcore.guidance.experiments.remembered import RememberedGuide
from ibcore.guidance.experiments.sequence_config import (
    Budget,
    Comparison,
    Condition,
    Kind,
    SequenceCell,
    build,
)
from ibcore.guidance.experiments.sequence_tasks import Tokens
from ibcore.guidance.experiments.sequences import (
    AnswerGuide,
    InputGuide,
    TokenCKA,
    TokenDistillation,
)
from ibcore.guidance.guides import Guide, NetworkGuide, NoiseGuide
from ibcore.guidance.layers import layer_names
from ibcore.guidance.schedule import Schedule
from ibcore.guidance.training import Guided, guide
from ibcore.nets import count_parameters
from ibcore.population import member_seed


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
        views = RememberedGuide(_tapped(teacher, train), train.x, train.y)
        return cls(cell, train, validation, test, teacher, views, device)

    def watcher(self, kind: Kind | None) -> Guide | None:
        """Return the guide of this kind."""
        cell, x, y = self.cell, self.train.x, self.train.y
        own = member_seed(cell.seed, cell.network)
        if kind in ("untrained", "same architecture"):
            reader, turn = (cell.guide, 1) if kind == "untrained" else (cell.target, 2)
            net = build(reader, cell.problem, member_seed(own, turn * GUIDE_SEED)).to(self.device)
            return RememberedGuide(_tapped(net, self.train), x, y)
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
    >>> from ibcore.guidance.experiments.parity import Parity, Reader, Sequences, sequence_cells
    >>> net, budget = Reader("RNN", 4), Budget(steps=2, sequences=64)
    >>> conditions = (Condition("unguided"), Condition("trained", "trained"))
    >>> config = Sequences((Parity(4),), net, net, conditions, budget, budget, held_out=10)
    >>> run_sequences(sequence_cells(config)[0], torch.device("cpu")).condition.tolist()
    ['guide', 'unguided', 'trained']
    """
    stage = _Stage.set(cell, device)
    rows = [{"condition": "guide", **_row(stage, stage.teacher, cell.guide_budget)}]
    rows += rows_of(cell.conditions, partial(_guided, stage))
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
    return 1 - (1 - late_similarity(done)) / share


def score(net: nn.Module, data: Tokens) -> dict[str, float]:
    """Return accuracy, that of the last token, loss in nats, and loss above the floor.

    Examples
    --------
    >>> from ibcore.guidance.experiments.parity import Parity, Reader
    >>> sorted(score(build(Reader("RNN", 4), Parity(4), 0), Parity(4).draw("test", 9, 0)))
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
