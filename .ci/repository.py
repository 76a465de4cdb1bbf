"""The address of the repository: read it, find every place that repeats it, change them all.

``_config.yml`` is the source.  ``python .ci/repository.py URL`` rewrites it and every file that
must repeat it, because a notebook or a citation file cannot read another file.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = {".cff", ".cfg", ".ipynb", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"}
SKIP = {"_build", "node_modules", "__pycache__", "ibcore-results"}
HIDDEN = {".ci", ".github", ".binder"}
ADDRESS = re.compile(r"https://github\.com/([\w.-]+)/([\w-]+(?:\.[\w-]+)*)")


def slug(url: str) -> tuple[str, str]:
    """Split an address into owner and name.

    Raises
    ------
    ValueError
        If it is not ``https://github.com/OWNER/NAME``.

    Examples
    --------
    >>> slug("https://github.com/ada/engine")
    ('ada', 'engine')
    """
    match = ADDRESS.fullmatch(url.removesuffix(".git").rstrip("/"))
    if match is None:
        raise ValueError(f"{url!r} is not of the form https://github.com/OWNER/NAME")
    return match[1], match[2]


def current(root: Path = ROOT) -> tuple[str, str]:
    """Return owner and name as ``_config.yml`` states them."""
    text = (root / "_config.yml").read_text("utf-8")
    match = re.search(r"^repository:\s*\n\s+url:\s*(\S+)", text, re.MULTILINE)
    if match is None:
        raise ValueError("_config.yml has no 'repository:' with a 'url:' on the next line")
    return slug(match[1])


def files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the text files of the project, built and hidden folders left out."""
    for path in sorted(root.iterdir()):
        hidden = path.name.startswith(".") and path.name not in HIDDEN
        if hidden or path.name in SKIP or path.suffix == ".egg-info":
            continue
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (p for p in found if p.is_file() and _is_text(p, root))


def _is_text(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return path.suffix in TEXT and not SKIP.intersection(parts)


def places(name: str) -> re.Pattern[str]:
    """Return the pattern of every way to write the address; group 2 is the owner.

    The owner stands before ``/NAME`` in addresses of GitHub, Colab and Binder, and before
    ``.github.io/NAME`` in the address of the published pages.
    """
    hosts = r"github\.com/|colab\.research\.google\.com/github/|mybinder\.org/v2/gh/|https://"
    return re.compile(rf"({hosts})([\w-]+)(\.github\.io)?/{re.escape(name)}(?![\w-])")


def rewrite(url: str, root: Path = ROOT) -> list[Path]:
    """Set the address everywhere; return the files that changed."""
    old, new = current(root), slug(url)
    pattern = places(old[1])

    def fresh(path: Path, text: str) -> str:
        return pattern.sub(lambda m: f"{m[1]}{_owner(m, new[0])}/{new[1]}", text)

    return change_files(fresh, root)


def change_files(fresh: Callable[[Path, str], str], root: Path = ROOT) -> list[Path]:
    """Replace the text of each file by what ``fresh`` makes of it, atomically.

    Returns
    -------
    list of Path
        The files that changed; the others are not touched.
    """
    changed = []
    for path in files(root):
        text = path.read_bytes().decode("utf-8")
        if (new := fresh(path, text)) != text:
            partial = path.with_name(f"{path.name}.partial")
            partial.write_bytes(new.encode("utf-8"))
            partial.chmod(path.stat().st_mode)
            partial.replace(path)
            changed.append(path)
    return changed


def _owner(match: re.Match[str], owner: str) -> str:
    return f"{owner.lower()}{match[3]}" if match[3] else owner


def command(change: Callable[[str], list[Path]], usage: str) -> int:
    """Make the change that the only argument of this process names, and list its files."""
    if len(sys.argv) != 2 or not sys.argv[1]:
        print(f"error: {usage}")
        return 2
    try:
        changed = change(sys.argv[1])
    except ValueError as error:
        print(f"error: {error}")
        return 2
    for path in changed:
        print(path.relative_to(ROOT))
    print(f"{len(changed)} files changed")
    return 0


if __name__ == "__main__":
    sys.exit(
        command(rewrite, "give the address: make repository URL=https://github.com/OWNER/NAME")
    )
