"""The unbiased model: a learner with the same weight on every frequency."""

import math

import torch
from torch import Tensor, nn

from ibcore.population import member_seed
from ibcore.runtime import generator, resolve_device


def all_frequencies(points: int) -> Tensor:
    r"""Return each discrete frequency of a grid once, up to sign: ``(points**2 // 2 - 1, 2)``.

    Integer pairs with :math:`|k_i| \le` points/2, without 0; of :math:`k` and :math:`-k` only
    one, since :math:`\sin(\pi k x + p)` covers both by its phase.

    Raises
    ------
    ValueError
        If ``points`` is not even and at least 4.

    Examples
    --------
    >>> all_frequencies(4).tolist()
    [[0.0, 1.0], [1.0, -1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]]
    """
    if points < 4 or points % 2:
        raise ValueError(f"points must be even and at least 4, got {points}")
    half = points // 2
    inner = torch.arange(1 - half, half, dtype=torch.float64)
    mesh = torch.stack(torch.meshgrid(inner, inner, indexing="ij"), -1).reshape(-1, 2)
    kept = mesh[(mesh[:, 0] > 0) | ((mesh[:, 0] == 0) & (mesh[:, 1] > 0))]
    edge = torch.tensor([[0.0, half], [half, 0.0], [half, half]], dtype=torch.float64)
    return torch.cat([kept, edge])


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

    def __init__(self, points: int = 64, *, amplitude: float = 1.0, seed: int = 0) -> None:
        super().__init__()
        self.register_buffer("frequencies", all_frequencies(points))
        amplitudes, phases = _draw(len(self.frequencies), amplitude, seed)
        self.amplitudes, self.phases = nn.Parameter(amplitudes), nn.Parameter(phases)

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate the model: ``(n, 2)`` to ``(n, 1)``."""
        waves = torch.sin(math.pi * x @ self.frequencies.mT + self.phases)  # (n, frequencies)
        return waves @ self.amplitudes[:, None]


def _draw(count: int, amplitude: float, seed: int) -> Tensor:
    """Return amplitudes and phases of one model, ``(2, count)``."""
    if not (math.isfinite(amplitude) and amplitude > 0):
        raise ValueError(f"amplitude must be a finite number > 0, got {amplitude}")
    drawn = torch.rand(2, count, generator=generator(seed), dtype=torch.float64)
    return torch.stack([(2 * drawn[0] - 1) * amplitude, 2 * math.pi * drawn[1]])


def sample_unbiased(
    networks: int = 100,
    grid: int = 64,
    *,
    amplitude: float = 1.0,
    seed: int = 0,
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
    if networks < 1:
        raise ValueError(f"networks must be at least 1, got {networks}")
    target = resolve_device(device)
    frequencies = all_frequencies(grid)
    seeds = (member_seed(seed, i) for i in range(networks))
    drawn = torch.stack([_draw(len(frequencies), amplitude, own) for own in seeds], 1)
    size, phase = drawn.to(target)  # (networks, frequencies) each
    frequencies = frequencies.to(target)
    # The first cell center is 1/grid - 1, and each next one is 2/grid further: a Fourier sum.
    start = math.pi * (1 / grid - 1) * frequencies.sum(-1)  # (frequencies,)
    spectrum = torch.zeros(networks, grid, grid, dtype=torch.complex128, device=target)
    rows, columns = (frequencies.long() % grid).unbind(-1)
    spectrum[:, rows, columns] = size * torch.polar(torch.ones_like(phase), phase + start)
    values: Tensor = torch.fft.ifft2(spectrum, norm="forward").imag
    return values.contiguous()
