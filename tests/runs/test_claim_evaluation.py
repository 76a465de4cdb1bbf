"""Claims against frames: value, interval, counts, and the public tables."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from test_claim_ledger import ENTRY, ORDER, entry
from toy.experiments import SQUARES

import ibcore.runs
from ibcore.runs import LedgerError, Results, check, claims, evaluate, run
from ibcore.runs.ledger import parse_claim, show, show_interval
from ibcore.runs.measure import Sample

NOTHING = dict.fromkeys(("experiment", "measure", "expect", "tier"))


def measured(measure: str, **changes: Any) -> Any:
    return parse_claim(entry(measure=measure, **changes))


def frame(networks: int, seed: int = 0, **columns: Any) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=networks)
    return pd.DataFrame({"network": np.arange(networks), "x": values, **columns})


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy_lab: None) -> Path:
    """Make a checkout with published toy results and a ledger of three claims."""
    results = tmp_path / "book" / "results"
    results.mkdir(parents=True)
    for tier in ("smoke", "laptop"):
        run(SQUARES, tier, store=results, progress=False)  # type: ignore[arg-type]
    ledger = [
        ENTRY,
        entry(
            id="toy.order", tier="laptop", paper=None, statement="It grows.",
            verdict="beyond the paper", **ORDER, expect={"order": "increasing", "margin": 2},
        ),
        entry(id="toy.later", statement="Later.", verdict="not tested at this scale", **NOTHING),
    ]  # fmt: skip
    (tmp_path / "book" / "claims.yml").write_text(yaml.safe_dump(ledger))
    monkeypatch.setattr(ibcore, "__file__", str(tmp_path / "ibcore" / "__init__.py"))
    return tmp_path


def test_the_interval_is_the_bootstrap_of_the_replicates() -> None:
    data = frame(200)
    result = evaluate(measured("mean('x')"), data)
    half = 1.96 * data["x"].std(ddof=0) / np.sqrt(200)
    assert result.value == pytest.approx(data["x"].mean())
    assert result.low == pytest.approx(data["x"].mean() - half, rel=0.15, abs=0.02)
    assert result.high == pytest.approx(data["x"].mean() + half, rel=0.15, abs=0.02)
    assert (result.n, result.rows, result.nonfinite, result.undefined) == (200, 200, 0, 0)
    assert (result.tier, result.date, result.device, result.seeds) == (None, None, None, ())


def test_a_replicate_carries_all_its_rows_so_differences_stay_paired() -> None:
    low = frame(30).assign(kind="low")
    high = low.assign(kind="high", x=low["x"] + 5)
    data = pd.concat([low, high], ignore_index=True)
    result = evaluate(measured("mean('x', kind='high') - mean('x', kind='low')"), data)
    assert result.low == pytest.approx(5) and result.high == pytest.approx(5)
    alone = evaluate(measured("mean('x', kind='high')"), data)
    assert isinstance(alone.high, float) and isinstance(alone.low, float)
    assert alone.high - alone.low > 0.3


def test_only_replicates_behind_the_value_are_drawn() -> None:
    data = pd.concat([frame(10).assign(kind="few"), frame(500).assign(kind="many")])
    result = evaluate(measured("mean('x', kind='few')"), data)
    same = evaluate(measured("mean('x', kind='few')"), frame(10).assign(kind="few"))
    assert result.n == 10 and result.undefined == 0
    assert (result.low, result.high) == (same.low, same.high)


def test_the_same_frame_gives_the_same_interval_and_the_global_state_is_untouched() -> None:
    before = np.random.get_state()[1].copy()
    assert evaluate(measured("mean('x')"), frame(20)) == evaluate(measured("mean('x')"), frame(20))
    assert (np.random.get_state()[1] == before).all()


def test_chunks_of_draws_do_not_change_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = evaluate(measured("mean('x')"), frame(20))
    monkeypatch.setattr(import_module("ibcore.runs.ledger"), "_ENTRIES", 20 * 77)
    assert evaluate(measured("mean('x')"), frame(20)) == whole


def test_a_tuple_has_an_interval_per_entry() -> None:
    data = pd.concat([frame(20).assign(size=1), frame(20, seed=1).assign(size=2)])
    claim = measured(
        "(mean('x', size=1), mean('x', size=2))", expect={"order": "increasing"}, statement="Up."
    )
    result = evaluate(claim, data)
    assert isinstance(result.value, tuple) and isinstance(result.low, tuple)
    means = data.groupby("size")["x"].mean().tolist()
    assert result.value == pytest.approx(means)
    assert show_interval(result).count(" to ") == 2


def test_values_that_are_not_finite_are_counted_in_the_result() -> None:
    data = frame(20)
    data.loc[:4, "x"] = np.nan
    result = evaluate(measured("mean('x')"), data)
    assert result.value == pytest.approx(data["x"].mean())
    assert (result.rows, result.nonfinite) == (20, 5)


def test_draws_without_a_value_are_counted_and_too_many_are_an_error() -> None:
    sparse = frame(30)
    sparse.loc[1:, "x"] = np.nan
    assert 300 < evaluate(measured("mean('x')"), sparse).undefined < 430
    few = frame(3)
    few.loc[1:, "x"] = np.nan
    with pytest.raises(LedgerError, match="no value without one of them"):
        evaluate(measured("mean('x')"), few)
    with pytest.raises(LedgerError, match=r"toy\.squares-grow.*too few replicates"):
        # All three replicates are in a draw in 6 of 27 cases.
        evaluate(measured(" + ".join(f"mean('x', network={i})" for i in range(3))), frame(3))


@pytest.mark.parametrize("text", ["0 / 0", "mean('x') / 0"])
def test_a_value_that_is_not_finite_is_an_error(text: str) -> None:
    with pytest.raises(LedgerError, match="gives"):
        evaluate(measured(text), frame(20))


def test_an_error_of_the_measure_names_the_claim() -> None:
    with pytest.raises(LedgerError, match=r"'toy\.squares-grow': no row matches network=99"):
        evaluate(measured("mean('x', network=99)"), frame(3))


def test_the_replicates_may_be_another_column() -> None:
    data = frame(12, seed=0).assign(member=np.repeat([0, 1, 2], 4))
    assert evaluate(measured("mean('x')", resample="member"), data).n == 3


@pytest.mark.parametrize(
    "text",
    ["mean('x')", "quantile('x', 0.9)", "max_over('x', 'g')", "spearman('x', 'g', by='g')"],
)
def test_a_thousand_draws_read_the_rows_once_for_each_chunk_and_chunks_change_nothing(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pd.DataFrame({"network": np.arange(200) % 100, "g": np.arange(200) // 20})
    data["x"] = np.random.default_rng(0).normal(size=200)
    passes: list[str] = []
    column = Sample.column
    monkeypatch.setattr(Sample, "column", lambda s, name: passes.append(name) or column(s, name))
    whole, once = evaluate(measured(text), data), len(passes)
    monkeypatch.setattr(import_module("ibcore.runs.ledger"), "_ENTRIES", 100 * 250)
    assert evaluate(measured(text), data) == whole
    assert once <= 20 and len(passes) - once <= 2.5 * once


def test_check_reads_the_published_results(book: Path) -> None:
    first, order = check()
    assert (first.claim.id, first.tier, first.n, first.passed) == (
        "toy.squares-grow", "smoke", 3, True,
    )  # fmt: skip
    assert first.value == pytest.approx(17 / 3) and first.seeds == (7,)
    assert (order.tier, order.n, order.value) == ("laptop", 10, (5.5, 8.5))
    assert [result.tier for result in check(tier="laptop")] == ["laptop", "laptop"]
    assert len(check("toy")) == 2
    with pytest.raises(ValueError, match="unknown laboratory 'tooy'; did you mean toy"):
        check("tooy")
    (book / "book" / "results" / "toy.squares.laptop.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"run toy\.squares --tier laptop"):
        check()


def test_a_fresh_check_runs_the_tiers_that_the_claims_name_and_leaves_the_published_results(
    book: Path, marks: Path
) -> None:
    for path in (book / "book" / "results").iterdir():
        path.unlink()
    results = check(fresh=True)
    assert [result.tier for result in results] == ["smoke", "laptop"]
    assert len(list(marks.iterdir())) == 9
    assert not list((book / "book" / "results").iterdir())


def test_the_public_table_has_one_row_per_claim(book: Path) -> None:
    table = claims()
    assert list(table.columns) == [
        *("id", "statement", "value", "low", "high", "n", "expect", "tier", "paper", "verdict"),
        *("passed", "note", "date"),
    ]
    first, order, later = table.to_dict("records")
    low, high = f"{first['low']:.2f}", f"{first['high']:.2f}"
    assert first["statement"] == f"The square is 5.67 ({low} to {high})."
    assert first["paper"] == "4 (Table 1)" and first["expect"] == "above 1"
    assert order["expect"] == "increasing by more than 2" and order["value"] == (5.5, 8.5)
    assert later["value"] is None and later["passed"] is None and later["id"] == "toy.later"
    assert len(claims("toy")) == 3


def test_results_are_evaluated_once_and_only_when_asked_for(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results([parse_claim(ENTRY), parse_claim(entry(id="toy.b", experiment="toy.no"))])
    assert list(results) == ["toy.squares-grow", "toy.b"] and len(results) == 2
    assert results["toy.squares-grow"] is results["toy.squares-grow"]
    with pytest.raises(KeyError):
        results["toy.c"]
    with pytest.raises(FileNotFoundError):
        results["toy.b"]


@pytest.mark.parametrize(
    ("form", "number", "text"),
    [("{:.2f}", -0.001, "0.00"), ("{:.2f}", -1.0, "-1.00"), ("{:.0%}", 0.5, "50%")],
)
def test_numbers_are_printed_without_a_negative_zero(form: str, number: float, text: str) -> None:
    assert show(parse_claim(entry(format=form)), number) == text


def test_the_public_name_is_the_function_whatever_is_imported_first() -> None:
    code = (
        "import ibcore.runs.ledger\nfrom ibcore.runs.ledger import Claim, ClaimResult\n"
        "import ibcore.runs.cli\nfrom ibcore.runs import claims\nimport ibcore\n"
        "assert callable(claims) and claims is ibcore.runs.claims is ibcore.claims\n"
        "assert Claim.__name__ == 'Claim' and ibcore.load is ibcore.runs.load"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
    assert ibcore.runs.claims is claims
