"""How fast networks learn: test accuracy along training, and when it reaches a target."""

import torch
from torch import Tensor

from ibcore.population import Population
from ibcore.redshift.experiments.modular import accuracy
from ibcore.tasks import Modular


def learning_curve(
    population: Population, task: Modular, *, steps: int, every: int, learning_rate: float
) -> tuple[Tensor, Tensor]:
    """Train with Adam on all training points, and look at the accuracy every so many steps.

    Returns
    -------
    tuple of Tensor
        Training accuracy at the end, shape (m,), and test accuracy at each look, shape
        (m, looks); looks follow steps ``every``, ``2 * every`` and so on.

    Examples
    --------
    >>> from ibcore.nets import MLP
    >>> from ibcore.tasks import modular_addition
    >>> many = Population.sample(MLP(2, width=8), networks=3)
    >>> task = modular_addition(10)
    >>> _, test = learning_curve(many, task, steps=10, every=5, learning_rate=1e-2)
    >>> test.shape
    torch.Size([3, 2])
    """
    looks = tuple(range(every, steps + 1, every))
    test = torch.full((len(population), len(looks)), torch.nan, dtype=torch.float64)

    def look(step: int, members: Tensor, networks: Population) -> None:
        right = accuracy(networks, task.test_x, task.test_y)
        test[members, step // every - 1] = torch.tensor(right, dtype=torch.float64)

    trained = population.train(
        task.train_x,
        task.train_y,
        loss="binary",
        steps=steps,
        learning_rate=learning_rate,
        looks=looks,
        on_look=look,
    ).population
    return torch.tensor(accuracy(trained, task.train_x, task.train_y), dtype=torch.float64), test


def steps_to_reach(curve: Tensor, target: float, every: int) -> list[float]:
    """Return the step of the first look at which each row is at the target, or nan.

    Examples
    --------
    >>> steps_to_reach(torch.tensor([[0.2, 0.9, 0.8], [0.2, 0.3, 0.4]]), 0.9, 10)
    [20.0, nan]
    """
    reached = curve >= target
    first = (reached.int().argmax(1) + 1.0) * every
    return first.where(reached.any(1), torch.nan).tolist()
