"""Write the ledger's numbers into the prose: ``python book/tools/update_numbers.py [--check]``.

A number of the ledger is written ``[1.32](claim:redshift.relu-bounded)``; only the text of the link
changes.  The built book shows the ledger's own numbers whatever the source says.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ibcore.runs.experiment import suggest
from ibcore.runs.ledger import (
    ClaimResult,
    LedgerError,
    Results,
    ledger_path,
    read_ledger,
    show,
    show_interval,
)
from ibcore.runs.store import write_atomically

_LINK = re.compile(r"\[(?P<text>[^\[\]]*)\]\(claim:(?P<id>[^\s()#]+)(?:#(?P<field>[^\s()]*))?\)")
_START = "](claim:"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_FENCE = re.compile(r"[ \t>]*(?P<fence>`{3,}|~{3,})(?P<info>.*)")
_SPAN = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)")
_LITERAL = ("{code", "{literal", "{math", "{mermaid", "{raw")
_FIELDS = ("value", "low", "high", "n", "interval")


@dataclass(frozen=True)
class Stale:
    """A number in the prose that differs from the ledger."""

    path: Path
    id: str
    printed: str
    current: str

    def __str__(self) -> str:
        return f"{self.path}: {self.id} prints {self.printed!r}, the ledger says {self.current!r}"


@dataclass(frozen=True)
class _Filled:
    text: str
    stale: tuple[tuple[str, str, str], ...]  # id, printed, current


def fill_text(text: str, results: Mapping[str, ClaimResult], *, source: str = "text") -> str:
    """Return Markdown with the text of each claim link replaced by the formatted number.

    ``[...](claim:ID)`` prints the value, and ``claim:ID#low``, ``#high``, ``#n`` or
    ``#interval`` another field.  Code blocks and code spans are left alone, and so is
    everything outside the brackets.

    Raises
    ------
    LedgerError
        If an id or field is unknown, or a claim link is malformed; the message names
        ``source`` and the id.

    Examples
    --------
    >>> fill_text("No number here.", {})
    'No number here.'
    """
    return _fill_markdown(text, results, source).text


def fill_notebook(text: str, results: Mapping[str, ClaimResult], *, source: str = "text") -> str:
    """Return the JSON text of a notebook with the claim links of its Markdown cells filled.

    All other characters of the file stay as they are.

    Raises
    ------
    LedgerError
        As for `fill_text`, or if a link is broken over two lines of a cell.
    """
    return _fill_notebook(text, results, source).text


def fill_file(
    path: Path, results: Mapping[str, ClaimResult], *, write: bool = True
) -> tuple[Stale, ...]:
    """Bring a ``.md`` or ``.ipynb`` file up to date and return the numbers that were stale.

    With ``write=False`` the file is only inspected.

    Raises
    ------
    ValueError
        If the file is of another kind.
    LedgerError
        As for `fill_text`.
    """
    fillers = {".md": _fill_markdown, ".ipynb": _fill_notebook}
    if path.suffix not in fillers:
        raise ValueError(f"{path}: claims are filled in .md and .ipynb files only")
    data = path.read_bytes()
    filled = fillers[path.suffix](data.decode("utf-8"), results, str(path))
    if write and filled.text.encode() != data:
        write_atomically(path, filled.text.encode())
    return tuple(Stale(path, *entry) for entry in filled.stale)


def _fill_markdown(text: str, results: Mapping[str, ClaimResult], source: str) -> _Filled:
    currents = _currents(text, results, source)
    found = list(zip(_LINK.finditer(text), currents, strict=True))
    return _Filled(_replace(text, iter(currents)), _stale(found))


def _fill_notebook(text: str, results: Mapping[str, ClaimResult], source: str) -> _Filled:
    """Walk the strings of the parsed JSON beside their tokens in the raw text."""
    try:
        tree = json.loads(text)
        cells = tree["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{source} is not a notebook: {error}") from error
    currents: list[str | None] = []
    stale: list[tuple[str, str, str]] = []
    for number, cell in enumerate(cells):
        if cell.get("cell_type") == "markdown":
            whole = "".join(cell["source"])
            filled = _currents(whole, results, f"{source}, cell {number}")
            pieces = [cell["source"]] if isinstance(cell["source"], str) else cell["source"]
            if sum(len(_LINK.findall(piece)) for piece in pieces) != len(filled):
                raise LedgerError(f"{source}, cell {number}: keep each claim link on one line")
            stale += _stale(list(zip(_LINK.finditer(whole), filled, strict=True)))
            currents += filled
    queue = iter(currents)
    marks = iter([mark for _, mark in _strings(json.loads(text, object_pairs_hook=_Pairs), False)])

    def token(match: re.Match[str]) -> str:
        return _replace(match[0], queue, as_json=True) if next(marks) else match[0]

    return _Filled(_STRING.sub(token, text), tuple(stale))


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, in the order of the file."""


def _strings(node: Any, mark: bool) -> Iterator[tuple[str, bool]]:
    """Yield every string of a JSON tree in the order of the file; True in Markdown sources."""
    if isinstance(node, str):
        yield node, mark
    elif isinstance(node, _Pairs):
        markdown = ("cell_type", "markdown") in node
        for key, value in node:
            yield key, False
            yield from _strings(value, markdown and key == "source")
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value, mark)


def _currents(text: str, results: Mapping[str, ClaimResult], source: str) -> list[str | None]:
    """Return what each claim link should print, None for one that stands in code."""
    code = list(_code(text))
    currents: list[str | None] = []
    links = list(_LINK.finditer(text))
    good = {match.end("text") for match in links}
    for match in re.finditer(re.escape(_START), text):
        if match.start() not in good and not _inside(match.start(), code):
            line = text.count("\n", 0, match.start()) + 1
            raise LedgerError(
                f"{source}, line {line}: malformed claim link; write [1.32](claim:ID) or "
                "[1.32](claim:ID#low)"
            )
    for match in links:
        inside = _inside(match.start(), code)
        currents.append(None if inside else _current(match, results, source))
    return currents


def _current(match: re.Match[str], results: Mapping[str, ClaimResult], source: str) -> str:
    name, field = match["id"], match["field"] if match["field"] is not None else "value"
    if name not in results:
        raise LedgerError(f"{source}: unknown claim {name!r}; {suggest(name, list(results))}")
    if field not in _FIELDS:
        raise LedgerError(
            f"{source}: claim {name!r} has no field {field!r}; use one of {', '.join(_FIELDS)}"
        )
    result = results[name]
    if field == "n":
        return str(result.n)
    return (
        show_interval(result) if field == "interval" else show(result.claim, getattr(result, field))
    )


def _replace(text: str, currents: Iterator[str | None], *, as_json: bool = False) -> str:
    """Put the next entries of ``currents`` into the links of ``text``."""

    def link(match: re.Match[str]) -> str:
        current = next(currents)
        if current is None:
            return match[0]
        current = json.dumps(current, ensure_ascii=False)[1:-1] if as_json else current
        return f"[{current}]{match[0][match.end('text') - match.start() + 1 :]}"

    return _LINK.sub(link, text)


def _stale(
    found: list[tuple[re.Match[str], str | None]],
) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (match["id"] + (f"#{match['field']}" if match["field"] else ""), match["text"], current)
        for match, current in found
        if current is not None and match["text"] != current
    )


def _inside(position: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= position < end for start, end in spans)


def _code(text: str) -> Iterator[tuple[int, int]]:
    """Yield the extents of code blocks and code spans.

    A fence that opens a directive such as ```` ```{note} ```` holds prose, not code.
    """
    directives: list[str] = []
    code: str | None = None
    position = 0
    for line in text.splitlines(keepends=True):
        match = _FENCE.match(line)
        fence, info = (match["fence"], match["info"].strip()) if match else ("", "")
        if code is not None:
            yield position, position + len(line)
            if fence.startswith(code) and not info:
                code = None
        elif not match:
            yield from ((position + m.start(), position + m.end()) for m in _SPAN.finditer(line))
        elif not info and directives and fence.startswith(directives[-1]):
            directives.pop()
        elif info.startswith("{") and not info.startswith(_LITERAL):
            directives.append(fence)
        else:
            code = fence
        position += len(line)


def _book() -> list[Path]:
    root = ledger_path().parent.parent
    if ledger_path().name != "claims.yml":
        raise FileNotFoundError("the book is not part of the installed package; name the files")
    return [folder for folder in (root / "book", root / "notebooks") if folder.is_dir()]


def _pages(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, and the Markdown pages and notebooks of the folders."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for page in sorted(path.rglob("*")):
            hidden = any(part.startswith((".", "_build")) for part in page.relative_to(path).parts)
            if page.suffix in (".md", ".ipynb") and not hidden:
                yield page


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring the numbers in the prose up to date, or with ``--check`` say which are not."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("paths", nargs="*", type=Path, help="files or folders; default: the book")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if stale")
    asked = parser.parse_args(arguments)
    results = Results([claim for claim in read_ledger().values() if claim.measure is not None])
    try:
        stale = [
            entry
            for path in _pages(asked.paths or _book())
            for entry in fill_file(path, results, write=not asked.check)
        ]
    except (LedgerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(*stale, f"{len(stale)} numbers {'are stale' if asked.check else 'filled in'}", sep="\n")
    return int(bool(stale) and asked.check)


if __name__ == "__main__":
    sys.exit(main())
