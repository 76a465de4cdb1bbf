"""The page on clusters: its scripts are shell, its commands have the options that they use."""

import re
import runpy
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import typer
from distributed.cli import dask_scheduler, dask_worker

from ibcore.runs import find
from ibcore.runs.cli import AGAIN, app
from ibcore.runs.executors import FORMS
from ibcore.runs.experiment import LABS
from ibcore.runs.limits import parse_time

PAGE = (Path(__file__).parents[2] / "book" / "start" / "clusters.md").read_text("utf-8")
SCRIPTS = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
PROGRAMS: dict[str, Any] = {
    "-m ibcore run": typer.main.get_command(app).commands["run"],
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
RUNS = [text for start, text in COMMANDS if start == "-m ibcore run"]


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
    forms = re.compile(r"processes:\d+|dask:local:\d+|dask:tcp://\S+|dask:\S+\.json|mpi")
    assert workers is None or forms.fullmatch(str(workers))


def test_every_form_of_workers_is_on_the_page() -> None:
    assert len(RUNS) >= 10
    assert all(form.partition(":")[0] in PAGE for form in re.split(", | or ", FORMS))
    assert f"exit status is {AGAIN}" in PAGE and PAGE.count(f"-eq {AGAIN} ]") == 2


def test_the_dask_commands_have_the_options_they_use() -> None:
    found = [command for command in COMMANDS if command[0].startswith("dask")]
    assert len(found) == 4
    assert all(options_of(*command)["scheduler_file"] for command in found)


def test_the_python_on_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    monkeypatch.setenv("IBCORE_RESULTS", str(tmp_path))
    monkeypatch.setattr("ibcore.runs.open_executor", lambda spec: ThreadPoolExecutor(2))
    (tmp_path / "page.py").write_text(code)
    runpy.run_path(str(tmp_path / "page.py"), run_name="__main__")
    assert capsys.readouterr().out == "40 rows\n"


def test_a_worker_of_mpi_that_imports_the_command_does_not_run_it() -> None:
    assert "main" in runpy.run_module("ibcore", run_name="__worker__")
