"""Similarity as agreement of distances (RSA) and as the best rotation (Procrustes)."""

from typing import Literal, get_args

import torch
from torch import Tensor

from ibcore.guidance._features import check_finite, check_pair, check_varied

Dissimilarity = Literal["euclidean", "cosine", "correlation"]
Comparison = Literal["pearson", "spearman"]


def rsa(
    x: Tensor,
    y: Tensor,
    *,
    dissimilarity: Dissimilarity = "euclidean",
    comparison: Comparison = "pearson",
) -> Tensor:
    r"""Return how well the distances between points agree: representational similarity analysis.

    The correlation over all pairs :math:`i<j` of the dissimilarities of points in x with those in
    y.  Features are centered over points first, so a common offset changes nothing.

    Parameters
    ----------
    x, y
        Features (n, p) and (n, q) of the same n points, at least 3.
    dissimilarity
        Of two points: ``"euclidean"`` distance; ``"cosine"``, 1 minus the cosine of their centered
        features; ``"correlation"``, 1 minus the correlation over features, the usual choice for
        brain data, which is not invariant to orthogonal maps as the other two are.
    comparison
        ``"pearson"``, differentiable, or ``"spearman"``, of ranks and without a gradient.

    Returns
    -------
    Tensor
        A scalar from -1 to 1, float64.

    Raises
    ------
    ValueError
        If a choice is unknown, the features do not fit, or all dissimilarities of one are equal.

    References
    ----------
    Kriegeskorte, Mur and Bandettini (2008).

    Examples
    --------
    >>> x = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    >>> round(rsa(x, 7 * x[:, [2, 0, 1]] + 1000).item(), 4)
    1.0
    """
    _choice("dissimilarity", dissimilarity, get_args(Dissimilarity))
    _choice("comparison", comparison, get_args(Comparison))
    check_pair(x, y, least=3)
    for name, features in (("x", x), ("y", y)):
        check_finite(name, features)
    first, second = (_dissimilarities(f"of {n}", z, dissimilarity) for n, z in (("x", x), ("y", y)))
    if comparison == "spearman":
        first, second = _ranks(first), _ranks(second)
    a, b = first - first.mean(), second - second.mean()
    value: Tensor = torch.dot(a, b) / (a.norm() * b.norm())
    return value


def procrustes(x: Tensor, y: Tensor) -> Tensor:
    r"""Return how well the best orthogonal map takes x to y.

    .. math:: \max_Q \frac{\langle XQ, Y\rangle}{\lVert X\rVert_F\lVert Y\rVert_F}
              = \frac{\lVert X^\top Y\rVert_*}{\lVert X\rVert_F\lVert Y\rVert_F}

    of centered features, with the nuclear norm in the numerator; the smaller set of features is
    padded with zeros.  The squared Procrustes distance of features of unit norm is
    2 - 2 times this value.

    Parameters
    ----------
    x, y
        Features (n, p) and (n, q) of the same n points.

    Returns
    -------
    Tensor
        A scalar from 0 to 1, float64, differentiable where the rank does not change.

    Raises
    ------
    ValueError
        If the features do not fit, or all rows of one are equal.

    References
    ----------
    Schoenemann (1966); Ding, Denain and Steinhardt (2021) for networks.

    Examples
    --------
    >>> x = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    >>> round(procrustes(x, 7 * x[:, [2, 0, 1]] + 1000).item(), 6)
    1.0
    """
    check_pair(x, y)
    for name, features in (("x", x), ("y", y)):
        check_finite(name, features)
        check_varied(name, features)
    a, b = (z.double() - z.double().mean(0) for z in (x, y))
    nuclear = torch.linalg.svdvals(_narrow(a).mT @ _narrow(b)).sum()
    value: Tensor = nuclear / (a.norm() * b.norm())
    return value


def _narrow(x: Tensor) -> Tensor:
    """Express rows in a basis of the space that they span: (n, p) to (n, min(n, p)).

    Lengths and products stay, so the nuclear norm of a product of such features does too.  The
    basis is outside the graph; changes of x beyond it change the norm in second order only.
    """
    if x.shape[1] <= len(x):
        return x
    basis: Tensor = torch.linalg.qr(x.detach().mT).Q  # (p, n)
    return x @ basis


def _dissimilarities(name: str, x: Tensor, kind: Dissimilarity) -> Tensor:
    """Return the dissimilarity of all pairs of points, (n (n - 1) / 2,), float64."""
    z = x.double() - x.double().mean(0)
    if kind == "euclidean":
        pairs = torch.pdist(z)
    else:
        if kind == "correlation":
            z = z - z.mean(1, keepdim=True)
        lengths = z.norm(dim=1, keepdim=True)
        if bool((lengths == 0).any()):
            raise ValueError(f"a point {name} has no direction; use dissimilarity='euclidean'")
        unit = z / lengths
        rows, columns = torch.triu_indices(len(z), len(z), offset=1, device=z.device)
        pairs = 1 - (unit @ unit.mT)[rows, columns]
    spread = pairs.detach().amax() - pairs.detach().amin()
    if bool(spread <= 1e-12 * pairs.detach().abs().amax()):
        raise ValueError(f"all dissimilarities {name} are equal; they cannot be correlated")
    return pairs


def _ranks(values: Tensor) -> Tensor:
    """Return ranks 1..n; equal values share their mean rank."""
    _, place, counts = torch.unique(values.detach(), return_inverse=True, return_counts=True)
    ranks: Tensor = counts.cumsum(0) - (counts - 1) / 2
    return ranks.double()[place]


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"unknown {name} {value!r}; choose one of {', '.join(choices)}")
