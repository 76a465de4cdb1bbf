"""The complexity of learned starts as functions, before and after a step, against random ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor, nn

from ibcore.metainit.adapt import predict
from ibcore.metainit.baselines import optimizer_curve, rates_curve
from ibcore.metainit.experiments import arithmetic, concept_tasks
from ibcore.metainit.experiments.architectures import Net
from ibcore.metainit.experiments.arithmetic import NOISE, Arithmetic, Numbers
from ibcore.metainit.experiments.concept_tasks import Concepts, Test
from ibcore.metainit.experiments.concepts import BITS
from ibcore.metainit.experiments.learning import Meta, random_start
from ibcore.metainit.experiments.stages import Stage, stage_table
from ibcore.metainit.initial import random_starts
from ibcore.metainit.learner import MetaLearner
from ibcore.population import member_seed
from ibcore.runs import Experiment
from ibcore.tasks import Episodes, moduli, remainder_tables, sample_concepts, table_episodes

LONG = 200  # AdamW steps of a network that learns without a learned start
DRAW_SEED = 5_000_011  # of further random networks
Weights = dict[str, Tensor]
Learned = concept_tasks.Learned | arithmetic.Learned


@dataclass(frozen=True)
class Complexity:
    """Starts are learned as in `Concepts` and `Arithmetic`; ``draws`` are further random ones."""

    concepts: Concepts
    arithmetic: Arithmetic
    draws: int = 200


@dataclass(frozen=True)
class Functions:
    """One network of one condition on concepts or on remainders."""

    learned: Learned
    draws: int


def complexity_cells(config: Complexity) -> list[Functions]:
    """Return one cell for each condition and network.

    Examples
    --------
    >>> numbers = Arithmetic((Numbers(Net()),), splits=("extrapolation",), networks=2)
    >>> len(complexity_cells(Complexity(Concepts(BITS[:1], networks=2), numbers)))
    4
    """
    cells: list[Learned] = [
        *concept_tasks.concept_cells(config.concepts),
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
    cell: Functions, own: concept_tasks.Learned, device: torch.device
) -> Iterator[pd.DataFrame]:
    """Yield the rows of each support size."""
    pool = sample_concepts(own.concepts, seed=own.seed).float()
    learner, start = concept_tasks.learn_concepts(own, pool, device)
    for support in own.test.support:
        drawn = concept_tasks.new_tasks(own, support, device)
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

EXPERIMENTS = (COMPLEXITY,)
