"""Train many small networks at once: Population.train against a plain loop over modules.

All variants train the same networks on the same data, full batch: minibatches would add the same
indexing to each.  Weights are compared in float64, since Adam amplifies the rounding of float32.
"""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional

from benchmarks import with_jax
from benchmarks.compare import OURS, Size, Work, Workload, flat
from ibcore.nets import MLP, ConvNet
from ibcore.nets.network import Network
from ibcore.population import Population
from ibcore.training import Optimizer

RATE = 1e-2
CLASSES = 10
Data = tuple[Tensor, Tensor]
Rule = Callable[[Iterable[Tensor]], torch.optim.Optimizer]

RULES: dict[Optimizer, Rule] = {
    "sgd": partial(torch.optim.SGD, lr=RATE),
    "adam": partial(torch.optim.Adam, lr=RATE),
}


def problem(points: int, shape: tuple[int, ...]) -> Data:
    """Return points (n, *shape) and classes (n,)."""
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(points, *shape, generator=rng, dtype=torch.float64)
    return x, torch.randint(CLASSES, (points,), generator=rng)


def ours(population: Population, data: Data, steps: int, rule: Optimizer) -> Tensor:
    """Run ibcore."""
    trained = population.train(
        *data, loss="cross_entropy", steps=steps, optimizer=rule, learning_rate=RATE
    )
    return flat(trained.population.parameters)


def loop(population: Population, data: Data, steps: int, rule: Optimizer) -> Tensor:
    """Train one module after the other with torch.optim."""
    modules = [population.member(i) for i in range(len(population))]
    for module in modules:
        optimizer = RULES[rule](module.parameters())
        for _ in range(steps):
            optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(module(data[0]), data[1]))
            optimizer.step()
    names = population.parameters
    states = [module.state_dict() for module in modules]
    return flat({name: torch.stack([state[name] for state in states]) for name in names})


def with_vmap(population: Population, data: Data, steps: int, rule: Optimizer) -> Tensor:
    """Train by torch's own way to batch modules, with torch.optim on the stacked weights."""
    modules: list[nn.Module] = [population.member(i) for i in range(len(population))]
    stacked, _ = stack_module_state(modules)
    optimizer = RULES[rule](list(stacked.values()))

    def loss(weights: dict[str, Tensor]) -> Tensor:
        return functional.cross_entropy(functional_call(modules[0], weights, data[0]), data[1])

    for _ in range(steps):
        slopes = vmap(grad(loss))({name: value.detach() for name, value in stacked.items()})
        for name, slope in slopes.items():
            stacked[name].grad = slope
        optimizer.step()
    return flat({name: stacked[name] for name in population.parameters})


def _workload(
    name: str, net: Network, data: Data, *, sizes: tuple[int, int], rule: Optimizer, aim: float
) -> Workload:
    networks, steps = sizes
    timed, checked = (
        _variants(net, (data[0].to(dtype), data[1]), networks, steps, rule)
        for dtype in (torch.float32, torch.float64)
    )
    label = f"{networks} x {name}, {rule}"
    aims = {"loop": aim}
    if isinstance(net, MLP):  # as fast as compiled code, up to a factor
        aims |= {"vmap": 1.5, "JAX, compiled": 1 / 1.3} if aim == 8 else {"JAX, compiled": 1 / 1.1}
    return Workload("training", label, timed, 1e-8, aims, checked=checked)


def _variants(
    net: Network, data: Data, networks: int, steps: int, rule: Optimizer
) -> dict[str, Work]:
    population = Population.sample(net, networks=networks, bias_scale=0.1, dtype=data[0].dtype)
    options = population, data, steps, rule
    variants: dict[str, Work] = {
        OURS: partial(ours, *options),
        "loop": partial(loop, *options),
        "vmap": partial(with_vmap, *options),
    }
    if with_jax.installed() and isinstance(net, MLP):
        weights = population.parameters
        variants["JAX, compiled"] = with_jax.train(weights, data, steps, rule, RATE)
    return variants


def workloads(size: Size) -> list[Workload]:
    """Return small and larger MLPs, and a small convolutional network."""
    tiny = size == "tiny"
    sizes, image = ((3, 4), 4) if tiny else ((64, 20), 8)
    small = MLP(64, CLASSES, depth=2, width=32), problem(32, (64,))
    large = MLP(64, CLASSES, depth=2, width=128), problem(128, (64,))
    conv = ConvNet(1, CLASSES, channels=(16, 32), image_size=image), problem(32, (1, image, image))
    rules: tuple[Optimizer, ...] = ("sgd", "adam")
    found = []
    for rule in rules:
        found.append(_workload("MLP 32, batch 32", *small, sizes=sizes, rule=rule, aim=8.0))
        found.append(_workload("MLP 128, batch 128", *large, sizes=sizes, rule=rule, aim=2.5))
    few = sizes if tiny else (32, 5)
    found.append(_workload("ConvNet 16-32, batch 32", *conv, sizes=few, rule="sgd", aim=1.15))
    return found
