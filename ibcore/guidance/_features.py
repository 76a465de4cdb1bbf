"""What all measures of similarity share: the check of their features, and their common offset."""

import torch
from torch import Tensor

_ROUNDING_STEPS = 32  # a spread below this many units in the last place is rounding noise


def check_features(name: str, features: Tensor, *, least: int = 2) -> None:
    """Raise ``ValueError`` unless features are (n, p) with at least ``least`` points.

    Examples
    --------
    >>> check_features("x", torch.zeros(3, 2), least=4)
    Traceback (most recent call last):
    ...
    ValueError: x holds 3 points; this measure needs at least 4
    """
    if not features.is_floating_point():
        raise ValueError(
            f"{name} must be floating point, got {features.dtype}; use {name}.double()"
        )
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(
            f"{name} must have shape (points, features), got {tuple(features.shape)}; "
            f"use {name}.flatten(1)"
        )
    if len(features) < least:
        raise ValueError(
            f"{name} holds {len(features)} points; this measure needs at least {least}"
        )


def check_finite(name: str, features: Tensor) -> None:
    """Raise ``ValueError`` if a feature is nan or infinite.

    Examples
    --------
    >>> check_finite("x", torch.tensor([0.0, torch.nan]))
    Traceback (most recent call last):
    ...
    ValueError: x contains nan or infinity; look at the network that made it
    """
    if not bool(torch.isfinite(features).all()):
        raise ValueError(f"{name} contains nan or infinity; look at the network that made it")


def check_pair(x: Tensor, y: Tensor, *, least: int = 2) -> None:
    """Raise ``ValueError`` unless x (n, p) and y (n, q) describe the same n points.

    Examples
    --------
    >>> check_pair(torch.rand(5, 2), torch.rand(5, 9))
    """
    check_features("x", x, least=least)
    check_features("y", y, least=least)
    if len(x) != len(y):
        raise ValueError(f"x holds {len(x)} points but y {len(y)}; row i of both must be one point")
    if x.device != y.device:
        raise ValueError(f"x is on {x.device}, y on {y.device}; move y with y.to(x.device)")


def check_varied(name: str, features: Tensor) -> None:
    """Raise ``ValueError`` if all rows are equal up to rounding: such features say nothing.

    Examples
    --------
    >>> check_varied("x", torch.ones(3, 2))
    Traceback (most recent call last):
    ...
    ValueError: all rows of x are equal, so it cannot be compared; leave this layer out
    """
    known = features.detach()
    for rows in (known[:2], known):  # two different rows are enough, and nan differs
        spread, size = (rows - known[0]).abs().amax(0), rows.abs().amax(0)  # (p,)
        if not bool((spread <= _ROUNDING_STEPS * torch.finfo(known.dtype).eps * size).all()):
            return
    raise ValueError(
        f"all rows of {name} are equal, so it cannot be compared; leave this layer out"
    )


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
