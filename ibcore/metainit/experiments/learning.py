"""What the experiments share: how a start is meta-learned, from which random weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ibcore.metainit.experiments.architectures import Net
from ibcore.metainit.initial import random_starts
from ibcore.metainit.inner import TaskLoss
from ibcore.metainit.learner import MetaLearner
from ibcore.population import member_seed
from ibcore.tasks import Episodes
from ibcore.training import Loss

Draw = Callable[[int], Episodes]  # from a seed

_VALIDATION = 2**31  # seeds of validation tasks are counted from here


@dataclass(frozen=True)
class Meta:
    """Meta-SGD with one inner step, second order.

    Attributes
    ----------
    steps, tasks
        Outer steps at most, and tasks in each.
    rate
        The inner rate with which each weight begins.
    learning_rate
        Of AdamW in the outer loop, with the weight decay 0.01 and the largest norm 1 of the
        gradient.
    validation
        Batches of tasks for early stopping and the choice of the best start, looked at every 250
        steps; 0 for none, which keeps the last start.
    """

    steps: int = 500
    tasks: int = 8
    rate: float = 0.1
    learning_rate: float = 0.01
    validation: int = 0


QUICK = Meta()
PAPER = Meta(steps=50_000, tasks=4, rate=1e-3, learning_rate=1e-3, validation=25)
LARGE = (  # of the paper tier: one size for all, where the paper searched among 16 for each
    Net("MLP", 4, norm="batch", parameters=65_000),
    Net("ConvNet", 3, norm="batch", parameters=65_000),
    Net("LSTM", 2, norm="layer", parameters=65_000),
    Net("Transformer", 3, parameters=65_000),
)


def random_start(
    model: nn.Module, network: int, *, seed: int = 0, device: torch.device
) -> dict[str, Tensor]:
    """Return the random initial weights of one network.

    Examples
    --------
    >>> random_start(nn.Linear(2, 1), 3, device=torch.device("cpu"))["weight"].shape
    torch.Size([1, 2])
    """
    drawn = random_starts(model, 1, seed=seed, first=network, device=device)
    return {name: value[0] for name, value in drawn.items()}


def meta_learn(
    model: nn.Module,
    start: dict[str, Tensor],
    draw: Draw,
    meta: Meta,
    *,
    loss: Loss | TaskLoss,
    seed: int,
    task_chunk: int | None = None,
) -> MetaLearner:
    """Return a learner whose start was meta-learned from the given one.

    Parameters
    ----------
    model, start
        The network and its initial weights, which stay.
    draw
        Gives the tasks of a seed.
    meta
        The options.
    loss, task_chunk
        As in `ibcore.metainit.MetaLearner`.
    seed
        Of the tasks; step s draws with a seed of its own.

    Examples
    --------
    >>> from ibcore.tasks.episodes import table_episodes
    >>> net, x, table = nn.Linear(4, 1), torch.eye(4), torch.tensor([[0.0, 0, 1, 1]])
    >>> start = random_start(net, 0, device=torch.device("cpu"))
    >>> draw = lambda seed: table_episodes(x, table, tasks=2, support=3, seed=seed)
    >>> learner = meta_learn(net, start, draw, Meta(steps=2), loss="binary", seed=0)
    >>> bool((learner.start.params["weight"] == start["weight"]).all())
    False
    """
    learner = MetaLearner(model, params=start, rate=meta.rate, loss=loss, task_chunk=task_chunk)
    held = [draw(member_seed(seed, _VALIDATION + i)) for i in range(meta.validation)]
    learner.fit(
        lambda step: draw(member_seed(seed, step)),
        steps=meta.steps,
        learning_rate=meta.learning_rate,
        validation=held,
    )
    return learner
