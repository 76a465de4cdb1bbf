"""Reptile: move the start towards where tasks end up, without a query set."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ibcore.metainit.adapt import adapt
from ibcore.metainit.inner import Inner, Parameters, Points, TaskLoss, parts
from ibcore.metainit.rates import InnerRates
from ibcore.training import Loss


def reptile_gradient(
    model: nn.Module,
    params: Mapping[str, Tensor],
    rates: InnerRates,
    support: Points,
    *,
    inner_steps: int = 5,
    loss: Loss | TaskLoss = "mse",
    task_chunk: int | None = None,
    vectorize: bool = True,
) -> tuple[Tensor, Parameters]:
    r"""Return the mean support loss after adaptation and the direction away from the tasks.

    .. math:: g = \theta - \frac1T \sum_t \theta^{(k)}_t

    A descent step of size :math:`\epsilon` along g is Reptile's update.  With one inner step it is
    the rate times the gradient of training on all tasks at once; what is more than that comes
    from further steps.

    Parameters
    ----------
    model, params, rates, support, loss, task_chunk, vectorize
        As in `meta_gradient`.
    inner_steps
        k, at least 1.

    Returns
    -------
    tuple
        The loss, and g by name of parameter.

    Raises
    ------
    ValueError
        As for `meta_gradient`, or if there is no inner step.

    References
    ----------
    Nichol, Achiam and Schulman (2018), "On first-order meta-learning algorithms".

    Examples
    --------
    >>> model, start = nn.Linear(1, 1, bias=False), {"weight": torch.zeros(1, 1)}
    >>> support = torch.ones(2, 1, 1), torch.tensor([[[1.0]], [[3.0]]])
    >>> reptile_gradient(model, start, 0.25, support, inner_steps=1)[1]["weight"].item()
    -1.0
    """
    if inner_steps < 1:
        raise ValueError(f"Reptile needs at least 1 inner step, got {inner_steps}")
    options = {"loss": loss, "task_chunk": task_chunk, "vectorize": vectorize}
    adapted = adapt(model, params, rates, support, inner_steps=inner_steps, **options)  # type: ignore[arg-type]
    away = {name: value.detach() - adapted[name].mean(0) for name, value in params.items()}
    return mean_loss(model, adapted, support, **options), away  # type: ignore[arg-type]


@torch.no_grad()
def mean_loss(
    model: nn.Module,
    stacked: Mapping[str, Tensor],
    points: Points,
    *,
    loss: Loss | TaskLoss,
    task_chunk: int | None = None,
    vectorize: bool = True,
) -> Tensor:
    """Return the loss of each task's network on its own points, averaged over tasks.

    Examples
    --------
    >>> points = torch.ones(2, 1, 1), torch.tensor([[[1.0]], [[3.0]]])
    >>> net, weights = nn.Linear(1, 1, bias=False), {"weight": torch.zeros(2, 1, 1)}
    >>> mean_loss(net, weights, points, loss="mse").item()
    5.0
    """
    inner = Inner(model, loss, vectorize)
    x, y = inner.checked("points", points, next(iter(stacked.values())))
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for part in parts(len(x), task_chunk):
        chosen = {name: value[part] for name, value in stacked.items()}
        total += inner.losses(chosen, (x[part], y[part])).sum()
    return total / len(x)
