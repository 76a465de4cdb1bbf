"""The complexity of learned starts as functions, before and after a step, against random ones."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ibcore.metainit.baselines import optimizer_curve, random_starts, rates_curve
from ibcore.metainit.bayes import guess_accuracy, memorize_majority, posterior
from ibcore.metainit.experiments.architectures import PAPER, Meta, random_start
from ibcore.metainit.experiments.arithmetic import (
    MLP,
    drawn_episodes,
    learn_moduli,
    number_cells,
)
from ibcore.metainit.experiments.concepts import (
    BITS,
    SEVEN,
    SHORT,
    TEST,
    concept_cells,
    concept_objects_for,
    concept_pool,
    grammar_prior,
    learn_concepts,
    new_tasks,
)
from ibcore.metainit.learner import MetaLearner
from ibcore.metainit.maml import predict, repeat
from ibcore.nets import count_parameters
from ibcore.population import member_seed
from ibcore.redshift import fourier_complexity, lempel_ziv_complexity, total_variation
from ibcore.runs.experiment import Cell, Experiment, design
from ibcore.runtime import generator
from ibcore.stats import spearman
from ibcore.tasks import Episodes, moduli, remainder_tables
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


def run_pictures(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each rule, order, support size and method.

    ``method`` is ``meta`` or ``random`` with the number of steps in ``budget``, ``ideal`` for the
    posterior of the ideal learner, or ``memory`` for memory and majority.  With nothing shown
    there is nothing to learn from: a network then answers as its start does.  ``probabilities``
    are 16 bytes as of `half_percents`, ``labels`` and ``shown`` 16 bytes each: the rule, and the
    order of showing.
    """
    own, names = cell["learned"], list(RULES)
    learner, start = learn_concepts(own, concept_pool(own), device)
    orders = showing_orders(cell["orders"])
    tables = torch.stack([rule_table(rule) for rule in RULES.values()])
    tables, shown = tables.repeat_interleave(cell["orders"], 0), orders.repeat(len(names), 1)
    columns = {
        "concept": [name for name in names for _ in range(cell["orders"])],
        "order": [*range(cell["orders"])] * len(names),
        "shown": [bytes(row) for row in shown.tolist()],
        "labels": [bytes(row) for row in tables.tolist()],
    }
    parts = []
    for support in own["test"]["support"]:
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
        architecture=own["condition"]["net"].architecture,
        view=own["condition"]["view"],
        parameters=count_parameters(learner.model),
        network=own["network"],
        seed=own["seed"],
    )


def _networks(
    own: Cell,
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
    for method, steps in (("meta", own["test"]["steps"]), ("random", own["test"]["budgets"])):
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


def run_complexity(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Meta-train one network and return a row for each kind of function that it computes.

    ``start`` is ``random`` or ``meta``, ``draws`` for more random networks, and ``truth`` for what
    is to be learned; ``optimizer`` is none, ``Meta-SGD`` or ``AdamW`` and ``budget`` its number of
    steps.  ``function`` says what is measured: the ``outputs``, or of concepts the ``answers`` -1
    and 1.  ``moduli`` are for training or for testing, and ``none`` for concepts.  The other
    columns are those of `stage_table`.
    """
    own = cell["learned"]
    task: str
    if "split" in own:
        task, parts = own["split"], _numbers(cell, own, device)
    else:
        task, parts = "concepts", _concepts(cell, own, device)
    return pd.concat(list(parts), ignore_index=True).assign(
        task=task,
        architecture=own["condition"]["net"].architecture,
        view=own["condition"]["view"],
        network=own["network"],
        seed=own["seed"],
    )


def _concepts(cell: Cell, own: Cell, device: torch.device) -> Iterator[pd.DataFrame]:
    """Yield the rows of each support size."""
    learner, start = learn_concepts(own, concept_pool(own), device)
    for support in own["test"]["support"]:
        drawn = new_tasks(own, support, device)
        truth = 2 * drawn.query[1] - 1  # (tasks, objects)
        stages = list(_stages(cell, learner, start, drawn))
        signs = [
            stage._replace(values=torch.where(stage.values > 0, 1.0, -1.0)) for stage in stages
        ]
        signs.append(Stage("truth", "none", 0, truth))
        for function, kind in (("outputs", stages), ("answers", signs)):
            table = stage_table(kind, truth, grid=(2,) * 4)
            yield table.assign(function=function, support=support, moduli="none")


def _numbers(cell: Cell, own: Cell, device: torch.device) -> Iterator[pd.DataFrame]:
    """Yield the rows of each support size, and of moduli for training and for testing."""
    learner = learn_moduli(own, device)
    start = random_start(learner.model, own["network"], seed=own["seed"], device=device)
    for kind, chosen in zip(("train", "test"), moduli(own["split"]), strict=True):
        tables = remainder_tables(chosen).to(device)
        for support in own["support"]:
            drawn = drawn_episodes(own, tables, support)
            truth = tables[..., 0]
            stages = [*_stages(cell, learner, start, drawn), Stage("truth", "none", 0, truth)]
            table = stage_table(stages, truth, grid=tables.shape[1:2])
            yield table.assign(function="outputs", support=support, moduli=kind)


def _stages(cell: Cell, learner: MetaLearner, start: Weights, drawn: Episodes) -> Iterator[Stage]:
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


def _draws(model: nn.Module, x: Tensor, cell: Cell) -> Tensor:
    """Return what random networks compute: (draws, objects)."""
    seed = member_seed(DRAW_SEED, cell["learned"]["network"])
    stacked = random_starts(model, cell["draws"], seed=seed, device=x.device)
    return predict(model, stacked, x.expand(cell["draws"], *x.shape))[..., 0]


# What each experiment varies, at every tier.  The support sizes of pictures are nested: each order
# shows every object once, and the support set of size n holds its first n.

ALL = {**TEST, "support": tuple(range(16)), "budgets": (200,)}
FIRST = {**ALL, "support": (0, 4, 8), "budgets": (20,)}
TWO_SIZES = {**TEST, "support": (5, 15)}
THREE = design({"net": MLP, "view": ("number", "scaled", "bits")})


def function_cells(
    learned: Sequence[Cell], numbers: Sequence[Cell], *, draws: int = 200
) -> list[Cell]:
    """Return cells on concepts and on remainders by network, with ``draws`` further random ones."""
    by_network = sorted((*learned, *numbers), key=lambda cell: int(cell["network"]))
    return design({"learned": by_network}, draws=draws)


# Shown in: explorers ArchitectureGap, ConceptLearner and StepBudget; no claims.
PICTURES = Experiment(
    "metainit.pictures",
    "What does one network believe of each object, before and after the inner step?",
    {
        "smoke": design(
            {"learned": concept_cells(BITS[:2], 1, meta=Meta(steps=60), test=FIRST)}, orders=1
        ),
        "laptop": design({"learned": concept_cells(BITS, 1, test=ALL)}, orders=3),
        "paper": design(
            {"learned": concept_cells(SEVEN, 1, meta=PAPER, test=ALL, size=32)}, orders=3
        ),
    },
    run_pictures,
)

# Shown in: limits, "Result 4: what kind of function is a learned start?"; claims
# metainit.start-complexity-numbers, start-complexity-bits, step-simplifies, complexity-tracks,
# start-complexity-between.
COMPLEXITY = Experiment(
    "metainit.complexity",
    "Are functions of learned starts simpler than random ones, before and after a step?",
    {
        "smoke": function_cells(
            concept_cells(BITS[:1], 2, meta=SHORT, test=TWO_SIZES),
            number_cells(
                THREE[::2],
                2,
                splits=("extrapolation",),
                meta=Meta(steps=100, tasks=4, rate=0.001),
                support=(100,),
            ),
            draws=50,
        ),
        "laptop": function_cells(
            concept_cells(BITS[:1], 5, test=TWO_SIZES), number_cells(THREE, 5, support=(100,))
        ),
        "paper": function_cells(
            concept_cells(BITS, 10, meta=Meta(steps=5000), test=TWO_SIZES),
            number_cells(THREE, 10, meta=Meta(steps=5000, rate=0.001)),
            draws=1000,
        ),
    },
    run_complexity,
)
