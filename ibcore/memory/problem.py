"""Classification problems for the sweeps: a training, a validation and a test set."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ibcore.runtime import generator
from ibcore.tasks.images import COUNT, digits


class Examples(NamedTuple):
    """Inputs ``(n, ...)`` and classes ``(n,)``."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True, eq=False)
class Problem:
    """Three disjoint sets of examples.

    Attributes
    ----------
    train, validation, test
        Networks are fitted on the first; the second selects a step; the third is measured.

    Raises
    ------
    ValueError
        If a set is empty, its inputs and classes differ in number, or inputs differ in shape.

    Examples
    --------
    >>> points = Examples(torch.zeros(4, 2), torch.tensor([0, 1, 0, 1]))
    >>> Problem(points, points, points).classes
    2
    """

    train: Examples
    validation: Examples
    test: Examples

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            x, y = getattr(self, name)
            if not len(x) or tuple(y.shape) != (len(x),):
                raise ValueError(
                    f"{name} needs inputs (n, ...) and classes (n,) with n >= 1, "
                    f"got {tuple(x.shape)} and {tuple(y.shape)}"
                )
            if x.shape[1:] != self.train.x.shape[1:]:
                raise ValueError(
                    f"{name} has inputs of shape {tuple(x.shape[1:])}, "
                    f"train {tuple(self.train.x.shape[1:])}; use one shape"
                )

    @property
    def classes(self) -> int:
        """Number of classes: one more than the largest in any set."""
        return 1 + max(int(y.max()) for _, y in (self.train, self.validation, self.test))

    def to(self, device: torch.device, dtype: torch.dtype) -> "Problem":
        """Return the same problem on a device, with inputs in a dtype."""
        sets = (self.train, self.validation, self.test)
        return Problem(*(Examples(x.to(device, dtype), y.to(device)) for x, y in sets))


def digits_problem(
    *,
    train: int = 300,
    validation: int = 300,
    split: int = 0,
    images: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Problem:
    r"""Return the handwritten digits in three sets; what is left after two is for testing.

    Pixel :math:`i` with gray value :math:`g_i \in [0, 16]` enters as
    :math:`(g_i - m_i)/(s_i + 1)`, with mean and standard deviation over the training set.  The
    1 keeps border pixels, which are nearly always empty, from being blown up.

    Parameters
    ----------
    train, validation
        Sizes of these sets, at least 2 and 1; at least one of the 1,797 digits must remain.
    split
        Seed of the split.
    images
        Inputs as images ``(n, 1, 8, 8)`` instead of ``(n, 64)``.
    dtype
        Of the inputs.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    ValueError
        If a size or the seed is out of range.

    Examples
    --------
    >>> problem = digits_problem()
    >>> problem.train.x.shape, len(problem.validation.x), len(problem.test.x)
    (torch.Size([300, 64]), 300, 1197)
    """
    if train < 2 or validation < 1 or train + validation >= COUNT:
        raise ValueError(
            f"train must be at least 2, validation at least 1, and both together below {COUNT}, "
            f"got {train} and {validation}"
        )
    pixels, labels = digits()
    order = torch.randperm(COUNT, generator=generator(split))
    gray, y = 16 * pixels.flatten(1)[order], labels[order]  # (n, 64), (n,)
    mean, deviation = gray[:train].mean(0), gray[:train].std(0)
    x = ((gray - mean) / (deviation + 1)).to(dtype)
    if images:
        x = x.reshape(-1, 1, 8, 8)  # (n, 64) -> (n, 1, 8, 8)
    ends = (train, train + validation)
    parts = zip(x.tensor_split(ends), y.tensor_split(ends), strict=True)
    return Problem(*(Examples(*part) for part in parts))
