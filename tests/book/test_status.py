"""The page that says how fresh the book is: it repeats the provenance of what is stored."""

from io import StringIO

import pandas as pd
import pytest
import status_tables
import templated
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace
from stored_results import measurements

from ibcore.runs import experiments

CONFIG = 'extensions = ["myst_parser", "status_tables"]\nhtml_theme = "basic"\n'


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> BeautifulSoup:
    """Return a page that holds the directive and nothing else."""
    folder, warnings = tmp_path_factory.mktemp("status"), StringIO()
    (folder / "conf.py").write_text(CONFIG)
    (folder / "index.md").write_text("# Status\n\n```{measurements}\n```\n")
    with docutils_namespace():
        out = str(folder / "out")
        Sphinx(folder, folder, out, f"{out}/trees", "html", {}, None, warnings).build()
    assert not warnings.getvalue()
    return BeautifulSoup((folder / "out" / "index.html").read_text("utf-8"), "html.parser")


def test_each_experiment_has_one_row_with_its_own_provenance(page: BeautifulSoup) -> None:
    rows = {
        cells[0]: cells[1:]
        for row in page.select("table.ib-measurements tbody tr")
        if (cells := [cell.text.strip() for cell in row.select("td")])
    }
    assert rows.keys() == {each.name for each in experiments()}
    for stored in status_tables.largest(measurements()).itertuples():
        tier, date, _, where = rows[str(stored.experiment)]
        assert (tier, date) == (stored.tier, f"{stored.date:%Y-%m-%d}")
        assert str(stored.device_name) in where
        assert ("changed since" in where) == bool(stored.dirty)
        assert where.endswith(str(stored.doubts).replace("'", "\u2019"))


def test_the_sentence_counts_every_experiment_once(page: BeautifulSoup) -> None:
    (sentence,) = [p.text for p in page.select("p") if p.text.startswith("Of ")]
    known, *parts = [int(word) for word in sentence.replace(",", "").split() if word.isdigit()]
    assert known == len(experiments()) == sum(parts)


def test_the_largest_tier_wins_and_small_ones_do_not_vanish() -> None:
    frame = pd.DataFrame(
        {"experiment": ["a", "a", "b"], "tier": ["paper", "laptop", "smoke"], "seconds": [1, 2, 3]}
    )
    kept = status_tables.largest(frame).set_index("experiment")["tier"]
    assert kept.to_dict() == {"a": "paper", "b": "smoke"}
    assert status_tables.summary(status_tables.largest(frame), 3) == (
        "Of 3 experiments, 1 at the paper tier, 0 at the laptop tier, 1 at the smoke tier, "
        "and 1 not stored."
    )


def test_an_experiment_without_a_result_says_so() -> None:
    rows = {"redshift": [("redshift.new", status_tables.texts(None))]}
    text = templated.TEMPLATES.get_template("measurements.md.jinja").render(labs=rows)
    assert text.split()[-9:-1] == ["-", "`redshift.new`", "-", "not", "stored", "-", "-", "-"]
