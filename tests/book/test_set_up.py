"""The set-up cell: where it installs from, in which order, and what it says where nothing works."""

import importlib
import importlib.util
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import address
import package_wheel
import pytest
import test_notebooks

SOURCE = test_notebooks.set_up_cell()
ADA = address.github("Ada", "engine")


class Pip:
    """A pip that installs from one source, or from none, and writes down what it was asked for."""

    def __init__(self, works: str = "") -> None:
        self.works = works
        self.asked: list[list[str]] = []

    def run(self, command: list[str], **options: Any) -> types.SimpleNamespace:
        """Take a command."""
        self.asked.append(command[5:])
        return types.SimpleNamespace(returncode=command[-1] != self.works)

    @property
    def sources(self) -> list[str]:
        """Return where it was told to install from, in order."""
        return [words[-1] for words in self.asked]


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return an empty working folder in which ibcore is not found before it is installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ibcore" else find(name)
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(pip: Pip, monkeypatch: pytest.MonkeyPatch, source: str = SOURCE) -> None:
    """Run the cell with that pip."""
    monkeypatch.setattr(subprocess, "run", pip.run)
    exec(compile(source, "set-up", "exec"), {})


def addressed() -> str:
    """Return the cell of a book with an address."""
    return address.moved(SOURCE, address.configured(), ADA)


def test_it_asks_no_host_where_there_is_no_address(
    missing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = Pip()
    with pytest.raises(SystemExit, match=r"put ibcore-.*whl.*beside this notebook"):
        run(pip, monkeypatch, address.moved(SOURCE, address.configured(), address.PLACEHOLDER))
    assert pip.asked == []


def test_it_tries_a_wheel_then_git_then_the_site_and_holds_torch_and_numpy(
    missing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (missing / "ibcore-2030.1-py3-none-any.whl").touch()
    pip = Pip()
    with pytest.raises(SystemExit) as stopped:
        run(pip, monkeypatch, addressed())
    assert pip.sources == [
        "ibcore-2030.1-py3-none-any.whl",
        f"ibcore @ git+{ADA.code}",
        f"{ADA.pages}/{package_wheel.name()}",
    ]
    held = {tuple(word.partition("==")[0] for word in words[:-1]) for words in pip.asked}
    assert held == {("torch", "numpy")}
    assert str(stopped.value).count(".\n") == 0
    assert str(stopped.value).endswith("`make book`.")


@pytest.mark.parametrize("number", [0, 1])
def test_it_stops_at_the_first_source_that_works(
    missing: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    works = [f"ibcore @ git+{ADA.code}", f"{ADA.pages}/{package_wheel.name()}"][number]
    pip = Pip(works)
    run(pip, monkeypatch, addressed())
    assert len(pip.asked) == number + 1
    assert pip.sources[-1] == works


def test_it_installs_nothing_where_ibcore_is(monkeypatch: pytest.MonkeyPatch) -> None:
    pip = Pip()
    run(pip, monkeypatch)
    assert pip.asked == []


def test_without_ibcore_a_reader_sees_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "cell.py").write_text(
        address.moved(SOURCE, address.configured(), address.PLACEHOLDER)
    )
    command = [sys.executable, "-I", "-S", "cell.py"]  # nothing installed is found
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("ibcore is not installed: put ")
