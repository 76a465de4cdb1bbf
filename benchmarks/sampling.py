"""Random networks: draw, evaluate on a grid, and measure the Fourier complexity of each."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from benchmarks import with_jax
from benchmarks.compare import OURS, Size, Work, Workload, cpu_seconds
from ibcore.nets import MLP
from ibcore.nets.tiles import evaluate_tiles
from ibcore.population import Population
from ibcore.redshift import fourier_complexity, sample_functions
from ibcore.tasks import grid

MODULES: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}
WIDTH = 64
SIZES = (2, WIDTH, WIDTH, WIDTH, 1)


def plain(activation: str) -> nn.Sequential:
    """Return one network as most people would write it, with Glorot weights."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(SIZES):
        linear = nn.Linear(fan_in, fan_out)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.uniform_(linear.bias, -1, 1)
        layers += [linear, MODULES[activation]()]
    return nn.Sequential(*layers[:-1])


def draw(activation: str, networks: int) -> list[nn.Sequential]:
    """Return some plain networks, and leave the global random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return [plain(activation) for _ in range(networks)]


def copies(activation: str, population: Population) -> list[nn.Sequential]:
    """Return plain networks with the weights of the members of a population."""
    networks = draw(activation, len(population))
    with torch.no_grad():
        for member, network in enumerate(networks):
            values = population.parameters.values()
            for parameter, value in zip(network.parameters(), values, strict=True):
                parameter.copy_(value[member])
    return networks


def numpy_complexity(image: NDArray[Any]) -> float:
    """Return the mean frequency of one image by a full FFT."""
    amplitude = np.abs(np.fft.fft2(image))
    amplitude[0, 0] = 0
    line = np.abs(np.fft.fftfreq(len(image)) * len(image))
    radius = np.hypot(line[:, None], line)
    return float((amplitude * radius).sum() / amplitude.sum() / radius.max())


def evaluate_loop(networks: list[nn.Sequential], side: int) -> Tensor:
    """Evaluate and measure one network after the other."""
    x = grid(side, dtype=torch.float32)
    with torch.inference_mode():
        images = [network(x).reshape(side, side).numpy() for network in networks]
    return torch.tensor([numpy_complexity(image) for image in images])


def evaluate_vmap(networks: list[nn.Sequential], side: int) -> Tensor:
    """Evaluate all networks by torch's own way to batch modules."""
    x, template = grid(side, dtype=torch.float32), networks[0]
    with torch.inference_mode():
        stacked, _ = stack_module_state(networks)
        images = vmap(lambda p: functional_call(template, p, (x,)))(stacked)
    return torch.tensor([numpy_complexity(z) for z in images.reshape(-1, side, side).numpy()])


def evaluate_ours(population: Population, side: int) -> Tensor:
    """Run ibcore on weights that are there."""
    values = population.forward(grid(side, dtype=torch.float32))
    return fourier_complexity(values.reshape(-1, side, side), transform="fft")


def draw_ours(activation: str, networks: int, side: int) -> Tensor:
    """Draw, evaluate and measure with ibcore."""
    values = sample_functions(activation, networks=networks, grid=side, dtype=torch.float32)
    return fourier_complexity(values, transform="fft").mean()[None]


def draw_loop(activation: str, networks: int, side: int) -> Tensor:
    """Draw, evaluate and measure one network after the other."""
    return evaluate_loop(draw(activation, networks), side).mean()[None]


def draw_vmap(activation: str, networks: int, side: int) -> Tensor:
    """Draw modules, then batch them."""
    return evaluate_vmap(draw(activation, networks), side).mean()[None]


def _whole(activation: str, networks: int, side: int) -> Workload:
    """Return the pipeline from the draw on."""
    options = activation, networks, side
    variants: dict[str, Work] = {
        OURS: partial(draw_ours, *options),
        "loop": partial(draw_loop, *options),
        "vmap": partial(draw_vmap, *options),
    }
    if with_jax.installed():
        x = grid(side, dtype=torch.float32)
        variants["JAX, compiled"] = with_jax.draw(
            SIZES, activation, x, side=side, networks=networks
        )
    aims = {"loop": 1.25 if activation == "gelu" else 1.5, "vmap": 3.5, "JAX, compiled": 1.3}
    note = "other draws of the same distribution, so means are compared"
    return Workload(
        "sampling",
        f"draw, evaluate, spectrum of {networks}; {activation}",
        variants,
        0.15,
        aims,
        note,
    )


def _part(activation: str, networks: int, side: int) -> Workload:
    """Return the pipeline after the draw, on equal weights."""
    net = MLP(2, 1, depth=3, width=WIDTH, activation=activation)
    population = Population.sample(net, networks=networks, dtype=torch.float32)
    modules = copies(activation, population)
    variants: dict[str, Work] = {
        OURS: partial(evaluate_ours, population, side),
        "loop": partial(evaluate_loop, modules, side),
        "vmap": partial(evaluate_vmap, modules, side),
    }
    if with_jax.installed():
        x = grid(side, dtype=torch.float32)
        variants["JAX, compiled"] = with_jax.evaluate(population.parameters, activation, x, side)
    return Workload(
        "sampling", f"evaluate, spectrum of {networks}; {activation}", variants, 1e-2, {}
    )


def default_ours(activation: str, networks: int, side: int) -> Tensor:
    """Draw and measure with ibcore as it does unless told otherwise: float64, cosine transform."""
    return fourier_complexity(sample_functions(activation, networks=networks, grid=side)).mean()[
        None
    ]


def default_loop(activation: str, networks: int, side: int) -> Tensor:
    """Do the same one network after the other, with modules of torch and scipy."""
    x, steps = grid(side), np.arange(side)
    radius, found = np.hypot(steps[:, None], steps), []
    for network in draw(activation, networks):
        with torch.inference_mode():
            image = network.double()(x).reshape(side, side).numpy()
        amplitude = np.abs(scipy.fft.dctn(image, norm="ortho"))
        amplitude[0, 0] = 0
        found.append((amplitude * radius).sum() / amplitude.sum() / radius.max())
    return torch.tensor(found).mean()[None]


def _default(activation: str, networks: int, side: int) -> Workload:
    """Return what a caller gets who sets nothing."""
    options = activation, networks, side
    variants: dict[str, Work] = {
        OURS: partial(default_ours, *options),
        "loop": partial(default_loop, *options),
    }
    note = "float64 and the cosine transform, which are the defaults; other draws, as above"
    name = f"default call, {networks}; {activation}"
    return Workload("sampling", name, variants, 0.15, {}, note)


def evaluation_share(gigaflops: float, networks: int = 64) -> float:
    """Return which share of the rate of one large product evaluating networks reaches."""
    net, x = MLP(*SIZES[:: len(SIZES) - 1], depth=3, width=WIDTH), grid(64, dtype=torch.float32)
    own = Population.sample(net, networks=networks, dtype=torch.float32).parameters
    wide = x.expand(networks, -1, -1)
    seconds = min(cpu_seconds(partial(evaluate_tiles, net, own, wide)) for _ in range(5))
    operations = 2 * len(x) * networks * sum(a * b for a, b in pairwise(SIZES))
    return 1e-9 * operations / seconds / gigaflops


def workloads(size: Size) -> list[Workload]:
    """Return, for three activations, the whole pipeline and the part after the draw.

    One is of a thousand networks; the others, which scale alike, are of fewer.
    """
    networks, side = (40, 16) if size == "tiny" else (100, 64)
    many = networks if size == "tiny" else 1000
    found = []
    for activation in MODULES:
        found.append(_whole(activation, many if activation == "relu" else networks, side))
        found.append(_part(activation, networks, side))
        found.append(_default(activation, networks, side))
    return found
