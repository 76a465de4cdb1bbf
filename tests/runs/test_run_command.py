"""The command line: what it prints, and its exit status."""

import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import index_experiments
import pytest
import typer
import update_numbers
import yaml
from test_claim_ledger import ENTRY, entry

import ibcore
from ibcore.runs import cli
from ibcore.runs.cli import main

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("toy_lab")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy_lab: None) -> Path:
    """Make an empty checkout, which is also the working folder."""
    (tmp_path / "book" / "results").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    write_ledger(tmp_path, ENTRY)
    (tmp_path / "book" / "experiments.json").write_text(
        index_experiments.text(index_experiments.index())
    )
    monkeypatch.setattr(ibcore, "__file__", str(tmp_path / "ibcore" / "__init__.py"))
    monkeypatch.delenv("IBCORE_RESULTS", raising=False)
    monkeypatch.delenv("IBCORE_TIER", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_ledger(root: Path, *entries: object) -> None:
    (root / "book" / "claims.yml").write_text(yaml.safe_dump(list(entries)))


def ibcore_says(
    capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0
) -> tuple[str, str]:
    """Run a command, check its exit status, and return what it printed."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    shown = capsys.readouterr()
    assert stopped.value.code == status, shown.err
    assert "Traceback" not in shown.err
    return shown.out, shown.err


def publish(capsys: pytest.CaptureFixture[str]) -> None:
    ibcore_says(capsys, "run", "toy.squares", "--tier", "smoke", "--store", "book/results")


def test_run_list_and_status_agree(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    out, _ = ibcore_says(capsys, "status")
    assert out.splitlines()[0].split() == ["toy.squares", "smoke", "0/3", "not", "started"]
    out, err = ibcore_says(capsys, "run", "toy", "--tier", "smoke")
    assert "toy.squares (smoke): 9 rows from 3 cells" in out and "3/3" in err
    assert (root / "ibcore-results" / "toy.squares.smoke.parquet").exists()
    out, _ = ibcore_says(capsys, "status", "--lab", "toy")
    assert out.splitlines()[0].split() == ["toy.squares", "smoke", "3/3", "stored"]
    assert out.splitlines()[1].split() == ["toy.squares", "laptop", "0/6", "not", "started"]
    publish(capsys)
    out, _ = ibcore_says(capsys, "list")
    assert "How large is a square?" in out
    assert "smoke        3 cells  published, stored" in out
    assert out.splitlines()[-1].split() == ["laptop", "6", "cells"]


@pytest.mark.filterwarnings("default")
def test_a_result_of_other_code_is_told_by_status_and_by_run(
    capsys: pytest.CaptureFixture[str], root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("run", "toy.squares", "--tier", "smoke")
    with monkeypatch.context() as patch:
        patch.setattr("ibcore.runs.execute.fingerprint", lambda _: "of yesterday")
        ibcore_says(capsys, *command)
    out, _ = ibcore_says(capsys, "status")
    assert out.splitlines()[0].endswith("3/3     stored, older than its code")
    _, err = ibcore_says(capsys, *command)
    assert "is older than the code that computes it" in err and "--fresh" in err
    ibcore_says(capsys, *command, "--fresh")
    assert ibcore_says(capsys, *command)[1] == ""
    assert ibcore_says(capsys, "status")[0].splitlines()[0].endswith("3/3     stored")


def test_status_counts_the_cells_of_an_unfinished_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_FAIL", "3")
    _, err = ibcore_says(capsys, "run", "toy.squares", "--tier", "smoke", status=2)
    assert err.splitlines()[-1].startswith("error: experiment 'toy.squares', tier 'smoke', cell")
    out, _ = ibcore_says(capsys, "status")
    assert out.splitlines()[0].split() == ["toy.squares", "smoke", "2/3", "unfinished"]


def test_the_tier_defaults_to_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IBCORE_TIER", "smoke")
    out, _ = ibcore_says(capsys, "run", "toy.squares")
    assert "toy.squares (smoke)" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "toy.sqares"), "unknown experiment 'toy.sqares'; did you mean toy.squares?"),
        (("run", "toy.squares", "--tier", "huge"), "unknown tier 'huge'"),
        (("run", "toy.squares", "--tier", "paper"), "has no tier 'paper'"),
        (("run", "toy.squares", "--executor", "dask:x"), "is not of the form processes:N"),
        (("run", "toy.squares", "--device", "abacus"), "unknown device 'abacus'"),
        (("list", "--lab", "tooy"), "unknown laboratory 'tooy'"),
        (("run", "toy.squares", "--store", ""), "--store is empty; name a file or folder"),
        (("status", "--store", ""), "--store is empty; name a file or folder"),
        (("list", "--store", "/dev/null"), "--store names /dev/null, which is a file"),
        (("status", "--lab", "tooy"), "unknown laboratory 'tooy'"),
        (("claims", "list", "--lab", "tooy"), "unknown laboratory 'tooy'"),
        (("claims", "check"), "python -m ibcore run toy.squares --tier smoke"),
        (("claims", "check", "--lab", "tooy"), "unknown laboratory 'tooy'"),
    ],
)
def test_an_error_of_the_user_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    out, err = ibcore_says(capsys, *arguments, status=2)
    assert out == "" and len(err.splitlines()) == 1
    assert err.startswith("error: ") and message in err


def test_a_damaged_result_is_one_line_and_stays(
    capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    path = root / "ibcore-results" / "toy.squares.smoke.parquet"
    path.parent.mkdir()
    path.write_bytes(b"PAR1 is not enough")
    _, err = ibcore_says(capsys, "run", "toy.squares", "--tier", "smoke", status=2)
    assert "move or delete it, then run again" in err and len(err.splitlines()) == 1
    assert path.read_bytes() == b"PAR1 is not enough"


@pytest.mark.filterwarnings("default")
def test_stale_cells_are_one_line_of_warning(
    capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    folder = root / "ibcore-results" / "toy.squares" / "smoke"
    folder.mkdir(parents=True)
    (folder / "0123456789abcdef.cell").write_bytes(b"of another configuration")
    _, err = ibcore_says(capsys, "run", "toy.squares", "--tier", "smoke")
    (line,) = [line for line in err.splitlines() if line.startswith("warning: ")]
    assert "cells of another configuration of toy.squares (1)" in line


def test_claims_that_hold_pass_and_one_that_fails_is_status_1(
    capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    publish(capsys)
    out, _ = ibcore_says(capsys, "claims", "check")
    assert out.startswith("pass  toy.squares-grow  5.67 [") and "1 of 1 claims hold" in out
    write_ledger(root, ENTRY, entry(id="toy.wrong", expect={"above": 100}))
    out, _ = ibcore_says(capsys, "claims", "check", status=1)
    assert "FAIL  toy.wrong  5.67" in out and "1 of 2 claims hold" in out
    assert "expected above 100" in out
    out, _ = ibcore_says(capsys, "claims", "check", "--fresh", "--tier", "smoke", status=1)
    assert "FAIL  toy.wrong" in out
    out, _ = ibcore_says(capsys, "claims", "list")
    assert "toy.wrong  [smoke; agrees]" in out


def test_fill_updates_the_book_and_check_finds_what_is_stale(
    capsys: pytest.CaptureFixture[str], root: Path
) -> None:
    publish(capsys)
    page, built = root / "book" / "part" / "page.md", root / "book" / "_build" / "page.md"
    for path in (page, built):
        path.parent.mkdir()
        path.write_text("It is [0](claim:toy.squares-grow).\n")
    assert update_numbers.main(["--check"]) == 1
    out = capsys.readouterr().out
    assert "page.md: toy.squares-grow prints '0', the ledger says '5.67'" in out
    assert "1 numbers are stale" in out and "[0]" in page.read_text()
    assert update_numbers.main([]) == 0
    assert page.read_text() == "It is [5.67](claim:toy.squares-grow).\n"
    assert "[0]" in built.read_text()
    assert update_numbers.main(["--check", str(page)]) == 0
    assert "0 numbers are stale" in capsys.readouterr().out
    page.write_text("[0](claim:toy.squares-shrink)")
    assert update_numbers.main([]) == 2
    err = capsys.readouterr().err
    assert f"{page}: unknown claim 'toy.squares-shrink'; did you mean toy.squares-grow?" in err


def test_an_executor_that_was_opened_in_python_computes_the_cells(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Counting(ThreadPoolExecutor):
        calls = 0

        def submit(self, *call: Any, **options: Any) -> Future[Any]:
            self.calls += 1
            return super().submit(*call, **options)

    with Counting(2) as workers, pytest.raises(SystemExit) as stopped:
        main(("run", "toy.squares", "--tier", "smoke"), executor=workers)
    assert (stopped.value.code, workers.calls) == (0, 3)
    assert "9 rows from 3 cells" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"]])
def test_help_and_list_load_neither_torch_nor_pandas(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom ibcore.runs.cli import main\n"
        f"try:\n    main({arguments})\nexcept SystemExit as done:\n    assert not done.code\n"
        "heavy = {'torch', 'pandas', 'numpy', 'pyarrow', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert arguments != ["list"] or "redshift.activations" in done.stdout


@pytest.mark.parametrize(("asked", "status", "word"), [
    (signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted"),
])  # fmt: skip
def test_the_end_that_a_cluster_asks_for_is_one_line(
    asked: signal.Signals,
    status: int,
    word: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # What starts in the background inherits that Ctrl-C is ignored, and the command leaves it so.
    inherited = signal.signal(asked, signal.default_int_handler)
    with pytest.raises(typer.Exit) as ended, cli._interruptible(tmp_path):
        signal.raise_signal(asked)
    assert signal.signal(asked, inherited) is signal.default_int_handler
    assert ended.value.exit_code == status
    assert f"{word}; finished cells are kept in {tmp_path}, the same" in capsys.readouterr().err
