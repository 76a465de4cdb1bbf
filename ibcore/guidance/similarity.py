r"""Centered kernel alignment: how alike two networks see the same points.

.. math:: \mathrm{CKA}(X, Y) = \frac{\mathrm{HSIC}(K, L)}
          {\sqrt{\mathrm{HSIC}(K, K)\,\mathrm{HSIC}(L, L)}}

with the Gram matrices K of X and L of Y.  It does not change under orthogonal maps and isotropic
scaling of the features of either network, nor with a common offset; under other linear maps it
does.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ibcore.guidance._features import check_features, check_finite, check_pair, check_varied, wide
from ibcore.guidance.hsic import feature_hsic, feature_norm, gram_hsic, gram_norm
from ibcore.guidance.kernels import Kernel, check_kernel, gram
from ibcore.guidance.tables import features_are_cheaper, hsic_table

_LEAST = {True: 4, False: 2}  # points, of the unbiased and the biased estimate


def cka(
    x: Tensor,
    y: Tensor,
    *,
    kernel: Kernel = "linear",
    unbiased: bool = True,
    sigma: float | None = None,
) -> Tensor:
    r"""Return the centered kernel alignment of two sets of features, computed in float64.

    Parameters
    ----------
    x, y
        Features (n, p) and (n, q) of the same n points.
    kernel
        ``"linear"``, or ``"rbf"``: see `ibcore.guidance.kernels.gram`.
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
    check_kernel(kernel, sigma)
    check_pair(x, y, least=_LEAST[unbiased])
    named = {"x": x, "y": y}
    for name, features in named.items():
        check_varied(name, features)
    value = aligned(x.double(), y.double(), kernel=kernel, unbiased=unbiased, sigma=sigma)
    _check_value(value, named)
    return value


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
    n, p, q = x.shape[-2], x.shape[-1], y.shape[-1]
    if kernel == "linear" and features_are_cheaper(n, [p], [q]):
        cross = feature_hsic(x, y, unbiased=unbiased)
        first, second = (feature_norm(z, unbiased=unbiased) for z in (x, y))
    else:
        k, other = (gram(z, kernel=kernel, sigma=sigma) for z in (x, y))
        cross = gram_hsic(k, other, unbiased=unbiased)
        first, second = (gram_norm(z, unbiased=unbiased) for z in (k, other))
    return cross / (first * second).sqrt()


def cka_matrix(
    xs: Sequence[Tensor],
    ys: Sequence[Tensor] | None = None,
    *,
    kernel: Kernel = "linear",
    unbiased: bool = True,
    sigma: float | None = None,
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
    check_kernel(kernel, sigma)
    named = check_layers(xs, ys, least=_LEAST[unbiased])
    first = [wide(x) for x in xs]
    second = None if ys is None else [wide(y) for y in ys]
    table = hsic_table(first, second, unbiased=unbiased, kernel=kernel, sigma=sigma)
    value = table.alignment()
    _check_value(value, named)
    return value


def check_layers(
    xs: Sequence[Tensor], ys: Sequence[Tensor] | None, *, least: int
) -> dict[str, Tensor]:
    """Return all layers by name; raise ``ValueError`` unless they fit, and each varies.

    Examples
    --------
    >>> list(check_layers([torch.rand(4, 2)], None, least=4))
    ['xs[0]']
    """
    named = {}
    if not xs or (ys is not None and not ys):
        raise ValueError("there is no layer to compare; give at least one on each side")
    for side, layers in (("xs", xs), ("ys", ys or ())):
        for index, layer in enumerate(layers):
            name = f"{side}[{index}]"
            named[name] = layer
            check_features(name, layer, least=least)
            check_varied(name, layer)
            if len(layer) != len(xs[0]) or layer.device != xs[0].device:
                raise ValueError(
                    f"{name} holds {len(layer)} points on {layer.device}, xs[0] {len(xs[0])} on "
                    f"{xs[0].device}; all layers must describe the same points on one device"
                )
            if layer.dtype != xs[0].dtype:
                raise ValueError(f"{name} is {layer.dtype}, xs[0] {xs[0].dtype}; convert one")
    return named


def _check_value(value: Tensor, named: Mapping[str, Tensor]) -> None:
    """Raise ``ValueError`` for values that are not finite, with their reason.

    Features are looked at only then, which costs as much as a small comparison.
    """
    if bool(torch.isfinite(value).all()):
        return
    for name, features in named.items():
        check_finite(name, features)
    points = len(next(iter(named.values())))
    raise ValueError(
        f"all {points} points of one layer are equally similar to each other, so its unbiased "
        "alignment has no value; use more points, or unbiased=False"
    )
