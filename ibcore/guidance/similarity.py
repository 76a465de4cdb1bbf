r"""Centered kernel alignment: how alike two networks see the same points.

.. math:: \mathrm{CKA}(X, Y) = \frac{\mathrm{HSIC}(K, L)}
          {\sqrt{\mathrm{HSIC}(K, K)\,\mathrm{HSIC}(L, L)}}

with the Gram matrices K of X and L of Y.  It does not change under orthogonal maps and isotropic
scaling of the features of either network, nor with a common offset; under other linear maps it
does.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from ibcore.door import Count, Level, Positive, Range, Seed, as_raw, as_tensor, check_memory, door
from ibcore.runtime import generator
from ibcore.stats import Interval, percentile_interval

# What all measures of similarity share: how their features must fit, and the scale of products.

_ROUNDING_STEPS = 32  # a spread below this many units in the last place is rounding noise


def _as_features(value: Any, name: str) -> Tensor:
    """Return real numbers as floats; values are looked at with those of all layers, once."""
    features = as_raw(value, name)
    return features if features.is_floating_point() else features.float()


Features = Annotated[Tensor, _as_features]


def _check_fit(named: Mapping[str, Tensor], *, least: int = 2) -> None:
    """Raise ``ValueError`` unless all are features (n, p) of the same points, and vary."""
    _check_shapes(named, least)
    _check_variation(named)


def _check_shapes(named: Mapping[str, Tensor], least: int) -> None:
    known, first = next(iter(named.items()))
    for name, features in named.items():
        if features.ndim != 2 or not features.shape[1]:
            raise ValueError(
                f"{name} must have shape (points, features), got {tuple(features.shape)}; "
                f"use {name}.flatten(1)"
            )
        if features.shape[0] < least:
            raise ValueError(f"{name} holds {features.shape[0]} points; it needs at least {least}")
        mine, theirs = ((z.shape[0], z.device) for z in (features, first))
        if mine != theirs:
            raise ValueError(
                f"{name} holds {mine[0]} points on {mine[1]}, {known} {theirs[0]} on {theirs[1]}; "
                "row i of both must be one point, on one device"
            )


def _check_variation(named: Mapping[str, Tensor]) -> None:
    """Raise unless the rows of all differ by more than rounding; one look at the device."""
    for whole in (False, True):  # two different rows are enough, and nan differs
        flags = torch.stack([_varies(z if whole else z[:2]) for z in named.values()]).tolist()
        if all(flags):
            return
    name = list(named)[flags.index(False)]
    raise ValueError(f"all rows of {name} are equal; leave this layer out")


def _varies(features: Tensor) -> Tensor:
    """Whether rows differ by more than rounding: a flag on their device."""
    rows = features.detach()
    spread, size = (rows - rows[0]).abs().amax(0), rows.abs().amax(0)  # (p,)
    return ~(spread <= _ROUNDING_STEPS * torch.finfo(rows.dtype).eps * size).all()


def scaled(features: Tensor) -> Tensor:
    """Divide features (..., n, p) by a power of two near the largest of them.

    That changes no digit of a measure that does not depend on scale, and keeps the products of tiny
    or huge features from becoming 0 or infinite.

    Examples
    --------
    >>> scaled(torch.tensor([[6.0], [1.0]])).tolist()
    [[1.5], [0.25]]
    """
    return features / _power(features)


def _power(features: Tensor) -> Tensor:
    """Return the power of two at or below the largest feature, (..., 1, 1); 1 if all are 0."""
    size = features.detach().abs().amax((-2, -1), keepdim=True)
    mantissa = torch.frexp(size).mantissa  # from 0.5 to below 1
    return torch.where(mantissa > 0, size / (2 * mantissa), 1)


def wide(features: Tensor) -> Tensor:
    """Return half precision as float32, which products of features need, and others as they are.

    Examples
    --------
    >>> wide(torch.zeros(1, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    return features.float() if features.dtype in (torch.float16, torch.bfloat16) else features


def centered(features: Tensor) -> Tensor:
    """Subtract the mean over points, without its gradient: (..., n, p) to the same.

    What follows must not depend on the mean, in value and in gradient: then leaving the mean out
    of the graph is exact.

    Examples
    --------
    >>> centered(torch.tensor([[1001.0], [1003.0]])).tolist()
    [[-1.0], [1.0]]
    """
    return features - features.detach().mean(-2, keepdim=True)


# Error consistency: whether two networks err on the same points, beyond what accuracy implies.

Floats = NDArray[np.float64]


def _correct(value: Any, name: str) -> NDArray[np.bool_]:
    """Return whether each point is right, (n,), from a list, an array or a tensor of booleans."""
    data: NDArray[np.bool_] = as_raw(value, name).cpu().numpy()
    if data.dtype != np.bool_:
        raise TypeError(f"{name} must be booleans, predictions == labels, got {data.dtype}")
    if data.ndim != 1 or not len(data):
        raise ValueError(f"{name} must have shape (n,) with n >= 1, got {data.shape}")
    return data


@door
def error_consistency(
    first: Annotated[ArrayLike, _correct],
    second: Annotated[ArrayLike, _correct],
    *,
    level: Level = 0.95,
    draws: Count = 2000,
    seed: Seed = 0,
) -> Interval:
    r"""Return Cohen's kappa between the patterns of errors of two classifiers.

    .. math:: \kappa = \frac{c - e}{1 - e}, \qquad e = a b + (1 - a)(1 - b)

    with the share :math:`c` of points on which both are right or both are wrong, and what two
    independent classifiers of the same accuracies :math:`a` and :math:`b` would have.  0 for
    independent errors, 1 for the same errors, below 0 for complementary ones.

    Parameters
    ----------
    first, second
        Whether each of n points is classified correctly, shape (n,), booleans.
    level
        Coverage that the percentile bootstrap interval over points aims at.
    draws, seed
        Number of bootstrap samples, and seed of the resampling.

    Returns
    -------
    Interval
        ``value`` is kappa.  Resamples in which kappa has no value are drawn again, so the
        interval is conditional on there being errors.

    Raises
    ------
    TypeError
        If values are not booleans.
    ValueError
        If the shapes differ, both are right or both wrong on all points (kappa is 0/0 then), or an
        option is out of range.

    References
    ----------
    Geirhos, Meding and Wichmann (2020), "Beyond accuracy: quantifying trial-by-trial behaviour of
    CNNs and humans by measuring error consistency"; Cohen (1960).

    Examples
    --------
    >>> right = np.array([True, True, False, False] * 25)
    >>> error_consistency(right, right).value, error_consistency(right, ~right).value
    (1.0, -1.0)
    """
    a, b = np.asarray(first), np.asarray(second)
    check_memory("draws", draws, 100.0 * draws)
    if len(a) != len(b):
        raise ValueError(f"first has {len(a)} points but second {len(b)}; row i must be one point")
    counts = np.array([(a & b).sum(), (a & ~b).sum(), (~a & b).sum(), (~a & ~b).sum()])  # (4,)
    value = float(_kappa(counts[None])[0])
    if np.isnan(value):
        raise ValueError(
            f"both classifiers are {'right' if a[0] else 'wrong'} on all {len(a)} points, so the "
            "consistency of their errors has no value; use points on which they differ"
        )
    return percentile_interval(value, _resampled(counts, draws, seed), level=level, n=len(a))


def _resampled(counts: NDArray[np.int64], draws: int, seed: int) -> Floats:
    """Return kappa of resampled points: the four counts of a resample are multinomial."""
    rng, n = np.random.default_rng(seed), int(counts.sum())
    values = _kappa(rng.multinomial(n, counts / n, size=draws))
    while (empty := np.isnan(values)).any():
        values[empty] = _kappa(rng.multinomial(n, counts / n, size=int(empty.sum())))
    return values


def _kappa(counts: NDArray[np.int64]) -> Floats:
    """Return kappa from the counts both right, first, second, none: (d, 4) to (d,)."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    both, one, other, none = shares.T
    a, b = both + one, both + other
    expected = a * b + (1 - a) * (1 - b)
    room = 1 - expected
    # exact test by counts: rounding must not turn 0/0 into a number
    certain = (counts[:, 0] == counts.sum(1)) | (counts[:, 3] == counts.sum(1))
    result: Floats = np.full(len(counts), np.nan)
    result[~certain] = ((both + none - expected) / np.where(room == 0, np.nan, room))[~certain]
    return result


# The Hilbert-Schmidt independence criterion of two Gram matrices, biased and unbiased.
#
# .. math:: \text{biased:}\quad \frac{\operatorname{tr}(KHLH)}{(n-1)^2},\qquad
# H = I - \tfrac1n \mathbf 1\mathbf 1^\top
#
# .. math:: \text{unbiased:}\quad \frac{1}{n(n-3)}\Bigl[\operatorname{tr}(\tilde K\tilde L)
# + \frac{\mathbf 1^\top\tilde K\mathbf 1\;\mathbf 1^\top\tilde L\mathbf 1}{(n-1)(n-2)}
# - \frac{2}{n-2}\,\mathbf 1^\top\tilde K\tilde L\mathbf 1\Bigr]
#
# where :math:`\tilde K` is K with a diagonal of zeros.  Neither changes when a number is added to
# each row and to the column of the same point, so the matrices are first centered by numbers that
# stay out of the graph: that keeps the digits, and the gradient is exact.  A linear kernel needs
# no matrix of all pairs of points: :math:`\operatorname{tr}(KL)=\lVert X^\top Y\rVert_F^2`, and the
# sums of rows are products with the sum of all points.
#
# Products have the precision of the features; what is added to them and their ratios are in
# float64.  Features in float64 keep all digits.


class Layer(NamedTuple):
    """A layer, centered: its Gram matrix (..., n, n), or features (..., n, p) of a linear kernel.

    ``rows`` and ``diagonal`` are those of the Gram matrix, (..., n), float64.
    """

    data: Tensor
    rows: Tensor
    diagonal: Tensor
    grams: bool


def as_layer(z: Tensor, *, grams: bool) -> Layer:
    """Center a Gram matrix or features and add up their rows, features without the matrix.

    Examples
    --------
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> [as_layer(z, grams=z is not x).diagonal.tolist() for z in (x, x @ x.mT)]
    [[1.0, 1.0], [1.0, 1.0]]
    """
    if not grams:
        x = centered(z)
        rows = (x @ x.sum(-2)[..., None])[..., 0]  # (..., n)
        return Layer(x, rows.double(), x.square().sum(-1).double(), grams)
    means = z.detach().mean(-1, keepdim=True)  # (..., n, 1)
    matrix = z - (means + means.mT - means.mean(-2, keepdim=True))
    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    return Layer(matrix, matrix.sum(-1).double(), diagonal.double(), grams)


def hsic(first: Layer, second: Layer, *, unbiased: bool) -> Tensor:
    """Return the criterion of layers that belong together: (...), float64.

    References
    ----------
    Gretton, Bousquet, Smola and Schoelkopf (2005); Song, Smola, Gretton, Bedo and Borgwardt
    (2012), theorem 2.

    Examples
    --------
    >>> x = torch.eye(5).double()
    >>> layers = [as_layer(x, grams=grams) for grams in (True, False)]
    >>> [round(hsic(layer, layer, unbiased=False).item(), 12) for layer in layers]
    [0.25, 0.25]
    """
    x, y = first.data, second.data
    products = x * y if first.grams else (x.mT @ y).square()
    trace = products.sum((-2, -1), dtype=torch.float64)
    if unbiased:
        trace = trace - (first.diagonal * second.diagonal).sum(-1)
    return _criterion(trace, first, second, unbiased)


def _criterion(trace: Tensor, first: Layer, second: Layer, unbiased: bool) -> Tensor:
    """Return the criterion from tr(KL), for the unbiased estimate that of the zeroed diagonals."""
    left, right = first.rows, second.rows
    if unbiased:
        left, right = left - first.diagonal, right - second.diagonal
    totals = left.sum(-1) * right.sum(-1)
    return _combined(trace, (left * right).sum(-1), totals, left.shape[-1], unbiased)


def _combined(trace: Tensor, inner: Tensor, totals: Tensor, n: int, unbiased: bool) -> Tensor:
    """Return the criterion from tr(KL), the product of the sums of rows, and that of all sums."""
    factors = 2 / n, 1 / n**2, (n - 1) ** 2
    if unbiased:
        factors = 2 / (n - 2), 1 / ((n - 1) * (n - 2)), n * (n - 3)
    return (trace - factors[0] * inner + factors[1] * totals) / factors[2]


def own_hsic(layer: Layer, *, unbiased: bool) -> Tensor:
    """Return the criterion of a layer with itself, exactly 0 where that is rounding noise.

    It is never negative, and 0 for the unbiased estimate where all points are equally similar to
    each other; alignment then has no value.
    """
    value = hsic(layer, layer, unbiased=unbiased)
    eps = torch.finfo(layer.data.dtype).eps
    return _above_noise(value, layer.diagonal, eps) if unbiased else value


def _above_noise(value: Tensor, diagonal: Tensor, eps: float) -> Tensor:
    """Return unbiased criteria of layers with themselves, 0 where they are rounding noise."""
    n = diagonal.shape[-1]
    size = diagonal.detach().square().sum(-1) / (n * (n - 3))
    return torch.where(value > _ROUNDING_STEPS * eps * size, value, torch.zeros_like(value))


def ratio(first: Layer, second: Layer, *, unbiased: bool) -> Tensor:
    """Return CKA of layers that belong together, (...), float64; not finite where it has no value.

    Examples
    --------
    >>> layer = as_layer(torch.rand(9, 2), grams=False)
    >>> round(ratio(layer, layer, unbiased=True).item(), 6)
    1.0
    """
    own = own_hsic(first, unbiased=unbiased) * own_hsic(second, unbiased=unbiased)
    return hsic(first, second, unbiased=unbiased) / own.sqrt()


# Gram matrices: how alike any two points are to a network.
#
# .. math:: K_{ij} = x_i \cdot x_j \quad\text{(linear)}, \qquad
# K_{ij} = \exp\!\Bigl(-\frac{\lVert x_i - x_j\rVert^2}{2\sigma^2}\Bigr)
# \quad\text{(RBF)}
#
# Both are computed from features whose mean has been subtracted: linear ones of the raw features
# would lose their digits to a common offset.

Kernel = Literal["linear", "rbf"]


def _check_width(kernel: Kernel, sigma: float | None) -> None:
    if sigma is not None and kernel != "rbf":
        raise ValueError(f"sigma={sigma} belongs to kernel='rbf'; leave it out for {kernel!r}")


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
        isotropic scaling, and is part of the gradient.  The matrix is nan where it is 0.

    References
    ----------
    Kornblith, Norouzi, Lee and Hinton (2019), section 3, which takes a fraction of the median.

    Examples
    --------
    >>> gram(torch.tensor([[0.0], [2.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    >>> round(gram(torch.tensor([[0.0], [2.0]]), kernel="rbf")[0, 1].item(), 4)
    0.6065
    """
    x = centered(features)
    linear = x @ x.mT  # (..., n, n)
    return linear if kernel == "linear" else radial(linear, sigma=sigma)


def radial(linear: Tensor, *, sigma: float | None = None) -> Tensor:
    """Turn linear Gram matrices into those of the RBF kernel: (..., n, n) to the same, float64.

    They are nan where the median distance is 0 and no ``sigma`` is given.

    Examples
    --------
    >>> round(radial(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]), sigma=2.0)[0, 1].item(), 4)
    0.6065
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

    It is nan where it would be 0: at least half of the pairs are copies of each other.

    Examples
    --------
    >>> median_square(torch.tensor([[0.0, 4.0], [4.0, 0.0]])).item()
    4.0
    """
    n = square.shape[-1]
    rows, columns = torch.triu_indices(n, n, offset=1, device=square.device)
    median = square[..., rows, columns].median(-1).values
    noise = _ROUNDING_STEPS * torch.finfo(square.dtype).eps * square.detach().amax((-2, -1))
    return torch.where(median > noise, median, torch.nan)


# Similarity as agreement of distances (RSA) and as the best rotation (Procrustes).

Dissimilarity = Literal["euclidean", "cosine", "correlation"]
Comparison = Literal["pearson", "spearman"]


@door
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
    _check_fit({"x": x, "y": y}, least=3)
    value = plain_rsa(x, y, dissimilarity, comparison)
    if not bool(value.isfinite()):
        for name, z in (("x", x), ("y", y)):
            _check_distances(name, scaled(z.double()), dissimilarity)
    return value


def plain_rsa(
    x: Tensor,
    y: Tensor,
    dissimilarity: Dissimilarity = "euclidean",
    comparison: Comparison = "pearson",
) -> Tensor:
    """Return the same without a look at the features: nan where it has no value."""
    rank = comparison == "spearman"
    first, second = (_dissimilarities(scaled(z.double()), dissimilarity, rank=rank) for z in (x, y))
    a, b = first - first.mean(), second - second.mean()
    value: Tensor = torch.dot(a, b) / (a.norm() * b.norm())
    return value


@door
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
    _check_fit({"x": x, "y": y})
    return plain_procrustes(x, y)


def plain_procrustes(x: Tensor, y: Tensor) -> Tensor:
    """Return the same without a look at the features."""
    x, y = scaled(x.double()), scaled(y.double())
    a, b = x - x.mean(0), y - y.mean(0)
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


def _dissimilarities(x: Tensor, kind: Dissimilarity, *, rank: bool) -> Tensor:
    """Return the dissimilarity of all pairs of points, or its rank: (n (n - 1) / 2,), float64.

    All are nan where they cannot be correlated.
    """
    pairs, noise, flags = _distances(x, kind)
    pairs = torch.where(torch.stack(flags).any(), torch.nan, pairs)
    return _ranks(pairs, noise) if rank else pairs


def _distances(x: Tensor, kind: Dissimilarity) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Return dissimilarities, their rounding noise, and what is wrong with them, as flags."""
    z, size = x - x.mean(0), x.detach().norm(dim=1).amax()
    noise, short = _ROUNDING_STEPS * torch.finfo(x.dtype).eps * size, size < 0
    if kind == "euclidean":
        pairs = torch.pdist(z)
    else:
        if kind == "correlation":
            z = z - z.mean(1, keepdim=True)
        lengths = z.norm(dim=1, keepdim=True)
        short = (lengths <= noise).any()
        unit, noise = z / lengths, noise / lengths.detach().amax()
        rows, columns = torch.triu_indices(len(z), len(z), offset=1, device=z.device)
        pairs = 1 - (unit @ unit.mT)[rows, columns]
    low, high = pairs.detach().aminmax()
    return pairs, noise, (short, high - low <= torch.maximum(noise, 1e-12 * high.abs()))


def _check_distances(name: str, x: Tensor, kind: Dissimilarity) -> None:
    """Raise ``ValueError`` where the dissimilarities of points cannot be correlated."""
    short, equal = _distances(x, kind)[2]
    if bool(short):
        raise ValueError(f"a point of {name} has no direction; use dissimilarity='euclidean'")
    if bool(equal):
        raise ValueError(f"all dissimilarities of {name} are equal; they cannot be correlated")


def _ranks(values: Tensor, noise: Tensor) -> Tensor:
    """Return ranks 1..n; values that differ by rounding noise share their mean rank."""
    ordered, place = values.detach().sort()
    group = functional.pad((ordered.diff() > noise).cumsum(0), (1, 0))  # (n,)
    counts = torch.bincount(group)
    ranks = counts.cumsum(0) - (counts - 1).double() / 2
    return torch.empty_like(ordered).index_put_((place,), ranks[group])


# Similarity as prediction: how much of one representation can be read from another.


@door
def ridge(
    x: Tensor,
    y: Tensor,
    *,
    penalty: Annotated[float, Range(1e-12)] = 1e-3,
    folds: Count | None = 5,
    seed: Seed = 0,
) -> Tensor:
    r"""Return the share of the variance of y that a ridge regression on x explains.

    .. math:: R^2 = 1 - \frac{\sum_i \lVert y_i - \hat y_i\rVert^2}
                             {\sum_i \lVert y_i - \bar y\rVert^2}, \qquad
              \hat y = \bar y + (x-\bar x)\,(X^\top X + \lambda I)^{-1}X^\top Y

    with :math:`\lambda` = ``penalty`` times the mean squared length of the centered rows of x, so
    that scaling x changes nothing.  The measure has a direction: how well y is predicted *from* x.

    Parameters
    ----------
    x, y
        Features (n, p) and (n, q) of the same n points.
    penalty
        At least 1e-12: a smaller one is lost in rounding.
    folds
        Each point is predicted from the other folds, and :math:`\bar x` and :math:`\bar y` are
        those of the points the regression has seen; if x is the same for all of these, the
        prediction is :math:`\bar y`.  None predicts the points it was fitted to,
        which flatters many features.
    seed
        Of the random folds.

    Returns
    -------
    Tensor
        A scalar, float64, differentiable: at most 1, below 0 where the prediction is worse than
        the mean.

    Raises
    ------
    ValueError
        If the features do not fit, all rows of one are equal, or a number is out of range.

    References
    ----------
    Hoerl and Kennard (1970); Kornblith et al. (2019), section 4, for regression as similarity.

    Examples
    --------
    >>> x = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    >>> ridge(x, x @ torch.rand(3, 2), penalty=1e-6).item() > 0.999
    True
    """
    _check_fit({"x": x, "y": y})
    if folds is not None and not 2 <= folds <= len(x) // 2:
        raise ValueError(f"folds must be between 2 and {len(x) // 2} (or None), got {folds}")
    return plain_ridge(x, y, penalty, folds, seed)


def plain_ridge(
    x: Tensor, y: Tensor, penalty: float = 1e-3, folds: int | None = 5, seed: int = 0
) -> Tensor:
    """Return the same without a look at the features."""
    a, b = scaled(x.double()), scaled(y.double())
    unexplained, total = a.new_zeros(()), a.new_zeros(())
    for seen, held in _splits(len(x), folds, seed, x.device):
        offset = b[seen].mean(0)
        predicted = predict_ridge(a[seen], b[seen] - offset, a[held], penalty)
        unexplained = unexplained + (b[held] - offset - predicted).square().sum()
        total = total + (b[held] - offset).square().sum()
    return 1 - unexplained / total


def predict_ridge(x: Tensor, y: Tensor, held: Tensor, penalty: float) -> Tensor:
    """Fit centered y on x, and predict it at held points; solve in the smaller dimension."""
    known = _varies(x)
    offset = x.mean(0)
    a, b = x - offset, held - offset
    strength = torch.where(known, penalty * a.square().sum() / len(a), 1)
    if a.shape[1] <= len(a):
        own = a.mT @ a + strength * torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
        return torch.where(known, b @ torch.linalg.solve_ex(own, a.mT @ y).result, 0)
    own = a @ a.mT + strength * torch.eye(len(a), dtype=a.dtype, device=a.device)
    return torch.where(known, (b @ a.mT) @ torch.linalg.solve_ex(own, y).result, 0)


def _splits(
    points: int, folds: int | None, seed: int, device: torch.device
) -> list[tuple[Tensor, Tensor]]:
    """Return the points that are seen and those that are predicted, for each fold."""
    if folds is None:
        every = torch.arange(points, device=device)
        return [(every, every)]
    order = torch.randperm(points, generator=generator(seed)).to(device)
    parts = order.tensor_split(folds)
    return [
        (torch.cat([*parts[:fold], *parts[fold + 1 :]]), part) for fold, part in enumerate(parts)
    ]


# The criterion for all pairs of two lists of layers at once, in the cheaper of two forms.


class HsicMatrix(NamedTuple):
    """The criterion of all pairs (k, l), and of each layer with itself, (k,) and (l,).

    ``spread`` is the trace of the Gram matrix of each layer, those of both networks.
    """

    cross: Tensor
    first: Tensor
    second: Tensor
    spread: Tensor

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
    ys: Sequence[Tensor] = (),
    *,
    unbiased: bool,
    kernel: Kernel = "linear",
    sigma: float | None = None,
) -> HsicMatrix:
    """Return the criterion of the layers of two networks, or of those of one with each other.

    Examples
    --------
    >>> hsic_table([torch.eye(5), torch.ones(5, 2).tril()], unbiased=False).cross.shape
    torch.Size([2, 2])
    """
    widths = ([z.shape[1] for z in side] for side in (xs, ys))
    if kernel == "linear" and features_are_cheaper(len(xs[0]), *widths):
        layers, own, cross = _feature_traces(xs, ys)
    else:
        layers, own, cross = _gram_traces(xs, ys, kernel, sigma, zeroed=unbiased)
    rows = layers.rows - layers.diagonal if unbiased else layers.rows  # (l, n)
    if unbiased and not layers.grams:
        first, second = _sides(layers.diagonal, len(xs))
        own, cross = own - layers.diagonal.square().sum(-1), cross - first @ second.mT
    (left, right), n = _sides(rows, len(xs)), rows.shape[-1]
    totals = left.sum(-1)[:, None] * right.sum(-1)
    each = _combined(own, rows.square().sum(-1), rows.sum(-1).square(), n, unbiased)
    eps = torch.finfo(xs[0].dtype).eps
    sides = _sides(_above_noise(each, layers.diagonal, eps) if unbiased else each, len(xs))
    spread = layers.diagonal.detach().sum(-1)
    return HsicMatrix(_combined(cross, left @ right.mT, totals, n, unbiased), *sides, spread)


def _sides(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return what belongs to the first and to the second network; to one, if there is one."""
    return values[:count], values[count:] if len(values) > count else values


def _gram_traces(
    xs: Sequence[Tensor],
    ys: Sequence[Tensor],
    kernel: Kernel,
    sigma: float | None,
    *,
    zeroed: bool,
) -> tuple[Layer, Tensor, Tensor]:
    """Return all Gram matrices in one, tr(KK) of each and tr(KL) of all pairs, by one product."""
    features = [*xs, *ys]
    if kernel == "linear" and not any(z.requires_grad for z in features):
        data = features[0].new_empty(len(features), *[len(xs[0])] * 2)
        for z, out in zip(features, data, strict=True):
            x = centered(z)
            torch.mm(x, x.mT, out=out)
    else:
        data = torch.stack([gram(z) for z in features])  # (l, n, n)
    if kernel == "rbf":
        data = as_layer(torch.stack([radial(k, sigma=sigma) for k in data]), grams=True).data
    diagonal = torch.diagonal_copy(data, dim1=1, dim2=2)
    layer = Layer(data, data.sum(-1).double(), diagonal.double(), grams=True)
    if zeroed:
        data.diagonal(dim1=1, dim2=2).zero_()
    flat = data.flatten(1)
    (first, second), own = _sides(flat, len(xs)), torch.linalg.vecdot(data, data)  # (l, n)
    return layer, own.sum(-1, dtype=torch.float64), (first @ second.mT).double()


def _feature_traces(xs: Sequence[Tensor], ys: Sequence[Tensor]) -> tuple[Layer, Tensor, Tensor]:
    """Return the same without a Gram matrix: sums of squares of products of features."""
    layers = [as_layer(z, grams=False) for z in (*xs, *ys)]
    rows, diagonal = (
        torch.stack([getattr(z, part) for z in layers]) for part in Layer._fields[1:3]
    )
    data = [layer.data for layer in layers]
    first, second = data[: len(xs)], data[len(xs) :] or data
    products = torch.cat(first, 1).mT @ torch.cat(second, 1)  # (all p, all q)
    widths = ([z.shape[1] for z in side] for side in (first, second))
    strips, columns = torch.split(products, next(widths)), next(widths)
    blocks = [torch.split(strip, columns, 1) for strip in strips]
    cross = torch.stack([torch.stack([_square(block) for block in row]) for row in blocks])
    own = torch.stack([_square(z.mT @ z) for z in data]) if ys else cross.diagonal()
    return Layer(products, rows, diagonal, grams=False), own, cross


def _square(z: Tensor) -> Tensor:
    return z.square().sum(dtype=torch.float64)


_LEAST = {True: 4, False: 2}  # points, of the unbiased and the biased estimate


@door
def cka(
    x: Tensor,
    y: Tensor,
    *,
    kernel: Kernel = "linear",
    unbiased: bool = True,
    sigma: Positive | None = None,
) -> Tensor:
    r"""Return the centered kernel alignment of two sets of features, computed in float64.

    Parameters
    ----------
    x, y
        Features (n, p) and (n, q) of the same n points.
    kernel
        ``"linear"``, or ``"rbf"``: see `ibcore.guidance.similarity.gram`.
    unbiased
        Whether HSIC is estimated without bias.  The ratio is then near 0 for independent
        features, and can be negative (it lies between -1 and 1).  The biased estimate
        lies between 0 and 1, and approaches 1 for few points: it grows with :math:`p/n`.
    sigma
        Width of the RBF kernel; None for the median distance of each of x and y.

    Returns
    -------
    Tensor
        A scalar, float64, differentiable with respect to x and y.

    Raises
    ------
    ValueError
        If the features do not fit, all rows of one are equal, there are fewer than 2 points (4
        for the unbiased estimate), or a normalization is 0.

    References
    ----------
    Kornblith, Norouzi, Lee and Hinton (2019); Song, Smola, Gretton, Bedo and Borgwardt (2012) for
    the unbiased estimate.

    Examples
    --------
    >>> x = torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    >>> turned = 7 * x[:, [2, 0, 1]] + 1000
    >>> round(cka(x, turned).item(), 6)
    1.0
    """
    _check_width(kernel, sigma)
    named = {"x": x, "y": y}
    _check_fit(named, least=_LEAST[unbiased])
    value = aligned(x.double(), y.double(), kernel=kernel, unbiased=unbiased, sigma=sigma)
    return value if bool(value.isfinite()) else _without_value(named, kernel, sigma)


def aligned(
    x: Tensor,
    y: Tensor,
    *,
    kernel: Kernel = "linear",
    unbiased: bool = False,
    sigma: float | None = None,
) -> Tensor:
    """Return CKA of features that belong together, (..., n, p) and (..., n, q), to (...), float64.

    Products of features keep the precision of the features.  Nothing is checked; where a
    normalization is 0 the value is not finite.

    Examples
    --------
    >>> x = torch.rand(3, 9, 2, generator=torch.Generator().manual_seed(0))
    >>> aligned(x, 2 * x).round(decimals=6).tolist()
    [1.0, 1.0, 1.0]
    """
    if sigma is None:
        x, y = scaled(x), scaled(y)
    n, p, q = x.shape[-2], x.shape[-1], y.shape[-1]
    grams = kernel != "linear" or not features_are_cheaper(n, [p], [q])
    if grams:
        x, y = (gram(z, kernel=kernel, sigma=sigma) for z in (x, y))
    return ratio(*(as_layer(z, grams=grams) for z in (x, y)), unbiased=unbiased)


@door
def cka_matrix(
    xs: Sequence[Features],
    ys: Sequence[Features] | None = None,
    *,
    kernel: Kernel = "linear",
    unbiased: bool = True,
    sigma: Positive | None = None,
) -> Tensor:
    """Return the centered kernel alignment of all pairs of layers, computed together.

    Each value is that of `cka`, but products have the precision of the features: give float64 for
    all digits.  For a linear kernel and more points
    than features no matrix of all pairs of points is formed.

    Parameters
    ----------
    xs, ys
        Features (n, p) of each of k and of l layers, all of the same n points; ``ys`` None
        compares the layers of one network with each other.
    kernel, unbiased, sigma
        As in `cka`.

    Returns
    -------
    Tensor
        Shape (k, l), float64, differentiable.

    Raises
    ------
    ValueError
        As for `cka`, or if there is no layer.

    References
    ----------
    Kornblith et al. (2019), section 5.

    Examples
    --------
    >>> layers = [torch.rand(20, width) for width in (3, 8, 5)]
    >>> cka_matrix(layers).shape, cka_matrix(layers, layers[:2]).shape
    (torch.Size([3, 3]), torch.Size([3, 2]))
    """
    _check_width(kernel, sigma)
    named = _layers(xs, ys, least=_LEAST[unbiased])
    layers, squares = [*named.values()], _squares(named)
    plain = kernel == "linear" and all(1 / _EVEN <= each <= _EVEN for each in squares.tolist())
    if not plain:
        _check_variation(named)
        layers = layers if sigma is not None else [scaled(layer) for layer in layers]
    sides = layers[: len(xs)], layers[len(xs) :]
    table = hsic_table(*sides, unbiased=unbiased, kernel=kernel, sigma=sigma)
    value = table.alignment()
    sound = value.isfinite().all()
    if plain:  # centered features of rounding noise would have less
        steps = 3 * _ROUNDING_STEPS * torch.finfo(layers[0].dtype).eps
        sound &= (table.spread > squares * steps**2 * max(z.numel() for z in layers)).all()
    if not bool(sound):
        _check_variation(named)
        if not bool(value.isfinite().all()):
            _without_value(named, kernel, sigma)
    return value


_EVEN = 2.0**40  # sums of squares up to this and down to its inverse need no scale of their own


def _layers(xs: Sequence[Tensor], ys: Sequence[Tensor] | None, *, least: int) -> dict[str, Tensor]:
    """Return all layers by name, wide enough for products, after a check of their shapes."""
    if not xs or (ys is not None and not ys):
        raise ValueError("there is no layer in xs or ys to compare; give at least one in each")
    named = {f"xs[{at}]": x for at, x in enumerate(xs)}
    named |= {f"ys[{at}]": y for at, y in enumerate(ys or ())}
    _check_shapes(named, least)
    for name, layer in named.items():
        if layer.dtype != xs[0].dtype:
            raise ValueError(f"{name} is {layer.dtype}, xs[0] {xs[0].dtype}; convert one")
    return {name: wide(layer) for name, layer in named.items()}


def _squares(named: Mapping[str, Tensor]) -> Tensor:
    """Return the sum of squares of each layer, (l,), or raise unless all features are finite."""
    flat = [z.detach().reshape(-1) for z in named.values()]
    squares = torch.stack([torch.dot(z, z) for z in flat]).double()
    if not bool(squares.isfinite().all()):
        for name, layer in named.items():
            as_tensor(layer, name)
    return squares


def _without_value(named: Mapping[str, Tensor], kernel: Kernel, sigma: float | None) -> NoReturn:
    """Raise ``ValueError`` with the reason why an alignment is not finite."""
    if kernel == "rbf" and sigma is None:
        raise ValueError("the median distance between points is 0: many are copies; give sigma")
    points = len(next(iter(named.values())))
    at = "" if sigma is None else f" at sigma={sigma:g}, a width that does not fit x and y"
    raise ValueError(
        f"all {points} points of one layer are equally similar to each other{at}, so its alignment "
        "has no value; use more points, another width, or unbiased=False"
    )


# Alignment of many points, batch by batch: average the criteria, then normalize.

LEAST = 4  # points in a batch: with 3 the unbiased estimate divides by 0


@door
class MinibatchCKA:
    r"""Accumulates the alignment of all pairs of layers over batches.

    .. math:: \frac{\sum_b \mathrm{HSIC}(K_b, L_b)}
              {\sqrt{\sum_b \mathrm{HSIC}(K_b, K_b)}\sqrt{\sum_b \mathrm{HSIC}(L_b, L_b)}}

    With the unbiased estimate each sum has, over random batches, the mean that all points
    together would give.  With the biased one the value depends on the size of the batches.  All
    batches count alike, whatever their size.

    Parameters
    ----------
    kernel, sigma
        As in `ibcore.guidance.cka`; the RBF kernel needs ``sigma`` here, since the median
        distance is another one in each batch.
    unbiased
        Which estimate.

    Raises
    ------
    ValueError
        If the RBF kernel has no ``sigma``, or the linear one has.

    References
    ----------
    Nguyen, Raghu and Kornblith (2021), "Do wide and deep networks learn the same things?",
    equation 3.

    Examples
    --------
    >>> import torch
    >>> x = torch.rand(64, 5, generator=torch.Generator().manual_seed(0))
    >>> total = MinibatchCKA()
    >>> for batch in x.split(16):
    ...     total.update([batch], [batch * 3])
    >>> total.value().round(decimals=6).tolist(), total.batches
    ([[1.0]], 4)
    """

    def __init__(
        self, *, kernel: Kernel = "linear", unbiased: bool = True, sigma: Positive | None = None
    ) -> None:
        _check_width(kernel, sigma)
        if kernel == "rbf" and sigma is None:
            raise ValueError("an RBF kernel over batches needs one width for all; give sigma")
        self.kernel, self.unbiased, self.sigma = kernel, unbiased, sigma
        self.batches = 0
        self._powers: dict[str, Tensor | float] = {}  # the scale of the first batch is that of all
        self._total: HsicMatrix | None = None

    @door
    def update(self, xs: Sequence[Features], ys: Sequence[Features] | None = None) -> None:
        """Take in a batch: features (b, p) of each layer, as in `ibcore.guidance.cka_matrix`.

        Raises
        ------
        ValueError
            If the batch has fewer than 4 points, the features do not fit each other, or the
            number of layers is not that of the first batch.
        """
        layers = {name: z.detach() for name, z in _layers(xs, ys, least=LEAST).items()}
        _squares(layers)
        _check_variation(layers)
        if self._total is not None and layers.keys() != self._powers.keys():
            raise ValueError(
                f"this batch compares layers {', '.join(layers)}, earlier ones "
                f"{', '.join(self._powers)}; use one accumulator for each comparison"
            )
        if self._total is None:
            self._powers = {name: 1.0 if self.sigma else _power(z) for name, z in layers.items()}
        even = [z / self._powers[name] for name, z in layers.items()]
        options: dict[str, Any] = {"kernel": self.kernel, "sigma": self.sigma}
        sides = even[: len(xs)], even[len(xs) :]
        table = hsic_table(*sides, unbiased=self.unbiased, **options)
        known = self._total
        sums = table if known is None else (a + b for a, b in zip(known, table, strict=True))
        self._total, self.batches = HsicMatrix(*sums), self.batches + 1

    def value(self) -> Tensor:
        """Return the alignment of all pairs, (k, l), float64.

        Raises
        ------
        ValueError
            If there was no batch, or the average of a normalization is 0.
        """
        if self._total is None:
            raise ValueError("no batch has been seen; call update first")
        value = self._total.alignment()
        if not bool(value.isfinite().all()):
            raise ValueError(
                f"in all {self.batches} batches all points of one layer were equally similar, so "
                "its unbiased alignment has no value; use larger batches, or unbiased=False"
            )
        return value
