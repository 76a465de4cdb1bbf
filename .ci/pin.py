"""Make every address that names a branch name another one: ``python .ci/pin.py REF``.

An edition must launch its own notebooks and install its own package, not what came later.
``make pin REF=edition-2026.1`` does that on the branch of a release; ``REF=main`` undoes it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT, current, files

BRANCH = re.compile(r"^(\s+branch:\s*)(\S+)", re.MULTILINE)
REF = re.compile(r"[A-Za-z0-9][\w.-]*")
MAIN = "main"


def branch(root: Path = ROOT) -> str:
    """Return the branch or tag that launch buttons lead to, as ``_config.yml`` states it.

    Raises
    ------
    ValueError
        If it states none.
    """
    match = BRANCH.search((root / "_config.yml").read_text("utf-8"))
    if match is None:
        raise ValueError("_config.yml has no 'branch:' below 'repository:'")
    return match[2]


def _patterns(owner: str, name: str, ref: str) -> Iterator[re.Pattern[str]]:
    """Yield the ways to write an address with a branch; group 2 is what is replaced."""
    here, old = f"{re.escape(owner)}/{re.escape(name)}", re.escape(ref)
    yield re.compile(rf"(github(?:\.com)?/{here}/(?:blob|tree|raw)/)({old})(?=/)")
    yield re.compile(rf"(mybinder\.org/v2/gh/{here}/)({old})(?=[?\s\"')/])")
    yield re.compile(rf"(git\+https://github\.com/{here})(@[\w.-]+|)(?=[\\\"'\s])")


def pinned(text: str, owner: str, name: str, old: str, new: str) -> str:
    """Return a text whose addresses name another branch.

    Examples
    --------
    >>> pinned("https://github.com/ada/engine/blob/main/a.py", "ada", "engine", "main", "v1")
    'https://github.com/ada/engine/blob/v1/a.py'
    >>> pinned('"git+https://github.com/ada/engine"', "ada", "engine", "main", "v1")
    '"git+https://github.com/ada/engine@v1"'
    """
    *paths, package = _patterns(owner, name, old)
    for pattern in paths:
        text = pattern.sub(lambda match: match[1] + new, text)
    return package.sub(lambda match: match[1] + ("" if new == MAIN else f"@{new}"), text)


def pin(ref: str, root: Path = ROOT) -> list[Path]:
    """Set the branch everywhere; return the files that changed.

    Raises
    ------
    ValueError
        If it is not a name for a branch or a tag.
    """
    if not REF.fullmatch(ref):
        raise ValueError(f"{ref!r} is not a branch or tag; write for example edition-2026.1")
    (owner, name), old = current(root), branch(root)
    changed = []
    for path in files(root):
        text = path.read_bytes().decode("utf-8")
        fresh = pinned(text, owner, name, old, ref)
        if path.name == "_config.yml":
            fresh = BRANCH.sub(rf"\g<1>{ref}", fresh, count=1)
        if fresh != text:
            partial = path.with_name(f"{path.name}.partial")
            partial.write_bytes(fresh.encode("utf-8"))
            partial.chmod(path.stat().st_mode)
            partial.replace(path)
            changed.append(path)
    return changed


def main() -> int:
    """Set the branch given as the only argument."""
    if len(sys.argv) != 2 or not sys.argv[1]:
        print("error: give the branch or tag: make pin REF=edition-2026.1")
        return 2
    try:
        changed = pin(sys.argv[1])
    except ValueError as error:
        print(f"error: {error}")
        return 2
    for path in changed:
        print(path.relative_to(ROOT))
    print(f"{len(changed)} files changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
