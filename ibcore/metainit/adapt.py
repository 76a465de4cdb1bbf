"""Adapt a start to tasks, and evaluate what each task has learned."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ibcore.metainit.inner import Inner, Parameters, Points, TaskLoss, parts, repeat
from ibcore.metainit.maml import check_tasks
from ibcore.metainit.rates import InnerRates, rate_table
from ibcore.training import Loss


def adapt(
    model: nn.Module,
    params: Mapping[str, Tensor],
    rates: InnerRates,
    support: Points,
    *,
    inner_steps: int = 1,
    loss: Loss | TaskLoss = "mse",
    task_chunk: int | None = None,
    vectorize: bool = True,
) -> Parameters:
    """Take gradient steps on each task's support set, all from the same start, which stays.

    Parameters
    ----------
    model, params, rates, support, inner_steps, loss, task_chunk, vectorize
        As in `meta_gradient`.

    Returns
    -------
    dict
        The weights of each task by name, shape ``(tasks, *shape)``: copies, outside any graph.

    Raises
    ------
    ValueError
        As for `meta_gradient`.

    Examples
    --------
    >>> model, start = nn.Linear(1, 1, bias=False), {"weight": torch.zeros(1, 1)}
    >>> support = torch.ones(2, 1, 1), torch.tensor([[[1.0]], [[-1.0]]])  # two tasks
    >>> adapt(model, start, 0.25, support)["weight"].flatten().tolist()
    [0.5, -0.5]
    """
    inner = Inner(model, loss, vectorize)
    support, _ = check_tasks(inner, params, support, support, inner_steps)
    table = {name: rate.detach() for name, rate in rate_table(rates, params).items()}
    start = {name: value.detach() for name, value in params.items()}
    adapted = []
    for part in parts(len(support[0]), task_chunk):
        points = support[0][part], support[1][part]
        current = repeat(start, len(points[0]))
        for _ in range(inner_steps if table else 0):
            moving = {name: current[name].detach().requires_grad_() for name in table}
            current = inner.step(current | moving, table, points, graph=False)
        adapted.append({name: value.detach() for name, value in current.items()})
    return {name: torch.cat([chunk[name] for chunk in adapted]) for name in start}


@torch.no_grad()
def predict(
    model: nn.Module,
    stacked: Mapping[str, Tensor],
    x: Tensor,
    *,
    task_chunk: int | None = None,
    vectorize: bool = True,
) -> Tensor:
    """Evaluate each task's network on its own inputs, without autograd.

    Parameters
    ----------
    model
        Fixes the computation.
    stacked
        The weights of each task, ``(tasks, *shape)``, as from `adapt`.
    x
        Inputs, ``(tasks, n, ...)``.
    task_chunk, vectorize
        As in `meta_gradient`.

    Returns
    -------
    Tensor
        Shape ``(tasks, n, ...)``.

    Raises
    ------
    ValueError
        If weights and inputs are for different numbers of tasks.

    Examples
    --------
    >>> stacked = {"weight": torch.tensor([[[2.0]], [[3.0]]])}
    >>> predict(nn.Linear(1, 1, bias=False), stacked, torch.ones(2, 1, 1)).flatten().tolist()
    [2.0, 3.0]
    """
    wrong = {name: len(value) for name, value in stacked.items() if len(value) != len(x)}
    if wrong:
        raise ValueError(f"x holds {len(x)} tasks, but the weights {wrong}; give one set for each")
    inner = Inner(model, "mse", vectorize)
    return torch.cat(
        [
            inner.outputs({name: value[part] for name, value in stacked.items()}, x[part])
            for part in parts(len(x), task_chunk)
        ]
    )
