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


def fill_text(
    text: str, results: Mapping[str, ClaimResult], *, source: str = "text"
) -> tuple[str, list[tuple[str, str, str]]]:
    """Return Markdown with the number in each claim link, and the id, old and new number of others.

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
    ('No number here.', [])
    """
    code, stale = list(_code(text)), []
    _check_links(text, code, source)

    def link(match: re.Match[str]) -> str:
        if _inside(match.start(), code):
            return match[0]
        current = _current(match, results, source)
        if current != match["text"]:
            name = match["id"] + (f"#{match['field']}" if match["field"] else "")
            stale.append((name, match["text"], current))
        return f"[{current}]{match[0][len(match['text']) + 2 :]}"

    return _LINK.sub(link, text), stale


def fill_notebook(
    text: str, results: Mapping[str, ClaimResult], *, source: str = "text"
) -> tuple[str, list[tuple[str, str, str]]]:
    """Return the text of a notebook, as Jupyter writes it, with its Markdown cells filled.

    Raises
    ------
    ValueError
        If it is not a notebook.
    LedgerError
        As for `fill_text`.
    """
    try:
        notebook = json.loads(text)
        cells = [each for each in notebook["cells"] if each["cell_type"] == "markdown"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{source} is not a notebook: {error}") from error
    stale = []
    for cell in cells:
        place = f"{source}, cell {notebook['cells'].index(cell)}"
        filled, own = fill_text("".join(cell["source"]), results, source=place)
        cell["source"] = filled.splitlines(keepends=True)
        stale += own
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", stale


def fill_file(
    path: Path, results: Mapping[str, ClaimResult], *, write: bool = True
) -> tuple[Stale, ...]:
    """Bring a ``.md`` or ``.ipynb`` file up to date and return the numbers that were stale.

    With ``write=False``, or where none is stale, the file stays as it is.

    Raises
    ------
    ValueError
        If the file is of another kind.
    LedgerError
        As for `fill_text`.
    """
    fillers = {".md": fill_text, ".ipynb": fill_notebook}
    if path.suffix not in fillers:
        raise ValueError(f"{path}: claims are filled in .md and .ipynb files only")
    text = path.read_bytes().decode("utf-8")
    filled, stale = fillers[path.suffix](text, results, source=str(path))
    if write and stale:
        write_atomically(path, filled.encode())
    return tuple(Stale(path, *entry) for entry in stale)


def _check_links(text: str, code: list[tuple[int, int]], source: str) -> None:
    """Refuse what begins like a claim link, outside of code, and is none."""
    good = {match.end("text") for match in _LINK.finditer(text)}
    for match in re.finditer(re.escape(_START), text):
        if match.start() not in good and not _inside(match.start(), code):
            line = text.count("\n", 0, match.start()) + 1
            raise LedgerError(
                f"{source}, line {line}: malformed claim link; write [1.32](claim:ID) or "
                "[1.32](claim:ID#low)"
            )


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
