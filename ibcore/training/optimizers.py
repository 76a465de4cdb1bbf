"""SGD, Adam and AdamW on stacked parameters, with rates of their own for each member.

`torch.optim` gives one rate to a whole tensor; here the first dimension is the member.  Each
member takes the steps that `torch.optim` would give it alone.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

Optimizer = Literal["sgd", "adam", "adamw"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)

BETAS = (0.9, 0.999)
EPSILON = 1e-8


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
        return replace(
            self,
            learning_rate=self.learning_rate[rows],
            weight_decay=self.weight_decay[rows],
            momentum=self.momentum[rows],
            decay_steps=None if self.decay_steps is None else self.decay_steps[rows],
            sam_radius=self.sam_radius[rows],
        )


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
    learning_rate: float | Tensor = 1e-3
    weight_decay: float | Tensor = 0.0
    momentum: float | Tensor = 0.0
    betas: tuple[float, float] = BETAS
    eps: float = EPSILON
    decay_steps: int | Tensor | None = None
    sam_radius: float | Tensor = 0.0

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            known = ", ".join(OPTIMIZERS)
            raise ValueError(f"unknown optimizer {self.optimizer!r}; choose one of {known}")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be two numbers >= 0 and < 1, got {self.betas}")
        if not (math.isfinite(self.eps) and self.eps >= 0):
            raise ValueError(f"eps must be a finite number >= 0, got {self.eps}")
        if self.optimizer == "sgd" and (tuple(self.betas), self.eps) != (BETAS, EPSILON):
            raise ValueError("betas and eps belong to adam and adamw; leave them out for sgd")
        if self.optimizer != "sgd" and bool((torch.as_tensor(self.momentum) != 0).any()):
            raise ValueError(f"momentum belongs to sgd; betas[0] is that of {self.optimizer}")

    def rates(self, like: Tensor) -> MemberRates:
        """Give each member its rates; ``like`` is any tensor (m, ...) of the parameters.

        Raises
        ------
        ValueError
            If a rate is out of range or has another length than m.
        """
        return MemberRates(
            self.optimizer,
            _member_rate("learning_rate", self.learning_rate, like),
            _member_rate("weight_decay", self.weight_decay, like),
            _member_rate("momentum", self.momentum, like, below=1),
            self.betas,
            self.eps,
            _member_steps("decay_steps", self.decay_steps, like),
            _member_rate("sam_radius", self.sam_radius, like),
        )


def _member_rate(
    name: str, value: float | Tensor, like: Tensor, *, below: float = math.inf
) -> Tensor:
    """Return a rate for each member, shape (m, 1)."""
    rate = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    _check_members(name, rate, like)
    wrong = rate.reshape(-1)[~((rate >= 0) & (rate < below)).reshape(-1)]  # nan is wrong as well
    if len(wrong):
        limit = f"< {below:g}" if below < math.inf else "finite"
        raise ValueError(f"{name} must be >= 0 and {limit}, got {wrong[0].item():g}")
    return rate.expand(len(like))[:, None]


def _member_steps(name: str, value: int | Tensor | None, like: Tensor) -> Tensor | None:
    """Return a number of steps for each member, int64 (m, 1), or None."""
    if value is None:
        return None
    steps = torch.as_tensor(value, device=like.device)
    _check_members(name, steps, like)
    if steps.is_floating_point() or steps.dtype == torch.bool or bool((steps < 0).any()):
        raise ValueError(f"{name} must be whole numbers >= 0, or None for all steps, got {value}")
    return steps.long().expand(len(like))[:, None]


def _check_members(name: str, value: Tensor, like: Tensor) -> None:
    if value.ndim > 1 or (value.ndim == 1 and len(value) != len(like)):
        raise ValueError(
            f"{name} must be one number or one for each of the {len(like)} networks, "
            f"got shape {tuple(value.shape)}"
        )


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

    def step(self, gradient: Tensor) -> None:
        """Take one step along ``gradient``, shape (m, p), which may be overwritten."""
        if self.count in self._ends:
            self._end_decay()
        self.count += 1
        if self._decays and self.rates.optimizer == "adamw":
            self.table.mul_(1 - self.rates.learning_rate * self.rates.weight_decay)
        elif self._decays:
            gradient.addcmul_(self.table, self.rates.weight_decay)
        if self.rates.optimizer == "sgd":
            self._descend(gradient)
        else:
            self._adapt(gradient)

    def _end_decay(self) -> None:
        """Switch weight decay off for the members that have taken all their steps with it."""
        if self.rates.decay_steps is not None:
            on = self.rates.decay_steps > self.count  # (m, 1)
            self.rates = replace(self.rates, weight_decay=self.rates.weight_decay * on)
        self._decays = bool((self.rates.weight_decay != 0).any())

    def _descend(self, gradient: Tensor) -> None:
        if self._memory:
            gradient = self._memory[0].mul_(self.rates.momentum).add_(gradient)
        self.table.addcmul_(gradient, self.rates.learning_rate, value=-1)

    def _adapt(self, gradient: Tensor) -> None:
        (first, second), (mean, square) = self.rates.betas, self._memory
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        scale = math.sqrt(1 - second**self.count)
        spread = torch.sqrt(square, out=gradient).div_(scale).add_(self.rates.eps)
        step = torch.div(mean, spread, out=spread)
        self.table.addcmul_(step, self.rates.learning_rate / (first**self.count - 1))
