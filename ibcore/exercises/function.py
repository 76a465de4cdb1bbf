"""A function as an answer: called on inputs of its own and compared with a reference."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ibcore.exercises.exercise import Unreadable
from ibcore.exercises.values import as_numbers

Call = Callable[..., Any]


@dataclass(frozen=True)
class Law:
    """A property that every right function has, and what to say if one lacks it."""

    holds: Callable[[Call], bool]
    complaint: str


@dataclass(frozen=True)
class Observed:
    """What a function returned on each input, and the complaint of the first law it breaks."""

    outputs: tuple[Tensor, ...]
    complaint: str


def plainly(function: Call, *arguments: Any) -> Any:
    """Call the function; the usual way to observe it.

    Examples
    --------
    >>> plainly(abs, -2)
    2
    """
    return function(*arguments)


@dataclass(frozen=True)
class Function:
    """A function that agrees with a reference on fresh inputs and obeys all laws.

    Attributes
    ----------
    reference
        A right function.
    cases
        Returns tuples of arguments, made anew for each function so that none can spoil them.
    laws
        Properties, checked in order.
    observe
        Returns what is compared; by default what the function returns.
    reveals
        Texts that would reveal the solution.
    """

    reference: Call
    cases: Callable[[], Sequence[tuple[Any, ...]]]
    laws: tuple[Law, ...] = ()
    observe: Call = plainly
    reveals: tuple[str, ...] = ()
    within: float = 1e-6

    def read(self, answer: object) -> Observed:
        """Call the function on every input."""
        if not callable(answer):
            raise Unreadable(f"A function is expected, and this is {type(answer).__name__}.")
        outputs = tuple(as_numbers(self.observe(answer, *case)) for case in self.cases())
        broken = [law.complaint for law in self.laws if not law.holds(answer)]
        return Observed(outputs, next(iter(broken), ""))

    def is_right(self, value: Observed) -> bool:
        """Compare with the reference; no law may be broken."""
        return not value.complaint and self.agree(value, self.read(self.reference))

    def agree(self, value: Observed, other: Observed) -> bool:
        """Compare the outputs of two functions."""
        pairs = zip(value.outputs, other.outputs, strict=True)
        return all(
            a.shape == b.shape and torch.allclose(a, b, rtol=self.within, atol=self.within)
            for a, b in pairs
        )

    def complaint(self, value: Observed) -> str:
        """Return what is said of the first law that the function breaks."""
        return value.complaint

    def secrets(self) -> tuple[str, ...]:
        """Return the texts that would reveal the solution."""
        return self.reveals
