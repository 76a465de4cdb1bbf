"""The training loop: all members step together, in chunks that fit the memory.

The graph of each step comes from the forward pass of all members of a chunk at once and is
differentiated with respect to their summed losses.  No member's loss depends on another's
parameters, so each gets its own gradient; a mean across members would divide it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional

from ibcore.door import Range, as_labels, as_tensor, taking
from ibcore.nets.evaluate import evaluate_stacked, evaluating, forward_loop, moments_of
from ibcore.nets.network import Network
from ibcore.runtime import generator
from ibcore.training.optimizers import MemberRates, OptimizerConfig, StackedOptimizer

if TYPE_CHECKING:
    from ibcore.population import Population


# Which points each member sees at each step: an order of its own, whatever the population.


class Batches:
    """Minibatches of many members, or all points at every step.

    Each epoch visits every point once, in an order from the member's own generator; the last
    batch of an epoch may be smaller.

    Parameters
    ----------
    seeds
        One for each member.
    points
        How many points there are.
    batch_size
        Points in a batch; None for all of them, in the order given.
    device
        Where the points lie.

    Examples
    --------
    >>> batches = Batches([1, 2], points=5, batch_size=3, device=torch.device("cpu"))
    >>> [tuple(batches.draw().shape) for _ in range(3)]
    [(2, 3), (2, 2), (2, 3)]
    """

    def __init__(
        self, seeds: Sequence[int], points: int, batch_size: int | None, device: torch.device
    ) -> None:
        self._generators = [generator(seed) for seed in seeds] if batch_size else []
        self._points, self._size, self._device = points, batch_size, device
        self._start, self._order = points, torch.empty(0)

    def draw(self) -> Tensor | None:
        """Return the next points of each member, shape (m, b), or None for all points."""
        if self._size is None:
            return None
        if self._start >= self._points:
            orders = [torch.randperm(self._points, generator=g) for g in self._generators]
            self._start, self._order = 0, torch.stack(orders).to(self._device)  # (m, n)
        part = self._order[:, self._start : self._start + self._size]
        self._start += self._size
        return part

    def keep(self, rows: Tensor) -> None:
        """Forget all other members."""
        if self._size is not None:
            self._generators = [self._generators[row] for row in rows.tolist()]
            self._order = self._order[rows]


def take(data: Tensor, rows: Tensor | None) -> Tensor:
    """Return each member's points: data (m, n, ...), rows (m, b), to (m, b, ...).

    Examples
    --------
    >>> take(torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([[2, 0], [1, 1]])).tolist()
    [[3, 1], [5, 5]]
    """
    if rows is None:
        return data
    if data.stride(0) == 0:  # shared by all members
        return data[0][rows]
    return data[torch.arange(len(data), device=data.device)[:, None], rows]


# Losses of many networks: one number for each member, never averaged across members.

Loss = Literal["cross_entropy", "binary", "mse"]
LOSSES: tuple[Loss, ...] = get_args(Loss)

LossFunction = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats: logits (m, b, k), classes (m, b), to (m,)."""
    each = functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")
    return each.reshape(targets.shape).mean(1)


def binary(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean binary cross-entropy in nats: logits (m, b, 1), labels (m, b), to (m,)."""
    logits = outputs.squeeze(-1)
    each = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return each.mean(1)


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error: outputs and targets (m, b, out), to (m,)."""
    return (outputs - targets).square().flatten(1).mean(1)


_FUNCTIONS: dict[str, LossFunction] = {"cross_entropy": cross_entropy, "binary": binary, "mse": mse}


def loss_function(loss: LossFunction | Loss) -> LossFunction:
    """Return the function behind a name, or a function as it is."""
    return loss if callable(loss) else _FUNCTIONS[loss]


def member_targets(
    loss: LossFunction | Loss, y: Tensor, members: int, points: int, dtype: torch.dtype
) -> Tensor:
    """Return targets with a leading dimension of members, without copying shared ones.

    ``(n,)`` becomes ``(m, n)`` for ``"cross_entropy"`` and ``"binary"``, ``(n, out)`` becomes
    ``(m, n, out)`` for ``"mse"``.  For a function, targets that begin with ``(m, n)`` are each
    member's own and others are shared.

    Raises
    ------
    ValueError
        If the shape, the type or a value does not fit the loss.

    Examples
    --------
    >>> member_targets("binary", torch.tensor([0, 1, 1]), 4, 3, torch.float64).shape
    torch.Size([4, 3])
    """
    if isinstance(loss, str):
        shared = 2 if loss == "mse" else 1  # dimensions of targets for all members
        own, fits = y.ndim > shared, y.ndim in (shared, shared + 1)
        y = _checked_values(loss, y, dtype)
    else:
        own, fits = tuple(y.shape[:2]) == (members, points), y.ndim >= 1
    if not fits or tuple(y.shape[: 1 + own]) != ((members, points) if own else (points,)):
        tail = ", out" if loss == "mse" else "" if isinstance(loss, str) else ", ..."
        name = loss if isinstance(loss, str) else "this function"
        raise ValueError(
            f"loss {name} needs y of shape ({points}{tail or ','}) for all networks, or "
            f"({members}, {points}{tail}) for each its own, got {tuple(y.shape)}"
        )
    return y if own else y.expand(members, *y.shape)


def _checked_values(loss: str, y: Tensor, dtype: torch.dtype) -> Tensor:
    """Return targets in the type that the loss needs."""
    if loss == "cross_entropy":
        return as_labels(y, "y")
    y = as_tensor(y, "y", Range(0, 1) if loss == "binary" else None)
    if loss == "mse" and y.dtype != dtype:
        raise ValueError(f"y is {y.dtype}, the population {dtype}; convert it with y.to({dtype})")
    return y.to(dtype)


def check_outputs(loss: LossFunction, outputs: Tensor, targets: Tensor, every: Tensor) -> None:
    """Raise unless outputs (m, b, ...) fit targets and loss; ``every`` holds all classes."""
    out = tuple(outputs.shape[2:])
    if loss is binary and out != (1,):
        raise ValueError(
            f"loss binary needs networks with 1 output, got {out}; use cross_entropy for more"
        )
    if loss is mse and outputs.shape != targets.shape:
        raise ValueError(f"y holds targets of shape {tuple(targets.shape[2:])}, the outputs {out}")
    if loss is cross_entropy and len(out) != 1:
        raise ValueError(f"loss cross_entropy needs networks with outputs (classes,), got {out}")
    if loss is cross_entropy and (top := int(every.max())) >= out[0]:
        raise ValueError(f"y holds class {top}, but the networks have {out[0]} outputs")


# What is to be trained, on what and how: options and data, checked before the first step.

Progress = Callable[[int, Tensor], None]
OnCheckpoint = Callable[[int, Tensor, dict[str, Tensor]], None]


@dataclass(eq=False)
class TrainingRun:
    """Networks, the data of each, and how they train, as `ibcore.Population.train` describes it.

    Parameters are (m, ...), x (m, n, in), y for all or (m, n, ...).  Targets and rates are checked,
    and each member gets its own.  The seeds, one for each member, decide the order of minibatches.
    """

    architecture: nn.Module
    parameters: Mapping[str, Tensor]
    x: Tensor
    y: Tensor
    seeds: Sequence[int]
    wanted: LossFunction | Loss
    steps: int
    method: OptimizerConfig
    batch_size: int | None
    stop_at: float | None
    on_step: Progress | None
    checkpoints: Sequence[int]
    on_checkpoint: OnCheckpoint | None
    loss: LossFunction = field(init=False)
    rates: MemberRates = field(init=False)

    def __post_init__(self) -> None:
        self._check_checkpoints()
        if self.method.cool_down > self.steps:
            raise ValueError(
                f"cool_down must be at most the {self.steps} steps, got {self.method.cool_down}"
            )
        members, points = self.x.shape[:2]
        if len(self.seeds) != members:
            given = len(self.seeds)
            raise ValueError(f"seed must be one number or one for each of {members}, got {given}")
        if not points:
            raise ValueError("x holds no point to train on")
        if (self.batch_size or 1) > points:
            raise ValueError(
                f"batch_size must be at most the {points} points, got {self.batch_size}; "
                "leave it out to use all points"
            )
        if self.y.device != self.x.device:
            raise ValueError(
                f"y is on {self.y.device}, x on {self.x.device}; move y with y.to(x.device)"
            )
        like = next(iter(self.parameters.values()))
        self.loss, self.rates = loss_function(self.wanted), self.method.rates(like)
        self.y = member_targets(self.wanted, self.y, members, points, like.dtype)

    def _check_checkpoints(self) -> None:
        if bool(len(self.checkpoints)) != (self.on_checkpoint is not None):
            raise ValueError("checkpoints and on_checkpoint need each other: give both, or neither")
        twice = len(set(self.checkpoints)) < len(self.checkpoints)
        if twice or max(self.checkpoints, default=0) > self.steps:
            raise ValueError(
                f"checkpoints must be different whole numbers from 0 to {self.steps} steps, "
                f"got {list(self.checkpoints)}"
            )

    def __len__(self) -> int:
        return len(self.x)


# Sharpness-aware minimization: look at the gradient a little way uphill.


@contextmanager
def uphill(values: Tensor, gradient: Tensor, radius: Tensor) -> Iterator[None]:
    r"""Move each member's parameters to :math:`w + r\,g/\lVert g\rVert`, and back afterwards.

    The norm is over all parameters of the member.  A member whose gradient is 0 stays.  The
    parameters are copied back at the end, so they return exactly.

    Parameters
    ----------
    values
        Parameters, a member in each row, shape (m, p); changed in place meanwhile.
    gradient
        Of the loss at ``values``, shape (m, p).
    radius
        :math:`r`, shape (m, 1).

    References
    ----------
    Foret, Kleiner, Mobahi and Neyshabur (2021), equation 2 with p = 2.

    Examples
    --------
    >>> values = torch.tensor([[1.0, 1.0]])
    >>> with uphill(values, torch.tensor([[0.0, -9.0]]), torch.tensor([[0.5]])):
    ...     print(values.tolist())
    [[1.0, 0.5]]
    >>> values.tolist()
    [[1.0, 1.0]]
    """
    norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)  # (m, 1)
    scale = torch.where(norm > 0, radius / norm, 0)
    before = values.clone()
    values.addcmul_(gradient, scale)
    try:
        yield
    finally:
        values.copy_(before)


# Random numbers for code that knows only the global generators, which are put back afterwards.


@contextmanager
def seeded_rng(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global generators of the CPU and of a device for a while, then restore them.

    Dropout and the initial weights of `torch.nn` modules draw from them.
    """
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


# Many networks of one architecture as one table of numbers and one forward pass.

Forward = Callable[[Mapping[str, Tensor], Tensor], Tensor]


def stacked_forward(architecture: nn.Module) -> Forward:
    """Return the forward pass of many members: parameters and x (m, b, in) to (m, b, out).

    A `ibcore.nets.network.Network` has batched products of its own.  Any other module is mapped
    by `torch.func.vmap` over the forward pass only: gradients inside ``vmap`` are wrong for some
    norms.  What cannot be mapped, such as `torch.nn.LSTM`, goes through a loop over the members.
    """
    if isinstance(architecture, Network):
        return architecture.forward_stacked

    def call(parameters: Mapping[str, Tensor], x: Tensor) -> Any:
        return functional_call(architecture, dict(parameters), (x,))

    mapped, mappable = vmap(call, randomness="different"), True

    def forward(parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        nonlocal mappable
        if mappable:
            try:
                output = mapped(parameters, x)
                if isinstance(output, Tensor):
                    return output
            except (RuntimeError, ValueError):  # the loop says what is wrong, if anything is
                pass
            mappable = False
        return forward_loop(architecture, parameters, x)

    return forward


class FlatParameters:
    """Parameters of m members as one table, a member in each row.

    Attributes
    ----------
    values
        Shape (m, p), not part of any graph.
    leaves
        Name to parameter, shape ``(m, *shape)``: leaves of autograd in the memory of ``values``,
        so that a change of ``values`` in place changes them.

    Examples
    --------
    >>> table = FlatParameters({"weight": torch.zeros(2, 1, 3), "bias": torch.zeros(2, 1)})
    >>> table.values += 1
    >>> table.leaves["weight"].tolist()
    [[[1.0, 1.0, 1.0]], [[1.0, 1.0, 1.0]]]
    """

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self._shapes = {name: value.shape[1:] for name, value in parameters.items()}
        rows = [value.detach().reshape(len(value), -1) for value in parameters.values()]
        self.values = torch.cat(rows, dim=1)  # a copy
        self.leaves = self._leaves()

    def _leaves(self) -> dict[str, Tensor]:
        views = self.split(self.values.detach())
        return {name: view.requires_grad_() for name, view in views.items()}

    def split(self, values: Tensor) -> dict[str, Tensor]:
        """Return a table of the same columns as parameters by name, sharing memory."""
        parts = torch.split(values, [shape.numel() for shape in self._shapes.values()], dim=1)
        return {
            name: part.view(len(values), *shape)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }

    def gradient(self, losses: Tensor) -> Tensor:
        """Return the gradient of the summed losses, shape (m, p): each row is a member's own."""
        gradients = torch.autograd.grad(
            losses.sum(), list(self.leaves.values()), allow_unused=True, materialize_grads=True
        )
        rows = [part.reshape(len(losses), -1) for part in gradients]
        return torch.cat(rows, dim=1).detach()  # older torch: zeros of unused ones require grad

    def keep(self, rows: Tensor) -> None:
        """Forget all other members, in a copy of the memory."""
        self.values = self.values[rows]
        self.leaves = self._leaves()


def saved_bytes(work: Callable[[], Any]) -> int:
    """Return how many bytes of activations autograd keeps for the backward pass of ``work``.

    Examples
    --------
    >>> x = torch.ones(1000, dtype=torch.float64, requires_grad=True)
    >>> saved_bytes(lambda: x.exp())
    8000
    """
    total = 0

    def count(value: Tensor) -> Tensor:
        nonlocal total
        total += value.numel() * value.element_size()
        return value

    graph = torch._C._autograd
    forbidden = graph._saved_tensors_hooks_get_disabled_error_message()
    with ExitStack() as stack:
        if forbidden is not None:  # by a caller; these count, and change nothing
            graph._saved_tensors_hooks_enable()
            stack.callback(graph._saved_tensors_hooks_disable, forbidden)
        stack.enter_context(torch.autograd.graph.saved_tensors_hooks(count, lambda value: value))
        work()
    return total


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


def train_stacked(job: TrainingRun) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Train all members and return their parameters, losses (m,) and numbers of steps (m,).

    Raises
    ------
    ValueError
        If the outputs do not fit the targets or the loss.
    FloatingPointError
        If a loss becomes infinite or nan; the message names the member and the step.
    """
    forward = stacked_forward(job.architecture)
    batch = job.batch_size or job.x.shape[1]
    activations = _activation_bytes(job, forward, batch)
    chunks = [_Chunk(job, forward, rows) for rows in _parts(job, activations)]
    losses = job.x.new_full((len(job),), torch.nan, dtype=job.rates.learning_rate.dtype)
    history: list[Tensor] = []
    checkpoints = set(job.checkpoints)
    _report(job, chunks, checkpoints & {0})
    for step in range(1, job.steps + 1):
        for chunk in chunks:
            chunk.step(losses, job.method.share(step, job.steps))
        history.append(losses.clone())
        if job.on_step is not None:
            job.on_step(step, losses.clone())
        if len(history) == _CHECK_EVERY or step == job.steps or step in checkpoints:
            _check_finite(history, step)
            history = []
        _report(job, chunks, checkpoints & {step})
        if not any(map(len, chunks)):  # all have stopped: later checkpoints would see the same
            _report(job, chunks, {later for later in checkpoints if later > step})
            break
    parameters = chunks[0].table.split(torch.cat([chunk.finished() for chunk in chunks]))
    final = _evaluate(job, forward, parameters, activations * job.x.shape[1] // batch)
    _check_finite([final], job.steps + 1)  # as the next step would see them
    return parameters, final, torch.cat([chunk.taken for chunk in chunks])


class _Chunk:
    """Neighboring members, from their first step to their last."""

    def __init__(self, job: TrainingRun, forward: Forward, part: slice) -> None:
        self.part, self.forward, self.loss, self.stop_at = part, forward, job.loss, job.stop_at
        self.x, self.y = job.x[part], job.y[part]
        self.batches = Batches(job.seeds[part], job.x.shape[1], job.batch_size, job.x.device)
        self.table = FlatParameters({name: value[part] for name, value in job.parameters.items()})
        self.updater = StackedOptimizer(job.rates.take(part), self.table.values)
        self.sharp = bool((self.updater.rates.sam_radius > 0).any())
        self.result = self.table.values.clone()
        self.rows = torch.arange(len(self.x), device=job.x.device)  # members still training
        self.taken = torch.zeros_like(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def step(self, losses: Tensor, share: float) -> None:
        """Take one step with each member still training; ``losses`` (m,) receives its loss.

        ``share`` is that of the learning rates which this step takes.
        """
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
        self.updater.step(gradient, share=share)
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


def _report(job: TrainingRun, chunks: Sequence[_Chunk], checkpoints: Set[int]) -> None:
    """Report the parameters of every chunk, once for each checkpoint, in order."""
    if job.on_checkpoint is None:
        return
    for checkpoint in sorted(checkpoints):
        for chunk in chunks:
            members = torch.arange(chunk.part.start, chunk.part.stop)
            job.on_checkpoint(checkpoint, members, chunk.table.split(chunk.finished().clone()))


def _rows(data: Tensor, rows: Tensor) -> Tensor:
    """Select members; data shared by all stay shared."""
    return data[: len(rows)] if data.stride(0) == 0 else data[rows]


def _activation_bytes(job: TrainingRun, forward: Forward, batch: int) -> int:
    """Return the bytes that one member needs for a step, and check its outputs on the way."""
    leaves = FlatParameters({name: value[:1] for name, value in job.parameters.items()}).leaves
    x, y = job.x[:1, :batch], job.y[:1, :batch]

    def work() -> None:
        with taking(job.architecture, x[0]), _constant_buffers(job.architecture):
            outputs = forward(leaves, x)
        check_outputs(job.loss, outputs, y, job.y)
        losses = job.loss(outputs, y)
        if losses.shape != outputs.shape[:1]:
            raise ValueError(
                f"the loss gives shape {tuple(losses.shape)} for {len(outputs)} networks; "
                "it must give one number for each, without averaging across networks"
            )

    return 2 * saved_bytes(work)


@contextmanager
def _constant_buffers(architecture: nn.Module) -> Iterator[None]:
    """Raise ``ValueError`` if a step changes a buffer, such as running statistics of a norm."""
    before = {name: value.clone() for name, value in architecture.named_buffers()}
    yield
    if changed := [n for n, b in architecture.named_buffers() if not torch.equal(b, before[n])]:
        for name in changed:
            architecture.get_buffer(name).copy_(before[name])
        raise ValueError(
            f"architecture changes its buffers {changed} as it computes, which all networks would "
            "share; build norms with track_running_stats=False"
        )


def _parts(job: TrainingRun, activations: int) -> list[slice]:
    """Cut the members into chunks that fit the memory.

    So large networks train one in a chunk on a CPU.  Measured on ResNets and ConvNets with 4 to 21
    MB of activations each: chunks of one took 1.0 to 1.9 times as long as these, and chunks of
    twice to eight times this size 1.0 to 1.2 times.
    """
    parameters = sum(value[0].numel() for value in job.parameters.values())
    each = activations + _COPIES * parameters * job.rates.learning_rate.element_size()
    budget = _CHUNK_BYTES.get(job.x.device.type, _CHUNK_BYTES_ELSEWHERE)
    size = max(1, budget // max(1, each))
    return [slice(start, min(start + size, len(job))) for start in range(0, len(job), size)]


@torch.no_grad()
def _evaluate(
    job: TrainingRun, forward: Forward, parameters: Mapping[str, Tensor], activations: int
) -> Tensor:
    """Return the loss of each member on all its points, shape (m,)."""
    net = job.architecture
    if isinstance(net, Network) and (net.batch_norms or net.in_dimensions > 1):
        known = moments_of(net, parameters, job.x)
        return job.loss(evaluate_stacked(net, parameters, job.x, statistics=known), job.y)
    losses = []
    with evaluating(net):
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
        at = last - len(history) + 1 + step
        remedy = "a smaller learning rate, or smaller" if at > 1 else "smaller data or"
        raise FloatingPointError(
            f"the loss of member {member} is {history[step][member].item()} at step {at} "
            f"({int(wrong[step].sum())} of {wrong.shape[1]} members there); use {remedy} "
            "initial weights"
        )
