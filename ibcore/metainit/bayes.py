"""The ideal learner of a task family with finitely many tasks, and the simplest one."""

from dataclasses import dataclass

import torch
from torch import Tensor


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
        If shapes do not fit, or the weights are not probabilities.

    Examples
    --------
    >>> prior = TaskPrior(torch.eye(2).double(), torch.tensor([0.5, 0.5]).double())
    >>> prior.tables.shape
    torch.Size([2, 2])
    """

    tables: Tensor
    weights: Tensor

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
        if bool((self.weights < 0).any()) or not abs(total - 1) < 1e-9:
            raise ValueError(f"weights must be >= 0 and sum to 1, got a sum of {total}")


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


def posterior(
    prior: TaskPrior, picked: Tensor, labels: Tensor, *, noise: float | None = None
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
    Belief
        In float64.

    Raises
    ------
    ValueError
        If shapes do not fit, the noise is not positive, or no task of the prior agrees with a
        support set.

    Examples
    --------
    >>> tables = torch.tensor([[0.0, 0, 1], [0, 1, 1]]).double()
    >>> prior = TaskPrior(tables, torch.ones(2).double() / 2)
    >>> posterior(prior, torch.tensor([[0, 2]]), torch.tensor([[0, 1]])).mean.tolist()
    [[0.0, 0.5, 1.0]]
    """
    objects = prior.tables.shape[1]
    if picked.ndim != 2 or picked.shape != labels.shape or picked.dtype != torch.int64:
        raise ValueError(
            f"picked (t, n) must be int64 with labels (t, n), got {picked.dtype} "
            f"{tuple(picked.shape)} and {tuple(labels.shape)}"
        )
    if picked.numel() and not 0 <= int(picked.min()) <= int(picked.max()) < objects:
        raise ValueError(f"picked must number the {objects} objects from 0, got {picked.max()}")
    if noise is not None and not noise > 0:
        raise ValueError(f"noise must be above 0, got {noise}; None stands for exact labels")
    values = labels.double()
    if noise is None:
        moments = _exact(prior, picked, values)
    else:
        moments = _noisy(prior, picked, values, noise)
    mean, square = moments
    return Posterior(mean, (square - mean.square()).relu())  # below 0 by rounding only


def _exact(prior: TaskPrior, picked: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the posterior's first two moments, each (t, objects), from the tasks that agree."""
    columns = prior.tables.mT.contiguous()  # (objects, tasks)
    everyone = torch.arange(len(prior.weights), device=prior.weights.device)
    means, squares = [], []
    for number, (objects, values) in enumerate(zip(picked.tolist(), labels.tolist(), strict=True)):
        left = everyone
        for place, value in zip(objects, values, strict=True):
            left = left[columns[place][left] == value]
        if not len(left):
            raise ValueError(
                f"no task of the prior agrees with support set {number}; its labels are noisy, or "
                "its task is not in the prior"
            )
        weights = prior.weights[left] / prior.weights[left].sum()
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


def memorize_majority(picked: Tensor, labels: Tensor, objects: int) -> Tensor:
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
        Probability of label 1, ``(t, objects)``, float64: 0, 1, or 0.5 where votes are tied.

    Raises
    ------
    ValueError
        If the shapes do not fit or a label is not 0 or 1.

    Examples
    --------
    >>> memorize_majority(torch.tensor([[0, 1, 1]]), torch.tensor([[1, 0, 0]]), 3).tolist()
    [[1.0, 0.0, 0.0]]
    """
    if picked.ndim != 2 or picked.shape != labels.shape:
        raise ValueError(
            f"need picked and labels (t, n), got {tuple(picked.shape)} and {tuple(labels.shape)}"
        )
    values = labels.double()
    if not bool(((values == 0) | (values == 1)).all()):
        raise ValueError(f"labels must be 0 or 1, got {sorted(set(values.flatten().tolist()))}")
    share = values.mean(1, keepdim=True)  # (t, 1)
    majority = (share > 0.5).double() + 0.5 * (share == 0.5).double()
    guesses = majority.expand(-1, objects).clone()
    return guesses.scatter(1, picked, values)


def guess_accuracy(guesses: Tensor, labels: Tensor) -> Tensor:
    """Return the accuracy of probabilities of label 1; a guess of 0.5 is right half the time.

    Guesses ``(t, objects)`` and labels ``(t, objects)`` give ``(t,)``, float64.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> guess_accuracy(torch.tensor([[0.9, 0.5]]), torch.tensor([[1, 0]])).tolist()
    [0.75]
    """
    if guesses.shape != labels.shape:
        raise ValueError(f"got guesses {tuple(guesses.shape)} for labels {tuple(labels.shape)}")
    right = (guesses > 0.5) == (labels > 0.5)
    return torch.where(guesses == 0.5, 0.5, right.double()).mean(-1)
