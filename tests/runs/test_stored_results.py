"""The table of stored results says of each file what the file says of itself."""

import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from stored_results import measurements
from toy.experiments import SQUARES

from ibcore.plots import caption
from ibcore.runs import DamagedResultError, experiments, load, read, run, store, write


def test_each_stored_result_is_one_row_with_its_own_provenance(tmp_path: Path) -> None:
    before = pd.Timestamp.now("UTC").floor("s")
    made = run(SQUARES, "laptop", store=tmp_path, progress=False).attrs["provenance"]
    run(SQUARES, "smoke", store=tmp_path, progress=False)
    table = measurements(tmp_path)
    assert table["tier"].tolist() == ["smoke", "laptop"]
    assert table["cells"].tolist() == [3, 6]
    row = table.iloc[1]
    assert (row.lab, row.experiment, row.seeds, row.device) == ("toy", "toy.squares", 1, "cpu")
    assert before <= row.date <= pd.Timestamp.now("UTC")
    assert [row[name] for name in ("dirty", "seconds", "commit", "device_name")] == [
        made[name] for name in ("dirty", "seconds", "commit", "device_name")
    ]


@pytest.mark.usefixtures("toy_lab")
def test_what_speaks_against_a_result_is_said(tmp_path: Path) -> None:
    (toy,) = experiments()
    run(toy, "smoke", store=tmp_path, progress=False)
    path = tmp_path / "toy.squares.smoke.parquet"
    frame, origin = read(path)
    frame.attrs = {}
    said = {
        "": {"dirty": False},
        "older than its code": {"dirty": False, "code": "another"},
        "code not recorded": {"dirty": None, "code": None},
        "another configuration than today's": {"dirty": False, "plan": "another"},
        "no such experiment today": {"dirty": False, "tier": "paper"},
        "older than its code, package changed since its commit": {"dirty": True, "code": "another"},
    }
    for doubts, changes in said.items():
        write(frame, path, replace(origin, **changes))
        assert measurements(tmp_path)["doubts"].tolist() == [doubts]


@pytest.mark.usefixtures("toy_lab")
def test_a_loaded_result_of_other_code_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (toy,) = experiments()
    run(toy, "smoke", store=tmp_path, progress=False)
    assert load(toy.name, store=tmp_path).attrs["doubt"] is None
    path = tmp_path / "toy.squares.smoke.parquet"
    frame, origin = read(path)
    write(frame, path, replace(origin, code="another"))
    with pytest.warns(
        UserWarning, match=r"older than its code\); compute it again with: .*--fresh"
    ):
        load(toy.name, store=tmp_path)
    monkeypatch.setattr(store, "published", lambda: tmp_path)
    assert caption(load(toy.name)).endswith(f"{origin.date[:10]}, older than its code.")


def test_a_result_that_no_laboratory_lists_is_compared_with_nothing(tmp_path: Path) -> None:
    run(SQUARES, "smoke", store=tmp_path, progress=False)
    assert load("toy.squares", store=tmp_path).attrs["doubt"] is None


def test_an_empty_folder_is_an_empty_table_with_the_same_columns(tmp_path: Path) -> None:
    table = measurements(tmp_path)
    assert len(table) == 0
    assert list(table)[:7] == ["lab", "experiment", "tier", "seeds", "device", "date", "dirty"]


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "toy.squares.smoke.parquet").write_bytes(os.urandom(64))
    with pytest.raises(DamagedResultError, match=r"toy\.squares\.smoke\.parquet is damaged"):
        measurements(tmp_path)
