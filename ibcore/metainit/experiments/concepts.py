"""Boolean concepts: one step from a learned start against many from a random one."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from ibcore.metainit.baselines import BUDGETS, accuracy, pooled
from ibcore.metainit.bayes import TaskPrior, guess_accuracy, memorize_majority, posterior
from ibcore.metainit.experiments.architectures import (
    LARGE,
    PAPER,
    QUICK,
    Meta,
    Net,
    build,
    conditions,
    meta_learn,
    optimizer_scores,
    present,
    random_start,
    rates_scores,
    start_scores,
)
from ibcore.metainit.gap import gap
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.maml import Points
from ibcore.nets import count_parameters
from ibcore.population import member_seed
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import generator
from ibcore.tasks import (
    Episodes,
    concept_inputs,
    concept_prior,
    sample_concepts,
    table_episodes,
)

# Boolean concepts to learn from: meta-training, new tasks, and what bounds them.

TEST_SEED = 1_000_003  # concepts for testing are drawn with this seed, and each network's own


def concept_objects_for(cell: Cell, device: torch.device) -> Tensor:
    """Return the 16 objects as the network of a cell reads them."""
    x = concept_inputs(cell["condition"]["view"], size=cell["size"])
    return present(cell["condition"]["net"], x).to(device)


def concept_pool(cell: Cell) -> Tensor:
    """Return the concepts that all networks of a seed are meta-trained on."""
    return sample_concepts(cell["concepts"], seed=cell["seed"]).float()


def learn_concepts(
    cell: Cell, pool: Tensor, device: torch.device, *, inner_steps: int = 1
) -> tuple[MetaLearner, dict[str, Tensor]]:
    """Meta-learn a start on a pool of concepts; return it with the random weights it came from.

    The random weights and the tasks of a network are the same whatever the architecture sees.
    """
    x = concept_objects_for(cell, device)
    model = build(cell["condition"]["net"], tuple(x.shape[1:]), 1).to(device)
    start = random_start(model, cell["network"], seed=cell["seed"], device=device)
    tables, tasks = pool.to(device), cell["meta"].tasks

    def draw(seed: int) -> Episodes:
        return table_episodes(x, tables, tasks=tasks, support=(2, 19), seed=seed)

    options: dict[str, Any] = {"loss": "binary", "inner_steps": inner_steps}
    options["seed"] = member_seed(cell["seed"], cell["network"])
    return meta_learn(model, start, draw, cell["meta"], **options), start


def new_tasks(cell: Cell, support: int, device: torch.device) -> Episodes:
    """Return the tasks that test a network, the same for all architectures and views."""
    seed = member_seed(TEST_SEED, cell["network"])
    pool = sample_concepts(cell["test"]["tasks"], seed=seed).float().to(device)
    return table_episodes(concept_objects_for(cell, device), pool, support=support, seed=seed)


@lru_cache(maxsize=1)
def grammar_prior() -> TaskPrior:
    """Return the prior of concepts of four features, computed once."""
    return TaskPrior(*concept_prior(draws=60))


def bounds(drawn: Episodes) -> dict[str, Tensor]:
    """Return what memory alone reaches in each task, and what the ideal learner expects to."""
    picked, labels = drawn.picked.cpu(), drawn.support[1].cpu()
    guesses = memorize_majority(picked, labels, 16)
    belief = posterior(grammar_prior(), picked, labels)
    floor = guess_accuracy(guesses, drawn.query[1].cpu())
    return {"floor": floor, "ceiling": belief.expected_accuracy()}


def run_concepts(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each method, budget and support size.

    ``accuracy`` is that of one network on all objects, averaged over tasks; ``floor`` is the
    accuracy of memory and majority and ``ceiling`` the ideal learner's, on the same tasks.
    """
    learner, start = learn_concepts(cell, concept_pool(cell), device)
    rows, test = [], cell["test"]
    for support in test["support"]:
        drawn = new_tasks(cell, support, device)
        limits = {name: values.mean().item() for name, values in bounds(drawn).items()}
        budgets = test["steps"], test["budgets"]
        found = start_scores(learner, start, drawn, *budgets, support=support)
        rows += [{**row, **limits} for row in found]
    labels = {
        "architecture": cell["condition"]["net"].architecture,
        "view": cell["condition"]["view"],
        "parameters": count_parameters(learner.model),
        "network": cell["network"],
        "seed": cell["seed"],
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


# How many concepts meta-learning needs: one, a few, or thousands from the prior.


def draw_pool(cell: Cell) -> Tensor:
    """Return the concepts that a network is meta-trained on: the first draws of its own seed.

    A larger pool of the same network holds the smaller ones.
    """
    seed = member_seed(cell["seed"], cell["network"])
    return sample_concepts(cell["concepts"], seed=seed).float()


def seen(tables: Tensor, pool: Tensor) -> Tensor:
    """Say which truth tables (t, objects) are in a pool (p, objects): (t,) of booleans.

    Examples
    --------
    >>> seen(torch.tensor([[0.0, 1], [1, 1]]), torch.tensor([[0.0, 1]])).tolist()
    [True, False]
    """
    known = {tuple(table) for table in pool.tolist()}
    return torch.tensor([tuple(table) in known for table in tables.tolist()])


def run_few(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each support size and kind of test concept.

    ``pool`` is the number of draws to meta-train on and ``distinct`` how many differ; test
    concepts are ``all``, or ``held out`` of the pool, of which there are ``tasks``.  Where none
    is held out there is no row.
    """
    pool = draw_pool(cell)
    learner, _ = learn_concepts(cell, pool, device)
    rows = []
    for support in cell["test"]["support"]:
        drawn = new_tasks(cell, support, device)
        outputs = learner.predict(drawn.support, drawn.query[0])
        values = {"accuracy": accuracy(outputs, drawn.query[1]).cpu(), **bounds(drawn)}
        new = ~seen(drawn.query[1], pool)
        for kind, chosen in (("all", torch.ones_like(new)), ("held out", new)):
            if chosen.any():
                means = {name: value[chosen].mean().item() for name, value in values.items()}
                tasks = int(chosen.sum())
                rows.append({"support": support, "concepts": kind, "tasks": tasks, **means})
    labels = {
        "architecture": cell["condition"]["net"].architecture,
        "pool": cell["concepts"],
        "distinct": len({tuple(table) for table in pool.tolist()}),
        "network": cell["network"],
        "seed": cell["seed"],
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


# By how much learned starts bring architectures together, against the budget of the others.

ONE_STEP = 1


def gap_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the gaps of each view: one row for each network and budget of the random starts.

    ``gap_random`` and ``gap_meta`` are mean absolute differences of accuracy over all pairs of
    architectures, averaged over support sizes; learned starts take one step.  ``reduction`` is
    one minus their ratio, nan where there is nothing to reduce, and ``advantage`` by how much the
    learned starts are the more accurate.

    Parameters
    ----------
    frame
        As from `run_concepts`; views with a single architecture are left out.

    Examples
    --------
    >>> rows = [("bits", a, m, b, 5, s, 0, 0) for a, m, b, s in (
    ...     ("MLP", "meta", 1, 0.9), ("LSTM", "meta", 1, 0.8),
    ...     ("MLP", "random", 50, 0.8), ("LSTM", "random", 50, 0.6))]
    >>> names = "view architecture method budget support accuracy network seed".split()
    >>> gap_table(pd.DataFrame(rows, columns=names)).reduction.round(6).tolist()
    [0.5]
    """
    rows = []
    for (view, network, seed), part in frame.groupby(["view", "network", "seed"]):
        if part.architecture.nunique() < 2:
            continue
        learned = part[(part.method == "meta") & (part.budget == ONE_STEP)]
        for budget, random in part[part.method == "random"].groupby("budget"):
            gaps = {"gap_random": _gap(random), "gap_meta": _gap(learned)}
            rows.append(
                {
                    "view": view,
                    "architectures": part.architecture.nunique(),
                    "budget": budget,
                    "network": network,
                    "seed": seed,
                    **gaps,
                    "reduction": _reduction(**gaps),
                    "advantage": learned.accuracy.mean() - random.accuracy.mean(),
                }
            )
    return pd.DataFrame(rows)


def _gap(part: pd.DataFrame) -> float:
    """Return the gap across architectures, averaged over support sizes."""
    table = part.pivot_table(index="support", columns="architecture", values="accuracy")
    gaps = [gap(scores[:, None]) for scores in table.to_numpy()]
    return sum(gaps) / len(gaps)


def _reduction(gap_random: float, gap_meta: float) -> float:
    return 1 - gap_meta / gap_random if gap_random else float("nan")


def run_gap(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network of every condition and return `gap_table` of them."""
    shared = {name: value for name, value in cell.items() if name != "conditions"}
    own = design({"condition": cell["conditions"]}, **shared)
    return gap_table(pd.concat([run_concepts(each, device) for each in own]))


# Pre-training on the tasks of meta-learning without learning inside a task.

Weights = dict[str, Tensor]


def pretrain(
    cell: Cell, model: nn.Module, start: Weights, pool: Tensor, device: torch.device
) -> Weights:
    """Train initial weights on the tasks that meta-learning sees, all points of a step in one set.

    The tasks, their number, the outer optimizer and its steps are those of `learn_concepts`; what
    is missing is that a task is learned before it is judged.

    Raises
    ------
    ValueError
        If the cell asks for validation: the last weights are kept.
    """
    if cell["meta"].validation:
        raise ValueError(
            f"pre-training keeps its last weights; got {cell['meta']}, set validation=0"
        )
    x, tables = concept_objects_for(cell, device), pool.to(device)
    seed = member_seed(cell["seed"], cell["network"])

    def draw(step: int) -> tuple[Points, Points]:
        drawn = table_episodes(
            x, tables, tasks=cell["meta"].tasks, support=(2, 19), seed=member_seed(seed, step)
        )
        return pooled(drawn.support, drawn.query)

    learner = MetaLearner(model, params=start, inner_steps=0, rates="fixed", loss="binary")
    learner.fit(draw, steps=cell["meta"].steps, learning_rate=cell["meta"].learning_rate)
    return learner.start.params


def same_answer(guess: Tensor, drawn: Episodes) -> Tensor:
    """Return the accuracy in each task of one answer (1, objects) for all of them: (tasks,).

    Examples
    --------
    >>> drawn = table_episodes(torch.eye(2), torch.tensor([[0.0, 1], [1, 1]]), support=1)
    >>> same_answer(torch.tensor([[True, True]]), drawn).tolist()
    [0.5, 1.0]
    """
    labels = drawn.query[1].cpu()
    return guess_accuracy(guess.double().expand(labels.shape), labels)


# Pooled pre-training against meta-learning and random weights, at equal numbers of steps.

ADAMW = 1e-3  # learning rate
VALIDATION_SEED = 4_000_037  # concepts on which constant rates are chosen

Row = tuple[str | float | None, ...]


def held_tasks(cell: Cell, support: int, device: torch.device) -> Episodes:
    """Return the tasks on which constant rates are chosen."""
    seed = member_seed(VALIDATION_SEED, cell["learned"]["network"])
    tables = sample_concepts(cell["validation"], seed=seed).float().to(device)
    x = concept_objects_for(cell["learned"], device)
    return table_episodes(x, tables, support=support, seed=seed)


def run_pretraining(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Prepare one network and return a row for each start, optimizer, budget and support size.

    ``start`` is ``random``, ``pooled`` or ``meta``, with the learning rate of its outer loop in
    ``outer_rate``; ``optimizer`` is ``AdamW`` with the rate 0.001, ``gradient`` with the constant
    rate that validation chose, or ``Meta-SGD`` with the learned rates.  ``floor`` and ``ceiling``
    are those of `bounds`, and ``average`` is the accuracy of the best answer that does not depend
    on the task: for each object, the label that most concepts of meta-training give it.
    """
    own = cell["learned"]
    pool = concept_pool(own)
    learner, random = learn_concepts(own, pool, device)
    starts = _starts(cell, learner, random, pool, device)
    usual = pool.mean(0, keepdim=True) > 0.5  # (1, objects)
    parts = []
    for support in own["test"]["support"]:
        held, drawn = held_tasks(cell, support, device), new_tasks(own, support, device)
        limits = bounds(drawn) | {"average": same_answer(usual, drawn)}
        found = {name: values.mean().item() for name, values in limits.items()}
        for (name, outer), start in starts.items():
            frame = _adapt(cell, learner, start, held, drawn)
            parts.append(frame.assign(start=name, outer_rate=outer, support=support, **found))
    return pd.concat(parts, ignore_index=True).assign(
        architecture=own["condition"]["net"].architecture, network=own["network"], seed=own["seed"]
    )


def _starts(
    cell: Cell, learner: MetaLearner, random: Weights, pool: Tensor, device: torch.device
) -> dict[tuple[str, float], Weights]:
    """Return weights by name and learning rate of the outer loop, which random ones lack."""
    own = cell["learned"]
    starts = {("random", float("nan")): random}
    for rate in cell["pooled"]:
        slower = {**own, "meta": replace(own["meta"], learning_rate=rate)}
        starts["pooled", rate] = pretrain(slower, learner.model, random, pool, device)
    return starts | {("meta", own["meta"].learning_rate): learner.start.params}


def _adapt(
    cell: Cell, learner: MetaLearner, start: Weights, held: Episodes, drawn: Episodes
) -> pd.DataFrame:
    """Return optimizer, rate, budget and mean accuracy of one start."""
    steps, budgets = cell["learned"]["test"]["steps"], cell["learned"]["test"]["budgets"]
    chosen = best_rates(
        {rate: rates_scores(learner, start, rate, held, steps) for rate in cell["rate"]}
    )
    curves = {rate: rates_scores(learner, start, rate, drawn, steps) for rate in {*chosen}}
    best = [curves[rate][place] for place, rate in enumerate(chosen)]
    learned = rates_scores(learner, start, learner.start.rates, drawn, steps)
    plain = optimizer_scores(learner, start, drawn, budgets, learning_rate=ADAMW)
    rows = [
        *zip(["AdamW"] * len(budgets), [ADAMW] * len(budgets), budgets, plain, strict=True),
        *zip(["gradient"] * len(steps), chosen, steps, best, strict=True),
        *zip(["Meta-SGD"] * len(steps), [math.nan] * len(steps), steps, learned, strict=True),
    ]
    return pd.DataFrame(rows, columns=["optimizer", "rate", "budget", "accuracy"])


def best_rates(curves: dict[float, list[float]]) -> list[float]:
    """Return, for each place of the curves, the rate whose curve is highest; the first of equals.

    Examples
    --------
    >>> best_rates({0.1: [0.5, 0.9], 1.0: [0.6, 0.8]})
    [1.0, 0.1]
    """
    places = range(len(next(iter(curves.values()))))
    return [max(curves, key=lambda rate: curves[rate][place]) for place in places]


# Weights or rates: what each half of a learned start is worth with a random other half.

Table = dict[str, Tensor]


def shuffled(rates: Table, seed: int) -> Table:
    """Return learned rates in random order within each parameter: their sizes without places.

    Examples
    --------
    >>> mixed = shuffled({"w": torch.tensor([1.0, 2.0, 3.0])}, 0)
    >>> sorted(mixed["w"].tolist())
    [1.0, 2.0, 3.0]
    """
    rng = generator(seed)
    return {
        name: rate.flatten()[torch.randperm(rate.numel(), generator=rng).to(rate.device)].view_as(
            rate
        )
        for name, rate in rates.items()
    }


def run_swap(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each pair of weights and rates.

    ``weights`` are ``learned`` or ``random``; ``rates`` are ``learned``, ``shuffled`` among the
    weights of each parameter, ``constant`` with the value in ``rate``, or those of ``AdamW``;
    ``budget`` is the number of steps.
    """
    own = cell["learned"]
    learner, random = learn_concepts(own, concept_pool(own), device)
    learned = learner.start.rates
    mixed = shuffled(learned, member_seed(own["seed"], own["network"]))
    tables: list[tuple[str, float | None, float | Table]] = [
        ("learned", None, learned),
        ("shuffled", None, mixed),
        *[("constant", rate, rate) for rate in cell["rate"]],
    ]
    test, starts = own["test"], {"learned": learner.start.params, "random": random}
    rows: list[Row] = []
    for support in test["support"]:
        drawn = new_tasks(own, support, device)
        for (weights, start), (rates, rate, table) in product(starts.items(), tables):
            found = rates_scores(learner, start, table, drawn, test["steps"])
            rows += _swap_rows((weights, rates, rate, support), test["steps"], found)
        for weights, start in starts.items():
            found = optimizer_scores(learner, start, drawn, test["budgets"], learning_rate=ADAMW)
            rows += _swap_rows((weights, "AdamW", ADAMW, support), test["budgets"], found)
    names = ("weights", "rates", "rate", "support", "budget", "accuracy")
    frame = pd.DataFrame(rows, columns=list(names)).astype({"rate": "float64"})
    return frame.assign(
        architecture=own["condition"]["net"].architecture, network=own["network"], seed=own["seed"]
    )


def _swap_rows(labels: Row, steps: tuple[int, ...], scores: list[float]) -> list[Row]:
    return [(*labels, *pair) for pair in zip(steps, scores, strict=True)]


# What each experiment varies, at every tier.  A condition is a network and a view.  Starts are
# meta-learned on ``concepts`` draws of the prior; drawings have ``size`` pixels a side.  All are
# tested on the same new ``tasks``, judged on all 16 objects: AdamW, with the rate 0.001 as in the
# paper's public code, after each of some ``budgets``, and the learned start after some ``steps`` of
# its own, although it was trained for one.

BITS = conditions("bits", Net(), Net("LSTM", 1, 16), Net("Transformer", 1, 16))
IMAGES = conditions("image", Net("MLP", 2, 16), Net("ConvNet", 2, 8))
SEVEN = (
    *conditions("bits", *(net for net in LARGE if net.architecture != "ConvNet")),
    *conditions("image", *LARGE),
)
SHORT, LONG = Meta(steps=200), Meta(steps=5000)
TEST = {"tasks": 40, "support": (5, 10, 15), "budgets": BUDGETS, "steps": (0, 1, 10)}
QUICK_TEST = {**TEST, "tasks": 20, "support": (5, 15), "budgets": (0, 1, 50, 200)}
SIZES: dict[str, Any] = {"meta": QUICK, "test": TEST, "size": 12, "seed": 0}
SMOKE: dict[str, Any] = {"meta": Meta(steps=150), "test": QUICK_TEST}
FULL: dict[str, Any] = {"meta": PAPER, "test": {**TEST, "tasks": 100}, "size": 32}
FINE = (1, 10, 25, 50, 100, 200)
LATER = {**TEST, "steps": (1, 10, 50, 200)}
PLAIN = {**TEST, "budgets": (1, 10, 50, 200), "steps": (1, 10)}
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)  # constants that stand in for learned rates


def concept_cells(
    learners: Sequence[Cell], networks: int, *, concepts: Sequence[int] = (10_000,), **sizes: Any
) -> list[Cell]:
    """Meta-train every condition, network by network."""
    factors = {"network": range(networks), "condition": learners, "concepts": concepts}
    return design(factors, **{**SIZES, **sizes})


def gap_cells(learners: Sequence[Cell], networks: int, **sizes: Any) -> list[Cell]:
    """Compare one network of every condition on the same tasks."""
    options = {"concepts": 10_000, **SIZES, **sizes}
    return design({"network": range(networks)}, conditions=learners, **options)


def pretraining_cells(
    learned: Sequence[Cell],
    *,
    pooled: Sequence[float] = (0.001, 0.01),
    rate: Sequence[float] = (0.1, 0.3, 1.0, 3.0, 10.0),
    validation: int = 40,
) -> list[Cell]:
    """Prepare each network by meta-learning and by pooled pre-training at some learning rates.

    The learning rate of meta-learning is one of those of pre-training.  Constant rates are chosen
    among ``rate`` on ``validation`` tasks, for each start, number of examples and number of steps.
    """
    return design({"learned": learned}, pooled=pooled, rate=rate, validation=validation)


# Shown in: idea, "One step on Boolean rules" and "Break it"; result, "The gap, by hand", "Result
# 1: the gap and the budget" and "Result 2: representations"; limits, "The abstract, claim by
# claim"; explorers ArchitectureGap, StepBudget, MetaTraining; claims metainit.chance-before,
# one-step, vacuous-budget, pair-plain, pair-learned, plain-wins, more-steps, below-ideal,
# above-memory, representation-gap, representation-gap-plain, representation-conv,
# representation-conv-plain.
CONCEPTS = Experiment(
    "metainit.concepts",
    "What does one step from a meta-learned start reach, in which architecture?",
    {
        "smoke": concept_cells((*BITS[:2], IMAGES[0]), 2, **SMOKE),
        "laptop": concept_cells((*BITS, *IMAGES), 5),
        "paper": concept_cells(SEVEN, 10, **FULL),
    },
    run_concepts,
)

# Shown in: result, "Result 1: the gap and the budget"; limits, "The abstract, claim by claim";
# claims metainit.gap-reduced, gap-budget, advantage.
GAP = Experiment(
    "metainit.gap",
    "How much smaller is the gap across architectures, at which budget of the baseline?",
    {
        "smoke": gap_cells(BITS[:2], 2, **SMOKE),
        "laptop": gap_cells(BITS, 5, test={**TEST, "budgets": FINE}),
        "paper": gap_cells(
            SEVEN, 10, **{**FULL, "test": {**FULL["test"], "budgets": (*FINE, 500, 1000)}}
        ),
    },
    run_gap,
)

# Shown in: idea, "What was learned: weights or rates?"; limits, "Break it"; explorer StepBudget;
# claims metainit.rates-shuffled, rates-shuffled-lstm.
SWAP = Experiment(
    "metainit.swap",
    "Do learned weights or learned rates carry what was meta-learned?",
    {
        "smoke": design(
            {
                "learned": concept_cells(
                    BITS[:2], 2, meta=SHORT, test={**PLAIN, "tasks": 20, "support": (5, 15)}
                )
            },
            rate=(0.1, 0.3, 1.0),
        ),
        "laptop": design({"learned": concept_cells(BITS[:2], 5, test=PLAIN)}, rate=RATES),
        "paper": design({"learned": concept_cells(BITS, 10, meta=LONG, test=PLAIN)}, rate=RATES),
    },
    run_swap,
    tuned={"rate": ("architecture", "rates")},
)

# Shown in: limits, "Result 2: are new rules new?" and "The abstract, claim by claim"; claims
# metainit.one-concept, ten-concepts, held-out.
FEW = Experiment(
    "metainit.few-concepts",
    "How many concepts must be seen before a learned start helps with new ones?",
    {
        "smoke": concept_cells(
            BITS[:1],
            2,
            concepts=(1, 10, 10_000),
            meta=SHORT,
            test={**TEST, "tasks": 60, "support": (5, 15)},
        ),
        "laptop": concept_cells(
            BITS[:2], 5, concepts=(1, 3, 10, 100, 10_000), test={**TEST, "tasks": 200}
        ),
        "paper": concept_cells(
            BITS,
            10,
            concepts=(1, 2, 3, 5, 10, 20, 30, 50, 100, 300, 1000, 10_000),
            meta=LONG,
            test={**TEST, "tasks": 500},
        ),
    },
    run_few,
)

# Shown in: idea, "What was learned: weights or rates?"; limits, "Result 1: steps and data"; claims
# metainit.weights-carry, handicapped-baseline, matched-ten, matched-one, pooled-guesses,
# pooled-start, pooled-step, pooled-harms.
PRETRAINING = Experiment(
    "metainit.pretraining",
    "Does plain pre-training on the same tasks give a start as good as meta-learning's?",
    {
        "smoke": pretraining_cells(
            concept_cells(BITS[:1], 2, meta=SHORT, test={**QUICK_TEST, "steps": (1, 10)}),
            rate=(0.3, 1.0, 3.0),
            validation=20,
        ),
        "laptop": pretraining_cells(concept_cells(BITS[:1], 5, test=LATER)),
        "paper": pretraining_cells(
            concept_cells(BITS, 10, meta=LONG, test={**LATER, "tasks": 100}), validation=100
        ),
    },
    run_pretraining,
    tuned={"rate": ("optimizer",), "outer_rate": ("start",)},
)
