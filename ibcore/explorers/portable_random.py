"""Random numbers that Python and the browser draw alike, and the networks that are made of them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.tasks import grid as input_grid

Floats = NDArray[np.float64]

_GAMMA = 0x6D2B79F5  # the step of mulberry32
_SEEDS = 2**32


def uniforms(seed: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the first ``count`` numbers of mulberry32, uniform in [0, 1).

    Number k is a hash of ``seed + (k + 1) * 0x6D2B79F5`` modulo 2**32, so it does not depend on
    how many are drawn.  ``IBExplorers.uniforms`` gives the same numbers.

    Parameters
    ----------
    seed
        From 0 to 2**32 - 1.
    count
        How many numbers, at least 0.

    Raises
    ------
    ValueError
        If the seed has more than 32 bits or the count is negative.

    Examples
    --------
    >>> uniforms(0, 2).round(6).tolist()
    [0.266429, 0.00033]
    """
    if not 0 <= seed < _SEEDS:
        raise ValueError(f"seed must be from 0 to {_SEEDS - 1} (32 bits), got {seed}")
    if count < 0:
        raise ValueError(f"count must be at least 0, got {count}")
    word = np.uint32
    with np.errstate(over="ignore"):  # arithmetic modulo 2**32 is meant
        state = np.arange(1, count + 1, dtype=word) * word(_GAMMA) + word(seed)
        t = (state ^ (state >> word(15))) * (state | word(1))
        t ^= t + (t ^ (t >> word(7))) * (t | word(61))
    return np.asarray(t ^ (t >> word(14)), dtype=np.float64) / _SEEDS


def normals(seed: int, count: int) -> Floats:
    """Return normal numbers by the method of Box and Muller, two uniform ones for each.

    ``normalStream`` of the script gives the same; number k does not depend on how many are
    drawn.

    Examples
    --------
    >>> normals(0, 3).round(3).tolist() == normals(0, 9)[:3].round(3).tolist()
    True
    """
    first, second = uniforms(seed, 2 * count).reshape(-1, 2).T  # (count,) each
    return np.asarray(np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second))


def draw_parameters(
    shapes: Mapping[str, tuple[int, ...]],
    seed: int,
    *,
    weight_scale: float = 1.0,
    bias_scale: float = 1.0,
) -> dict[str, Tensor]:
    r"""Draw the parameters of one network in float64, the same as the browser's.

    Weights are uniform in :math:`(-s, s)` with
    :math:`s = \alpha\sqrt{6/(n_\text{in}+n_\text{out})}` and biases in :math:`(-b, b)`.  The
    seed fixes the direction and ``weight_scale`` the size: the same seed at another scale is the
    same network scaled.

    Parameters
    ----------
    shapes
        Name to shape, as `ibcore.nets.MLP.shapes`.  Layer after layer the draw is consumed by
        the weights (row by row), the biases, then the weights and biases of the gate.
    seed
        From 0 to 2**32 - 1.
    weight_scale, bias_scale
        :math:`\alpha` and :math:`b`.

    Examples
    --------
    >>> drawn = draw_parameters({"layers.0.weight": (4, 2), "layers.0.bias": (4,)}, seed=1)
    >>> drawn["layers.0.weight"].shape, drawn["layers.0.weight"].dtype
    (torch.Size([4, 2]), torch.float64)
    """
    ordered = sorted(shapes, key=_position)
    unit = uniforms(seed, sum(math.prod(shapes[name]) for name in ordered))
    drawn: dict[str, Tensor] = {}
    first = 0
    for name in ordered:
        shape = shapes[name]
        size = math.prod(shape)
        spread = bias_scale if len(shape) == 1 else weight_scale * math.sqrt(6 / sum(shape))
        part = (2 * unit[first : first + size] - 1) * spread
        drawn[name] = torch.from_numpy(part.reshape(shape))
        first += size
    return drawn


def evaluate_drawn(architecture: MLP, points: int, *, seed: int, weight_scale: float) -> Floats:
    """Evaluate a drawn network on the grid of points in [-1, 1]^2.

    Returns
    -------
    array
        Shape (points, points), ``values[i, j] = f(axis[i], axis[j])``.

    Examples
    --------
    >>> evaluate_drawn(MLP(depth=1, width=8), 16, seed=0, weight_scale=1.0).shape
    (16, 16)
    """
    drawn = draw_parameters(architecture.shapes, seed, weight_scale=weight_scale)
    population = Population(architecture, {name: value[None] for name, value in drawn.items()})
    output = population.forward(input_grid(points).to(torch.float64))  # (1, points^2, 1)
    return np.asarray(output.reshape(points, points).numpy(), dtype=np.float64)


def _position(name: str) -> tuple[int, bool, bool]:
    """Order by layer; within a layer weights, biases, gate weights, gate biases."""
    part, layer, kind = name.split(".")
    return int(layer), part == "gates", kind == "bias"


# Two clouds of points, the second a changed copy of the first.

CENTERS = ((1.3, 0.7), (-1.1, 0.9), (-0.7, -1.2), (0.9, -0.6))  # of the groups of points
GROUP_SPREAD = 0.3
MOST_FEATURES = 200  # of pure noise; a point has the same ones however many are used
CLOUD_SEEDS = (3000, 4000, 5000, 6000)  # points, blur, noise features of both; plus the seed


def clouds(params: Mapping[str, Any]) -> tuple[Floats, Floats]:
    r"""Return features of the same points twice, (n, 2 + k) each.

    With x a point of the first cloud and R a rotation, the second has
    :math:`s\,R\,(A x + b\,\varepsilon)`, where A stretches and shears, and s scales; both clouds
    have k more features that are independent standard normal noise, those of the second times s.

    Parameters
    ----------
    params
        ``points`` n, ``rotation`` in degrees, ``scale`` s, ``stretch`` and ``shear``, the first
        row of A, ``blur`` b, ``noise`` k, and ``seed``.

    Examples
    --------
    >>> same = {"rotation": 0, "scale": 1.0, "stretch": 1.0, "shear": 0.0, "blur": 0.0}
    >>> x, y = clouds({**same, "points": 12, "noise": 3, "seed": 0})
    >>> x.shape, bool((x[:, :2] == y[:, :2]).all()), bool((x[:, 2:] == y[:, 2:]).any())
    ((12, 5), True, False)
    """
    n, k, seed = params["points"], params["noise"], params["seed"]
    around, blur = (normals(s + seed, 2 * n).reshape(n, 2) for s in CLOUD_SEEDS[:2])
    group = np.arange(n) % len(CENTERS)
    first = np.array(CENTERS)[group] + GROUP_SPREAD * around  # (n, 2)
    bent = np.array([[params["stretch"], params["shear"]], [0.0, 1.0]])
    angle = math.radians(params["rotation"])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    second = (first @ bent.T + params["blur"] * blur) @ turn.T  # (n, 2)
    noises = (normals(s + seed, n * MOST_FEATURES) for s in CLOUD_SEEDS[2:])
    one, other = (noise.reshape(n, MOST_FEATURES)[:, :k] for noise in noises)  # (n, k)
    return np.hstack([first, one]), params["scale"] * np.hstack([second, other])


# Batches and label noise for one run of the diagonal net.

STREAM_SEEDS = (1000, 2000)  # of points and of label noise, each plus the seed of the figure


def shared_batches(
    x: Tensor, y: Tensor, *, steps: int, batch_size: int | None, label_noise: float, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches (b, d) and (b,), the same as the script's.

    Points are floor(n u) for uniform numbers u of the first stream; label noise takes two
    uniform numbers of the second stream for each point, by the method of Box and Muller.

    Parameters
    ----------
    x, y
        Data, (n, d) and (n,).
    steps
        How many batches.
    batch_size
        Points in each, drawn with replacement; None for all points, each once.
    label_noise
        Standard deviation of the noise.
    seed
        Of the figure.

    Examples
    --------
    >>> x, y = torch.eye(4).double(), torch.zeros(4).double()
    >>> batches = shared_batches(x, y, steps=2, batch_size=3, label_noise=1.0, seed=0)
    >>> [(bx.shape, by.shape) for bx, by in batches]
    [(torch.Size([3, 4]), torch.Size([3])), (torch.Size([3, 4]), torch.Size([3]))]
    """
    shape = (steps, len(y) if batch_size is None else batch_size)
    chosen = np.tile(np.arange(len(y)), (steps, 1))
    if batch_size is not None:
        drawn = uniforms(STREAM_SEEDS[0] + seed, math.prod(shape))
        chosen = np.floor(drawn * len(y)).astype(np.int64).reshape(shape)
    shifts = np.zeros(shape)
    if label_noise:
        shifts = label_noise * normals(STREAM_SEEDS[1] + seed, math.prod(shape)).reshape(shape)
    for row, shift in zip(torch.from_numpy(chosen), torch.from_numpy(shifts), strict=True):
        yield x[row], y[row] + shift
