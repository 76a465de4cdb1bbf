"""One word out of a few as an answer."""

from dataclasses import dataclass

from ibcore.exercises.exercise import Unreadable


@dataclass(frozen=True)
class Choice:
    """One of ``options``; case and surrounding blanks do not matter.

    Raises
    ------
    ValueError
        If the right word is none of the options.

    Examples
    --------
    >>> grader = Choice("width", options=("width", "depth"))
    >>> grader.is_right(grader.read(" Width"))
    True
    """

    right: str
    options: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.right not in self.options:
            raise ValueError(f"{self.right!r} is none of the options {', '.join(self.options)}")

    def read(self, answer: object) -> str:
        """Return the option that was chosen."""
        word = answer.strip().casefold() if isinstance(answer, str) else answer
        for option in self.options:
            if word == option.casefold():
                return option
        known = ", ".join(f'"{option}"' for option in self.options)
        raise Unreadable(f"One of these is expected: {known}.")

    def is_right(self, value: str) -> bool:
        """Compare with the right word."""
        return value == self.right

    def agree(self, value: str, other: str) -> bool:
        """Compare two words."""
        return value == other

    def complaint(self, value: str) -> str:
        """Return nothing: a word is right or wrong."""
        return ""

    def secrets(self) -> tuple[str, ...]:
        """Return the right word."""
        return (self.right,)
