"""The same computations in JAX, compiled: one function for each, made once and called often.

XLA starts threads of its own; it is held to one before the first import, and what its threads use
counts as CPU time of the process like any other.  The first call compiles and is not timed.
"""

import os
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.compare import Work

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
Weights = Mapping[str, Any]  # arrays of JAX by name
Forward = Callable[[Weights, Any], Any]


def installed() -> bool:
    """Return whether JAX and its optimizers are there."""
    return find_spec("jax") is not None and find_spec("optax") is not None


@cache
def library() -> tuple[Any, Any]:
    """Return ``jax`` and ``jax.numpy``, on one thread of the CPU, with float64 allowed."""
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}".strip()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    jax: Any = import_module("jax")
    jax.config.update("jax_enable_x64", True)  # arrays in float32 stay so
    return jax, import_module("jax.numpy")


def arrays(values: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return tensors as arrays of JAX."""
    jnp = library()[1]
    return {name: jnp.asarray(value.detach().numpy()) for name, value in values.items()}


def tensor(values: Any) -> Tensor:
    """Wait for a result and return it as one flat tensor in float64."""
    parts = values.values() if isinstance(values, dict) else [values]
    return torch.cat([torch.from_numpy(np.array(part)).double().flatten() for part in parts])


def layers(weights: Weights, x: Any, names: list[str], phi: Callable[[Any], Any]) -> Any:
    """Evaluate one MLP on points (n, in)."""
    for name in names[:-1]:
        x = phi(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])
    return x @ weights[f"{names[-1]}.weight"].T + weights[f"{names[-1]}.bias"]


def mlp(names: list[str]) -> Forward:
    """Return an MLP of relu whose layers have some names."""
    jax = library()[0]
    return lambda weights, x: layers(weights, x, names, jax.nn.relu)


def lstm(width: int) -> Forward:
    """Return the LSTM of `benchmarks.modules.Recurrent`; the loop over time is not unrolled.

    Unrolled it took longer to compile and to run.
    """
    jax, jnp = library()

    def run(weights: Weights, x: Any) -> Any:
        def cell(state: Any, row: Any) -> Any:
            h, c = state
            z = jnp.concatenate([row, h], 1) @ weights["gates.weight"].T + weights["gates.bias"]
            i, f, g, o = jnp.split(z, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((len(x), width), x.dtype)
        (h, _), _ = jax.lax.scan(cell, (zero, zero), x.swapaxes(0, 1))
        return h @ weights["head.weight"].T + weights["head.bias"]

    return run


def cross_entropy(outputs: Any, classes: Any) -> Any:
    """Return the mean over points, in nats."""
    jax, jnp = library()
    return -jnp.take_along_axis(jax.nn.log_softmax(outputs), classes[:, None], 1).mean()


def meta_gradient(
    forward: Forward,
    weights: Mapping[str, Tensor],
    sets: tuple[Tensor, Tensor, Tensor, Tensor],
    *,
    steps: int,
    rate: float,
) -> Work:
    """Return the gradient of the mean query loss: ``jit(grad(vmap))`` over the tasks."""
    jax, jnp = library()

    def inner(current: Weights, x: Any, y: Any) -> Any:
        return cross_entropy(forward(current, x), y)

    def one(start: Weights, xs: Any, ys: Any, xq: Any, yq: Any) -> Any:
        current = start
        for _ in range(steps):
            slopes = jax.grad(inner)(current, xs, ys)
            current = {name: current[name] - rate * slopes[name] for name in current}
        return inner(current, xq, yq)

    def outer(start: Weights, *points: Any) -> Any:
        return jax.vmap(one, (None, 0, 0, 0, 0))(start, *points).mean()

    found, start = jax.jit(jax.grad(outer)), arrays(weights)
    points = [jnp.asarray(part.numpy()) for part in sets]
    names = list(weights)

    def work() -> Tensor:
        slopes = found(start, *points)
        return tensor({name: slopes[name] for name in names})

    return work


def _complexity(side: int) -> Callable[[Any], Any]:
    """Return the mean frequency of one image (side, side) by a real FFT."""
    jnp = library()[1]
    line = np.abs(np.fft.fftfreq(side) * side)
    half = line[: side // 2 + 1]
    radius = np.hypot(line[:, None], half)
    count = np.where((half == 0) | (half == side // 2), 1.0, 2.0) * np.ones_like(radius)
    count[0, 0] = 0.0
    weight, count = np.float32(count * radius / radius.max()), np.float32(count)

    def measure(image: Any) -> Any:
        amplitude = jnp.abs(jnp.fft.rfft2(image))
        return (amplitude * weight).sum() / (amplitude * count).sum()

    return measure


def _functions(activation: str) -> Callable[[Any], Any]:
    jax, jnp = library()
    exact = {"relu": jax.nn.relu, "tanh": jnp.tanh, "gelu": lambda z: jax.nn.gelu(z, False)}
    found: Callable[[Any], Any] = exact[activation]
    return found


def evaluate(weights: Mapping[str, Tensor], activation: str, points: Tensor, side: int) -> Work:
    """Evaluate and measure stacked networks, one after the other, in one compiled function."""
    jax, jnp = library()
    names = list(dict.fromkeys(name.rsplit(".", 1)[0] for name in weights))
    phi, measure, x = _functions(activation), _complexity(side), jnp.asarray(points.numpy())

    def one(own: Weights) -> Any:
        return measure(layers(own, x, names, phi).reshape(side, side))

    run, stacked = jax.jit(lambda many: jax.lax.map(one, many)), arrays(weights)
    return lambda: tensor(run(stacked))


def draw(
    sizes: tuple[int, ...], activation: str, points: Tensor, *, side: int, networks: int
) -> Work:
    """Draw, evaluate and measure networks, and return the mean."""
    jax, jnp = library()
    phi, measure, x = _functions(activation), _complexity(side), jnp.asarray(points.numpy())
    names = [str(index) for index in range(len(sizes) - 1)]

    def one(key: Any) -> Any:
        weights = {}
        for name, (fan_in, fan_out) in zip(names, pairwise(sizes), strict=True):
            key, first, second = jax.random.split(key, 3)
            size = (6 / (fan_in + fan_out)) ** 0.5
            shape = fan_out, fan_in
            weights[f"{name}.weight"] = jax.random.uniform(first, shape, x.dtype, -size, size)
            weights[f"{name}.bias"] = jax.random.uniform(second, shape[:1], x.dtype, -1, 1)
        return measure(layers(weights, x, names, phi).reshape(side, side))

    run = jax.jit(lambda keys: jax.lax.map(one, keys).mean())
    return lambda: tensor(run(jax.random.split(jax.random.key(0), networks)))


def train(
    weights: Mapping[str, Tensor], data: tuple[Tensor, Tensor], steps: int, rule: str, rate: float
) -> Work:
    """Train stacked MLPs on shared data: ``vmap`` over networks, ``scan`` over steps, ``optax``."""
    jax, jnp = library()
    optax: Any = import_module("optax")
    optimizer = getattr(optax, rule)(rate)
    forward = mlp(list(dict.fromkeys(name.rsplit(".", 1)[0] for name in weights)))
    x, y = (jnp.asarray(part.numpy()) for part in data)

    def one(start: Weights) -> Any:
        def step(carry: Any, _: Any) -> Any:
            current, state = carry
            slopes = jax.grad(lambda p: cross_entropy(forward(p, x), y))(current)
            changes, state = optimizer.update(slopes, state)
            return (optax.apply_updates(current, changes), state), None

        return jax.lax.scan(step, (start, optimizer.init(start)), None, length=steps)[0][0]

    run, stacked, names = jax.jit(jax.vmap(one)), arrays(weights), list(weights)

    def work() -> Tensor:
        found = run(stacked)
        return tensor({name: found[name] for name in names})

    return work
