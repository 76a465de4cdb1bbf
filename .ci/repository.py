"""Set the address of the repository in every file: ``python .ci/repository.py URL``.

``_config.yml`` says what the files write now.  A notebook or a citation file cannot read another
file, so it must repeat the address; see ``book/_ext/address.py``.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "book" / "_ext"))
import address  # noqa: E402 (found on the path set above)

TEXT = {".cff", ".cfg", ".ipynb", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"}
SKIP = {"_build", "node_modules", "__pycache__", "ibcore-results"}
HIDDEN = {".ci", ".github", ".binder"}
# What a page for readers of the repository says once there is an address.
WAITING = re.compile(r"<!-- address: (.+) -->")


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


def rewrite(url: str, root: Path = ROOT) -> list[Path]:
    """Set the address everywhere; return the files that changed.

    Raises
    ------
    ValueError
        If it is not ``https://github.com/OWNER/NAME``.
    """
    old, new = address.configured(root), address.parsed(url)
    if new is None:
        raise ValueError(f"{url!r} is not of the form {address.GITHUB}/OWNER/NAME")

    def fresh(path: Path, text: str) -> str:
        text = address.moved(text, old, new)
        return WAITING.sub(r"\1", text) if path.suffix == ".md" else text

    return change_files(fresh, root)


def change_files(fresh: Callable[[Path, str], str], root: Path = ROOT) -> list[Path]:
    """Replace the text of each file but code by what ``fresh`` makes of it, atomically.

    Code asks ``address``; the addresses in its examples are nobody's.

    Returns
    -------
    list of Path
        The files that changed; the others are not touched.
    """
    changed = []
    for path in (path for path in files(root) if path.suffix != ".py"):
        text = path.read_bytes().decode("utf-8")
        if (new := fresh(path, text)) != text:
            partial = path.with_name(f"{path.name}.partial")
            partial.write_bytes(new.encode("utf-8"))
            partial.chmod(path.stat().st_mode)
            partial.replace(path)
            changed.append(path)
    return changed


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
    sys.exit(command(rewrite, "give the address: make repository URL=https://github.com/YOU/NAME"))
