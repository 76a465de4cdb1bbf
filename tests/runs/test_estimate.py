"""What a run is predicted to cost: from what, how wide, and without running anything."""

import dataclasses
from pathlib import Path

import pytest
from toy.experiments import SQUARES

from ibcore.runs import CellError, estimate, run
from ibcore.runs.experiment import Experiment
from ibcore.runs.forecast import Estimate, Prediction
from ibcore.runs.store import read, result_path, write

COSTED: Experiment = dataclasses.replace(SQUARES, cost=lambda cell: cell.size * cell.networks)


@pytest.fixture(autouse=True)
def nothing_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibcore.runs.forecast.published", lambda: tmp_path / "published")


def stored_seconds(store: Path, tier: str, seconds: float, device: str = "cpu") -> None:
    """Store the result of a tier as one that took ``seconds`` on ``device``."""
    run(SQUARES, tier, store=store, progress=False)  # type: ignore[arg-type]
    path = result_path("toy.squares", tier, store)  # type: ignore[arg-type]
    frame, origin = read(path)
    frame.attrs = {}
    write(frame, path, dataclasses.replace(origin, seconds=seconds, device=device))


def quietly(tier: str, store: Path, experiment: Experiment = SQUARES) -> Estimate:
    return estimate(experiment, tier, store=store)  # type: ignore[arg-type]


def test_another_tier_is_scaled_by_the_cost_model_and_nothing_runs(
    tmp_path: Path, marks: Path
) -> None:
    stored_seconds(tmp_path, "smoke", 36.0)  # sizes 1 + 2 + 3, 3 networks each: 18 units
    ran = len(list(marks.iterdir()))
    found = quietly("laptop", tmp_path, COSTED)  # sizes 1 to 6, 10 networks each: 210 units
    assert found.seconds == pytest.approx((420.0, 420.0, 420.0))
    assert (found.cells, found.done) == (6, 0)
    assert "tier smoke" in found.basis and "own cost model" in found.basis
    assert len(list(marks.iterdir())) == ran


def test_results_at_two_tiers_give_a_range_and_the_larger_one_the_middle(tmp_path: Path) -> None:
    larger: Experiment = dataclasses.replace(
        COSTED, tiers={**SQUARES.tiers, "paper": SQUARES.tiers["smoke"]}
    )
    stored_seconds(tmp_path, "smoke", 36.0)  # 2 s for a unit
    stored_seconds(tmp_path, "laptop", 210.0)  # 1 s for a unit
    found = quietly("paper", tmp_path, larger)
    same = read(result_path("toy.squares", "smoke", tmp_path))[1].plan
    assert same and found.seconds == (36.0, 36.0, 36.0)  # the same cells, under another name
    wider = [dataclasses.replace(cell, networks=6) for cell in larger.tiers["smoke"]]
    found = quietly(
        "paper", tmp_path, dataclasses.replace(larger, tiers={**larger.tiers, "paper": wider})
    )
    assert found.seconds == pytest.approx((36.0, 36.0, 72.0))
    assert str(found).startswith(
        "toy.squares (paper): 3 cells, 0 finished; about 36 s of computing remain, "
        "between 36 s and 72 s, from the stored result of tier smoke on "
    )


def test_without_a_cost_model_another_tier_says_nothing(tmp_path: Path) -> None:
    stored_seconds(tmp_path, "smoke", 36.0)
    found = quietly("laptop", tmp_path)
    assert found.seconds is None
    assert "no time is predicted: no cost model compares its tiers; run it with a time limit" in (
        str(found)
    )


def test_seconds_on_a_gpu_say_nothing_about_the_cpu(tmp_path: Path) -> None:
    stored_seconds(tmp_path, "smoke", 36.0, device="cuda:0")
    found = quietly("laptop", tmp_path, COSTED)
    assert found.seconds is None and "nothing is stored that was computed on cpu" in found.basis
    gpu = estimate(COSTED, "laptop", device="cuda", store=tmp_path)
    assert gpu.seconds == pytest.approx((420.0, 420.0, 420.0))


@pytest.mark.usefixtures("clock")
def test_finished_cells_of_the_run_come_first_and_only_the_rest_is_counted(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FAIL", "5")
    monkeypatch.setenv("TOY_PAUSE", "0.05")
    with pytest.raises(CellError):
        run(SQUARES, "laptop", store=tmp_path, progress=False)
    found = quietly("laptop", tmp_path)
    assert (found.cells, found.done) == (6, 4)
    assert found.seconds is not None and 0.1 <= found.seconds.low <= found.seconds.high < 20
    assert found.basis == "4 cells of this run that are finished"


def test_a_complete_result_needs_no_time(tmp_path: Path) -> None:
    run(SQUARES, "smoke", store=tmp_path, progress=False)
    found = quietly("smoke", tmp_path)
    assert (found.cells, found.done, found.seconds) == (3, 3, Prediction(0.0, 0.0, 0.0))
