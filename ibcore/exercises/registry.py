"""Find the exercises of the book by id."""

from functools import cache
from importlib import import_module

from ibcore.exercises.exercise import Exercise

CHAPTERS = (
    "redshift.idea",
    "redshift.result",
    "redshift.limits",
    "metainit.idea",
    "metainit.result",
    "metainit.limits",
    "guidance.idea",
    "guidance.result",
    "guidance.limits",
    "memory.idea",
    "memory.result",
    "memory.limits",
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
    found = [exercise for chapter in CHAPTERS for exercise in _exercises_of(chapter)]
    ids = [exercise.id for exercise in found]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"exercise ids occur twice: {', '.join(twice)}; rename one of each")
    return tuple(found)


def find(name: str) -> Exercise:
    """Return the exercise with this id.

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
    known = {exercise.id: exercise for exercise in exercises()}
    if name not in known:
        from ibcore.runs.registry import suggest  # needs pandas; only an error needs it

        raise ValueError(f"unknown exercise {name!r}; {suggest(str(name), list(known))}")
    return known[name]


def _exercises_of(chapter: str) -> tuple[Exercise, ...]:
    module = import_module(f"ibcore.exercises.{chapter.replace('.', '_')}")
    found: tuple[Exercise, ...] = module.EXERCISES
    for exercise in found:
        if exercise.chapter != chapter:
            raise ValueError(f"exercise {exercise.id} stands in the file of {chapter}; move it")
    return found
