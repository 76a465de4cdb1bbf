"""Fresh or stale: what counts as a change of the book, and what the build derives."""

from pathlib import Path

import freshness
import lean_pages
import pytest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small project with one module, one page and one result."""
    monkeypatch.setenv("IBCORE_TIER", "smoke")
    for name in (
        "ibcore/nets.py",
        "book/page.md",
        "book/results/a.parquet",
        "book/claims.yml",
        "book/exercises/lab.idea.yml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["ibcore/nets.py", "book/results/a.parquet", "book/exercises/lab.idea.yml"]
)
def test_code_and_results_make_the_notebooks_run_again(project: Path, name: str) -> None:
    before = freshness.execution_key(project), freshness.book_key(project)
    (project / name).write_text("changed")
    assert freshness.execution_key(project) != before[0]
    assert freshness.book_key(project) != before[1]


@pytest.mark.parametrize("name", ["book/page.md", "book/claims.yml", "book/new.md"])
def test_text_makes_the_pages_new_but_runs_no_notebook(project: Path, name: str) -> None:
    before = freshness.execution_key(project), freshness.book_key(project)
    (project / name).write_text("changed")
    assert freshness.execution_key(project) == before[0]
    assert freshness.book_key(project) != before[1]


def test_timing_anew_runs_no_notebook(project: Path) -> None:
    before = freshness.execution_key(project)
    stored = project / "book" / "results" / "benchmarks" / "ratios.parquet"
    stored.parent.mkdir()
    stored.write_text("faster")
    assert freshness.execution_key(project) == before


def test_another_tier_makes_the_notebooks_run_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = freshness.execution_key(project)
    monkeypatch.setenv("IBCORE_TIER", "laptop")
    assert freshness.execution_key(project) != before


def test_compiled_files_are_no_source(project: Path) -> None:
    before = freshness.book_key(project)
    cache = project / "ibcore" / "__pycache__"
    cache.mkdir()
    (cache / "nets.py").write_text("compiled")
    assert freshness.book_key(project) == before


def test_a_book_without_a_record_or_a_page_or_of_other_sources_is_stale(project: Path) -> None:
    html = project / "html"
    html.mkdir()
    assert "no complete build" in (freshness.stale_because(html, project) or "")
    freshness.write_marker(["page.html"], freshness.book_key(project), html)
    assert "lacks page.html" in (freshness.stale_because(html, project) or "")
    (html / "page.html").touch()
    assert freshness.stale_because(html, project) is None
    (project / "book" / "page.md").write_text("changed")
    assert "other sources" in (freshness.stale_because(html, project) or "")


def test_another_address_makes_the_pages_new_but_runs_no_notebook(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = freshness.execution_key(project), freshness.book_key(project)
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    monkeypatch.setenv("GITHUB_REPOSITORY", "somebody/elses")
    assert freshness.execution_key(project) == before[0]
    assert freshness.book_key(project) != before[1]


def test_only_the_scripts_of_thebe_are_dropped() -> None:
    scripts = ["_static/ibbook.js", "_static/sphinx-thebe.js"]
    context = {"script_files": scripts, "css_files": [], "body": ""}
    lean_pages.drop_unused_assets(None, "a", "page.html", context, None)  # type: ignore[arg-type]
    assert context["script_files"] == ["_static/ibbook.js"]
