"""The ``explorer`` directive: an interactive figure in a Markdown page.

::

    ```{explorer} RandomNetwork
    :activation: tanh
    :weight-scale: 2.0
    ```
"""

import difflib
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


class AnyOption(dict[str, Callable[[str], Any]]):
    """An option specification that takes every name; the explorer's constructor judges it."""

    def __bool__(self) -> bool:
        return True

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Callable[[str], Any]:
        return parse_value


def parse_value(text: str | None) -> Any:
    """Return a plain YAML scalar: a number, ``true`` or ``false``, ``null`` or text.

    Raises
    ------
    ValueError
        If the option stands without a value, or the value is a list or a mapping.

    Examples
    --------
    >>> [parse_value(text) for text in ("2.0", "true", "null", "tanh")]
    [2.0, True, None, 'tanh']
    """
    if text is None:
        raise ValueError("the option has no value; write for example ':gated: true'")
    value = yaml.safe_load(text)
    if isinstance(value, list | dict):
        raise ValueError(f"expected a number, true, false, null or a word, got {text!r}")
    return value


def build(name: str, options: dict[str, Any]) -> Any:
    """Return the explorer of this name, made with these constructor arguments.

    Raises
    ------
    ValueError
        If the name or an option is unknown, or the constructor refuses a value.
    """
    from ibcore.explorers import EXPLORERS

    if name not in EXPLORERS:
        raise ValueError(f"unknown explorer {name!r}; {_hint(name, EXPLORERS)}")
    known = inspect.signature(EXPLORERS[name]).parameters
    arguments = {option.replace("-", "_"): value for option, value in options.items()}
    for option in arguments:
        if option not in known:
            raise ValueError(f"explorer {name} has no option {option!r}; {_hint(option, known)}")
    try:
        return EXPLORERS[name](**arguments)
    except TypeError as error:
        raise ValueError(f"explorer {name}: {error}") from error


def _hint(word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(known)}"


class ExplorerDirective(SphinxDirective):
    """Place an explorer; a mistake is a warning with its line, so the strict build fails."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Callable[[str], Any]] | None] = AnyOption()

    def run(self) -> list[nodes.Node]:
        """Return the figure as HTML; other formats get its description in words."""
        try:
            explorer = build(self.arguments[0], self.options)
        except ValueError as error:
            logger.warning("%s", error, location=self.get_location(), type="explorer")
            return []
        page = nodes.raw("", explorer.to_html(), format="html")
        words = nodes.raw("", f"[{explorer!r}]", format="text latex")
        return [page, words]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("explorer", ExplorerDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
