"""The concept inventory: data that the page of questions, the key and the tests share."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import api_names
import freshness
import yaml

FILE = freshness.ROOT / "book" / "teach" / "inventory.yml"
TOPICS = {**api_names.LAB_TITLES, "reading": "Reading an experiment"}
LETTERS = "ABCD"


class InventoryError(ValueError):
    """An item that cannot be asked."""


@dataclass(frozen=True)
class Option:
    """One choice: the right one has no misconception, each wrong one names its own."""

    text: str
    why: str
    misconception: str = ""


@dataclass(frozen=True)
class Item:
    """One question with four options, and the chapter that answers it."""

    topic: str
    chapter: str  # such as "redshift/idea"
    question: str
    options: tuple[Option, ...]

    @property
    def right(self) -> str:
        """Return the letter of the right option."""
        return next(
            letter
            for letter, option in zip(LETTERS, self.options, strict=True)
            if not option.misconception
        )


def read_option(place: str, entry: Mapping[str, str]) -> Option:
    """Return an option from its entry in the file.

    Raises
    ------
    InventoryError
        If a field is missing, empty or unknown.
    """
    known = {"option", "why", "misconception"}
    if not {"option", "why"} <= entry.keys() <= known or not all(entry.values()):
        raise InventoryError(f"{place}: fields are {sorted(entry)}; known are {sorted(known)}")
    return Option(entry["option"], entry["why"], entry.get("misconception", ""))


def read_item(place: str, entry: Mapping[str, Any]) -> Item:
    """Return a question from its entry in the file.

    Raises
    ------
    InventoryError
        If the topic is unknown, or there are not four options with exactly one right.

    Examples
    --------
    >>> wrong = [{"option": o, "why": "No.", "misconception": "m"} for o in "123"]
    >>> options = [*wrong, {"option": "4", "why": "Yes."}]
    >>> entry = {"topic": "memory", "chapter": "memory/idea", "question": "?", "options": options}
    >>> read_item("here", entry).right
    'D'
    """
    options = tuple(read_option(place, option) for option in entry["options"])
    right = sum(not option.misconception for option in options)
    if entry["topic"] not in TOPICS:
        raise InventoryError(f"{place}: topic {entry['topic']!r}; known are {list(TOPICS)}")
    if len(options) != len(LETTERS) or right != 1:
        raise InventoryError(f"{place}: {len(options)} options, {right} right; needed are 4 and 1")
    return Item(entry["topic"], entry["chapter"], entry["question"], options)


def read_inventory(text: str) -> tuple[Item, ...]:
    """Return the questions of a file, in order.

    Raises
    ------
    InventoryError
        If an entry is not as described by `Item` and `Option`.
    """
    entries = enumerate(yaml.safe_load(text), 1)
    return tuple(read_item(f"question {number}", entry) for number, entry in entries)


@cache
def inventory() -> tuple[Item, ...]:
    """Return the questions of the book."""
    return read_inventory(FILE.read_text("utf-8"))
