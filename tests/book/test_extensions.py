"""The book's own directives and links, in a small book with a ledger of three claims."""

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import claims_ledger
import explorer_directive
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.console import strip_colors
from sphinx.util.docutils import docutils_namespace

from ibcore.runs import evaluate
from ibcore.runs.ledger import parse_claim

CONFIG = """\
extensions = ["myst_parser", "explorer_directive", "claims_ledger"]
myst_url_schemes = ["http", "https", "claim"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
html_theme = "basic"
"""
FIELDS = {"value": "1.32", "low": "1.28", "high": "1.37", "n": "100", "interval": "1.28 to 1.37"}
SMOOTH = claims_ledger.Entry(
    id="redshift.relu-bounded",
    lab="redshift",
    statement="ReLU networks stay below $0.1$ at every scale, by a factor of 1.32.",
    verdict="agrees",
    expect="between 1.2 and 1.4",
    run="laptop tier, 10 seeds, 2026-11-20",
    note="One hundred networks.",
    passed=True,
    paper=("about 1.3", "figure 4"),
    fields=FIELDS,
)
CONTRARY = claims_ledger.Entry(
    id="memory.adam-forgets",
    lab="memory",
    statement="Adam forgets.",
    verdict="contradicts",
    passed=True,
    run="laptop tier",
    fields=FIELDS | {"value": "0.40"},
)
OPEN = claims_ledger.Entry(
    id="memory.large", lab="memory", statement="At scale.", verdict="not tested at this scale"
)

Build = Callable[..., tuple[Path, str]]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Return a function that builds pages and returns the output folder and the warnings."""

    def run(page: str, *entries: claims_ledger.Entry, **more: str) -> tuple[Path, str]:
        monkeypatch.setattr(
            claims_ledger, "entries", lambda: {entry.id: entry for entry in entries}
        )
        (tmp_path / "book" / "appendices").mkdir(parents=True, exist_ok=True)
        (tmp_path / "conf.py").write_text(CONFIG)
        (tmp_path / "index.md").write_text(
            "# Index\n\n```{toctree}\npage\nbook/appendices/claims\n```\n"
        )
        (tmp_path / "page.md").write_text(f"# A page\n\n{page}\n")
        claims = more.get("claims", "# Claims\n\n```{claims-ledger}\n```\n")
        (tmp_path / "book" / "appendices" / "claims.md").write_text(claims)
        warnings, out = StringIO(), tmp_path / "out"
        with docutils_namespace():
            app = Sphinx(tmp_path, tmp_path, out, out / ".doctrees", "html", {}, None, warnings)
            app.build()
        return out, strip_colors(warnings.getvalue())

    return run


def tree(out: Path, name: str) -> BeautifulSoup:
    """Return a built page as a tree."""
    return BeautifulSoup((out / f"{name}.html").read_text("utf-8"), "html.parser")


def test_a_claim_link_shows_the_ledgers_number_whatever_the_source_says(build: Build) -> None:
    out, warnings = build("A factor of [9.99](claim:redshift.relu-bounded).", SMOOTH)
    link = tree(out, "page").select_one("a.ib-claim")
    assert link is not None
    assert not warnings
    assert link.text.startswith("1.32")
    assert "9.99" not in tree(out, "page").text


@pytest.mark.parametrize("field", list(FIELDS))
def test_a_fragment_selects_a_field(build: Build, field: str) -> None:
    out, warnings = build(f"[0](claim:redshift.relu-bounded#{field})", SMOOTH)
    assert not warnings
    assert tree(out, "page").select("a.ib-claim")[0].contents[0] == FIELDS[field]


def test_a_badge_says_in_words_what_its_glyph_and_color_say(build: Build) -> None:
    out, _ = build("[0](claim:memory.adam-forgets)", CONTRARY)
    link = tree(out, "page").select("a.ib-claim")[0]
    words = link.select(".ib-sr")[0].text
    assert link.select(".ib-badge")[0].text == "≠"
    assert link.select(".ib-badge")[0]["aria-hidden"] == "true"
    assert {"data-expect", "data-run"} <= set(link.select(".ib-badge")[0].attrs)  # for its card
    assert "ib-claim-contradicts" in link["class"]
    assert all(part in words for part in ("contradicts", "1.28 to 1.37", "n = 100", "laptop"))
    assert link["title"] in words


def test_a_claim_link_and_the_ledger_lead_to_each_other(build: Build) -> None:
    out, _ = build("[0](claim:redshift.relu-bounded), [0](claim:redshift.relu-bounded#n)", SMOOTH)
    page, table = tree(out, "page"), tree(out, "book/appendices/claims")
    there = [str(link["href"]) for link in page.select("a.ib-claim")]
    assert there == ["book/appendices/claims.html#claim-redshift-relu-bounded"] * 2
    assert table.select_one("tr#claim-redshift-relu-bounded")
    back = [str(a["href"]) for a in table.select("tr td:last-child a")]
    assert [href.split("#")[0] for href in back] == ["../../page.html"] * 2
    assert all(page.find(id=href.split("#")[1]) for href in back)


def test_an_unknown_claim_is_a_warning_with_page_line_and_near_matches(build: Build) -> None:
    _, warnings = build("See [1](claim:redshift.relu-bound).", SMOOTH)
    assert re.search(r"page\.md:3: WARNING: unknown claim 'redshift.relu-bound'", warnings)
    assert "did you mean redshift.relu-bounded?" in warnings


def test_an_unknown_field_is_a_warning_that_lists_the_fields(build: Build) -> None:
    _, warnings = build("[1](claim:redshift.relu-bounded#middle)", SMOOTH)
    assert "no field 'middle'; its fields are value, low, high, n, interval" in warnings


def test_a_claim_without_a_result_has_no_number_to_show(build: Build) -> None:
    _, warnings = build("[1](claim:memory.large)", OPEN)
    assert "no field 'value'; its fields are none: it has no stored result" in warnings


def test_the_ledger_shows_every_part_of_a_claim(build: Build) -> None:
    out, warnings = build("No claim here.", SMOOTH, OPEN)
    table = tree(out, "book/appendices/claims")
    row = table.select("tr#claim-redshift-relu-bounded")[0].text
    assert not warnings
    parts = ["redshift.relu-bounded", "ReLU networks", "1.32", "1.28 to 1.37", "n = 100"]
    parts += ["between 1.2 and 1.4", "about 1.3", "figure 4", "✓ agrees", "2026-11-20"]
    assert not [part for part in [*parts, "One hundred networks.", "10 seeds"] if part not in row]
    assert "no stored result" in table.select("tr#claim-memory-large")[0].text


def test_the_summary_counts_claims_and_leads_to_each_laboratory(build: Build) -> None:
    both = "# Claims\n\n```{claims-summary}\n```\n\n```{claims-ledger}\n```\n\n## After\n"
    out, warnings = build("No claim here.", CONTRARY, OPEN, SMOOTH, claims=both)
    page = tree(out, "book/appendices/claims")
    rows = [[c.text for c in row.select("td")] for row in page.select(".ib-verdicts tbody tr")]
    assert not warnings
    assert rows == [
        ["Neural Redshift", "1", "0", "0"],
        ["Initialization memory", "0", "1", "1"],
        ["together", "1", "1", "1"],
    ]
    for link, lab in zip(page.select(".ib-verdicts td a"), ("redshift", "memory"), strict=True):
        section = page.select_one(f"section{link['href']}")
        assert section is not None and f"“{lab}”" in section.text
        assert section.select("h2")[0].text.startswith(link.text)


def test_statements_may_hold_mathematics(build: Build) -> None:
    out, _ = build("No claim here.", SMOOTH)
    assert tree(out, "book/appendices/claims").select("tr .math")


def test_an_empty_ledger_is_a_sentence(build: Build) -> None:
    out, warnings = build("No claim here.")
    assert "The ledger holds no claim yet." in tree(out, "book/appendices/claims").text
    assert not warnings


def test_the_ledger_follows_pages_that_gain_and_lose_a_citation(build: Build) -> None:
    build("No claim here.", SMOOTH)
    out, _ = build("[0](claim:redshift.relu-bounded)", SMOOTH)
    assert tree(out, "book/appendices/claims").select("tr td:last-child a")
    out, _ = build("No claim again, and a longer line.", SMOOTH)
    assert not tree(out, "book/appendices/claims").select("tr td:last-child a")


def test_a_failed_claim_is_marked_and_warned_of(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = claims_ledger.replace(SMOOTH, passed=False)
    out, warnings = build("[0](claim:redshift.relu-bounded)", failed)
    assert "claim 'redshift.relu-bounded' gives 1.32, expected between 1.2 and 1.4" in warnings
    assert tree(out, "page").select(".ib-claim-failed .ib-badge")[0].text == "✗"
    assert set(claims_ledger.GLYPHS.values()).isdisjoint({claims_ledger.FAILED})


def test_an_entry_prints_what_the_engine_measured() -> None:
    claim = parse_claim(
        {
            "id": "redshift.mean",
            "statement": "The mean is {value}, between {low} and {high}.",
            "lab": "redshift",
            "experiment": "redshift.example",
            "measure": "mean('complexity')",
            "expect": {"between": [0.4, 0.6]},
            "null": 0,
            "tier": "smoke",
            "paper": {"value": "0.5", "where": "figure 1"},
            "verdict": "agrees",
            "note": "An example.",
        }
    )
    frame = pd.DataFrame({"network": range(20), "complexity": [0.4, 0.6] * 10})
    frame.attrs["provenance"] = {"tier": "smoke", "seeds": [0], "date": "2026-11-20T10:00:00Z"}
    entry = claims_ledger.from_claim(claim, evaluate(claim, frame))
    low, high = entry.fields["low"], entry.fields["high"]
    assert entry.fields["value"] == "0.50"
    assert 0.4 < float(low) < 0.5 < float(high) < 0.6
    assert entry.fields["interval"] == f"{low} to {high}"
    assert entry.statement == f"The mean is 0.50, between {low} and {high}."
    assert (entry.fields["n"], entry.run) == ("20", "smoke tier, 1 seed, 2026-11-20")
    assert (entry.kind, entry.glyph, entry.paper) == ("agrees", "✓", ("0.5", "figure 1"))
    assert entry.expect == "between 0.4 and 0.6; holds for 0.0% of tables without an effect"


def test_every_verdict_has_a_glyph_of_its_own() -> None:
    from typing import get_args

    from ibcore.runs.ledger import Verdict

    assert set(claims_ledger.GLYPHS) == set(get_args(Verdict))
    assert len(set(claims_ledger.GLYPHS.values())) == len(claims_ledger.GLYPHS)


def test_a_broken_ledger_stops_the_build_with_its_reason(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> dict[str, claims_ledger.Entry]:
        raise ValueError("claim 'x' has no statement")

    monkeypatch.setattr(claims_ledger, "entries", refuse)
    with pytest.raises(claims_ledger.ExtensionError, match="claim 'x' has no statement"):
        claims_ledger.read_early(None)  # type: ignore[arg-type]


def test_an_explorer_is_placed_with_its_options(build: Build) -> None:
    page = "```{explorer} RandomNetwork\n:activation: tanh\n:weight-scale: 2.0\n:seed: 3\n```"
    out, warnings = build(page)
    host = tree(out, "page").select("ib-explorer")
    assert not warnings
    assert len(host) == 1
    payload = str(host[0].select("script[type='application/json']")[0].string)
    assert '"tanh"' in payload
    assert re.search(r'"seed":\s*3\b', payload)


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```{explorer} RandomNetwrk\n```", "did you mean RandomNetwork"),
        ("```{explorer} RandomNetwork\n:activaton: tanh\n```", "did you mean activation"),
        ("```{explorer} RandomNetwork\n:activation: swoosh\n```", "swoosh"),
        ("```{explorer} RandomNetwork\n:gated:\n```", "the option has no value"),
        ("```{explorer} RandomNetwork\n:seed: [1, 2]\n```", "expected a number"),
    ],
)
def test_a_mistake_in_an_explorer_is_a_warning_with_its_line(
    build: Build, page: str, complaint: str
) -> None:
    _, warnings = build(page)
    assert re.search(r"page\.md:3: WARNING: ", warnings)
    assert complaint in warnings


@pytest.mark.parametrize(("text", "value"), [("2", 2), ("null", None), ("false", False)])
def test_options_are_plain_values(text: str, value: object) -> None:
    assert explorer_directive.parse_value(text) == value


def test_the_ledger_is_evaluated_again_only_when_what_it_depends_on_changes(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(claims_ledger, "KEPT", tmp_path)
    monkeypatch.setattr(claims_ledger, "evaluated", lambda: asked.append(1) or {SMOOTH.id: SMOOTH})
    entries = claims_ledger.entries.__wrapped__
    for key, times in (("a", 1), ("a", 1), ("b", 2), ("a", 3)):
        monkeypatch.setattr(claims_ledger, "_key", lambda key=key: key)
        assert entries() == {SMOOTH.id: SMOOTH} and len(asked) == times
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_the_ledger_depends_on_claims_results_and_code():
    found = {path.suffix for path in claims_ledger.freshness.sources(claims_ledger._DEPENDS)}
    assert {".yml", ".parquet", ".py"} <= found
