"""How cost grows: exact memory, slopes with intervals, and a page drawn from stored numbers."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "book" / "results" / "benchmarks"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Put the root on the path, and repeat nothing for the sake of the clock."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(import_module("benchmarks.growth"), "LEAST_SECONDS", 0.0)


def test_peak_memory_is_counted_exactly_and_given_back():
    growth = import_module("benchmarks.growth")

    def one_after_the_other():
        for _ in range(3):
            torch.ones(1000, dtype=torch.float64)

    def at_once():
        return [torch.ones(1000, dtype=torch.float64) for _ in range(3)]

    assert growth.peak_bytes(one_after_the_other) == 8000
    assert growth.peak_bytes(at_once) == growth.peak_bytes(at_once) == 24000


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_slope_finds_the_power_and_its_interval_holds_it(noise):
    page, rng = import_module("benchmarks.growth_page"), np.random.default_rng(0)
    sizes = pd.Series([16.0, 32, 64, 128, 256])
    costs = 3e-4 * sizes**1.7 * np.exp(noise * rng.standard_normal(5))
    found = page.slope(sizes, costs)
    assert found.low <= 1.7 + 1e-9 and found.high >= 1.7 - 1e-9
    assert (found.high - found.low < 1e-6) == (noise == 0)
    with pytest.raises(ValueError, match="at least 3 sizes, got 2"):
        page.slope(sizes[:2], costs[:2])


@pytest.mark.slow
def test_the_command_measures_stores_and_draws_every_curve(tmp_path, capsys):
    growth = import_module("benchmarks.growth")
    threads = torch.get_num_threads()
    growth.main(["--smoke", "--rounds", "1", "--store", str(tmp_path)])
    frame, page = pd.read_parquet(tmp_path / "growth.parquet"), tmp_path / "growth.md"
    assert torch.get_num_threads() == threads
    assert (frame[["seconds", "bytes"]] > 0).all().all()
    assert set(frame["axis"]) == {"networks", "width", "tasks", "side of the grid"}
    assert frame.groupby(["task", "axis"]).ngroups == len(growth.curves("tiny")) == 7
    text = page.read_text("utf-8")
    assert str(page) in capsys.readouterr().out
    page.unlink()
    growth.main(["--draw", "--store", str(tmp_path)])
    assert page.read_text("utf-8") == text


def test_a_smoke_run_never_replaces_the_stored_numbers(capsys):
    with pytest.raises(SystemExit):
        import_module("benchmarks.growth").main(["--smoke"])
    assert "name another folder with --store" in capsys.readouterr().err


def test_the_page_shows_the_stored_numbers_and_says_where_they_are_from():
    page = import_module("benchmarks.growth_page")
    frame, text = pd.read_parquet(STORED / "growth.parquet"), (STORED / "growth.md").read_text()
    known = json.loads(pq.read_schema(STORED / "growth.parquet").metadata[b"ibcore.benchmarks"])
    assert known["processor"] in text and known["date"][:10] in text
    rows = page.summary(frame)
    for row in rows.itertuples():
        assert text.count(f"| {row.task}; {row.fixed} | {row.axis}, {row.smallest} to ") == 2
        assert str(row.time) in text and str(row.memory) in text
    assert page.alt(rows)[:60] in text and len(page.alt(rows)) > 40
    assert frame.groupby(["task", "axis"])["size"].nunique().min() >= 5


def test_both_costs_of_every_stored_curve_grow():
    rows = import_module("benchmarks.growth_page").summary(
        pd.read_parquet(STORED / "growth.parquet")
    )
    assert (rows["time_last"] > 0).all() and (rows["memory_last"] >= 0).all()
    assert all(slope.value >= 0 for slope in rows["memory"])
