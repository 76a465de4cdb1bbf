"""Batches and label noise that the browser draws too, for one run of the diagonal net."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ibcore.explorers.draws import uniforms

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
    points = len(y)
    size = points if batch_size is None else batch_size
    chosen = np.tile(np.arange(points), (steps, 1))
    if batch_size is not None:
        drawn = uniforms(STREAM_SEEDS[0] + seed, steps * size)
        chosen = np.floor(drawn * points).astype(np.int64).reshape(steps, size)
    shifts = np.zeros((steps, size))
    if label_noise:
        first, second = uniforms(STREAM_SEEDS[1] + seed, 2 * steps * size).reshape(-1, 2).T
        normal = np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * second)
        shifts = label_noise * normal.reshape(steps, size)
    for row, shift in zip(torch.from_numpy(chosen), torch.from_numpy(shifts), strict=True):
        yield x[row], y[row] + shift
