"""Sharpness-aware minimization: look at the gradient a little way uphill."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def uphill(values: Tensor, gradient: Tensor, radius: Tensor) -> Iterator[None]:
    r"""Move each member's parameters to :math:`w + r\,g/\lVert g\rVert`, and back afterwards.

    The norm is over all parameters of the member.  A member whose gradient is 0 stays.  The
    parameters are copied back at the end, so they return exactly.

    Parameters
    ----------
    values
        Parameters, a member in each row, shape (m, p); changed in place meanwhile.
    gradient
        Of the loss at ``values``, shape (m, p).
    radius
        :math:`r`, shape (m, 1).

    References
    ----------
    Foret, Kleiner, Mobahi and Neyshabur (2021), equation 2 with p = 2.

    Examples
    --------
    >>> values = torch.tensor([[1.0, 1.0]])
    >>> with uphill(values, torch.tensor([[0.0, -9.0]]), torch.tensor([[0.5]])):
    ...     print(values.tolist())
    [[1.0, 0.5]]
    >>> values.tolist()
    [[1.0, 1.0]]
    """
    norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)  # (m, 1)
    scale = torch.where(norm > 0, radius / norm, 0)
    before = values.clone()
    values.addcmul_(gradient, scale)
    try:
        yield
    finally:
        values.copy_(before)
