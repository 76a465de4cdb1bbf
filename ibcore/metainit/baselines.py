"""What the same network learns without a meta-learned start, at the same budget of steps.

Every task begins from its own copy of the start, so nothing carries over from one to the next, and
a second evaluation gives the same numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ibcore.metainit.inner import Inner, Parameters, Points, TaskLoss, parts, repeat
from ibcore.metainit.maml import check_parameters
from ibcore.metainit.rates import InnerRates, rate_table
from ibcore.training import Loss, Method, Optimizer
from ibcore.training.optimizers import Updater
from ibcore.training.stacked import Table

BUDGETS = (0, 1, 10, 50, 100, 200)  # steps after which the paper's public code looks, and 0


def optimizer_curve(
    model: nn.Module,
    starts: Mapping[str, Tensor],
    support: Points,
    x: Tensor,
    *,
    steps: Sequence[int] = BUDGETS,
    optimizer: Optimizer = "adamw",
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    momentum: float = 0.0,
    loss: Loss | TaskLoss = "mse",
    task_chunk: int | None = None,
    vectorize: bool = True,
) -> Tensor:
    """Train a copy of the start on each task's whole support set, and evaluate it on the way.

    From `random_starts` this is the condition without meta-learning; from a meta-learned start it
    shows what that start is worth at the same budget.

    Parameters
    ----------
    model
        Fixes the computation.
    starts
        Initial weights by name: ``(*shape)`` for all tasks, or ``(tasks, *shape)`` for each its
        own.
    support
        Inputs and targets of each task, as in `meta_gradient`.
    x
        Inputs at which to evaluate, ``(tasks, n, ...)``.
    steps
        After how many steps to evaluate: rising, at least 0.
    optimizer, learning_rate, weight_decay, momentum
        As in `ibcore.training.Method`; the defaults are those of `torch.optim.AdamW`.
    loss, task_chunk, vectorize
        As in `meta_gradient`.

    Returns
    -------
    Tensor
        Outputs, shape ``(len(steps), tasks, n, ...)``.

    Raises
    ------
    ValueError
        If weights, tasks and inputs do not fit, or an option is out of range.

    Examples
    --------
    >>> from ibcore.metainit import random_starts
    >>> net, support = nn.Linear(2, 1), (torch.eye(2).expand(5, 2, 2), torch.ones(5, 2, 1))
    >>> starts = random_starts(net, 5)
    >>> curve = optimizer_curve(net, starts, support, support[0], steps=(0, 100), learning_rate=0.1)
    >>> curve.shape, bool((curve[1] - 1).abs().max() < 0.1)
    (torch.Size([2, 5, 2, 1]), True)
    """
    method = Method(
        optimizer, learning_rate=learning_rate, weight_decay=weight_decay, momentum=momentum
    )
    inner = Inner(model, loss, vectorize)
    support, own = _checked(inner, starts, support, x, steps)

    def run(part: slice) -> Tensor:
        points = support[0][part], support[1][part]
        table = Table({name: value[part] for name, value in own.items()})  # a copy
        updater = Updater(method.rates(table.values), table.values)

        def advance(current: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            updater.step(table.gradient(inner.losses(current, points)))
            return table.leaves

        return _watch(inner, steps, x[part], table.leaves, advance)

    return torch.cat([run(part) for part in parts(len(x), task_chunk)], dim=1)


def rates_curve(
    model: nn.Module,
    starts: Mapping[str, Tensor],
    rates: InnerRates,
    support: Points,
    x: Tensor,
    *,
    steps: Sequence[int] = (0, 1),
    loss: Loss | TaskLoss = "mse",
    task_chunk: int | None = None,
    vectorize: bool = True,
) -> Tensor:
    """Take plain gradient steps with given rates on each task, and evaluate on the way.

    With learned rates from random starts: what the rates alone are worth.  With one rate from a
    meta-learned start: what its weights alone are worth.

    Parameters
    ----------
    rates
        As in `meta_gradient`.
    model, starts, support, x, steps, loss, task_chunk, vectorize
        As in `optimizer_curve`.

    Returns
    -------
    Tensor
        Outputs, shape ``(len(steps), tasks, n, ...)``.

    Raises
    ------
    ValueError
        As for `optimizer_curve`.

    Examples
    --------
    >>> net, support = nn.Linear(1, 1, bias=False), (torch.ones(2, 1, 1), torch.ones(2, 1, 1))
    >>> curve = rates_curve(net, {"weight": torch.zeros(1, 1)}, 0.25, support, support[0])
    >>> curve[:, 0].flatten().tolist()
    [0.0, 0.5]
    """
    inner = Inner(model, loss, vectorize)
    support, own = _checked(inner, starts, support, x, steps)
    table = rate_table(rates, {name: value[0] for name, value in own.items()})
    fixed = {name: rate.detach() for name, rate in table.items()}

    def run(part: slice) -> Tensor:
        points = support[0][part], support[1][part]

        def advance(current: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            moving = {name: current[name].detach().requires_grad_() for name in fixed}
            return inner.step({**current, **moving}, fixed, points, graph=False)

        begin = {name: value[part] for name, value in own.items()}
        return _watch(inner, steps, x[part], begin, advance)

    return torch.cat([run(part) for part in parts(len(x), task_chunk)], dim=1)


def pooled(support: Points, query: Points) -> tuple[Points, Points]:
    """Put all points of all tasks, of both sets, into one task: what plain pre-training sees.

    ``MetaLearner(..., inner_steps=0, rates="fixed").fit(lambda step: pooled(*draw(step)[:2]))`` is
    pooled pre-training on the tasks that meta-learning sees.

    Returns
    -------
    tuple
        The same points, (1, T (n + q), ...), as support and as query set.

    References
    ----------
    Bencomo et al. (2025): a control in a branch of the authors' public code.

    Examples
    --------
    >>> points = torch.ones(3, 2, 4), torch.ones(3, 2, 1)
    >>> pooled(points, points)[0][0].shape
    torch.Size([1, 12, 4])
    """
    x, y = (
        torch.cat([first.flatten(0, 1), second.flatten(0, 1)])[None]  # (1, T (n + q), ...)
        for first, second in zip(support, query, strict=True)
    )
    return (x, y), (x, y)


def _watch(
    inner: Inner,
    steps: Sequence[int],
    x: Tensor,
    current: Mapping[str, Tensor],
    advance: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
) -> Tensor:
    """Take steps, and evaluate after some of them: (steps, tasks, n, ...)."""
    seen = []
    for step in range(steps[-1] + 1):
        if step in steps:
            with torch.no_grad():
                seen.append(inner.outputs(current, x))
        if step < steps[-1]:
            current = advance(current)
    return torch.stack(seen)


def _checked(
    inner: Inner, starts: Mapping[str, Tensor], support: Points, x: Tensor, steps: Sequence[int]
) -> tuple[Points, Parameters]:
    """Return the support sets and each task's own initial weights."""
    if not steps or min(steps) < 0 or any(b <= a for a, b in pairwise(steps)):
        raise ValueError(f"steps must be numbers >= 0 in rising order, got {list(steps)}")
    like = next(iter(starts.values()))
    support = inner.checked("support", support, like)
    tasks = len(support[0])
    if len(x) != tasks:
        raise ValueError(f"support holds {tasks} tasks and x {len(x)}; give each task both")
    shapes = {name: value.shape for name, value in inner.model.named_parameters()}
    if all(name in shapes and value.shape == shapes[name] for name, value in starts.items()):
        own = repeat(starts, tasks)
    else:
        own = dict(starts)
    wrong = {name: len(value) for name, value in own.items() if len(value) != tasks}
    if wrong:
        raise ValueError(f"support holds {tasks} tasks, but there are initial weights for {wrong}")
    check_parameters(inner.model, {name: value[0] for name, value in own.items()})
    return support, {name: value.detach() for name, value in own.items()}
