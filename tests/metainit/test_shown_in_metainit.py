"""The sections and explorers that show an experiment; `tests/test_shown_in.py` has its claims."""

import json
import re
from functools import lru_cache
from pathlib import Path

import pytest

from ibcore.runs import experiments, read_ledger

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ("idea", "result", "limits")
NAMES = [experiment.name for experiment in experiments("metainit")]
COMMENT = re.compile(r'((?:# .*\n)+)[A-Z]+ = Experiment\(\n    "(metainit\.[a-z-]+)",\n')
EXPLORER = re.compile(r"\nclass (\w+)\([^\n]*:\n(.*?)(?=\nclass |\Z)", re.DOTALL)


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """Return the comment above each experiment, by name."""
    found = {
        name: re.sub(r"\s*# ", " ", comment)
        for path in (ROOT / "ibcore/metainit/experiments").glob("*.py")
        for comment, name in COMMENT.findall(path.read_text("utf-8"))
    }
    assert sorted(found) == sorted(NAMES)
    return found


@lru_cache
def resting(name: str) -> list[str]:
    return [claim.id for claim in read_ledger().values() if claim.experiment == name]


def sections(chapter: str, name: str) -> set[str]:
    """Return the sections of a chapter that load an experiment or cite one of its claims."""
    signs = [rf'load\("{name}"', *(rf"claim:{each}\b(?![\w-])" for each in resting(name))]
    page = json.loads((ROOT / f"notebooks/metainit/{chapter}.ipynb").read_text("utf-8"))
    found, title = set(), ""
    for cell in page["cells"]:
        for line in "".join(cell["source"]).splitlines():
            if cell["cell_type"] == "markdown" and line.startswith("#"):
                title = line.strip("# ")
            elif any(re.search(sign, line) for sign in signs):
                found.add(title)
    return found - {"Key points", "Exercises"}


@pytest.mark.parametrize("name", NAMES)
def test_the_sections_are_those_that_load_it_or_cite_a_claim(
    shown: dict[str, str], name: str
) -> None:
    told: dict[str, set[str]] = {}
    for chapter, titles in re.findall(
        r'(idea|result|limits), ((?:(?:, | and )?"[^"]*")+)', shown[name]
    ):
        told[chapter] = set(re.findall(r'"([^"]*)"', titles))
    assert told == {c: found for c in CHAPTERS if (found := sections(c, name))}


@pytest.mark.parametrize("name", NAMES)
def test_the_explorers_are_those_that_load_it(shown: dict[str, str], name: str) -> None:
    explorers = {
        explorer: body
        for path in (ROOT / "ibcore/explorers").glob("*.py")
        for explorer, body in EXPLORER.findall(path.read_text("utf-8"))
    }
    assert len(explorers) > 4
    told = {explorer for explorer in explorers if re.search(rf"\b{explorer}\b", shown[name])}
    assert told == {each for each, body in explorers.items() if f'load("{name}")' in body}
