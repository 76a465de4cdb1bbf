"""The instructor room: course plans, the concept inventory and the scripts of demonstrations.

The files in ``book/teach`` hold them, and say what their fields mean.  In the instructor edition
each chapter begins with a link to its notes.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import api_names
import freshness
import templated
from docutils import nodes
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


def notes_address(chapter: str) -> tuple[str, str] | None:
    """Return the page and the anchor of a chapter's notes, or ``None`` for other pages.

    Examples
    --------
    >>> notes_address("notebooks/redshift/idea")
    ('book/teach/redshift', 'teach-redshift-idea')
    >>> notes_address("book/intro") is None
    True
    """
    found = re.fullmatch(r"notebooks/(\w+)/(\w+)", chapter)
    return (f"book/teach/{found[1]}", f"teach-{found[1]}-{found[2]}") if found else None


def add_link(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put a note with the link before everything that follows the title."""
    found = notes_address(page)
    if found is None or not app.tags.has("instructor"):
        return
    address = f"{app.builder.get_relative_uri(page, found[0])}#{found[1]}"
    link = nodes.reference("", "notes for this chapter", refuri=address, internal=True)
    words = ", with minutes, questions, misconceptions, a demonstration and its stored frames."
    text = nodes.paragraph("", "", nodes.Text("For the lecturer: "), link, nodes.Text(words))
    title = next(doctree.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, nodes.note("", text))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and the change of finished pages."""
    app.connect("doctree-resolved", add_link)
    app.add_directive("plan", templated.directive(one_plan))
    app.add_directive("inventory", templated.directive(one_topic))
    app.add_directive("demo", templated.directive(one_demo))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
