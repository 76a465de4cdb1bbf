"""The guided training loop: one network, one guide, one step after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ibcore.guidance.alignment import Alignment
from ibcore.guidance.guides import Batch
from ibcore.guidance.layers import in_mode
from ibcore.guidance.reference import Reference
from ibcore.guidance.schedule import Schedule, Weights
from ibcore.guidance.taps import Taps
from ibcore.guidance.task import TaskLoss
from ibcore.population import member_seed
from ibcore.training import Method
from ibcore.training.batches import Batches

Progress = Callable[[int, Tensor], None]
Look = Callable[[int, nn.Module], None]

_CAN_FUSE = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 4)
_CHECK_EVERY = 50  # steps between looks at the losses; each look waits for a GPU


@dataclass(frozen=True, eq=False)
class Guidance:
    """The guide's side of a run: what it says, which layers are compared, and how."""

    reference: Reference
    pairs: Sequence[tuple[str, str]]
    alignment: Alignment


@dataclass(frozen=True, eq=False)
class Job:
    """All of a run: the network that learns, its data and its options.

    ``data.x`` holds the points with labels, then those without.
    """

    model: nn.Module
    data: Batch
    guidance: Guidance | None
    schedule: Schedule
    task: TaskLoss
    task_sees_all: bool
    method: Method
    steps: int
    batch_sizes: tuple[int | None, int | None]
    seed: int
    looks: Sequence[int]
    on_look: Look | None
    on_step: Progress | None


@dataclass(eq=False)
class Record:
    """One row for each step: task loss and dissimilarity, weights, and each pair's gap."""

    losses: list[Tensor] = field(default_factory=list)
    weights: list[Weights] = field(default_factory=list)
    gaps: list[Tensor] = field(default_factory=list)
    checked: int = 0


def run_steps(job: Job) -> Record:
    """Train the network in place and return what was recorded.

    Raises
    ------
    FloatingPointError
        If a loss becomes infinite or nan.
    """
    record, order, optimizer = Record(), _Order(job), _optimizer(job)
    _look(job, 0)
    job.model.train()
    names = [target for _, target in job.guidance.pairs] if job.guidance else []
    for step in range(job.steps):
        if job.schedule.restarts_at(step):
            optimizer = _optimizer(job)
        weights = job.schedule.at(step)
        loss = _loss(job, order, weights, list(dict.fromkeys(names)), record)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if job.on_step is not None:
            job.on_step(step + 1, loss.detach())
        if step + 1 in job.looks or (step + 1) % _CHECK_EVERY == 0 or step + 1 == job.steps:
            _check(job, record)
            _look(job, step + 1)
    return record


def _loss(job: Job, order: "_Order", weights: Weights, names: list[str], record: Record) -> Tensor:
    """Return the loss of the next batch, and record its parts."""
    guidance = job.guidance if weights.guide else None
    batch = order.draw(with_unlabeled=guidance is not None or job.task_sees_all)
    pairs = len(job.guidance.pairs) if job.guidance else 0
    gaps = torch.full((pairs,), torch.nan, dtype=torch.float64, device=batch.x.device)
    loss = torch.zeros((), device=batch.x.device)
    if guidance is None:
        outputs = job.model(batch.x)
    else:
        with Taps(job.model, names) as taps:
            outputs = job.model(batch.x)
        views = guidance.reference(batch)
        gaps = guidance.alignment.gaps(views, taps, guidance.pairs, grams=guidance.reference.grams)
        loss = weights.guide * guidance.alignment.total(gaps)
    task = job.task(outputs, batch)
    record.losses.append(task.detach())
    record.gaps.append(gaps.detach())
    record.weights.append(weights)
    return loss + weights.task * task if weights.task else loss


class _Order:
    """Draws batches: points with labels and those without in orders of their own."""

    def __init__(self, job: Job) -> None:
        device, labeled = job.data.x.device, len(job.data.y)
        self.data, self.labeled = job.data, labeled
        first, second = job.batch_sizes
        unlabeled = len(job.data.x) - labeled
        self.known = _Rows(job.seed, labeled, first, device)
        self.other = _Rows(member_seed(job.seed, 1), unlabeled, second, device)

    def draw(self, *, with_unlabeled: bool) -> Batch:
        """Return the next batch; both orders move on."""
        known, other = self.known.draw(), self.other.draw() + self.labeled
        rows = torch.cat([known, other]) if with_unlabeled else known
        return Batch(self.data.x[rows], self.data.y[known], rows)


class _Rows:
    """Draws rows of one kind; all of them in order without a batch size."""

    def __init__(self, seed: int, points: int, size: int | None, device: torch.device) -> None:
        self.all = torch.arange(points, device=device)
        self.batches = Batches([seed], points, size, device) if size else None

    def draw(self) -> Tensor:
        """Return the next rows, (b,)."""
        rows = None if self.batches is None else self.batches.draw()
        return self.all if rows is None else rows[0]


def _optimizer(job: Job) -> torch.optim.Optimizer:
    """Return a fresh optimizer of `torch.optim`."""
    method, parameters = job.method, list(job.model.parameters())
    options: dict[str, Any] = {
        "lr": float(method.learning_rate),
        "weight_decay": float(method.weight_decay),
    }
    fused = _CAN_FUSE and all(p.device.type in ("cpu", "cuda") for p in parameters)
    if method.optimizer == "sgd":
        momentum = float(method.momentum)
        return torch.optim.SGD(parameters, momentum=momentum, fused=fused, **options)
    kind = torch.optim.Adam if method.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, betas=method.betas, eps=method.eps, fused=fused, **options)


def _look(job: Job, step: int) -> None:
    """Show the network to the caller, in evaluation mode and without gradient."""
    if job.on_look is not None and step in job.looks:
        with in_mode(job.model, "eval"), torch.no_grad():
            job.on_look(step, job.model)


def _check(job: Job, record: Record) -> None:
    """Raise unless all losses since the last check are finite."""
    for step in range(record.checked, len(record.losses)):
        value, gaps = record.losses[step], record.gaps[step]
        if not bool(value.isfinite()):
            raise FloatingPointError(
                f"the task loss is {value.item()} at step {step + 1}; use a smaller learning rate"
            )
        if record.weights[step].guide and job.guidance and not bool(gaps.isfinite().all()):
            pair = job.guidance.pairs[int((~gaps.isfinite()).nonzero()[0])]
            raise FloatingPointError(
                f"the dissimilarity of {pair[0]!r} and {pair[1]!r} is not finite at step "
                f"{step + 1}: one of them is the same for all points, or the batch too small for "
                "an unbiased estimate; use a smaller learning rate, larger batches or other layers"
            )
    record.checked = len(record.losses)
