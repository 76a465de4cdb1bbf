"""The Makefile where something fails: it says why, and leaves nothing that breaks the next call."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("requirements.txt", "constraints.txt", "pyproject.toml")


def make(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Call make in a folder with the project's Makefile, as a new user would."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    command = ["make", "--file", str(ROOT / "Makefile"), *words]
    return subprocess.run(
        command, cwd=folder, env=kept | variables, capture_output=True, text=True, check=False
    )


def script(path: Path, *lines: str) -> Path:
    """Write an executable script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with the files that make looks at."""
    for name in NEEDED:
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def installed(project: Path) -> Path:
    """Return such a folder in which everything is installed."""
    script(project / ".venv" / "bin" / "python", "exit 1")  # asked whether the book is new
    (project / ".venv" / ".book").touch()
    return project


@pytest.mark.parametrize("there", [False, True])
def test_a_half_made_environment_is_not_taken_for_one(project: Path, there: bool) -> None:
    half = "mkdir -p .venv/bin && touch .venv/bin/python .venv/pyvenv.cfg && exit 1"
    fake = script(project / "fake", f'[ "$2" != venv ] || {{ {half}; }}')
    if there:
        (project / ".venv").mkdir()
        (project / ".venv" / "mine").touch()
    for _ in range(2):  # the second call must not begin where the first one broke off
        done = make(project, ".venv/bin/python", f"PYTHON={fake}")
        assert done.returncode != 0
        assert "python3-venv" in done.stderr
        assert not (project / ".venv" / "bin" / "python").exists()
    assert (project / ".venv").exists() is there
    assert (project / ".venv" / "mine").exists() is there


@pytest.mark.parametrize(
    ("version", "words", "taken"),
    [
        ((3, 10), (), False),
        ((3, 11), (), True),
        ((3, 13), (), True),
        ((3, 14), (), False),
        ((3, 14), ("CONSTRAINTS=",), True),
        ((3, 10), ("CONSTRAINTS=",), False),
    ],
)
def test_a_python_without_a_tested_set_of_versions_is_refused_with_the_remedy(
    project: Path, version: tuple[int, int], words: tuple[str, ...], taken: bool
) -> None:
    pretend = f'{sys.executable} -c "import sys; sys.version_info = ({version[0]}, {version[1]})\n'
    fake = script(
        project / "fake",
        'if [ "$1" = -c ]; then',
        f'exec {pretend}$2"',
        "fi",
        "mkdir -p .venv/bin && touch .venv/bin/python",
    )
    done = make(project, ".venv/bin/python", f"PYTHON={fake}", *words)
    assert (done.returncode == 0) is taken, done.stderr
    assert ("make CONSTRAINTS=" in done.stderr) is not taken
    assert ("3.11 to 3.13" in done.stderr) is not taken


def test_a_failed_build_leaves_no_site_that_looks_whole(installed: Path) -> None:
    for n in (1, 2):
        html = "_build/html"
        builder = script(
            installed / "builder",
            f"mkdir -p {html} _build/.doctrees; touch {html}/index.html {html}/{n}; exit 3",
        )
        done = make(installed, "book", f"JUPYTER_BOOK={builder}")
        assert done.returncode != 0
        assert "_build/failed" in done.stderr
        assert not (installed / html).exists()
        assert not (installed / "_build" / ".doctrees").exists()
        left = {path.name for path in (installed / "_build" / "failed").iterdir()}
        assert left == {"index.html", str(n)}


def test_a_build_that_fails_before_it_has_written_anything_says_so_too(installed: Path) -> None:
    assert make(installed, "book", "JUPYTER_BOOK=false").returncode != 0
    assert make(installed, "book", "JUPYTER_BOOK=true").returncode == 0


def test_with_old_releases_only_warnings_that_ibcore_gives_cause_for_are_errors(
    project: Path,
) -> None:
    """A tiny package and a tiny test are run by the target itself; uv is not asked."""
    script(project / "bin" / "uv")
    script(project / "_build" / "oldest" / "bin" / "python", f'exec {sys.executable} "$@"')
    warn = "import warnings\n\ndef warn():\n    warnings.warn('old', DeprecationWarning)\n"
    (project / "ibcore").mkdir()
    (project / "ibcore" / "__init__.py").touch()
    (project / "ibcore" / "nets.py").write_text(warn)
    (project / "theirs.py").write_text(warn)
    (project / "test_both.py").write_text(
        "import ibcore.nets, theirs\n"
        "def test_ours():\n    ibcore.nets.warn()\n"
        "def test_theirs():\n    theirs.warn()\n"
    )
    (project / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n'
    )
    path = f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = make(project, "oldest", "WORKERS=0", PATH=path, PYTHONPATH=".")
    assert "FAILED test_both.py::test_ours" in done.stdout, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout


def blocks() -> list[list[str]]:
    """Return the commands that the page on running gives to those without make."""
    text = (ROOT / "book" / "start" / "running.md").read_text("utf-8")
    part = text.partition("### Without make")[2].partition("\n##")[0]
    return [found.splitlines() for found in re.findall(r"```\w+\n(.*?)\n```", part, re.DOTALL)]


def test_the_commands_for_those_without_make_are_those_of_make_book(project: Path) -> None:
    shown = make(project, "--dry-run", "book").stdout.replace("'", "")
    shown = re.sub(r" --disable-pip-version-check| --quiet", "", shown)
    here, windows = blocks()
    assert len(here) == 3
    assert not [command for command in here if command not in shown]
    as_here = [
        line.replace("py -3.12", "python3").replace(".venv\\Scripts\\", ".venv/bin/")
        for line in windows
    ]
    assert as_here == here


def test_what_is_installed_is_compared_with_its_checksums(project: Path) -> None:
    files = "--require-hashes --no-deps -r .ci/hashes/book.txt"
    for target, wanted in ((".book", files), (".test", f"{files} -r .ci/hashes/test.txt")):
        assert f"{wanted}\n" in make(project, "--dry-run", f".venv/{target}").stdout
        newest = make(project, "--dry-run", f".venv/{target}", "CONSTRAINTS=").stdout
        assert "hashes" not in newest and "-r requirements.txt" in newest
