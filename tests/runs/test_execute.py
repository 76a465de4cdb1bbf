"""Running experiments: every cell once, kept at once, resumed after a kill."""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from toy.experiments import SQUARES, Size, adopt, sizes

from ibcore.runs import CellError, DamagedResultError, Experiment, run
from ibcore.runs.cells import CellFolder
from ibcore.runs.experiment import cell_key, plain_fields
from ibcore.runs.workers import outcomes

HERE = Path(__file__).parent
KEYS = {size: cell_key("toy.squares", Size(size, 3)) for size in (1, 2, 3, 4)}


def computed(marks: Path) -> Counter[int]:
    """Count the computations of each size."""
    return Counter(int(path.name.partition(".")[0]) for path in marks.iterdir())


def kept(store: Path, tier: Any = "smoke") -> set[int]:
    """Return the sizes of the stored cells."""
    folder = CellFolder(SQUARES, tier, store, SQUARES.plan(tier))
    return {cell.cell.size for cell in folder.read_all().values()}


def quiet(store: Path, experiment: Experiment = SQUARES, **options: Any) -> pd.DataFrame:
    return run(experiment, options.pop("tier", "smoke"), store=store, progress=False, **options)


def test_a_run_gathers_all_cells_in_order_with_their_provenance(tmp_path: Path) -> None:
    frame = quiet(tmp_path)
    assert frame["size"].tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert frame["square"].tolist() == [1, 2, 3, 4, 5, 6, 9, 10, 11]
    origin = frame.attrs["provenance"]
    assert origin["experiment"] == "toy.squares" and origin["tier"] == "smoke"
    assert origin["question"] == SQUARES.question
    assert origin["config"] == {"size": [1, 2, 3], "networks": 3}
    assert origin["cells"] == 3 and origin["seeds"] == [7] and origin["cell"] is None
    assert origin["seconds"] >= 0 and origin["date"].endswith("+00:00")
    assert set(origin["versions"]) == {"python", "torch", "numpy", "pandas", "ibcore"}
    assert origin["versions"]["torch"] == torch.__version__
    assert origin["device"] == "cpu" and origin["processor"]
    assert origin["instructions"] == torch.backends.cpu.get_cpu_capability()
    assert len(origin["code"]) == 16
    assert [path.name for path in tmp_path.iterdir()] == ["toy.squares.smoke.parquet"]


def test_cells_of_other_code_are_not_mixed_with_new_ones(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FAIL", "3")
    with monkeypatch.context() as patch, pytest.raises(CellError):
        patch.setattr("ibcore.runs.execute.fingerprint", lambda _: "of yesterday")
        quiet(tmp_path)
    monkeypatch.delenv("TOY_FAIL")
    with pytest.raises(ValueError, match=r"2 of the 2 finished cells.*other code.*--fresh"):
        quiet(tmp_path)
    assert kept(tmp_path) == {1, 2} and computed(marks)[1] == 1
    assert len(quiet(tmp_path, fresh=True)) == 9
    assert computed(marks)[1] == 2


def test_a_complete_result_is_returned_without_computing(tmp_path: Path, marks: Path) -> None:
    first = quiet(tmp_path)
    second = quiet(tmp_path)
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert first.attrs == second.attrs
    assert computed(marks) == {1: 1, 2: 1, 3: 1}
    quiet(tmp_path, fresh=True)
    assert computed(marks) == {1: 2, 2: 2, 3: 2}


def test_the_same_cells_from_a_design_are_the_same_result(tmp_path: Path, marks: Path) -> None:
    first = quiet(tmp_path)
    rows = [plain_fields(cell) for cell in SQUARES.plan("smoke").values()]
    as_design: Experiment = replace(SQUARES, tiers={"smoke": rows})
    pd.testing.assert_frame_equal(first, quiet(tmp_path, as_design), check_exact=True)
    assert computed(marks) == {1: 1, 2: 1, 3: 1}


def test_another_configuration_needs_fresh(tmp_path: Path) -> None:
    quiet(tmp_path)
    other = replace(SQUARES, tiers={"smoke": sizes((1, 2))})
    with pytest.raises(ValueError, match=r"different: size\).*fresh=True"):
        quiet(tmp_path, other)
    assert len(quiet(tmp_path)) == 9
    assert len(quiet(tmp_path, other, fresh=True)) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["toy.squares.smoke.parquet"]


def test_other_cells_of_the_same_levels_need_fresh(tmp_path: Path) -> None:
    three, others = ([Size(1, 3), Size(1, 4), Size(2, last)] for last in (3, 4))
    quiet(tmp_path, replace(SQUARES, tiers={"smoke": three}))
    with pytest.raises(ValueError, match="which of its levels meet"):
        quiet(tmp_path, replace(SQUARES, tiers={"smoke": others}))


@pytest.fixture(scope="module")
def process() -> Iterator[ProcessPoolExecutor]:
    """Return an executor of one process, whose start takes longer than all its cells."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("kind", ["here", "threads", "processes"])
def test_a_failing_cell_is_named_and_the_finished_ones_are_kept(
    tmp_path: Path,
    marks: Path,
    monkeypatch: pytest.MonkeyPatch,
    process: ProcessPoolExecutor,
    kind: str,
) -> None:
    monkeypatch.setenv("TOY_FAIL", "2")
    if kind == "processes":
        process.submit(adopt, dict(os.environ)).result()
    message = r"toy\.squares.*Size\(size=2, networks=3\).*ArithmeticError: 2 is too large"
    with ThreadPoolExecutor(3) as threads, pytest.raises(CellError, match=message) as caught:
        executors = {"here": None, "threads": threads, "processes": process}
        quiet(tmp_path, executor=executors[kind])
    assert isinstance(caught.value.__cause__, ArithmeticError)
    assert not (tmp_path / "toy.squares.smoke.parquet").exists()
    assert 1 in kept(tmp_path) and 2 not in kept(tmp_path)
    before = computed(marks)
    monkeypatch.delenv("TOY_FAIL")
    assert len(quiet(tmp_path)) == 9
    again = computed(marks) - before
    assert again[1] == 0 and again[2] == 1


def test_cells_in_flight_are_collected_before_a_failure_is_raised(tmp_path: Path) -> None:
    failing, finish = threading.Event(), threading.Event()

    def run_cell(cell: Size, device: torch.device) -> pd.DataFrame:
        if cell.size == 1:
            failing.wait(60)
            threading.Timer(0.2, finish.set).start()
            raise ArithmeticError("early")
        failing.set()
        assert finish.wait(60)
        return pd.DataFrame({"size": [cell.size]})

    slow = replace(SQUARES, run_cell=run_cell)
    with ThreadPoolExecutor(2) as pool, pytest.raises(CellError, match="of 3 cells are finished"):
        quiet(tmp_path, slow, executor=pool)
    assert 2 in kept(tmp_path)


@pytest.mark.slow  # as in test_faults
def test_a_worker_that_dies_is_reported_with_experiment_and_cell(tmp_path: Path) -> None:
    dying = replace(SQUARES, run_cell=die)
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        pytest.raises(CellError, match=r"toy\.squares.*Size\(size=1.*BrokenProcessPool"),
    ):
        quiet(tmp_path, dying, executor=pool)


def die(cell: Size, device: torch.device) -> pd.DataFrame:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def test_any_executor_gives_the_frame_of_the_plain_loop(
    tmp_path: Path, process: ProcessPoolExecutor
) -> None:
    plain = quiet(tmp_path / "plain", tier="laptop")
    with ThreadPoolExecutor(3) as pool:
        threads = quiet(tmp_path / "threads", tier="laptop", executor=pool)
    process.submit(adopt, dict(os.environ)).result()
    processes = quiet(tmp_path / "processes", tier="laptop", executor=process)
    for frame in (plain, threads, processes):
        frame.attrs = {}
    pd.testing.assert_frame_equal(plain, threads, check_exact=True)
    pd.testing.assert_frame_equal(plain, processes, check_exact=True)


def test_cells_of_another_configuration_are_reported_and_not_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FAIL", "4")
    other = replace(SQUARES, tiers={"smoke": sizes((1, 4), networks=2)})
    with pytest.raises(CellError):
        quiet(tmp_path, other)
    stale = tmp_path / "toy.squares" / "smoke" / f"{cell_key('toy.squares', Size(1, 2))}.cell"
    content = stale.read_bytes()
    with pytest.warns(UserWarning, match=r"another configuration of toy\.squares \(1\)"):
        frame = quiet(tmp_path)
    assert len(frame) == 9
    assert stale.read_bytes() == content


@pytest.mark.parametrize(
    ("where", "fresh"), [("cell", False), ("gathered", False), ("gathered", True)]
)
def test_a_damaged_file_stops_the_run_and_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, fresh: bool
) -> None:
    if where == "cell":
        monkeypatch.setenv("TOY_FAIL", "3")
        with pytest.raises(CellError):
            quiet(tmp_path)
        path = tmp_path / "toy.squares" / "smoke" / f"{KEYS[2]}.cell"
    else:
        quiet(tmp_path)
        path = tmp_path / "toy.squares.smoke.parquet"
    monkeypatch.delenv("TOY_FAIL", raising=False)
    cut = bytearray(path.read_bytes())
    cut[-20] ^= 1
    path.write_bytes(cut)
    with pytest.raises(DamagedResultError, match="move or delete it, then run again") as caught:
        quiet(tmp_path, fresh=fresh)
    assert str(path) in str(caught.value) and path.read_bytes() == cut
    path.unlink()
    assert len(quiet(tmp_path)) == 9


def test_a_file_in_the_place_of_a_cell_must_be_that_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FAIL", "3")
    with pytest.raises(CellError):
        quiet(tmp_path)
    folder = tmp_path / "toy.squares" / "smoke"
    (folder / f"{KEYS[1]}.cell").rename(folder / f"{KEYS[2]}.cell")
    with pytest.raises(DamagedResultError, match=r"stored cell Size\(size=2.*holds another cell"):
        quiet(tmp_path)


def test_a_fresh_run_that_fails_keeps_the_old_result_and_can_be_continued(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(tmp_path)
    old = (tmp_path / "toy.squares.smoke.parquet").read_bytes()
    monkeypatch.setenv("TOY_FAIL", "3")
    with pytest.raises(CellError):
        quiet(tmp_path, fresh=True)
    assert (tmp_path / "toy.squares" / "smoke" / "replaced.parquet").read_bytes() == old
    monkeypatch.delenv("TOY_FAIL")
    quiet(tmp_path)
    assert computed(marks) == {1: 2, 2: 2, 3: 3}
    assert not (tmp_path / "toy.squares").exists()
    assert (tmp_path / "toy.squares.smoke.parquet").exists()


def test_of_two_runs_of_the_same_cells_the_first_stops_and_the_second_goes_on(
    tmp_path: Path, marks: Path
) -> None:
    second: list[pd.DataFrame] = []

    def run_cell(cell: Size, device: torch.device) -> pd.DataFrame:
        if cell.size == 2 and not second:  # while the first run computes its second cell
            second.append(quiet(tmp_path))
        return SQUARES.run_cell(cell, device)

    first = replace(SQUARES, run_cell=run_cell)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ibcore.runs.execute.fingerprint", lambda _: "the same code")
        with pytest.raises(CellError, match=r"another run of it has begun .*this one stops"):
            quiet(tmp_path, first)
        pd.testing.assert_frame_equal(quiet(tmp_path), second[0], check_exact=True)
    assert computed(marks) == {1: 1, 2: 2, 3: 1}


def test_cells_with_other_columns_are_refused(tmp_path: Path) -> None:
    def run_cell(cell: Size, device: torch.device) -> pd.DataFrame:
        return pd.DataFrame({"odd" if cell.size % 2 else "even": [1]})

    with pytest.raises(ValueError, match=r"Size\(size=2.*the columns \['even'\] differ"):
        quiet(tmp_path, replace(SQUARES, run_cell=run_cell))


def test_a_cell_that_returns_no_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CellError, match="returned NoneType; it must return a pandas DataFrame"):
        quiet(tmp_path, replace(SQUARES, run_cell=lambda cell, device: None))  # type: ignore[arg-type, return-value]


def test_unknown_tiers_devices_and_experiments_are_refused_before_any_work(
    tmp_path: Path, marks: Path
) -> None:
    with pytest.raises(ValueError, match="unknown tier 'huge'"):
        quiet(tmp_path, tier="huge")
    with pytest.raises(ValueError, match="unknown device 'abacus'"):
        quiet(tmp_path, device="abacus")
    with pytest.raises(ValueError, match="unknown experiment"):
        run("toy.nothing", "smoke", store=tmp_path)
    assert not computed(marks) and [path.name for path in tmp_path.iterdir()] == ["marks"]


def test_the_device_reaches_the_cell(tmp_path: Path) -> None:
    def run_cell(cell: Size, device: torch.device) -> pd.DataFrame:
        return pd.DataFrame({"device": [device.type]})

    frame = quiet(tmp_path, replace(SQUARES, run_cell=run_cell), device="cpu")
    assert set(frame["device"]) == {"cpu"}


def test_progress_is_shown_on_standard_error_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(SQUARES, "smoke", store=tmp_path)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "toy.squares (smoke)" in shown.err and "3/3" in shown.err


class Remembering(ThreadPoolExecutor):
    """An executor that can tell which of its futures still live."""

    def __init__(self) -> None:
        super().__init__(1)
        self.made: list[weakref.ref[Future[Any]]] = []

    def submit(self, *args: Any, **options: Any) -> Future[Any]:
        future = super().submit(*args, **options)
        self.made.append(weakref.ref(future))
        return future

    def wait_until_gone(self) -> bool:
        """Return whether no future is left; the thread that made one lets go of it a bit later."""
        deadline = time.monotonic() + 60
        while any(ref() for ref in self.made):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def test_no_future_outlives_its_outcome() -> None:
    # Dask would compute its cell again when the worker is lost that still holds the outcome.
    cells = [(str(size), Size(size, 3)) for size in (1, 2, 3)]
    with Remembering() as pool:
        arrived = outcomes(SQUARES.run_cell, cells, device="cpu", executor=pool, workers=1)
        for _ in arrived:
            assert pool.wait_until_gone()


@pytest.mark.parametrize("ahead", [1, 2])
def test_an_executor_has_so_many_cells_for_each_of_its_workers(ahead: int) -> None:
    taken: list[int] = []

    def cells() -> Iterator[tuple[str, Size]]:
        for size in range(1, 9):
            taken.append(size)
            yield str(size), Size(size, 3)

    with ThreadPoolExecutor(2) as pool:  # it can be asked for its workers
        arrived = outcomes(SQUARES.run_cell, cells(), device="cpu", executor=pool, ahead=ahead)
        held = [len(taken) - done for done, _ in enumerate(arrived)]
    assert held[:4] == [2 * ahead] * 4 and len(held) == 8


def test_the_global_random_state_is_not_touched(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    quiet(tmp_path)
    assert torch.equal(before, torch.random.get_rng_state())


def command(store: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "killable", "run", "toy.squares", "--tier", "laptop"),
        *("--store", str(store), *options),
    ]


def environment(marks: Path, **toy: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])]),
        "TOY_MARKS": str(marks),
        "OMP_NUM_THREADS": "1",
        **toy,
    }


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.slow  # test_faults kills such a command, with workers, at each change
def test_a_killed_command_continues_and_never_repeats_a_finished_cell(
    tmp_path: Path, kill: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks, store = tmp_path / "marks", tmp_path / "store"
    marks.mkdir()
    process = subprocess.Popen(
        command(store), env=environment(marks, TOY_HANG="4"), stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 300
    while not computed(marks)[4] and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(kill)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (-kill if kill == signal.SIGKILL else 128 + kill)
    if kill != signal.SIGKILL:
        assert "the same command continues" in errors and "Traceback" not in errors
    finished = kept(store, "laptop")
    assert finished == {1, 2, 3}
    assert not (store / "toy.squares.laptop.parquet").exists()
    before = computed(marks)
    monkeypatch.setenv("TOY_MARKS", str(marks))
    frame = quiet(store, tier="laptop")
    after = computed(marks)
    assert {size for size in after if after[size] > before[size]} == {1, 2, 3, 4, 5, 6} - finished
    assert all(after[size] == 1 for size in finished)
    assert frame["size"].drop_duplicates().tolist() == [1, 2, 3, 4, 5, 6]
    assert not (store / "toy.squares").exists()


@pytest.mark.slow  # test_faults kills such a command
def test_the_command_runs_in_several_processes(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    done = subprocess.run(
        command(tmp_path / "store", "--executor", "processes:2"),
        env=environment(marks),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert computed(marks) == dict.fromkeys(range(1, 7), 1)


def test_git_state_is_none_outside_a_checkout_and_sees_changes_inside(tmp_path: Path) -> None:
    git_state = import_module("ibcore.runs.store").git_state
    package = tmp_path / "package"
    package.mkdir()
    assert git_state(package) == (None, None)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*git, "init", "-q"], check=True)
    (package / "code.py").write_text("1")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    commit, dirty = git_state(package)
    assert len(commit) == 40 and dirty is False
    (tmp_path / "results.txt").write_text("outside the package")
    assert git_state(package) == (commit, False)
    (package / "code.py").write_text("2")
    assert git_state(package) == (commit, True)
