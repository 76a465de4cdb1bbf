"""Train a network to do its task and to see the data as a guide does."""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from ibcore.door import Count, Data, NonNegative, Positive, Range, Seed, Share, Whole, door, taking
from ibcore.guidance.guides import AnyGuide, Batch, Guide, NetworkGuide
from ibcore.guidance.similarity import (
    Kernel,
    aligned,
    as_layer,
    gram,
    plain_procrustes,
    plain_ridge,
    plain_rsa,
    radial,
    ratio,
    scaled,
    wide,
)
from ibcore.guidance.taps import (
    LayerMapping,
    Pairs,
    Taps,
    in_mode,
    layer_names,
    layer_pairs,
    redraw,
    suited,
)
from ibcore.population import member_seed
from ibcore.training import Loss, Optimizer, OptimizerConfig
from ibcore.training.loop import Batches, seeded_rng

# How data and options must fit each other, before the first step.


def _all_points(x: Tensor, y: Tensor, unlabeled: Tensor | None, device: torch.device) -> Batch:
    """Return all data on the device: points with labels, then those without."""
    if not len(x) or x.shape[:1] != y.shape[:1]:
        raise ValueError(f"x holds {len(x)} points, y {len(y)} labels; give one for each point")
    parts = [x] if unlabeled is None else [x, unlabeled]
    kinds = [(part.dtype, *part.shape[1:]) for part in parts]
    if kinds[0] != kinds[-1]:
        raise ValueError(f"unlabeled must be like x, {kinds[0]}, got {kinds[-1]}")
    points = torch.cat([part.to(device) for part in parts])
    return Batch(points, y.to(device), torch.arange(len(points), device=device))


def _check_sizes(data: Batch, sizes: tuple[int | None, int | None], least: int) -> None:
    """Raise ``ValueError`` unless even the last batch of an epoch is large enough to compare."""
    smallest, points = 0, (len(data.y), len(data.x) - len(data.y))
    for kind, size, count in zip(("", "unlabeled_"), sizes, points, strict=True):
        if size is not None and size > count:
            raise ValueError(f"{kind}batch_size must be at most the {count} points, got {size}")
        smallest += count if size is None else count % size or size
    if smallest < least:
        raise ValueError(
            f"the last batch of an epoch would hold {smallest} points, but the measure needs at "
            f"least {least}; choose a batch_size that divides {points[0]}"
        )


def _check_checkpoints(
    steps: int, checkpoints: Sequence[int], on_checkpoint: Callable[..., Any] | None
) -> None:
    """Raise ``ValueError`` unless checkpoints are different steps, with a function to call."""
    if bool(checkpoints) != (on_checkpoint is not None):
        raise ValueError("checkpoints and on_checkpoint need each other: give both, or neither")
    if len(set(checkpoints)) < len(checkpoints) or max(checkpoints, default=0) > steps:
        raise ValueError(
            f"checkpoints must be different whole numbers up to {steps}, got {list(checkpoints)}"
        )


@torch.no_grad()
def _labeled(model: nn.Module, data: Batch, loss: "Loss | TaskLoss") -> Batch:
    """Return the data with labels as the loss needs them, after a first look at the outputs."""
    x = data.x[:_PROBED]
    with in_mode(model, "eval"), seeded_rng(0, x.device), taking(model, x):
        outputs = model(x)
    if isinstance(loss, str):
        return data._replace(y=_targets(loss, outputs, data.y))
    if isinstance(loss, Distillation):
        wanted = len(data.x), *outputs.shape[1:]
        if loss.logits.shape != wanted:
            raise ValueError(f"logits must have shape {wanted}, got {tuple(loss.logits.shape)}")
        return data._replace(y=_targets("cross_entropy", outputs, data.y))
    return data


def _targets(loss: Loss, outputs: Tensor, y: Tensor) -> Tensor:
    """Return targets that fit the outputs, in the type that the loss needs."""
    if not isinstance(outputs, Tensor):
        raise TypeError(f"target returns {type(outputs).__name__}; write a loss that reads it")
    shape = tuple(outputs.shape[1:])
    wanted = {"mse": shape, "binary": tuple(outputs.squeeze(-1).shape[1:])}.get(loss, shape[:-1])
    if tuple(y.shape[1:]) != wanted:
        raise ValueError(f"loss {loss} needs y of shape {('n', *wanted)}, got {tuple(y.shape)}")
    if loss == "cross_entropy":
        wrong = (y != _NO_ANSWER) & ((y < 0) | (y >= shape[-1]))
        if y.is_floating_point() or bool(wrong.any()):
            got = y.dtype if y.is_floating_point() else int(y[wrong][0])
            raise ValueError(f"y must hold classes from 0 to {shape[-1] - 1}, got {got}")
        return y.long()
    if loss == "binary" and bool(((y < 0) | (y > 1)).any()):
        raise ValueError(f"y must lie between 0 and 1, got {y.min().item()} to {y.max().item()}")
    return y.to(outputs.dtype)


# How far the target's layers are from the guide's: the second term of the guided loss.

Measure = Literal["cka", "rsa", "procrustes", "ridge"]
Reduction = Literal["sum", "mean"]
Similarity = Callable[[Tensor, Tensor], Tensor]

_MEASURES: dict[str, Similarity] = {
    "rsa": plain_rsa,
    "procrustes": plain_procrustes,
    "ridge": plain_ridge,
}


@door
@dataclass(frozen=True)
class Alignment:
    r"""The dissimilarity of pairs of layers (g, t) of guide and target.

    .. math:: D = \sum_{(g, t)} \bigl(1 - s(X_t, Y_g)\bigr)

    The defaults are those of the paper's public code: biased linear CKA, summed over pairs.
    Activations are flattened to (points, features).

    Attributes
    ----------
    measure
        The similarity s: ``"cka"``, ``"rsa"``, ``"procrustes"``, ``"ridge"`` (the guide predicted
        from the target, 5 folds), or a function of the target's and the guide's features, (n, p)
        and (n, q), that returns a scalar.
    kernel, unbiased
        Of CKA, as in `ibcore.guidance.cka`.  Unbiased estimates do not depend on the size of the
        batch.
    reduction
        ``"sum"`` or ``"mean"`` over pairs.
    per_token
        For activations (points, tokens, features) of CKA: compare the points at each token, and
        sum over tokens.

    Raises
    ------
    ValueError
        If a choice is unknown or has no effect on the measure.

    References
    ----------
    Subramaniam et al. (2024), "Training the untrainable", public code.

    Examples
    --------
    >>> x = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    >>> gaps = Alignment().gaps({"a": 2 * x}, {"0": x}, [("a", "0")])
    >>> abs(gaps.item()) < 1e-6
    True
    """

    measure: Similarity | Measure = "cka"
    kernel: Kernel = "linear"
    unbiased: bool = False
    reduction: Reduction = "sum"
    per_token: bool = False

    def __post_init__(self) -> None:
        if self.measure != "cka" and (self.kernel != "linear" or self.unbiased or self.per_token):
            raise ValueError(
                f"kernel, unbiased and per_token belong to measure='cka', not {self.measure!r}"
            )

    @property
    def least(self) -> int:
        """The fewest points for which the measure has a value."""
        if self.measure == "cka":
            return 4 if self.unbiased else 2
        return {"rsa": 3, "ridge": 10}.get(str(self.measure), 2)

    @property
    def needs_gram_only(self) -> bool:
        """Whether the guide's linear Gram matrix says all that the measure needs."""
        return self.measure == "cka" and not self.per_token

    def gaps(
        self,
        guide: Mapping[str, Tensor],
        target: Mapping[str, Tensor],
        pairs: Sequence[tuple[str, str]],
        *,
        grams: bool = False,
    ) -> Tensor:
        """Return 1 - s of each pair, (pairs,), float64, differentiable in the target.

        Parameters
        ----------
        guide, target
            Activations (n, ...) by name.
        pairs
            Names of layers, the guide's first.
        grams
            Whether the guide's entries are linear Gram matrices (n, n).
        """
        return torch.stack([1 - self._similarity(target[t], guide[g], grams) for g, t in pairs])

    def total(self, gaps: Tensor) -> Tensor:
        """Return the dissimilarity of all pairs together."""
        return gaps.sum() if self.reduction == "sum" else gaps.mean()

    def _similarity(self, target: Tensor, guide: Tensor, grams: bool) -> Tensor:
        if self.per_token:
            return self._over_tokens(target, guide)
        x = wide(target.flatten(1))
        if grams:
            return self._to_gram(x, guide)
        y = guide.flatten(1).to(x.dtype)
        if self.measure == "cka":
            return aligned(x, y, kernel=self.kernel, unbiased=self.unbiased)
        measure = self.measure if callable(self.measure) else _MEASURES[self.measure]
        return measure(x, y)

    def _to_gram(self, x: Tensor, linear: Tensor) -> Tensor:
        """Return CKA of features (n, p) with a linear Gram matrix (n, n)."""
        k = gram(scaled(x), kernel=self.kernel)
        other = linear if self.kernel == "linear" else radial(linear)
        return ratio(*(as_layer(z, grams=True) for z in (k, other)), unbiased=self.unbiased)

    def _over_tokens(self, target: Tensor, guide: Tensor) -> Tensor:
        """Return 1 - the sum over tokens of 1 - CKA of the points at that token."""
        if target.ndim != 3 or guide.ndim != 3 or target.shape[:2] != guide.shape[:2]:
            raise ValueError(
                "per_token needs activations (points, tokens, features) with as many tokens on "
                f"both sides, got {tuple(target.shape)} and {tuple(guide.shape)}"
            )
        x = wide(target).transpose(0, 1)  # (tokens, points, features)
        y = guide.transpose(0, 1).to(x.dtype)
        values = aligned(x, y, kernel=self.kernel, unbiased=self.unbiased)  # (tokens,)
        return 1 - (1 - values).sum()


# What the guide says about any batch, computed once for all data where that is possible.

_ENTRIES = 2**26  # of Gram matrices of all data that are kept: 256 MiB in float32


class Reference:
    """A guide beside its data, a target, and the pairs (g, t) of their layers.

    A fixed guide says the same about a point at every step.  Where the measure needs no more than
    the guide's linear Gram matrices, and those of all points fit the memory, they are computed
    once, and a batch takes its rows and columns: CKA does not depend on the mean that is left.
    """

    def __init__(
        self, guide: Guide, target: nn.Module, pairs: Pairs, data: Batch, alignment: Alignment
    ) -> None:
        self.guide, self.pairs, self.alignment = guide, pairs, alignment
        self.names, names = (list(dict.fromkeys(side)) for side in zip(*pairs, strict=True))
        self.taps = Taps(target, names)
        entries = len(data.x) ** 2 * len(self.names)
        self.grams = guide.fixed and alignment.needs_gram_only and entries <= _ENTRIES
        self._known: dict[str, Tensor] = {}
        if self.grams:
            views = self(data)
            self._known = {name: gram(scaled(wide(z.flatten(1)))) for name, z in views.items()}

    @torch.no_grad()
    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Return the guide's layers on a batch: linear Gram matrices if known, else outputs."""
        if self._known:
            rows = batch.rows
            return {name: known[rows[:, None], rows] for name, known in self._known.items()}
        views = self.guide(batch)
        return {name: views[name].detach() for name in self.names}

    def gaps(self, batch: Batch) -> Tensor:
        """Return the dissimilarity of each pair, (pairs,), after the target has seen the batch."""
        gaps = self.alignment.gaps(self(batch), self.taps, self.pairs, grams=self.grams)
        self.taps.clear()
        return gaps


# How much the task and the guide weigh at each step.

ScheduleKind = Literal["constant", "disconnect", "decay", "initialize"]


class Weights(NamedTuple):
    """Weights of the task loss and of the dissimilarity to the guide."""

    task: float
    guide: float


@door
@dataclass(frozen=True)
class Schedule:
    r"""Weights of task and guide as a function of the step t = 0, 1, ...

    ============== ==================================== =======================================
    kind           before step ``until``                from then on
    ============== ==================================== =======================================
    ``constant``   task 1, guide :math:`\alpha`         the same (``until`` is left out)
    ``disconnect`` task 1, guide :math:`\alpha`         task 1, guide 0
    ``decay``      task 1, guide :math:`\alpha(1-t/u)`  task 1, guide 0
    ``initialize`` task 0, guide :math:`\alpha`         task 1, guide 0, with a new optimizer
    ============== ==================================== =======================================

    ``initialize`` is guidance as an initialization: only the weights pass on to the task.

    Attributes
    ----------
    kind
        Of the table.
    weight
        :math:`\alpha \ge 0`.
    until
        :math:`u`, a number of steps, at least 1.

    Raises
    ------
    ValueError
        If the kind is unknown, or a number is out of range, missing or has no effect.

    Examples
    --------
    >>> early = Schedule("disconnect", weight=5.0, until=40)
    >>> early.at(39), early.at(40)
    (Weights(task=1.0, guide=5.0), Weights(task=1.0, guide=0.0))
    """

    kind: ScheduleKind = "constant"
    weight: NonNegative = 1.0
    until: Count | None = None

    def __post_init__(self) -> None:
        if self.kind == "constant" and self.until is not None:
            raise ValueError(f"until={self.until} has no effect if constant; leave it out")
        if self.kind != "constant" and self.until is None:
            raise ValueError(f"{self.kind!r} needs until, a number of steps, got None")
        if self.kind == "initialize" and self.weight == 0:
            raise ValueError("'initialize' with weight 0 would not train at all; give a weight > 0")

    def at(self, step: int) -> Weights:
        """Return the weights of step 0, 1, ..."""
        if self.until is not None and step >= self.until:
            return Weights(1.0, 0.0)
        if self.kind == "decay" and self.until is not None:
            return Weights(1.0, self.weight * (1 - step / self.until))
        return Weights(0.0 if self.kind == "initialize" else 1.0, self.weight)

    def restarts_at(self, step: int) -> bool:
        """Say whether the optimizer begins anew before this step."""
        return self.kind == "initialize" and step == self.until


# The first term of the guided loss: the task, or the outputs of a teacher.

TaskLoss = Callable[[Tensor, Batch], Tensor]


def task_loss(loss: Loss | TaskLoss) -> TaskLoss:
    """Return the function behind a name, or a function as it is.

    Parameters
    ----------
    loss
        ``"cross_entropy"`` (classes (n,), or (n, t) for outputs at each of t tokens, where -100
        stands for no answer), ``"binary"`` or ``"mse"``, means over the points with labels.  Or a
        function of the outputs for all points of a `Batch` and the batch.

    Examples
    --------
    >>> import torch
    >>> batch = Batch(torch.zeros(3, 2), torch.tensor([1, 0]), torch.arange(3))
    >>> round(task_loss("cross_entropy")(torch.zeros(3, 2), batch).item(), 4)
    0.6931
    """
    if not isinstance(loss, str):
        return loss
    function = _FUNCTIONS[loss]
    return lambda outputs, batch: function(outputs[: len(batch.y)], batch.y)


_NO_ANSWER = -100  # what `torch.nn.functional.cross_entropy` leaves out


def _cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(outputs.flatten(0, -2), y.flatten())


def _binary(outputs: Tensor, y: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(outputs.squeeze(-1), y.to(outputs.dtype))


_FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": _cross_entropy,
    "binary": _binary,
    "mse": functional.mse_loss,
}


@door
class Distillation:
    r"""The outputs of a teacher as the task: knowledge distillation, a baseline of guidance.

    .. math:: (1-w)\,\mathrm{CE}(y, p) + w\,T^2\,\mathrm{KL}\bigl(q^{T}\,\Vert\, p^{T}\bigr)

    with the softmax of target and teacher at temperature T, :math:`p^T` and :math:`q^T`.  The
    first term is a mean over the points with labels, the second over all points.

    Parameters
    ----------
    logits
        Of the teacher for all data, (n, classes); points without labels last.
    temperature
        T > 0.
    weight
        w from 0 to 1.

    Raises
    ------
    ValueError
        If a number is out of range.

    References
    ----------
    Hinton, Vinyals and Dean (2015).

    Examples
    --------
    >>> import torch
    >>> logits = torch.eye(3)
    >>> batch = Batch(torch.zeros(3, 2), torch.arange(3), torch.arange(3))
    >>> Distillation(logits, weight=1.0)(logits, batch).item()
    0.0
    """

    def __init__(self, logits: Tensor, *, temperature: Positive = 2.0, weight: Share = 0.5) -> None:
        if logits.ndim < 2 or not len(logits):
            raise ValueError(f"logits must have shape (n, classes), got {tuple(logits.shape)}")
        self.logits, self.temperature, self.weight = logits.detach(), temperature, weight

    def __call__(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the loss of a batch."""
        teacher = self.logits.to(outputs.device)[batch.rows] / self.temperature
        divergence = functional.kl_div(
            (outputs / self.temperature).log_softmax(-1),
            teacher.log_softmax(-1),
            reduction="batchmean",
            log_target=True,
        )
        labels = _cross_entropy(outputs[: len(batch.y)], batch.y)
        return (1 - self.weight) * labels + self.weight * self.temperature**2 * divergence


# The guided training loop: one network, one guide, one step after the other.

Progress = Callable[[int, Tensor], None]
OnCheckpoint = Callable[[int, nn.Module], None]

_CAN_FUSE = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 4)
_CHECK_EVERY = 50  # steps between checks of the losses; each waits for a GPU


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """All of a run: the network that learns, its data and its options.

    ``data.x`` holds the points with labels, then those without.
    """

    model: nn.Module
    data: Batch
    reference: Reference | None
    schedule: Schedule
    task: TaskLoss
    task_sees_all: bool
    method: OptimizerConfig
    steps: int
    batch_sizes: tuple[int | None, int | None]
    seed: int
    checkpoints: Sequence[int]
    on_checkpoint: OnCheckpoint | None
    on_step: Progress | None


@dataclass(eq=False)
class Record:
    """One row for each step: task loss and dissimilarity, weights, and each pair's gap."""

    losses: list[Tensor] = field(default_factory=list)
    weights: list[Weights] = field(default_factory=list)
    gaps: list[Tensor] = field(default_factory=list)
    checked: int = 0


def _run_steps(job: TrainingRun) -> Record:
    """Train the network in place and return what was recorded."""
    record, order, optimizer = Record(), _Order(job), _optimizer(job)
    _show(job, 0)
    job.model.train()
    for step in range(job.steps):
        if job.schedule.restarts_at(step):
            optimizer = _optimizer(job)
        loss = _loss(job, order, job.schedule.at(step), record)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if job.on_step is not None:
            job.on_step(step + 1, loss.detach())
        if step + 1 in job.checkpoints or (step + 1) % _CHECK_EVERY == 0 or step + 1 == job.steps:
            _check(job, record)
            _show(job, step + 1)
    return record


def _loss(job: TrainingRun, order: "_Order", weights: Weights, record: Record) -> Tensor:
    """Return the loss of the next batch, and record its parts."""
    reference = job.reference if weights.guide else None
    batch = order.draw(with_unlabeled=bool(reference) or job.task_sees_all)
    pairs = len(job.reference.pairs) if job.reference else 0
    gaps = torch.full((pairs,), torch.nan, dtype=torch.float64, device=batch.x.device)
    loss = torch.zeros((), device=batch.x.device)
    with reference.taps if reference else nullcontext():
        outputs = job.model(batch.x)
    if reference:
        gaps = reference.gaps(batch)
        loss = weights.guide * reference.alignment.total(gaps)
    task = job.task(outputs, batch)
    record.losses.append(task.detach())
    record.gaps.append(gaps.detach())
    record.weights.append(weights)
    return loss + weights.task * task if weights.task else loss


class _Order:
    """Draws batches: points with labels and those without in orders of their own."""

    def __init__(self, job: TrainingRun) -> None:
        self.data, device = job.data, job.data.x.device
        counts = len(job.data.y), len(job.data.x) - len(job.data.y)
        seeds = job.seed, member_seed(job.seed, 1)
        self.rows = torch.split(job.data.rows, [*counts])
        self.batches = [
            Batches([seed], count, size, device)
            for seed, count, size in zip(seeds, counts, job.batch_sizes, strict=True)
        ]

    def draw(self, *, with_unlabeled: bool) -> Batch:
        """Return the next batch; both orders move on."""
        known, other = (
            rows if (drawn := batches.draw()) is None else rows[drawn[0]]
            for rows, batches in zip(self.rows, self.batches, strict=True)
        )
        rows = torch.cat([known, other]) if with_unlabeled else known
        return Batch(self.data.x[rows], self.data.y[known], rows)


def _optimizer(job: TrainingRun) -> torch.optim.Optimizer:
    """Return a fresh optimizer of `torch.optim`."""
    method, parameters = job.method, list(job.model.parameters())
    options: dict[str, Any] = {"lr": float(method.learning_rate)}
    options["weight_decay"] = float(method.weight_decay)
    options["fused"] = _CAN_FUSE and all(p.device.type in ("cpu", "cuda") for p in parameters)
    if method.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=float(method.momentum), **options)
    kind = torch.optim.Adam if method.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, betas=method.betas, eps=method.eps, **options)


def _show(job: TrainingRun, step: int) -> None:
    """Show the network to the caller, in evaluation mode and without gradient."""
    if job.on_checkpoint is not None and step in job.checkpoints:
        with in_mode(job.model, "eval"), torch.no_grad():
            job.on_checkpoint(step, job.model)


def _check(job: TrainingRun, record: Record) -> None:
    """Raise unless all losses since the last check are finite; one wait for all of them."""
    begin, record.checked = record.checked, len(record.losses)
    wanted = record.weights[begin:]
    losses, gaps = torch.stack(record.losses[begin:]), torch.stack(record.gaps[begin:])
    guided = torch.tensor([bool(job.reference and each.guide) for each in wanted])
    wrong = ~gaps.isfinite() & guided.to(gaps.device)[:, None]  # (steps, pairs)
    rows = torch.cat([~losses.isfinite()[:, None], wrong], 1).cpu()
    if not bool(rows.any()):
        return
    place = int(rows.any(1).nonzero()[0, 0])
    if bool(rows[place, 0]):
        raise FloatingPointError(
            f"the task loss is {losses[place].item()} at step {begin + place + 1}; "
            "use a smaller learning rate"
        )
    assert job.reference is not None
    pair = job.reference.pairs[int(rows[place, 1:].nonzero()[0, 0])]
    raise FloatingPointError(
        f"the dissimilarity of {pair[0]!r} and {pair[1]!r} is not finite at step "
        f"{begin + place + 1}: one of them is the same for all points, or the batch too small for "
        "an unbiased estimate; use a smaller learning rate, larger batches or other layers"
    )


_PROBED = 8  # points that show which layers there are


@dataclass(frozen=True, eq=False)
class Guided:
    """A trained target and its history.

    Attributes
    ----------
    model
        The trained copy of the target, in evaluation mode.
    log
        One row for each step, from 1: ``task_loss`` and ``dissimilarity`` of its batch before the
        update (the latter nan where the guide has no weight), and ``task_weight`` and
        ``guide_weight``.
    layers
        One row for each step and pair: ``step``, ``guide_layer``, ``target_layer`` and
        ``similarity``, where the guide has a weight.
    pairs
        The layers that were compared, the guide's first.
    """

    model: nn.Module
    log: pd.DataFrame
    layers: pd.DataFrame
    pairs: list[tuple[str, str]]


@door(gradients=True)
def guide(
    target: nn.Module,
    guide: nn.Module | AnyGuide | None,
    x: Data,
    y: Data,
    *,
    steps: Count,
    schedule: Schedule | None = None,
    alignment: Alignment | None = None,
    mapping: Pairs | LayerMapping = "even",
    layers: Sequence[str] | None = None,
    unlabeled: Data | None = None,
    loss: TaskLoss | Loss = "cross_entropy",
    optimizer: Optimizer = "adam",
    learning_rate: NonNegative = 1e-3,
    weight_decay: NonNegative = 0.0,
    momentum: Annotated[float, Range(0, 1, below=True)] = 0.0,
    batch_size: Count | None = None,
    unlabeled_batch_size: Count | None = None,
    init_seed: Seed | None = None,
    seed: Seed = 0,
    checkpoints: Sequence[Whole] = (),
    on_checkpoint: OnCheckpoint | None = None,
    on_step: Progress | None = None,
    device: torch.device | str | None = None,
) -> Guided:
    r"""Train a copy of the target for a task and for agreement with a frozen guide.

    .. math:: L_t = \beta_t\,L_\text{task} + \alpha_t \sum_{(g, l)}
              \bigl(1 - s(X_l, Y_g)\bigr)

    over pairs of a guide's layer g and a target's layer l, with weights from the schedule.  The
    network of the same seeds without a guide is its paired control: it begins with the same
    weights and sees the same points in the same order.

    Parameters
    ----------
    target
        The network that learns; it is copied, never changed.
    guide
        A `Guide`, a module (then a `NetworkGuide` in evaluation mode), or None for no guidance.
    x, y
        Data (n, ...), seen by both networks in the type of the target's weights, and labels
        (n, ...).
    steps
        How many updates.
    schedule
        Weights of task and guide; None for weight 1 at all steps.
    alignment
        The dissimilarity; None for biased linear CKA summed over pairs.
    mapping, layers
        Pairs as from `layer_pairs`, and the target's layers that it may use; None for
        `layer_names`.
    unlabeled
        More inputs (u, ...), without labels: at each step both networks see a batch of x and one
        of these together, and are compared on all of it.  Where the guide has no weight they are
        left out, unless the loss is a function.
    loss
        The task, as in `ibcore.guidance.training.task_loss`.
    optimizer, learning_rate, weight_decay, momentum
        As in `torch.optim`.
    batch_size, unlabeled_batch_size
        Points in a batch; None for all at every step.
    init_seed
        Draws the target's initial weights (`redraw`); None keeps those it has.
    seed
        Of the order of points, and of dropout.
    checkpoints, on_checkpoint
        Numbers of steps, from 0, after which ``on_checkpoint(step, model)`` is called with the
        network in evaluation mode, without gradient.
    on_step
        Called after each step with its number, from 1, and the loss.
    device
        Where everything is computed; a guide must be there already.

    Returns
    -------
    Guided
        The trained copy, a log of every step, and the similarity of each pair.

    Raises
    ------
    ValueError
        If data, layers or options do not fit each other.
    FloatingPointError
        If a loss becomes infinite or nan; the message names the step and the layers.

    References
    ----------
    Subramaniam, Mayo, Conwell, Poggio, Katz, Cheung and Barbu (2024), "Training the untrainable:
    introducing inductive bias via representational alignment", arXiv 2410.20035.

    Examples
    --------
    >>> x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> done = guide(net, redraw(net, 1), x, (x[:, 0] > 0).long(), steps=30, init_seed=0)
    >>> done.pairs, done.log.columns.tolist()
    ([('0', '0')], ['step', 'task_loss', 'dissimilarity', 'task_weight', 'guide_weight'])
    >>> bool(done.log.dissimilarity.iloc[-1] < done.log.dissimilarity.iloc[0])
    True
    """
    if guide is None and schedule is not None:
        raise ValueError("a schedule without a guide has no effect; leave it out")
    place, copied = torch.device(device or "cpu"), copy.deepcopy(target)
    model = (copied if init_seed is None else redraw(copied, init_seed)).to(place)
    alignment, sizes = alignment or Alignment(), (batch_size, unlabeled_batch_size)
    x, unlabeled = suited(model, x), None if unlabeled is None else suited(model, unlabeled)
    data = _labeled(model, _all_points(x, y, unlabeled, place), loss)
    _check_sizes(data, sizes, alignment.least)
    _check_checkpoints(steps, checkpoints, on_checkpoint)
    reference = None
    if guide is not None:
        known = NetworkGuide(guide) if isinstance(guide, nn.Module) else guide
        probe = Batch(*(part[:_PROBED] for part in data))
        names = layer_names(model, probe.x) if layers is None else layers
        pairs = layer_pairs(list(known(probe)), names, mapping)
        reference = Reference(known, model, pairs, data, alignment)
    job = TrainingRun(
        model=model,
        data=data,
        reference=reference,
        schedule=schedule or Schedule(),
        task=task_loss(loss),
        task_sees_all=callable(loss),
        method=OptimizerConfig(optimizer, learning_rate, weight_decay, momentum),
        steps=steps,
        batch_sizes=sizes,
        seed=seed,
        checkpoints=checkpoints,
        on_checkpoint=on_checkpoint,
        on_step=on_step,
    )
    with seeded_rng(seed, place):
        return _guided(job, _run_steps(job))


def _guided(job: TrainingRun, record: Record) -> Guided:
    """Put what was recorded into tables."""
    pairs = list(job.reference.pairs) if job.reference else []
    steps = np.arange(1, job.steps + 1)
    gaps = torch.stack([gap.double() for gap in record.gaps]).cpu().numpy()  # (steps, pairs)
    active = np.array([bool(pairs) and weights.guide > 0 for weights in record.weights])
    total = gaps.sum(1)
    if job.reference and job.reference.alignment.reduction == "mean":
        total = gaps.mean(1)
    log = pd.DataFrame(
        {
            "step": steps,
            "task_loss": torch.stack(record.losses).double().cpu().numpy(),
            "dissimilarity": np.where(active, total, np.nan),
            "task_weight": [weights.task for weights in record.weights],
            "guide_weight": [weights.guide if pairs else 0.0 for weights in record.weights],
        }
    )
    rows, places = np.nonzero(active[:, None] & np.ones(len(pairs), dtype=bool))
    layers = pd.DataFrame(
        {
            "step": steps[rows],
            "guide_layer": [pairs[place][0] for place in places],
            "target_layer": [pairs[place][1] for place in places],
            "similarity": 1 - gaps[rows, places],
        }
    )
    return Guided(job.model.eval(), log, layers, pairs)
