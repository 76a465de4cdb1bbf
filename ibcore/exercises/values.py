"""Numbers and tensors as answers."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ibcore.exercises.exercise import Unanswered, Unreadable

_DIGITS = range(1, 6)


@dataclass(frozen=True)
class Number:
    """One real number, right within a relative tolerance.

    Examples
    --------
    >>> grader = Number(0.25, within=0.01)
    >>> [grader.is_right(grader.read(answer)) for answer in (0.2502, torch.tensor(0.26))]
    [True, False]
    """

    value: float
    within: float = 0.01

    def read(self, answer: object) -> float:
        """Return the answer as a float; numbers of Python, numpy and torch will do."""
        if isinstance(answer, str):
            raise Unreadable("A number is expected, and this is text; leave the quotes away.")
        numbers = as_numbers(answer)
        if numbers.numel() != 1:
            raise Unreadable(f"One number is expected, and these are {numbers.numel()}.")
        number = float(numbers)
        if not math.isfinite(number):
            raise Unreadable(f"A finite number is expected, and this is {number}.")
        return number

    def is_right(self, value: float) -> bool:
        """Compare with the right number."""
        return self.agree(value, self.value)

    def agree(self, value: float, other: float) -> bool:
        """Compare two numbers within the tolerance."""
        return abs(value - other) <= self.within * abs(other) + 1e-12

    def complaint(self, value: float) -> str:
        """Return nothing: a number is right or wrong."""
        return ""

    def secrets(self) -> tuple[str, ...]:
        """Return the number rounded to as many digits as would pass."""
        rounded = {float(f"{self.value:.{digits}g}") for digits in _DIGITS}
        return tuple(sorted(f"{number:.12g}" for number in rounded if self.is_right(number)))


@dataclass(frozen=True)
class Values:
    """A tensor of given shape, right within an absolute tolerance for each entry.

    ``reference`` returns the right values and the tolerances, both of that shape.
    """

    reference: Callable[[], tuple[Tensor, Tensor]]

    def read(self, answer: object) -> Tensor:
        """Return the answer as a float64 tensor of the right shape."""
        numbers, shape = as_numbers(answer), self.reference()[0].shape
        if numbers.shape != shape:
            raise Unreadable(
                f"The shape {tuple(shape)} is expected, and this has {tuple(numbers.shape)}."
            )
        return numbers

    def is_right(self, value: Tensor) -> bool:
        """Compare with the reference."""
        return self.agree(value, self.reference()[0])

    def agree(self, value: Tensor, other: Tensor) -> bool:
        """Compare two tensors entry by entry."""
        return bool(((value - other).abs() <= self.reference()[1]).all())

    def complaint(self, value: Tensor) -> str:
        """Name the entry that is farthest off, without its value."""
        right, tolerance = self.reference()
        excess = torch.nan_to_num((value - right).abs() / tolerance, nan=math.inf)
        place = torch.unravel_index(excess.argmax(), value.shape)
        return f"Look again at the entry {tuple(int(i) for i in place)}, the farthest off."

    def secrets(self) -> tuple[str, ...]:
        """Return the entries, rounded to two and three digits."""
        entries = self.reference()[0].flatten().tolist()
        return tuple(sorted({f"{entry:.{digits}g}" for entry in entries for digits in (2, 3)}))


def as_numbers(answer: object) -> Tensor:
    """Return numbers, nested lists of them, arrays or tensors as a float64 tensor.

    Raises
    ------
    Unreadable
        If it holds anything but real numbers.

    Examples
    --------
    >>> as_numbers([1, 2.5]).tolist(), as_numbers(np.arange(2.0)).tolist()
    ([1.0, 2.5], [0.0, 1.0])
    """
    if isinstance(answer, list | tuple):
        parts = [as_numbers(part) for part in answer]
        if len({part.shape for part in parts}) > 1:
            raise Unreadable("The rows of the answer have different lengths.")
        return torch.stack(parts) if parts else torch.empty(0, dtype=torch.float64)
    if answer is None or answer is ...:
        raise Unanswered
    if isinstance(answer, bool | str):
        raise Unreadable(f"Numbers are expected, and this holds {answer!r}.")
    if hasattr(answer, "__array__") and not isinstance(answer, Tensor):
        answer = np.array(answer)  # of an array or a column of a table: a copy
    tensor = torch.as_tensor(answer)
    if tensor.is_complex():
        raise Unreadable("Real numbers are expected, and these are complex.")
    return tensor.detach().to("cpu", torch.float64)
