"""The room a formula will take, kept free before it is typeset, so that no line below it jumps.

MathJax typesets when everything else answers.  Until then a formula is its TeX source, which is
several times as wide; here each inline formula gets about the width it will have.
"""

import html
import re

INLINE = re.compile(r'<span class="math notranslate nohighlight">(\\\(.*?\\\))</span>', re.DOTALL)
STYLING = re.compile(
    r"\\(?:mathrm|mathbf|mathbb|mathcal|boldsymbol|operatorname|text|left|right)\b"
)
COMMAND = re.compile(r"\\[A-Za-z]+|\\.")
SCRIPT = re.compile(r"[_^]\s*(\{[^{}]*\}|\\[A-Za-z]+|.)")
RELATION = re.compile(r"[=<>+-]")
WORDS = {"max", "min", "log", "ln", "exp", "sin", "cos", "sinh", "tanh"}
WIDE = {"sum", "prod", "int", "quad", "approx", "mapsto", "Leftrightarrow"}
GLYPH, SMALL, SPACE = 0.68, 0.7, 0.6  # em per letter, share of a script, em around a relation


def width(tex: str) -> float:
    r"""Return about how wide a formula is, in em.

    Examples
    --------
    >>> round(width(r"\(x\)"), 2)
    0.68
    >>> width(r"\(\mathbf{w}_{ij}\)") < width(r"\(\mathbf{w}_{ij} = 3\)")
    True
    """
    body = STYLING.sub("", tex.strip().removeprefix(r"\(").removesuffix(r"\)"))
    scripts = SCRIPT.findall(body)
    body = SCRIPT.sub("", body)
    spaces = len(RELATION.findall(body)) + body.count(r"\le") + body.count(r"\approx")
    return GLYPH * (_glyphs(body) + SMALL * sum(map(_glyphs, scripts))) + SPACE * spaces


def _glyphs(tex: str) -> int:
    return len(re.sub(r"[{}\s~]", "", COMMAND.sub(_letters, tex)))


def _letters(match: re.Match[str]) -> str:
    r"""Return as many letters as a command is wide: ``\max`` is a word, ``\,`` takes nothing."""
    name = match[0][1:]
    if name in WORDS:
        return name
    return "xx" if name in WIDE else "x" if name.isalpha() else ""


def with_room(page: str) -> str:
    """Return a page whose inline formulas say how wide they will be."""

    def styled(match: re.Match[str]) -> str:
        em = max(width(html.unescape(match[1])), GLYPH)
        return match[0].replace("<span ", f'<span style="--ib-room: {em:.2f}em" ', 1)

    return INLINE.sub(styled, page)
