"""The public address of the book: where it stands, what it is, and every way to write it.

Sources write a placeholder at ``example.invalid``, a name that nobody can register, until
``make repository URL=...`` puts an address in its place.  A build takes the address from where it
runs.  Only the standard library is used: ``.ci/repository.py`` runs before anything is installed.
"""

import os
import re
import shutil
import subprocess
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "where-does-generalization-come-from"
GITHUB = "https://github.com"
_REPOSITORY = r"([A-Za-z0-9][A-Za-z0-9-]*)/([\w.-]+?)(?:\.git)?/?"
_URL = re.compile(
    rf"(?:https://(?:[^@/]+@)?github\.com/|ssh://git@github\.com/|git@github\.com:){_REPOSITORY}"
)
_CONFIGURED = re.compile(r"^repository:\s*\n\s+url:\s*(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Address:
    """Where code, pages and launched notebooks are found; none of it ends with a slash."""

    code: str
    pages: str
    colab: str
    binder: str

    @cached_property
    def written(self) -> re.Pattern[str]:
        """The pattern of every way to write this address, and no longer name."""
        return re.compile(rf"({'|'.join(map(re.escape, astuple(self)))})(?![\w-])")


PLACEHOLDER = Address(
    f"https://example.invalid/{NAME}",
    *(f"https://{host}.example.invalid/{NAME}" for host in ("pages", "colab", "binder")),
)


def github(owner: str, name: str) -> Address:
    """Return the address of a repository at GitHub.

    Examples
    --------
    >>> github("Ada", "engine").pages
    'https://ada.github.io/engine'
    """
    return Address(
        f"{GITHUB}/{owner}/{name}",
        f"https://{owner.lower()}.github.io/{name}",
        f"https://colab.research.google.com/github/{owner}/{name}",
        f"https://mybinder.org/v2/gh/{owner}/{name}",
    )


def parsed(url: str) -> Address | None:
    """Return the address that git or a person writes so, or ``None`` for another host.

    Examples
    --------
    >>> parsed("git@github.com:ada/engine.git").code
    'https://github.com/ada/engine'
    >>> parsed("https://example.invalid/engine") is None
    True
    """
    match = _URL.fullmatch(url)
    return github(match[1], match[2]) if match else None


def configured(root: Path = ROOT) -> Address:
    """Return the address that the sources write: what ``_config.yml`` states.

    Raises
    ------
    ValueError
        If that is neither the placeholder nor at GitHub.
    """
    match = _CONFIGURED.search((root / "_config.yml").read_text("utf-8"))
    if match is None:
        raise ValueError("_config.yml has no 'repository:' with a 'url:' on the next line")
    if match[1] == PLACEHOLDER.code:
        return PLACEHOLDER
    if found := parsed(match[1]):
        return found
    raise ValueError(
        f"repository url {match[1]!r} in _config.yml is not {GITHUB}/OWNER/NAME; "
        "set it with `make repository URL=...`"
    )


def resolved(root: Path = ROOT) -> Address | None:
    """Return the address of this copy of the book, or ``None`` where it has none.

    It is what GitHub says where it runs this, else where git fetched it from, else what
    ``_config.yml`` states.
    """
    if found := _of_the_runner() or _of_git(root):
        return found
    stated = configured(root) if (root / "_config.yml").is_file() else PLACEHOLDER
    return None if stated == PLACEHOLDER else stated


def _of_the_runner() -> Address | None:
    """Return what GitHub Actions says; on another server of its kind that is of no use."""
    server = os.environ.get("GITHUB_SERVER_URL") or GITHUB
    name = os.environ.get("GITHUB_REPOSITORY", "")
    return parsed(f"{GITHUB}/{name}") if server == GITHUB else None


def _of_git(root: Path) -> Address | None:
    """Return where git fetched this folder from; a folder inside another repository is not it."""
    if not (root / ".git").exists() or not shutil.which("git"):
        return None
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return parsed(done.stdout.strip())


def moved(text: str, old: Address, new: Address) -> str:
    """Return a text with another address in the place of one.

    Examples
    --------
    >>> moved("[book](https://ada.github.io/engine/)", github("Ada", "engine"), github("b", "c"))
    '[book](https://b.github.io/c/)'
    """
    places = dict(zip(astuple(old), astuple(new), strict=True))
    return old.written.sub(lambda match: places[match[1]], text)
