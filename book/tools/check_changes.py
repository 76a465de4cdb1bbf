"""Test what the changes since the last commit can touch: ``make check``, for the working day.

A changed test runs; so does each test file that imports a changed module of ``ibcore`` by name, or
lies in the folder of tests that mirrors it.  Pages, browsers and long tests are left to
``make test``.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What stands outside the package, and the tests that read it.
READERS = {
    r"notebooks/.*\.ipynb": "tests/book/test_notebooks.py",
    r"book/(claims\.yml|results/.*)": "tests/test_claims.py",
    r"book/_ext/.*": "tests/book/test_extensions.py",
    r"\.github/.*": "tests/test_workflows.py",
    r"(pyproject\.toml|requirements\.txt|constraints\.txt)": "tests/test_requirements.py",
}
GENERAL = ("tests/test_repository.py", "tests/test_layers.py")  # rules that any file can break


def changed(root: Path = ROOT) -> list[str]:
    """Return the files that differ from the last commit, new ones too, deleted ones not."""
    tracked = ["git", "diff", "--name-only", "--diff-filter=d", "HEAD"]
    new = ["git", "ls-files", "--others", "--exclude-standard"]
    runs = (
        subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        for command in (tracked, new)
    )
    return sorted({line for run in runs for line in run.stdout.splitlines()})


def tests_of(files: Iterable[str], root: Path = ROOT) -> list[str]:
    """Return the test files that changes of these files can turn red, by the rule above."""
    tests = sorted((root / "tests").rglob("test_*.py"))
    found = {file for file in files if re.fullmatch(r"tests/.*test_\w+\.py", file)}
    found |= {test for file in files for form, test in READERS.items() if re.fullmatch(form, file)}
    for file in (file for file in files if re.fullmatch(r"ibcore/.*\.py", file)):
        found |= {path.relative_to(root).as_posix() for path in tests if _tests(path, file, root)}
    return sorted({*found, *GENERAL} if files else [])


def _tests(test: Path, file: str, root: Path) -> bool:
    """Whether a test imports the module of a file, its package, or lies in the mirror's folder."""
    parts = Path(file).with_suffix("").parts
    names = {".".join(parts), ".".join(parts[:-1])} - {"ibcore"}
    imported = re.findall(r"^(?:from|import) (ibcore[\w.]*)", test.read_text("utf-8"), re.M)
    mirror = root / "tests" / Path(*parts[1:-1])
    return bool(names & set(imported)) or (len(parts) > 2 and test.is_relative_to(mirror))


def main() -> int:
    """Run the tests; return pytest's status, and 0 where nothing has changed."""
    chosen = tests_of(changed())
    if not chosen:
        print("nothing has changed since the last commit")
        return 0
    print(f"{len(chosen)} test files: {' '.join(chosen)}")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not (slow or book or browser)"]
    return subprocess.run([*command, *chosen], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
