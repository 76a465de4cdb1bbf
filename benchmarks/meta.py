"""Second-order meta-gradients: a batch of tasks at once against one after the other.

All variants differentiate the mean query loss after plain gradient steps with one rate, with
respect to the start, for the same module, weights and tasks.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from benchmarks import modules, with_jax
from benchmarks.compare import OURS, Size, Work, Workload, flat
from ibcore.metainit import meta_gradient, random_starts
from ibcore.metainit.maml import Inner
from ibcore.metainit.replay import Replay

RATE = 0.05
Points = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Problem:
    """A module, its weights, some tasks and a number of inner steps."""

    module: nn.Module
    support: Points
    query: Points
    steps: int
    loss: Loss = functional.cross_entropy

    @property
    def weights(self) -> dict[str, Tensor]:
        """The start: the module's own parameters, outside any graph."""
        return {name: value.detach() for name, value in self.module.named_parameters()}

    def double(self) -> "Problem":
        """Return the same problem in float64."""
        (xs, ys), (xq, yq) = self.support, self.query
        module = copy.deepcopy(self.module).double()
        return Problem(module, (xs.double(), ys), (xq.double(), yq), self.steps, self.loss)


def problem(
    module: nn.Module,
    shape: tuple[int, ...],
    *,
    tasks: int,
    points: tuple[int, int],
    steps: int,
    ways: int = 5,
) -> Problem:
    """Draw weights and tasks for a module with one output for each of some classes."""
    weights = random_starts(module, 1, seed=1)
    module.load_state_dict({name: value[0] for name, value in weights.items()})
    rng = torch.Generator().manual_seed(2)
    sets = [
        (
            torch.randn(tasks, n, *shape, generator=rng),
            torch.randint(ways, (tasks, n), generator=rng),
        )
        for n in points
    ]
    return Problem(module, sets[0], sets[1], steps)


def ours(case: Problem) -> Tensor:
    """Run ibcore."""
    place = case.module, case.weights, RATE, case.support, case.query
    _, slopes = meta_gradient(*place, inner_steps=case.steps, loss="cross_entropy")
    return flat(slopes["params"])


def replayed(case: Problem) -> Work:
    """Return what a long fit runs from its second step on; it is traced at the first call."""
    inner = Inner(case.module, "cross_entropy")
    origin, sets = (case.weights, RATE), (case.support, case.query)
    replay = Replay(inner, case.steps, first_order=False)
    replay.on = True  # modules of the benchmark compute alike at every step

    def run() -> Tensor:
        while not replay.traces:
            replay.gradient(origin, sets, 10**9)
        if not any(replay.traces.values()):
            raise RuntimeError("the gradient has no trace, so that nothing would be replayed")
        return flat(replay.gradient(origin, sets, 0)[1]["params"])

    return run


def loop(case: Problem) -> Tensor:
    """Run torch.autograd with ``create_graph`` for one task after the other."""
    start = {name: value.requires_grad_() for name, value in case.weights.items()}
    total = [torch.zeros_like(value) for value in start.values()]
    tasks = len(case.support[0])
    for xs, ys, xq, yq in zip(*case.support, *case.query, strict=True):
        current = start
        for _ in range(case.steps):
            inner = case.loss(functional_call(case.module, current, (xs,)), ys)
            slopes = torch.autograd.grad(inner, [*current.values()], create_graph=True)
            current = {
                name: value - RATE * slope
                for (name, value), slope in zip(current.items(), slopes, strict=True)
            }
        outer = case.loss(functional_call(case.module, current, (xq,)), yq) / tasks
        slopes = torch.autograd.grad(outer, [*start.values()])
        total = [sum_ + slope for sum_, slope in zip(total, slopes, strict=True)]
    return flat(total)


def with_higher(case: Problem) -> Tensor:
    """Run ``higher``, as in its examples: one differentiable copy for each task."""
    higher: Any = import_module("higher")
    case.module.zero_grad()
    optimizer, tasks = torch.optim.SGD(case.module.parameters(), lr=RATE), len(case.support[0])
    for xs, ys, xq, yq in zip(*case.support, *case.query, strict=True):
        with higher.innerloop_ctx(case.module, optimizer, copy_initial_weights=False) as pair:
            network, steps = pair
            for _ in range(case.steps):
                steps.step(case.loss(network(xs), ys))
            torch.autograd.backward(case.loss(network(xq), yq) / tasks)
    return _collected(case.module)


def with_torchopt(case: Problem) -> Tensor:
    """Run TorchOpt, as in its examples: differentiable steps, then the weights are put back."""
    torchopt: Any = import_module("torchopt")
    case.module.zero_grad()
    optimizer, tasks = torchopt.MetaSGD(case.module, lr=RATE), len(case.support[0])
    weights = torchopt.extract_state_dict(case.module, by="reference", detach_buffers=True)
    state = torchopt.extract_state_dict(optimizer, by="reference")
    losses = []
    for xs, ys, xq, yq in zip(*case.support, *case.query, strict=True):
        for _ in range(case.steps):
            optimizer.step(case.loss(case.module(xs), ys))
        losses.append(case.loss(case.module(xq), yq))
        torchopt.recover_state_dict(case.module, weights)
        torchopt.recover_state_dict(optimizer, state)
    torch.autograd.backward(torch.stack(losses).sum() / tasks)
    return _collected(case.module)


def _collected(module: nn.Module) -> Tensor:
    """Return the gradients that a backward pass has left, and remove them."""
    slopes = [value.grad for value in module.parameters()]
    found = flat([slope for slope in slopes if slope is not None])
    module.zero_grad()
    return found


PEERS: Mapping[str, tuple[str, Callable[[Problem], Tensor]]] = {
    "higher": ("higher", with_higher),
    "TorchOpt": ("torchopt", with_torchopt),
}


def in_jax(case: Problem) -> Work | None:
    """Return the compiled gradient, or None for networks that we have not written in JAX.

    An LSTM with more than one inner step takes minutes to compile and is left out.
    """
    if isinstance(case.module, modules.Recurrent):
        if case.steps > 1:
            return None
        forward = with_jax.lstm(case.module.width)
    elif all(isinstance(layer, nn.Linear | nn.ReLU) for layer in case.module.children()):
        forward = with_jax.mlp(list(dict.fromkeys(n.rsplit(".", 1)[0] for n in case.weights)))
    else:
        return None
    sets = (*case.support, *case.query)
    return with_jax.meta_gradient(forward, case.weights, sets, steps=case.steps, rate=RATE)


def _workload(name: str, case: Problem, least: float, note: str = "") -> Workload:
    """Return all variants that are installed; ``least`` is what we aim at."""
    variants, checked = _variants(case), _variants(case.double())
    targets = {variant: least for variant in variants if variant != "JAX, compiled"}
    return Workload("meta-gradient", name, variants, 1e-9, targets, note, checked)


def _in_a_fit(work: Workload, case: Problem) -> Workload:
    """Return the same with what is replayed from the second step of a fit on."""
    timed, checked = (
        {**variants, OURS: replayed(each)}
        for variants, each in ((work.variants, case), (work.checked or {}, case.double()))
    )
    return replace(work, name=f"{work.name}, in a fit", variants=timed, checked=checked)


def _variants(case: Problem) -> dict[str, Work]:
    variants: dict[str, Work] = {OURS: partial(ours, case), "loop": partial(loop, case)}
    for peer, (module, run) in PEERS.items():
        if find_spec(module) is not None:
            variants[peer] = partial(run, case)
    if with_jax.installed() and (compiled := in_jax(case)) is not None:
        variants["JAX, compiled"] = compiled
    return variants


def workloads(size: Size) -> list[Workload]:
    """Return the workloads: MLP, LSTM and transformer, and Conv-4, with 1 and 5 inner steps."""
    tiny, found = size == "tiny", []
    tasks, width = (3, 8) if tiny else (16, 32)
    flat_net = modules.mlp(4, 2 * width, 5)
    lstm, transformer = (
        modules.Recurrent(8, width, 5),
        modules.transformer(8, width, 5, length=16),
    )
    for steps in (1, 5):
        label = f"{steps} step" + "s" * (steps > 1)
        points = problem(flat_net, (4,), tasks=tasks, points=(10, 16), steps=steps)
        found.append(_workload(f"MLP, {label}", points, 4.0))
        found.append(_in_a_fit(found[-1], points))
        for name, module, least in (("LSTM", lstm, 4.0), ("Transformer", transformer, 2.5)):
            case = problem(module, (16, 8), tasks=tasks, points=(5, 10), steps=steps)
            found.append(_workload(f"{name}, {label}", case, least))
            if steps == 1:
                found.append(_in_a_fit(found[-1], case))
        images = problem(
            modules.conv4(4 if tiny else 32, 5),
            (1, 16, 16) if tiny else (1, 28, 28),
            tasks=2 if tiny else 16 if steps == 1 else 8,
            points=(5, 5 if tiny else 15),
            steps=steps,
        )
        aim = 0.77 if steps == 1 else 1.2
        note = "arithmetic of convolutions dominates, which batching does not reduce"
        found.append(_workload(f"Conv-4, {label}", images, aim, note))
    return found
