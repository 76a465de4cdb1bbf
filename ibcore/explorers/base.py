"""What every explorer shares: a static host (HTML) and a live host (anywidget)."""

import functools
import importlib.util
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from ibcore.explorers.compact import compact_script, compact_style
from ibcore.explorers.draw import Poster

Engine = Literal["browser", "kernel"]

STATIC = Path(__file__).parent / "static"
PARTS = (
    *("draws", "networks", "complexity", "host", "theme", "controls", "pictures", "charts"),
    *("random_network", "complexity_map", "modular_player", "presets", "image_spectrum"),
    "sweep_player",
    *("diagonal_model", "diagonal_network"),
    *("stored_figure", "labelled_lines", "concept_glyphs", "concept_learner"),
    "remainder_learner",
    "architecture_gap",
    "step_budget",
    *("similarity_measures", "similarity_playground"),
    *("guide_comparison", "guided_training"),
    "registry",
)
_HEAD = """/**
 * ibcore explorers: interactive figures, one front end for two hosts.
 *
 * - Static page: the element <ib-explorer> holds its state as JSON and is drawn by this script.
 *   Everything is computed in the page; nothing is fetched.  Works from file://.
 * - Jupyter: Python appends an export and anywidget calls it with a model whose `params` are
 *   answered by ibcore.
 *
 * The script may be evaluated more than once in a page (a kernel reconnects): it keeps no global
 * state, and only the definition of the element is guarded.
 */
var IBExplorers = (function (root) {
"use strict";
"""
_TAIL = "return PUBLIC;\n})(globalThis);\n"
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


@functools.cache
def script() -> str:
    """Return the script that draws every explorer: the parts in order, in one scope.

    A part is plain JavaScript that sees the names of the others, as if all were one file; the
    style sheet is the constant ``STYLE``.  The last part defines ``PUBLIC``, which becomes the
    global ``IBExplorers``.  Comments and indentation stay behind, see `compact_script`.

    Examples
    --------
    >>> "var IBExplorers" in script()
    True
    """
    style = json.dumps(compact_style((STATIC / "style.css").read_text(encoding="utf-8")))
    parts = [compact_script((STATIC / f"{name}.js").read_text(encoding="utf-8")) for name in PARTS]
    return "".join([_HEAD, f"const STYLE = {style};\n", *parts, _TAIL])


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
