r"""The Hilbert-Schmidt independence criterion of two Gram matrices, biased and unbiased.

.. math:: \text{biased:}\quad \frac{\operatorname{tr}(KHLH)}{(n-1)^2},\qquad
          H = I - \tfrac1n \mathbf 1\mathbf 1^\top

.. math:: \text{unbiased:}\quad \frac{1}{n(n-3)}\Bigl[\operatorname{tr}(\tilde K\tilde L)
          + \frac{\mathbf 1^\top\tilde K\mathbf 1\;\mathbf 1^\top\tilde L\mathbf 1}{(n-1)(n-2)}
          - \frac{2}{n-2}\,\mathbf 1^\top\tilde K\tilde L\mathbf 1\Bigr]

where :math:`\tilde K` is K with a diagonal of zeros.  Neither changes when a number is added to
each row and to the column of the same point, so the matrices are first centered by numbers that
stay out of the graph: that keeps the digits, and the gradient is exact.  A linear kernel needs no
matrix of all pairs of points:
:math:`\operatorname{tr}(KL)=\lVert X^\top Y\rVert_F^2`, and the sums of rows are products with the
sum of all points.

Products of features, and of matrices for all pairs of layers, have the precision of the features;
what is added to them and their ratios are in float64.  Features in float64 keep all digits.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ibcore.guidance._features import centered

_ROUNDING_STEPS = 32  # a criterion below this many units in the last place is rounding noise

Inner = Callable[[Tensor, Tensor], Tensor]


class Sums(NamedTuple):
    """Sums of rows and diagonals of Gram matrices, each (..., n), float64."""

    rows: Tensor
    diagonal: Tensor


def centered_gram(matrix: Tensor) -> Tensor:
    """Center a Gram matrix over rows and columns, outside the graph: (..., n, n) to the same.

    Examples
    --------
    >>> centered_gram(torch.tensor([[3.0, 1.0], [1.0, 3.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    known = matrix.detach()
    rows = known.mean(-1, keepdim=True)  # (..., n, 1)
    return matrix - (rows + rows.mT - rows.mean(-2, keepdim=True))


def gram_sums(matrix: Tensor) -> Sums:
    """Return the sums of Gram matrices (..., n, n).

    Examples
    --------
    >>> gram_sums(torch.tensor([[3.0, 1.0], [1.0, 3.0]])).rows.tolist()
    [4.0, 4.0]
    """
    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    return Sums(matrix.sum(-1).double(), diagonal.double())


def feature_sums(x: Tensor) -> Sums:
    """Return the sums of the linear Gram matrices of features (..., n, p), without the matrices.

    Examples
    --------
    >>> feature_sums(torch.tensor([[1.0], [2.0]])).rows.tolist()
    [3.0, 6.0]
    """
    total = x.sum(-2)  # (..., p)
    rows = (x @ total[..., None])[..., 0]  # (..., n)
    return Sums(rows.double(), x.square().sum(-1).double())


def each(first: Tensor, second: Tensor) -> Tensor:
    """Return the inner products of rows that belong together: (..., n) twice to (...).

    Examples
    --------
    >>> each(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])).item()
    11.0
    """
    return (first * second).sum(-1)


def combine(
    trace: Tensor, first: Sums, second: Sums, *, unbiased: bool, inner: Inner = each
) -> Tensor:
    """Return the criterion from a trace and the sums of both matrices.

    Parameters
    ----------
    trace
        tr(KL), of matrices with zeros on the diagonal for the unbiased estimate; of the shape
        that ``inner`` gives, float64.
    first, second
        Sums of K and of L.
    unbiased
        Which estimate.
    inner
        `each` for matrices that belong together, ``torch.inner`` for all pairs of two lists.

    Examples
    --------
    >>> k = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    >>> combine((k * k).sum(), gram_sums(k), gram_sums(k), unbiased=False).item()
    4.0
    """
    n = first.rows.shape[-1]
    if unbiased:
        left, right = first.rows - first.diagonal, second.rows - second.diagonal
        factors = 2 / (n - 2), 1 / ((n - 1) * (n - 2)), n * (n - 3)
    else:
        left, right = first.rows, second.rows
        factors = 2 / n, 1 / n**2, (n - 1) ** 2
    products = inner(left, right)
    totals = inner(left.sum(-1, keepdim=True), right.sum(-1, keepdim=True))
    return (trace - factors[0] * products + factors[1] * totals) / factors[2]


def off_diagonal(
    trace: Tensor, first: Sums, second: Sums, *, unbiased: bool, inner: Inner = each
) -> Tensor:
    """Return what `combine` needs from tr(KL): for the unbiased estimate, without the diagonals.

    Examples
    --------
    >>> k = torch.eye(2)
    >>> off_diagonal((k * k).sum(), gram_sums(k), gram_sums(k), unbiased=True).item()
    0.0
    """
    return trace - inner(first.diagonal, second.diagonal) if unbiased else trace


def gram_hsic(first: Tensor, second: Tensor, *, unbiased: bool) -> Tensor:
    """Return the criterion of Gram matrices (..., n, n) that belong together: (...), float64.

    References
    ----------
    Gretton, Bousquet, Smola and Schoelkopf (2005); Song, Smola, Gretton, Bedo and Borgwardt
    (2012), theorem 2.

    Examples
    --------
    >>> k = torch.eye(5).double()
    >>> round(gram_hsic(k, k, unbiased=False).item(), 12)
    0.25
    """
    k, other = centered_gram(first), centered_gram(second)
    sums = gram_sums(k), gram_sums(other)
    trace = (k * other).sum((-2, -1), dtype=torch.float64)
    return combine(off_diagonal(trace, *sums, unbiased=unbiased), *sums, unbiased=unbiased)


def gram_norm(matrix: Tensor, *, unbiased: bool) -> Tensor:
    """Return the criterion of Gram matrices (..., n, n) with themselves, as in `not_noise`.

    Examples
    --------
    >>> gram_norm(torch.eye(5), unbiased=True).item()  # all points are equally similar
    0.0
    """
    value = gram_hsic(matrix, matrix, unbiased=unbiased)
    sums = gram_sums(centered_gram(matrix.detach()))
    return not_noise(value, sums, unbiased=unbiased, dtype=matrix.dtype)


def feature_norm(x: Tensor, *, unbiased: bool) -> Tensor:
    """Return the criterion of features (..., n, p) with themselves, as in `not_noise`.

    Examples
    --------
    >>> feature_norm(torch.eye(5), unbiased=True).item()
    0.0
    """
    value = feature_hsic(x, x, unbiased=unbiased)
    sums = feature_sums(centered(x.detach()))
    return not_noise(value, sums, unbiased=unbiased, dtype=x.dtype)


def not_noise(own: Tensor, sums: Sums, *, unbiased: bool, dtype: torch.dtype) -> Tensor:
    """Return a criterion with itself, exactly 0 where the unbiased estimate is rounding noise.

    It is never negative, and 0 where all points are equally similar to each other; alignment
    then has no value.

    Examples
    --------
    >>> sums = Sums(torch.zeros(5), torch.ones(5))
    >>> not_noise(torch.tensor(1e-9), sums, unbiased=True, dtype=torch.float32).item()
    0.0
    """
    if not unbiased:
        return own
    n = sums.diagonal.shape[-1]
    floor = _ROUNDING_STEPS * torch.finfo(dtype).eps * sums.diagonal.square().sum(-1)
    return torch.where(own > floor / (n * (n - 3)), own, torch.zeros_like(own))


def feature_hsic(x: Tensor, y: Tensor, *, unbiased: bool) -> Tensor:
    """Return the same for linear kernels of features (..., n, p) and (..., n, q): (...), float64.

    It needs the matrix (p, q) in place of two of (n, n).

    Examples
    --------
    >>> x = torch.eye(5).double()
    >>> round(feature_hsic(x, x, unbiased=False).item(), 12)
    0.25
    """
    first, second = centered(x), centered(y)
    sums = feature_sums(first), feature_sums(second)
    trace = (first.mT @ second).square().sum((-2, -1), dtype=torch.float64)
    return combine(off_diagonal(trace, *sums, unbiased=unbiased), *sums, unbiased=unbiased)
