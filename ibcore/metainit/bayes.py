"""The ideal learner of a task family with finitely many tasks, and the simplest one."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from ibcore.door import Count, Labels, Positive, Range, check_memory, door

Guesses = Annotated[Tensor, Range(-1e-6, 1 + 1e-6)]  # sums of probabilities are not exact

_ROUNDING = 32  # numbers that differ by fewer units in the last place are equal


@door
@dataclass(frozen=True, eq=False)
class TaskPrior:
    """Finitely many tasks over the same objects, and how probable each is.

    Attributes
    ----------
    tables
        The label or value of each object, ``(tasks, objects)``, float64.
    weights
        Prior probabilities, ``(tasks,)``, float64; they sum to 1.

    Raises
    ------
    ValueError
        If shapes or types do not fit, or the weights are not probabilities.

    Examples
    --------
    >>> prior = TaskPrior(torch.eye(2).double(), torch.tensor([0.5, 0.5]).double())
    >>> prior.tables.shape
    torch.Size([2, 2])
    """

    tables: Tensor
    weights: Annotated[Tensor, Range(0)]

    def __post_init__(self) -> None:
        if self.tables.ndim != 2 or self.weights.shape != self.tables.shape[:1]:
            raise ValueError(
                f"tables must be (tasks, objects) with weights (tasks,), got "
                f"{tuple(self.tables.shape)} and {tuple(self.weights.shape)}"
            )
        if self.tables.dtype != torch.float64 or self.weights.dtype != torch.float64:
            raise ValueError(
                f"tables and weights must be float64, got {self.tables.dtype} and "
                f"{self.weights.dtype}; convert them with .double()"
            )
        total = self.weights.sum().item()
        if not abs(total - 1) < 1e-9:
            raise ValueError(f"weights must sum to 1, got a sum of {total}")


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the ideal learner believes after a support set.

    Attributes
    ----------
    mean
        Posterior mean of each object's target, ``(t, objects)``; for labels 0 and 1 the
        probability of label 1.
    variance
        Posterior variance, ``(t, objects)``.
    """

    mean: Tensor
    variance: Tensor

    def expected_accuracy(self) -> Tensor:
        r"""Return the accuracy that the best guesses expect of themselves, ``(t,)``.

        The mean over objects of :math:`\max(p, 1-p)`.  Averaged over tasks from the prior this is
        the ceiling: no learner has a higher mean accuracy.
        """
        return torch.maximum(self.mean, 1 - self.mean).mean(-1)

    def expected_error(self) -> Tensor:
        """Return the mean squared error that the posterior mean expects of itself, ``(t,)``."""
        return self.variance.mean(-1)


@door
def posterior(
    prior: TaskPrior, picked: Labels, labels: Tensor, *, noise: Positive | None = None
) -> Posterior:
    r"""Return the posterior of the ideal learner after each support set.

    .. math:: p(h \mid S) \propto p(h) \prod_{i=1}^n p(y_i \mid h(x_i))

    Parameters
    ----------
    prior
        The tasks h and their probabilities.
    picked
        Which objects each support set shows, ``(t, n)``, as in `ibcore.tasks.Episodes`.
    labels
        What it says of them, ``(t, n)``.
    noise
        Standard deviation of Gaussian noise on the labels; None for exact labels.

    Returns
    -------
    Posterior
        In float64.

    Raises
    ------
    ValueError
        If shapes do not fit, no task of the prior agrees with a support set, or the noise is too
        small to compare tasks.

    Examples
    --------
    >>> tables = torch.tensor([[0.0, 0, 1], [0, 1, 1]]).double()
    >>> prior = TaskPrior(tables, torch.ones(2).double() / 2)
    >>> posterior(prior, torch.tensor([[0, 2]]), torch.tensor([[0, 1]])).mean.tolist()
    [[0.0, 0.5, 1.0]]
    """
    objects = prior.tables.shape[1]
    _check_picked(picked, labels, objects)
    check_memory("picked", len(picked), 32.0 * len(picked) * objects)
    if noise is None:
        mean, square = _exact(prior, picked, labels)
    else:
        mean, square = _noisy(prior, picked, labels.double(), noise)
    if not bool(square.isfinite().all()):
        raise ValueError(f"noise={noise} is too small for labels so far from those of any task")
    return Posterior(mean, (square - mean.square()).relu())  # below 0 by rounding only


def _check_picked(picked: Tensor, labels: Tensor, objects: int) -> None:
    if picked.ndim != 2 or picked.shape != labels.shape or not len(picked):
        raise ValueError(f"need picked, labels (t, n), got {[*picked.shape]}, {[*labels.shape]}")
    if picked.numel() and int(picked.max()) >= objects:
        raise ValueError(f"picked must number the {objects} objects from 0, got {picked.max()}")


def _exact(prior: TaskPrior, picked: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the posterior's first two moments, each (t, objects), from the tasks that agree."""
    columns = prior.tables.mT.contiguous()  # (objects, tasks)
    everyone = torch.arange(len(prior.weights), device=prior.weights.device)
    noise = _ROUNDING * torch.finfo(labels.dtype).eps * prior.tables.abs().max()
    means, squares = [], []
    for number, (objects, values) in enumerate(zip(picked.tolist(), labels.tolist(), strict=True)):
        left = everyone
        for place, value in zip(objects, values, strict=True):
            left = left[(columns[place][left] - value).abs() <= noise]
        total = prior.weights[left].sum()
        if not total > 0:
            raise ValueError(
                f"no task of the prior agrees with support set {number}: noisy labels?"
            )
        weights = prior.weights[left] / total
        means.append(weights @ prior.tables[left])
        squares.append(weights @ prior.tables[left].square())
    return torch.stack(means), torch.stack(squares)


def _noisy(prior: TaskPrior, picked: Tensor, labels: Tensor, noise: float) -> tuple[Tensor, Tensor]:
    """Return the posterior's first two moments, each (t, objects), from all tasks."""
    score = prior.weights.log().expand(len(picked), -1)
    for objects, values in zip(picked.mT, labels.mT, strict=True):  # each (t,)
        gaps = prior.tables.mT[objects] - values[:, None]  # (t, tasks)
        score = score - gaps.square() / (2 * noise**2)
    posterior = score.softmax(1)  # (t, tasks)
    return posterior @ prior.tables, posterior @ prior.tables.square()


@door
def memorize_majority(picked: Labels, labels: Tensor, objects: Count) -> Tensor:
    """Return the guesses of a learner that knows what it saw, and else says the majority label.

    Parameters
    ----------
    picked, labels
        Objects and labels 0 or 1 of each support set, ``(t, n)``; each draw has a vote.
    objects
        How many there are.

    Returns
    -------
    Tensor
        Probability of label 1, ``(t, objects)``, float64: 0, 1, or 0.5 where votes are tied or
        there is none.

    Raises
    ------
    ValueError
        If the shapes do not fit, an object is not one of them or a label is not 0 or 1.

    Examples
    --------
    >>> memorize_majority(torch.tensor([[0, 1, 1]]), torch.tensor([[1, 0, 0]]), 3).tolist()
    [[1.0, 0.0, 0.0]]
    """
    _check_picked(picked, labels, objects)
    check_memory("objects", objects, 16.0 * objects * len(picked))
    values = _binary(labels)
    votes, half = values.sum(1, keepdim=True), values.shape[1] / 2  # (t, 1)
    majority = (votes > half).double() + 0.5 * (votes == half).double()
    guesses = majority.expand(-1, objects).clone()
    return guesses.scatter(1, picked, values)


def _binary(labels: Tensor) -> Tensor:
    if bool(((labels != 0) & (labels != 1)).any()):
        raise ValueError(f"labels must be 0 or 1, got {sorted(set(labels.flatten().tolist()))}")
    return labels.double()


@door
def guess_accuracy(guesses: Guesses, labels: Tensor) -> Tensor:
    """Return the accuracy of probabilities of label 1; a guess of 0.5 is right half the time.

    Guesses ``(t, objects)`` and labels ``(t, objects)`` give ``(t,)``, float64.

    Raises
    ------
    ValueError
        If the shapes differ, a guess is no probability or a label is not 0 or 1.

    Examples
    --------
    >>> guess_accuracy(torch.tensor([[0.9, 0.5]]), torch.tensor([[1, 0]])).tolist()
    [0.75]
    """
    if guesses.shape != labels.shape:
        raise ValueError(f"got guesses {tuple(guesses.shape)} for labels {tuple(labels.shape)}")
    right = (guesses > 0.5) == (_binary(labels) == 1)
    tied = (guesses - 0.5).abs() <= _ROUNDING * torch.finfo(guesses.dtype).eps
    return torch.where(tied, 0.5, right.double()).mean(-1)
