"""Interactive figures: the ``explorer`` directive, and the script of the kinds that a page shows.

::

    ```{explorer} RandomNetwork
    :activation: tanh
    :weight-scale: 2.0
    ```
"""

import inspect
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import templated
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from ibcore.explorers import EXPLORERS
from ibcore.explorers.base import KINDS, script
from ibcore.runs.store import write_atomically

FOLDER = "explorers"  # in _static
KIND = re.compile(r'<ib-explorer\b[^>]*><script type="application/json">\{"kind":"(\w+)"')

logger = logging.getLogger(__name__)


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
    explorer = EXPLORERS[templated.chosen(name, EXPLORERS)]
    known = inspect.signature(explorer).parameters
    for option in options:
        templated.chosen(option.replace("-", "_"), known)
    try:
        return explorer(**{option.replace("-", "_"): value for option, value in options.items()})
    except TypeError as error:
        raise ValueError(f"explorer {name}: {error}") from error


class ExplorerDirective(SphinxDirective):
    """Place an explorer; a mistake is a warning with its line, so the strict build fails."""

    required_arguments = 1
    # Every name is taken: the constructor judges them. An empty one would not be looked at.
    option_spec: ClassVar[dict[str, Callable[[str], Any]] | None] = defaultdict(
        lambda: parse_value, any=parse_value
    )

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


def kinds_of(page: str) -> tuple[str, ...]:
    """Return the kinds of explorers on a page, in the order in which ibcore lists them.

    Examples
    --------
    >>> element = '<ib-explorer style=""><script type="application/json">{"kind":"%s"}</script>'
    >>> kinds_of(element % "SweepPlayer" + element % "RandomNetwork")
    ('RandomNetwork', 'SweepPlayer')
    """
    shown = set(KIND.findall(page))
    return tuple(kind for kind in KINDS if kind in shown)


def write_script(kinds: tuple[str, ...], out: Path) -> str:
    """Write the script of some kinds below ``_static`` of a built book, and return its name there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_script(("RandomNetwork", "SweepPlayer"), Path(folder))
    'explorers/RandomNetwork-SweepPlayer.js'
    """
    name = f"{FOLDER}/{'-'.join(kinds)}.js"
    write_atomically(out / "_static" / name, script(kinds).encode())
    return name


def load_script(app: Sphinx, page: str, _: str, context: dict[str, Any], *rest: Any) -> None:
    """Load the script on a page that shows explorers."""
    kinds = kinds_of(context.get("body", ""))
    if kinds and app.builder.format == "html":
        app.add_js_file(write_script(kinds, Path(app.outdir)), defer="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_directive("explorer", ExplorerDirective)
    app.connect("html-page-context", load_script, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
