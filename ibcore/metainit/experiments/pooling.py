"""Pre-training on the tasks of meta-learning without learning inside a task."""

import torch
from torch import Tensor, nn

from ibcore.metainit.baselines import pooled
from ibcore.metainit.bayes import guess_accuracy
from ibcore.metainit.experiments.concept_tasks import Learned, concept_objects_for
from ibcore.metainit.inner import Points
from ibcore.metainit.learner import MetaLearner
from ibcore.population import member_seed
from ibcore.tasks import Episodes, table_episodes

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
    >>> from ibcore.metainit.experiments.concept_tasks import (
    ...     Concepts, concept_cells, learn_concepts
    ... )
    >>> from ibcore.metainit.experiments.concepts import BITS
    >>> from ibcore.metainit.experiments.learning import Meta
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
