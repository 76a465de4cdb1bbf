"""Exercises that are checked in the notebook: `check` says right, or gives a hint.

Their content stands in ``book/exercises``, one file for each chapter: each exercise has its stub,
its solution and the wrong answers that many give, each with the hint that helps.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ibcore.door import door
from ibcore.runs.experiment import LABS, suggest
from ibcore.runs.store import of_book

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Exercise", "Outcome", "Trial", "Wrong", "check", "exercises", "find", "try_out"]


# What an exercise is: a stub, a solution, wrong answers with their hints, and a grader.

Kind = Literal["warm-up", "core", "theory"]
_ID = re.compile(r"[a-z]+\.[a-z]+\.[1-9]")
_FEWEST, _MOST = 2, 5


class Unreadable(ValueError):  # noqa: N818 (an answer is unreadable; nothing is in error)
    """An answer that cannot be judged; the message tells the reader what is expected."""


class Unanswered(Unreadable):
    """An answer that is still the stub."""


@runtime_checkable
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
        return ""

    def secrets(self) -> tuple[str, ...]:
        """Return texts that would reveal the solution."""


@door
@dataclass(frozen=True)
class Wrong:
    """A wrong answer that many give, as code, and the hint that helps."""

    code: str
    hint: str


@door
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


# What a check says: right, not yet, or not answered; as text and as HTML.

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


# Find the exercises of the book by id, in the files of its chapters.

CHAPTERS = (
    *(f"{lab}.{page}" for lab in LABS[:4] for page in ("idea", "result", "limits")),
    *("synthesis.instruments", "synthesis.crossings"),
)


@cache
def exercises() -> tuple[Exercise, ...]:
    """Return all exercises in the order of the book.

    Raises
    ------
    ValueError
        If two share an id, or one stands in the file of another chapter.

    Examples
    --------
    >>> exercises()[0].id
    'redshift.idea.1'
    """
    return tuple(exercise for chapter in CHAPTERS for exercise in _exercises_of(chapter))


def find(name: str) -> Exercise:
    """Return the exercise with this id; only the file of its chapter is read.

    Raises
    ------
    ValueError
        If there is none; the message lists near matches.

    Examples
    --------
    >>> find("redshift.ideas.1")
    Traceback (most recent call last):
    ...
    ValueError: unknown exercise 'redshift.ideas.1'; did you mean redshift.idea.1 or ...
    """
    chapter = str(name).rpartition(".")[0]
    for exercise in _exercises_of(chapter) if chapter in CHAPTERS else ():
        if exercise.id == name:
            return exercise
    known = [exercise.id for exercise in exercises()]
    raise ValueError(f"unknown exercise {name!r}; {suggest(str(name), known)}")


@cache
def _exercises_of(chapter: str) -> tuple[Exercise, ...]:
    """Return the exercises of one chapter, read from its file."""
    import yaml

    path, names = of_book("exercises") / f"{chapter}.yml", dict(_GRADING)
    try:
        page = yaml.safe_load(path.read_text("utf-8"))
        exec(compile(page.get("code", ""), str(path), "exec"), names)
        entries = page["exercises"]
    except Exception as error:
        raise ValueError(f"{path} holds no exercises: {error!r}; mend the file") from error
    found = tuple(_exercise(entry, names, path) for entry in entries)
    _check_ids([exercise.id for exercise in found], chapter, path)
    return found


def _check_ids(ids: Sequence[str], chapter: str, path: Path) -> None:
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: ids occur twice: {', '.join(twice)}; rename one of each")
    for name in ids:
        if name.rpartition(".")[0] != chapter:
            raise ValueError(f"exercise {name} stands in {path}, the file of {chapter}; move it")


def _exercise(entry: dict[str, Any], names: dict[str, Any], path: Path) -> Exercise:
    """Return the exercise of an entry, its grader evaluated with the names of its chapter."""
    try:
        texts = {key: _text(value) for key, value in entry.items() if key != "wrong"}
        wrong = tuple(_wrong(texts["solution"], **each) for each in entry["wrong"])
        grader = eval(compile(texts["grader"], str(path), "eval"), names)
        return Exercise(**{**texts, "grader": grader, "wrong": wrong})
    except Exception as error:
        name = entry.get("id") if isinstance(entry, dict) else entry
        raise ValueError(f"{path}: exercise {name} is refused: {error!r}; mend it") from error


def _wrong(solution: str, *, code: str, hint: str, replaces: str = "") -> Wrong:
    """Return a wrong answer: code, or the solution in which it replaces a few lines."""
    code, old = _text(code), _text(replaces)
    if not old:
        return Wrong(code, _text(hint))
    if (times := solution.count(old)) != 1:
        raise ValueError(f"{old!r} stands {times} times in the solution; quote what is there once")
    return Wrong(solution.replace(old, code), _text(hint))


def _text(value: object) -> str:
    """Return a text without its last line end, which YAML gives to a block of several lines."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text; put it in quotes")
    return value.rstrip("\n")


# Check an answer, and try an exercise out: the stub stays open, the solution passes, wrong answers
# get their hints.

_OPEN = "Put your answer in place of the dots and run the cell again."


def check(name: str, answer: object) -> Outcome:
    """Say whether an answer to an exercise of the book is right, or give a hint.

    Works offline and never raises because of an answer.  A wrong answer that is listed for the
    exercise gets the hint that belongs to it; any other gets a general one.

    Parameters
    ----------
    name
        Id of the exercise, such as ``redshift.idea.1``: laboratory, chapter, number.
    answer
        A number, a word, a tensor, a DataFrame or a function, as the exercise asks.

    Returns
    -------
    Outcome
        Its text is shown by a notebook; ``passed`` is True for a right answer.

    Raises
    ------
    ValueError
        If there is no such exercise; the message lists near ones.

    Examples
    --------
    >>> check("memory.limits.1", 4)
    ✗ memory.limits.1: Not yet. The gradient shrinks as well when the weights grow.
    >>> check("memory.limits.1", ...).passed
    False
    """
    return judge(find(name), answer)


def judge(exercise: Exercise, answer: object) -> Outcome:
    """Return the outcome of one answer to one exercise.

    Examples
    --------
    >>> judge(find("memory.limits.1"), 16.0)
    ✓ memory.limits.1: Right.
    """
    if answer is None or answer is ...:
        return Outcome(exercise.id, "open", _OPEN)
    try:
        value = exercise.grader.read(answer)
        if exercise.grader.is_right(value):
            return Outcome(exercise.id, "right")
        return Outcome(exercise.id, "not yet", _hint(exercise, value))
    except Unanswered:
        return Outcome(exercise.id, "open", _OPEN)
    except Unreadable as complaint:
        return Outcome(exercise.id, "not yet", str(complaint))
    except Exception as error:  # the reader's own code may do anything
        said = f"{type(error).__name__}: {error}"
        return Outcome(exercise.id, "not yet", f"The answer could not be evaluated: {said}")


def _hint(exercise: Exercise, value: object) -> str:
    """Return the hint of the listed wrong answer that this is, else what the grader can say."""
    for wrong in exercise.wrong:
        if exercise.grader.agree(value, exercise.grader.read(exercise.run(wrong.code))):
            return wrong.hint
    return exercise.grader.complaint(value) or exercise.hint


@dataclass(frozen=True)
class Trial:
    """How one exercise answers its own stub, solution and wrong answers.

    Attributes
    ----------
    stub
        Whether the stub is told that it is not answered yet.
    solution
        Whether the solution passes.
    wrong
        For each listed wrong answer whether it fails with the hint listed for it.
    """

    stub: bool
    solution: bool
    wrong: tuple[bool, ...]

    @property
    def sound(self) -> bool:
        """Whether all of them behave."""
        return self.stub and self.solution and all(self.wrong)


@door
def try_out(exercise: Exercise) -> Trial:
    """Run an exercise's stub, solution and wrong answers through its own check.

    Examples
    --------
    >>> try_out(find("memory.limits.1"))
    Trial(stub=True, solution=True, wrong=(True, True, True))
    """
    stub = judge(exercise, exercise.run(exercise.stub))
    answers = [judge(exercise, exercise.run(wrong.code)) for wrong in exercise.wrong]
    return Trial(
        stub=stub.standing == "open",
        solution=judge(exercise, exercise.run(exercise.solution)).passed,
        wrong=tuple(
            answer.standing == "not yet" and answer.message == wrong.hint
            for answer, wrong in zip(answers, exercise.wrong, strict=True)
        ),
    )


# Numbers and tensors as answers.

_DIGITS = range(1, 6)


@dataclass(frozen=True)
class Number(Grader):
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

    def secrets(self) -> tuple[str, ...]:
        """Return the number rounded to as many digits as would pass."""
        rounded = {float(f"{self.value:.{digits}g}") for digits in _DIGITS}
        return tuple(sorted(f"{number:.12g}" for number in rounded if self.is_right(number)))


@dataclass(frozen=True)
class Values(Grader):
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


# One word out of a few as an answer.


@dataclass(frozen=True)
class Choice(Grader):
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

    def secrets(self) -> tuple[str, ...]:
        """Return the right word."""
        return (self.right,)


# A table (a pandas DataFrame) as an answer.


@dataclass(frozen=True)
class Table(Grader):
    """A number for each key, in a frame whose first row must be the right one.

    Attributes
    ----------
    reference
        Returns the right frame; computed when asked, so it may read a stored result.
    key, column
        Column that names the rows, and column of numbers.
    within
        Absolute tolerance of the numbers.
    """

    reference: Callable[[], "pd.DataFrame"]
    key: str
    column: str
    within: float

    def read(self, answer: object) -> "pd.Series[float]":
        """Return the column of numbers by key, in the order of the rows."""
        import pandas as pd

        if not isinstance(answer, pd.DataFrame):
            raise Unreadable(f"A DataFrame is expected, and this is {type(answer).__name__}.")
        frame = answer.reset_index() if self.key in answer.index.names else answer
        missing = [name for name in (self.key, self.column) if name not in frame.columns]
        if missing:
            raise Unreadable(f"There is no column {' and none '.join(map(repr, missing))}.")
        keys = sorted(self.reference()[self.key])
        if sorted(map(str, frame[self.key])) != keys:
            raise Unreadable(f"One row is expected for each of: {', '.join(keys)}.")
        return frame.set_index(self.key)[self.column].astype("float64")

    def is_right(self, value: "pd.Series[float]") -> bool:
        """Compare with the reference."""
        return self.agree(value, self.read(self.reference()))

    def agree(self, value: "pd.Series[float]", other: "pd.Series[float]") -> bool:
        """Compare the first key and each number."""
        near = (value - other.reindex(value.index)).abs() <= self.within
        return bool(value.index[0] == other.index[0] and near.all())

    def secrets(self) -> tuple[str, ...]:
        """Return the first key, and the numbers with one and two decimals."""
        right = self.read(self.reference())
        numbers = {f"{abs(x):.{digits}f}" for x in right for digits in (1, 2)}
        return (str(right.index[0]), *sorted(numbers))


# A function as an answer: called on inputs of its own and compared with a reference.

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
class Function(Grader):
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


# What the files of the chapters may name without an import.

_GRADING = {
    "Call": Call,
    **{
        thing.__name__: thing
        for thing in (Choice, Function, Law, Number, Table, Values, as_numbers)
    },
}
