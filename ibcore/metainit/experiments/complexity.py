"""The complexity of learned starts as functions, before and after a step, against random ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ibcore.metainit.baselines import optimizer_curve, random_starts, rates_curve
from ibcore.metainit.bayes import guess_accuracy, memorize_majority, posterior
from ibcore.metainit.experiments import arithmetic, concepts
from ibcore.metainit.experiments.architectures import PAPER, QUICK, Meta, Net, random_start
from ibcore.metainit.experiments.arithmetic import NOISE, Arithmetic, Numbers
from ibcore.metainit.experiments.concepts import (
    BITS,
    SEVEN,
    Concepts,
    Learned,
    Test,
    concept_cells,
    concept_objects_for,
    grammar_prior,
    learn_concepts,
)
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.maml import predict, repeat
from ibcore.nets import count_parameters
from ibcore.population import member_seed
from ibcore.redshift import fourier_complexity, lempel_ziv_complexity, total_variation
from ibcore.runs import Experiment
from ibcore.runtime import generator
from ibcore.stats import spearman
from ibcore.tasks import Episodes, moduli, remainder_tables, sample_concepts, table_episodes
from ibcore.tasks.concepts import concept_objects

# What one network of each architecture believes of each object, example after example.

LITERALS = {  # word: feature and its value, as the drawings of `ibcore.tasks.concepts` show them
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
    yield "ideal", 0, posterior(grammar_prior(), picked, labels).mean
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


# How complex the functions of a network are at some moments of learning.


class Stage(NamedTuple):
    """Functions at one moment.

    Attributes
    ----------
    start, optimizer, budget
        Where learning began, and after how many steps of which optimizer the functions are seen.
    values
        Of each function at the same objects, ``(functions, objects)``; after learning, a function
        for each task.
    """

    start: str
    optimizer: str
    budget: int
    values: Tensor


def complexities(values: Tensor) -> dict[str, Tensor]:
    """Return the complexity of functions on a grid by three measures, float64, nan if constant.

    On the 16 objects, a grid of two points along each of four features, the Fourier complexity is
    the mean square root of the degree of the Walsh coefficients, weighted by their amplitude and
    divided by 2; the total variation is the mean change when one feature is flipped, in standard
    deviations.

    Parameters
    ----------
    values
        Floating point, ``(functions, n, ..., n)``.

    Examples
    --------
    >>> import torch
    >>> first = torch.ones(1, 2, 2, 2, 2)
    >>> first[:, 0] = -1  # the first feature: degree 1, and one flip of four changes it by 2
    >>> {name: value.item() for name, value in complexities(first).items()}
    {'fourier': 0.5, 'variation': 0.5, 'lempel_ziv': 3.0}
    """
    return {
        "fourier": fourier_complexity(values),
        "variation": total_variation(values),
        "lempel_ziv": lempel_ziv_complexity(values, variant="lz76"),
    }


def stage_table(stages: list[Stage], truth: Tensor, *, grid: tuple[int, ...]) -> pd.DataFrame:
    """Return one row for each stage.

    ``fourier``, ``variation`` and ``lempel_ziv`` are means over the functions that are not
    constant, ``constant`` is the share of those that are, and ``functions`` their number in all.
    ``tracking`` is the rank correlation over tasks of Fourier complexity with that of the truth;
    it exists after learning only.

    Parameters
    ----------
    stages
        With one function for each task where ``budget`` is above 0.
    truth
        What each task asks for, ``(tasks, objects)``.
    grid
        The shape in which the objects lie.

    Examples
    --------
    >>> import torch
    >>> truth = torch.tensor([[0.0, 1, 2, 3], [0, 1, 0, 1], [0, 0, 1, 1]])
    >>> frame = stage_table([Stage("random", "AdamW", 9, 2 * truth)], truth, grid=(4,))
    >>> round(float(frame.tracking[0]), 3), int(frame.functions[0])
    (1.0, 3)
    """
    target = complexities(truth.reshape(-1, *grid))["fourier"]  # (tasks,)
    rows = []
    for stage in stages:
        found = complexities(stage.values.reshape(-1, *grid))  # (functions, n, ..., n)
        rows.append(
            {
                "start": stage.start,
                "optimizer": stage.optimizer,
                "budget": stage.budget,
                "functions": len(stage.values),
                "constant": found["fourier"].isnan().double().mean().item(),
                **{name: value.nanmean().item() for name, value in found.items()},
                "tracking": _tracking(found["fourier"], target) if stage.budget else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def _tracking(found: Tensor, target: Tensor) -> float:
    """Return the rank correlation over tasks in which neither is constant; nan without ranking."""
    both = (found.isfinite() & target.isfinite()).cpu()
    # Functions of the same complexity are ties, however their sums were rounded.
    x, y = (values.cpu()[both].numpy().round(9) for values in (found, target))
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return spearman(x, y)


LONG = 200  # AdamW steps of a network that learns without a learned start
DRAW_SEED = 5_000_011  # of further random networks
Weights = dict[str, Tensor]
ComplexityLearned = concepts.Learned | arithmetic.Learned


@dataclass(frozen=True)
class Complexity:
    """Starts are learned as in `Concepts` and `Arithmetic`; ``draws`` are further random ones."""

    concepts: Concepts
    arithmetic: Arithmetic
    draws: int = 200


@dataclass(frozen=True)
class Functions:
    """One network of one condition on concepts or on remainders."""

    learned: ComplexityLearned
    draws: int


def complexity_cells(config: Complexity) -> list[Functions]:
    """Return one cell for each condition and network.

    Examples
    --------
    >>> numbers = Arithmetic((Numbers(Net()),), splits=("extrapolation",), networks=2)
    >>> len(complexity_cells(Complexity(Concepts(BITS[:1], networks=2), numbers)))
    4
    """
    cells: list[ComplexityLearned] = [
        *concepts.concept_cells(config.concepts),
        *arithmetic.arithmetic_cells(config.arithmetic),
    ]
    return sorted((Functions(cell, config.draws) for cell in cells), key=_network)


def _network(cell: Functions) -> int:
    return cell.learned.network


def run_complexity(cell: Functions, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each kind of function that it computes.

    ``start`` is ``random`` or ``meta``, ``draws`` for more random networks, and ``truth`` for what
    is to be learned; ``optimizer`` is none, ``Meta-SGD`` or ``AdamW`` and ``budget`` its number of
    steps.  ``function`` says what is measured: the ``outputs``, or of concepts the ``answers`` -1
    and 1.  ``moduli`` are for training or for testing, and ``none`` for concepts.  The other
    columns are those of `stage_table`.

    Examples
    --------
    >>> test = Test(tasks=3, support=(5,))
    >>> numbers = Arithmetic((Numbers(Net()),), networks=0)
    >>> config = Complexity(Concepts(BITS[:1], Meta(steps=1), test), numbers, draws=2)
    >>> frame = run_complexity(complexity_cells(config)[0], torch.device("cpu"))
    >>> frame.start.unique().tolist(), frame.function.unique().tolist()
    (['random', 'meta', 'draws', 'truth'], ['outputs', 'answers'])
    """
    own = cell.learned
    task: str
    if isinstance(own, arithmetic.Learned):
        task, parts = own.split, _numbers(cell, own, device)
    else:
        task, parts = "concepts", _concepts(cell, own, device)
    return pd.concat(list(parts), ignore_index=True).assign(
        task=task,
        architecture=own.condition.net.architecture,
        view=own.condition.view,
        network=own.network,
        seed=own.seed,
    )


def _concepts(
    cell: Functions, own: concepts.Learned, device: torch.device
) -> Iterator[pd.DataFrame]:
    """Yield the rows of each support size."""
    pool = sample_concepts(own.concepts, seed=own.seed).float()
    learner, start = concepts.learn_concepts(own, pool, device)
    for support in own.test.support:
        drawn = concepts.new_tasks(own, support, device)
        truth = 2 * drawn.query[1] - 1  # (tasks, objects)
        stages = list(_stages(cell, learner, start, drawn))
        signs = [
            stage._replace(values=torch.where(stage.values > 0, 1.0, -1.0)) for stage in stages
        ]
        signs.append(Stage("truth", "none", 0, truth))
        for function, kind in (("outputs", stages), ("answers", signs)):
            table = stage_table(kind, truth, grid=(2,) * 4)
            yield table.assign(function=function, support=support, moduli="none")


def _numbers(
    cell: Functions, own: arithmetic.Learned, device: torch.device
) -> Iterator[pd.DataFrame]:
    """Yield the rows of each support size, and of moduli for training and for testing."""
    learner = arithmetic.learn_moduli(own, device)
    start = random_start(learner.model, own.network, seed=own.seed, device=device)
    x, seed = arithmetic.number_objects(own, device), member_seed(arithmetic.TEST_SEED, own.network)
    for kind, chosen in zip(("train", "test"), moduli(own.split), strict=True):
        tables = remainder_tables(chosen).to(device)
        for support in own.support:
            drawn = table_episodes(x, tables, support=support, noise=NOISE, seed=seed)
            truth = tables[..., 0]
            stages = [*_stages(cell, learner, start, drawn), Stage("truth", "none", 0, truth)]
            table = stage_table(stages, truth, grid=(len(x),))
            yield table.assign(function="outputs", support=support, moduli=kind)


def _stages(
    cell: Functions, learner: MetaLearner, start: Weights, drawn: Episodes
) -> Iterator[Stage]:
    """Yield the functions before learning, after a step, and after long learning."""
    model, x = learner.model, drawn.query[0]
    place = drawn.support, x
    for name, weights in (("random", start), ("meta", learner.start.params)):
        curve = rates_curve(model, weights, learner.start.rates, *place, loss=learner.loss)
        for budget, values in enumerate(curve):
            yield Stage(name, "Meta-SGD" if budget else "none", budget, values[..., 0])
        long = optimizer_curve(model, weights, *place, steps=(LONG,), loss=learner.loss)
        yield Stage(name, "AdamW", LONG, long[0, ..., 0])
    yield Stage("draws", "none", 0, _draws(model, x[0], cell))


def _draws(model: nn.Module, x: Tensor, cell: Functions) -> Tensor:
    """Return what random networks compute: (draws, objects)."""
    seed = member_seed(DRAW_SEED, cell.learned.network)
    stacked = random_starts(model, cell.draws, seed=seed, device=x.device)
    return predict(model, stacked, x.expand(cell.draws, *x.shape))[..., 0]


_CONCEPTS = Concepts(BITS[:1], test=Test(support=(5, 15)))
_MLP = Net("MLP", 2, 64)
_THREE = tuple(Numbers(_MLP, view) for view in ("number", "scaled", "bits"))
_NUMBERS = Arithmetic(_THREE, support=(100,))

COMPLEXITY: Experiment[Complexity, Functions] = Experiment(
    name="metainit.complexity",
    question="Are functions of learned starts simpler than random ones, before and after a step?",
    tiers={
        "smoke": Complexity(
            replace(_CONCEPTS, meta=Meta(steps=200), networks=2),
            replace(
                _NUMBERS,
                conditions=(_THREE[0], _THREE[2]),
                splits=("extrapolation",),
                meta=Meta(steps=100, tasks=4, rate=0.001),
                networks=2,
            ),
            draws=50,
        ),
        "laptop": Complexity(_CONCEPTS, _NUMBERS),
        "paper": Complexity(
            replace(_CONCEPTS, conditions=BITS, meta=Meta(steps=5000), networks=10),
            replace(
                _NUMBERS, meta=Meta(steps=5000, rate=0.001), support=(20, 40, 100), networks=10
            ),
            draws=1000,
        ),
    },
    cells=complexity_cells,
    run_cell=run_complexity,
)
