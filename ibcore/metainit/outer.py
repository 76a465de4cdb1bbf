"""The outer loop: descend along meta-gradients, validate, stop early, keep a copy of the best."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from ibcore.metainit.start import RateKind, Start

OuterOptimizer = Literal["adamw", "sgd"]
Progress = Callable[[int, Tensor], None]
Gradient = Callable[[Start, int], tuple[Tensor, Start]]  # loss and gradients at a step
Judge = Callable[[Start], float]

_CHECK_EVERY = 50  # steps between looks at the losses; each look waits for a GPU


@dataclass(frozen=True)
class Outer:
    """Options of the outer loop.

    Attributes
    ----------
    steps
        How many at most, at least 1.
    optimizer
        ``"adamw"`` or ``"sgd"`` of `torch.optim`.
    learning_rate, weight_decay
        At least 0; both act on the initial weights and on rates that are learned.
    clip
        Largest norm of the gradient of weights and rates together; None for no limit.
    validate_every
        Steps between validations; the last step is always followed by one.
    patience
        Validations without a new best after which training ends; None for never.
    on_step
        Called after each step with its number, from 1, and its loss.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> Outer(steps=10).optimizer
    'adamw'
    """

    steps: int
    optimizer: OuterOptimizer = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    clip: float | None = 1.0
    validate_every: int = 250
    patience: int | None = 20
    on_step: Progress | None = None

    def __post_init__(self) -> None:
        if self.optimizer not in get_args(OuterOptimizer):
            raise ValueError(f"unknown optimizer {self.optimizer!r}; choose one of adamw, sgd")
        for name in ("steps", "validate_every", "patience"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for name in ("learning_rate", "weight_decay"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be finite and >= 0, got {getattr(self, name)}")
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip must be above 0, got {self.clip}; None sets no limit")


@dataclass(frozen=True, eq=False)
class Fitted:
    """What the outer loop leaves behind.

    Attributes
    ----------
    best
        A copy of the start at the best validation; without validation that of the last step.
    last
        The start after the last step.
    best_step
        After how many steps ``best`` was copied.
    losses
        Mean query loss of the tasks of each step, before the step, shape (steps taken,).
    validated
        After how many steps each validation took place, shape (v,).
    validation
        Its loss, shape (v,), float64.
    """

    best: Start
    last: Start
    best_step: int
    losses: Tensor
    validated: Tensor
    validation: Tensor


class Best:
    """The best validation so far, with a copy of its start: later steps cannot change it.

    Examples
    --------
    >>> best, start = Best(), Start({"w": torch.zeros(1)}, {})
    >>> for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0)):
    ...     _ = start.params["w"].add_(1)
    ...     best.offer(step, loss, start)
    >>> best.step, best.start.params["w"].item(), best.failures
    (2, 2.0, 1)
    """

    def __init__(self) -> None:
        self.step, self.failures = 0, 0
        self.start: Start | None = None
        self.steps: list[int] = []
        self.losses: list[float] = []

    def offer(self, step: int, loss: float, start: Start) -> None:
        """Note a validation."""
        better = not self.losses or loss < min(self.losses)
        self.steps.append(step)
        self.losses.append(loss)
        self.failures = 0 if better else self.failures + 1
        if better:
            self.step, self.start = step, start.copy()


def descend(
    start: Start, gradient: Gradient, *, outer: Outer, kind: RateKind, judge: Judge | None = None
) -> Fitted:
    """Run the outer loop from a copy of ``start``.

    Parameters
    ----------
    start
        Where it begins; it stays.
    gradient
        Gives the loss and the gradients at a start for step 0, 1, ...
    outer
        The options.
    kind
        Whether rates are ``"fixed"``, learned as one ``"shared"`` number, or ``"each"`` its own.
    judge
        Gives the validation loss of a start.

    Raises
    ------
    FloatingPointError
        If a loss becomes infinite or nan; the message names the step.

    Examples
    --------
    >>> def gradient(at, step):  # of w**2
    ...     return at.params["w"] ** 2, Start({"w": 2 * at.params["w"]}, {})
    >>> outer = Outer(steps=50, optimizer="sgd", learning_rate=0.1, clip=None, weight_decay=0)
    >>> fitted = descend(Start({"w": torch.tensor(1.0)}, {}), gradient, outer=outer, kind="fixed")
    >>> bool(fitted.last.params["w"].abs() < 1e-4)
    True
    """
    moving = _Moving(start, outer, kind)
    best, losses = Best(), []
    for step in range(1, outer.steps + 1):
        loss, slopes = gradient(moving.start, step - 1)
        moving.step(slopes)
        losses.append(loss.detach().reshape(()))
        if outer.on_step is not None:
            outer.on_step(step, losses[-1])
        if step % _CHECK_EVERY == 0 or step == outer.steps:
            _check_finite(losses)
        if judge is not None and (step % outer.validate_every == 0 or step == outer.steps):
            best.offer(step, judge(moving.start), moving.start)
            if outer.patience is not None and best.failures >= outer.patience:
                break
    _check_finite(losses)
    last = moving.start.copy()
    return Fitted(
        best.start or last.copy(),
        last,
        best.step or len(losses),
        torch.stack(losses),
        torch.tensor(best.steps, dtype=torch.int64),
        torch.tensor(best.losses, dtype=torch.float64),
    )


class _Moving:
    """A copy of a start that an optimizer moves."""

    def __init__(self, start: Start, outer: Outer, kind: RateKind) -> None:
        copy, self.kind, self.clip = start.copy(), kind, outer.clip
        if kind == "shared" and copy.rates:  # one number under many names
            one = next(iter(copy.rates.values()))
            copy = Start(copy.params, dict.fromkeys(copy.rates, one))
        self.start = copy
        self.leaves = [*copy.params.values(), *self._learned(copy.rates)]
        rule = torch.optim.AdamW if outer.optimizer == "adamw" else torch.optim.SGD
        self.optimizer = rule(self.leaves, lr=outer.learning_rate, weight_decay=outer.weight_decay)

    def _learned(self, rates: dict[str, Tensor]) -> list[Tensor]:
        """Return the rates, or their gradients, that the optimizer sees."""
        if self.kind == "each":
            return list(rates.values())
        return list(rates.values())[:1] if self.kind == "shared" else []

    def step(self, slopes: Start) -> None:
        """Take one step along gradients by name."""
        rates = slopes.rates
        if self.kind == "shared" and rates:
            rates = {"all": torch.stack(list(rates.values())).sum()}
        gradients = [*slopes.params.values(), *self._learned(rates)]
        for leaf, gradient in zip(self.leaves, gradients, strict=True):
            leaf.grad = gradient
        if self.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.leaves, self.clip)
        self.optimizer.step()


def _check_finite(losses: list[Tensor]) -> None:
    recent = torch.stack(losses[-_CHECK_EVERY:])
    if not bool(recent.isfinite().all()):
        first = int((~recent.isfinite()).nonzero()[0, 0])
        raise FloatingPointError(
            f"the loss is {recent[first].item()} at step {len(losses) - len(recent) + first + 1}; "
            "use smaller rates, a smaller learning rate or fewer inner steps, or clip the gradient"
        )
