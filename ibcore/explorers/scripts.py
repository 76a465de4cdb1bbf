"""The script that draws explorers, put together from its parts: for all of them or for a few."""

import functools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ibcore.explorers.compact import compact_script, compact_style

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
KINDS = (  # each is drawn by the function of its name
    *("RandomNetwork", "ComplexityMap", "ModularPlayer", "ImageSpectrum"),
    *("DiagonalNetwork", "SweepPlayer"),
    *("ConceptLearner", "RemainderLearner", "ArchitectureGap", "StepBudget"),
    *("SimilarityPlayground", "GuideComparison", "GuidedTraining"),
)
PUBLIC = (  # what hosts and tests call
    *("render", "StaticModel", "PALETTE", "uniforms", "drawWeights", "forward", "erf", "dct2"),
    *("fourierMagnitudes", "complexity", "spectrum", "referencePoints", "cellColors"),
    *("unpackPictures", "presetPicture", "diagonalProblem", "diagonalRun", "woodworthSolution"),
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
