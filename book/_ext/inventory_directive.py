"""The ``inventory`` directive: the questions without any answer, or the key to them.

::

    ```{inventory} questions
    ```
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import inventory
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from inventory import LETTERS, TOPICS, Item
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

Numbered = tuple[int, Item]


def by_topic() -> Iterator[tuple[str, list[Numbered]]]:
    """Yield each topic with its questions and their numbers."""
    numbered = enumerate(inventory.inventory(), 1)
    for topic, group in groupby(numbered, key=lambda pair: pair[1].topic):
        yield topic, list(group)


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
    yield "| Question | Right | Topic | Chapter |"
    yield "|---|---|---|---|"
    for number, item in enumerate(inventory.inventory(), 1):
        chapter = f"[](/notebooks/{item.chapter}.ipynb)"
        yield f"| {number} | {item.right} | {TOPICS[item.topic]} | {chapter} |"


WRITERS = {"questions": question_lines, "key": key_lines}


def kind(argument: str) -> str:
    """Return which of the parts is asked for."""
    return str(directives.choice(argument, (*WRITERS, "table")))


class InventoryDirective(SphinxDirective):
    """Place the questions, the key or its table."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a section for each topic, or the table."""
        self.env.note_dependency(str(inventory.FILE))
        try:
            part = kind(self.arguments[0])
        except ValueError as error:
            raise self.error(str(error)) from error
        if part == "table":
            return self._parse(nodes.container(classes=["ib-inventory"]), list(table_lines()))
        return [self._section(part, *pair) for pair in by_topic()]

    def _section(self, part: str, topic: str, items: list[Numbered]) -> nodes.Node:
        title = f"{TOPICS[topic]}: questions {items[0][0]} to {items[-1][0]}"
        section = nodes.section(ids=[f"{part}-{topic}"], names=[f"{part}-{topic}"])
        section += nodes.title("", title)
        for number, item in items:
            box = nodes.container(classes=["ib-item"])
            section += self._parse(box, list(WRITERS[part](number, item)))
        return section

    def _parse(self, box: nodes.container, lines: list[str]) -> list[nodes.Node]:
        self.state.nested_parse(StringList(lines, str(inventory.FILE)), 0, box)
        return [box]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("inventory", InventoryDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
