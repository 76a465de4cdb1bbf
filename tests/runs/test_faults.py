"""What goes wrong on clusters: nothing finished is lost or repeated, and errors name the cell."""

import contextlib
import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import dask
import pandas as pd
import psutil
import pytest
from distributed import Client, LocalCluster
from toy.experiments import SQUARES

import ibcore
from ibcore.runs import CellError, DamagedResultError, open_executor, run
from ibcore.runs.cells import CellFolder

HERE = Path(__file__).parent
PLAN = SQUARES.plan("laptop")


def computed(marks: Path) -> Counter[int]:
    return Counter(int(path.name.partition(".")[0]) for path in marks.glob("[0-9]*"))


def laptop(store: Path, **options: Any) -> pd.DataFrame:
    return run(SQUARES, "laptop", store=store, progress=False, **options)


def folder(store: Path) -> CellFolder:
    return CellFolder(SQUARES, "laptop", store, PLAN)


def kept(store: Path) -> set[int]:
    return {cell.cell.size for cell in folder(store).read_all().values()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Return the result of a run in which nothing goes wrong."""
    return laptop(tmp_path_factory.mktemp("undisturbed"))


def same_rows(frame: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(
        frame.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True
    )


def assert_resumes(store: Path, marks: Path, undisturbed: pd.DataFrame) -> None:
    """Run again: the cells that were kept are not computed, and the result is the same."""
    finished, before = kept(store), computed(marks)
    frame = laptop(store)
    assert set(computed(marks) - before) == set(range(1, 7)) - finished
    same_rows(frame, undisturbed)


def test_a_killed_worker_leaves_the_finished_cells_and_the_names_of_those_in_flight(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: pd.DataFrame
) -> None:
    monkeypatch.setenv("TOY_KILL", "5:6:1")
    message = (
        r"a worker died while these cells were computed: Size\(size=5, networks=10\), "
        r"Size\(size=6, networks=10\) \(BrokenProcessPool.*4 of 6 cells are finished and kept"
    )
    with open_executor("processes:2") as pool, pytest.raises(CellError, match=message):
        laptop(tmp_path, executor=pool)
    monkeypatch.delenv("TOY_KILL")
    assert kept(tmp_path) == {1, 2, 3, 4}
    assert_resumes(tmp_path, marks, undisturbed)


def test_the_workers_of_a_killed_driver_end_and_what_they_finished_is_kept(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: pd.DataFrame
) -> None:
    monkeypatch.setenv("TOY_HANG", "3 4 5 6")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))
    command = [sys.executable, "-m", "killable", "run", "toy.squares", "--tier", "laptop"]
    options = ["--store", str(tmp_path / "store"), "--executor", "processes:2"]
    with subprocess.Popen(
        [*command, *options], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as driver:
        deadline = time.monotonic() + 300
        while len(folder(tmp_path / "store").finished()) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        workers = psutil.Process(driver.pid).children(recursive=True)
        driver.send_signal(signal.SIGKILL)
    assert len(workers) >= 2
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    monkeypatch.delenv("TOY_HANG")
    assert kept(tmp_path / "store") == {1, 2}
    assert_resumes(tmp_path / "store", marks, undisturbed)


def touch_when_stored(count: int, store: Path, signal_file: Path) -> None:
    deadline = time.monotonic() + 120
    while len(folder(store).finished()) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    signal_file.touch()


@pytest.mark.slow
def test_the_cell_of_a_lost_dask_worker_moves_on_and_is_named_when_it_loses_another(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: pd.DataFrame
) -> None:
    monkeypatch.setenv("TOY_KILL", "6:go:2")  # waits for "go": all others are stored
    others = Thread(target=touch_when_stored, args=(5, tmp_path, marks / "go.now"), daemon=True)
    message = r"cell Size\(size=6, .* failed with KilledWorker.*5 of 6 cells are finished and kept"
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
        client.get_executor(pure=False) as pool,
    ):
        others.start()
        with pytest.raises(CellError, match=message):
            laptop(tmp_path, executor=pool)
        assert computed(marks) == {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 2}
        frame = laptop(tmp_path, executor=pool)
    assert computed(marks) == {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 3}
    same_rows(frame, undisturbed)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.EACCES, "may not write there; choose another folder"),
        (errno.EROFS, "can only be read; choose another folder"),
        (errno.ENOSPC, "make room there, or choose another folder"),
        (errno.ENOTDIR, "a file is in the place of a folder; choose another"),
        (errno.EIO, r"\); choose another folder with store="),
    ],
)
def test_a_store_that_cannot_be_written_is_noticed_before_the_first_cell(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch, code: int, advice: str
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("ibcore.runs.store.tempfile.TemporaryFile", refuse)
    message = rf"{tmp_path / 'new'} \({os.strerror(code)}.*{advice}"
    with pytest.raises(OSError, match=message):
        laptop(tmp_path / "new")
    assert not computed(marks)


def test_a_file_in_the_place_of_the_store_is_one_clear_error(tmp_path: Path, marks: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file, which is a file; name a folder"):
        laptop(tmp_path / "file")
    with pytest.raises(NotADirectoryError, match="a file is in the place of a folder"):
        laptop(tmp_path / "file" / "results")
    assert not computed(marks)


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a small disk of its own; skipped without the right to mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [shutil.which("mount"), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if command[0] is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def leave_free(disk: Path, free: int) -> Path:
    """Fill a disk with one file, and return it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(bytes(4096)):
            pass
    os.truncate(ballast, ballast.stat().st_size - free)
    return ballast


@pytest.mark.parametrize("short", [True, False])
def test_a_full_disk_names_the_cell_and_the_run_continues_when_there_is_room(
    full_disk: Path,
    marks: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: pd.DataFrame,
    short: bool,
) -> None:
    monkeypatch.setattr("ibcore.runs.cells._LONG", 1.0 if short else 0.0)
    ballast = leave_free(full_disk, 20 * 1024)
    message = r"the cell Size\(size=[2-5].* is finished but could not be stored.*No space left"
    with pytest.raises(CellError, match=message) as caught:
        laptop(full_disk)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert len(kept(full_disk)) == len(computed(marks)) - 1 > 0
    ballast.unlink()
    assert_resumes(full_disk, marks, undisturbed)


def test_a_write_that_fails_halfway_leaves_the_cells_before_it(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: pd.DataFrame
) -> None:
    def full(path: Path, data: bytes, **_: object) -> None:
        if len(list(path.parent.glob("*.cell"))) == 2:
            (path.parent / ".half.tmp").write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    with monkeypatch.context() as patch:
        patch.setattr("ibcore.runs.cells.write_atomically", full)
        message = r"the cell Size\(size=3.*No space left.*2 of 6 cells are finished and kept"
        with pytest.raises(CellError, match=message):
            laptop(tmp_path)
    assert_resumes(tmp_path, marks, undisturbed)
    assert [path.name for path in tmp_path.iterdir() if path != marks] == [
        "toy.squares.laptop.parquet"
    ]


def stop_after(size: int, store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Store the cells up to ``size`` and return the file that holds the last one."""
    monkeypatch.setenv("TOY_FAIL", str(size + 1))
    with pytest.raises(CellError):
        laptop(store)
    monkeypatch.delenv("TOY_FAIL")
    return folder(store).folder / f"{list(PLAN)[size - 1]}.cell"


def test_a_damaged_cell_stops_the_run_with_its_name_and_a_remedy_that_works(
    tmp_path: Path, marks: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: pd.DataFrame
) -> None:
    path = stop_after(3, tmp_path, monkeypatch)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    message = rf"stored cell Size\(size=3, networks=10\).*{path.name}.*move or delete it"
    with pytest.raises(DamagedResultError, match=message):
        laptop(tmp_path)
    assert path.read_bytes() == data
    path.unlink()
    assert_resumes(tmp_path, marks, undisturbed)


@pytest.mark.filterwarnings("ignore:.*was cut short")  # a size that points behind the end
def test_every_changed_byte_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stop_after(2, tmp_path, monkeypatch)
    data = path.read_bytes()
    for position in range(0, len(data), 7):
        changed = bytearray(data)
        changed[position] ^= 4
        path.write_bytes(changed)
        with contextlib.suppress(DamagedResultError):
            assert kept(tmp_path) == {1}


@pytest.mark.parametrize("size", [-10, 0, 20, 70])
def test_a_cell_cut_short_by_a_crash_is_computed_again_with_a_warning(
    tmp_path: Path,
    marks: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: pd.DataFrame,
    size: int,
) -> None:
    path = stop_after(3, tmp_path, monkeypatch)
    path.write_bytes(path.read_bytes()[:size])
    before = computed(marks)
    with pytest.warns(UserWarning, match="was cut short while it was written"):
        frame = laptop(tmp_path)
    assert set(computed(marks) - before) == {3, 4, 5, 6}
    assert len(frame) == len(undisturbed)


def test_what_opens_workers_while_a_worker_imports_it_is_told_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    with pytest.raises(RuntimeError, match="put what runs under the line  if __name__ == '__main_"):
        open_executor("processes:1")


@pytest.mark.slow  # two interpreters import torch; above, this one pretends
def test_a_script_without_a_main_guard_is_told_what_it_lacks(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    lines = ("with open_executor('processes:1') as pool:", "    pool.submit(abs, -2).result()")
    script.write_text("\n".join(("from ibcore.runs import open_executor", *lines)))
    path = {**os.environ, "PYTHONPATH": str(Path(ibcore.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(script)], env=path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "put what runs under the line  if __name__ == '__main__':" in done.stderr
