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
from benchmarks.modules import ResNet9
from ibcore.nets import MLP, ConvNet, ResNet
from ibcore.nets.network import Network
from ibcore.population import Population
from ibcore.training import Optimizer

RATE = 1e-2
CLASSES = 10
CHANNELS_LAST = "torch.nn, channels last"
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


def plain_resnet(population: Population, data: Data, steps: int) -> Tensor:
    """Train torch modules one after the other, as its makers advise: channels last, fused."""
    layout = torch.channels_last
    x, weights = data[0].contiguous(memory_format=layout), population.parameters
    width = weights["convs.stem.weight"].shape[1]
    trained = []
    for member in range(len(population)):
        module = ResNet9(x.shape[1], width, CLASSES).to(x.dtype)
        with torch.no_grad():
            for own, value in zip(module.parameters(), weights.values(), strict=True):
                own.copy_(value[member])
        module.to(memory_format=layout)  # type: ignore[call-overload]
        optimizer = torch.optim.SGD(module.parameters(), lr=RATE, fused=True)
        for _ in range(steps):
            optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(module(x), data[1]))
            optimizer.step()
        trained.append([p.detach() for p in module.parameters()])
    return flat([torch.stack(each) for each in zip(*trained, strict=True)])


def _resnet(size: Size, networks: int) -> Workload:
    """Return the training of a small ResNet-9, whose convolutions are large enough to count."""
    steps, width, side, batch = (2, 1, 8, 8) if size == "tiny" else (30, 8, 16, 128)
    net, (x, y) = ResNet(3, CLASSES, width=width, image_size=side), problem(batch, (3, side, side))

    def variants(dtype: torch.dtype, steps: int) -> dict[str, Work]:
        population = Population.sample(net, networks=networks, dtype=dtype)
        data = x.to(dtype), y
        plain = partial(plain_resnet, population, data, steps)
        return {OURS: partial(ours, population, data, steps, "sgd"), CHANNELS_LAST: plain}

    timed, checked = variants(torch.float32, steps), variants(torch.float64, 2)
    label = f"{networks} x ResNet-9 {width}, {side} x {side}, batch {batch}, sgd"
    return Workload("training", label, timed, 1e-8, {CHANNELS_LAST: 0.8}, checked=checked)


def workloads(size: Size) -> list[Workload]:
    """Return small and larger MLPs, a small convolutional network, and one and four ResNets."""
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
    return [*found, *(_resnet(size, networks) for networks in (1, 4))]
