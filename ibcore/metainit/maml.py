"""The gradient of what is learned with respect to where learning starts, over a batch of tasks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from ibcore.door import Count, Data, Whole, door, explained
from ibcore.nets.network import Network
from ibcore.training import Loss
from ibcore.training.loop import check_outputs, loss_function, member_targets

# The inner loop: each task takes gradient steps of its own from one start, all tasks at once.
#
# Only the forward pass is mapped over the tasks; the gradient of the summed losses is taken
# outside.
# No task's loss depends on another's weights, so each gets its own gradient.  The other order, a
# gradient inside the map and another around it, is silently wrong through some norms.

Points = tuple[Data, Data]
Parameters = dict[str, Tensor]
TaskLoss = Callable[[Tensor, Tensor], Tensor]

_TARGET_DIMENSIONS = {"cross_entropy": 2, "binary": 2, "mse": 3}


@door
@dataclass(frozen=True, eq=False)
class Inner:
    """A network and a loss, for many tasks at once.

    Attributes
    ----------
    model
        Fixes the computation; its own parameter values are not used.
    loss
        ``"cross_entropy"``, ``"binary"`` or ``"mse"`` as in `ibcore.Population.train`, or a
        function of one task's outputs (n, ...) and targets (n, ...) that returns one number, such
        as those of `torch.nn.functional`.
    vectorize
        False for a plain loop over tasks, which takes any module, even those that
        `torch.func.vmap` refuses.
    task_chunk
        How many tasks are held in memory at once; None for all.

    Each task has a dropout mask of its own, from torch's generator; the model is in the mode that
    the caller has set.

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
    loss: TaskLoss | Loss
    vectorize: bool = True
    task_chunk: Count | None = None

    def __post_init__(self) -> None:
        for name, module in self.model.named_modules():
            if getattr(module, "track_running_stats", False) and module.training:
                raise ValueError(
                    f"{name or 'the model'} keeps running statistics, which tasks would share; "
                    f"build it with {type(module).__name__}(..., track_running_stats=False)"
                )

    def outputs(self, stacked: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Evaluate each task's network: weights (t, *shape) and x (t, n, ...) to (t, n, ...)."""
        kind = f"inputs (x, support or query) of shape {tuple(x.shape[1:])} and {x.dtype}"
        twice = sdpa_kernel([SDPBackend.MATH])  # fused attention can be differentiated once only
        with twice, explained(f"the model does not take {kind}"):
            if not self.vectorize:
                return torch.stack([self._one(stacked, x, task) for task in range(len(x))])
            if isinstance(self.model, Network):
                return self.model.forward_stacked(stacked, x)
            try:
                return vmap(self._call, randomness="different")(dict(stacked), x)
            except RuntimeError as error:
                self._one(stacked, x, 0)  # the map is to blame only if this works
                raise ValueError(
                    f"torch.func.vmap cannot map {type(self.model).__name__}: {error}; "
                    "use vectorize=False"
                ) from error

    def _call(self, weights: Parameters, x: Tensor) -> Tensor:
        output: Tensor = functional_call(self.model, weights, (x,))
        return output

    def _one(self, stacked: Mapping[str, Tensor], x: Tensor, task: int) -> Tensor:
        return self._call({name: value[task] for name, value in stacked.items()}, x[task])

    def losses(self, stacked: Mapping[str, Tensor], points: Points) -> Tensor:
        """Return the loss of each task's network on its own points, shape (t,)."""
        outputs, targets = self.outputs(stacked, points[0]), points[1]
        if isinstance(self.loss, str):
            loss = loss_function(self.loss)
            check_outputs(loss, outputs, targets, targets)
            return loss(outputs, targets)
        shapes = tuple(outputs.shape[1:]), tuple(targets.shape[1:])
        with explained(f"the loss does not take outputs {shapes[0]} and targets {shapes[1]}"):
            if self.vectorize:
                losses = vmap(self.loss, randomness="different")(outputs, targets)
            else:
                pairs = zip(outputs, targets, strict=True)
                losses = torch.stack([self.loss(o, y) for o, y in pairs])
        if losses.shape != outputs.shape[:1]:
            raise ValueError(f"the loss gives {[*losses.shape[1:]]} for a task, not one number")
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

    def parts(self, tasks: int) -> Iterator[slice]:
        """Cut the tasks into chunks."""
        size = self.task_chunk or tasks
        return (slice(start, min(start + size, tasks)) for start in range(0, tasks, size))

    def checked(
        self, name: str, points: tuple[Tensor, Tensor], like: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the points of each task with targets in the type that the loss needs.

        Raises
        ------
        ValueError
            If points are not (t, n, ...) with targets (t, n, ...) that fit the loss, or lie on
            another device than ``like``, a parameter, whose type the inputs get.
        """
        x, y = check_points(name, points)
        if x.device != like.device or y.device != like.device:
            raise ValueError(f"{name} is on {x.device}, {y.device}, weights on {like.device}")
        x = as_weights(x, like)
        if not isinstance(self.loss, str):
            return x, y
        if y.ndim != _TARGET_DIMENSIONS[self.loss]:
            wanted = "(tasks, n, out)" if self.loss == "mse" else "(tasks, n)"
            raise ValueError(f"loss {self.loss} needs targets {wanted} in {name}, got {[*y.shape]}")
        if self.loss == "mse":
            y = y.to(like.dtype)
        return x, member_targets(self.loss, y, len(y), y.shape[1], like.dtype)


def as_weights(x: Tensor, like: Tensor) -> Tensor:
    """Return inputs in the type of a weight; whole numbers, such as tokens, stay."""
    return x.to(like.dtype) if x.is_floating_point() else x


def check_points(name: str, points: Points) -> Points:
    """Return a set of points if inputs and targets belong to the same points of the same tasks."""
    x, y = points
    if x.ndim < 2 or y.ndim < 2 or x.shape[:2] != y.shape[:2] or 0 in x.shape[:2]:
        raise ValueError(f"{name} needs x and y (tasks, n, ...), not {[*x.shape]}, {[*y.shape]}")
    return points


def repeat(parameters: Mapping[str, Tensor], tasks: int) -> Parameters:
    """Give each task the same start, without a copy: ``*shape`` to ``(tasks, *shape)``.

    Examples
    --------
    >>> repeat({"weight": torch.ones(1, 3)}, 5)["weight"].shape
    torch.Size([5, 1, 3])
    """
    return {name: value.expand(tasks, *value.shape) for name, value in parameters.items()}


# Rates of the inner loop: one for all weights, one for each, or only for some of them.

InnerRates = float | Tensor | Mapping[str, float | Tensor]
Origin = tuple[Mapping[str, Tensor], InnerRates]  # initial weights, and rates


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
        If a name is unknown, or a tensor does not fit its parameter.

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
        return like.new_tensor(rate)
    sizes = zip(reversed(rate.shape), reversed(like.shape), strict=False)
    broadcasts = rate.ndim <= like.ndim and all(mine in (1, theirs) for mine, theirs in sizes)
    if not broadcasts or (rate.dtype, rate.device) != (like.dtype, like.device):
        kinds = [f"{z.dtype} {tuple(z.shape)} on {z.device}" for z in (rate, like)]
        raise ValueError(f"rates: that of {name}, {kinds[0]}, does not broadcast to {kinds[1]}")
    return rate


@door
def names_below(model: nn.Module, prefixes: Sequence[str]) -> list[str]:
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
    return parameters_below(model, prefixes, "prefixes")


def parameters_below(model: nn.Module, prefixes: Sequence[str], argument: str) -> list[str]:
    """Return the same for prefixes that came in under another name."""
    names = [name for name, _ in model.named_parameters()]
    if not prefixes:
        raise ValueError(f"{argument} is empty, so no parameter would be adapted; name one")
    below = {prefix: [n for n in names if f"{n}.".startswith(f"{prefix}.")] for prefix in prefixes}
    for prefix, found in below.items():
        if not found:
            raise ValueError(f"{argument}: no parameter lies below {prefix!r}, only {names}")
    return [name for name in names if any(name in found for found in below.values())]


@door
def full_rates(
    params: Mapping[str, Tensor], rate: float, names: Sequence[str] | None = None
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

    Raises
    ------
    ValueError
        If a name is unknown.

    References
    ----------
    Li et al. (2017), "Meta-SGD: learning to learn quickly for few-shot learning".

    Examples
    --------
    >>> full_rates({"bias": torch.zeros(2)}, 0.5)
    {'bias': tensor([0.5000, 0.5000])}
    """
    unknown = set(names or ()) - set(params)
    if unknown:
        raise ValueError(f"names holds {sorted(unknown)}, but params {sorted(params)}")
    return {
        name: torch.full_like(params[name], rate) for name in (params if names is None else names)
    }


MetaGradients = dict[Literal["params", "rates"], Parameters]


@door(gradients=True)
def meta_gradient(
    model: nn.Module,
    params: Mapping[str, Tensor],
    rates: InnerRates,
    support: Points,
    query: Points,
    *,
    inner_steps: Whole = 1,
    first_order: bool = False,
    loss: TaskLoss | Loss = "mse",
    task_chunk: Count | None = None,
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
        If names, shapes or devices do not fit, the model cannot be mapped or does not take the
        inputs, or an option is out of range.
    FloatingPointError
        If the loss becomes infinite or nan.

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
    inner = Inner(model, loss, vectorize, task_chunk)
    sets = support, query
    value, slopes = meta_gradient_of(inner, (params, rates), sets, inner_steps, first_order)
    return _finite(value), slopes


def meta_gradient_of(
    inner: Inner, origin: Origin, sets: tuple[Points, Points], inner_steps: int, first_order: bool
) -> tuple[Tensor, MetaGradients]:
    """Return the same for a network and a loss that are known."""
    params, rates = origin
    support, query = _checked(inner, params, *sets)
    leaves = {name: value.detach().requires_grad_() for name, value in params.items()}
    table = {
        name: rate.detach().requires_grad_() for name, rate in rate_table(rates, params).items()
    }
    inputs, tasks = [*leaves.values(), *table.values()], len(support[0])
    value = torch.zeros_like(inputs[0].flatten()[0])
    gradients = [torch.zeros_like(leaf) for leaf in inputs]
    for part in inner.parts(tasks):
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


def _finite(value: Tensor) -> Tensor:
    if not bool(value.isfinite()):
        raise FloatingPointError(
            f"the loss of query or support is {value.item()} after adaptation; use smaller rates, "
            "fewer inner steps or data of a smaller scale"
        )
    return value


def _checked(
    inner: Inner, params: Mapping[str, Tensor], support: Points, query: Points
) -> tuple[Points, Points]:
    """Return both sets with targets in the right type, if they fit each other and the model."""
    check_parameters(inner.model, params)
    like = next(iter(params.values()))
    support, query = inner.checked("support", support, like), inner.checked("query", query, like)
    tasks = len(support[0]), len(query[0])
    if tasks[0] != tasks[1]:
        raise ValueError(f"support holds {tasks[0]} tasks and query {tasks[1]}; give each both")
    return support, query


def check_parameters(
    model: nn.Module, given: Mapping[str, Tensor], name: str = "params", tasks: int | None = None
) -> None:
    """Raise ``ValueError`` unless each parameter has a value of its shape, for each task if any."""
    lead = () if tasks is None else (tasks,)
    shapes = {key: (*lead, *value.shape) for key, value in model.named_parameters()}
    if not shapes:
        raise ValueError("the model has no parameters, so there is nothing to learn")
    if set(shapes) != set(given):
        raise ValueError(f"{name} names {sorted(given)}, the model's are {sorted(shapes)}")
    for key, shape in shapes.items():
        if tuple(given[key].shape) != shape:
            raise ValueError(
                f"{name} has {key} of shape {tuple(given[key].shape)}, the model needs {shape}"
                + ("" if tasks is None else f" for the {tasks} tasks of x")
            )


# Adapt a start to tasks, and evaluate what each task has learned.


@door(gradients=True)
def adapt(
    model: nn.Module,
    params: Mapping[str, Tensor],
    rates: InnerRates,
    support: Points,
    *,
    inner_steps: Whole = 1,
    loss: TaskLoss | Loss = "mse",
    task_chunk: Count | None = None,
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
        The weights of each task by name, shape ``(tasks, *shape)``: copies, outside any graph, nan
        where the steps diverge.

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
    inner = Inner(model, loss, vectorize, task_chunk)
    return adapted_by(inner, (params, rates), support, inner_steps)


def adapted_by(inner: Inner, origin: Origin, support: Points, inner_steps: int) -> Parameters:
    """Return the same for a network and a loss that are known."""
    params, rates = origin
    support, _ = _checked(inner, params, support, support)
    table = {name: rate.detach() for name, rate in rate_table(rates, params).items()}
    start = {name: value.detach() for name, value in params.items()}
    adapted = []
    for part in inner.parts(len(support[0])):
        points = support[0][part], support[1][part]
        current = repeat(start, len(points[0]))
        for _ in range(inner_steps if table else 0):
            moving = {name: current[name].detach().requires_grad_() for name in table}
            current = inner.step(current | moving, table, points, graph=False)
        adapted.append({name: value.detach() for name, value in current.items()})
    return {name: torch.cat([chunk[name] for chunk in adapted]) for name in start}


@door
@torch.no_grad()
def predict(
    model: nn.Module,
    stacked: Mapping[str, Tensor],
    x: Data,
    *,
    task_chunk: Count | None = None,
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
        If weights and inputs do not fit the model, or are for different numbers of tasks.

    Examples
    --------
    >>> stacked = {"weight": torch.tensor([[[2.0]], [[3.0]]])}
    >>> predict(nn.Linear(1, 1, bias=False), stacked, torch.ones(2, 1, 1)).flatten().tolist()
    [2.0, 3.0]
    """
    return predicted_by(Inner(model, "mse", vectorize, task_chunk), stacked, x)


def predicted_by(inner: Inner, stacked: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Return the same for a network that is known."""
    check_parameters(inner.model, stacked, "stacked", tasks=len(x))
    x = as_weights(x, next(iter(stacked.values())))
    return torch.cat(
        [
            inner.outputs({name: value[part] for name, value in stacked.items()}, x[part])
            for part in inner.parts(len(x))
        ]
    )


# Reptile: move the start towards where tasks end up, without a query set.


@door(gradients=True)
def reptile_gradient(
    model: nn.Module,
    params: Mapping[str, Tensor],
    rates: InnerRates,
    support: Points,
    *,
    inner_steps: Count = 5,
    loss: TaskLoss | Loss = "mse",
    task_chunk: Count | None = None,
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
        As for `meta_gradient`.

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
    inner = Inner(model, loss, vectorize, task_chunk)
    value, away = reptile_gradient_of(inner, (params, rates), support, inner_steps)
    return _finite(value), away


def reptile_gradient_of(
    inner: Inner, origin: Origin, support: Points, inner_steps: int
) -> tuple[Tensor, Parameters]:
    """Return the same for a network and a loss that are known."""
    adapted = adapted_by(inner, origin, support, inner_steps)
    away = {name: value.detach() - adapted[name].mean(0) for name, value in origin[0].items()}
    return mean_loss(inner, adapted, support), away


@torch.no_grad()
def mean_loss(inner: Inner, stacked: Mapping[str, Tensor], points: Points) -> Tensor:
    """Return the loss of each task's network on its own points, averaged over tasks."""
    x, y = inner.checked("points", points, next(iter(stacked.values())))
    total = torch.zeros((), dtype=torch.float64, device=x.device)
    for part in inner.parts(len(x)):
        chosen = {name: value[part] for name, value in stacked.items()}
        total += inner.losses(chosen, (x[part], y[part])).sum()
    return total / len(x)


# Where learning starts: initial weights together with the rates of the steps that follow.

RateKind = Literal["fixed", "shared", "each"]


@door
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
