"""A chapter begun with ``make chapter`` follows the house rules, runs, and is listed."""

import inspect
import shutil
from pathlib import Path

import chapter
import nbformat
import pytest
import test_notebooks
import yaml

ROOT = Path(__file__).resolve().parents[2]

PARTS = ("ib-card", "ib-predict", "RandomNetwork()", "$$", "Known answer", "## The result")
ENDING = ("## Break it", "## Exercises", "ib-quiz", "## Key points")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder that holds what the tool reads."""
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book" / "_toc.yml", tmp_path / "book" / "_toc.yml")
    shutil.copy(ROOT / "CONTRIBUTING.md", tmp_path)
    return tmp_path


@pytest.fixture
def begun(project: Path) -> Path:
    """Return the notebook of a chapter just begun."""
    return chapter.begin("memory/optimizers", "What optimizers keep", project)


def test_it_passes_every_check_of_a_notebook_file(
    begun: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions = inspect.getmembers(test_notebooks, inspect.isfunction)
    checks = [check for name, check in functions if name.startswith("test_")]
    assert len(checks) >= 9
    monkeypatch.setattr(test_notebooks, "ROOT", project)
    for check in checks:
        check(begun)


def test_it_stands_behind_the_last_chapter_of_its_laboratory(begun: Path, project: Path) -> None:
    toc = yaml.safe_load((project / "book" / "_toc.yml").read_text("utf-8"))
    files = test_notebooks.toc_files(toc)
    here = files.index("notebooks/memory/optimizers")
    assert files[here - 1].startswith("notebooks/memory/")
    assert not files[here + 1].startswith("notebooks/memory/")
    assert begun == project / "notebooks" / "memory" / "optimizers.ipynb"


def test_its_parts_stand_in_the_order_of_the_anatomy(begun: Path) -> None:
    text = "\n".join(cell.source for cell in nbformat.read(begun, 4).cells)
    places = [text.index(part) for part in PARTS + ENDING]
    assert places == sorted(places)
    assert 'data-id="memory-optimizers-first"' in text


def test_its_code_runs(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IBCORE_STATIC", "1")
    space: dict[str, object] = {}
    for cell in nbformat.read(begun, 4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, cell.id, "exec"), space)
    assert len(space["measured"]) == 5  # type: ignore[arg-type]


def test_nothing_is_written_over(begun: Path, project: Path) -> None:
    before = begun.read_bytes()
    with pytest.raises(FileExistsError, match="choose another name"):
        chapter.begin("memory/optimizers", "Another", project)
    assert begun.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "title", "message"),
    [
        ("Memory", "A title", "not laboratory/chapter"),
        ("memory/../x", "A title", "not laboratory/chapter"),
        ("memory/new", " ", "no title"),
        ("astronomy/new", "A title", "no chapter of 'astronomy'"),
    ],
)
def test_a_bad_request_is_refused(project: Path, name: str, title: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chapter.begin(name, title, project)
    assert not (project / "notebooks").exists()
