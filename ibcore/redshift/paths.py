"""Variation along paths: how far a network's output travels on the way between two inputs."""

import torch
from torch import Tensor

from ibcore.population import Population
from ibcore.redshift._values import is_constant


def path_variation(population: Population, a: Tensor, b: Tensor, *, points: int = 33) -> Tensor:
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
        Ends of the segments, ``(n, in)`` each, in the population's dtype and device.
    points
        Samples along each segment, both ends included, at least 2.  Turns between two samples
        are not seen, so V never falls as samples are added in between.

    Returns
    -------
    Tensor
        Shape ``(m,)``, float64, at least 1; nan for a constant function.

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
    if points < 2:
        raise ValueError(f"points must be at least 2, got {points}")
    share = torch.linspace(0, 1, points, dtype=a.dtype, device=a.device)[:, None]
    x = torch.lerp(a[:, None, :], b[:, None, :], share)  # (n, points, in)
    values = population.forward(x.flatten(0, 1))  # (m, n * points, out)
    if not bool(torch.isfinite(values).all()):
        raise ValueError("an output is nan or infinite; look at the weight scale of the networks")
    paths = values.double().reshape(len(population), len(a), points, -1)  # (m, n, points, out)
    travelled = paths.diff(dim=2).abs().flatten(1).sum(1)
    straight = (paths[:, :, -1] - paths[:, :, 0]).abs().flatten(1).sum(1)
    return (travelled / straight).masked_fill(is_constant(values), torch.nan)
