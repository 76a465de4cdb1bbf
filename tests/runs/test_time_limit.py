"""Slices of a run: each ends in time and goes on where the last one stopped."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from toy.experiments import SQUARES

from ibcore.runs import TimeLimitError, run
from ibcore.runs.forecast import CostModel, Measurement, TimeLimit, parse_time

CELLS = list(SQUARES.plan("laptop").items())


@dataclass(frozen=True)
class Sized:
    """A cell with a size."""

    size: int


def measured(**seconds: float) -> list[Measurement]:
    """Return measurements of the cells s1 to s6."""
    return [
        Measurement({"size": int(name[1:]), "networks": 10}, taken)
        for name, taken in seconds.items()
    ]


@pytest.mark.usefixtures("clock")
def test_a_run_cut_into_slices_gives_the_table_of_one_run(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(SQUARES, "laptop", store=tmp_path / "whole", progress=False)
    for mark in marks.iterdir():
        mark.unlink()
    monkeypatch.setenv("TOY_PAUSE", "0.3")
    slices, frame = [], None
    while frame is None and len(slices) < 4:
        before = len(list(marks.iterdir()))
        try:
            frame = run(SQUARES, "laptop", store=tmp_path, time_limit=1.0, progress=False)
        except TimeLimitError as stop:
            assert "6 cells are finished and kept" in str(stop)
        slices.append(len(list(marks.iterdir())) - before)
    assert frame is not None and slices == [3, 3]
    assert set(Counter(path.name[0] for path in marks.iterdir()).values()) == {1}
    pd.testing.assert_frame_equal(
        frame.reset_index(drop=True), whole.reset_index(drop=True), check_exact=True
    )


def test_a_cell_that_would_end_late_is_left_out_and_a_shorter_one_is_not() -> None:
    limit = TimeLimit(100.0, measured(s1=5.0, s2=200.0))
    admitted = [cell.size for _, cell in limit.admit(CELLS[:2])]
    assert admitted == [1]
    assert limit.needed is None  # something started, so that repeating is of use


def test_before_anything_is_measured_a_cell_may_start_while_there_is_time() -> None:
    assert len(list(TimeLimit(100.0).admit(CELLS))) == 6
    assert not list(TimeLimit(0.0).admit(CELLS))


def test_where_no_cell_fits_the_time_of_the_shortest_is_told() -> None:
    limit = TimeLimit(100.0, measured(s1=300.0, s2=200.0))
    assert not list(limit.admit(CELLS[:2]))
    assert limit.needed == 200.0


def test_with_a_cost_model_a_cell_is_as_slow_as_those_of_nearly_its_cost() -> None:
    limit = TimeLimit(100.0, cost=lambda cell: cell.size**2)
    limit.learn(Sized(1), 5.0)  # 5 s for each unit: most of it is setting up
    limit.learn(Sized(8), 64.0)
    sizes = {str(size): Sized(size) for size in (4, 5, 9, 11)}
    assert [cell.size for _, cell in limit.admit(sizes.items())] == [4, 9]
    assert limit.needed is None
    late = TimeLimit(100.0, [Measurement({}, 64.0, 64.0)], cost=lambda cell: cell.size**2)
    assert not list(late.admit([("11", Sized(11))]))
    assert late.needed == 121.0


def test_a_cost_that_is_not_positive_is_refused() -> None:
    limit = TimeLimit(100.0, cost=lambda cell: cell.size)
    with pytest.raises(ValueError, match="gives 0 for the cell"):
        limit.learn(Sized(0), 1.0)


def test_the_declared_work_decides_what_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def cost(cell: Any) -> float:
        asked.append(cell)
        return 1.0

    model = CostModel(cost, "a model of its own")
    monkeypatch.setattr("ibcore.runs.execute.cost_model", lambda experiment: model)
    run(SQUARES, "laptop", store=tmp_path / "a", progress=False)
    assert not asked  # no limit, nothing to predict
    run(SQUARES, "laptop", store=tmp_path / "b", time_limit=60.0, progress=False)
    assert asked


@pytest.mark.parametrize("text", ["", "9", "9 minutes", "0s", "-5m", "1e3s"])
def test_a_time_that_cannot_be_read_is_refused_with_the_forms_that_can(text: str) -> None:
    with pytest.raises(ValueError, match=r"540s, 9m or 1\.5h"):
        parse_time(text)
