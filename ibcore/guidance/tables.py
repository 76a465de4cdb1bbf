"""The criterion for all pairs of two lists of layers at once, in the cheaper of two forms."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ibcore.guidance._features import centered
from ibcore.guidance.hsic import (
    Sums,
    centered_gram,
    combine,
    feature_sums,
    gram_sums,
    not_noise,
    off_diagonal,
)
from ibcore.guidance.kernels import Kernel, gram


class Table(NamedTuple):
    """The criterion of all pairs (k, l), and of each layer with itself, (k,) and (l,)."""

    cross: Tensor
    first: Tensor
    second: Tensor

    def alignment(self) -> Tensor:
        """Return CKA: the cross terms over the roots of the own ones, (k, l)."""
        return self.cross / (self.first[:, None] * self.second).sqrt()


def features_are_cheaper(points: int, first: Sequence[int], second: Sequence[int]) -> bool:
    r"""Say whether a linear kernel is cheaper without matrices of all pairs of points.

    Counts multiplications for widths :math:`p_i` and :math:`q_j` (``second`` is empty where a
    list is compared with itself): :math:`n^2` for each feature and each pair of layers, against
    :math:`n\,p_i q_j` for each pair, and :math:`n\,p_i^2` for each layer with itself.  More
    points than features in all, :math:`n > \sum_i p_i + \sum_j q_j`, always means features.

    Examples
    --------
    >>> features_are_cheaper(1000, [64], [32]), features_are_cheaper(100, [512], [512])
    (True, False)
    """
    wide, other = sum(first), sum(second)
    pairs = len(first) * (len(second) or len(first))
    squares = sum(p * p for p in (*first, *second)) + wide * other
    if not second:
        squares = wide * wide
    return points * (wide + other + pairs) > squares


def hsic_table(
    xs: Sequence[Tensor],
    ys: Sequence[Tensor] | None,
    *,
    unbiased: bool,
    kernel: Kernel = "linear",
    sigma: float | None = None,
) -> Table:
    """Return the criterion for all pairs of layers; ``ys`` None compares a list with itself.

    Parameters
    ----------
    xs, ys
        Features (n, p) of each layer, all of the same n points.
    unbiased, kernel, sigma
        As in `ibcore.guidance.cka_matrix`.

    Examples
    --------
    >>> hsic_table([torch.eye(5)], None, unbiased=False).cross.shape
    torch.Size([1, 1])
    """
    widths = [x.shape[1] for x in xs], [y.shape[1] for y in ys or ()]
    if kernel == "linear" and features_are_cheaper(len(xs[0]), *widths):
        return _feature_table(xs, ys, unbiased=unbiased)
    first = _Grams(xs, kernel, sigma, unbiased)
    second = first if ys is None else _Grams(ys, kernel, sigma, unbiased)
    cross = combine(
        (first.flat @ second.flat.mT).double(),
        first.sums,
        second.sums,
        unbiased=unbiased,
        inner=torch.inner,
    )
    return Table(cross, first.own(), second.own())


class _Grams:
    """Centered Gram matrices of several layers, (k, n * n), and their sums, (k, n).

    For the unbiased estimate the diagonals are zeros.
    """

    def __init__(
        self, layers: Sequence[Tensor], kernel: Kernel, sigma: float | None, unbiased: bool
    ) -> None:
        matrices = [gram(layer, kernel=kernel, sigma=sigma) for layer in layers]
        if kernel != "linear":  # linear ones are centered by their features
            matrices = [centered_gram(matrix) for matrix in matrices]
        stacked = torch.stack(matrices)  # (k, n, n)
        self.sums, self.unbiased = gram_sums(stacked), unbiased
        if unbiased:
            self.sums = Sums(self.sums.rows, self.sums.diagonal.clone())  # not a view of it
            stacked.diagonal(dim1=1, dim2=2).zero_()
        self.flat = stacked.flatten(1)  # (k, n * n)

    def own(self) -> Tensor:
        """Return the criterion of each layer with itself, (k,)."""
        squares = torch.linalg.vecdot(self.flat, self.flat).double()
        value = combine(squares, self.sums, self.sums, unbiased=self.unbiased)
        return not_noise(value, self.sums, unbiased=self.unbiased, dtype=self.flat.dtype)


def _feature_table(xs: Sequence[Tensor], ys: Sequence[Tensor] | None, *, unbiased: bool) -> Table:
    """Return the table of a linear kernel without any (n, n) matrix."""
    first = [centered(x) for x in xs]
    second = first if ys is None else [centered(y) for y in ys]
    left = _stacked_sums(first)
    right = left if ys is None else _stacked_sums(second)
    traces = off_diagonal(
        _cross_traces(first, second), left, right, unbiased=unbiased, inner=torch.inner
    )
    cross = combine(traces, left, right, unbiased=unbiased, inner=torch.inner)
    if ys is None:
        own = not_noise(cross.diagonal(), left, unbiased=unbiased, dtype=xs[0].dtype)
        return Table(cross, own, own)
    both = ((first, left), (second, right))
    return Table(cross, *(_own(layers, sums, unbiased=unbiased) for layers, sums in both))


def _stacked_sums(layers: Sequence[Tensor]) -> Sums:
    parts = [feature_sums(layer) for layer in layers]
    return Sums(torch.stack([p.rows for p in parts]), torch.stack([p.diagonal for p in parts]))


def _own(layers: Sequence[Tensor], sums: Sums, *, unbiased: bool) -> Tensor:
    """Return the criterion of each layer with itself, (k,)."""
    squares = torch.stack([(x.mT @ x).square().sum(dtype=torch.float64) for x in layers])
    trace = off_diagonal(squares, sums, sums, unbiased=unbiased)
    value = combine(trace, sums, sums, unbiased=unbiased)
    return not_noise(value, sums, unbiased=unbiased, dtype=layers[0].dtype)


def _cross_traces(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Return the squared norm of X'Y for all pairs, (k, l); one product for each layer X."""
    side, widths = torch.cat(list(second), 1), [y.shape[1] for y in second]  # (n, sum q)
    rows = []
    for x in first:
        squares = (x.mT @ side).square().sum(0, dtype=torch.float64)  # (sum q,)
        rows.append(torch.stack([part.sum() for part in torch.split(squares, widths)]))
    return torch.stack(rows)
