"""Exercises on the pages: the edition with solutions, and the report of what was tried out."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import exercises_edition
import exercises_report
import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.console import strip_colors
from sphinx.util.docutils import docutils_namespace

from ibcore.exercises import Trial, exercises, find, try_out

ROOT = Path(__file__).resolve().parents[2]
IN_MEMORY = find("memory.limits.1")
NOTEBOOKS = sorted({exercise.notebook for exercise in exercises()})


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_solutions_edition_fills_every_stub_and_opens_every_solution(name: str) -> None:
    text = (ROOT / f"{name}.ipynb").read_text("utf-8")
    master, solved = json.loads(text), json.loads(exercises_edition.solved(text))
    assert [cell["id"] for cell in solved["cells"]] == [cell["id"] for cell in master["cells"]]
    sources = ["".join(cell["source"]) for cell in solved["cells"]]
    for exercise in (exercise for exercise in exercises() if exercise.notebook == name):
        assert exercise.cell(exercise.solution) in sources
        assert exercise.cell(exercise.stub) not in sources
    assert not [source for source in sources if "<details><summary>Solution" in source]
    assert [source for source in sources if "<details open><summary>Solution" in source]
    folded = [cell for cell in solved["cells"] if "hide-cell" in cell["metadata"].get("tags", [])]
    assert not [cell for cell in folded if "# @title Solution" in "".join(cell["source"])]


def test_the_students_edition_is_the_default_and_a_wrong_name_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("IBCORE_EDITION", raising=False)
    assert exercises_edition.edition() == "student"
    monkeypatch.setenv("IBCORE_EDITION", "solution")
    with pytest.raises(ExtensionError, match="unknown edition 'solution'; choose one of student"):
        exercises_edition.edition()


def report(folder: Path) -> tuple[BeautifulSoup, str]:
    """Build a small book with the report; return the page as a tree, and the warnings."""
    (folder / "conf.py").write_text('extensions = ["myst_parser", "exercises_report"]\n')
    pages = "\n".join(["report", *NOTEBOOKS])
    (folder / "index.md").write_text(f"# Index\n\n```{{toctree}}\n{pages}\n```\n")
    (folder / "report.md").write_text("# Report\n\n```{exercise-report}\n```\n")
    for name in NOTEBOOKS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_text(f"# Chapter {name}\n")
    warnings, out = StringIO(), folder / "out"
    with docutils_namespace():
        Sphinx(folder, folder, out, out / ".trees", "html", {}, None, warnings).build()
    tree = BeautifulSoup((out / "report.html").read_text("utf-8"), "html.parser")
    return tree, strip_colors(warnings.getvalue())


def all_good() -> dict[str, Trial]:
    """Return the trials of exercises that all behave."""
    return {each.id: Trial(True, True, (True,) * len(each.wrong)) for each in exercises()}


def test_the_report_lists_every_exercise_and_links_its_chapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exercises_report, "trials", lambda _: all_good())
    tree, warnings = report(tmp_path)
    assert not warnings
    rows = [row for row in tree.select("table.ib-exercises tr") if row.select("td")]
    assert len(rows) == len(exercises())
    for row, exercise in zip(rows, exercises(), strict=True):
        number = len(exercise.wrong)
        words = [
            exercise.id,
            exercise.title,
            f"Chapter {exercise.notebook}",
            "✓ stays open",
            "✓ passes",
        ]
        words.append(f"✓ {number} of {number}")
        assert not [part for part in words if part not in row.text]
        assert str(row.select("a")[0]["href"]).startswith(f"{exercise.notebook}.html")


def test_the_report_marks_an_exercise_that_misbehaves_and_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = all_good() | {"memory.limits.1": Trial(False, False, (True, False, True))}
    monkeypatch.setattr(exercises_report, "trials", lambda _: bad)
    tree, warnings = report(tmp_path)
    assert "exercise 'memory.limits.1' misbehaves" in warnings
    for words in ("✗ is not open", "✗ fails", "✗ 2 of 3"):
        assert words in tree.text


def test_the_report_tries_every_exercise_out_once_for_each_state_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exercises_report, "KEPT", tmp_path / "kept")
    first = exercises_report.trials([IN_MEMORY])
    assert first == {IN_MEMORY.id: try_out(IN_MEMORY)}
    assert exercises_report.trials([replace(IN_MEMORY, solution="answer = 15")]) == first
    monkeypatch.setattr(exercises_report.freshness, "execution_key", lambda: "changed")
    again = exercises_report.trials([replace(IN_MEMORY, solution="answer = 15")])
    assert not again[IN_MEMORY.id].solution
