"""What an exercise is: a stub, a solution, wrong answers with their hints, and a grader."""

import re
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal["warm-up", "core", "theory"]
_ID = re.compile(r"[a-z]+\.[a-z]+\.[1-9]")
_FEWEST, _MOST = 2, 5


class Unreadable(ValueError):  # noqa: N818 (an answer is unreadable; nothing is in error)
    """An answer that cannot be judged; the message tells the reader what is expected."""


class Unanswered(Unreadable):
    """An answer that is still the stub."""


class Grader(Protocol):
    """Judges one kind of answer: a number, a choice, a tensor, a table or a function."""

    def read(self, answer: object) -> Any:
        """Return what the other methods compare; `Unreadable` if it cannot be compared."""

    def is_right(self, value: Any) -> bool:
        """Say whether the answer is right."""

    def agree(self, value: Any, other: Any) -> bool:
        """Say whether two answers are the same, up to the grader's tolerance."""

    def complaint(self, value: Any) -> str:
        """Return a property that the answer lacks, in words; empty if there is none to name."""

    def secrets(self) -> tuple[str, ...]:
        """Return texts that would reveal the solution."""


@dataclass(frozen=True)
class Wrong:
    """A wrong answer that many give, as code, and the hint that helps."""

    code: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One exercise; all code is Python that sets ``variable``.

    Attributes
    ----------
    id
        Laboratory, chapter and number, such as ``redshift.idea.1``.
    title, kind
        A few words, and where it stands among the exercises of its chapter.
    stub
        What the student sees; it runs without an error.
    solution
        One right answer, computed.
    wrong
        Two to five wrong answers.
    hint
        What to say to any other answer.
    """

    id: str
    title: str
    kind: Kind
    stub: str
    solution: str
    wrong: tuple[Wrong, ...]
    grader: Grader
    hint: str
    variable: str = "answer"

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"exercise id {self.id!r} is not of the form 'redshift.idea.1'")
        if not _FEWEST <= len(self.wrong) <= _MOST:
            raise ValueError(
                f"exercise {self.id} lists {len(self.wrong)} wrong answers; "
                f"give it {_FEWEST} to {_MOST}"
            )

    @property
    def chapter(self) -> str:
        """Laboratory and chapter, such as ``redshift.idea``."""
        return self.id.rpartition(".")[0]

    @property
    def notebook(self) -> str:
        """The notebook's path without its ending, such as ``notebooks/redshift/idea``."""
        return "notebooks/" + self.chapter.replace(".", "/")

    def cell(self, code: str) -> str:
        """Return the notebook cell that runs this code and checks what it sets."""
        above = "\n" if code.startswith(("import ", "from ")) else "\n\n"
        below = "\n\n\n" if code.splitlines()[-1].startswith(" ") else "\n\n"
        return f'import ibcore{above}{code}{below}ibcore.check("{self.id}", {self.variable})'

    def run(self, code: str) -> object:
        """Return the answer that this code sets, evaluated in a namespace of its own."""
        names: dict[str, Any] = {}
        exec(compile(code, f"<exercise {self.id}>", "exec"), names)
        return names[self.variable]
