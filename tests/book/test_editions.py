"""Editions: one name in all places, links that lead to the tag, checksums of all files."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import address
import edition
import pin
import pytest

from ibcore.runs import read, run, write

ROOT = Path(__file__).resolve().parents[2]
NAME = "2026.1"
FILES = ("_config.yml", "pyproject.toml", "CITATION.cff", "CHANGELOG.md", "CONTRIBUTING.md")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the files that name the edition, and of a notebook."""
    for name in (*FILES, "notebooks/redshift/idea.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_present_version_is_an_edition_once_its_links_are_pinned(project: Path) -> None:
    (unpinned,) = edition.problems(NAME, project)
    assert "make pin REF=edition-2026.1" in unpinned
    pin.pin("edition-2026.1", project)
    assert edition.problems(NAME, project) == []


def test_dirty_and_stale_results_are_refused_with_the_command_that_mends_them(
    project: Path,
) -> None:
    pin.pin("edition-2026.1", project)
    results = project / "book" / "results"
    run("redshift.sequences", "smoke", store=results, progress=False)
    path = results / "redshift.sequences.smoke.parquet"
    frame, origin = read(path)
    frame.attrs = {}
    for changes in ({"dirty": True}, {"code": None}, {"code": "another"}):
        write(frame, path, replace(origin, **{"dirty": False, **changes}))
        (problem,) = edition.problems(NAME, project)
        assert problem.startswith("redshift.sequences at tier smoke (")
        command = "ibcore run redshift.sequences --tier smoke --store book/results --fresh"
        assert problem.endswith(command)
    write(frame, path, replace(origin, dirty=False))
    assert edition.problems(NAME, project) == []


@pytest.mark.parametrize("file", ["_config.yml", "pyproject.toml", "CITATION.cff", "CHANGELOG.md"])
def test_a_file_that_names_another_edition_is_found(project: Path, file: str) -> None:
    pin.pin("edition-2026.1", project)
    text = (project / file).read_text("utf-8").replace(f'"{NAME}"', '"2025.9"')
    (project / file).write_text(text.replace(f"[{NAME}]", "[2025.9]"), "utf-8")
    (problem,) = edition.problems(NAME, project)
    assert file in problem


@pytest.mark.parametrize("name", ["", "1", "2026", "v2026.1"])
def test_a_bad_name_is_refused(project: Path, name: str) -> None:
    (problem,) = edition.problems(name, project)
    assert repr(name) in problem


def test_a_pin_reaches_launch_links_and_set_up_cells_and_can_be_undone(project: Path) -> None:
    here = address.configured(project)
    page = (
        "https://github.com/OLD/book/blob/main/a.md https://github.com/them/book/blob/main/b "
        "https://colab.research.google.com/github/OLD/book/blob/main/a.ipynb "
        'https://mybinder.org/v2/gh/OLD/book/main?urlpath=lab "git+https://github.com/OLD/book" '
    )
    (project / "page.md").write_text(address.moved(page, address.github("OLD", "book"), here))
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    changed = {path.name for path in pin.pin("edition-2026.1", project)}
    text = (project / "page.md").read_text("utf-8")
    assert changed == {"_config.yml", "page.md", "idea.ipynb", "CONTRIBUTING.md"}
    assert text.count("edition-2026.1") == 4
    assert "them/book/blob/main" in text
    assert '@edition-2026.1\\"' in (project / "notebooks/redshift/idea.ipynb").read_text("utf-8")
    pin.pin("main", project)
    assert {path: path.read_bytes() for path in before} == before


def test_a_ref_with_spaces_is_refused_by_name(project: Path) -> None:
    with pytest.raises(ValueError, match="'my tag'"):
        pin.pin("my tag", project)


def test_the_manifest_can_be_checked_with_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "slides").mkdir()
    (tmp_path / "slides" / "a.pdf").write_text("a")
    edition.write_manifest(tmp_path, NAME, "0" * 40)
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "slides/a.pdf: OK\n")
