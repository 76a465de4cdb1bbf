"""How fast networks learn: test accuracy along training, and when it reaches a target."""

import torch
from torch import Tensor

from ibcore.population import Population
from ibcore.tasks import Modular
from ibcore.training import Method
from ibcore.training.losses import binary
from ibcore.training.optimizers import Updater
from ibcore.training.stacked import Table, stacked_forward


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
    forward = stacked_forward(population.architecture)
    table = Table(population.parameters)
    updater = Updater(Method(learning_rate=learning_rate).rates(table.values), table.values)

    def see(x: Tensor) -> Tensor:
        return forward(table.leaves, x.expand(len(population), *x.shape))

    def accuracy(x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            return ((see(x)[..., 0] > 0) == (y > 0)).double().mean(1)  # (m,)

    looks = []
    target = task.train_y.to(population.dtype).expand(len(population), -1)
    for step in range(1, steps + 1):
        updater.step(table.gradient(binary(see(task.train_x), target)))
        if step % every == 0:
            looks.append(accuracy(task.test_x, task.test_y))
    return accuracy(task.train_x, task.train_y), torch.stack(looks, dim=1)


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
