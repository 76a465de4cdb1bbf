"""The ``plan`` directive: the sessions of a course, one box each.

::

    ```{plan} seminar
    ```
"""

from collections.abc import Iterator
from typing import Any

import demos
import plans
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from plans import Session
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

UNBROKEN = "\N{NO-BREAK SPACE}"
LABELS = {"homework": "Homework", "before": "Read before", "say": "Say", "skip": "Skip first"}


def listed(numbers: tuple[int, ...]) -> str:
    """Return numbers in words.

    Examples
    --------
    >>> listed((1, 3, 5))
    '1, 3 and 5'
    """
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last


def chapter_link(chapter: str) -> str:
    """Return a link to a chapter or to the front page."""
    return "[the front page](/book/intro.md)" if chapter == "intro" else _notebook(chapter)


def _notebook(chapter: str) -> str:
    return f"[](/notebooks/{chapter}.ipynb)"


def shown(name: str, steps: tuple[int, ...]) -> str:
    """Return a link to a script, with its steps."""
    few = f", step{'s' if len(steps) > 1 else ''} {listed(steps)}" if steps else ""
    return f"[{demos.demos()[name].explorer}](#teach-{name}){few}"


def exercises(session: Session) -> str:
    """Return the exercises of a session in words, with their chapter if there are several."""
    several = len(session.chapters) > 1
    return "; ".join(
        f"exercise{'s' if len(numbers) > 1 else ''} {listed(numbers)}"
        + (f" of {_notebook(chapter)}" if several else "")
        for chapter, numbers in session.exercises
    )


def session_lines(session: Session) -> Iterator[str]:
    """Yield the Markdown of a session."""
    topics = [*map(chapter_link, session.chapters), *filter(None, [session.texts.get("topic")])]
    title = f"**{session.when}**" + (f": {', '.join(topics)}" if topics else "")
    yield title
    yield ""
    parts = " · ".join(f"{name} {minutes}" for name, minutes in session.minutes)
    yield f"- **Minutes**: {parts}{UNBROKEN}={UNBROKEN}{session.total}"
    if session.show:
        yield f"- **Show live**: {'; '.join(shown(*each) for each in session.show)}"
    for field, label in LABELS.items():
        told = [session.texts[field]] if field in session.texts else []
        if field == "homework" and session.exercises:
            told = [exercises(session), *told]
        if told:
            yield f"- **{label}**: {'; '.join(told)}"


class PlanDirective(SphinxDirective):
    """Place the sessions of a plan."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a box for each session."""
        self.env.note_dependency(str(plans.FILE))
        self.env.note_dependency(str(demos.SCRIPTS))
        try:
            name = directives.choice(self.arguments[0], tuple(plans.plans()))
        except ValueError as error:
            raise self.error(str(error)) from error
        boxes: list[nodes.Node] = []
        for session in plans.plans()[name]:
            box = nodes.container(classes=["ib-session"])
            lines = StringList(list(session_lines(session)), str(plans.FILE))
            self.state.nested_parse(lines, 0, box)
            boxes.append(box)
        return boxes


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("plan", PlanDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
