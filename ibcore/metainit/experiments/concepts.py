"""Boolean concepts: one step from a learned start against many from a random one."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from ibcore.metainit.baselines import BUDGETS, accuracy, optimizer_curve, pooled, rates_curve
from ibcore.metainit.bayes import TaskPrior, guess_accuracy, memorize_majority, posterior
from ibcore.metainit.experiments.architectures import (
    LARGE,
    PAPER,
    QUICK,
    Architecture,
    Meta,
    Net,
    build,
    meta_learn,
    present,
    random_start,
)
from ibcore.metainit.gap import gap
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.maml import Points
from ibcore.nets import count_parameters
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.runtime import generator
from ibcore.tasks import (
    ConceptView,
    Episodes,
    concept_inputs,
    concept_prior,
    sample_concepts,
    table_episodes,
)

# Boolean concepts to learn from: conditions, meta-training, new tasks, and what bounds them.

TEST_SEED = 1_000_003  # concepts for testing are drawn with this seed, and each network's own


@dataclass(frozen=True)
class Condition:
    """What is drawn how, and what learns it."""

    net: Net
    view: ConceptView = "bits"


@dataclass(frozen=True)
class Test:
    """How learners are compared: on the same new tasks, judged on all 16 objects.

    AdamW has the learning rate 0.001, as in the paper's public code, for each of some numbers of
    steps; the learned start takes some numbers of its own steps, although it was trained for one.
    """

    tasks: int = 40
    support: tuple[int, ...] = (5, 10, 15)
    budgets: tuple[int, ...] = BUDGETS
    steps: tuple[int, ...] = (0, 1, 10)


@dataclass(frozen=True)
class Concepts:
    """Each condition is meta-trained from some random weights on concepts of the prior.

    ``concepts`` are drawn once for meta-training; a batch shows from 2 to 19 objects of each.
    Drawings have ``size`` pixels a side.
    """

    conditions: tuple[Condition, ...]
    meta: Meta = QUICK
    test: Test = Test()
    networks: int = 5
    concepts: int = 10_000
    size: int = 12
    seed: int = 0


@dataclass(frozen=True)
class Learned:
    """One network of one condition."""

    condition: Condition
    network: int
    meta: Meta
    test: Test
    concepts: int
    size: int
    seed: int


def concept_cells(config: Concepts) -> list[Learned]:
    """Return one cell for each condition and network, network by network.

    Examples
    --------
    >>> len(concept_cells(Concepts((Condition(Net()),), networks=2)))
    2
    """
    sizes = (config.meta, config.test, config.concepts, config.size, config.seed)
    pairs = product(range(config.networks), config.conditions)
    return [Learned(condition, network, *sizes) for network, condition in pairs]


def concept_objects_for(cell: Learned, device: torch.device) -> Tensor:
    """Return the 16 objects as the network of a cell reads them.

    Examples
    --------
    >>> cell = concept_cells(Concepts((Condition(Net("LSTM")),)))[0]
    >>> concept_objects_for(cell, torch.device("cpu")).shape
    torch.Size([16, 4, 1])
    """
    return present(cell.condition.net, concept_inputs(cell.condition.view, size=cell.size)).to(
        device
    )


def learn_concepts(
    cell: Learned, pool: Tensor, device: torch.device
) -> tuple[MetaLearner, dict[str, Tensor]]:
    """Meta-learn a start on a pool of concepts; return it with the random weights it came from.

    The random weights and the tasks of a network are the same whatever the architecture sees.

    Examples
    --------
    >>> cell = concept_cells(Concepts((Condition(Net()),), Meta(steps=1)))[0]
    >>> pool = sample_concepts(5).float()
    >>> len(learn_concepts(cell, pool, torch.device("cpu"))[1])
    6
    """
    x = concept_objects_for(cell, device)
    model = build(cell.condition.net, tuple(x.shape[1:]), 1).to(device)
    start = random_start(model, cell.network, seed=cell.seed, device=device)
    tables, tasks = pool.to(device), cell.meta.tasks

    def draw(seed: int) -> Episodes:
        return table_episodes(x, tables, tasks=tasks, support=(2, 19), seed=seed)

    seed = member_seed(cell.seed, cell.network)
    return meta_learn(model, start, draw, cell.meta, loss="binary", seed=seed), start


def new_tasks(cell: Learned, support: int, device: torch.device) -> Episodes:
    """Return the tasks that test a network, the same for all architectures and views.

    Examples
    --------
    >>> cell = concept_cells(Concepts((Condition(Net()),)))[0]
    >>> new_tasks(cell, 5, torch.device("cpu")).support[0].shape
    torch.Size([40, 5, 4])
    """
    seed = member_seed(TEST_SEED, cell.network)
    pool = sample_concepts(cell.test.tasks, seed=seed).float().to(device)
    return table_episodes(concept_objects_for(cell, device), pool, support=support, seed=seed)


@lru_cache(maxsize=1)
def grammar_prior() -> TaskPrior:
    """Return the prior of concepts of four features, computed once.

    Examples
    --------
    >>> grammar_prior().tables.shape[1]
    16
    """
    return TaskPrior(*concept_prior(draws=60))


def bounds(drawn: Episodes) -> dict[str, Tensor]:
    """Return what memory alone reaches in each task, and what the ideal learner expects to.

    Examples
    --------
    >>> cell = concept_cells(Concepts((Condition(Net()),)))[0]
    >>> found = bounds(new_tasks(cell, 10, torch.device("cpu")))
    >>> bool(found["floor"].mean() < found["ceiling"].mean())
    True
    """
    picked, labels = drawn.picked.cpu(), drawn.support[1].cpu()
    guesses = memorize_majority(picked, labels, 16)
    belief = posterior(grammar_prior(), picked, labels)
    floor = guess_accuracy(guesses, drawn.query[1].cpu())
    return {"floor": floor, "ceiling": belief.expected_accuracy()}


def run_concepts(cell: Learned, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each method, budget and support size.

    ``accuracy`` is that of one network on all objects, averaged over tasks; ``floor`` is the
    accuracy of memory and majority and ``ceiling`` the ideal learner's, on the same tasks.

    Examples
    --------
    >>> test = Test(tasks=2, support=(5,), budgets=(0, 1), steps=(0, 1))
    >>> cell = concept_cells(Concepts((Condition(Net()),), Meta(steps=1), test))[0]
    >>> run_concepts(cell, torch.device("cpu")).method.tolist()
    ['meta', 'meta', 'random', 'random']
    """
    pool = sample_concepts(cell.concepts, seed=cell.seed).float()
    learner, start = learn_concepts(cell, pool, device)
    rows = []
    for support in cell.test.support:
        drawn = new_tasks(cell, support, device)
        limits = {name: values.mean().item() for name, values in bounds(drawn).items()}
        rows += [
            {"method": method, "budget": budget, "support": support, "accuracy": value, **limits}
            for method, budget, value in _scores(cell.test, learner, start, drawn)
        ]
    labels = {
        "architecture": cell.condition.net.architecture,
        "view": cell.condition.view,
        "parameters": count_parameters(learner.model),
        "network": cell.network,
        "seed": cell.seed,
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


def _scores(
    test: Test, learner: MetaLearner, start: dict[str, Tensor], drawn: Episodes
) -> list[tuple[str, int, float]]:
    """Return method, number of steps and mean accuracy."""
    place, x = (learner.model, learner.start.params, learner.start.rates), drawn.query[0]
    shared: dict[str, Any] = {"loss": "binary"}
    learned = rates_curve(*place, drawn.support, x, steps=test.steps, **shared)
    plain = optimizer_curve(learner.model, start, drawn.support, x, steps=test.budgets, **shared)
    curves = (("meta", test.steps, learned), ("random", test.budgets, plain))
    return [
        (method, steps, value)
        for method, budgets, curve in curves
        for steps, value in zip(
            budgets, accuracy(curve, drawn.query[1]).mean(-1).tolist(), strict=True
        )
    ]


def _views(*nets: Net, view: ConceptView) -> tuple[Condition, ...]:
    return tuple(Condition(net, view) for net in nets)


BITS = _views(Net(), Net("LSTM", 1, 16), Net("Transformer", 1, 16), view="bits")
IMAGES = _views(Net("MLP", 2, 16), Net("ConvNet", 2, 8), view="image")


def _paper(*names: Architecture, view: ConceptView) -> tuple[Condition, ...]:
    return tuple(Condition(net, view) for net in LARGE if net.architecture in names)


SEVEN = (
    *_paper("MLP", "LSTM", "Transformer", view="bits"),
    *_paper("MLP", "ConvNet", "LSTM", "Transformer", view="image"),
)

SMOKE = Concepts(
    (*BITS[:2], IMAGES[0]),
    Meta(steps=150),
    Test(tasks=20, support=(5, 15), budgets=(0, 1, 50, 200)),
    networks=2,
)

CONCEPTS: Experiment[Concepts, Learned] = Experiment(
    name="metainit.concepts",
    question="What does one step from a meta-learned start reach, in which architecture?",
    tiers={
        "smoke": SMOKE,
        "laptop": Concepts((*BITS, *IMAGES), QUICK),
        "paper": Concepts(SEVEN, PAPER, Test(tasks=100), networks=10, size=32),
    },
    cells=concept_cells,
    run_cell=run_concepts,
)


# How many concepts meta-learning needs: one, a few, or thousands from the prior.


@dataclass(frozen=True)
class Few:
    """Starts are learned from pools of some numbers of concepts, each network from its own."""

    concepts: Concepts
    pools: tuple[int, ...] = (1, 3, 10, 30, 100, 10_000)


def few_cells(config: Few) -> list[Learned]:
    """Return one cell for each pool, condition and network.

    Examples
    --------
    >>> len(few_cells(Few(Concepts(BITS[:1], networks=2))))
    12
    """
    cells = [
        replace(cell, concepts=pool)
        for cell, pool in product(concept_cells(config.concepts), config.pools)
    ]
    return sorted(cells, key=lambda cell: cell.network)


def draw_pool(cell: Learned) -> Tensor:
    """Return the concepts that a network is meta-trained on: the first draws of its own seed.

    A larger pool of the same network holds the smaller ones.

    Examples
    --------
    >>> cells = few_cells(Few(Concepts(BITS[:1], networks=1)))
    >>> bool((draw_pool(cells[1])[:1] == draw_pool(cells[0])).all())
    True
    """
    seed = member_seed(cell.seed, cell.network)
    return sample_concepts(cell.concepts, seed=seed).float()


def seen(tables: Tensor, pool: Tensor) -> Tensor:
    """Say which truth tables (t, objects) are in a pool (p, objects): (t,) of booleans.

    Examples
    --------
    >>> seen(torch.tensor([[0.0, 1], [1, 1]]), torch.tensor([[0.0, 1]])).tolist()
    [True, False]
    """
    known = {tuple(table) for table in pool.tolist()}
    return torch.tensor([tuple(table) in known for table in tables.tolist()])


def run_few(cell: Learned, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each support size and kind of test concept.

    ``pool`` is the number of draws to meta-train on and ``distinct`` how many differ; test
    concepts are ``all``, or ``held out`` of the pool, of which there are ``tasks``.  Where none
    is held out there is no row.

    Examples
    --------
    >>> test = Test(tasks=8, support=(5,))
    >>> config = Few(Concepts(BITS[:1], Meta(steps=1), test), pools=(1,))
    >>> run_few(few_cells(config)[0], torch.device("cpu")).concepts.tolist()
    ['all', 'held out']
    """
    pool = draw_pool(cell)
    learner, _ = learn_concepts(cell, pool, device)
    rows = []
    for support in cell.test.support:
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
        "architecture": cell.condition.net.architecture,
        "pool": cell.concepts,
        "distinct": len({tuple(table) for table in pool.tolist()}),
        "network": cell.network,
        "seed": cell.seed,
    }
    return pd.DataFrame(labels, index=range(1)).merge(pd.DataFrame(rows), how="cross")


_LAPTOP = Few(Concepts(BITS[:2], QUICK, Test(tasks=200)), pools=(1, 3, 10, 100, 10_000))

FEW: Experiment[Few, Learned] = Experiment(
    name="metainit.few-concepts",
    question="How many concepts must be seen before a learned start helps with new ones?",
    tiers={
        "smoke": Few(
            Concepts(BITS[:1], Meta(steps=200), Test(tasks=60, support=(5, 15)), networks=2),
            pools=(1, 10, 10_000),
        ),
        "laptop": _LAPTOP,
        "paper": Few(
            Concepts(BITS, Meta(steps=5000), Test(tasks=500), networks=10),
            pools=(1, 2, 3, 5, 10, 20, 30, 50, 100, 300, 1000, 10_000),
        ),
    },
    cells=few_cells,
    run_cell=run_few,
)


# By how much learned starts bring architectures together, against the budget of the others.

ONE_STEP = 1


@dataclass(frozen=True)
class Together:
    """One network of every condition, compared on the same tasks."""

    conditions: tuple[Condition, ...]
    network: int
    meta: Meta
    test: Test
    concepts: int
    size: int
    seed: int


def gap_cells(config: Concepts) -> list[Together]:
    """Return one cell for each network.

    Examples
    --------
    >>> [cell.network for cell in gap_cells(Concepts(BITS, networks=2))]
    [0, 1]
    """
    sizes = (config.meta, config.test, config.concepts, config.size, config.seed)
    return [Together(config.conditions, network, *sizes) for network in range(config.networks)]


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


def run_gap(cell: Together, device: torch.device) -> pd.DataFrame:
    """Meta-train one network of every condition and return `gap_table` of them.

    Examples
    --------
    >>> test = Test(tasks=2, support=(5,), budgets=(0, 1), steps=(1,))
    >>> cell = gap_cells(Concepts(BITS[:2], Meta(steps=1), test))[0]
    >>> run_gap(cell, torch.device("cpu")).budget.tolist()
    [0, 1]
    """
    config = Concepts(cell.conditions, cell.meta, cell.test, 1, cell.concepts, cell.size, cell.seed)
    own: list[Learned] = [replace(c, network=cell.network) for c in concept_cells(config)]
    return gap_table(pd.concat([run_concepts(each, device) for each in own]))


_FINE = (1, 10, 25, 50, 100, 200)

GAP: Experiment[Concepts, Together] = Experiment(
    name="metainit.gap",
    question="How much smaller is the gap across architectures, at which budget of the baseline?",
    tiers={
        "smoke": replace(SMOKE, conditions=BITS[:2]),
        "laptop": Concepts(BITS, test=Test(budgets=_FINE)),
        "paper": Concepts(
            SEVEN, PAPER, Test(tasks=100, budgets=(*_FINE, 500, 1000)), networks=10, size=32
        ),
    },
    cells=gap_cells,
    run_cell=run_gap,
)


# Pre-training on the tasks of meta-learning without learning inside a task.

Weights = dict[str, Tensor]


def pretrain(
    cell: Learned, model: nn.Module, start: Weights, pool: Tensor, device: torch.device
) -> Weights:
    """Train initial weights on the tasks that meta-learning sees, all points of a step in one set.

    The tasks, their number, the outer optimizer and its steps are those of `learn_concepts`; what
    is missing is that a task is learned before it is judged.

    Raises
    ------
    ValueError
        If the cell asks for validation: the last weights are kept.

    Examples
    --------
    >>> from ibcore.metainit.experiments.concepts import (
    ...     Concepts, concept_cells, learn_concepts
    ... )
    >>> from ibcore.metainit.experiments.concepts import BITS
    >>> from ibcore.metainit.experiments.architectures import Meta
    >>> from ibcore.tasks import sample_concepts
    >>> cell, cpu = concept_cells(Concepts(BITS, Meta(steps=1)))[0], torch.device("cpu")
    >>> pool = sample_concepts(5).float()
    >>> learner, start = learn_concepts(cell, pool, cpu)
    >>> weights = pretrain(cell, learner.model, start, pool, cpu)
    >>> all(bool((weights[name] != start[name]).any()) for name in start)
    True
    """
    if cell.meta.validation:
        raise ValueError(f"pre-training keeps its last weights; got {cell.meta}, set validation=0")
    x, tables = concept_objects_for(cell, device), pool.to(device)
    seed = member_seed(cell.seed, cell.network)

    def draw(step: int) -> tuple[Points, Points]:
        drawn = table_episodes(
            x, tables, tasks=cell.meta.tasks, support=(2, 19), seed=member_seed(seed, step)
        )
        return pooled(drawn.support, drawn.query)

    learner = MetaLearner(model, params=start, inner_steps=0, rates="fixed", loss="binary")
    learner.fit(draw, steps=cell.meta.steps, learning_rate=cell.meta.learning_rate)
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


@dataclass(frozen=True)
class Pretraining:
    """Starts are learned as in `Concepts`, by meta-learning and by pooled pre-training.

    Pre-training has each of the learning rates ``pooled``; that of meta-learning is one of
    them.  Constant rates are chosen among ``rate`` on ``validation`` tasks, for each start,
    number of examples and number of steps.
    """

    concepts: Concepts
    pooled: tuple[float, ...] = (0.001, 0.01)
    rate: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)
    validation: int = 40


@dataclass(frozen=True)
class Prepared:
    """One network of one condition."""

    learned: Learned
    pooled: tuple[float, ...]
    rate: tuple[float, ...]
    validation: int


def pretraining_cells(config: Pretraining) -> list[Prepared]:
    """Return one cell for each condition and network.

    Examples
    --------
    >>> len(pretraining_cells(Pretraining(Concepts(BITS, networks=2))))
    6
    """
    cells = concept_cells(config.concepts)
    return [Prepared(cell, config.pooled, config.rate, config.validation) for cell in cells]


def held_tasks(cell: Prepared, support: int, device: torch.device) -> Episodes:
    """Return the tasks on which constant rates are chosen.

    Examples
    --------
    >>> cell = pretraining_cells(Pretraining(Concepts(BITS), validation=7))[0]
    >>> held_tasks(cell, 5, torch.device("cpu")).support[0].shape
    torch.Size([7, 5, 4])
    """
    seed = member_seed(VALIDATION_SEED, cell.learned.network)
    tables = sample_concepts(cell.validation, seed=seed).float().to(device)
    x = concept_objects_for(cell.learned, device)
    return table_episodes(x, tables, support=support, seed=seed)


def run_pretraining(cell: Prepared, device: torch.device) -> pd.DataFrame:
    """Prepare one network and return a row for each start, optimizer, budget and support size.

    ``start`` is ``random``, ``pooled`` or ``meta``, with the learning rate of its outer loop in
    ``outer_rate``; ``optimizer`` is ``AdamW`` with the rate
    0.001, ``gradient`` with the constant rate that validation chose, or ``Meta-SGD`` with the
    learned rates.  ``floor`` and ``ceiling`` are those of `bounds`, and ``average`` is the
    accuracy of the best answer that does not depend on the task: for each object, the label that
    most concepts of meta-training give it.

    Examples
    --------
    >>> test = Test(tasks=2, support=(5,), budgets=(0,), steps=(1,))
    >>> config = Pretraining(Concepts(BITS[:1], Meta(steps=1), test), rate=(0.1,))
    >>> frame = run_pretraining(pretraining_cells(config)[0], torch.device("cpu"))
    >>> frame.start.unique().tolist(), frame.optimizer.unique().tolist()
    (['random', 'pooled', 'meta'], ['AdamW', 'gradient', 'Meta-SGD'])
    """
    own = cell.learned
    pool = sample_concepts(own.concepts, seed=own.seed).float()
    learner, random = learn_concepts(own, pool, device)
    starts = _starts(cell, learner, random, pool, device)
    usual = pool.mean(0, keepdim=True) > 0.5  # (1, objects)
    parts = []
    for support in own.test.support:
        held, drawn = held_tasks(cell, support, device), new_tasks(own, support, device)
        limits = bounds(drawn) | {"average": same_answer(usual, drawn)}
        found = {name: values.mean().item() for name, values in limits.items()}
        for (name, outer), start in starts.items():
            frame = _adapt(cell, learner, start, held, drawn)
            parts.append(frame.assign(start=name, outer_rate=outer, support=support, **found))
    return pd.concat(parts, ignore_index=True).assign(
        architecture=own.condition.net.architecture, network=own.network, seed=own.seed
    )


def _starts(
    cell: Prepared, learner: MetaLearner, random: Weights, pool: Tensor, device: torch.device
) -> dict[tuple[str, float], Weights]:
    """Return weights by name and learning rate of the outer loop, which random ones lack."""
    own = cell.learned
    starts = {("random", float("nan")): random}
    for rate in cell.pooled:
        slower = replace(own, meta=replace(own.meta, learning_rate=rate))
        starts["pooled", rate] = pretrain(slower, learner.model, random, pool, device)
    return starts | {("meta", own.meta.learning_rate): learner.start.params}


def _adapt(
    cell: Prepared, learner: MetaLearner, start: Weights, held: Episodes, drawn: Episodes
) -> pd.DataFrame:
    """Return optimizer, rate, budget and mean accuracy of one start."""
    model, test, x = learner.model, cell.learned.test, drawn.query[0]
    plain = optimizer_curve(
        model, start, drawn.support, x, steps=test.budgets, learning_rate=ADAMW, loss="binary"
    )
    rows = _rows("AdamW", [ADAMW] * len(test.budgets), test.budgets, _means(plain, drawn))

    def meta_train(rates: float | Weights, on: Episodes) -> list[float]:
        curve = rates_curve(
            model, start, rates, on.support, on.query[0], steps=test.steps, loss="binary"
        )
        return _means(curve, on)

    chosen = best_rates({rate: meta_train(rate, held) for rate in cell.rate})
    curves = {rate: meta_train(rate, drawn) for rate in sorted(set(chosen))}
    best = [curves[rate][place] for place, rate in enumerate(chosen)]
    rows += _rows("gradient", chosen, test.steps, best)
    learned = meta_train(learner.start.rates, drawn)
    rows += _rows("Meta-SGD", [None] * len(test.steps), test.steps, learned)
    frame = pd.DataFrame(rows, columns=["optimizer", "rate", "budget", "accuracy"])
    return frame.astype({"rate": "float64"})


def best_rates(curves: dict[float, list[float]]) -> list[float]:
    """Return, for each place of the curves, the rate whose curve is highest; the first of equals.

    Examples
    --------
    >>> best_rates({0.1: [0.5, 0.9], 1.0: [0.6, 0.8]})
    [1.0, 0.1]
    """
    places = range(len(next(iter(curves.values()))))
    return [max(curves, key=lambda rate: curves[rate][place]) for place in places]


def _means(curve: Tensor, drawn: Episodes) -> list[float]:
    values: list[float] = accuracy(curve, drawn.query[1]).mean(-1).tolist()
    return values


def _rows(
    optimizer: str, rates: list[float] | list[None], steps: tuple[int, ...], values: list[float]
) -> list[Row]:
    return [(optimizer, *row) for row in zip(rates, steps, values, strict=True)]


_PRETRAINING_LAPTOP = Concepts(BITS[:1], test=Test(budgets=BUDGETS, steps=(1, 10, 50, 200)))

PRETRAINING: Experiment[Pretraining, Prepared] = Experiment(
    name="metainit.pretraining",
    question="Does plain pre-training on the same tasks give a start as good as meta-learning's?",
    tiers={
        "smoke": Pretraining(
            replace(
                _PRETRAINING_LAPTOP,
                meta=Meta(steps=200),
                test=Test(tasks=20, support=(5, 15), budgets=(0, 1, 50, 200), steps=(1, 10)),
                networks=2,
            ),
            rate=(0.3, 1.0, 3.0),
            validation=20,
        ),
        "laptop": Pretraining(_PRETRAINING_LAPTOP),
        "paper": Pretraining(
            replace(
                _PRETRAINING_LAPTOP,
                conditions=BITS,
                meta=Meta(steps=5000),
                test=replace(_PRETRAINING_LAPTOP.test, tasks=100),
                networks=10,
            ),
            validation=100,
        ),
    },
    cells=pretraining_cells,
    run_cell=run_pretraining,
)


# Weights or rates: what each half of a learned start is worth with a random other half.

Table = dict[str, Tensor]


@dataclass(frozen=True)
class Swap:
    """Starts are learned as in `Concepts`, and taken apart.

    ``rate`` are the constants that stand in for learned rates.
    """

    concepts: Concepts
    rate: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Halves:
    """One network of one condition."""

    learned: Learned
    rate: tuple[float, ...]


def swap_cells(config: Swap) -> list[Halves]:
    """Return one cell for each condition and network.

    Examples
    --------
    >>> len(swap_cells(Swap(Concepts(BITS, networks=2))))
    6
    """
    return [Halves(cell, config.rate) for cell in concept_cells(config.concepts)]


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


def run_swap(cell: Halves, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each pair of weights and rates.

    ``weights`` are ``learned`` or ``random``; ``rates`` are ``learned``, ``shuffled`` among the
    weights of each parameter, ``constant`` with the value in ``rate``, or those of ``AdamW``;
    ``budget`` is the number of steps.

    Examples
    --------
    >>> test = Test(tasks=2, support=(5,), budgets=(1,), steps=(1,))
    >>> cell = swap_cells(Swap(Concepts(BITS[:1], Meta(steps=1), test), rate=(0.1,)))[0]
    >>> frame = run_swap(cell, torch.device("cpu"))
    >>> frame.groupby("weights").rates.apply(list).loc["learned"]
    ['learned', 'shuffled', 'constant', 'AdamW']
    """
    own = cell.learned
    pool = sample_concepts(own.concepts, seed=own.seed).float()
    learner, random = learn_concepts(own, pool, device)
    learned = learner.start.rates
    mixed = shuffled(learned, member_seed(own.seed, own.network))
    tables: list[tuple[str, float | None, float | Table]] = [
        ("learned", None, learned),
        ("shuffled", None, mixed),
        *[("constant", rate, rate) for rate in cell.rate],
    ]
    rows = []
    for support in own.test.support:
        drawn = new_tasks(own, support, device)
        x = drawn.query[0]
        for (weights, start), (rates, rate, table) in product(
            (("learned", learner.start.params), ("random", random)), tables
        ):
            curve = rates_curve(
                learner.model, start, table, drawn.support, x, steps=own.test.steps, loss="binary"
            )
            labels = (weights, rates, rate, support)
            rows += _swap_rows(labels, own.test.steps, curve, drawn)
        for weights, start in (("learned", learner.start.params), ("random", random)):
            curve = optimizer_curve(
                learner.model,
                start,
                drawn.support,
                x,
                steps=own.test.budgets,
                learning_rate=ADAMW,
                loss="binary",
            )
            rows += _swap_rows((weights, "AdamW", ADAMW, support), own.test.budgets, curve, drawn)
    names = ("weights", "rates", "rate", "support", "budget", "accuracy")
    frame = pd.DataFrame(rows, columns=list(names)).astype({"rate": "float64"})
    return frame.assign(
        architecture=own.condition.net.architecture, network=own.network, seed=own.seed
    )


def _swap_rows(
    labels: tuple[str, str, float | None, int],
    steps: tuple[int, ...],
    curve: Tensor,
    drawn: Episodes,
) -> list[tuple[str | float | None, ...]]:
    scores = accuracy(curve, drawn.query[1]).mean(-1).tolist()
    return [(*labels, step, score) for step, score in zip(steps, scores, strict=True)]


def _both(conditions: tuple[Condition, ...]) -> Concepts:
    budgets = (1, 10, 50, 200)
    return Concepts(conditions, QUICK, Test(budgets=budgets, steps=(1, 10)))


SWAP: Experiment[Swap, Halves] = Experiment(
    name="metainit.swap",
    question="Do learned weights or learned rates carry what was meta-learned?",
    tiers={
        "smoke": Swap(
            replace(
                SMOKE,
                conditions=BITS[:2],
                test=Test(tasks=20, support=(5, 15), budgets=(1, 10, 50, 200), steps=(1, 10)),
                meta=Meta(steps=200),
            ),
            rate=(0.1, 0.3, 1.0),
        ),
        "laptop": Swap(_both(BITS[:2])),
        "paper": Swap(replace(_both(BITS), meta=Meta(steps=5000), networks=10)),
    },
    cells=swap_cells,
    run_cell=run_swap,
)
