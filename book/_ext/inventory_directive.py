"""The ``inventory`` directive: a topic's questions without any answer, its key, or a table of all.

::

    ```{inventory} questions redshift
    ```
"""

from collections.abc import Iterator
from typing import Any

import inventory
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from inventory import LETTERS, TOPICS, Item
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def question_lines(number: int, item: Item) -> Iterator[str]:
    """Yield the Markdown of a question with its options, which never says which one is right."""
    yield f"(inventory-{number})="
    yield f"**{number}.** {item.question}"
    yield ""
    for letter, option in zip(LETTERS, item.options, strict=True):
        yield f"- {letter}. {option.text}"
    yield ""


def key_lines(number: int, item: Item) -> Iterator[str]:
    """Yield the Markdown of the answer: the right option first, then what each other stands for."""
    paired = list(zip(LETTERS, item.options, strict=True))
    right = next(option for _, option in paired if not option.misconception)
    yield f"**[{number}](#inventory-{number}): {item.right}.** *{right.text}.* {right.why}"
    yield f"Chapter: [](/notebooks/{item.chapter}.ipynb)."
    yield ""
    for letter, option in paired:
        if option.misconception:
            yield f"- {letter} shows *{option.misconception}*. {option.why}"
    yield ""


def table_lines() -> Iterator[str]:
    """Yield the Markdown of a table with the right letter and the chapter of each question."""
    yield "| Question | Right | Chapter |"
    yield "|---|---|---|"
    for number, item in enumerate(inventory.inventory(), 1):
        chapter = f"[](/notebooks/{item.chapter}.ipynb)"
        yield f"| {number} | {item.right} | {chapter} |"


WRITERS = {"questions": question_lines, "key": key_lines}


class InventoryDirective(SphinxDirective):
    """Place the questions of a topic, the key to them, or the table of all letters."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a box for each question, or the table."""
        self.env.note_dependency(str(inventory.FILE))
        if self.arguments == ["table"]:
            return [self._box("ib-narrow", table_lines())]
        try:
            part, topic = self.arguments
            write = WRITERS[directives.choice(part, tuple(WRITERS))]
            directives.choice(topic, tuple(TOPICS))
        except ValueError as error:
            raise self.error(f"inventory {' '.join(self.arguments)!r}: {error}") from error
        numbered = enumerate(inventory.inventory(), 1)
        return [self._box("ib-item", write(n, item)) for n, item in numbered if item.topic == topic]

    def _box(self, name: str, lines: Iterator[str]) -> nodes.Node:
        box = nodes.container(classes=[name])
        self.state.nested_parse(StringList(list(lines), str(inventory.FILE)), 0, box)
        return box


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("inventory", InventoryDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
