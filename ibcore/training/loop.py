"""The training loop: all members step together, in chunks that fit the memory.

The graph of each step comes from the forward pass of all members of a chunk at once and is
differentiated with respect to their summed losses.  No member's loss depends on another's
parameters, so each gets its own gradient; a mean across members would divide it.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ibcore.nets.evaluate import evaluate_stacked
from ibcore.nets.network import Network
from ibcore.nets.statistics import batch_statistics
from ibcore.training.batches import Batches, take
from ibcore.training.losses import check_outputs
from ibcore.training.optimizers import Updater
from ibcore.training.plan import Job
from ibcore.training.sharpness import uphill
from ibcore.training.stacked import Forward, Table, saved_bytes, stacked_forward

if TYPE_CHECKING:
    from ibcore.population import Population

_CHUNK_BYTES = {"cpu": 2**25}  # near the cache, and large enough that calls cost little
_CHUNK_BYTES_ELSEWHERE = 2**30
_COPIES = 5  # of the parameters: themselves, gradient, two moments and a temporary
_CHECK_EVERY = 50  # steps between looks at the losses; each look waits for a GPU


@dataclass(frozen=True, eq=False)
class Trained:
    """What training leaves behind.

    Attributes
    ----------
    population
        The trained networks.
    losses
        Loss of each on all its training points, at the final parameters, shape (m,); these
        points together give the moments of batch norms.
    steps
        Steps that each has taken, shape (m,), int64: fewer than asked for where ``stop_at``
        ended its training.
    """

    population: "Population"
    losses: Tensor
    steps: Tensor


def train_stacked(job: Job) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Train all members and return their parameters, losses (m,) and numbers of steps (m,).

    Raises
    ------
    ValueError
        If the outputs do not fit the targets or the loss.
    FloatingPointError
        If a loss becomes infinite or nan; the message names the member and the step.

    Examples
    --------
    >>> from ibcore.training import Plan, make_job
    >>> weight = {"weight": torch.zeros(2, 1, 3)}  # two members
    >>> x, y = torch.ones(2, 4, 3), torch.ones(4, 1)
    >>> net = torch.nn.Linear(3, 1, bias=False)
    >>> job = make_job(net, weight, x, y, plan=Plan("mse", steps=5), seeds=[0, 1])
    >>> train_stacked(job)[2].tolist()
    [5, 5]
    """
    forward = stacked_forward(job.architecture)
    batch = job.plan.batch_size or job.x.shape[1]
    activations = _activation_bytes(job, forward, batch)
    chunks = [_Chunk(job, forward, rows) for rows in _parts(job, activations)]
    losses = job.x.new_full((len(job),), torch.nan, dtype=job.rates.learning_rate.dtype)
    history: list[Tensor] = []
    looks = set(job.plan.looks)
    _look(job, chunks, looks & {0})
    for step in range(1, job.plan.steps + 1):
        for chunk in chunks:
            chunk.step(losses)
        history.append(losses.clone())
        if job.plan.on_step is not None:
            job.plan.on_step(step, losses.clone())
        if len(history) == _CHECK_EVERY or step == job.plan.steps or step in looks:
            _check_finite(history, step)
            history = []
        _look(job, chunks, looks & {step})
        if not any(map(len, chunks)):  # all have stopped: later looks would see the same
            _look(job, chunks, {look for look in looks if look > step})
            break
    parameters = chunks[0].table.split(torch.cat([chunk.finished() for chunk in chunks]))
    final = _evaluate(job, forward, parameters, activations * job.x.shape[1] // batch)
    _check_finite([final], job.plan.steps + 1)  # as the next step would see them
    return parameters, final, torch.cat([chunk.taken for chunk in chunks])


class _Chunk:
    """Neighboring members, from their first step to their last."""

    def __init__(self, job: Job, forward: Forward, part: slice) -> None:
        self.part, self.forward, self.loss, self.stop_at = part, forward, job.loss, job.plan.stop_at
        self.x, self.y = job.x[part], job.y[part]
        self.batches = Batches(job.seeds[part], job.x.shape[1], job.plan.batch_size, job.x.device)
        self.table = Table({name: value[part] for name, value in job.parameters.items()})
        self.updater = Updater(job.rates.take(part), self.table.values)
        self.sharp = bool((self.updater.rates.sam_radius > 0).any())
        self.result = self.table.values.clone()
        self.rows = torch.arange(len(self.x), device=job.x.device)  # members still training
        self.taken = torch.zeros_like(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def step(self, losses: Tensor) -> None:
        """Take one step with each member still training; ``losses`` (m,) receives its loss."""
        if not len(self):
            return
        points = self.batches.draw()
        x, y = take(self.x, points), take(self.y, points)
        current = self.loss(self.forward(self.table.leaves, x), y)
        gradient = self.table.gradient(current)
        losses[self.part][self.rows] = current.detach()
        if self.sharp:
            with uphill(self.table.values, gradient, self.updater.rates.sam_radius):
                above = self.loss(self.forward(self.table.leaves, x), y)
                gradient = self.table.gradient(above)
        if self.stop_at is not None and bool((below := current < self.stop_at).any()):
            gradient = gradient[~below]
            self._stop(below)
        self.updater.step(gradient)
        self.taken[self.rows] += 1

    def _stop(self, below: Tensor) -> None:
        """Let go of the members whose loss is below the mark; nothing changes them any more."""
        self.result[self.rows[below]] = self.table.values[below]
        going = (~below).nonzero()[:, 0]
        self.rows = self.rows[going]
        self.x, self.y = _rows(self.x, going), _rows(self.y, going)
        self.batches.keep(going)
        self.table.keep(going)
        self.updater.keep(going, self.table.values)

    def finished(self) -> Tensor:
        """Return the parameters of all members of the chunk, shape (members, p)."""
        self.result[self.rows] = self.table.values
        return self.result


def _look(job: Job, chunks: Sequence[_Chunk], looks: Set[int]) -> None:
    """Report the parameters of every chunk, once for each look, in order."""
    if job.plan.on_look is None:
        return
    for look in sorted(looks):
        for chunk in chunks:
            members = torch.arange(chunk.part.start, chunk.part.stop)
            job.plan.on_look(look, members, chunk.table.split(chunk.finished().clone()))


def _rows(data: Tensor, rows: Tensor) -> Tensor:
    """Select members; data shared by all stay shared."""
    return data[: len(rows)] if data.stride(0) == 0 else data[rows]


def _activation_bytes(job: Job, forward: Forward, batch: int) -> int:
    """Return the bytes that one member needs for a step, and check its outputs on the way."""
    leaves = Table({name: value[:1] for name, value in job.parameters.items()}).leaves
    x, y = job.x[:1, :batch], job.y[:1, :batch]

    def work() -> None:
        check_outputs(job.loss, forward(leaves, x), y)

    return 2 * saved_bytes(work)


def _parts(job: Job, activations: int) -> list[slice]:
    """Cut the members into chunks that fit the memory."""
    parameters = sum(value[0].numel() for value in job.parameters.values())
    each = activations + _COPIES * parameters * job.rates.learning_rate.element_size()
    budget = _CHUNK_BYTES.get(job.x.device.type, _CHUNK_BYTES_ELSEWHERE)
    size = max(1, budget // max(1, each))
    return [slice(start, min(start + size, len(job))) for start in range(0, len(job), size)]


@torch.no_grad()
def _evaluate(
    job: Job, forward: Forward, parameters: Mapping[str, Tensor], activations: int
) -> Tensor:
    """Return the loss of each member on all its points, shape (m,)."""
    net = job.architecture
    if isinstance(net, Network) and (net.batch_norms or net.in_dimensions > 1):
        known = batch_statistics(net, parameters, job.x)
        return job.loss(evaluate_stacked(net, parameters, job.x, statistics=known), job.y)
    losses = []
    for part in _parts(job, activations):
        chosen = {name: value[part] for name, value in parameters.items()}
        losses.append(job.loss(forward(chosen, job.x[part]), job.y[part]))
    return torch.cat(losses)


def _check_finite(history: Sequence[Tensor], last: int) -> None:
    """Raise unless all losses of the last steps are finite."""
    wrong = ~torch.stack(list(history)).isfinite()  # (steps, m)
    if bool(wrong.any()):
        step = int(wrong.any(1).nonzero()[0, 0])
        member = int(wrong[step].nonzero()[0, 0])
        raise FloatingPointError(
            f"the loss of member {member} is {history[step][member].item()} at step "
            f"{last - len(history) + 1 + step} ({int(wrong[step].sum())} of {wrong.shape[1]} "
            "members there); use a smaller learning rate, or smaller initial weights"
        )
