"""What one network of each architecture believes of each object, example after example."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from ibcore.metainit.adapt import predict
from ibcore.metainit.baselines import optimizer_curve, rates_curve
from ibcore.metainit.bayes import believe, guess_accuracy, memorize_majority
from ibcore.metainit.experiments.concept_tasks import (
    Concepts,
    Learned,
    Test,
    concept_cells,
    concept_objects_for,
    grammar_prior,
    learn_concepts,
)
from ibcore.metainit.experiments.concepts import BITS, SEVEN
from ibcore.metainit.experiments.learning import PAPER, QUICK, Meta
from ibcore.metainit.inner import repeat
from ibcore.metainit.learner import MetaLearner
from ibcore.nets import count_parameters
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.runtime import generator
from ibcore.tasks import sample_concepts
from ibcore.tasks.concepts import concept_objects

LITERALS = {  # word: feature and its value, as the drawings of `ibcore.tasks.render` show them
    "red": (0, 0),
    "blue": (0, 1),
    "square": (1, 0),
    "triangle": (1, 1),
    "large": (2, 0),
    "small": (2, 1),
    "filled": (3, 0),
    "striped": (3, 1),
}
Rule = tuple[tuple[str, ...], ...]  # an "or" of "and"s of literals
RULES: dict[str, Rule] = {
    "blue": (("blue",),),
    "small and striped": (("small", "striped"),),
    "red, or a triangle": (("red",), ("triangle",)),
    "small, or a striped triangle": (("small",), ("striped", "triangle")),
    "anything but a small blue triangle": (("red",), ("square",), ("large",)),
    "striped if and only if blue": (("blue", "striped"), ("red", "filled")),
}
ORDER_SEED = 3_000_001
Found = tuple[str, int, Tensor]  # method, number of steps, probabilities (tasks, objects)


@dataclass(frozen=True)
class Pictures:
    """Starts are learned as in `Concepts`; every rule is then shown in a few orders.

    The sizes of ``concepts.test.support`` are nested: each order shows every object once, and the
    support set of size n holds its first n.  ``concepts.test.tasks`` plays no part.
    """

    concepts: Concepts
    orders: int = 3


@dataclass(frozen=True)
class Pictured:
    """One network of one condition."""

    learned: Learned
    orders: int


def picture_cells(config: Pictures) -> list[Pictured]:
    """Return one cell for each condition and network.

    Examples
    --------
    >>> len(picture_cells(Pictures(Concepts(BITS, networks=1))))
    3
    """
    return [Pictured(cell, config.orders) for cell in concept_cells(config.concepts)]


def rule_table(rule: Rule) -> Tensor:
    """Return the label of each of the 16 objects under a rule, int64, (16,).

    Examples
    --------
    >>> rule_table((("blue", "striped"), ("red", "filled"))).tolist()
    [1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1]
    """
    objects = torch.from_numpy(concept_objects())
    holds = {word: objects[:, i] == bool(value) for word, (i, value) in LITERALS.items()}
    conjunctions = [torch.stack([holds[word] for word in words]).all(0) for words in rule]
    return torch.stack(conjunctions).any(0).long()


def showing_orders(orders: int) -> Tensor:
    """Return orders in which the 16 objects are shown, int64, (orders, 16).

    Examples
    --------
    >>> showing_orders(2).sort(1).values[1].tolist() == list(range(16))
    True
    """
    seeds = (member_seed(ORDER_SEED, order) for order in range(orders))
    return torch.stack([torch.randperm(16, generator=generator(seed)) for seed in seeds])


def half_percents(probabilities: Tensor) -> list[bytes]:
    r"""Return each row of probabilities as bytes, in steps of half a percent.

    Only one half itself becomes 100; what lies next to it keeps its side.

    Examples
    --------
    >>> [*half_percents(torch.tensor([[0.0, 0.4999, 0.5, 0.5001, 1.0]]))[0]]
    [0, 99, 100, 101, 200]
    """
    steps = (200 * probabilities).round()
    steps = torch.where(probabilities > 0.5, steps.clamp(min=101), steps)
    steps = torch.where(probabilities < 0.5, steps.clamp(max=99), steps)
    return [row.numpy().tobytes() for row in steps.to(torch.uint8).cpu()]


def run_pictures(cell: Pictured, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each rule, order, support size and method.

    ``method`` is ``meta`` or ``random`` with the number of steps in ``budget``, ``ideal`` for the
    posterior of the ideal learner, or ``memory`` for memory and majority.  With nothing shown
    there is nothing to learn from: a network then answers as its start does.  ``probabilities``
    are 16 bytes as of `half_percents`, ``labels`` and ``shown`` 16 bytes each: the rule, and the
    order of showing.

    Examples
    --------
    >>> test = Test(support=(0, 3), budgets=(2,), steps=(0, 1))
    >>> cell = picture_cells(Pictures(Concepts(BITS[:1], Meta(steps=1), test), orders=1))[0]
    >>> frame = run_pictures(cell, torch.device("cpu"))
    >>> len(frame), [*frame.shown[0]] == showing_orders(1)[0].tolist()
    (60, True)
    """
    own, names = cell.learned, list(RULES)
    pool = sample_concepts(own.concepts, seed=own.seed).float()
    learner, start = learn_concepts(own, pool, device)
    orders = showing_orders(cell.orders)
    tables = torch.stack([rule_table(rule) for rule in RULES.values()])
    tables, shown = tables.repeat_interleave(cell.orders, 0), orders.repeat(len(names), 1)
    columns = {
        "concept": [name for name in names for _ in range(cell.orders)],
        "order": [*range(cell.orders)] * len(names),
        "shown": [bytes(row) for row in shown.tolist()],
        "labels": [bytes(row) for row in tables.tolist()],
    }
    parts = []
    for support in own.test.support:
        picked = shown[:, :support]
        for method, budget, probabilities in (
            *_networks(own, learner, start, picked, tables),
            *_bounds(picked, tables),
        ):
            guesses = probabilities.double().cpu()
            found = {"probabilities": half_percents(guesses)}
            accuracy = {"accuracy": guess_accuracy(guesses, tables).tolist()}
            frame = pd.DataFrame({**columns, **found, **accuracy})
            parts.append(frame.assign(support=support, method=method, budget=budget))
    return pd.concat(parts, ignore_index=True).assign(
        architecture=own.condition.net.architecture,
        view=own.condition.view,
        parameters=count_parameters(learner.model),
        network=own.network,
        seed=own.seed,
    )


def _networks(
    own: Learned,
    learner: MetaLearner,
    start: dict[str, Tensor],
    picked: Tensor,
    tables: Tensor,
) -> Iterator[Found]:
    """Yield what a network believes, from its learned start and from its random one."""
    x = concept_objects_for(own, picked.device)
    device = next(iter(start.values())).device
    everything = x.expand(len(picked), *x.shape).to(device)  # (tasks, 16, ...)
    points = x[picked].to(device), tables.gather(1, picked).float().to(device)
    place = (learner.model, learner.start.params, learner.start.rates)
    for method, steps in (("meta", own.test.steps), ("random", own.test.budgets)):
        if not picked.shape[1]:
            begin = repeat(learner.start.params if method == "meta" else start, len(picked))
            curve = predict(learner.model, begin, everything).expand(len(steps), -1, -1, -1)
        elif method == "meta":
            curve = rates_curve(*place, points, everything, steps=steps, loss="binary")
        else:
            curve = optimizer_curve(
                learner.model, start, points, everything, steps=steps, loss="binary"
            )
        for budget, logits in zip(steps, curve, strict=True):
            yield method, budget, logits[..., 0].double().sigmoid()


def _bounds(picked: Tensor, tables: Tensor) -> Iterator[Found]:
    """Yield what the ideal learner believes, and what memory and majority guess."""
    labels = tables.gather(1, picked)
    yield "ideal", 0, believe(grammar_prior(), picked, labels).mean
    nothing = torch.full(tables.shape, 0.5, dtype=torch.float64)
    guesses = memorize_majority(picked, labels, 16) if picked.shape[1] else nothing
    yield "memory", 0, guesses


ALL = Test(support=tuple(range(16)), budgets=(200,), steps=(0, 1, 10))

PICTURES: Experiment[Pictures, Pictured] = Experiment(
    name="metainit.pictures",
    question="What does one network believe of each object, before and after the inner step?",
    tiers={
        "smoke": Pictures(
            Concepts(
                BITS[:2],
                Meta(steps=60),
                replace(ALL, support=(0, 4, 8), budgets=(20,)),
                networks=1,
            ),
            orders=1,
        ),
        "laptop": Pictures(Concepts(BITS, QUICK, ALL, networks=1)),
        "paper": Pictures(Concepts(SEVEN, PAPER, ALL, networks=1, size=32)),
    },
    cells=picture_cells,
    run_cell=run_pictures,
)

EXPERIMENTS = (PICTURES,)
