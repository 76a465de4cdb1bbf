"""Total variation: how far a function travels along a line."""

import torch
from torch import Tensor

from ibcore.redshift._values import check_values, mask_constant


def total_variation(values: Tensor) -> Tensor:
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
        If the values are not finite floating point numbers on a grid.

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
    exact = check_values(values)
    lengths = [
        exact.diff(dim=axis).abs().sum(axis).reshape(len(exact), -1).mean(1)  # (networks,)
        for axis in range(1, exact.ndim)
    ]
    deviation = exact.flatten(1).std(1, correction=0)
    return mask_constant(torch.stack(lengths).mean(0) / deviation, values)
