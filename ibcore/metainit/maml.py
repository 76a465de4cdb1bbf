"""The gradient of what is learned with respect to where learning starts, over a batch of tasks."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from ibcore.metainit.inner import Inner, Parameters, Points, TaskLoss, parts, repeat
from ibcore.metainit.rates import InnerRates, rate_table
from ibcore.training import Loss

MetaGradients = dict[Literal["params", "rates"], Parameters]


def meta_gradient(
    model: nn.Module,
    params: Mapping[str, Tensor],
    rates: InnerRates,
    support: Points,
    query: Points,
    *,
    inner_steps: int = 1,
    first_order: bool = False,
    loss: Loss | TaskLoss = "mse",
    task_chunk: int | None = None,
    vectorize: bool = True,
) -> tuple[Tensor, MetaGradients]:
    r"""Return the mean query loss after adaptation, and its gradient at the start.

    .. math:: L(\theta, \alpha) = \frac1T \sum_{t=1}^T \ell\bigl(\theta^{(k)}_t; Q_t\bigr),\qquad
              \theta^{(0)}_t = \theta,\quad
              \theta^{(s+1)}_t = \theta^{(s)}_t - \alpha \odot \nabla \ell(\theta^{(s)}_t; S_t)

    with support sets :math:`S_t`, query sets :math:`Q_t` and k inner steps.  The gradient runs
    through the steps (second order) unless ``first_order`` treats their slopes as constants.

    Parameters
    ----------
    model
        Fixes the computation; its own parameter values are not used.
    params
        The start :math:`\theta`: name to tensor, as from ``model.named_parameters()``.
    rates
        :math:`\alpha`: one number (MAML), or by name a number or tensor (Meta-SGD).  Parameters
        without a rate are not adapted (ANIL).
    support, query
        Inputs (T, n, ...) and targets: (T, n) for ``"cross_entropy"`` and ``"binary"``,
        (T, n, out) for ``"mse"``.
    inner_steps
        k, at least 0; at 0 this is the gradient of training on the query sets.
    first_order
        Whether second derivatives are left out.
    loss
        Of both sets: a name, or a function of one task's outputs and targets that returns one
        number.
    task_chunk
        How many tasks are held in memory at once; None for all.  Gradients add up over chunks.
    vectorize
        False for a plain loop over the tasks, which takes any module.

    Returns
    -------
    tuple
        The loss, and ``{"params": {...}, "rates": {...}}``.  Each gradient has the shape of what
        it belongs to; with one rate for all, ``"rates"`` holds each parameter's share of its
        gradient, and their sum is the whole.

    Raises
    ------
    ValueError
        If names, shapes, types or devices do not fit, or an option is out of range.

    References
    ----------
    Finn et al. (2017), "Model-agnostic meta-learning"; Li et al. (2017), "Meta-SGD"; Raghu et al.
    (2020), "Rapid learning or feature reuse?" (ANIL).

    Examples
    --------
    One weight w, one point x = 1 with target 1 and rate a: the step goes to w + 2a(1 - w), so the
    query loss is (1 - w)^2 (1 - 2a)^2.

    >>> model, points = nn.Linear(1, 1, bias=False), (torch.ones(1, 1, 1), torch.ones(1, 1, 1))
    >>> value, grads = meta_gradient(model, {"weight": torch.zeros(1, 1)}, 0.25, points, points)
    >>> value.item(), grads["params"]["weight"].item(), grads["rates"]["weight"].item()
    (0.25, -0.5, -2.0)
    """
    inner = Inner(model, loss, vectorize)
    support, query = check_tasks(inner, params, support, query, inner_steps)
    leaves = {name: value.detach().requires_grad_() for name, value in params.items()}
    table = {
        name: rate.detach().requires_grad_() for name, rate in rate_table(rates, params).items()
    }
    inputs, tasks = [*leaves.values(), *table.values()], len(support[0])
    value = torch.zeros_like(inputs[0].flatten()[0])
    gradients = [torch.zeros_like(leaf) for leaf in inputs]
    for part in parts(tasks, task_chunk):
        adapted = repeat(leaves, len(support[0][part]))
        for _ in range(inner_steps):
            points = support[0][part], support[1][part]
            adapted = inner.step(adapted, table, points, graph=not first_order)
        share = inner.losses(adapted, (query[0][part], query[1][part])).sum() / tasks
        slopes = torch.autograd.grad(share, inputs, allow_unused=True, materialize_grads=True)
        value += share.detach()
        gradients = [total + slope for total, slope in zip(gradients, slopes, strict=True)]
    by_name = dict(zip([*leaves], gradients, strict=False))
    by_rate = dict(zip([*table], gradients[len(leaves) :], strict=True))
    return value, {"params": by_name, "rates": by_rate}


def check_tasks(
    inner: Inner, params: Mapping[str, Tensor], support: Points, query: Points, inner_steps: int
) -> tuple[Points, Points]:
    """Return both sets with targets in the right type.

    Raises
    ------
    ValueError
        If the parameters are not those of the model, the sets do not fit the parameters or the
        loss or each other, or the number of steps is negative.

    Examples
    --------
    >>> net, points = nn.Linear(3, 1), (torch.ones(2, 5, 3), torch.ones(2, 5, 1))
    >>> inner, params = Inner(net, "mse"), dict(net.named_parameters())
    >>> check_tasks(inner, params, points, points, 1)[0][1].shape
    torch.Size([2, 5, 1])
    """
    check_parameters(inner.model, params)
    if inner_steps < 0:
        raise ValueError(f"inner_steps must be at least 0, got {inner_steps}")
    like = next(iter(params.values()))
    support, query = inner.checked("support", support, like), inner.checked("query", query, like)
    if len(support[0]) != len(query[0]):
        raise ValueError(
            f"support holds {len(support[0])} tasks and query {len(query[0])}; give each task both"
        )
    return support, query


def check_parameters(model: nn.Module, params: Mapping[str, Tensor]) -> None:
    """Raise ``ValueError`` unless there is one value of the right shape for each parameter.

    Examples
    --------
    >>> check_parameters(nn.Linear(3, 1, bias=False), {"weight": torch.zeros(1, 3)})
    """
    shapes = {name: tuple(value.shape) for name, value in model.named_parameters()}
    given = {name: tuple(value.shape) for name, value in params.items()}
    if not shapes:
        raise ValueError("the model has no parameters, so there is nothing to learn")
    if set(shapes) != set(given):
        raise ValueError(f"params names {sorted(given)}, the model's are {sorted(shapes)}")
    for name, shape in shapes.items():
        if given[name] != shape:
            raise ValueError(f"params has {name} of shape {given[name]}, the model's is {shape}")
