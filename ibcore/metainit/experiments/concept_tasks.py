"""Boolean concepts to learn from: conditions, meta-training, new tasks, and what bounds them."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from ibcore.metainit.baselines import BUDGETS
from ibcore.metainit.bayes import TaskPrior, believe, guess_accuracy, memorize_majority
from ibcore.metainit.experiments.architectures import Net, build, present
from ibcore.metainit.experiments.learning import QUICK, Meta, meta_learn, random_start
from ibcore.metainit.learner import MetaLearner
from ibcore.population import member_seed
from ibcore.tasks import (
    ConceptView,
    Episodes,
    concept_inputs,
    concept_prior,
    sample_concepts,
    table_episodes,
)

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
    belief = believe(grammar_prior(), picked, labels)
    floor = guess_accuracy(guesses, drawn.query[1].cpu())
    return {"floor": floor, "ceiling": belief.expected_accuracy()}
