"""Minibatches with and without fresh label noise: the same for every scale, by seed."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ibcore.population import member_seed
from ibcore.runtime import generator

CHUNK = 256  # steps drawn at once; part of the definition, as streams depend on it


def minibatches(
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    batch_size: int | None = None,
    label_noise: float = 0.0,
    seed: int | Sequence[int] = 0,
) -> Iterator[tuple[Tensor, Tensor]]:
    r"""Yield ``steps`` batches of points and labels.

    Points are drawn uniformly with replacement, so that the variance of a batch's gradient is
    exactly that of one point over the batch size.  Label noise is drawn anew at each step:
    :math:`y_i + \sigma\varepsilon`, :math:`\varepsilon \sim N(0, 1)`.  What is drawn for a seed
    depends neither on the other seeds nor on the number of steps; it is drawn on the CPU, so it
    is the same on every device.

    Parameters
    ----------
    x, y
        Shapes (n, d) and (n,) with one seed, or (seeds, n, d) and (seeds, n).  Where nothing is
        drawn, any leading axes.
    steps
        How many.
    batch_size
        Points in each batch; None for all of them, each once.
    label_noise
        :math:`\sigma`.
    seed
        One for each problem.

    Yields
    ------
    tuple
        Shapes (..., b, d) and (..., b).

    Raises
    ------
    ValueError
        If the seeds do not fit the data, or a number is out of range.

    References
    ----------
    HaoChen, Wei, Lee and Ma (2021) study label noise of this kind.

    Examples
    --------
    >>> x, y = torch.eye(4, dtype=torch.float64), torch.arange(4.0, dtype=torch.float64)
    >>> batches = list(minibatches(x, y, steps=3, batch_size=2, seed=1))
    >>> len(batches), batches[0][0].shape, batches[0][1].shape
    (3, torch.Size([2, 4]), torch.Size([2]))
    """
    seeds = [seed] if isinstance(seed, int) else list(seed)
    expected = () if isinstance(seed, int) else (len(seeds),)
    drawn = batch_size is not None or label_noise != 0
    if x.shape[:-2] != expected and (drawn or expected):
        raise ValueError(
            f"x has shape {tuple(x.shape)} but {len(seeds)} seeds were given; "
            "use (n, d) with one number, or (seeds, n, d) with a sequence"
        )
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}; None takes all points")
    if not (0 <= label_noise < float("inf")):
        raise ValueError(f"label_noise must be finite and >= 0, got {label_noise}")
    if steps < 0:
        raise ValueError(f"steps must be at least 0, got {steps}")
    if not drawn:
        return ((x, y) for _ in range(steps))
    return _draw((x, y), steps, batch_size, label_noise, seeds)


def _draw(
    data: tuple[Tensor, Tensor], steps: int, size: int | None, noise: float, seeds: list[int]
) -> Iterator[tuple[Tensor, Tensor]]:
    x, y = data
    streams = [[generator(member_seed(seed, part)) for part in (0, 1)] for seed in seeds]
    points, lead = x.shape[-2], x.shape[:-2]
    many_x, many_y = x.reshape(-1, *x.shape[-2:]), y.reshape(-1, points)  # (s, n, d), (s, n)
    problem = torch.arange(len(seeds), device=x.device)[:, None]
    for first in range(0, steps, CHUNK):
        chosen, shifts = _numbers(streams, points, size, noise)
        bx = many_x if chosen is None else many_x[problem, chosen.to(x.device)]
        by = many_y if chosen is None else many_y[problem, chosen.to(x.device)]
        by = by + shifts.to(x.device)  # (CHUNK, s, b)
        bx = bx.expand(*by.shape, x.shape[-1])  # (CHUNK, s, b, d)
        for k in range(min(CHUNK, steps - first)):
            yield bx[k].reshape(*lead, *bx.shape[-2:]), by[k].reshape(*lead, by.shape[-1])


def _numbers(
    streams: list[list[torch.Generator]], points: int, size: int | None, noise: float
) -> tuple[Tensor | None, Tensor]:
    """Draw point numbers (CHUNK, s, b) or None for all, and label noise (CHUNK, s, b)."""
    b = points if size is None else size
    chosen = [torch.randint(points, (CHUNK, b), generator=first) for first, _ in streams]
    normal = [torch.randn(CHUNK, b, generator=g, dtype=torch.float64) for _, g in streams]
    shifts = noise * torch.stack(normal, 1)
    return None if size is None else torch.stack(chosen, 1), shifts
