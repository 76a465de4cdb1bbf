"""The benchmarks: every workload agrees with its peers, and the table says what was measured."""

import json
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
FAMILIES = {"meta": 11, "sampling": 9, "training": 7, "similarity": 2, "complexity": 6}


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


SLOW = dict.fromkeys(("meta", "sampling", "complexity", "training"), pytest.mark.slow)


@pytest.mark.parametrize("family", [pytest.param(f, marks=SLOW.get(f, ())) for f in FAMILIES])
@pytest.mark.filterwarnings("ignore")  # of peers
def test_every_workload_agrees_with_the_plain_variant_at_tiny_size(family):
    works = import_module(f"benchmarks.{family}").workloads("tiny")
    peer = import_module("benchmarks.similarity").PEERS["pytorch-cka"][0]
    same = family == "similarity" and find_spec(peer) is not None  # has a row of its own
    assert len(works) == FAMILIES[family] + same == len({work.name for work in works})
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    frame = import_module("benchmarks.compare").table(works, rounds=1, profiled=False)
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
    run.main(["similarity", "--smoke", "--rounds", "1", "--store", str(tmp_path)])
    kind = torch.backends.cpu.get_cpu_capability()
    data = tmp_path / f"ratios.{kind.lower()}.parquet"
    frame, page = pd.read_parquet(data), data.with_suffix(".md").read_text("utf-8")
    assert page.startswith(f"# Benchmarks with {kind}\n")
    assert set(frame.family) == {"similarity"} and len(frame) >= 2
    for row in frame.itertuples():
        (line,) = [x for x in page.splitlines() if f"{row.workload} | {row.peer} |" in x]
        assert f"| {row.ratio:.2f} | {row.low:.2f} to {row.high:.2f} |" in line
        aimed = not np.isnan(row.target)
        assert ("missed" in line) == (aimed and row.ratio < row.target)
    known = json.loads(pq.read_schema(data).metadata[b"ibcore.benchmarks"])
    assert known["threads"] == 1 and known["versions"]["torch"] == torch.__version__
    out, err = capsys.readouterr()
    assert page in out and err.startswith(f"instructions: {kind}\n")


def test_a_missed_aim_gets_its_reason_from_a_profile_of_both():
    found, a = import_module("benchmarks.compare"), torch.ones(64, 64)
    twice = {"ibcore": lambda: (a @ a) @ a, "fast": lambda: (a @ a) @ a}
    for aim, missed in ((1e9, True), (0.0, False)):
        work = found.Workload("toy", "one", twice, 1e-6, {"fast": aim})
        (row,) = found.measure(work, rounds=1)
        assert bool(row["profile"]) == (missed or row["ratio"] < 1)
        if missed:
            equal = r"take [\d.]+ times as long, in (\d+) operations against \1;"
            assert re.search(equal, row["profile"])
    here = import_module("benchmarks.shares").shares(lambda: torch.relu(a @ a))
    assert 0 < here.activations < here.total and 0 < here.products < here.total


def test_only_what_is_written_in_jax_is_computed_in_jax(monkeypatch):
    meta = import_module("benchmarks.meta")
    monkeypatch.setattr(meta.with_jax, "installed", lambda: True)
    for name in ("lstm", "mlp"):
        monkeypatch.setattr(meta.with_jax, name, lambda *_, name=name: name)
    monkeypatch.setattr(meta.with_jax, "meta_gradient", lambda forward, *_, **__: forward)
    found = {w.name: w.variants.get("JAX, compiled") for w in meta.workloads("tiny")}
    written = {name: forward for name, forward in found.items() if forward}
    written = {name: each for name, each in written.items() if "in a fit" not in name}
    assert written == {"MLP, 1 step": "mlp", "MLP, 5 steps": "mlp", "LSTM, 1 step": "lstm"}


def test_own_times_leave_out_what_an_operation_calls():
    spans = [("matmul", 0.0, 10.0), ("mm", 1.0, 8.0), ("view", 2.0, 3.0), ("relu_", 10.0, 11.0)]
    own = import_module("benchmarks.shares").own_times(spans)
    assert own == {"matmul": 3.0, "mm": 6.0, "view": 1.0, "relu": 1.0}


def slow_ones():
    return (torch.ones(300, 300) @ torch.ones(300, 300))[0, :3] / 300


@pytest.mark.parametrize(
    ("without", "says"),
    [(ones, r"a product: without it the ratio would be \d"), (None, "cause unknown")],
)
def test_a_cause_is_what_closes_the_gap_when_it_is_left_out(without, says):
    found = import_module("benchmarks.compare")
    causes = {"fast": found.Cause("a product", without)} if without else {}
    variants = {"ibcore": slow_ones, "fast": ones}
    work = found.Workload("toy", "one", variants, 1e-6, {"fast": 0.1}, causes=causes)
    (row,) = found.measure(work, rounds=3)
    assert re.fullmatch(f"{says}.*", row["reason"])


def test_a_cause_that_closes_no_gap_stops_the_benchmark():
    found = import_module("benchmarks.compare")
    for without, error, says in (
        (slow_ones, found.RefutedCauseError, "said to be its color; without it the ratio is 0.0"),
        (lambda: 2 * ones(), found.DisagreementError, "without its color it differs by 1.0e"),
    ):
        causes = {"fast": found.Cause("its color", without)}
        variants = {"ibcore": slow_ones, "fast": ones}
        work = found.Workload("toy", "one", variants, 1e-6, {"fast": 1.0}, causes=causes)
        with pytest.raises(error, match=re.escape(says)):
            found.measure(work, rounds=3)


def test_profiles_and_causes_are_numbered_below_the_table():
    run = import_module("benchmarks.run")
    row = {"family": "toy", "workload": "one", "ratio": 0.5, "low": 0.4, "high": 0.6, "error": 0.0}
    row |= {"target": 2.0, "note": "", "profile": "most is products", "reason": "they are equal"}
    ahead = row | {"ratio": 3.0, "peer": "b", "profile": "", "reason": ""}
    does = dict.fromkeys(("gigaflops", "relu_ns", "tanh_ns", "gelu_ns"), 1.0)
    known = {"rounds": 5, "seconds": 60.0, "processor": "x", "date": "2026-01-01", "load": 0.1}
    known |= {
        "calibration": does,
        "instructions": "AVX2",
        "share": 0.5,
        "versions": dict.fromkeys(run.PEERS, "1"),
    }
    rows = [ahead, row | {"peer": "a"}, row | {"peer": "c", "reason": "other"}, row | {"peer": "d"}]
    page = run.markdown(pd.DataFrame(rows), known)
    assert "| a | 0.50 | 0.40 to 0.60 | 0e+00 | 2 (missed) | 1 |" in page
    assert "| b | 3.00 | 0.40 to 0.60 | 0e+00 | 2 |  |" in page
    assert "| d | 0.50 | 0.40 to 0.60 | 0e+00 | 2 (missed) | 2 |" in page
    assert page.count("Toy: they are equal.") == page.count("Toy: other.") == 1
    assert "1. one, a: most is products.\n2. one, d: most is products.\n" in page


def test_a_smoke_run_never_replaces_the_stored_table(capsys):
    with pytest.raises(SystemExit):
        import_module("benchmarks.run").main(["--smoke"])
    assert "name another folder with --store" in capsys.readouterr().err


def test_an_unknown_family_is_refused_by_name(capsys):
    with pytest.raises(SystemExit):
        import_module("benchmarks.run").main(["metta"])
    assert "unknown family metta" in capsys.readouterr().err


def gpu_table(folder, *options):
    import_module("benchmarks.gpu").main(["--out", str(folder), *options])
    frame, page = pd.read_parquet(folder / "gpu.parquet"), (folder / "gpu.md").read_text("utf-8")
    assert not (frame.quantity == "failed").any(), page
    return frame


def test_the_rehearsal_of_the_gpu_runs_every_item_and_agrees_with_itself(tmp_path):
    frame = gpu_table(tmp_path, "--device", "cpu", "--smoke")
    assert set(frame.item) == {
        "agreement",
        "ceiling",
        "sampling",
        "training",
        "meta-gradient",
        "similarity",
        "waiting",
        "precision",
    }
    assert (frame[frame.item == "agreement"].value == 0).all()
    assert (frame[frame.item == "ceiling"].value > 0).all()
    shares = frame[frame.quantity.str.contains("share of")]
    assert len(shares) >= 5 and (shares.value > 0).all()


def test_the_speed_of_a_precision_is_shown_only_if_the_result_stays(monkeypatch):
    items = import_module("benchmarks.gpu_items")
    exact = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert items.moves(exact + 0.5, exact) < 1 < items.moves(exact + 2.0, exact)
    shifts = {torch.float32: 0.0, torch.bfloat16: 2.0}
    method = {name: lambda place, dtype: exact + shifts[dtype] for name in items.METHODS}
    monkeypatch.setattr(items, "METHODS", method)
    rows = items.precision(items.Place(torch.device("cpu"), "tiny"))
    faster = {row["quantity"] for row in rows if row["quantity"].endswith("speed")}
    assert faster == {"Fourier complexity, TF32: speed", "training, TF32: speed"}


def test_a_gpu_run_short_of_time_writes_what_it_leaves_out(tmp_path):
    gpu = import_module("benchmarks.gpu")
    place = gpu.items.Place(torch.device("cpu"), "full")
    page = gpu.run(place, tmp_path, 0.0)
    assert (
        page.count("left out") == len(gpu.ITEMS) == len(pd.read_parquet(tmp_path / "gpu.parquet"))
    )


def test_an_item_that_fails_is_named_and_the_others_go_on(tmp_path, monkeypatch):
    gpu = import_module("benchmarks.gpu")
    row = gpu.items.row("late", "done", 1.0, "")

    def broken(place):
        raise RuntimeError("no memory\nmore")

    monkeypatch.setattr(gpu, "ITEMS", {"first": (broken, 1.0), "late": (lambda place: [row], 1.0)})
    gpu.run(gpu.items.Place(torch.device("cpu"), "tiny"), tmp_path, 9.0)
    frame = pd.read_parquet(tmp_path / "gpu.parquet")
    assert frame.note[0] == "RuntimeError: no memory" and frame.item.tolist() == ["first", "late"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_the_remedy_is_one_line(tmp_path):
    with pytest.raises(SystemExit, match="rehearse with --device cpu --smoke"):
        import_module("benchmarks.gpu").main(["--out", str(tmp_path)])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_every_method_on_a_gpu_agrees_with_the_cpu(tmp_path):
    found = gpu_table(tmp_path, "--smoke")
    exact = found[(found.item == "agreement") & found.quantity.str.endswith("float64")]
    assert len(exact) and (exact.value < 1e-8).all()
