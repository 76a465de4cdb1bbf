"""Above each experiment stands where it is shown; the book and the ledger say the same."""

import json
import re
from pathlib import Path

import pytest

from ibcore.runs import experiments, read_ledger

ROOT = Path(__file__).resolve().parents[1]
PAGES = dict.fromkeys(("redshift", "metainit", "guidance", "memory"), ("idea", "result", "limits"))
PAGES["synthesis"] = ("instruments", "crossings")
LABS, CHAPTERS = tuple(PAGES), ("idea", "result", "limits", *PAGES["synthesis"])
COMMENT = re.compile(r'((?: *#.*\n)+)[^"#]*"(?:[a-z]+\.)?([a-z-]+)",\n')
TITLES = re.compile(rf' ({"|".join(CHAPTERS)}), ("[^"]+"(?:(?:,| and) "[^"]+")*)')


@pytest.fixture(scope="module")
def resting() -> dict[str, list[str]]:
    """Return the claims that rest on each experiment."""
    found: dict[str, list[str]] = {each.name: [] for lab in LABS for each in experiments(lab)}
    for claim in read_ledger().values():
        if claim.experiment in found:
            found[claim.experiment].append(claim.id)
    return found


@pytest.fixture(scope="module")
def shown(resting: dict[str, list[str]]) -> dict[str, str]:
    """Return the comment above each experiment, by name."""
    found = {
        f"{lab}.{name}": re.sub(r"\s*#\s*", " ", comment)
        for lab in LABS
        for path in (ROOT / f"ibcore/{lab}/experiments").glob("*.py")
        for comment, name in COMMENT.findall(path.read_text("utf-8"))
        if "Shown in: " in comment
    }
    assert set(found) == set(resting)
    return found


def test_the_claims_are_those_of_the_ledger(
    shown: dict[str, str], resting: dict[str, list[str]]
) -> None:
    for name, text in shown.items():
        lab, listed = name.split(".")[0], text.strip(" .\n").rpartition("claim")[2]
        told = listed.removeprefix("s").strip().removeprefix(f"{lab}.").split(", ")
        assert [f"{lab}.{each}" for each in told if each] == resting[name]


def test_the_chapters_are_those_that_load_it_or_cite_a_claim(
    shown: dict[str, str], resting: dict[str, list[str]]
) -> None:
    for name, text in shown.items():
        lab = name.split(".")[0]
        pages = {c: (ROOT / f"notebooks/{lab}/{c}.ipynb").read_text("utf-8") for c in PAGES[lab]}
        told = {chapter for chapter in PAGES[lab] if f' {chapter}, "' in text}
        signs = [rf'load\(\\"{name}\\"', *(rf"claim:{each}\b(?![\w-])" for each in resting[name])]
        assert told == {c for c, page in pages.items() if any(re.search(s, page) for s in signs)}


def test_the_sections_are_headings_of_their_chapters(shown: dict[str, str]) -> None:
    for name, text in shown.items():
        lab = name.split(".")[0]
        for chapter, titles in TITLES.findall(text):
            page = json.loads((ROOT / f"notebooks/{lab}/{chapter}.ipynb").read_text("utf-8"))
            lines = [line for cell in page["cells"] for line in cell["source"]]
            for title in re.findall('"([^"]+)"', titles):
                assert any(re.match(rf"#+ {re.escape(title)}", line) for line in lines), title
