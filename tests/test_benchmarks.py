"""The benchmarks: every workload agrees with its peers, and the table says what was measured."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
FAMILIES = {"meta": 8, "sampling": 6, "training": 5, "similarity": 2, "complexity": 3}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Put the root on the path, and repeat nothing for the sake of the clock."""
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr(import_module("benchmarks.compare"), "LEAST_SECONDS", 0.0)


def workload(**variants):
    found = import_module("benchmarks.compare")
    return found.Workload("toy", "one", variants, 1e-6, {"slow": 2.5})


def ones():
    return torch.ones(3)


SLOW = {"complexity": pytest.mark.slow}  # its peer compiles


@pytest.mark.parametrize("family", [pytest.param(f, marks=SLOW.get(f, ())) for f in FAMILIES])
@pytest.mark.filterwarnings("ignore")  # of peers
def test_every_workload_agrees_with_the_plain_variant_at_tiny_size(family):
    works = import_module(f"benchmarks.{family}").workloads("tiny")
    assert len(works) == FAMILIES[family] == len({work.name for work in works})
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    frame = import_module("benchmarks.compare").table(works, rounds=1)
    assert (frame.error <= frame.tolerance).all()
    assert np.isfinite(frame.ratio).all() and (frame.ratio > 0).all()
    assert set(frame.workload) == {work.name for work in works}
    assert torch.equal(torch.get_rng_state(), state) and torch.get_num_threads() == threads


def test_full_size_is_the_same_list_with_larger_numbers():
    for family, count in FAMILIES.items():
        if family != "sampling":  # which draws hundreds of networks
            works = import_module(f"benchmarks.{family}").workloads("full")
            assert len(works) >= count


@pytest.mark.parametrize(
    "wrong", [lambda: 1.01 * torch.ones(3), lambda: torch.ones(2), lambda: torch.tensor(torch.nan)]
)
def test_a_variant_with_another_result_is_never_timed(wrong):
    found = import_module("benchmarks.compare")
    with pytest.raises(found.DisagreementError, match="toy, one: other differs from ibcore"):
        found.measure(workload(ibcore=ones, loop=ones, other=wrong), rounds=1)


@pytest.mark.parametrize("module", ["meta", "training"])
def test_a_mistake_in_a_real_variant_is_found(module, monkeypatch):
    family = import_module(f"benchmarks.{module}")
    right = family.loop
    monkeypatch.setattr(family, "loop", lambda *options: 1.1 * right(*options))
    first = family.workloads("tiny")[:1]
    found = import_module("benchmarks.compare")
    with pytest.raises(found.DisagreementError, match="loop differs"):
        found.table(first, rounds=1)


def test_ratios_are_medians_over_rounds_of_alternating_variants(monkeypatch):
    found, clock, order = import_module("benchmarks.compare"), [0.0], []
    costs = {"ibcore": [2.0] * 9, "slow": [6.0] * 4 + [4.0, 6.0, 10.0] + [6.0] * 9}

    def variant(name):
        def run():
            order.append(name)
            clock[0] += costs[name].pop(0)
            return torch.ones(1)

        return run

    monkeypatch.setattr(found.time, "process_time", lambda: clock[0])
    (row,) = found.measure(workload(ibcore=variant("ibcore"), slow=variant("slow")), rounds=5)
    assert (row["ratio"], row["low"], row["high"]) == (3.0, 2.0, 5.0)
    assert (row["peer"], row["rounds"], row["target"]) == ("slow", 5, 2.5)
    assert order[-10:] == ["ibcore", "slow", "slow", "ibcore"] * 2 + ["ibcore", "slow"]


def test_the_command_writes_one_table_as_a_page_and_as_data(tmp_path, capsys):
    run = import_module("benchmarks.run")
    run.main(["complexity", "--size", "tiny", "--rounds", "1", "--store", str(tmp_path)])
    data = tmp_path / "ratios.parquet"
    frame, page = pd.read_parquet(data), (tmp_path / "ratios.md").read_text("utf-8")
    assert set(frame.family) == {"complexity"} and len(frame) >= 5
    for row in frame.itertuples():
        (line,) = [x for x in page.splitlines() if f"{row.workload} | {row.peer} |" in x]
        assert f"| {row.ratio:.2f} | {row.low:.2f} to {row.high:.2f} |" in line
        aimed = not np.isnan(row.target)
        assert ("missed" in line) == (aimed and row.ratio < row.target)
    known = json.loads(pq.read_schema(data).metadata[b"ibcore.benchmarks"])
    assert known["threads"] == 1 and known["versions"]["torch"] == torch.__version__
    assert page in capsys.readouterr().out


def test_an_unknown_family_is_refused_by_name(capsys):
    with pytest.raises(SystemExit):
        import_module("benchmarks.run").main(["metta"])
    assert "unknown family metta" in capsys.readouterr().err
