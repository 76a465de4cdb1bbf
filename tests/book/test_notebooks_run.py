"""Every notebook runs from top to bottom at the smoke tier, in seconds, without a warning."""

import gc
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
SECONDS = 45


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[InteractiveShell]:
    """Return a fresh shell in an empty folder, with static explorers and invisible figures."""
    for name, value in {"IBCORE_STATIC": "1", "IBCORE_TIER": "smoke", "MPLBACKEND": "agg"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance(history_length=0)
    InteractiveShell.clear_instance()
    _close_figures()
    gc.collect()


def _close_figures() -> None:
    from matplotlib import pyplot

    pyplot.close("all")


def run_cell(shell: InteractiveShell, source: str) -> None:
    """Run one cell and format its result, as a front end would."""
    done = shell.run_cell(source, store_history=False)
    done.raise_error()
    if done.result is not None:
        shell.display_formatter.format(done.result)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[p.relative_to(ROOT).as_posix() for p in NOTEBOOKS])
def test_the_notebook_runs_at_smoke_tier(path: Path, shell: InteractiveShell) -> None:
    cells: list[Any] = nbformat.read(path, as_version=4).cells
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
        for cell in cells:
            if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
                run_cell(shell, cell.source)
    seconds = time.perf_counter() - started
    assert seconds < SECONDS, f"{path.name} took {seconds:.0f} s; the limit is {SECONDS} s"
