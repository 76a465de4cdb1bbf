"""Polynomial complexity: the mean order of a function's expansion in orthogonal polynomials."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from ibcore.redshift._values import check_values, mask_constant
from ibcore.tasks.grid import Nodes, axis

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
    exact = check_values(values)
    points = exact.shape[1]
    matrix = _projection(basis, points, _degree(points, degree, nodes), nodes).to(exact.device)
    for dimension in range(1, exact.ndim):
        exact = (exact.movedim(dimension, -1) @ matrix.mT).movedim(-1, dimension)
    return exact


def _mean_order(values: Tensor, basis: str, degree: int | None, nodes: Nodes) -> Tensor:
    coefficients = polynomial_coefficients(values, basis, degree=degree, nodes=nodes)
    dimensions = coefficients.ndim - 1
    line = torch.arange(coefficients.shape[1], dtype=torch.float64, device=values.device)
    order = torch.stack(torch.meshgrid(*[line] * dimensions, indexing="ij")).sum(0).flatten()
    amplitudes = coefficients.abs().flatten(1)[:, 1:]  # without the constant
    return mask_constant(amplitudes @ order[1:] / amplitudes.sum(1), values)


def chebyshev_complexity(
    values: Tensor, *, degree: int | None = None, nodes: Nodes = "uniform"
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
        Shape ``(networks,)``, float64, between 1 and 2K in two dimensions; nan for a constant
        function.

    Raises
    ------
    ValueError
        If the values are not finite floating point numbers on a grid, or the degree does not
        fit it.

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


def legendre_complexity(
    values: Tensor, *, degree: int | None = None, nodes: Nodes = "uniform"
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
        Shape ``(networks,)``, float64; nan for a constant function.

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
