"""What the same network learns without a meta-learned start, at the same budget of steps.

Every task begins from its own copy of the start, so nothing carries over from one to the next, and
a second evaluation gives the same numbers.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ibcore.door import Count, Data, Seed, Whole, check_memory, door
from ibcore.metainit.maml import (
    Inner,
    InnerRates,
    Parameters,
    Points,
    TaskLoss,
    as_weights,
    check_parameters,
    check_points,
    rate_table,
    repeat,
)
from ibcore.population import member_seed
from ibcore.runtime import generator, resolve_device
from ibcore.training import Loss, Optimizer, OptimizerConfig
from ibcore.training.loop import FlatParameters
from ibcore.training.optimizers import StackedOptimizer

BUDGETS = (0, 1, 10, 50, 100, 200)  # steps after which the paper's public code looks, and 0


@door(gradients=True)
def optimizer_curve(
    model: nn.Module,
    starts: Mapping[str, Tensor],
    support: Points,
    x: Data,
    *,
    steps: Sequence[Whole] = BUDGETS,
    optimizer: Optimizer = "adamw",
    learning_rate: float = 1e-3,
    weight_decay: float = 0.01,
    momentum: float = 0.0,
    loss: TaskLoss | Loss = "mse",
    task_chunk: Count | None = None,
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
        As in `ibcore.training.OptimizerConfig`; the defaults are those of `torch.optim.AdamW`.
    loss, task_chunk, vectorize
        As in `meta_gradient`.

    Returns
    -------
    Tensor
        Outputs, shape ``(len(steps), tasks, n, ...)``; nan where the steps diverge.

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
    method = OptimizerConfig(
        optimizer, learning_rate=learning_rate, weight_decay=weight_decay, momentum=momentum
    )
    inner = Inner(model, loss, vectorize, task_chunk)
    support, x, own = _checked(inner, starts, support, x, steps)

    def run(part: slice) -> Tensor:
        points = support[0][part], support[1][part]
        table = FlatParameters({name: value[part] for name, value in own.items()})  # a copy
        updater = StackedOptimizer(method.rates(table.values), table.values)

        def advance(current: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            updater.step(table.gradient(inner.losses(current, points)))
            return table.leaves

        return _watch(inner, steps, x[part], table.leaves, advance)

    return torch.cat([run(part) for part in inner.parts(len(x))], dim=1)


@door(gradients=True)
def rates_curve(
    model: nn.Module,
    starts: Mapping[str, Tensor],
    rates: InnerRates,
    support: Points,
    x: Data,
    *,
    steps: Sequence[Whole] = (0, 1),
    loss: TaskLoss | Loss = "mse",
    task_chunk: Count | None = None,
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
        Outputs, shape ``(len(steps), tasks, n, ...)``; nan where the steps diverge.

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
    inner = Inner(model, loss, vectorize, task_chunk)
    support, x, own = _checked(inner, starts, support, x, steps)
    table = rate_table(rates, {name: value[0] for name, value in own.items()})
    fixed = {name: rate.detach() for name, rate in table.items()}

    def run(part: slice) -> Tensor:
        points = support[0][part], support[1][part]

        def advance(current: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            moving = {name: current[name].detach().requires_grad_() for name in fixed}
            return inner.step({**current, **moving}, fixed, points, graph=False)

        begin = {name: value[part] for name, value in own.items()}
        return _watch(inner, steps, x[part], begin, advance)

    return torch.cat([run(part) for part in inner.parts(len(x))], dim=1)


@door
def pooled(support: Points, query: Points) -> tuple[Points, Points]:
    """Put all points of all tasks, of both sets, into one task: what plain pre-training sees.

    ``MetaLearner(..., inner_steps=0, rates="fixed").fit(lambda step: pooled(*draw(step)[:2]))`` is
    pooled pre-training on the tasks that meta-learning sees.

    Returns
    -------
    tuple
        The same points, (1, T (n + q), ...), as support and as query set.

    Raises
    ------
    ValueError
        If inputs and targets are not of the same points, or the two sets are not alike.

    References
    ----------
    Bencomo et al. (2025): a control in a branch of the authors' public code.

    Examples
    --------
    >>> points = torch.ones(3, 2, 4), torch.ones(3, 2, 1)
    >>> pooled(points, points)[0][0].shape
    torch.Size([1, 12, 4])
    """
    sets = check_points("support", support), check_points("query", query)
    for first, second in zip(*sets, strict=True):
        kinds = [(tuple(z.shape[2:]), z.dtype, str(z.device)) for z in (first, second)]
        if kinds[0] != kinds[1]:
            raise ValueError(f"support and query must be alike, got {kinds[0]} and {kinds[1]}")
    x, y = (
        torch.cat([first.flatten(0, 1), second.flatten(0, 1)])[None]  # (1, T (n + q), ...)
        for first, second in zip(*sets, strict=True)
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
) -> tuple[Points, Tensor, Parameters]:
    """Return the support sets, the inputs and each task's own initial weights."""
    if not steps or any(b <= a for a, b in pairwise(steps)):
        raise ValueError(f"steps must be numbers >= 0 in rising order, got {list(steps)}")
    if not starts:
        raise ValueError("starts must hold the weights of the model, got none")
    like = next(iter(starts.values()))
    support = inner.checked("support", support, like)
    tasks = len(support[0])
    if len(x) != tasks:
        raise ValueError(f"support holds {tasks} tasks and x {len(x)}; give each task both")
    shapes = {name: value.shape for name, value in inner.model.named_parameters()}
    shared = {name: value for name, value in starts.items() if value.shape == shapes.get(name)}
    own = {**starts, **repeat(shared, tasks)}
    check_parameters(inner.model, own, "starts", tasks)
    return support, as_weights(x, like), {name: value.detach() for name, value in own.items()}


# Random initial weights as PyTorch draws them by default, from a seed and for many networks.

_MAPS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@door
def random_starts(
    model: nn.Module,
    networks: Count,
    *,
    seed: Seed = 0,
    first: Whole = 0,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    r"""Draw the initial weights of many networks of one architecture.

    Weights and biases of linear and convolutional layers are :math:`U(-b, b)` with
    :math:`b = 1/\sqrt{\text{fan in}}`, as in PyTorch; gains of norms are 1 and their biases 0.
    A module with a method ``initial_parameters(generator)``, such as `ibcore.nets.LSTM`, is
    asked.

    Parameters
    ----------
    model
        The architecture; its own values are neither used nor changed.
    networks, seed, first
        Members ``first`` to ``first + networks - 1`` with this seed; member i does not depend on
        how many are drawn.
    device, dtype
        Of the result.  Draws are made in float64 on the CPU.

    Returns
    -------
    dict
        Name to tensor of shape ``(networks, *shape)``.

    Raises
    ------
    ValueError
        If there is no memory for so many, or a module has parameters that no rule covers.

    Examples
    --------
    >>> starts = random_starts(nn.Linear(4, 2), 3)
    >>> starts["weight"].shape, bool(starts["weight"].abs().max() <= 0.5)
    (torch.Size([3, 2, 4]), True)
    """
    check_memory("networks", networks, 16.0 * networks * sum(p.numel() for p in model.parameters()))
    target = resolve_device(device)
    drawn = [
        _initial_weights(model, generator(member_seed(seed, first + i))) for i in range(networks)
    ]
    return {
        name: torch.stack([weights[name] for weights in drawn]).to(target, dtype)
        for name in drawn[0]
    }


def _initial_weights(model: nn.Module, rng: torch.Generator) -> dict[str, Tensor]:
    """Draw one network's initial weights as in `random_starts`, float64, in the model's order."""
    drawn: dict[str, Tensor] = {}
    covered: list[str] = []
    for prefix, module in model.named_modules():
        if any(prefix.startswith(f"{other}.") or not other for other in covered):
            continue
        start = f"{prefix}." if prefix else ""
        if hasattr(module, "initial_parameters"):
            own = module.initial_parameters(rng)
            covered.append(prefix)
        else:
            own = _draw(prefix, module, rng)
        drawn |= {f"{start}{name}": value.double() for name, value in own.items()}
    return {name: drawn[name] for name, _ in model.named_parameters()}


def _draw(prefix: str, module: nn.Module, rng: torch.Generator) -> dict[str, Tensor]:
    """Draw the parameters that belong to a module itself."""
    own = dict(module.named_parameters(recurse=False))
    if isinstance(module, _MAPS):
        bound = 1 / math.sqrt(math.prod(module.weight.shape[1:]))
        return {
            name: (2 * torch.rand(value.shape, generator=rng, dtype=torch.float64) - 1) * bound
            for name, value in own.items()
        }
    if not own or "gain" in own or "Norm" in type(module).__name__:
        return {
            name: torch.full(value.shape, float(name != "bias"), dtype=torch.float64)
            for name, value in own.items()
        }
    raise ValueError(
        f"no rule draws the parameters {sorted(own)} of {prefix or 'the model'} "
        f"({type(module).__name__}); give it a method initial_parameters(generator)"
    )


# How well each task was solved: accuracy, squared error, and the share of variance explained.


def _check_shapes(outputs: Tensor, targets: Tensor, shape: torch.Size, wanted: str) -> None:
    if outputs.ndim < 3 or shape != targets.shape or not targets.numel():
        got = f"{tuple(outputs.shape)} and {tuple(targets.shape)}"
        raise ValueError(f"need outputs and targets {wanted}, got {got}")


_ROUNDING = 32 * torch.finfo(torch.float64).eps  # a spread below this share is rounding noise


@door
def accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the share of points with the right class, for each task, in float64.

    Parameters
    ----------
    outputs
        ``(..., tasks, n, classes)``; with one output, logits of class 1 (0 counts as class 0).
    targets
        Classes as whole numbers, ``(tasks, n)``: 0 and 1 for one output.

    Returns
    -------
    Tensor
        Shape ``(..., tasks)``.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a target is not one of the classes.

    Examples
    --------
    >>> accuracy(torch.tensor([[[2.0], [-1.0]]]), torch.tensor([[1, 1]])).tolist()
    [0.5]
    """
    _check_shapes(outputs, targets, outputs.shape[-3:-1], "(tasks, n, classes) and (tasks, n)")
    classes = max(outputs.shape[-1], 2)
    wrong = targets[(targets != targets.round()) | (targets < 0) | (targets >= classes)]
    if len(wrong):
        raise ValueError(f"targets must be classes from 0 to {classes - 1}, got {wrong[0]:g}")
    if outputs.shape[-1] == 1:
        right = (outputs[..., 0] > 0) == (targets > 0.5)
    else:
        right = outputs.argmax(-1) == targets
    return right.double().mean(-1)


@door
def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of each task in float64, in the targets' unit squared.

    Outputs ``(..., tasks, n, out)`` and targets ``(tasks, n, out)`` give ``(..., tasks)``.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> squared_error(torch.zeros(1, 2, 1), torch.tensor([[[1.0], [3.0]]])).tolist()
    [5.0]
    """
    return _squared_error(outputs, targets)


def _squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    _check_shapes(outputs, targets, outputs.shape[-3:], "(tasks, n, out) and (tasks, n, out)")
    error = (outputs.double() - targets.double()).square().flatten(-2).mean(-1)
    if not bool(error.isfinite().all()):
        raise ValueError("outputs and targets are too far apart to be squared; change their unit")
    return error


@door
def variance_explained(outputs: Tensor, targets: Tensor) -> Tensor:
    r"""Return :math:`1 - \text{MSE}/\text{Var}`: 1 is perfect, 0 the best constant, below is worse.

    Shapes are those of `squared_error`; a task whose targets are constant has nan.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> targets = torch.tensor([[[1.0], [3.0]]])
    >>> variance_explained(torch.full((1, 2, 1), 2.0), targets).tolist()
    [0.0]
    """
    error = _squared_error(outputs, targets)
    values = targets.double().flatten(-2)  # (tasks, n * out)
    variance = values.var(-1, correction=0)
    if bool(((variance == 0) & (values != values[:, :1]).any(-1)).any()):
        raise ValueError("targets are too small to be squared; choose another unit")
    noise = (_ROUNDING * values.abs().amax(-1)).square()
    return torch.where(variance > noise, 1 - error / variance, torch.nan)
