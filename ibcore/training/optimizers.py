"""SGD, Adam and AdamW on stacked parameters, with rates of their own for each member.

`torch.optim` gives one rate to a whole tensor; here the first dimension is the member.  Each
member takes the steps that `torch.optim` would give it alone.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, get_args

import torch
from torch import Tensor

from ibcore.door import NonNegative, Range, Whole, as_raw, door

Optimizer = Literal["sgd", "adam", "adamw"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)

BETAS = (0.9, 0.999)
EPSILON = 1e-8


def _as_steps(value: Any, name: str) -> Tensor:
    steps = as_raw(value, name)
    if steps.is_floating_point() or steps.dtype == torch.bool or bool((steps < 0).any()):
        raise TypeError(f"{name} must be whole numbers from 0, got {value}")
    return steps


Rate = NonNegative | Annotated[Tensor, Range(0)]
Steps = Whole | Annotated[Tensor, _as_steps]
"""A rate or a number of steps: one, or one for each member, shape (m,)."""

_BELOW_ONE = Range(0, 1, below=True)
_Beta = Annotated[float, _BELOW_ONE]


@dataclass(frozen=True, eq=False)
class MemberRates:
    """A method with the rates of each member, shape (m, 1)."""

    optimizer: Optimizer
    learning_rate: Tensor
    weight_decay: Tensor
    momentum: Tensor
    betas: tuple[float, float]
    eps: float
    decay_steps: Tensor | None
    sam_radius: Tensor

    def take(self, rows: Tensor | slice) -> "MemberRates":
        """Return the rates of some members."""
        own = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        taken: dict[str, Any] = {name: value[rows] for name, value in own.items()}
        return replace(self, **taken)


@door
@dataclass(frozen=True, eq=False)
class OptimizerConfig:
    """An optimizer and its options; rates are one number, or one for each member, shape (m,).

    Attributes
    ----------
    optimizer
        ``"sgd"``, ``"adam"`` or ``"adamw"``, with the formulas of `torch.optim`.
    learning_rate
        At least 0.
    weight_decay
        At least 0.  Times the parameters it is added to the gradient (``"sgd"``, ``"adam"``);
        times the learning rate it shrinks them directly (``"adamw"``).
    momentum
        Of ``"sgd"`` only, from 0 to below 1.
    betas, eps
        Of ``"adam"`` and ``"adamw"`` only: decay of the two moments, and what is added to the
        root of the second.
    decay_steps
        Weight decay acts in the first so many steps only, a whole number of at least 0; None
        for all steps.
    sam_radius
        At least 0, in units of the parameters.  Above 0, sharpness-aware minimization: each
        step uses the gradient at `ibcore.training.loop.uphill`, that far away.
    cool_down
        In the last so many steps the learning rate falls linearly towards 0; 0 for a constant one.

    Raises
    ------
    ValueError
        If the optimizer is unknown, a number is out of range, or an option is given that the
        optimizer does not use.

    Examples
    --------
    >>> OptimizerConfig("adam", learning_rate=0.5).rates(torch.zeros(2, 5)).learning_rate.tolist()
    [[0.5], [0.5]]
    """

    optimizer: Optimizer = "adam"
    learning_rate: Rate = 1e-3
    weight_decay: Rate = 0.0
    momentum: _Beta | Annotated[Tensor, _BELOW_ONE] = 0.0
    betas: tuple[_Beta, _Beta] = BETAS
    eps: NonNegative = EPSILON
    decay_steps: Steps | None = None
    sam_radius: Rate = 0.0
    cool_down: Whole = 0

    def __post_init__(self) -> None:
        if self.optimizer == "sgd" and (self.betas, self.eps) != (BETAS, EPSILON):
            raise ValueError("betas and eps belong to adam and adamw; leave them out for sgd")
        if self.optimizer != "sgd" and bool((torch.as_tensor(self.momentum) != 0).any()):
            raise ValueError(f"momentum belongs to sgd; betas[0] is that of {self.optimizer}")

    def share(self, step: int, steps: int) -> float:
        """Return the share of the learning rate that the step of this number, from 1, takes.

        Examples
        --------
        >>> [OptimizerConfig(cool_down=2).share(step, 4) for step in (1, 2, 3, 4)]
        [1.0, 1.0, 1.0, 0.5]
        """
        return min(1.0, (steps - step + 1) / self.cool_down) if self.cool_down else 1.0

    def rates(self, like: Tensor) -> MemberRates:
        """Give each member its rates; ``like`` is any tensor (m, ...) of the parameters.

        Raises
        ------
        ValueError
            If a rate has another length than m.
        """
        names = ("learning_rate", "weight_decay", "momentum", "sam_radius")
        rates = {name: _of_members(name, getattr(self, name), like, like.dtype) for name in names}
        steps = self.decay_steps
        if steps is not None:
            steps = _of_members("decay_steps", steps, like, torch.int64)
        return MemberRates(
            self.optimizer, betas=self.betas, eps=self.eps, decay_steps=steps, **rates
        )


def _of_members(name: str, value: float | Tensor, like: Tensor, dtype: torch.dtype) -> Tensor:
    """Return one number for each member, shape (m, 1)."""
    each = torch.as_tensor(value, dtype=dtype, device=like.device)
    if each.ndim > 1 or (each.ndim == 1 and len(each) != len(like)):
        raise ValueError(
            f"{name} must be one number or one for each of the {len(like)} networks, "
            f"got shape {tuple(each.shape)}"
        )
    return each.expand(len(like))[:, None]


class StackedOptimizer:
    """Steps of one optimizer on parameters in a table, one member in each row.

    Parameters
    ----------
    rates
        As from `OptimizerConfig.rates`.
    table
        All parameters, shape (m, p); `step` changes it in place.

    Examples
    --------
    >>> table = torch.zeros(2, 1)
    >>> method = OptimizerConfig("sgd", learning_rate=torch.tensor([1.0, 2.0]))
    >>> StackedOptimizer(method.rates(table), table).step(torch.ones(2, 1))
    >>> table.tolist()
    [[-1.0], [-2.0]]
    """

    def __init__(self, rates: MemberRates, table: Tensor) -> None:
        self.rates, self.table, self.count = rates, table, 0
        self._decays = bool((rates.weight_decay != 0).any())
        ends = rates.decay_steps
        self._ends = frozenset(() if ends is None else ends.flatten().tolist())
        size = {"sgd": int(bool((rates.momentum != 0).any())), "adam": 2, "adamw": 2}
        self._memory = [torch.zeros_like(table) for _ in range(size[rates.optimizer])]

    def keep(self, rows: Tensor, table: Tensor) -> None:
        """Forget all other members; ``table`` holds the parameters of those that stay."""
        self.rates, self.table = self.rates.take(rows), table
        self._memory = [memory[rows] for memory in self._memory]

    def step(self, gradient: Tensor, *, share: float = 1.0) -> None:
        """Take one step along ``gradient``, shape (m, p), which may be overwritten.

        ``share`` is that of the learning rate which this step takes.
        """
        if self.count in self._ends:
            self._end_decay()
        self.count += 1
        rate = self.rates.learning_rate if share == 1 else share * self.rates.learning_rate
        if self._decays and self.rates.optimizer == "adamw":
            self.table.mul_(1 - rate * self.rates.weight_decay)
        elif self._decays:
            gradient.addcmul_(self.table, self.rates.weight_decay)
        if self.rates.optimizer == "sgd":
            self._descend(gradient, rate)
        else:
            self._adapt(gradient, rate)

    def _end_decay(self) -> None:
        """Switch weight decay off for the members that have taken all their steps with it."""
        if self.rates.decay_steps is not None:
            on = self.rates.decay_steps > self.count  # (m, 1)
            self.rates = replace(self.rates, weight_decay=self.rates.weight_decay * on)
        self._decays = bool((self.rates.weight_decay != 0).any())

    def _descend(self, gradient: Tensor, rate: Tensor) -> None:
        if self._memory:
            gradient = self._memory[0].mul_(self.rates.momentum).add_(gradient)
        self.table.addcmul_(gradient, rate, value=-1)

    def _adapt(self, gradient: Tensor, rate: Tensor) -> None:
        (first, second), (mean, square) = self.rates.betas, self._memory
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        scale = math.sqrt(1 - second**self.count)
        spread = torch.sqrt(square, out=gradient).div_(scale).add_(self.rates.eps)
        step = torch.div(mean, spread, out=spread)
        self.table.addcmul_(step, rate / (first**self.count - 1))
