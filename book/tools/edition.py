"""Build an edition: zip, PDF, slides, package and their checksums: ``make edition NAME=2026.1``.

An edition freezes notebooks, package and constraints.  Nothing is built before the tree is clean
and every place agrees on the name; nothing is tagged or published here.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from chromium import HTML, ROOT
from zip_site import config, name_of

sys.path.insert(0, str(ROOT / ".ci"))
import pin
from stored_results import measurements

NAME = re.compile(r"\d{4}\.\d+")
FROZEN = ("constraints.txt", "requirements.txt", "CHANGELOG.md", "CITATION.cff")


def problems(name: str, root: Path = ROOT) -> list[str]:
    """Return what keeps this state of the project from being the edition of that name."""
    if not NAME.fullmatch(name):
        return [f"{name!r} is not the name of an edition: write year and number, such as 2026.1"]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    stated = {
        "pyproject.toml": project["version"],
        "_config.yml": config(root)[1],
        "CITATION.cff": citation["version"],
    }
    found = [f"{file} says {version}" for file, version in stated.items() if version != name]
    changes = (root / "CHANGELOG.md").read_text("utf-8")
    if not re.search(rf"^## \[{re.escape(name)}\] - \d{{4}}-\d\d-\d\d$", changes, re.MULTILINE):
        found.append(f"CHANGELOG.md has no line '## [{name}] - YYYY-MM-DD'")
    if pin.branch(root) != tag_of(name):
        found.append(
            f"launch links lead to {pin.branch(root)}; on the branch of the release, run "
            f"`make pin REF={tag_of(name)}` and commit"
        )
    return found + doubtful(root / "book" / "results")


def doubtful(folder: Path) -> list[str]:
    """Return the results in a folder that the code of today would not compute, and the remedy."""
    return [
        f"{row.experiment} at tier {row.tier} ({row.doubts}); compute it again: python -m ibcore "
        f"run {row.experiment} --tier {row.tier} --store book/results --fresh"
        for row in measurements(folder).itertuples()
        if row.doubts
    ]


def tag_of(name: str) -> str:
    """Return the tag of an edition.

    Examples
    --------
    >>> tag_of("2026.1")
    'edition-2026.1'
    """
    return f"edition-{name}"


def changed_files(root: Path = ROOT) -> list[str]:
    """Return the files that git sees as changed or new."""
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def manifest(folder: Path) -> dict[str, str]:
    """Return the SHA-256 sum of each file of a folder, by its name.

    Examples
    --------
    >>> manifest(Path("no such folder"))
    {}
    """
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "SHA256SUMS")
    }


def write_manifest(folder: Path, name: str, commit: str) -> None:
    """Write the sums twice: for programs, and for ``sha256sum --check SHA256SUMS``."""
    sums = manifest(folder)
    content = {"edition": name, "commit": commit, "sha256": sums}
    lines = "".join(f"{value}  {file}\n" for file, value in sums.items())
    for file, text in (
        ("manifest.json", json.dumps(content, indent=1) + "\n"),
        ("SHA256SUMS", lines),
    ):
        (folder / file).write_text(text, "utf-8")  # the folder is renamed when it is complete


def collect(folder: Path, root: Path = ROOT) -> None:
    """Copy what was built, and what the edition freezes, into its folder."""
    title, release, _ = config(root)
    stem = name_of(title, release)
    for suffix in ("zip", "pdf"):
        shutil.copy2(root / "_build" / f"{stem}.{suffix}", folder)
    (folder / "slides").mkdir()
    for deck in sorted((HTML / "slides").glob("*.pdf")):
        shutil.copy2(deck, folder / "slides")
    for file in FROZEN:
        shutil.copy2(root / file, folder)


def build_package(folder: Path) -> None:
    """Build wheel and source archive with the build backend that pyproject.toml names."""
    for kind in ("wheel", "sdist"):
        command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True)


def build(name: str) -> Path:
    """Build the edition from the pages that stand in ``_build``; return its folder."""
    folder = ROOT / "_build" / tag_of(name)
    scratch = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    build_package(scratch)
    collect(scratch)
    head = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(head, cwd=ROOT, capture_output=True, text=True, check=True)
    write_manifest(scratch, name, done.stdout.strip())
    shutil.rmtree(folder, ignore_errors=True)
    scratch.replace(folder)
    return folder


def main() -> int:
    """``check NAME`` looks only; ``build NAME`` collects what the Makefile has built."""
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "build"):
        print("error: give the name: make edition NAME=2026.1", file=sys.stderr)
        return 2
    name = sys.argv[2]
    found = problems(name)
    found += [f"not committed: {line.strip()}" for line in changed_files()]
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    if found or sys.argv[1] == "check":
        return 1 if found else 0
    print(f"{build(name).relative_to(ROOT)} is complete. To publish it:")
    print(f"  git tag --annotate {tag_of(name)} --message 'Edition {name}'")
    print(f"  git push origin {tag_of(name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
