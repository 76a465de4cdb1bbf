"""Fourier complexity: the mean frequency of a function, weighted by amplitude."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from ibcore.redshift._values import check_values, is_constant, mask_constant

Transform = Literal["dct", "fft", "hann"]
TRANSFORMS: tuple[Transform, ...] = get_args(Transform)

_CHUNK_VALUES = 2**21  # values transformed at once: 16 MiB in float64


def _cosine_matrix(n: int, device: torch.device) -> Tensor:
    """Return the orthonormal DCT-II matrix, (frequency, point)."""
    point = torch.arange(n, dtype=torch.float64, device=device)
    matrix = torch.cos(math.pi / n * (point + 0.5) * point[:, None]) * math.sqrt(2 / n)
    matrix[0] /= math.sqrt(2)
    return matrix


def _dct(values: Tensor) -> Tensor:
    matrix = _cosine_matrix(values.shape[1], values.device)
    for dimension in range(1, values.ndim):
        values = (values.movedim(dimension, -1) @ matrix.mT).movedim(-1, dimension)
    return values


def _hann(values: Tensor) -> Tensor:
    """Remove the mean and multiply by a periodic Hann window along each axis."""
    n, dimensions = values.shape[1], values.ndim - 1
    values = values - values.mean(dim=tuple(range(1, values.ndim)), keepdim=True)
    window = torch.hann_window(n, dtype=torch.float64, device=values.device)
    for dimension in range(dimensions):
        values = values * window.reshape([n] + [1] * (dimensions - 1 - dimension))
    return values


def _frequencies(
    n: int, dimensions: int, transform: Transform, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return |k| of each kept coefficient and how many coefficients it stands for, both flat."""
    steps = torch.arange(n, dtype=torch.float64, device=device)
    line = steps if transform == "dct" else torch.minimum(steps, n - steps)
    last = steps if transform == "dct" else line[: n // 2 + 1]  # the rest by symmetry
    mesh = torch.meshgrid(*[line] * (dimensions - 1), last, indexing="ij")
    radius = torch.stack(mesh).square().sum(0).sqrt()
    count = torch.ones_like(last)
    if transform != "dct":
        count[1 : (n + 1) // 2] = 2
    return radius.flatten(), count.expand(radius.shape).flatten()


def _amplitudes(values: Tensor, transform: Transform) -> Tensor:
    """Return the magnitude of each kept coefficient, 0 for the constant: (networks, k)."""
    if transform == "dct":
        coefficients = _dct(values)
    else:
        windowed = _hann(values) if transform == "hann" else values
        coefficients = torch.fft.rfftn(windowed, dim=tuple(range(1, values.ndim)))
    amplitudes = coefficients.abs().flatten(1)  # (networks, k)
    amplitudes[:, 0] = 0
    return amplitudes


def _checked(values: Tensor, transform: str) -> tuple[Tensor, Transform]:
    for known in TRANSFORMS:
        if transform == known:
            return check_values(values), known
    raise ValueError(f"unknown transform {transform!r}; choose one of {', '.join(TRANSFORMS)}")


def fourier_complexity(values: Tensor, *, transform: Transform = "dct") -> Tensor:
    r"""Return the mean frequency of each function, weighted by amplitude, in :math:`[0, 1]`.

    .. math:: C(f) = \frac{\sum_{k \neq 0} |\hat f(k)|\,\lVert k\rVert}
              {\lVert k\rVert_\max \sum_{k \neq 0} |\hat f(k)|}

    A linear ramp has a value near 0, white noise about 0.54 in two dimensions.

    Parameters
    ----------
    values
        Functions on a uniform grid, ``(networks, n)``, ``(networks, n, n)`` and so on.
    transform
        ``"dct"``: cosine transform (DCT-II), which mirrors the function at its borders and so
        sees no jump there; the default.  ``"fft"``: Fourier transform as in the paper; a
        function that is not periodic gets spurious high frequencies from the jump between
        opposite borders.  ``"hann"``: Fourier transform of the function without its mean, times
        a Hann window.

    Returns
    -------
    Tensor
        Shape ``(networks,)``, float64; nan for a constant function.

    Raises
    ------
    ValueError
        If the values are not finite floating point numbers on a grid of at least two points,
        or the transform is unknown.

    References
    ----------
    Teney et al. (2024), section 2, in one dimension; the division by the largest frequency
    follows their code.

    Notes
    -----
    Values depend on the grid: compare functions on equal grids only.

    Examples
    --------
    >>> line = torch.linspace(-1, 1, 64, dtype=torch.float64)
    >>> [round(float(fourier_complexity(f[None])), 3) for f in (line, torch.cos(40 * line))]
    [0.033, 0.401]
    """
    exact, transform = _checked(values, transform)
    radius, count = _frequencies(values.shape[1], values.ndim - 1, transform, values.device)
    weight = torch.stack([count * radius / radius.max(), count], dim=1)  # (k, 2)
    chunk = max(1, _CHUNK_VALUES // values[0].numel())
    sums = torch.cat([_amplitudes(part, transform) @ weight for part in torch.split(exact, chunk)])
    return mask_constant(sums[:, 0] / sums[:, 1], values)


def radial_spectrum(values: Tensor, *, transform: Transform = "dct") -> tuple[Tensor, Tensor]:
    r"""Return the mean amplitude in rings of equal frequency.

    Ring :math:`j` holds the coefficients with :math:`\lVert k\rVert` nearest to :math:`j` (in
    units of half a period over the grid for the DCT, a whole period otherwise).

    Returns
    -------
    tuple of Tensor
        Frequencies of the rings as fractions of the largest, ``(rings,)``, and mean amplitudes,
        ``(networks, rings)``, which sum to 1 for each function (nan for a constant one).

    Raises
    ------
    ValueError
        As in `fourier_complexity`.

    Examples
    --------
    >>> wave = torch.cos(torch.pi * 3 * (torch.arange(16, dtype=torch.float64) + 0.5) / 16)
    >>> int(radial_spectrum(wave[None])[1].argmax())  # ring 0 is frequency 1
    2
    """
    exact, transform = _checked(values, transform)
    radius, count = _frequencies(values.shape[1], values.ndim - 1, transform, values.device)
    ring = radius.round().long()  # (k,)
    amplitudes = _amplitudes(exact, transform) * count  # (networks, k)
    rings = int(ring.max()) + 1
    sums = amplitudes.new_zeros(len(values), rings).index_add_(1, ring, amplitudes)
    means = (sums / count.new_zeros(rings).index_add_(0, ring, count))[:, 1:]
    means = means / means.sum(1, keepdim=True)
    fractions = torch.arange(1, rings, dtype=torch.float64, device=values.device) / radius.max()
    return fractions, means.masked_fill(is_constant(values)[:, None], torch.nan)
