"""What every explorer shares: a static host (HTML) and a live host (anywidget)."""

import base64
import functools
import html
import importlib.util
import io
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ibcore.door import Range, as_choice, as_integer, as_number


def check_names(params: Mapping[str, Any], expected: Iterable[str]) -> None:
    """Raise unless ``params`` has exactly the expected names.

    Raises
    ------
    ValueError
        If a parameter is unknown or missing.

    Examples
    --------
    >>> check_names({"seed": 0}, ["seed"])
    """
    if set(params) != set(expected):
        raise ValueError(f"params must be {sorted(expected)}, got {sorted(params)}")


# JavaScript and CSS without comments, indentation and empty lines, which pages need not load.
#
# Lines stay lines, so statements may end without a semicolon.  Only what is safe to tell from one
# line is removed, and text that could be misread is refused.

_COMMENT = re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_NOTE = re.compile(r"\s+// [^'\"`]*$")  # a quote further on could mean that it stands in a string


def compact_script(source: str) -> str:
    r"""Return JavaScript without comments, indentation and empty lines.

    Comments are removed where they take whole lines, and at the end of a line unless they contain
    a quote.

    Parameters
    ----------
    source
        Statements; a template literal or a string must end on the line it begins on.

    Raises
    ------
    ValueError
        If a line may begin or continue a literal of several lines, whose spaces count.

    Examples
    --------
    >>> compact_script("/** Twice. */\nfunction twice(x) {\n  return 2 * x; // exact\n}\n")
    'function twice(x) {\nreturn 2 * x;\n}\n'
    """
    lines = ("" if line.startswith("//") else _NOTE.sub("", line) for line in _lines(source))
    return _joined("literal", lines)


def compact_style(source: str) -> str:
    r"""Return CSS without comments on lines of their own, indentation and empty lines.

    Raises
    ------
    ValueError
        If a string goes on in the next line.

    Examples
    --------
    >>> compact_style("/* all */\n.all {\n  margin: 0;\n}\n")
    '.all {\nmargin: 0;\n}\n'
    """
    return _joined("string", _lines(source))


def _lines(source: str) -> list[str]:
    """Return lines without the spaces around them and without block comments of whole lines."""
    return [line.strip() for line in _COMMENT.sub("", source).splitlines()]


def _joined(text: str, lines: Iterable[str]) -> str:
    """Return the lines that hold something, unless a text goes on in the next one."""
    kept = [line for line in lines if line]
    for line in kept:
        if line.count("`") % 2 or line.endswith("\\"):
            raise ValueError(f"a {text} of several lines would change; end it on its line: {line}")
    return "".join(f"{line}\n" for line in kept)


# The still picture of an explorer: a small indexed PNG.

# Viridis in 18 steps, interpolated in between; the same list as in the script.
PALETTE: tuple[str, ...] = (
    *("440154", "481769", "472a7a", "433d84", "3d4e8a", "355e8d"),
    *("2e6d8e", "297b8e", "23898e", "1f978b", "21a585", "2eb37c"),
    *("46c06f", "65cb5e", "89d548", "b0dd2f", "d8e219", "fde725"),
)

GRAYS = ("000000", "ffffff")

_SIDE = 84  # points along each axis of a table's poster
_LEVELS = 64  # colors in a poster: finer steps cannot be told apart at this size


def _colors(levels: int, palette: tuple[str, ...]) -> bytes:
    """Return ``levels`` colors of the palette as RGB bytes."""
    steps = np.array([list(bytes.fromhex(color)) for color in palette])
    place = np.linspace(0, len(palette) - 1, levels)
    channels = [np.interp(place, np.arange(len(palette)), steps[:, c]) for c in range(3)]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8).tobytes()


def picture(
    values: NDArray[np.float64], *, enlarge: int = 1, palette: tuple[str, ...] = PALETTE
) -> bytes:
    r"""Return f on the square as a PNG: x1 to the right, x2 upward, normalized on its own.

    Parameters
    ----------
    values
        Shape (n, n), ``values[i, j] = f(axis[i], axis[j])``; finite.
    enlarge
        Pixels for each value along each axis.
    palette
        Colors from the smallest to the largest value, as hexadecimal RGB.

    Raises
    ------
    ValueError
        If the values are not a finite (n, n) array.

    Examples
    --------
    >>> picture(np.eye(4))[:4]
    b'\x89PNG'
    """
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not np.isfinite(values).all():
        raise ValueError(f"values must be a finite (n, n) array, got shape {values.shape}")
    low, high = values.min(), values.max()
    unit = (values - low) / (high - low) if high > low else np.full_like(values, 0.5)
    index = np.round(unit.T[::-1] * (_LEVELS - 1)).astype(np.uint8)  # rows from the top: -x2
    index = index.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
    image = Image.fromarray(index)
    image.putpalette(_colors(_LEVELS, palette))
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return content.getvalue()


def square(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Repeat the entries of a table (rows, columns) until they fill a square of 84 x 84.

    Examples
    --------
    >>> square(np.eye(2, 3)).shape
    (84, 84)
    """
    side = np.arange(_SIDE)
    row, column = (side * length // _SIDE for length in table.shape)
    return table[np.ix_(row, column)]


@dataclass(frozen=True)
class Poster:
    """What is shown where no script runs: a picture, its description and a caption.

    Parameters
    ----------
    values
        Shape (n, n), as `picture` takes them.
    description
        The alternative text: states the finding.
    caption
        One sentence under the picture.
    palette
        Colors, as `picture` takes them.
    """

    values: NDArray[np.float64]
    description: str
    caption: str
    palette: tuple[str, ...] = PALETTE

    def to_html(self) -> str:
        """Return the poster as a figure with the picture inlined."""
        data = base64.b64encode(picture(self.values, palette=self.palette)).decode()
        return (
            '<figure class="ib-poster">'
            f'<img alt="{html.escape(self.description)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )

    def to_png(self) -> str:
        """Return the picture as base64, large enough for paper."""
        content = picture(self.values, enlarge=6, palette=self.palette)
        return base64.b64encode(content).decode()


# The script that draws explorers, put together from its parts: for all of them or for a few.

STATIC = Path(__file__).parent / "static"
PARTS = (*sorted({path.stem for path in STATIC.glob("*.js")} - {"registry"}), "registry")
KINDS = (  # each is drawn by the function of its name
    *("RandomNetwork", "ComplexityMap", "ModularPlayer", "ImageSpectrum"),
    *("DiagonalNetwork", "SweepPlayer"),
    *("ConceptLearner", "RemainderLearner", "ArchitectureGap", "StepBudget"),
    *("SimilarityPlayground", "GuideComparison", "GuidedTraining"),
    *("DigitTraining", "MetaTraining", "GuidedStep", "ClockCollapse", "SynthesisBoard"),
)
PUBLIC = (  # what hosts and tests call
    *("render", "StaticModel", "PALETTE", "uniforms", "drawWeights", "forward", "erf", "dct2"),
    *("fourierMagnitudes", "complexityOf", "analyze", "referencePoints", "cellColors"),
    *("unpackPictures", "presetPicture", "diagonalProblem", "diagonalRun", "woodworthSolution"),
    *("addressText", "addressValue", "digitRows", "digitRun", "metaRun", "guidedRun"),
)
# One front end for two hosts.  In the static page the element <ib-explorer> holds its state as JSON
# and is drawn by the script: everything is computed in the page, nothing is fetched, also from
# file://.  In Jupyter an export is appended, and anywidget calls it with a model whose `params` are
# answered by ibcore.  The script may be evaluated more than once in a page (a kernel reconnects):
# it keeps no global state, and only the definition of the element is guarded.
_HEAD = 'var IBExplorers = (function (root) {\n"use strict";\n'
_TAIL = "return PUBLIC;\n})(globalThis);\n"
_DECLARED = re.compile(r"^(?:async )?(?:function\*?|class|const|let) (\w+)", re.M)


@functools.cache
def script(kinds: tuple[str, ...] = KINDS) -> str:
    """Return the script that draws explorers: its parts in order, in one scope.

    A part is plain JavaScript that sees the names of the others, as if all were one file; the
    style sheet is the constant ``STYLE``.  What the script offers becomes the global
    ``IBExplorers``.  Comments and indentation stay behind, see `compact_script`.

    Parameters
    ----------
    kinds
        The explorers to draw, by default all.  Parts that none of them uses are left out.

    Raises
    ------
    ValueError
        If there is no explorer of a kind.

    Examples
    --------
    >>> "var IBExplorers" in script()
    True
    >>> 3 * len(script(("RandomNetwork",))) < 2 * len(script())
    True
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ValueError(f"there is no explorer named {unknown[0]!r}; there are {', '.join(KINDS)}")
    sources = _sources()
    needed = _needed(sources, kinds)
    names = {name for part in needed for name in _DECLARED.findall(sources[part])}
    drawn = {kind: _function(kind) for kind in KINDS if kind in kinds}
    offered = {name: name for name in PUBLIC if name in names}
    style = json.dumps(compact_style((STATIC / "style.css").read_text(encoding="utf-8")))
    parts = [compact_script(sources[part]) for part in PARTS if part in needed]
    head = [f"const STYLE = {style};\n", _table("EXPLORERS", drawn), _table("PUBLIC", offered)]
    return "".join([_HEAD, head[0], head[1], *parts, head[2], _TAIL])


def _sources() -> dict[str, str]:
    return {part: (STATIC / f"{part}.js").read_text(encoding="utf-8") for part in PARTS}


def _function(kind: str) -> str:
    """Return the name of the JavaScript function that draws a kind."""
    return kind[0].lower() + kind[1:]


def _needed(sources: Mapping[str, str], kinds: Iterable[str]) -> set[str]:
    """Return the parts that these kinds use, directly or through others.

    A part uses another if any word of it is a name that the other declares; where the word means
    something else, a part too many is taken along, never one too few.
    """
    homes = {name: part for part, text in sources.items() for name in _DECLARED.findall(text)}
    waiting = ["registry", *(homes[_function(kind)] for kind in kinds)]
    needed: set[str] = set()
    while waiting:
        part = waiting.pop()
        if part not in needed:
            needed.add(part)
            words = set(re.findall(r"\w+", sources[part]))
            waiting += [homes[word] for word in words & homes.keys()]
    return needed


def _table(name: str, entries: Mapping[str, str]) -> str:
    """Return an object of JavaScript, an entry to a line."""
    lines = "".join(f"{key}: {value},\n" for key, value in entries.items())
    return f"const {name} = {{\n{lines}}};\n"


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

    A subclass is drawn by the JavaScript function of its name, says the height of the figure in
    ``heights``, and defines `setup`, `initial` and `poster`.  The script computes all that is
    shown, so the figure works without a kernel; with one, a figure that defines `answer` asks it
    for each state at rest.
    """

    kind: ClassVar[str]
    heights: tuple[str, str]  # as CSS: narrower than 602 px, and wider

    def __init_subclass__(cls) -> None:
        cls.kind = cls.__name__

    @abstractmethod
    def setup(self) -> dict[str, Any]:
        """Return what the script needs and the reader cannot change, as JSON."""

    @abstractmethod
    def initial(self) -> dict[str, Any]:
        """Return the parameters that the figure starts from and that its controls change."""

    @abstractmethod
    def poster(self) -> Poster:
        """Return the still picture for pages without a script."""

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Compute what is shown for these parameters; for figures that cannot in the page."""
        raise NotImplementedError(f"all that {self.kind} shows is in the page")

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
        if type(self).answer is Explorer.answer:
            return _live_class()(**self._state("browser"))
        return _live_class()(respond=self.answer, **self._state("kernel"))

    def _state(self, engine: Engine) -> dict[str, Any]:
        initial = self.initial()
        names = {"kind": self.kind, "engine": engine}
        return {**names, "setup": self.setup(), "initial": initial, "params": initial}

    def _repr_mimebundle_(self, **_options: Any) -> Any:
        """Show the static figure in the book, the live one where a kernel can answer.

        Beside the live one a notebook keeps its picture and description, for what shows it later
        without a kernel: an export, a repository's view, a reader without widgets.
        """
        if is_static():
            return self._static_bundle(inline_js=False)
        if importlib.util.find_spec("anywidget") is None:
            return self._static_bundle(inline_js=True)
        shown = self.widget._repr_mimebundle_()
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return {**data, **self._left("")}, metadata

    def _static_bundle(self, *, inline_js: bool) -> dict[str, str]:
        return self._left(self.to_html(inline_js=inline_js))

    def _left(self, page: str) -> dict[str, str]:
        """Return what stays in a notebook: the page, or the picture, and the description."""
        poster = self.poster()
        return {
            "text/html": page or poster.to_html(),
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

        def __init__(
            self, *, respond: Callable[[Mapping[str, Any]], Answer] | None = None, **state: Any
        ) -> None:
            super().__init__(**state)
            if respond is not None:
                self._respond = respond
                self._update({"new": self.params})
                self.observe(self._update, "params")

        def _update(self, change: Mapping[str, Any]) -> None:
            """Answer new parameters; frame and answer leave in one message."""
            answered = self._respond(change["new"])
            with self.hold_sync():
                self.frame = answered.frame
                self.answer = {"params": dict(change["new"]), **answered.facts}

    return LiveExplorer


# What figures share whose controls have known choices, above all those of stored numbers.


class Bounds(NamedTuple):
    """The bounds of a control that may take any number between them."""

    low: float
    high: float


@dataclass(frozen=True)
class Control:
    """A control as the page makes it: its kind and label, its values and how they are said.

    A control of one value is not shown.
    """

    kind: Literal["slider", "choice", "dropdown", "checkbox"]
    label: str
    values: Sequence[Any]
    say: Callable[[Any], str] | Mapping[Any, str] = str
    wide: bool = True

    def page(self) -> dict[str, Any]:
        """Return what the script makes the control from, without its values."""
        say = self.say.get if isinstance(self.say, Mapping) else self.say
        texts = [say(value) or str(value) for value in self.values]
        return {"kind": self.kind, "label": self.label, "texts": texts, "wide": self.wide}


class StoredFigure(Explorer):
    """A figure whose every parameter takes one of a few values, or a number within bounds.

    A subclass sets ``_controls``, and ``_choices`` for what else can be chosen: the values of a
    parameter, a range for whole numbers.  It calls `_start` with the state it begins with, and
    holds in ``_numbers`` what it shows of a stored result.
    """

    source: Mapping[str, str]
    _numbers: Mapping[str, Any]
    _controls: Mapping[str, Control] = {}
    _choices: Mapping[str, Sequence[Any]] = {}
    _initial: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.kind}({self._describe(self._initial)})"

    def setup(self) -> dict[str, Any]:
        """Return the controls with their values, the numbers, and where these come from."""
        controls = {name: control.page() for name, control in self._controls.items()}
        choices = {name: list(control.values) for name, control in self._controls.items()}
        said = {"choices": choices, "controls": controls, "source": self.source}
        return {**said, **self._numbers}

    def initial(self) -> dict[str, Any]:
        """Return the choices that the figure starts from and Reset goes back to."""
        return dict(self._initial)

    def _describe(self, p: Mapping[str, Any]) -> str:
        """Return a state in words."""
        raise NotImplementedError

    def _start(self, usual: Mapping[str, Any], **asked: Any) -> None:
        """Begin with what was asked for, and with the usual or the first where nothing was."""
        controlled = {name: control.values for name, control in self._controls.items()}
        self._choices = {**controlled, **self._choices}
        first = {name: values[0] for name, values in self._choices.items()}
        chosen = {name: value for name, value in asked.items() if value is not None}
        self._initial = self._checked({**first, **usual, **chosen})

    def _checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters, or raise an error unless each is one of its choices."""
        check_names(params, self._choices)
        checked: dict[str, Any] = {}
        for name, values in self._choices.items():
            if isinstance(values, range):
                checked[name] = as_integer(params[name], name, Range(values[0], values[-1]))
            elif isinstance(values, Bounds):
                checked[name] = as_number(params[name], name, Range(*values))
            else:
                checked[name] = as_choice(params[name], name, values)
        return checked

    def _still(
        self, values: NDArray[Any], lead: str, found: str, *, subject: str | None = None
    ) -> Poster:
        """Return a poster: the lead and what was found describe it; the caption has a subject."""
        subject = subject or self._describe(self._initial)
        return Poster(
            values,
            f"{lead}: {found}.",
            f"{subject}: {found}. With JavaScript this figure is interactive.",
        )
