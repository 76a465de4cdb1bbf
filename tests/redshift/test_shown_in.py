"""Above each experiment stands where it is shown; the book and the ledger say the same."""

import re
from pathlib import Path

import pytest

from ibcore.runs import experiments, read_ledger

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ("idea", "result", "limits")
COMMENT = re.compile(r'((?: *#.*\n)+)[^"#]*"(?:redshift\.)?([a-z-]+)",\n')


@pytest.fixture(scope="module")
def resting() -> dict[str, list[str]]:
    """Return the claims that rest on each experiment."""
    found: dict[str, list[str]] = {each.name: [] for each in experiments("redshift")}
    for claim in read_ledger().values():
        found.get(claim.experiment or "", []).append(claim.id)
    return found


@pytest.fixture(scope="module")
def shown(resting: dict[str, list[str]]) -> dict[str, str]:
    """Return the comment above each experiment, by name."""
    sources = (ROOT / "ibcore/redshift/experiments").glob("*.py")
    found = {
        f"redshift.{name}": re.sub(r"\s*#\s*", " ", comment)
        for path in sources
        for comment, name in COMMENT.findall(path.read_text("utf-8"))
        if "Shown in: " in comment
    }
    assert set(found) == set(resting)
    return found


def test_the_claims_are_those_of_the_ledger(
    shown: dict[str, str], resting: dict[str, list[str]]
) -> None:
    for name, text in shown.items():
        _, _, listed = text.strip(" .\n").rpartition("claim")
        told = listed.removeprefix("s").strip().removeprefix("redshift.").split(", ")
        assert [f"redshift.{each}" for each in told if each] == resting[name]


def test_the_chapters_are_those_that_load_it_or_cite_a_claim(
    shown: dict[str, str], resting: dict[str, list[str]]
) -> None:
    pages = {c: (ROOT / f"notebooks/redshift/{c}.ipynb").read_text("utf-8") for c in CHAPTERS}
    for name, text in shown.items():
        told = {chapter for chapter in CHAPTERS if f' {chapter}, "' in text}
        signs = [rf'load\(\\"{name}\\"', *(rf"claim:{each}\b(?![\w-])" for each in resting[name])]
        assert told == {c for c, page in pages.items() if any(re.search(s, page) for s in signs)}
