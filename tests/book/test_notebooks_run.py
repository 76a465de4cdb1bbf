"""Every notebook runs alone, as in Colab: its file and the wheel, an environment without tools.

Colab's own versions of IPython and Python are not imitated; the packages are those installed here.
"""

import json
import shutil
import subprocess
from pathlib import Path

import colab
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
RUNNER = Path(__file__).with_name("run_alone.py")
SECONDS = 45


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the project's wheel."""
    return colab.build_wheel(tmp_path_factory.mktemp("wheel"))


def leave_alone(path: Path, folder: Path, wheel: Path) -> Path:
    """Copy a notebook into an empty folder, and the wheel that its set-up cell will find there."""
    folder.mkdir()
    shutil.copy(wheel, folder)
    return Path(shutil.copy(path, folder))


# Weekly; the set-up cell alone runs at each change (test_set_up.py), the rest in the book's build.
@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_notebook_runs_alone_and_changes_no_installed_version(
    path: Path, tmp_path: Path, wheel: Path
) -> None:
    python = colab.create(tmp_path / "colab")
    before = colab.versions(tmp_path / "colab")
    copy = leave_alone(path, tmp_path / "content", wheel)
    command = [str(python), "-P", str(RUNNER), copy.name]
    done = subprocess.run(
        command, cwd=copy.parent, env=colab.settings(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    report = json.loads(done.stdout.splitlines()[-1])
    after = colab.versions(tmp_path / "colab")
    assert {name: after[name] for name in after if name != "ibcore"} == before
    assert "ibcore" in after
    assert Path(report["ibcore"]).is_relative_to(tmp_path)
    took = report["seconds"]
    assert took < SECONDS, f"{path.name} took {took:.0f} s; the limit is {SECONDS} s"


def test_the_environment_has_colabs_packages_and_no_tool_of_the_book(tmp_path: Path) -> None:
    colab.create(tmp_path)
    found = colab.versions(tmp_path)
    assert {"torch", "numpy", "ipywidgets", "pip"} <= set(found)
    assert not {"ibcore", "jupyter-book", "sphinx", "pytest", "playwright"} & set(found)
    assert found["torch"] == colab.metadata.version("torch")


def test_a_set_up_that_would_replace_numpy_is_noticed(tmp_path: Path) -> None:
    """The negative control: an install that asks for another numpy fails, it does not replace."""
    python = colab.create(tmp_path)
    before = colab.versions(tmp_path)
    command = [str(python), "-m", "pip", "install", "--quiet", "numpy==1.0"]
    done = subprocess.run(command, env=colab.settings(), capture_output=True, check=False)
    assert done.returncode != 0
    assert colab.versions(tmp_path) == before
