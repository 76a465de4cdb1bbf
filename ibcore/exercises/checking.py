"""Check an answer: right, or a hint."""

from ibcore.exercises.exercise import Exercise, Unanswered, Unreadable
from ibcore.exercises.outcome import Outcome
from ibcore.exercises.registry import find

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
    >>> from ibcore.exercises.registry import find
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
