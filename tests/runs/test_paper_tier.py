"""The paper tier of many experiments: declared values, predicted minutes, and the command."""

import dataclasses
import errno
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from test_run_command import ibcore_says
from toy.experiments import SQUARES, sizes

import ibcore
from ibcore.runs import CellError, estimate, experiments
from ibcore.runs.experiment import Experiment
from ibcore.runs.forecast import cost_model, in_order, read_priorities

TIERS = {"smoke": sizes((1, 2)), "paper": sizes((1, 2), networks=60)}
LONG, SHORT, UNKNOWN = (
    dataclasses.replace(SQUARES, name=f"toy.{name}", tiers=TIERS)
    for name in ("long", "short", "unknown")
)
ENTRIES = [
    {"experiment": "toy.long", "value": 5, "why": "It matters.", "work": {"networks": 2}},
    {"experiment": "toy.short", "value": 2, "why": "It is quick.", "work": {"networks": 1}},
    {"experiment": "toy.unknown", "value": 5, "why": "Nobody knows how long it takes."},
]


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a checkout with three experiments, of which two have a cost model."""
    (tmp_path / "book" / "results").mkdir(parents=True)
    (tmp_path / "book" / "paper.yml").write_text(yaml.safe_dump(ENTRIES))
    monkeypatch.setattr(ibcore, "__file__", str(tmp_path / "ibcore" / "__init__.py"))
    monkeypatch.chdir(tmp_path)
    chosen: tuple[Experiment, ...] = (LONG, UNKNOWN, SHORT)
    monkeypatch.setattr("ibcore.runs.cli.experiments", lambda lab=None: chosen)
    monkeypatch.setattr("ibcore.runs.cli.find", {entry.name: entry for entry in chosen}.__getitem__)
    return tmp_path


def test_every_experiment_has_a_value_a_reason_and_work_that_its_cells_can_tell() -> None:
    priorities = read_priorities()
    assert set(priorities) == {experiment.name for experiment in experiments()}
    for experiment in experiments():
        model = cost_model(experiment)
        for tier in experiment.tiers:
            cells = experiment.cells(tier)
            assert model is None or min(map(model.cost, cells)) > 0


@pytest.mark.usefixtures("clock")
def test_the_paper_tier_runs_the_most_value_for_a_minute_first(
    toys: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_PAUSE", "0.1")
    ibcore_says(capsys, "run", "--tier", "smoke")
    monkeypatch.delenv("TOY_PAUSE")
    turns = in_order((LONG, UNKNOWN, SHORT))
    assert [entry.name for entry, _ in turns] == ["toy.short", "toy.long", "toy.unknown"]
    short, long, unknown = (estimate(entry, "paper").seconds for entry, _ in turns)
    assert unknown is None and short is not None and long is not None
    assert long.seconds > 2.5 * short.seconds  # 400 times against 20 times
    out, _ = ibcore_says(capsys, "run", "--tier", "paper")
    lines = out.splitlines()
    assert lines[0].startswith("1. toy.short: value 2, about ") and "It is quick." in lines[0]
    assert lines[2] == "3. toy.unknown: value 5, unknown time. Nobody knows how long it takes."
    assert [line.partition(" ")[0] for line in lines[3:]] == [
        "toy.short",
        "toy.long",
        "toy.unknown",
    ]


def test_an_estimate_counts_cells_and_runs_none(
    toys: Path, marks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ibcore_says(capsys, "run", "toy.short", "--tier", "smoke")
    before = len(list(marks.iterdir()))
    out, _ = ibcore_says(capsys, "run", "toy.short", "--tier", "paper", "--estimate")
    assert out.startswith("toy.short (paper): 2 cells, 0 finished; about ")
    assert "from the stored result of tier smoke on " in out and "scaled with networks" in out
    assert len(list(marks.iterdir())) == before
    _, err = ibcore_says(capsys, "run", "toy.short", "--estimate", "--fresh", status=2)
    assert "--fresh discards it; give one" in err


def test_an_experiment_that_fails_is_named_and_the_others_run(
    toys: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = dataclasses.replace(SQUARES, name="toy.long", tiers={"paper": sizes((7,))})
    monkeypatch.setattr("ibcore.runs.cli.experiments", lambda lab=None: (failing, SHORT))
    monkeypatch.setenv("TOY_FAIL", "7")
    arguments = ("run", "--tier", "paper")
    out, err = ibcore_says(capsys, *arguments, status=2)
    assert re.search(r"error: .*toy\.long.*cell Size\(size=7", err)
    assert err.splitlines()[-1] == "error: 1 of 2 experiments failed, see above"
    assert "toy.short (paper): 120 rows from 2 cells" in out


def test_what_concerns_all_experiments_ends_the_command(
    toys: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def run(experiment: Experiment, *_: object, **__: object) -> None:
        started.append(experiment.name)
        raise CellError("the disk is full") from OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ibcore.runs.execute.run", run)
    _, err = ibcore_says(capsys, "run", "--tier", "smoke", status=2)
    assert len(started) == 1 and "the disk is full" in err


@pytest.mark.usefixtures("clock")
def test_the_command_stops_at_its_limit_with_status_75_and_goes_on(
    toys: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_PAUSE", "0.4")
    arguments = ("run", "--tier", "smoke", "--time-limit", "0.7s")
    _, err = ibcore_says(capsys, *arguments, status=75)
    assert err.splitlines()[-1].endswith("the same command continues (and 2 more)")
    monkeypatch.delenv("TOY_PAUSE")
    ibcore_says(capsys, *arguments[:-1], "60s")


@pytest.mark.usefixtures("clock")
def test_a_limit_that_no_cell_fits_into_is_an_error_and_no_endless_loop(
    toys: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_PAUSE", "0.4")
    arguments = ("run", "toy.short", "--tier", "smoke", "--time-limit", "0.2s")
    ibcore_says(capsys, *arguments, status=75)  # nothing was measured, so one cell started
    _, err = ibcore_says(capsys, *arguments, status=2)
    assert "the shortest cell that remains is predicted to take 0.4" in err
    assert "give a longer --time-limit" in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": 9}, r"'toy\.long': value must be one of \[1, 2, 3, 4, 5\], got 9"),
        ({"why": " "}, r"'toy\.long': why .*text, in quotes and not empty"),
        ({"work": {"netwroks": 1}}, "names the field 'netwroks'.*they have size, networks"),
        ({"experiment": "toy.short"}, r"'toy\.short' occurs twice"),
        ({"experiment": "toy.other"}, "has no entry for toy.long"),
    ],
)
def test_an_entry_that_cannot_be_used_is_an_error_that_names_it(
    toys: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], message: str
) -> None:
    ibcore_says(capsys, "run", "toy.long", "--tier", "smoke")
    entries = [{**ENTRIES[0], **change}, *ENTRIES[1:]]
    (toys / "book" / "paper.yml").write_text(yaml.safe_dump(entries))
    with pytest.raises(ValueError, match=message):
        in_order((LONG,))
