"""Directives whose text is a template, filled with what the files of the book say.

::

    ```{plan} seminar
    ```

Each is a template in ``templates`` and a function of the words behind its name.  What the files
must hold stands in ``schemas.yml``.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from jinja2 import Environment, FileSystemLoader
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from sphinx.util.docutils import SphinxDirective

from ibcore.runs.experiment import suggest

HERE = Path(__file__).parent
SCHEMAS: dict[str, Any] = yaml.safe_load((HERE / "schemas.yml").read_text("utf-8"))
TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=lambda name: ".html" in (name or ""),
    trim_blocks=True,
    lstrip_blocks=True,
)


def directive(content: Callable[..., Mapping[str, Any]]) -> type[SphinxDirective]:
    """Return a directive that shows the template of its name, filled with a content."""

    class Templated(SphinxDirective):
        optional_arguments = 2

        def run(self) -> list[nodes.Node]:
            box = nodes.Element()
            try:
                text = TEMPLATES.get_template(f"{self.name}.md.jinja").render(
                    content(*self.arguments)
                )
            except ValueError as error:
                raise self.error(f"{self.name}: {error}") from error
            lines = StringList(text.splitlines(), self.name)
            self.state.nested_parse(lines, 0, box, match_titles=True)
            return box.children

    return Templated


def filled(template: str, /, **content: Any) -> str:
    """Return a template filled with a content."""
    return TEMPLATES.get_template(f"{template}.jinja").render(content)


def chosen(word: str, known: Iterable[str]) -> str:
    """Return a word if it is known; else raise a ``ValueError`` that proposes one."""
    if word not in (known := list(known)):
        raise ValueError(f"unknown {word!r}; {suggest(word, known)}")
    return word


def checked(kind: str, entries: Any) -> Any:
    """Return the entries of a file that are as the schema of this kind says.

    Raises
    ------
    ValueError
        If one is not; it says which, and why.
    """
    error = best_match(Draft202012Validator(SCHEMAS[kind]).iter_errors(entries))
    if error:
        place = ", ".join(map(str, error.absolute_path))
        raise ValueError(f"{kind}, {place or 'the whole'}: {error.message}")
    return entries


def read(kind: str, path: Path) -> Any:
    """Return the checked entries of a file."""
    return checked(kind, yaml.safe_load(path.read_text("utf-8")))
