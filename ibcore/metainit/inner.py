"""The inner loop: each task takes gradient steps of its own from one start, all tasks at once.

Only the forward pass is mapped over the tasks; the gradient of the summed losses is taken outside.
No task's loss depends on another's weights, so each gets its own gradient.  The other order, a
gradient inside the map and another around it, is silently wrong through some norms.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from ibcore.training import Loss
from ibcore.training.losses import loss_function, member_targets
from ibcore.training.stacked import stacked_forward

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
