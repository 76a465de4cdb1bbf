"""What a check says: right, not yet, or not answered; as text and as HTML."""

from dataclasses import dataclass
from html import escape
from typing import Literal

Standing = Literal["right", "not yet", "open"]
_SIGNS = {
    "right": ("✓", "Right."),
    "not yet": ("✗", "Not yet."),
    "open": ("○", "Not answered yet."),
}


@dataclass(frozen=True, repr=False)
class Outcome:
    """The outcome of one check; its text is what a notebook shows.

    Attributes
    ----------
    exercise
        Id of the exercise.
    standing
        Whether the answer is right, not right yet, or still open.
    message
        A hint, a complaint, or empty.

    Examples
    --------
    >>> Outcome("redshift.idea.1", "not yet", "Count half periods.")
    ✗ redshift.idea.1: Not yet. Count half periods.
    """

    exercise: str
    standing: Standing
    message: str = ""

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.standing == "right"

    def __repr__(self) -> str:
        sign, words = _SIGNS[self.standing]
        return f"{sign} {self.exercise}: {words} {self.message}".rstrip()

    def _repr_html_(self) -> str:
        sign, words = _SIGNS[self.standing]
        kind = self.standing.replace(" ", "-")
        return (
            f'<p class="ib-check ib-check-{kind}"><span aria-hidden="true">{sign}</span> '
            f"{escape(self.exercise)} <strong>{words}</strong> "
            f"{escape(self.message)}</p>"
        )
