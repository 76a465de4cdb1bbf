"""Fingerprints of the book's sources: when a stored execution or a built page is out of date."""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import address

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
MARKER = ".ibbook.json"  # what a finished build leaves: its fingerprint, its tier and its pages

_EXECUTION = ("ibcore/**/*.py", "book/exercises/*.yml", "book/results/**/*.parquet")
_BENCHMARKS = Path("book/results/benchmarks")  # a page shows them, no notebook reads them
_PAGES = (
    "_config.yml",
    "book/**/*.md",
    "book/**/*.yml",
    "book/*.bib",
    "book/teach/frames/*.webp",
    "book/schematics/*.svg",
    "book/_ext/**/*",
    "book/_static/*",
    "notebooks/**/*.ipynb",
    "ibcore/explorers/static/*",
    "constraints.txt",
    "requirements.txt",
)


def tier() -> str:
    """Return the tier at which the book's notebooks run: ``IBCORE_TIER``, else smoke."""
    return os.environ.get("IBCORE_TIER") or "smoke"


def sources(patterns: Iterable[str], root: Path = ROOT) -> list[Path]:
    """Return the files that match the patterns, sorted, without hidden and cached ones."""
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return sorted(path for path in found if not _is_generated(path.relative_to(root)))


def _is_generated(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def digest(paths: Iterable[Path], *words: str, root: Path = ROOT) -> str:
    """Return a hash of words, relative names and contents.

    Examples
    --------
    >>> digest([], "smoke") == digest([], "laptop")
    False
    """
    total = hashlib.sha256("\0".join(words).encode())
    for path in paths:
        total.update(path.relative_to(root).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def execution_key(root: Path = ROOT) -> str:
    """Return the key of the outputs of notebooks: code, results, torch and tier.

    jupyter-cache itself compares code cells only, so an edit of ``ibcore`` would leave old outputs.
    """
    read = [p for p in sources(_EXECUTION, root) if not p.is_relative_to(root / _BENCHMARKS)]
    return digest(read, version("torch"), tier(), root=root)


def book_key(root: Path = ROOT) -> str:
    """Return the key of the whole built book: everything that can change a page."""
    edition = os.environ.get("IBCORE_EDITION", "student")
    here = address.resolved(root)
    words = execution_key(root), edition, here.code if here else ""
    return digest(sources(_PAGES, root), *words, root=root)


def read_marker(html: Path = HTML) -> dict[str, Any] | None:
    """Return what the last complete build recorded, or ``None`` without one."""
    path = html / MARKER
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def write_marker(pages: Iterable[str], key: str, html: Path = HTML) -> None:
    """Record a complete build, atomically."""
    from ibcore.runs.store import write_atomically

    marker = {"fingerprint": key, "tier": tier(), "pages": sorted(pages)}
    write_atomically(html / MARKER, f"{json.dumps(marker, indent=1)}\n".encode())


def stale_because(html: Path = HTML, root: Path = ROOT) -> str | None:
    """Return why the built book does not show the present sources, or ``None`` if it does."""
    marker = read_marker(html)
    if marker is None:
        return f"there is no complete build in {html}; run `make book`"
    if marker["fingerprint"] != book_key(root):
        return f"{html} was built from other sources (tier {marker['tier']}); run `make book`"
    if missing := [page for page in marker["pages"] if not (html / page).is_file()]:
        return f"{html} lacks {', '.join(missing)}; run `make book`"
    return None


if __name__ == "__main__":  # `make book` asks first: an up-to-date book takes no build
    reason = stale_because()
    print(reason or f"{HTML} shows the present sources: nothing to build")
    sys.exit(reason is not None)
