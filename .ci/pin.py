"""Make every address that names a branch name another one: ``python .ci/pin.py REF``.

An edition must launch its own notebooks and install its own package, not what came later.
``make pin REF=edition-2026.1`` does that on the branch of a release; ``REF=main`` undoes it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT, address, change_files, command

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


def _patterns(here: address.Address, ref: str) -> Iterator[re.Pattern[str]]:
    """Yield the ways to write an address with a branch; group 2 is what is replaced."""
    code, colab, binder = map(re.escape, (here.code, here.colab, here.binder))
    old = re.escape(ref)
    yield re.compile(rf"((?:{code}|{colab})/(?:blob|tree|raw)/)({old})(?=/)")
    yield re.compile(rf"({binder}/)({old})(?=[?\s\"')/])")
    yield re.compile(rf"(git\+{code})(@[\w.-]+|)(?=[\\\"'\s])")


def pinned(text: str, here: address.Address, old: str, new: str) -> str:
    """Return a text whose addresses name another branch.

    Examples
    --------
    >>> here = address.github("ada", "engine")
    >>> pinned("https://github.com/ada/engine/blob/main/a.py", here, "main", "v1")
    'https://github.com/ada/engine/blob/v1/a.py'
    >>> pinned('"git+https://github.com/ada/engine"', here, "main", "v1")
    '"git+https://github.com/ada/engine@v1"'
    """
    *paths, package = _patterns(here, old)
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
    here, old = address.configured(root), branch(root)

    def fresh(path: Path, text: str) -> str:
        text = pinned(text, here, old, ref)
        is_config = path.name == "_config.yml"
        return BRANCH.sub(rf"\g<1>{ref}", text, count=1) if is_config else text

    return change_files(fresh, root)


if __name__ == "__main__":
    sys.exit(command(pin, "give the branch or tag: make pin REF=edition-2026.1"))
