"""What every explorer shares: a static host (HTML) and a live host (anywidget)."""

import functools
import importlib.util
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ibcore.explorers.draw import Poster
from ibcore.explorers.scripts import script

Engine = Literal["browser", "kernel"]

_MODULE_TAIL = "\nexport default { render: IBExplorers.render };\n"


def is_static() -> bool:
    """Return whether figures must work without a kernel (environment ``IBCORE_STATIC=1``).

    Raises
    ------
    ValueError
        If the variable holds anything but 0, 1 or nothing.

    Examples
    --------
    >>> is_static() in (False, True)
    True
    """
    value = os.environ.get("IBCORE_STATIC", "")
    if value not in ("", "0", "1"):
        raise ValueError(f"IBCORE_STATIC must be 0 or 1, got {value!r}")
    return value == "1"


@dataclass(frozen=True)
class Answer:
    """What the kernel answers for one choice of parameters.

    Parameters
    ----------
    facts
        Numbers and words for the front end; must be JSON.
    frame
        Values as float32 bytes.
    """

    facts: dict[str, Any]
    frame: bytes


# Keeps the place of a figure until its script has run; else the text below would jump.
_RESERVE = (
    "ib-explorer{display:block;margin-bottom:16px;container-type:inline-size}"
    ".ib-poster{margin:0;min-height:var(--ib-narrow)}"
    ".ib-poster img{width:100%;max-width:420px;image-rendering:pixelated}"
    "@container(min-width:602px){.ib-poster{min-height:var(--ib-wide)}}"
    "@media(scripting:none){.ib-poster{min-height:0}}"
)


class Explorer(ABC):
    """An interactive figure that runs in the static page and in a notebook.

    A subclass names its JavaScript function in ``kind`` and the height of the figure in
    ``heights``, and defines `setup`, `initial`, `poster` and `answer`.  The script computes all
    that is shown, so the figure works without a kernel; with one, it asks `answer` for each
    state at rest.
    """

    kind: ClassVar[str]
    heights: tuple[str, str]  # as CSS: narrower than 602 px, and wider

    @abstractmethod
    def setup(self) -> dict[str, Any]:
        """Return what the script needs and the reader cannot change, as JSON."""

    @abstractmethod
    def initial(self) -> dict[str, Any]:
        """Return the parameters that the figure starts from and that its controls change."""

    @abstractmethod
    def poster(self) -> Poster:
        """Return the still picture for pages without a script."""

    @abstractmethod
    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Compute what is shown for these parameters."""

    def to_html(self, *, inline_js: bool = False) -> str:
        """Return the figure as HTML that needs no kernel and no network.

        Parameters
        ----------
        inline_js
            Put the script into the HTML.  Otherwise the page must load what `script` returns
            once, as the book does.
        """
        text = json.dumps(self._state("browser"), separators=(",", ":"), allow_nan=False)
        safe = text.replace("<", "\\u003c")  # no end tag inside the script element
        narrow, wide = self.heights
        inlined = f"<script>{script()}</script>" if inline_js else ""
        return (
            f'<ib-explorer style="--ib-narrow:{narrow};--ib-wide:{wide}">'
            f'<script type="application/json">{safe}</script>'
            f"<style>{_RESERVE}</style>{self.poster().to_html()}"
            f"</ib-explorer>{inlined}"
        )

    @functools.cached_property
    def widget(self) -> Any:
        """The live figure: an anywidget whose ``params`` are answered by this object.

        Raises
        ------
        ImportError
            If anywidget is not installed.
        """
        return _live_class()(respond=self.answer, **self._state("kernel"))

    def _state(self, engine: Engine) -> dict[str, Any]:
        initial = self.initial()
        names = {"kind": self.kind, "engine": engine}
        return {**names, "setup": self.setup(), "initial": initial, "params": initial}

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        """Show the static figure in the book, the live one where a kernel can answer."""
        if is_static():
            return self._static_bundle(inline_js=False)
        if importlib.util.find_spec("anywidget") is None:
            return self._static_bundle(inline_js=True)
        return self.widget._repr_mimebundle_()

    def _static_bundle(self, *, inline_js: bool) -> dict[str, str]:
        poster = self.poster()
        return {
            "text/html": self.to_html(inline_js=inline_js),
            "image/png": poster.to_png(),
            "text/plain": poster.description,
        }


@functools.cache
def _live_class() -> type[Any]:
    """Return the anywidget class; made on first use, since the import is not free."""
    import anywidget
    import traitlets

    class LiveExplorer(anywidget.AnyWidget):
        """Traits that the script reads; ``params`` is the one it writes."""

        _esm = script() + _MODULE_TAIL
        kind = traitlets.Unicode().tag(sync=True)
        engine = traitlets.Unicode().tag(sync=True)
        setup = traitlets.Dict().tag(sync=True)
        initial = traitlets.Dict().tag(sync=True)
        params = traitlets.Dict().tag(sync=True)
        frame = traitlets.Bytes().tag(sync=True)
        answer = traitlets.Dict().tag(sync=True)

        def __init__(self, *, respond: Callable[[Mapping[str, Any]], Answer], **state: Any) -> None:
            self._respond = respond
            first = respond(state["params"])
            answer = {"params": dict(state["params"]), **first.facts}
            super().__init__(frame=first.frame, answer=answer, **state)
            self.observe(self._update, "params")

        def _update(self, change: Mapping[str, Any]) -> None:
            """Answer new parameters; frame and answer leave in one message."""
            answered = self._respond(change["new"])
            with self.hold_sync():
                self.frame = answered.frame
                self.answer = {"params": dict(change["new"]), **answered.facts}

    return LiveExplorer
