"""Pack the built book into one zip that works from a stick without a network: ``make zip``.

The same pages give the same bytes: entries are sorted and carry one fixed time.
"""

import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from chromium import HTML, ROOT

sys.path.append(str(ROOT / "book" / "_ext"))
import address

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
LEFT_OUT = {".ibbook.json", ".buildinfo", ".nojekyll"}
NOT_PAGES = {".partial", ".pdf", ".map"}  # PDFs carry the time at which they were printed
README = """{title}
Edition {release}

Open index.html in a browser. Everything is inside this folder: text, figures, search,
mathematics, interactive figures and slides work without a network and without Python.
Links out of the book do need a network.

Slides: slides/*.html, also linked from the card at the top of each chapter.
Notebooks: the download button at the top of each chapter. They need the package, ibcore-*.whl.
{source}Text and figures: CC BY 4.0. Code: MIT.
"""


def config(root: Path = ROOT) -> tuple[str, str, address.Address | None]:
    """Return the title, the edition and the address of the book, if it has one."""
    settings = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    release = settings["sphinx"]["config"]["release"]
    return settings["title"], release, address.resolved(root)


def name_of(title: str, release: str) -> str:
    """Return the name of the zip and of the folder inside.

    Examples
    --------
    >>> name_of("Where Does It Come From?", "2026.1")
    'where-does-it-come-from-2026.1'
    """
    return f"{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}-{release}"


def contents(html: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and file of all that a reader needs, sorted."""
    files = {path.relative_to(html).as_posix(): path for path in html.rglob("*") if path.is_file()}
    for name, path in sorted(files.items()):
        if path.name not in LEFT_OUT and path.suffix not in NOT_PAGES:
            yield name, path


def pack(html: Path, target: Path, readme: str) -> int:
    """Write the zip, atomically, and return the number of its files.

    Raises
    ------
    FileNotFoundError
        If there is no complete build.
    """
    if not (html / ".ibbook.json").is_file() or not (html / "index.html").is_file():
        raise FileNotFoundError(f"there is no complete build in {html}; run `make book` first")
    partial = target.with_name(f"{target.name}.partial")
    files = list(contents(html))
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        _write(archive, f"{target.stem}/README.txt", readme.encode())
        for name, path in files:
            _write(archive, f"{target.stem}/{name}", path.read_bytes())
    partial.replace(target)
    return len(files) + 1


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # the same bytes on every system
    archive.writestr(entry, content)


def main() -> int:
    """Pack the built book."""
    title, release, here = config()
    source = f"Source, license and citation: {here.code}\n" if here else ""
    target = ROOT / "_build" / f"{name_of(title, release)}.zip"
    try:
        count = pack(HTML, target, README.format(title=title, release=release, source=source))
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{target.relative_to(ROOT)}: {count} files, {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
