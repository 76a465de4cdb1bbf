"""Guess and check: draw random networks until one fits the training points, with no training."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ibcore.door import (
    Count,
    NonNegative,
    Positive,
    Range,
    Seed,
    Whole,
    as_integer,
    as_number,
    as_raw,
    check_memory,
    door,
)
from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.redshift.lempel_ziv import count_lz76
from ibcore.redshift.sampling import check_outputs
from ibcore.runtime import generator, resolve_device
from ibcore.stats import Interval, wilson_interval

# Boolean functions of networks: which are drawn how often, and how complex they are.

Table = NDArray[np.uint8]  # truth tables, one a row, eight entries a byte


def _as_tables(value: Any, name: str) -> Table:
    """Return truth tables as bytes, from whole numbers of any type."""
    tables = as_raw(value, name).cpu().numpy()
    if tables.ndim != 2 or not tables.shape[1] or tables.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be truth tables in bytes, (functions, N / 8), got {tables.dtype} of "
            f"shape {tables.shape}; pack bits with numpy.packbits"
        )
    wrong = tables[(tables < 0) | (tables > 255)]
    if wrong.size:
        raise ValueError(f"{name} must hold bytes, from 0 to 255, got {wrong[0]}")
    return tables.astype(np.uint8)


Tables = Annotated[Table, _as_tables]

_CHUNK = 512  # networks whose weights are held at once


def boolean_inputs(variables: int) -> Tensor:
    """Return all inputs of a Boolean function, 0 or 1, counting in binary: ``(2**n, n)``, float64.

    Examples
    --------
    >>> boolean_inputs(3)[:3].tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    numbers = torch.arange(2**variables)[:, None]
    places = torch.arange(variables - 1, -1, -1)
    return ((numbers >> places) & 1).double()


@door
def sample_boolean(
    activation: str = "relu",
    *,
    variables: Annotated[int, Range(3, 16)] = 7,
    depth: Count = 2,
    width: Count = 40,
    weight_scale: NonNegative = 1.0,
    bias_scale: NonNegative = 1.0,
    networks: Count = 1000,
    seed: Seed = 0,
    first: Whole = 0,
    device: torch.device | str | None = None,
) -> Table:
    r"""Draw random networks and return the Boolean function that each computes.

    The function is 1 where the output is positive.  Weights are Gaussian with standard deviation
    :math:`\sigma_w/\sqrt{n_\text{in}}`, biases uniform in :math:`(-b, b)`.

    Parameters
    ----------
    activation, depth, width
        The architecture, as in `ibcore.nets.MLP`.
    variables
        Inputs, each 0 or 1; from 3 to 16.
    weight_scale, bias_scale
        :math:`\sigma_w` and :math:`b`.
    networks, seed, first
        Members ``first`` to ``first + networks - 1`` of the population with this seed.
    device
        Where the networks are evaluated.

    Returns
    -------
    Table
        Truth tables, ``(networks, 2**variables / 8)`` in bytes; `numpy.unpackbits` opens them.

    Raises
    ------
    ValueError
        If a number is out of range, a name unknown or the device absent.

    References
    ----------
    Valle-Pérez, Camargo and Louis (2019), "Deep learning generalizes because the
    parameter-function map is biased towards simple functions", with Gaussian biases.

    Examples
    --------
    >>> sample_boolean(networks=5, width=8).shape
    (5, 16)
    """
    check_memory("networks", networks, networks * 2.0 ** (variables - 3))
    architecture = MLP(variables, 1, depth=depth, width=width, activation=activation)
    inputs, tables = boolean_inputs(variables), []
    for start in range(0, networks, _CHUNK):
        population = Population.sample(
            architecture,
            networks=min(_CHUNK, networks - start),
            weight_scale=weight_scale,
            bias_scale=bias_scale,
            prior="gaussian",
            scaling="fan_in",
            seed=seed,
            first=first + start,
            device=device,
        )
        values = check_outputs(population.forward(inputs.to(population.device)))  # (chunk, 2**n, 1)
        tables.append(np.packbits((values[..., 0] > 0).cpu().numpy(), axis=1))
    return np.concatenate(tables)


@door
def boolean_complexity(tables: Tables) -> NDArray[np.float64]:
    r"""Return the Lempel-Ziv complexity of Boolean functions, shape ``(functions,)``.

    .. math:: K(x) = \begin{cases} \log_2 N & x \text{ constant} \\
              \tfrac12 \log_2 N \,[N_w(x) + N_w(\text{reversed } x)] & \text{otherwise}\end{cases}

    for the truth table :math:`x` of :math:`N` bits and :math:`N_w` the phrases of
    `ibcore.redshift.lz76`.

    Parameters
    ----------
    tables
        From `sample_boolean`, ``(functions, N / 8)``.

    References
    ----------
    Dingle, Camargo and Louis (2018), "Input-output maps are strongly biased towards simple
    outputs", methods.

    Examples
    --------
    >>> boolean_complexity(np.array([[0] * 16, [85] * 16], dtype=np.uint8)).tolist()
    [7.0, 21.0]
    """
    bits = np.unpackbits(tables, axis=1)  # (functions, N)
    both = count_lz76(np.concatenate([bits, bits[:, ::-1]])).reshape(2, -1)
    size, constant = math.log2(bits.shape[1]), (bits == bits[:, :1]).all(1)
    return np.where(constant, size, size * both.mean(0))


@dataclass(frozen=True, eq=False)
class Ranking:
    """The functions drawn most often, most frequent first.

    Attributes
    ----------
    tables
        Their truth tables, ``(functions, N / 8)``.
    counts
        How often each was drawn in each batch, ``(functions, batches)``.
    distinct
        How many different functions were drawn in all.
    """

    tables: Table
    counts: NDArray[np.int64]
    distinct: int


@door
def rank_functions(tables: Tables, *, batches: Count = 1, top: Count = 300) -> Ranking:
    """Count how often each function was drawn, overall and in consecutive equal batches.

    Functions drawn equally often come in the order of their truth tables.

    Raises
    ------
    ValueError
        If ``top`` or ``batches`` is below 1, or the batches do not divide the draws equally.

    Examples
    --------
    >>> drawn = np.array([[1], [2], [2], [3]], dtype=np.uint8)
    >>> ranking = rank_functions(drawn, batches=2, top=2)
    >>> ranking.tables.tolist(), ranking.counts.tolist(), ranking.distinct
    ([[2], [1]], [[1, 1], [1, 0]], 3)
    """
    if len(tables) % batches:
        raise ValueError(f"batches must divide the {len(tables)} draws equally, got {batches}")
    functions, which = np.unique(tables, axis=0, return_inverse=True)
    batch = np.repeat(np.arange(batches), len(tables) // batches)
    cells = np.bincount(which.reshape(-1) * batches + batch, minlength=len(functions) * batches)
    counts = cells.reshape(len(functions), batches).astype(np.int64)
    order = np.argsort(-counts.sum(1), kind="stable")[:top]
    return Ranking(functions[order], counts[order], len(functions))


# The unbiased model: a learner with the same weight on every frequency.


def _as_even(value: Any, name: str) -> int:
    """Return the size of a grid, even and at least 4, whose frequencies fit the memory."""
    points = as_integer(value, name)
    if points < 4 or points % 2:
        raise ValueError(f"{name} must be even and at least 4, got {points}")
    check_memory(name, points, 8.0 * points**2)
    return points


Even = Annotated[int, _as_even]


def all_frequencies(points: int) -> Tensor:
    r"""Return each discrete frequency of a grid once, up to sign: ``(points**2 // 2 - 1, 2)``.

    Integer pairs with :math:`|k_i| \le` points/2, without 0; of :math:`k` and :math:`-k` only
    one, since :math:`\sin(\pi k x + p)` covers both by its phase.

    Examples
    --------
    >>> all_frequencies(4).tolist()
    [[0.0, 1.0], [1.0, -1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]]
    """
    half = points // 2
    inner = torch.arange(1 - half, half, dtype=torch.float64)
    mesh = torch.stack(torch.meshgrid(inner, inner, indexing="ij"), -1).reshape(-1, 2)
    kept = mesh[(mesh[:, 0] > 0) | ((mesh[:, 0] == 0) & (mesh[:, 1] > 0))]
    edge = torch.tensor([[0.0, half], [half, 0.0], [half, half]], dtype=torch.float64)
    return torch.cat([kept, edge])


@door
class UnbiasedModel(nn.Module):
    r"""One layer of sines at fixed frequencies: :math:`f(x)=\sum_k c_k \sin(\pi k\cdot x + p_k)`.

    The frequencies :math:`k` cover a grid once; amplitudes :math:`c_k \sim U(-A, A)` and phases
    :math:`p_k \sim U(0, 2\pi)` are the parameters.  A random member looks like white noise at
    any amplitude: this learner prefers no frequency.

    Parameters
    ----------
    points
        Size of the grid whose frequencies are covered, even.  It must be evaluated at cell
        centers: the functions have period 2, so -1 and 1 are the same point.
    amplitude
        :math:`A > 0`.
    seed
        Of the parameters.

    Raises
    ------
    ValueError
        If ``points`` is odd or below 4, or the amplitude is not positive.

    References
    ----------
    Teney et al. (2024), section 3.

    Examples
    --------
    >>> UnbiasedModel(8)(torch.zeros(5, 2, dtype=torch.float64)).shape
    torch.Size([5, 1])
    """

    frequencies: Tensor

    def __init__(self, points: Even = 64, *, amplitude: Positive = 1.0, seed: Seed = 0) -> None:
        super().__init__()
        self.register_buffer("frequencies", all_frequencies(points))
        amplitudes, phases = _draw(len(self.frequencies), amplitude, [seed])[:, 0]
        self.amplitudes, self.phases = nn.Parameter(amplitudes), nn.Parameter(phases)

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate the model: ``(n, 2)`` to ``(n, 1)``."""
        waves = torch.sin(math.pi * x @ self.frequencies.mT + self.phases)  # (n, frequencies)
        return waves @ self.amplitudes[:, None]


def _draw(count: int, amplitude: float, seeds: Sequence[int]) -> Tensor:
    """Return amplitudes and phases of one model for each seed, ``(2, seeds, count)``."""
    rngs = map(generator, seeds)
    drawn = [torch.rand(2, count, generator=rng, dtype=torch.float64) for rng in rngs]
    amplitudes, phases = torch.stack(drawn, 1)
    return torch.stack([(2 * amplitudes - 1) * amplitude, 2 * math.pi * phases])


@door
def sample_unbiased(
    networks: Count = 100,
    grid: Even = 64,
    *,
    amplitude: Positive = 1.0,
    seed: Seed = 0,
    device: torch.device | str | None = None,
) -> Tensor:
    r"""Draw unbiased models and evaluate each on a grid of cell centers over :math:`[-1, 1]^2`.

    Parameters
    ----------
    networks
        How many.
    grid
        Points along each axis, even.
    amplitude, seed
        As in `UnbiasedModel`; each network has a generator of its own.
    device
        Where they are evaluated.

    Returns
    -------
    Tensor
        Shape ``(networks, grid, grid)``, float64.

    Raises
    ------
    ValueError
        If a number is out of range or the device absent.

    Examples
    --------
    >>> sample_unbiased(3, 8).shape
    torch.Size([3, 8, 8])
    """
    check_memory("networks", networks, 32.0 * networks * grid**2)
    target = resolve_device(device)
    frequencies = all_frequencies(grid)
    drawn = _draw(len(frequencies), amplitude, [member_seed(seed, i) for i in range(networks)])
    size, phase = drawn.to(target)  # (networks, frequencies) each
    frequencies = frequencies.to(target)
    # The first cell center is 1/grid - 1, and each next one is 2/grid further: a Fourier sum.
    start = math.pi * (1 / grid - 1) * frequencies.sum(-1)  # (frequencies,)
    spectrum = torch.zeros(networks, grid, grid, dtype=torch.complex128, device=target)
    rows, columns = (frequencies.long() % grid).unbind(-1)
    spectrum[:, rows, columns] = size * torch.polar(torch.ones_like(phase), phase + start)
    values: Tensor = torch.fft.ifft2(spectrum, norm="forward").imag
    return values.contiguous()


# Evaluates members first to first + count - 1 of a population: points (n, d) to (count, n).
Guesser = Callable[[Tensor, int, int], Tensor]


def _as_accuracy(value: Any, name: str) -> float:
    """Return a share, or nan where there was no hit."""
    empty = isinstance(value, float) and math.isnan(value)
    return math.nan if empty else as_number(value, name, Range(0, 1))


@door
@dataclass(frozen=True)
class Guesses:
    """What random functions did on one data set.

    Attributes
    ----------
    samples
        How many functions were drawn.
    hits
        How many of them have the right sign at every training point.
    points
        Number of training points, n.
    accuracy
        Mean share of test points with the right sign, over the hits; nan without a hit.
    """

    samples: Count
    hits: Whole
    points: Count
    accuracy: Annotated[float, _as_accuracy]

    @property
    def hit_rate(self) -> Interval:
        """Share of functions that fit, with Wilson's 95 % interval."""
        return wilson_interval(self.hits, self.samples)

    @property
    def baseline(self) -> float:
        """Hit rate of a function with independent random signs: 2 to the power of -n."""
        return 2.0**-self.points


@door
def check_guesses(
    guess: Guesser,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    *,
    samples: Count,
    chunk: Count = 256,
) -> Guesses:
    """Draw ``samples`` random functions, keep those that fit, and see how they generalize.

    The budget is fixed beforehand, so the hit rate is an unbiased estimate.

    Parameters
    ----------
    guess
        From `network_guesser` or `unbiased_guesser`, or any function of its type.
    train, test
        Points ``(n, d)`` and labels ``(n,)``, each +1 or -1.  A value of 0 is wrong for both.
    samples
        The budget.
    chunk
        How many functions are held at once; does not change the result.

    Raises
    ------
    ValueError
        If a number is below 1, points and labels do not fit, a label is not +1 or -1, or the
        value of a function is not finite.

    References
    ----------
    Chiang et al. (2023), "Loss landscapes are all you need: neural network generalization can be
    explained without the implicit bias of gradient descent".

    Examples
    --------
    >>> x = torch.tensor([[-0.5, 0.0], [0.5, 0.0]], dtype=torch.float64)
    >>> data = x, torch.tensor([-1.0, 1.0])
    >>> result = check_guesses(network_guesser(MLP(width=8)), data, data, samples=200)
    >>> result.samples, result.hits > 0, result.accuracy, result.baseline
    (200, True, 1.0, 0.25)
    """
    for name, (points, labels) in (("train", train), ("test", test)):
        _check_data(name, points, labels)
    hits: list[int] = []
    for first in range(0, samples, chunk):
        values = check_outputs(guess(train[0], first, min(chunk, samples - first)))  # (chunk, n)
        fits = (values.sign() == train[1].to(values)).all(1)
        hits += [first + index for index in fits.nonzero()[:, 0].tolist()]
    scores = [_share_right(guess(test[0], member, 1)[0], test[1]) for member in hits]
    accuracy = sum(scores) / len(scores) if scores else math.nan
    return Guesses(samples, len(hits), len(train[0]), accuracy)


@door
def network_guesser(
    architecture: MLP, *, device: torch.device | str | None = None, **draw: Any
) -> Guesser:
    """Return a guesser of random networks; ``draw`` are the options of `Population.sample`.

    Examples
    --------
    >>> guess = network_guesser(MLP(width=8), weight_scale=2.0, seed=1)
    >>> guess(torch.zeros(3, 2, dtype=torch.float64), 0, 5).shape
    torch.Size([5, 3])
    """

    def guess(points: Tensor, first: int, count: int) -> Tensor:
        population = Population.sample(
            architecture, networks=count, first=first, device=device, **draw
        )
        return population.forward(points.to(population.device, population.dtype))[..., 0]

    guess(torch.zeros(1, architecture.shapes["layers.0.weight"][1]), 0, 1)  # refuses bad options
    return guess


@door
def unbiased_guesser(
    points: Even = 32,
    *,
    amplitude: Positive = 1.0,
    seed: Seed = 0,
    device: torch.device | str | None = None,
) -> Guesser:
    """Return a guesser of unbiased models, with the options of `UnbiasedModel`.

    Examples
    --------
    >>> unbiased_guesser(8)(torch.zeros(3, 2, dtype=torch.float64), 0, 5).shape
    torch.Size([5, 3])
    """
    target, frequencies = resolve_device(device), all_frequencies(points)

    def guess(inputs: Tensor, first: int, count: int) -> Tensor:
        seeds = [member_seed(seed, first + i) for i in range(count)]
        sizes, phases = _draw(len(frequencies), amplitude, seeds)  # (count, frequencies) each
        x = inputs.to(target, torch.float64)
        angle = math.pi * x @ frequencies.to(target).mT  # (n, frequencies)
        sines, cosines = (sizes * phases.cos()).to(target), (sizes * phases.sin()).to(target)
        values: Tensor = sines @ angle.sin().mT + cosines @ angle.cos().mT  # (count, n)
        return values

    return guess


def _share_right(values: Tensor, labels: Tensor) -> float:
    return (values.sign() == labels.to(values)).double().mean().item()


def _check_data(name: str, points: Tensor, labels: Tensor) -> None:
    if points.ndim != 2 or len(points) < 1 or labels.shape != points.shape[:1]:
        raise ValueError(
            f"{name} must be points (n, d) and labels (n,) with n >= 1, got "
            f"{tuple(points.shape)} and {tuple(labels.shape)}"
        )
    if not bool((labels.abs() == 1).all()):
        raise ValueError(f"{name} has labels other than +1 and -1: {sorted(set(labels.tolist()))}")
