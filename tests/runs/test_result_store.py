"""Results on disk: what is written comes back, and damage is never passed over."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy.experiments import SQUARES

from ibcore.runs import DamagedResultError, Provenance, load, read, run, stored, write
from ibcore.runs.store import merge, write_atomically

store = import_module("ibcore.runs.store")

PROVENANCE = Provenance(
    experiment="toy.squares",
    question="How large is a square?",
    tier="smoke",
    config={"sizes": [1, 2], "networks": 3},
    plan="0123456789abcdef",
    cells=2,
    cell=None,
    seconds=1.5,
    date="2026-01-02T03:04:05+00:00",
    commit="abc",
    dirty=False,
    versions={"python": "3.11.7"},
    device="cpu",
    device_name="a processor",
    processor="a processor",
    seeds=(0, 1),
    instructions="AVX2",
    code="fedcba9876543210",
)
FRAME = pd.DataFrame(
    {
        "kind": ["a", "b", None],
        "value": [1.5, np.nan, -np.inf],
        "count": [1, 2, 3],
        "flag": [True, False, True],
    }
)


def test_a_frame_and_its_provenance_come_back_unchanged(tmp_path: Path) -> None:
    write(FRAME, tmp_path / "new" / "x.parquet", PROVENANCE)
    frame, provenance = read(tmp_path / "new" / "x.parquet")
    assert provenance == PROVENANCE
    assert frame.attrs["provenance"] == PROVENANCE.to_dict()
    frame.attrs = {}
    pd.testing.assert_frame_equal(frame, FRAME, check_exact=True)


def test_the_provenance_is_json_under_our_key_and_the_data_are_zstd(tmp_path: Path) -> None:
    write(FRAME, tmp_path / "x.parquet", PROVENANCE)
    metadata = pq.read_metadata(tmp_path / "x.parquet")
    assert json.loads(metadata.metadata[b"ibcore"]) == PROVENANCE.to_dict()
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_frame_that_was_read_can_be_written_again(tmp_path: Path) -> None:
    write(FRAME, tmp_path / "x.parquet", PROVENANCE)
    frame, _ = read(tmp_path / "x.parquet")
    write(frame, tmp_path / "y.parquet", replace(PROVENANCE, tier="laptop"))
    assert read(tmp_path / "y.parquet")[0].attrs["provenance"]["tier"] == "laptop"
    assert b"provenance" not in pq.read_metadata(tmp_path / "y.parquet").metadata.get(
        b"pandas", b""
    )


def test_results_of_the_first_edition_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {**PROVENANCE.to_dict()}
    del old["instructions"], old["code"]
    monkeypatch.setattr(Provenance, "to_json", lambda _: json.dumps(old))
    write(FRAME, tmp_path / "x.parquet", PROVENANCE)
    assert read(tmp_path / "x.parquet")[1] == replace(PROVENANCE, instructions=None, code=None)


@pytest.mark.parametrize(
    ("cells", "merged"),
    [(("AVX2", "AVX2"), "AVX2"), (("AVX512", "AVX2"), "AVX2, AVX512"), ((None, None), None)],
)
def test_the_instruction_sets_of_all_cells_are_listed(
    cells: tuple[str | None, ...], merged: str | None
) -> None:
    origins = [replace(PROVENANCE, instructions=cell, cell={}) for cell in cells]
    assert merge(origins, [0]).instructions == merged


def test_an_index_that_carries_information_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="reset_index"):
        write(FRAME.set_index("count"), tmp_path / "x.parquet", PROVENANCE)


@pytest.mark.parametrize("keep", [0, 1, 4, 100, -1, -8, -200])
def test_a_truncated_file_is_an_error_that_leaves_it_in_place(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "toy.squares.smoke.parquet"
    write(FRAME, path, PROVENANCE)
    cut = path.read_bytes()[:keep]
    path.write_bytes(cut)
    with pytest.raises(DamagedResultError, match="move or delete it, then run again") as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == cut
    with pytest.raises(DamagedResultError):
        load("toy.squares", store=tmp_path)


def test_a_parquet_file_without_provenance_is_refused(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "x.parquet")
    before = (tmp_path / "x.parquet").read_bytes()
    with pytest.raises(DamagedResultError, match="has no provenance"):
        read(tmp_path / "x.parquet")
    assert (tmp_path / "x.parquet").read_bytes() == before


@pytest.mark.parametrize("text", ["{}", "[]", "not json", '{"experiment": "toy.squares"}'])
def test_provenance_with_other_fields_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(Provenance, "to_json", lambda _: text)
    write(FRAME, tmp_path / "x.parquet", PROVENANCE)
    with pytest.raises(DamagedResultError, match=r"expected fields|Expecting value"):
        read(tmp_path / "x.parquet")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_flipped_bit_anywhere_in_the_file_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("flip") / "x.parquet"
    write(pd.DataFrame({"value": [0.5, 0.25], "text": ["0" * 64, "a"]}), path, PROVENANCE)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(bytes(content))
    with pytest.raises(DamagedResultError):
        read(path)
    assert path.read_bytes() == bytes(content)


def test_load_takes_the_largest_tier_and_names_what_is_missing(tmp_path: Path) -> None:
    for tier in ("smoke", "paper", "laptop"):
        path = tmp_path / f"toy.squares.{tier}.parquet"
        write(FRAME, path, replace(PROVENANCE, tier=tier))
    assert load("toy.squares", store=tmp_path).attrs["provenance"]["tier"] == "paper"
    assert load("toy.squares", "smoke", store=tmp_path).attrs["provenance"]["tier"] == "smoke"
    assert [entry.tier for entry in stored(tmp_path)] == ["smoke", "laptop", "paper"]
    (tmp_path / "toy.squares.laptop.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"stored for it: smoke, paper.*--tier laptop"):
        load("toy.squares", "laptop", store=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"stored there: toy\.squares.*run toy\.cubes"):
        load("toy.cubes", store=tmp_path)
    with pytest.raises(FileNotFoundError, match="nothing is stored"):
        load("toy.cubes", store=tmp_path / "empty")
    with pytest.raises(ValueError, match="unknown tier 'huge'"):
        load("toy.squares", "huge", store=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not of the form"):
        load("../toy.squares", store=tmp_path)


def test_published_results_lie_in_the_checkout_and_else_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "ibcore"
    monkeypatch.setattr(store.ibcore, "__file__", str(package / "__init__.py"))
    assert store.published() == package / "_results"
    (tmp_path / "book" / "results").mkdir(parents=True)
    assert store.published() == tmp_path / "book" / "results"
    write(
        FRAME,
        tmp_path / "book" / "results" / "toy.squares.paper.parquet",
        replace(PROVENANCE, tier="paper"),
    )
    assert len(load("toy.squares")) == 3


def test_the_default_store_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IBCORE_RESULTS", "/somewhere")
    assert store.default_store() == Path("/somewhere")
    monkeypatch.setenv("IBCORE_RESULTS", "~/somewhere")
    assert store.default_store() == Path.home() / "somewhere"
    monkeypatch.delenv("IBCORE_RESULTS")
    assert store.default_store() == Path("ibcore-results")


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_of_the_old_file_is_not_disturbed_by_a_write(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_atomically(path, b"old")
    with path.open("rb") as reader:
        write_atomically(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_a_file_copied_to_another_name_is_not_believed(
    tmp_path: Path, toy_lab: None, marks: Path
) -> None:
    run(SQUARES, "smoke", store=tmp_path, progress=False)
    smoke = tmp_path / "toy.squares.smoke.parquet"
    for wrong in ("toy.squares.laptop.parquet", "toy.other.smoke.parquet"):
        smoke.with_name(wrong).write_bytes(smoke.read_bytes())
    for name, tier in (("toy.squares", "laptop"), ("toy.other", "smoke")):
        with pytest.raises(DamagedResultError, match=r"holds toy\.squares at tier smoke, as its"):
            load(name, tier, store=tmp_path)
    with pytest.raises(DamagedResultError, match="not what its name says"):
        run(SQUARES, "laptop", store=tmp_path, progress=False)
    assert len(load("toy.squares", "smoke", store=tmp_path)) > 0
