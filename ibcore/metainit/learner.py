"""Meta-learn a start, and adapt it to new tasks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ibcore.door import Count, Data, NonNegative, Positive, Whole, door
from ibcore.metainit.maml import (
    Inner,
    Parameters,
    Points,
    RateKind,
    Start,
    TaskLoss,
    adapted_by,
    check_parameters,
    full_rates,
    mean_loss,
    parameters_below,
    predicted_by,
    rate_table,
    reptile_gradient_of,
)
from ibcore.metainit.replay import Replay
from ibcore.tasks.concepts import Episodes
from ibcore.training import Loss

# The outer loop: descend along meta-gradients, validate, stop early, keep a copy of the best.

OuterOptimizer = Literal["adamw", "sgd"]
Progress = Callable[[int, Tensor], None]
Tasks = Episodes | tuple[Points, Points]
Slopes = tuple[Parameters, Parameters]  # gradients of weights and of rates

_CHECK_EVERY = 50  # steps between looks at the losses; each look waits for a GPU


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


class EarlyStopping:
    """The best validation so far, with a copy of its start: later steps cannot change it."""

    def __init__(self) -> None:
        self.step, self.failures = 0, 0
        self.start: Start | None = None
        self.steps: list[int] = []
        self.losses: list[float] = []

    def update(self, step: int, loss: float, start: Start) -> None:
        """Note a validation."""
        better = not self.losses or loss < min(self.losses)
        self.steps.append(step)
        self.losses.append(loss)
        self.failures = 0 if better else self.failures + 1
        if better:
            self.step, self.start = step, start.copy()

    def fitted(self, last: Start, losses: Sequence[Tensor]) -> Fitted:
        """Return the best start, or the last one if none was judged, and all losses."""
        return Fitted(
            self.start or last.copy(),
            last.copy(),
            self.step or len(losses),
            torch.stack(list(losses)),
            torch.tensor(self.steps, dtype=torch.int64),
            torch.tensor(self.losses, dtype=torch.float64),
        )


class _Moving:
    """A copy of a start that an optimizer moves."""

    def __init__(
        self, start: Start, kind: RateKind, clip: float | None, optimizer: Callable[..., Any]
    ) -> None:
        copy, self.kind, self.clip = start.copy(), kind, clip
        if kind == "shared" and copy.rates:  # one number under many names
            one = next(iter(copy.rates.values()))
            copy = Start(copy.params, dict.fromkeys(copy.rates, one))
        self.start = copy
        self.leaves = [*copy.params.values(), *self._learned(copy.rates)]
        self.optimizer = optimizer(self.leaves)

    def _learned(self, rates: dict[str, Tensor]) -> list[Tensor]:
        """Return the rates, or their gradients, that the optimizer sees."""
        if self.kind == "each":
            return list(rates.values())
        return list(rates.values())[:1] if self.kind == "shared" else []

    def step(self, slopes: Slopes) -> None:
        """Take one step along gradients by name."""
        params, rates = slopes
        if self.kind == "shared" and rates:
            rates = {"all": torch.stack(list(rates.values())).sum()}
        gradients = [*params.values(), *self._learned(rates)]
        for leaf, gradient in zip(self.leaves, gradients, strict=True):
            leaf.grad = gradient
        if self.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.leaves, self.clip)
        self.optimizer.step()


def _check_finite(losses: list[Tensor], leaves: list[Tensor]) -> None:
    """Raise unless the last losses are finite, and what they have led to."""
    recent = torch.stack(losses[-_CHECK_EVERY:])
    wrong = (~recent.isfinite()).nonzero()
    remedy = "use smaller rates, a smaller learning rate or fewer inner steps, or clip the gradient"
    if len(wrong):
        first = int(wrong[0, 0])
        step = len(losses) - len(recent) + first + 1
        raise FloatingPointError(f"the loss is {recent[first].item()} at step {step}; {remedy}")
    if not all(bool(leaf.isfinite().all()) for leaf in leaves):
        raise FloatingPointError(f"a weight is not finite after step {len(losses)}; {remedy}")


@door
def _drawn(draw: Tasks) -> Tasks:
    """Take in what a user's function has drawn."""
    return draw


@door(gradients=True)
class MetaLearner:
    """A network's start, learned so that a few gradient steps on a new task go far.

    ============ ==========================================================================
    MAML         ``rates="fixed"``, with ``first_order=True`` its cheaper version
    Meta-SGD     ``rates="each"``, as in the paper's public code
    ANIL         ``adapted=("head",)``, the name of the last module
    Reptile      ``reptile=True, rates="fixed"`` and several inner steps
    pre-training ``inner_steps=0, rates="fixed"``: see `ibcore.metainit.pooled`
    ============ ==========================================================================

    Parameters
    ----------
    model
        Fixes the computation; the module itself is never changed.
    params
        The weights to begin with, on the device to compute on; None for a copy of the model's.
    rate
        The inner rate, or where learned rates begin.
    rates
        ``"fixed"``, one ``"shared"`` learned number, or a learned number for ``"each"`` weight.
    adapted
        Names of modules or parameters that the inner loop moves; None for all.
    inner_steps, first_order, loss, task_chunk, vectorize
        As in `meta_gradient`.
    reptile
        Whether to follow `reptile_gradient` on the support sets in place of the meta-gradient.

    Attributes
    ----------
    start
        The current initial weights and rates; `fit` replaces it by the best it has seen.

    Raises
    ------
    ValueError
        If an option is unknown or does not go with another.

    References
    ----------
    Bencomo et al. (2025), with Meta-SGD (Li et al., 2017) and one inner step.

    Examples
    --------
    >>> import torch
    >>> from ibcore.nets import MLP
    >>> from ibcore.tasks.concepts import table_episodes
    >>> x, table = torch.eye(4), torch.tensor([[0.0, 0, 1, 1], [1, 1, 0, 0]])
    >>> learner = MetaLearner(MLP(4, 1, depth=1, width=8), rate=0.5, loss="binary")
    >>> draw = lambda step: table_episodes(x, table, tasks=4, support=3, seed=step)
    >>> fitted = learner.fit(draw, steps=60, learning_rate=0.03)
    >>> bool(fitted.losses[-10:].mean() < fitted.losses[:10].mean())
    True
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        params: Mapping[str, Tensor] | None = None,
        rate: NonNegative = 1e-3,
        rates: RateKind = "each",
        adapted: Sequence[str] | None = None,
        inner_steps: Whole = 1,
        first_order: bool = False,
        reptile: bool = False,
        loss: TaskLoss | Loss = "mse",
        task_chunk: Count | None = None,
        vectorize: bool = True,
    ) -> None:
        if reptile and (rates != "fixed" or first_order or inner_steps < 1):
            raise ValueError(
                "Reptile has at least one inner step, fixed rates and no order to choose; got "
                f"inner_steps={inner_steps}, rates={rates!r}, first_order={first_order}"
            )
        self.model, self.loss, self.kind, self.reptile = model, loss, rates, reptile
        self.inner_steps, self.first_order = inner_steps, first_order
        self.inner = Inner(model, loss, vectorize, task_chunk)
        own: Mapping[str, Tensor] = dict(model.named_parameters())
        chosen = dict(own if params is None else params)
        check_parameters(model, chosen)
        names = list(chosen) if adapted is None else parameters_below(model, adapted, "adapted")
        each = full_rates(chosen, rate, names) if rates == "each" else dict.fromkeys(names, rate)
        self.start = Start(chosen, rate_table(each, chosen)).copy()

    @door(gradients=True)
    def fit(
        self,
        draw: Callable[[int], Tasks],
        *,
        steps: Count,
        optimizer: OuterOptimizer = "adamw",
        learning_rate: NonNegative = 1e-3,
        weight_decay: NonNegative = 0.01,
        clip: Positive | None = 1.0,
        validation: Sequence[Tasks] = (),
        validate_every: Count = 250,
        patience: Count | None = 20,
        on_step: Progress | None = None,
    ) -> Fitted:
        """Learn from tasks, and keep the start that does best in validation.

        Parameters
        ----------
        draw
            Gives the tasks of step 0, 1, ...: support and query sets.
        steps
            How many at most, at least 1.
        optimizer
            ``"adamw"`` or ``"sgd"`` of `torch.optim`.
        learning_rate, weight_decay
            At least 0; both act on the initial weights and on rates that are learned.
        clip
            Largest norm of the gradient of weights and rates together; None for no limit.
        validation
            Batches of tasks whose mean query loss after adaptation is the validation loss; with
            none the last start is kept.
        validate_every
            Steps between validations; the last step is always followed by one.
        patience
            Validations without a new best after which training ends; None for never.
        on_step
            Called after each step with its number, from 1, and its loss.

        Raises
        ------
        ValueError
            If an option is out of range, or tasks do not fit the model.
        FloatingPointError
            If a loss becomes infinite or nan; ``start`` then stays as it was.
        """
        kind = torch.optim.AdamW if optimizer == "adamw" else torch.optim.SGD
        rule = partial(kind, lr=learning_rate, weight_decay=weight_decay)
        moving = _Moving(self.start, self.kind, clip, rule)
        best, losses = EarlyStopping(), []
        replay = Replay(self.inner, self.inner_steps, self.first_order)
        for step in range(1, steps + 1):
            tasks = _drawn(draw(step - 1))
            loss, slopes = self._gradient(replay, moving.start, tasks, steps - step)
            moving.step(slopes)
            losses.append(loss.detach().reshape(()))
            if on_step is not None:
                on_step(step, losses[-1])
            due, last = step % validate_every == 0, step == steps
            if due or last or step % _CHECK_EVERY == 0:
                _check_finite(losses, moving.leaves)
            if validation and (due or last):
                best.update(step, self._validate(moving.start, validation), moving.start)
                if patience is not None and best.failures >= patience:
                    break
        fitted = best.fitted(moving.start, losses)
        self.start = fitted.best.copy()
        return fitted

    @door(gradients=True)
    def adapt(
        self, support: Points, *, inner_steps: Whole | None = None, start: Start | None = None
    ) -> Parameters:
        """Return the weights of each task after its inner steps; the start is not changed.

        Parameters
        ----------
        support
            Inputs and targets of each task.
        inner_steps
            None for as many as in training.
        start
            None for the learner's own.
        """
        steps = self.inner_steps if inner_steps is None else inner_steps
        return self._adapted(start or self.start, support, steps)

    @door(gradients=True)
    def predict(self, support: Points, x: Data, *, inner_steps: Whole | None = None) -> Tensor:
        """Adapt to each task and evaluate it on its own inputs: ``(tasks, n, ...)``.

        Where the steps diverge the outputs are nan.
        """
        steps = self.inner_steps if inner_steps is None else inner_steps
        with torch.no_grad():
            return predicted_by(self.inner, self._adapted(self.start, support, steps), x)

    def _adapted(self, start: Start, support: Points, steps: int) -> Parameters:
        with torch.enable_grad():
            return adapted_by(self.inner, (start.params, start.rates), support, steps)

    def _gradient(
        self, replay: Replay, start: Start, tasks: Tasks, left: int
    ) -> tuple[Tensor, Slopes]:
        origin, (support, query) = (start.params, start.rates), tasks[:2]
        if self.reptile:
            loss, away = reptile_gradient_of(self.inner, origin, support, self.inner_steps)
            return loss, (away, {})
        loss, slopes = replay.gradient(origin, (support, query), left)
        return loss, (slopes["params"], slopes["rates"])

    def _validate(self, start: Start, validation: Sequence[Tasks]) -> float:
        """Return the query loss after adaptation, averaged over all tasks."""
        total, count = 0.0, 0
        for support, query in (batch[:2] for batch in validation):
            adapted = self._adapted(start, support, self.inner_steps)
            loss = mean_loss(self.inner, adapted, query)
            total, count = total + loss.item() * len(query[0]), count + len(query[0])
        return total / count
