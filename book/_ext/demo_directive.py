"""The ``demo`` directive: the script of a live demonstration, with its stored frames.

::

    ```{demo} redshift-idea
    ```
"""

import difflib
from collections.abc import Iterator
from typing import Any

import demos
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


def move(do: tuple[tuple[str, str], ...]) -> str:
    """Return what to do with the controls, in words.

    Examples
    --------
    >>> move((("Depth", "6"), ("press", "Invert"), ("Gated", "on")))
    '*Depth* to `6`, press *Invert*, *Gated* to `on`'
    """
    words = {"press": "press *{1}*", "cell": "the cell *{1}*"}
    return ", ".join(words.get(label, "*{0}* to `{1}`").format(label, value) for label, value in do)


def step_lines(demo: demos.Demo, index: int) -> Iterator[str]:
    """Yield the Markdown of one step, an item of a numbered list."""
    step = demo.steps[index]
    yield f"1. **Ask.** {step.ask}"
    yield ""
    said = " … ".join(step.says)
    yield f"   **Set** {move(step.do)}.\\"
    yield f"   **The figure says** “{said}”.\\"
    yield f"   **Then.** {step.tell}"
    yield ""
    if step.alt:
        yield f"   ```{{image}} /{demo.frame(index).relative_to(demos.ROOT).as_posix()}"
        yield f"   :alt: {step.alt}"
        yield "   :class: ib-frame"
        yield "   ```"
        yield ""


class DemoDirective(SphinxDirective):
    """Place a script; an unknown name is a warning, so the strict build fails."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the numbered steps."""
        known = demos.demos()
        self.env.note_dependency(str(demos.SCRIPTS))
        if self.arguments[0] not in known:
            near = difflib.get_close_matches(self.arguments[0], known, n=1) or list(known)
            logger.warning(
                "unknown demo %r; did you mean %r?",
                self.arguments[0],
                near[0],
                location=self.get_location(),
                type="demo",
            )
            return []
        demo = known[self.arguments[0]]
        place = f"[{demo.explorer}]({'/' + demo.page}.ipynb)"
        lines = [f"With the explorer {place}, from its first state (press *Reset*).", ""]
        for index in range(len(demo.steps)):
            lines += step_lines(demo, index)
        box = nodes.container(classes=["ib-demo"])
        self.state.nested_parse(StringList(lines, str(demos.SCRIPTS)), 0, box)
        return [box]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("demo", DemoDirective)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
