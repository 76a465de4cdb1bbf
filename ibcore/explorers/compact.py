"""JavaScript and CSS without comments, indentation and empty lines, which pages need not load.

Lines stay lines, so statements may end without a semicolon.  Only what is safe to tell from one
line is removed, and text that could be misread is refused.
"""

import re

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
        If a line may begin or continue a literal of several lines, whose spaces count, or code
        follows a block comment on its line.

    Examples
    --------
    >>> compact_script("/** Twice. */\nfunction twice(x) {\n  return 2 * x; // exact\n}\n")
    'function twice(x) {\nreturn 2 * x;\n}\n'
    """
    lines = []
    for line in _without_comments(source):
        kept = "" if line.startswith("//") else _NOTE.sub("", line)
        if kept.count("`") % 2 or kept.endswith("\\"):
            raise ValueError(f"a literal of several lines would change; end it on its line: {line}")
        lines.append(kept)
    return _joined(lines)


def compact_style(source: str) -> str:
    r"""Return CSS without comments on lines of their own, indentation and empty lines.

    Raises
    ------
    ValueError
        If a string goes on in the next line, or a rule follows a comment on its line.

    Examples
    --------
    >>> compact_style("/* all */\n.all {\n  margin: 0;\n}\n")
    '.all {\nmargin: 0;\n}\n'
    """
    lines = _without_comments(source)
    for line in lines:
        if line.endswith("\\"):
            raise ValueError(f"a string of several lines would change; end it on its line: {line}")
    return _joined(lines)


def _without_comments(source: str) -> list[str]:
    """Return lines without the spaces around them and without block comments that begin one."""
    lines = []
    inside = False
    for raw in source.splitlines():
        line = raw.strip()
        inside = inside or line.startswith("/*")
        if not inside:
            lines.append(line)
            continue
        _, ended, rest = line.removeprefix("/*").partition("*/")
        if ended and rest:
            raise ValueError(f"code follows a comment; move it to a line of its own: {line}")
        inside = not ended
    return lines


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines if line)
