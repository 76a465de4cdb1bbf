"""Notebooks are run before their pages are read: those that need it, and once."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ibbook
import nbformat
import pytest
from jupyter_cache import get_cache

pytestmark = pytest.mark.book


def write(path: Path, code: str) -> Path:
    """Write a notebook with one cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


@pytest.fixture
def app(tmp_path: Path) -> Any:
    """Return what the extension asks of Sphinx, with a folder of its own."""
    cache = str(tmp_path / "cache")
    config = SimpleNamespace(
        nb_execution_mode="cache", nb_execution_cache_path=cache, nb_execution_timeout=600
    )
    return SimpleNamespace(srcdir=tmp_path, config=config)


def test_outputs_are_stored_and_a_notebook_that_fails_is_left_to_its_page(app: Any) -> None:
    good = write(app.srcdir / "notebooks" / "a" / "good.ipynb", "print(6 * 7)")
    bad = write(app.srcdir / "notebooks" / "a" / "bad.ipynb", "1 / 0")
    ibbook.execute_ahead(app)
    cache = get_cache(app.config.nb_execution_cache_path)
    [record] = cache.list_cache_records()
    assert Path(record.uri).name == "good.ipynb"
    stored = cache.get_cache_bundle(record.pk).nb
    assert stored.cells[0].outputs[0].text == "42\n"
    assert len(ibbook.stale(cache, [good, bad])) == 1


def test_nothing_runs_where_every_output_is_at_hand(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.srcdir.joinpath("notebooks").mkdir()

    def refuse(*_: Any) -> None:
        raise AssertionError("an executor was asked for")

    monkeypatch.setattr(ibbook, "load_executor", refuse)
    ibbook.execute_ahead(app)
    app.config.nb_execution_mode = "off"
    write(app.srcdir / "notebooks" / "a" / "new.ipynb", "1")
    ibbook.execute_ahead(app)
