"""Handwritten digits, and digits with a color that predicts the label just as well."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from ibcore.door import Count, Range, Seed, check_memory, door
from ibcore.runtime import generator

PIXELS = 64  # of a digit, 8 by 8
LARGEST = 9  # digit
COUNT = 1797  # of digits in the data set


class Digits(NamedTuple):
    """Images ``(n, 8, 8)`` with gray values in [0, 1] (1 is ink), and their digits ``(n,)``."""

    images: Tensor
    labels: Tensor


class Points(NamedTuple):
    """Inputs ``(n, in)`` and regression targets ``(n, 1)``."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True, eq=False)
class ColoredDigits:
    """One training set with two predictive signals, and one test set for each of them.

    Attributes
    ----------
    train
        Digit and color agree: both give the target.
    test_digit
        The target is the digit; the color is random.
    test_color
        The target is the color; the digit is random.
    """

    train: Points
    test_digit: Points
    test_color: Points


@door
def digits(*, dtype: torch.dtype = torch.float64) -> Digits:
    """Return the 1,797 handwritten digits of 8 by 8 pixels that scikit-learn ships.

    They are the test set of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak,
    UCI Machine Learning Repository, 1998).  Gray values 0 to 16 are divided by 16.

    Parameters
    ----------
    dtype
        Floating point type of the images; labels are int64.

    Returns
    -------
    Digits
        ``images`` (1797, 8, 8) and ``labels`` (1797,), copies that the caller may change.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> images, labels = digits()
    >>> images.shape, labels[:4].tolist()
    (torch.Size([1797, 8, 8]), [0, 1, 2, 3])
    """
    images, labels = _load()
    return Digits(images.to(dtype, copy=True), labels.clone())


@lru_cache(maxsize=1)
def _load() -> Digits:
    try:
        datasets = import_module("sklearn.datasets")
    except ImportError as error:
        raise ImportError(
            "the handwritten digits come with scikit-learn, which is not installed; "
            "install it with: pip install scikit-learn"
        ) from error
    data = datasets.load_digits()
    images = torch.tensor(data.images, dtype=torch.float64) / 16
    return Digits(images, torch.tensor(data.target, dtype=torch.int64))


@door
def colored_digits(
    *,
    train: Annotated[int, Range(2, COUNT - 2)] = 1300,
    band: Count = 1,
    seed: Seed = 0,
    dtype: torch.dtype = torch.float64,
) -> ColoredDigits:
    r"""Return digits with a band of color: two signals, one of them a shortcut.

    An input holds the 64 pixels of a digit :math:`d`, then ``band`` pixels that all hold the
    color :math:`c \in \{0, 1/9, \dots, 1\}`.  In training :math:`c = d/9` is the target :math:`y`.

    ========== ==================== ======================= =================
    set        digit                color                   target
    ========== ==================== ======================= =================
    train      of the image         :math:`d/9`             :math:`d/9`
    test_digit of the image         random, uniform         :math:`d/9`
    test_color of a random image    random, uniform         :math:`c`
    ========== ==================== ======================= =================

    Both test sets hold the images that are not in the training set, in orders of their own, with
    colors of their own.  The size of the images, the ten levels of color, the band beside (not
    upon) the digit and its width are our choices: the paper's are not known to us.

    Parameters
    ----------
    train
        How many of the 1,797 images are for training.
    band
        Pixels that hold the color; the more, the stronger the shortcut.
    seed
        Of the split, the colors and the orders.
    dtype
        Floating point type of inputs and targets.

    Returns
    -------
    ColoredDigits
        Inputs ``(n, 64 + band)`` and targets ``(n, 1)``, all in [0, 1].

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    ValueError
        If a set would hold fewer than 2 images, the band no pixel, or the seed is negative.

    References
    ----------
    Teney et al. (2024), section 4.2, with MNIST digits and a band of color.

    Examples
    --------
    >>> data = colored_digits()
    >>> data.train.x.shape, data.test_digit.x.shape
    (torch.Size([1300, 65]), torch.Size([497, 65]))
    """
    check_memory("band", band, 16.0 * COUNT * (PIXELS + band))
    rng = generator(seed)
    order = torch.randperm(COUNT, generator=rng)
    known, held_out = order[:train], order[train:]
    again = held_out[torch.randperm(len(held_out), generator=rng)]
    colors = torch.randint(0, LARGEST + 1, (2, len(held_out)), generator=rng)
    labels = digits().labels
    return ColoredDigits(
        train=_points(known, labels[known], labels[known], band, dtype),
        test_digit=_points(held_out, colors[0], labels[held_out], band, dtype),
        test_color=_points(again, colors[1], colors[1], band, dtype),
    )


def _points(
    chosen: Tensor, colors: Tensor, target: Tensor, band: int, dtype: torch.dtype
) -> Points:
    """Put colors (n,), as levels 0 to 9, beside the chosen images."""
    pixels = digits(dtype=dtype).images[chosen].flatten(1)  # (n, 64)
    color = (colors.to(dtype) / LARGEST)[:, None].expand(-1, band)  # (n, band)
    return Points(torch.cat([pixels, color], dim=1), (target.to(dtype) / LARGEST)[:, None])
