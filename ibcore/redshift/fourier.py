"""Fourier complexity: the mean frequency of a function, weighted by amplitude."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from ibcore.door import Count, Range, check_memory, door
from ibcore.population import Population
from ibcore.redshift.sampling import (
    ROUNDING,
    Values,
    by_parts,
    check_outputs,
    exact,
    is_constant,
    mask_constant,
    ordinary,
    rounding_noise,
)
from ibcore.tasks.modular import Nodes, axis

Transform = Literal["dct", "fft", "hann"]
TRANSFORMS: tuple[Transform, ...] = get_args(Transform)


def _cosine_matrix(n: int, device: torch.device) -> Tensor:
    """Return the orthonormal DCT-II matrix, (frequency, point)."""
    point = torch.arange(n, dtype=torch.float64, device=device)
    matrix = torch.cos(math.pi / n * (point + 0.5) * point[:, None]) * math.sqrt(2 / n)
    matrix[0] /= math.sqrt(2)
    return matrix


def _along_axes(values: Tensor, matrix: Tensor) -> Tensor:
    """Multiply by a matrix along each axis after the first, where it lies in memory."""
    for dimension in range(1, values.ndim - 1):
        rest = values.shape[dimension + 1 :]
        lead = values.shape[:dimension]
        values = (matrix @ values.flatten(dimension + 1)).reshape(*lead, len(matrix), *rest)
    return values @ matrix.mT


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
        coefficients = _along_axes(values, _cosine_matrix(values.shape[1], values.device))
        amplitudes = coefficients.abs().flatten(1)  # (networks, k)
    else:
        windowed = _hann(values) if transform == "hann" else values
        coefficients = windowed[..., : values.shape[-1] // 2 + 1].to(torch.complex128)
        if len(values):  # the transform of no functions is an error of the library
            coefficients = torch.fft.rfftn(windowed, dim=tuple(range(1, values.ndim)))
        real, imaginary = torch.view_as_real(coefficients.flatten(1)).unbind(-1)
        amplitudes = torch.addcmul(real * real, imaginary, imaginary).sqrt()  # of ordinary size
    amplitudes[:, 0] = 0
    return amplitudes


@door
def fourier_complexity(values: Values, *, transform: Transform = "dct") -> Tensor:
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
        If the values are not finite numbers on a grid of at least two points, or the transform is
        unknown.

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
    radius, count = _frequencies(values.shape[1], values.ndim - 1, transform, values.device)
    weight = torch.stack([count * radius / radius.max(), count], dim=1)  # (k, 2)

    def measure(part: Tensor) -> Tensor:
        sums = _amplitudes(exact(part), transform) @ weight  # (networks, 2)
        return mask_constant(sums[:, 0] / sums[:, 1], part)

    return by_parts(measure, values)


@door
def radial_spectrum(values: Values, *, transform: Transform = "dct") -> tuple[Tensor, Tensor]:
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
    radius, count = _frequencies(values.shape[1], values.ndim - 1, transform, values.device)
    ring = radius.round().long()  # (k,)
    amplitudes = _amplitudes(exact(values), transform) * count  # (networks, k)
    rings = int(ring.max()) + 1
    sums = amplitudes.new_zeros(len(values), rings).index_add_(1, ring, amplitudes)
    means = (sums / count.new_zeros(rings).index_add_(0, ring, count))[:, 1:]
    means = means / means.sum(1, keepdim=True)
    fractions = torch.arange(1, rings, dtype=torch.float64, device=values.device) / radius.max()
    return fractions, means.masked_fill(is_constant(values)[:, None], torch.nan)


# Variation along paths: how far a network's output travels on the way between two inputs.


@door
def path_variation(
    population: Population, a: Tensor, b: Tensor, *, points: Annotated[int, Range(2)] = 33
) -> Tensor:
    r"""Return how much longer the way of each function is than the straight one.

    Along the segment from :math:`a_i` to :math:`b_i`, sampled at equally spaced :math:`x_{ij}`,

    .. math:: V(f) = \frac{\sum_i \sum_j |f(x_{i,j+1}) - f(x_{ij})|}{\sum_i |f(b_i) - f(a_i)|}.

    It is 1 for a linear function, and for any that is monotone along every segment, in any
    number of dimensions; it is blind to the scale of the function.

    Parameters
    ----------
    population
        m networks; several outputs are added up.
    a, b
        Ends of the segments, ``(n, in)`` each, on the population's device.
    points
        Samples along each segment, both ends included, at least 2.  Turns between two samples
        are not seen, so V never falls as samples are added in between.

    Returns
    -------
    Tensor
        Shape ``(m,)``, float64, at least 1; nan for a constant function, and infinite for one
        that comes back to its start on every segment.

    Raises
    ------
    ValueError
        If a and b do not have one shape ``(n, in)``, there are fewer than 2 points, or an output
        is not finite.

    References
    ----------
    Teney et al. (2025), arXiv 2503.10065, use total variation along segments between training
    points.  The division by the straight way is our choice.

    Examples
    --------
    >>> from ibcore.nets import MLP
    >>> many = Population.sample(MLP(3, activation="linear"), networks=2)
    >>> a, b = torch.rand(2, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> path_variation(many, a, b).round(decimals=6).tolist()
    [1.0, 1.0]
    """
    if a.ndim != 2 or a.shape != b.shape or len(a) < 1:
        raise ValueError(
            f"a and b must have one shape (n, in), got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    check_memory("points", points, 8.0 * points * a.numel())
    a, b = a.to(population.dtype), b.to(population.dtype)
    share = torch.linspace(0, 1, points, dtype=a.dtype, device=a.device)[:, None]
    x = torch.lerp(a[:, None, :], b[:, None, :], share)  # (n, points, in)
    values = check_outputs(population.forward(x.flatten(0, 1)))  # (m, n * points, out)
    paths = exact(values).reshape(len(population), len(a), points, -1)  # (m, n, points, out)
    travelled = paths.diff(dim=2).abs().flatten(1).sum(1)
    straight = (paths[:, :, -1] - paths[:, :, 0]).abs().flatten(1).sum(1)
    noise = len(a) * rounding_noise(paths, values.dtype)
    straight = straight.masked_fill(straight <= noise, 0.0)
    return (travelled / straight).masked_fill(is_constant(values), torch.nan)


# Polynomial complexity: the mean order of a function's expansion in orthogonal polynomials.

_VANDERMONDE: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "chebyshev": np.polynomial.chebyshev.chebvander,
    "legendre": np.polynomial.legendre.legvander,
}


@lru_cache(maxsize=32)
def _projection(basis: str, points: int, degree: int, nodes: Nodes) -> Tensor:
    """Return the least-squares map from values to coefficients, (degree + 1, points)."""
    return torch.from_numpy(
        np.linalg.pinv(_VANDERMONDE[basis](axis(points, nodes=nodes).numpy(), degree))
    )


def _degree(points: int, degree: int | None, nodes: Nodes) -> int:
    largest = points // 3 if nodes in ("uniform", "cell") else points - 1
    if largest < 1:
        raise ValueError(f"values must have at least 3 points along each axis, got {points}")
    if degree is None:
        return min(16, largest)
    if not 1 <= degree <= largest:
        raise ValueError(
            f"degree must be between 1 and {largest} on {points} {nodes} nodes, got {degree}; "
            "the fit is ill-conditioned beyond that: use more points or nodes='chebyshev'"
        )
    return degree


def polynomial_coefficients(
    values: Tensor, basis: str, *, degree: int | None = None, nodes: Nodes = "uniform"
) -> Tensor:
    """Return coefficients of the tensor-product expansion, ``(networks, degree + 1, ...)``.

    Least squares on the grid, separable: one small matrix along each axis.

    Examples
    --------
    >>> x = axis(12)
    >>> c = polynomial_coefficients((2 * x * x - 1)[None], "chebyshev", degree=3)  # T_2
    >>> (c.abs() > 1e-12).tolist()
    [[False, False, True, False]]
    """
    points = values.shape[1]
    matrix = _projection(basis, points, _degree(points, degree, nodes), nodes).to(values.device)
    coefficients = _along_axes(values.double(), matrix)
    return coefficients if ordinary(coefficients) else _along_axes(exact(values), matrix)


def _mean_order(values: Tensor, basis: str, degree: int | None, nodes: Nodes) -> Tensor:
    return by_parts(lambda part: _part_order(part, basis, degree, nodes), values)


def _part_order(values: Tensor, basis: str, degree: int | None, nodes: Nodes) -> Tensor:
    coefficients = polynomial_coefficients(values, basis, degree=degree, nodes=nodes)
    dimensions = coefficients.ndim - 1
    line = torch.arange(coefficients.shape[1], dtype=torch.float64, device=values.device)
    order = torch.stack(torch.meshgrid(*[line] * dimensions, indexing="ij")).sum(0).flatten()
    amplitudes = coefficients.abs().flatten(1)  # (networks, k), the constant first
    rest, size = amplitudes[:, 1:].sum(1), amplitudes.amax(1)
    flat = rest <= ROUNDING * torch.finfo(torch.float64).eps * len(order) * size
    return mask_constant(amplitudes[:, 1:] @ order[1:] / rest, values).masked_fill(flat, torch.nan)


@door
def chebyshev_complexity(
    values: Values, *, degree: Count | None = None, nodes: Nodes = "uniform"
) -> Tensor:
    r"""Return the mean order of the Chebyshev expansion, weighted by amplitude.

    .. math:: C(f) = \frac{\sum_{i+j>0} |c_{ij}|\,(i+j)}{\sum_{i+j>0} |c_{ij}|},\qquad
              f \approx \sum_{i,j \le K} c_{ij} T_i(x_1) T_j(x_2)

    A linear function has order 1.

    Parameters
    ----------
    values
        Functions on a grid, ``(networks, n)``, ``(networks, n, n)`` and so on.
    degree
        :math:`K`; default 16, or n // 3 where that is less.  On a uniform grid higher degrees
        than n // 3 are refused as ill-conditioned.
    nodes
        The grid the values were taken on, as in `ibcore.tasks.axis`.

    Returns
    -------
    Tensor
        Shape ``(networks,)``, float64, between 1 and 2K in two dimensions; nan where the function
        or its expansion is constant.

    Raises
    ------
    ValueError
        If the values are not finite numbers on a grid, or the degree does not fit it.

    References
    ----------
    Teney et al. (2024), section 2.

    Examples
    --------
    >>> from ibcore.tasks import grid
    >>> ramp = grid(32)[:, 0].reshape(1, 32, 32)
    >>> round(float(chebyshev_complexity(ramp)), 6)
    1.0
    """
    return _mean_order(values, "chebyshev", degree, nodes)


@door
def legendre_complexity(
    values: Values, *, degree: Count | None = None, nodes: Nodes = "uniform"
) -> Tensor:
    r"""Return the mean order of the Legendre expansion, weighted by amplitude.

    As `chebyshev_complexity`, with Legendre polynomials normalized to :math:`P_k(1) = 1`.

    Parameters
    ----------
    values, degree, nodes
        As in `chebyshev_complexity`.

    Returns
    -------
    Tensor
        Shape ``(networks,)``, float64; nan as there.

    Raises
    ------
    ValueError
        As in `chebyshev_complexity`.

    References
    ----------
    Teney et al. (2024), section 2.

    Examples
    --------
    >>> x = axis(30)
    >>> round(float(legendre_complexity(((3 * x * x - 1) / 2)[None])), 6)  # P_2
    2.0
    """
    return _mean_order(values, "legendre", degree, nodes)


# Total variation: how far a function travels along a line.


@door
def total_variation(values: Values) -> Tensor:
    r"""Return the mean total variation along the lines of the grid, in standard deviations.

    .. math:: V(f) = \frac{1}{\operatorname{std} f}
              \operatorname{mean}_\text{lines} \sum_i |f(x_{i+1}) - f(x_i)|

    Lines run along each axis.  The division makes it blind to the scale of the function.

    Parameters
    ----------
    values
        Functions on a grid, ``(networks, n)``, ``(networks, n, n)`` and so on.

    Returns
    -------
    Tensor
        Shape ``(networks,)``, float64; nan for a constant function.

    Raises
    ------
    ValueError
        If the values are not finite numbers on a grid.

    References
    ----------
    Teney et al. (2025), arXiv 2503.10065, use total variation along segments between training
    points; on a grid the segments are its lines.

    Examples
    --------
    >>> ramp = torch.linspace(-1, 1, 65, dtype=torch.float64)
    >>> round(float(total_variation(ramp[None])), 3)  # 2 / std, std = 2 / sqrt(12)
    3.411
    """
    return by_parts(_variation, values)


def _variation(values: Tensor) -> Tensor:
    doubles = exact(values)
    lines = doubles.shape[1] ** (doubles.ndim - 2)  # along each axis
    lengths = [
        doubles.diff(dim=axis).abs().sum(axis).reshape(len(doubles), lines).mean(1)  # (networks,)
        for axis in range(1, doubles.ndim)
    ]
    flat = doubles.flatten(1)
    deviation = flat.std(1, correction=0) if len(flat) else flat.sum(1)
    return mask_constant(torch.stack(lengths).mean(0) / deviation, values)
