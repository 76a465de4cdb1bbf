"""The page on clusters: its scripts are shell, its commands have the options that they use."""

import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from distributed import Client, LocalCluster
from distributed.cli import dask_scheduler, dask_worker

from ibcore.runs import find
from ibcore.runs.cli import AGAIN, app
from ibcore.runs.experiment import LABS
from ibcore.runs.forecast import parse_time

PAGE = (Path(__file__).parents[2] / "book" / "start" / "clusters.md").read_text("utf-8")
HERE, DASK, MPI = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
SCRIPTS = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
RUN = typer.main.get_command(app).commands["run"]
PROGRAMS: dict[str, Any] = {
    "-m ibcore run": RUN,
    "with_dask.py run": RUN,
    "-m mpi4py.futures with_mpi.py run": RUN,
    "dask scheduler": dask_scheduler.main,
    "dask worker": dask_worker.main,
}
COMMANDS = [
    (start, line.partition(start)[2].partition("; do")[0].rstrip(" &"))
    for script in SCRIPTS
    for line in script.replace("\\\n", " ").splitlines()
    for start in PROGRAMS
    if start in line
]
RUNS = [text for start, text in COMMANDS if PROGRAMS[start] is RUN]


def options_of(start: str, text: str) -> dict[str, Any]:
    """Return the options of a command line, without running it; an unknown one raises."""
    return dict(PROGRAMS[start].make_context("page", shlex.split(text)).params)


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_is_shell(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("text", RUNS)
def test_each_run_has_options_and_names_that_exist(text: str) -> None:
    options = options_of("-m ibcore run", text)
    name, limit, workers = (options[key] for key in ("name", "time_limit", "executor"))
    assert name is None or name in LABS or "labs[" in str(name) or find(str(name))
    assert limit is None or parse_time(str(limit)) > 0
    assert workers is None or re.fullmatch(r"processes:\d+", str(workers))


def test_the_exit_status_of_a_stop_is_on_the_page() -> None:
    assert len(RUNS) >= 9
    assert f"exit status is {AGAIN}" in PAGE and PAGE.count(f"-eq {AGAIN} ]") == 2


def test_the_dask_commands_have_the_options_they_use() -> None:
    found = [command for command in COMMANDS if command[0].startswith("dask")]
    assert len(found) == 4
    assert all(options_of(*command)["scheduler_file"] for command in found)


def run_page(code: str, folder: Path, *arguments: str) -> None:
    """Run a block of the page as the file that it becomes, with a store in that folder."""
    (folder / "page.py").write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IBCORE_RESULTS", str(folder))
        patch.setattr(sys, "argv", ["page.py", *arguments])
        runpy.run_path(str(folder / "page.py"), run_name="__main__")


def run_command(code: str, folder: Path) -> None:
    """Run a block that passes its workers to the command line."""
    with pytest.raises(SystemExit) as stopped:
        run_page(code, folder, "run", "redshift.references", "--tier", "smoke")
    assert stopped.value.code == 0


def test_the_python_on_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ibcore.runs.open_executor", lambda spec: ThreadPoolExecutor(2))
    run_page(HERE, tmp_path)
    assert capsys.readouterr().out == "40 rows\n"


@pytest.fixture
def client() -> Iterator[Client]:
    """Return a client of workers that are threads of this process."""
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        LocalCluster(processes=False, **options) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def test_the_command_computes_with_the_workers_of_dask(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    client: Client,
) -> None:
    monkeypatch.setattr("distributed.Client", lambda scheduler_file: client)
    run_command(DASK, tmp_path)
    assert "40 rows from 4 cells" in capsys.readouterr().out


class Ranks(ThreadPoolExecutor):
    """What `run` needs to know of mpi4py, whose workers are the other ranks."""

    num_workers = 3


def test_the_command_computes_with_the_ranks_of_mpi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module: Any = ModuleType("mpi4py.futures")
    module.MPIPoolExecutor = Ranks
    monkeypatch.setitem(sys.modules, "mpi4py", ModuleType("mpi4py"))
    monkeypatch.setitem(sys.modules, "mpi4py.futures", module)
    run_command(MPI, tmp_path)
    assert "40 rows from 4 cells" in capsys.readouterr().out


def test_a_worker_of_mpi_that_imports_the_command_does_not_run_it() -> None:
    assert "main" in runpy.run_module("ibcore", run_name="__worker__")
