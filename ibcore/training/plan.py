"""What is to be trained, on what and how: options and data, checked before the first step."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from ibcore.training.losses import Loss, LossFunction, loss_function, member_targets
from ibcore.training.optimizers import Method, Rates

Progress = Callable[[int, Tensor], None]
Look = Callable[[int, Tensor, Mapping[str, Tensor]], None]


@dataclass(frozen=True, eq=False)
class Plan:
    """How to train.

    Attributes
    ----------
    loss
        ``"cross_entropy"``: targets are classes, (n,) if shared or (m, n) if each member has its
        own.  ``"binary"``: labels from 0 to 1 for the one output (a logit), (n,) or (m, n).
        ``"mse"``: mean squared error, targets (n, out) or (m, n, out).  Or a function of outputs
        (m, b, out) and targets (m, b, ...) that returns (m,).
    steps
        How many, at least 1.
    method
        The optimizer and its rates.
    batch_size
        Points in a minibatch; None for all points at every step.
    stop_at
        A member stops before the first step at which its loss (of the minibatch, if there are
        any) is below this; its parameters then never change again.
    on_step
        Called after each step with its number, from 1, and the last loss of each member, (m,).
    looks
        Numbers of steps, from 0 to ``steps``, after which ``on_look`` is called; 0 is before the
        first step.
    on_look
        Called with the number of steps, the numbers of neighboring members (int64, on the CPU)
        and a copy of their current parameters, ``(members, *shape)`` by name.  Members train in
        chunks, so each look is one call for each chunk: together the calls name every member
        once, in order, those that stopped early with the parameters that they keep.

    Raises
    ------
    ValueError
        If ``steps`` is below 1, ``stop_at`` is not finite, or the looks are not different whole
        numbers from 0 to ``steps`` with a function to call.

    Examples
    --------
    >>> Plan("mse", steps=10).method.optimizer
    'adam'
    """

    loss: Loss | LossFunction
    steps: int
    method: Method = field(default_factory=Method)
    batch_size: int | None = None
    stop_at: float | None = None
    on_step: Progress | None = None
    looks: Sequence[int] = ()
    on_look: Look | None = None

    def __post_init__(self) -> None:
        loss_function(self.loss)
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if self.stop_at is not None and not math.isfinite(self.stop_at):
            raise ValueError(f"stop_at must be finite, got {self.stop_at}; leave it out for no end")
        if bool(len(self.looks)) != (self.on_look is not None):
            raise ValueError("looks and on_look need each other: give both, or neither")
        wrong = [look for look in self.looks if look not in range(self.steps + 1)]
        if wrong or len(set(self.looks)) < len(self.looks):
            raise ValueError(
                f"looks must be different whole numbers from 0 to {self.steps} steps, "
                f"got {list(self.looks)}"
            )


@dataclass(frozen=True, eq=False)
class Job:
    """Networks, and the data of each: parameters (m, ...), x (m, n, in), y (m, n, ...)."""

    architecture: nn.Module
    parameters: Mapping[str, Tensor]
    x: Tensor
    y: Tensor
    plan: Plan
    loss: LossFunction
    rates: Rates
    seeds: Sequence[int]

    def __len__(self) -> int:
        return len(self.x)


def make_job(
    architecture: nn.Module,
    parameters: Mapping[str, Tensor],
    x: Tensor,
    y: Tensor,
    *,
    plan: Plan,
    seeds: Sequence[int],
) -> Job:
    """Check targets and rates, and give each member its own; x has shape (m, n, in).

    ``seeds`` (one for each member) decide the order of minibatches.

    Raises
    ------
    ValueError
        If targets, rates or seeds do not fit the members.

    Examples
    --------
    >>> import torch
    >>> weight = {"weight": torch.zeros(2, 1, 3)}  # two members
    >>> x, y = torch.ones(2, 4, 3), torch.ones(4, 1)
    >>> net = nn.Linear(3, 1, bias=False)
    >>> len(make_job(net, weight, x, y, plan=Plan("mse", steps=5), seeds=[0, 1]))
    2
    """
    like = next(iter(parameters.values()))
    if len(seeds) != len(x):
        raise ValueError(f"seed must be one number or one for each of {len(x)}, got {len(seeds)}")
    targets = member_targets(plan.loss, y, len(x), x.shape[1], like.dtype)
    if y.device != x.device:
        raise ValueError(f"y is on {y.device}, x on {x.device}; move y with y.to(x.device)")
    rates, loss = plan.method.rates(like), loss_function(plan.loss)
    return Job(architecture, parameters, x, targets, plan, loss, rates, seeds)
