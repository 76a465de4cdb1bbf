"""The course plans: sessions whose minutes add up, shared by the page of plans and its tests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import freshness
import yaml

FILE = freshness.ROOT / "book" / "teach" / "plans.yml"
NEEDED = {"when", "minutes", "total"}
TEXTS = ("topic", "homework", "before", "say", "skip")
KNOWN = {*NEEDED, *TEXTS, "chapters", "show", "exercises"}

Numbered = tuple[str, tuple[int, ...]]


class PlanError(ValueError):
    """A session that cannot be held as written."""


@dataclass(frozen=True)
class Session:
    """One session of a course.

    Parameters
    ----------
    when
        Its name, such as "Week 2".
    minutes
        Its parts with their minutes, in order.
    total
        The sum of the minutes.
    chapters
        Such as "redshift/idea"; "intro" is the front page.
    show
        Names of demonstrations, with the steps to play; all steps if none is given.
    exercises
        Chapters, with the numbers of their exercises.
    texts
        What else is said of it, by field.
    """

    when: str
    minutes: tuple[tuple[str, int], ...]
    total: int
    chapters: tuple[str, ...]
    show: tuple[Numbered, ...]
    exercises: tuple[Numbered, ...]
    texts: Mapping[str, str]


def numbered(entry: str) -> Numbered:
    """Return a name and the numbers after it.

    Examples
    --------
    >>> numbered("redshift/idea 1 3")
    ('redshift/idea', (1, 3))
    """
    name, *numbers = entry.split()
    return name, tuple(int(number) for number in numbers)


def part(place: str, text: str) -> tuple[str, int]:
    """Return a part of a session and its minutes.

    Raises
    ------
    PlanError
        If the text does not end with a number.

    Examples
    --------
    >>> part("here", "exact law 20")
    ('exact law', 20)
    """
    found = re.fullmatch(r"(.+) (\d+)", text)
    if not found:
        raise PlanError(f"{place}: {text!r} has no minutes; write for instance 'demo 15'")
    return found[1], int(found[2])


def read_session(place: str, entry: Mapping[str, Any]) -> Session:
    """Return a session from its entry in the file.

    Raises
    ------
    PlanError
        If a field is missing or unknown, or the minutes do not add up to the total.

    Examples
    --------
    >>> entry = {"when": "Week 1", "minutes": ["predict 5", "demo 20"], "total": 25}
    >>> read_session("here", entry).minutes
    (('predict', 5), ('demo', 20))
    """
    if not NEEDED <= entry.keys() <= KNOWN:
        raise PlanError(f"{place}: fields are {sorted(entry)}; needed are {sorted(NEEDED)}")
    minutes = tuple(part(f"{place}, {entry['when']}", text) for text in entry["minutes"])
    if (found := sum(each for _, each in minutes)) != entry["total"]:
        raise PlanError(f"{place}, {entry['when']}: {found} minutes, not {entry['total']}")
    return Session(
        entry["when"],
        minutes,
        entry["total"],
        tuple(entry.get("chapters", ())),
        tuple(numbered(text) for text in entry.get("show", ())),
        tuple(numbered(text) for text in entry.get("exercises", ())),
        {field: entry[field] for field in TEXTS if field in entry},
    )


def read_plans(text: str) -> dict[str, tuple[Session, ...]]:
    """Return the plans of a file by name.

    Raises
    ------
    PlanError
        If an entry is not as described by `Session`.
    """
    entries = yaml.safe_load(text).items()
    return {name: tuple(read_session(name, each) for each in plan) for name, plan in entries}


@cache
def plans() -> dict[str, tuple[Session, ...]]:
    """Return the plans of the book by name."""
    return read_plans(FILE.read_text("utf-8"))
