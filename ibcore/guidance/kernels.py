r"""Gram matrices: how alike any two points are to a network.

.. math:: K_{ij} = x_i \cdot x_j \quad\text{(linear)}, \qquad
          K_{ij} = \exp\!\Bigl(-\frac{\lVert x_i - x_j\rVert^2}{2\sigma^2}\Bigr)
          \quad\text{(RBF)}

Both are computed from features whose mean has been subtracted: linear ones of the raw features
would lose their digits to a common offset.
"""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from ibcore.guidance._features import centered

Kernel = Literal["linear", "rbf"]
_ROUNDING_STEPS = 32  # a distance below this many units in the last place is rounding noise
KERNELS: tuple[Kernel, ...] = get_args(Kernel)


def check_kernel(kernel: str, sigma: float | None) -> None:
    """Raise ``ValueError`` for an unknown kernel or an unusable width.

    Examples
    --------
    >>> check_kernel("rbf", 2.0)
    """
    if kernel not in KERNELS:
        raise ValueError(f"unknown kernel {kernel!r}; choose one of {', '.join(KERNELS)}")
    if sigma is not None and kernel != "rbf":
        raise ValueError(f"sigma={sigma} belongs to kernel='rbf'; leave it out for {kernel!r}")
    if sigma is not None and not (math.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma must be a finite number > 0, got {sigma}")


def gram(features: Tensor, *, kernel: Kernel = "linear", sigma: float | None = None) -> Tensor:
    r"""Return the Gram matrix of centered features: (..., n, p) to (..., n, n).

    Parameters
    ----------
    features
        One row for each point; leading dimensions hold several sets of features.
    kernel
        ``"linear"`` or ``"rbf"``.
    sigma
        Width of the RBF kernel in the units of the features; None for the median heuristic:
        the median distance :math:`\lVert x_i - x_j\rVert` over the pairs :math:`i<j` (the lower
        of the two middle ones if their number is even).  It makes the kernel invariant to
        isotropic scaling, and is part of the gradient.

    Raises
    ------
    ValueError
        If the kernel is unknown, ``sigma`` is unusable, or the median distance is 0.

    References
    ----------
    Kornblith, Norouzi, Lee and Hinton (2019), section 3, which takes a fraction of the median.

    Examples
    --------
    >>> gram(torch.tensor([[0.0], [2.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    >>> gram(torch.tensor([[0.0], [2.0]]), kernel="rbf")[0, 1].item() == math.exp(-0.5)
    True
    """
    check_kernel(kernel, sigma)
    x = centered(features)
    linear = x @ x.mT  # (..., n, n)
    return linear if kernel == "linear" else radial(linear, sigma=sigma)


def radial(linear: Tensor, *, sigma: float | None = None) -> Tensor:
    """Turn linear Gram matrices into those of the RBF kernel: (..., n, n) to the same, float64.

    Raises
    ------
    ValueError
        If the median distance is 0 and no ``sigma`` is given.

    Examples
    --------
    >>> radial(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), sigma=2.0)[0, 1].item() == math.exp(-0.5)
    True
    """
    square = squared_distances(linear)
    spread = median_square(square) if sigma is None else torch.as_tensor(sigma**2).to(square)
    return torch.exp(-square / (2 * spread[..., None, None]))


def squared_distances(linear: Tensor) -> Tensor:
    """Return squared distances from linear Gram matrices: (..., n, n), float64.

    Examples
    --------
    >>> squared_distances(torch.tensor([[1.0, -1.0], [-1.0, 1.0]])).tolist()
    [[0.0, 4.0], [4.0, 0.0]]
    """
    products = linear.double()
    norms = products.diagonal(dim1=-2, dim2=-1)  # (..., n)
    return norms[..., :, None] + norms[..., None, :] - 2 * products


def median_square(square: Tensor) -> Tensor:
    """Return the square of the median distance over pairs of points: (..., n, n) to (...).

    Raises
    ------
    ValueError
        If it is 0: at least half of the pairs are copies of each other.

    Examples
    --------
    >>> median_square(torch.tensor([[0.0, 4.0], [4.0, 0.0]])).item()
    4.0
    """
    n = square.shape[-1]
    rows, columns = torch.triu_indices(n, n, offset=1, device=square.device)
    median = square[..., rows, columns].median(-1).values
    noise = _ROUNDING_STEPS * torch.finfo(square.dtype).eps * square.detach().amax((-2, -1))
    if bool((median <= noise).any()):
        raise ValueError(
            "the median distance between points is 0, as at least half of the pairs are copies; "
            "give the width of the kernel as sigma"
        )
    return median
