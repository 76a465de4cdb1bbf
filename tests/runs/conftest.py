"""The toy laboratory, as a module of its own and as one that the registry finds."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

import ibcore

HERE = Path(__file__).parent
BOOK = HERE.parents[1] / "book"
sys.path[:0] = [str(folder) for folder in (HERE / "labs", BOOK / "tools", BOOK / "_ext")]


@pytest.fixture
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which each computation of a toy cell leaves one file."""
    folder = tmp_path / "marks"
    folder.mkdir()
    monkeypatch.setenv("TOY_MARKS", str(folder))
    return folder


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time pass where a toy cell sleeps and nowhere else."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    time = SimpleNamespace(monotonic=lambda: now[0], perf_counter=lambda: now[0], sleep=sleep)
    for name in ("ibcore.runs.cli", "ibcore.runs.forecast", "ibcore.runs.workers"):
        monkeypatch.setattr(f"{name}.time", time)
    monkeypatch.setattr("toy.experiments.time", time)


@pytest.fixture
def toy_lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the registry know the toy laboratory and no other."""
    monkeypatch.setattr(ibcore, "__path__", [*ibcore.__path__, str(HERE / "labs")])
    for name in ("experiment", "cli"):
        monkeypatch.setattr(import_module(f"ibcore.runs.{name}"), "LABS", ("toy",))
    yield
    for name in [name for name in sys.modules if name.startswith("ibcore.toy")]:
        del sys.modules[name]
    if hasattr(ibcore, "toy"):
        del ibcore.toy
