"""Write the checksums of all files that an installation takes: ``python .ci/hashes.py``; needs uv.

The versions are those of ``constraints.txt``, for Python 3.11 to 3.13 on Linux and macOS.  torch is
left out with what it brings for CUDA, since each build of it is another file, and what Windows
alone needs, for which there is no make.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".ci" / "hashes"
EXEMPT = re.compile(r"(torch|triton|nvidia-[\w-]+|cuda-[\w-]+|colorama|pywinpty)==")
HEAD = "# Written by `make hashes` from constraints.txt; do not edit.\n"


def needed() -> dict[str, list[str]]:
    """Return what the book needs and what the tests need, as requirement lines."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    book = [line for line in listed if not line.startswith("-e")] + project["dependencies"]
    return {"book": book, "test": book + project["optional-dependencies"]["test"]}


def compiled(lines: list[str]) -> list[str]:
    """Return one entry for each package: its version, its marker and its checksums."""
    options = ["--universal", "--python-version=3.11", "--generate-hashes"]
    options += ["--no-annotate", "--no-header"]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write("\n".join(lines))
        file.flush()
        command = ["uv", "pip", "compile", "--quiet", *options, "-c", "constraints.txt", file.name]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    entries = re.split(r"\n(?=\w)", done.stdout.strip())
    return [entry for entry in entries if "==" in entry and not EXEMPT.match(entry)]


def main() -> None:
    """Write a file for the book, and one with what the tests need besides."""
    found = {name: compiled(lines) for name, lines in needed().items()}
    rest = [entry for entry in found["test"] if entry not in found["book"]]
    FOLDER.mkdir(exist_ok=True)
    for name, entries in (("book", found["book"]), ("test", rest)):
        (FOLDER / f"{name}.txt").write_text(HEAD + "\n".join(entries) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
