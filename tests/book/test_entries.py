"""What the documentation tells a user to type works where only that has been installed.

``.ci/run`` is the first of these tests: it builds the book before anything else is installed.
"""

import json
import re
import shlex
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

import colab
import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("run_entries.py")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WHEEL_NEEDS = tuple(Requirement(line).name for line in PROJECT["dependencies"])
DOWNLOAD = ["data", "fetch", "cifar10"]
EXERCISES = """
from ibcore.exercises import CHAPTERS, check, exercises
assert {each.chapter for each in exercises()} == set(CHAPTERS)
told = str(check("memory.limits.1", 4))
assert told.startswith("✗ memory.limits.1: Not yet. The gradient shrinks"), told
"""


def blocks(file: str, language: str) -> list[str]:
    """Return the code blocks of a language in a file of Markdown."""
    found = BLOCK.findall((ROOT / file).read_text("utf-8"))
    return [text for name, text in found if name == language]


def commands(file: str) -> list[list[str]]:
    """Return the arguments of each ``python -m ibcore`` that a file tells to type."""
    lines = "\n".join(blocks(file, "sh")).splitlines()
    starts = ("python -m ibcore ", "ibcore ")
    return [
        shlex.split(line.removeprefix(start), comments=True)
        for line in lines
        for start in starts
        if line.startswith(start)
    ]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of the package."""
    return colab.build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose virtual environment holds the wheel and what it asks for by name."""
    folder = tmp_path_factory.mktemp("alone")
    python = colab.create(folder / "env", (*WHEEL_NEEDS, "pip"))
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-index", str(wheel)]
    subprocess.run(install, check=True, env=colab.settings())
    return folder


def run(folder: Path, asked: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Run snippets and commands there; return the report and what went to standard error."""
    done = subprocess.run(
        [str(folder / "env/bin/python"), "-P", str(RUNNER)],
        input=json.dumps(asked),
        cwd=folder,
        env=colab.settings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report, done.stderr


def test_the_wheel_alone_brings_the_exercises_and_runs_all_that_readme_and_page_show(
    alone: Path,
) -> None:
    shown = blocks("README.md", "python") + blocks("book/start/running.md", "python")
    told = commands("book/start/running.md")
    assert len(shown) >= 2
    assert len(told) >= 6
    report, err = run(alone, {"snippets": [EXERCISES, *shown], "commands": told})
    ends = report["ends"]
    refused = ends.pop(" ".join(DOWNLOAD))  # needs one more package, and says which
    assert refused != 0
    assert re.search("need pooch: pip install", err)
    assert set(ends.values()) == {0}, ends
    assert "Traceback" not in err
    assert Path(report["ibcore"]).is_relative_to(alone)
    assert report["modules"] > 50


def test_the_command_that_the_wheel_installs_starts(alone: Path) -> None:
    command = [str(alone / "env/bin/ibcore"), "--help"]
    done = subprocess.run(command, env=colab.settings(), capture_output=True, text=True, check=True)
    assert "claims" in done.stdout


def test_without_one_of_its_needs_the_wheel_is_not_installed(wheel: Path, tmp_path: Path) -> None:
    """The negative control: a need that is missing is noticed, not found somewhere else."""
    python = colab.create(tmp_path / "env", ("numpy", "pip"))
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-index", str(wheel)]
    done = subprocess.run(
        install, env=colab.settings(), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "No matching distribution found for" in done.stderr


def test_binder_installs_what_the_book_needs_and_finds_it_satisfied_here() -> None:
    script = (ROOT / ".binder/postBuild").read_text("utf-8")
    torch, needs = re.findall(r"^python -m pip install (.*)$", script, re.MULTILINE)
    assert "--index-url https://download.pytorch.org/whl/cpu --no-deps torch" in torch
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--disable-pip-version-check", *needs.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Requirement already satisfied: jupyter-book" in done.stdout
    assert not colab.conflicts(tuple(re.findall(r"already satisfied: ([\w-]+)", done.stdout)))
    version = (ROOT / ".binder/runtime.txt").read_text("utf-8").strip().removeprefix("python-")
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text("utf-8"))
    tested = workflow["jobs"]["test"]["strategy"]["matrix"]["include"]
    assert version in {entry["python"] for entry in tested}


def test_continuous_integration_builds_the_book_before_it_installs_what_tests_need() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    calls = re.findall(r"^\s*(?:time )?make (\w[\w-]*)", script, re.MULTILINE)
    assert calls.index("book") < calls.index("test")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^book: \$\(VENV\)/\.book$", makefile, re.MULTILINE)
    (recipe,) = re.findall(r"^\$\(VENV\)/\.book: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert re.findall(r"-r \S+|-e \S+", recipe) == ["-r requirements.txt"]


@pytest.mark.slow
def test_a_fresh_environment_installs_the_wheel_from_the_index(wheel: Path, tmp_path: Path) -> None:
    venv.EnvBuilder(with_pip=True).create(tmp_path / "env")
    pip = [str(tmp_path / "env/bin/python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "-c", "constraints.txt", str(wheel)], cwd=ROOT, check=True)
    report, _ = run(tmp_path, {"snippets": blocks("README.md", "python"), "commands": [["list"]]})
    assert report["ends"] == {"list": 0}
