"""Count the lines of code of the house and hold them within bounds: ``python .ci/code_lines.py``.

A code line holds a token other than a comment or a docstring.  A file is as long as its idea, and
no longer than a reader can hold in the head.
"""

import ast
import io
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 600  # code lines of a file
MOST = {"ibcore": (112, 20_480), "book/_ext": (26, 2_200)}  # files and code lines of a folder
SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(text: str) -> int:
    r"""Return how many lines of a source hold code.

    Examples
    --------
    >>> code_lines("x = [\n    1,\n]\n\n# a word\n")
    3
    """
    silent = {
        line
        for node in ast.walk(ast.parse(text))
        for statement in _body(node)
        if isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
        for line in range(statement.lineno, (statement.end_lineno or 0) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        line
        for token in tokens
        if token.type not in SILENT
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - silent)


def _body(node: ast.AST) -> list[ast.stmt]:
    body = getattr(node, "body", [])
    return body if isinstance(body, list) else []


def main() -> int:
    """Print files, code lines and longest file of each folder; return 1 if one is too large."""
    status = 0
    for folder, (files, lines) in MOST.items():
        paths = (ROOT / folder).rglob("*.py")
        found = {path: code_lines(path.read_text("utf-8")) for path in paths}
        longest, total = max(found, key=lambda path: found[path]), sum(found.values())
        print(f"{folder}: {len(found)} files, {total} code lines, ", end="")
        print(f"at most {found[longest]} ({longest.relative_to(ROOT)})")
        status |= len(found) > files or total > lines or found[longest] > LONGEST
    if status:
        print(f"error: more than {MOST} files and lines, or {LONGEST} lines of a file")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
