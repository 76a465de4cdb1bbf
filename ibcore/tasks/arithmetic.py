"""Few-shot modular arithmetic: learn x mod m from a few examples, for moduli seen or not."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from ibcore.tasks.render import number_images, standardize

Split = Literal["extrapolation", "interpolation"]
NumberView = Literal["number", "scaled", "bits", "image", "circular"]

NUMBERS = 100  # x runs from 0 to 99
LARGEST = 40  # modulus


class Moduli(NamedTuple):
    """Moduli to meta-train on, and others to test on."""

    train: tuple[int, ...]
    test: tuple[int, ...]


def moduli(split: Split) -> Moduli:
    """Return the 20 training and the 20 test moduli of a split.

    ``"extrapolation"``: 1 to 20, then 21 to 40.  ``"interpolation"``: the odd ones up to 39, then
    the even ones up to 40.

    Raises
    ------
    ValueError
        If the split is unknown.

    References
    ----------
    Bencomo et al. (2025); the moduli are those of the authors' public code.

    Examples
    --------
    >>> moduli("interpolation").test[:3]
    (2, 4, 6)
    """
    if split not in get_args(Split):
        raise ValueError(f"unknown split {split!r}; choose one of {', '.join(get_args(Split))}")
    if split == "extrapolation":
        return Moduli(tuple(range(1, 21)), tuple(range(21, LARGEST + 1)))
    return Moduli(tuple(range(1, LARGEST, 2)), tuple(range(2, LARGEST + 1, 2)))


def remainder_tables(
    chosen: Sequence[int], *, numbers: int = NUMBERS, dtype: torch.dtype = torch.float32
) -> Tensor:
    r"""Return :math:`x \bmod m` for every x from 0 to ``numbers - 1``: ``(moduli, numbers, 1)``.

    Raises
    ------
    ValueError
        If there is no modulus, one is below 1, or there is no number.

    Examples
    --------
    >>> remainder_tables([2, 3], numbers=4)[..., 0].tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 2.0, 0.0]]
    """
    if not chosen or min(chosen) < 1:
        raise ValueError(f"moduli must be at least 1, and at least one of them, got {list(chosen)}")
    if numbers < 1:
        raise ValueError(f"numbers must be at least 1, got {numbers}")
    rest = torch.arange(numbers) % torch.tensor(list(chosen))[:, None]  # (moduli, numbers)
    return rest.to(dtype)[..., None]


def constant_predictor(chosen: Sequence[int], *, numbers: int = NUMBERS) -> Tensor:
    r"""Return the mean squared error of the best constant for each modulus, float64, ``(moduli,)``.

    It is the variance of :math:`x \bmod m` over x.  A learner above this line has learned less
    than nothing about the modulus.

    Raises
    ------
    ValueError
        As for `remainder_tables`.

    Examples
    --------
    >>> [round(constant_predictor(moduli("extrapolation")[i]).mean().item(), 1) for i in (0, 1)]
    [11.9, 78.1]
    """
    tables = remainder_tables(chosen, numbers=numbers, dtype=torch.float64)[..., 0]
    return tables.var(1, correction=0)


def number_inputs(
    view: NumberView = "bits",
    *,
    numbers: int = NUMBERS,
    size: int = 32,
    periods: Sequence[float] = (),
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    r"""Return the numbers 0 to ``numbers - 1`` as inputs of a network.

    ============ ============================================ ==================================
    view         one number                                   shape
    ============ ============================================ ==================================
    ``number``   as it is, not scaled                         (numbers, 1)
    ``scaled``   with mean 0 and variance 1                   (numbers, 1)
    ``bits``     binary digits as -1 and 1, highest first     (numbers, 8) up to 256 numbers
    ``image``    two drawn digits, standardized over all      (numbers, 1, size, size)
    ``circular`` :math:`\cos, \sin` of :math:`2\pi x/p`       (numbers, 2 * periods)
    ============ ============================================ ==================================

    The first, third and fourth are those of the paper; the drawings are ours.

    Parameters
    ----------
    view
        One of the five.
    numbers
        How many; up to 100 for drawings.
    size
        Pixels along each side of a drawing.
    periods
        p of ``"circular"``, positive: features that repeat with the period p.
    dtype
        Of the result.

    Raises
    ------
    ValueError
        If the view is unknown, a number out of range, or periods are given without need.

    Examples
    --------
    >>> number_inputs("bits")[5].tolist()
    [-1.0, -1.0, -1.0, -1.0, -1.0, 1.0, -1.0, 1.0]
    >>> number_inputs("circular", periods=[4.0])[1].round().tolist()
    [0.0, 1.0]
    """
    if view not in get_args(NumberView):
        raise ValueError(f"unknown view {view!r}; choose one of {', '.join(get_args(NumberView))}")
    if numbers < 2:
        raise ValueError(f"numbers must be at least 2, got {numbers}")
    if (view == "circular") != bool(len(periods)):
        raise ValueError(f"periods belong to view='circular' and to it alone, got {list(periods)}")
    if view == "image":
        return standardize(number_images(numbers, size=size)).to(dtype)
    x = torch.arange(numbers, dtype=torch.float64)
    if view == "bits":
        return _bits(numbers).to(dtype)
    if view == "circular":
        return _circular(x, periods).to(dtype)
    return (x if view == "number" else (x - x.mean()) / x.std(correction=0))[:, None].to(dtype)


def _bits(numbers: int) -> Tensor:
    """Return binary digits as -1 and 1, (numbers, places), at least eight of them."""
    places = torch.arange(max(8, (numbers - 1).bit_length()) - 1, -1, -1)
    return 2 * (torch.arange(numbers)[:, None] >> places & 1) - 1


def _circular(x: Tensor, periods: Sequence[float]) -> Tensor:
    """Return points on circles, (numbers, 2 * periods)."""
    if not all(math.isfinite(period) and period > 0 for period in periods):
        raise ValueError(f"periods must be positive, got {list(periods)}")
    angle = 2 * math.pi * x[:, None] / torch.tensor(list(periods), dtype=torch.float64)
    return torch.stack([angle.cos(), angle.sin()], -1).flatten(1)  # (numbers, 2 * periods)
