"""Guess and check: draw random networks until one fits the training points, with no training."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.redshift.unbiased import all_frequencies
from ibcore.runtime import generator, resolve_device
from ibcore.stats import Interval, wilson_interval

# Evaluates members first to first + count - 1 of a population: points (n, d) to (count, n).
Guesser = Callable[[Tensor, int, int], Tensor]


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

    samples: int
    hits: int
    points: int
    accuracy: float

    @property
    def hit_rate(self) -> Interval:
        """Share of functions that fit, with Wilson's 95 % interval."""
        return wilson_interval(self.hits, self.samples)

    @property
    def baseline(self) -> float:
        """Hit rate of a function with independent random signs: 2 to the power of -n."""
        return 2.0**-self.points


def check_guesses(
    guess: Guesser,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    *,
    samples: int,
    chunk: int = 256,
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
        If a number is below 1, points and labels do not fit, or a label is not +1 or -1.

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
    for name, value in (("samples", samples), ("chunk", chunk)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    for name, (points, labels) in (("train", train), ("test", test)):
        _check_data(name, points, labels)
    hits: list[int] = []
    for first in range(0, samples, chunk):
        values = guess(train[0], first, min(chunk, samples - first))  # (chunk, n)
        fits = (values.sign() == train[1].to(values)).all(1)
        hits += [first + index for index in fits.nonzero()[:, 0].tolist()]
    scores = [_share_right(guess(test[0], member, 1)[0], test[1]) for member in hits]
    accuracy = sum(scores) / len(scores) if scores else math.nan
    return Guesses(samples, len(hits), len(train[0]), accuracy)


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

    return guess


def unbiased_guesser(
    points: int = 32,
    *,
    amplitude: float = 1.0,
    seed: int = 0,
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
        rngs = [generator(member_seed(seed, first + i)) for i in range(count)]
        shape = (2, len(frequencies))
        drawn = torch.stack([torch.rand(shape, generator=g, dtype=torch.float64) for g in rngs])
        sizes, phases = (2 * drawn[:, 0] - 1) * amplitude, 2 * math.pi * drawn[:, 1]
        angle = math.pi * inputs.to(target) @ frequencies.to(target).mT  # (n, frequencies)
        sines, cosines = (sizes * phases.cos()).to(target), (sizes * phases.sin()).to(target)
        return sines @ angle.sin().mT + cosines @ angle.cos().mT  # (count, n)

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
