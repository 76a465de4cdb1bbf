"""The instructor room: course plans, the concept inventory and the scripts of demonstrations.

The files in ``book/teach`` hold them, and say what their fields mean.
"""

from functools import cache
from pathlib import Path
from typing import Any

import api_names
import freshness
import templated
from sphinx.application import Sphinx

TEACH = freshness.ROOT / "book" / "teach"
FRAMES = TEACH / "frames"
TOPICS = (*api_names.LABS, "reading")
LETTERS = "ABCD"

Session = dict[str, Any]
Item = dict[str, Any]
Demo = dict[str, Any]


@cache
def plans() -> dict[str, list[Session]]:
    """Return the sessions of each plan; the minutes of each add up to its total."""
    found: dict[str, list[Session]] = templated.read("plans", TEACH / "plans.yml")
    for plan, sessions in found.items():
        for session in sessions:
            add_up(plan, session)
    return found


def add_up(plan: str, session: Session) -> None:
    """Raise a ``ValueError`` if the minutes of a session are not its total."""
    if (found := sum(minutes for _, minutes in parts(session))) != session["total"]:
        raise ValueError(f"{plan}, {session['when']}: {found} minutes, not {session['total']}")


def parts(session: Session) -> list[tuple[str, int]]:
    """Return the parts of a session with their minutes.

    Examples
    --------
    >>> parts({"minutes": ["exact law 20", "quiz 5"]})
    [('exact law', 20), ('quiz', 5)]
    """
    pairs = (text.rsplit(" ", 1) for text in session["minutes"])
    return [(name, int(minutes)) for name, minutes in pairs]


@cache
def inventory() -> list[Item]:
    """Return the questions, each with its number and the letter of its right option."""
    entries: list[Item] = templated.read("inventory", TEACH / "inventory.yml")
    return [entry | {"number": n, "right": right(entry)} for n, entry in enumerate(entries, 1)]


def right(entry: Item) -> str:
    """Return the letter of the right option: the one that shows no misconception."""
    pairs = zip(LETTERS, entry["options"], strict=True)
    return next(letter for letter, option in pairs if "misconception" not in option)


@cache
def demos() -> dict[str, Demo]:
    """Return the demonstrations: an explorer of a page, and the steps from its first state on."""
    found: dict[str, Demo] = templated.read("demos", TEACH / "demos.yml")
    return {name: {"number": 0, **demo, "name": name} for name, demo in found.items()}


def frame(demo: Demo, index: int, folder: Path = FRAMES) -> Path:
    """Return the file of a step's stored frame."""
    return folder / f"{demo['name']}-{index + 1}.webp"


def one_plan(name: str = "") -> dict[str, Any]:
    """Return what the template of a plan shows."""
    return {"sessions": plans()[templated.chosen(name, plans())], "demos": demos()}


def one_topic(part: str = "", topic: str = "reading") -> dict[str, Any]:
    """Return what the template of the inventory shows."""
    part = templated.chosen(part, ("questions", "key", "table"))
    topic = templated.chosen(topic, TOPICS)
    every = inventory()
    return {"part": part, "every": every, "items": [i for i in every if i["topic"] == topic]}


def one_demo(name: str = "") -> dict[str, Any]:
    """Return what the template of a demonstration shows."""
    return demos()[templated.chosen(name, demos())]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("plan", templated.directive(one_plan))
    app.add_directive("inventory", templated.directive(one_topic))
    app.add_directive("demo", templated.directive(one_demo))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
