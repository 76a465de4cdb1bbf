"""The gradient of what is learned with respect to where learning starts, over a batch of tasks."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from ibcore.training import Loss
from ibcore.training.loop import loss_function, member_targets, stacked_forward

# The inner loop: each task takes gradient steps of its own from one start, all tasks at once.
#
# Only the forward pass is mapped over the tasks; the gradient of the summed losses is taken
# outside.
# No task's loss depends on another's weights, so each gets its own gradient.  The other order, a
# gradient inside the map and another around it, is silently wrong through some norms.

Points = tuple[Tensor, Tensor]
Parameters = dict[str, Tensor]
TaskLoss = Callable[[Tensor, Tensor], Tensor]

_TARGET_DIMENSIONS = {"cross_entropy": 2, "binary": 2, "mse": 3}


def twice_differentiable() -> AbstractContextManager[None]:
    """Return a context in which fused attention is left out: its kernels differentiate once only.

    Examples
    --------
    >>> q = torch.ones(1, 1, 2, 4, requires_grad=True)
    >>> with twice_differentiable():
    ...     y = torch.nn.functional.scaled_dot_product_attention(q, q, q)
    >>> slope, = torch.autograd.grad(y.square().sum(), q, create_graph=True)
    >>> torch.autograd.grad(slope.square().sum(), q)[0].shape
    torch.Size([1, 1, 2, 4])
    """
    context: AbstractContextManager[None] = sdpa_kernel([SDPBackend.MATH])
    return context


@dataclass(frozen=True, eq=False)
class Inner:
    """A network and a loss, for many tasks at once.

    Attributes
    ----------
    model
        Fixes the computation; its own parameter values are not used.
    loss
        ``"cross_entropy"``, ``"binary"`` or ``"mse"`` as in `ibcore.training.Plan`, or a function
        of one task's outputs (n, ...) and targets (n, ...) that returns one number, such as
        those of `torch.nn.functional`.
    vectorize
        False for a plain loop over tasks, which takes any module, even those that
        `torch.func.vmap` refuses.

    Raises
    ------
    ValueError
        If the loss is unknown, or a norm of the model keeps running statistics.

    Examples
    --------
    >>> inner = Inner(nn.Linear(3, 1), "mse")
    >>> stacked = {"weight": torch.ones(2, 1, 3), "bias": torch.zeros(2, 1)}  # two tasks
    >>> inner.losses(stacked, (torch.ones(2, 5, 3), torch.ones(2, 5, 1))).tolist()
    [4.0, 4.0]
    """

    model: nn.Module
    loss: Loss | TaskLoss
    vectorize: bool = True

    def __post_init__(self) -> None:
        loss_function(self.loss)
        for name, module in self.model.named_modules():
            if getattr(module, "track_running_stats", False) and module.training:
                raise ValueError(
                    f"{name or 'the model'} keeps running statistics, which tasks would share; "
                    f"build it with {type(module).__name__}(..., track_running_stats=False)"
                )

    def outputs(self, stacked: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Evaluate each task's network: weights (t, *shape) and x (t, n, ...) to (t, n, ...)."""
        with twice_differentiable():
            if self.vectorize:
                return stacked_forward(self.model)(stacked, x)
            states = [{name: p[i] for name, p in stacked.items()} for i in range(len(x))]
            return torch.stack(
                [functional_call(self.model, s, (x[i],)) for i, s in enumerate(states)]
            )

    def losses(self, stacked: Mapping[str, Tensor], points: Points) -> Tensor:
        """Return the loss of each task's network on its own points, shape (t,)."""
        outputs, targets = self.outputs(stacked, points[0]), points[1]
        if isinstance(self.loss, str):
            _check_outputs(self.loss, outputs, targets)
            return loss_function(self.loss)(outputs, targets)
        if self.vectorize:
            losses = vmap(self.loss)(outputs, targets)
        else:
            losses = torch.stack([self.loss(o, y) for o, y in zip(outputs, targets, strict=True)])
        if losses.shape != outputs.shape[:1]:
            raise ValueError(
                f"the loss gives shape {tuple(losses.shape[1:])} for one task; it takes one task's "
                "outputs (n, ...) and targets (n, ...) and must return one number"
            )
        return losses

    def step(
        self, stacked: Parameters, rates: Mapping[str, Tensor], points: Points, *, graph: bool
    ) -> Parameters:
        """Take one gradient step with each task, and record it for a second gradient if asked."""
        losses = self.losses(stacked, points)
        moving = [stacked[name] for name in rates]
        slopes = torch.autograd.grad(
            losses.sum(), moving, create_graph=graph, allow_unused=True, materialize_grads=True
        )
        moved = zip(rates.items(), moving, slopes, strict=True)
        return stacked | {name: p - rate * slope for (name, rate), p, slope in moved}

    def checked(self, name: str, points: Points, like: Tensor) -> Points:
        """Return the points of each task with targets in the type that the loss needs.

        Raises
        ------
        ValueError
            If points are not (t, n, ...) with targets (t, n, ...) that fit the loss, or lie on
            another device or in another type than ``like``, a parameter.
        """
        x, y = points
        if x.ndim < 2 or y.ndim < 2 or x.shape[:2] != y.shape[:2] or 0 in x.shape[:2]:
            raise ValueError(
                f"{name} must be inputs (tasks, n, ...) and targets (tasks, n, ...) with at least "
                f"one point, got {tuple(x.shape)} and {tuple(y.shape)}"
            )
        if x.device != like.device or y.device != like.device:
            raise ValueError(
                f"{name} is on {x.device} and {y.device}, the parameters on {like.device}; "
                "move all to one device"
            )
        if x.is_floating_point() and x.dtype != like.dtype:
            raise ValueError(
                f"the inputs of {name} are {x.dtype}, the parameters {like.dtype}; "
                f"convert them with x.to({like.dtype})"
            )
        if not isinstance(self.loss, str):
            return x, y
        if y.ndim != _TARGET_DIMENSIONS[self.loss]:
            wanted = "(tasks, n, out)" if self.loss == "mse" else "(tasks, n)"
            raise ValueError(
                f"loss {self.loss} needs targets {wanted} in {name}, got {tuple(y.shape)}"
            )
        return x, member_targets(self.loss, y, len(y), y.shape[1], like.dtype)


def _check_outputs(loss: str, outputs: Tensor, targets: Tensor) -> None:
    """Raise unless outputs (t, n, ...) have the shape that a named loss needs."""
    shape = tuple(outputs.shape[2:])
    if loss == "binary" and shape != (1,):
        raise ValueError(f"loss binary needs a network with 1 output for each point, got {shape}")
    if loss == "cross_entropy" and len(shape) != 1:
        raise ValueError(f"loss cross_entropy needs outputs (n, classes), got (n, *{shape})")
    if loss == "mse" and outputs.shape != targets.shape:
        raise ValueError(
            f"the targets of a point have shape {tuple(targets.shape[2:])}, the outputs {shape}"
        )


def repeat(parameters: Mapping[str, Tensor], tasks: int) -> Parameters:
    """Give each task the same start, without a copy: ``*shape`` to ``(tasks, *shape)``.

    Examples
    --------
    >>> repeat({"weight": torch.ones(1, 3)}, 5)["weight"].shape
    torch.Size([5, 1, 3])
    """
    return {name: value.expand(tasks, *value.shape) for name, value in parameters.items()}


def parts(tasks: int, chunk: int | None) -> Iterator[slice]:
    """Cut the tasks into chunks; None for all at once.

    Raises
    ------
    ValueError
        If the chunk is below 1.

    Examples
    --------
    >>> list(parts(5, 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    if chunk is not None and chunk < 1:
        raise ValueError(f"task_chunk must be at least 1, got {chunk}; None takes all at once")
    size = chunk or tasks
    return (slice(start, min(start + size, tasks)) for start in range(0, tasks, size))


# Rates of the inner loop: one for all weights, one for each, or only for some of them.

InnerRates = float | Tensor | Mapping[str, float | Tensor]


def rate_table(rates: InnerRates, params: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the rate of each parameter that the inner loop moves, by name.

    Parameters
    ----------
    rates
        One number for all parameters (MAML), or a number or tensor by name (Meta-SGD).  A tensor
        broadcasts to its parameter.  A parameter without a rate stays where it is (ANIL).  Rates
        may be negative.
    params
        The initial parameters, by name.

    Returns
    -------
    dict
        In the order of ``params``, each in its parameter's type and with the shape it was given.

    Raises
    ------
    ValueError
        If a name is unknown, a number is not finite, or a tensor does not fit its parameter.

    Examples
    --------
    >>> params = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}
    >>> {name: rate.item() for name, rate in rate_table(0.5, params).items()}
    {'weight': 0.5, 'bias': 0.5}
    >>> list(rate_table({"bias": torch.ones(2)}, params))
    ['bias']
    """
    table = rates if isinstance(rates, Mapping) else dict.fromkeys(params, rates)
    unknown = sorted(set(table) - set(params))
    if unknown:
        raise ValueError(f"rates name {unknown}, but the parameters are {sorted(params)}")
    return {
        name: _rate(name, table[name], value) for name, value in params.items() if name in table
    }


def _rate(name: str, rate: float | Tensor, like: Tensor) -> Tensor:
    """Return one rate as a tensor that fits its parameter."""
    if not isinstance(rate, Tensor):
        if not math.isfinite(rate):
            raise ValueError(f"the rate of {name} must be finite, got {rate}")
        return like.new_tensor(rate)
    if (rate.dtype, rate.device) != (like.dtype, like.device):
        raise ValueError(
            f"the rate of {name} is {rate.dtype} on {rate.device}, the parameter {like.dtype} on "
            f"{like.device}; convert it with rate.to(parameter)"
        )
    pairs = zip(reversed(rate.shape), reversed(like.shape), strict=False)
    if rate.ndim > like.ndim or any(mine not in (1, theirs) for mine, theirs in pairs):
        raise ValueError(
            f"the rate of {name} has shape {tuple(rate.shape)}, which does not broadcast to the "
            f"parameter's {tuple(like.shape)}"
        )
    return rate


def names_below(model: nn.Module, prefixes: Iterable[str]) -> list[str]:
    """Return the names of the parameters at or below some modules, in the model's order.

    Raises
    ------
    ValueError
        If nothing lies below one of the prefixes, or there is none.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> names_below(net, ["2"])  # the head, for ANIL
    ['2.weight', '2.bias']
    """
    names, wanted = [name for name, _ in model.named_parameters()], list(prefixes)
    if not wanted:
        raise ValueError("no parameter would be adapted; name at least one module or parameter")
    for prefix in wanted:
        if not any(_below(name, prefix) for name in names):
            raise ValueError(f"no parameter lies at or below {prefix!r}; there are {names}")
    return [name for name in names if any(_below(name, prefix) for prefix in wanted)]


def _below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def full_rates(
    params: Mapping[str, Tensor], rate: float, names: Iterable[str] | None = None
) -> dict[str, Tensor]:
    """Return one rate for each number of each named parameter, all equal: the start of Meta-SGD.

    Parameters
    ----------
    params
        The initial parameters, by name.
    rate
        The value.
    names
        Of the parameters to be adapted; None for all.

    References
    ----------
    Li et al. (2017), "Meta-SGD: learning to learn quickly for few-shot learning".

    Examples
    --------
    >>> full_rates({"bias": torch.zeros(2)}, 0.5)
    {'bias': tensor([0.5000, 0.5000])}
    """
    chosen = params if names is None else {name: params[name] for name in names}
    return {name: torch.full_like(value, rate) for name, value in chosen.items()}


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


# Adapt a start to tasks, and evaluate what each task has learned.


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


# Reptile: move the start towards where tasks end up, without a query set.


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


# Where learning starts: initial weights together with the rates of the steps that follow.

RateKind = Literal["fixed", "shared", "each"]
RATE_KINDS: tuple[RateKind, ...] = get_args(RateKind)


@dataclass(frozen=True, eq=False)
class Start:
    """Initial weights and inner rates, by name of parameter.

    They can be taken apart: ``Start(learned.params, other.rates)`` asks what the weights alone
    are worth.

    Attributes
    ----------
    params
        Every parameter of the model.
    rates
        Of the parameters that are adapted: a number for each of their numbers, or one for all.

    Examples
    --------
    >>> import torch
    >>> start = Start({"w": torch.ones(2)}, {"w": torch.tensor(0.1)})
    >>> copy = start.copy()
    >>> copy.params["w"].zero_().tolist(), start.params["w"].tolist()
    ([0.0, 0.0], [1.0, 1.0])
    """

    params: dict[str, Tensor]
    rates: dict[str, Tensor]

    def copy(self) -> "Start":
        """Return the same numbers in memory of their own, outside any graph."""
        params, rates = (
            {name: value.detach().clone() for name, value in part.items()}
            for part in (self.params, self.rates)
        )
        return Start(params, rates)


def first_start(
    model: nn.Module,
    params: Mapping[str, Tensor] | None,
    *,
    rate: float,
    kind: RateKind,
    adapted: tuple[str, ...] | None,
) -> Start:
    """Return where meta-learning begins; the options are those of `MetaLearner`.

    Raises
    ------
    ValueError
        If parameters do not fit the model, or an option is unknown.

    Examples
    --------
    >>> net = nn.Linear(3, 1)
    >>> start = first_start(net, None, rate=0.1, kind="each", adapted=("bias",))
    >>> start.rates
    {'bias': tensor([0.1000])}
    """
    if kind not in RATE_KINDS:
        raise ValueError(f"unknown rates {kind!r}; choose one of {', '.join(RATE_KINDS)}")
    own: Mapping[str, Tensor] = dict(model.named_parameters())
    chosen = dict(own if params is None else params)
    check_parameters(model, chosen)
    names = list(chosen) if adapted is None else names_below(model, adapted)
    table = rate_table(dict.fromkeys(names, rate), chosen)
    return Start(chosen, full_rates(chosen, rate, names) if kind == "each" else table).copy()
