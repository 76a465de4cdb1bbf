"""Input grids: the points at which a function is looked at."""

import math
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

Nodes = Literal["uniform", "cell", "chebyshev", "legendre"]
NODES: tuple[Nodes, ...] = get_args(Nodes)


def axis(points: int, *, nodes: Nodes = "uniform", dtype: torch.dtype = torch.float64) -> Tensor:
    r"""Return the coordinates of a grid along one axis, rising within :math:`[-1, 1]`.

    Parameters
    ----------
    points
        How many, at least 2.
    nodes
        ``"uniform"``: equal steps, both ends included.
        ``"cell"``: centers of equal cells, :math:`-1 + (2i+1)/m`; one period of length 2.
        ``"chebyshev"``: roots of :math:`T_m`.  ``"legendre"``: roots of :math:`P_m`
        (the nodes of Gauss quadrature).
    dtype
        Of the result; coordinates are computed in float64.

    Raises
    ------
    ValueError
        If fewer than two points are asked for, or the nodes are unknown.

    Examples
    --------
    >>> axis(3).tolist(), axis(2, nodes="cell").tolist()
    ([-1.0, 0.0, 1.0], [-0.5, 0.5])
    """
    if points < 2:
        raise ValueError(f"a grid needs at least 2 points along each axis, got {points}")
    steps = torch.arange(points, dtype=torch.float64)
    if nodes == "uniform":
        values = torch.linspace(-1, 1, points, dtype=torch.float64)
    elif nodes == "cell":
        values = (2 * steps + 1) / points - 1
    elif nodes == "chebyshev":
        values = -torch.cos(math.pi * (steps + 0.5) / points)
    elif nodes == "legendre":
        values = torch.from_numpy(np.polynomial.legendre.leggauss(points)[0])
    else:
        raise ValueError(f"unknown nodes {nodes!r}; choose one of {', '.join(NODES)}")
    return values.to(dtype)


def grid(
    points: int,
    dimensions: int = 2,
    *,
    nodes: Nodes = "uniform",
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    r"""Return a regular grid on :math:`[-1, 1]^d` as a list of points.

    The last coordinate runs fastest, so that values at the points reshape to
    ``(points,) * d`` with entry ``[i, j]`` at ``(axis[i], axis[j])``.

    Parameters
    ----------
    points
        Points along each axis, at least 2.
    dimensions
        :math:`d`, at least 1.
    nodes, dtype
        As in `axis`.

    Returns
    -------
    Tensor
        Shape ``(points**d, d)``.

    Raises
    ------
    ValueError
        As in `axis`, or if ``dimensions`` is below 1.

    Examples
    --------
    >>> grid(2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    if dimensions < 1:
        raise ValueError(f"dimensions must be at least 1, got {dimensions}")
    coordinates = [axis(points, nodes=nodes, dtype=dtype)] * dimensions
    mesh = torch.meshgrid(*coordinates, indexing="ij")
    return torch.stack([m.reshape(-1) for m in mesh], dim=-1)  # (points**d, d)
