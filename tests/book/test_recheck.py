"""One cell of each stored result comes out again: what agrees, what differs, and what fails."""

from dataclasses import replace

import pandas as pd
import pytest
import recheck
import torch

from ibcore.runs import Provenance, find, load, stored
from ibcore.runs.experiment import LABS
from ibcore.runs.store import machine

(SEQUENCES,) = [s for s in stored() if (s.experiment, s.tier) == ("redshift.sequences", "laptop")]
ELSEWHERE = Provenance.from_dict(load("redshift.sequences").attrs["provenance"])
HERE = replace(ELSEWHERE, **vars(machine(torch.device("cpu"))))
ROWS = pd.DataFrame({"seed": [0, 1], "kind": ["a", "b"], "x": [1.0, 4.0], "turns": [3, 4]})


def said(new: pd.DataFrame, origin: Provenance) -> tuple[str, bool]:
    check = recheck.judge("toy", 1.0, ROWS, new, origin)
    return check.says, check.failed


def test_a_stored_closed_form_comes_out_again() -> None:
    check = recheck.recheck(SEQUENCES)
    assert check.says.startswith("equal") and not check.failed


def test_rounding_is_no_difference_anywhere() -> None:
    says, failed = said(ROWS.assign(x=[1.0, 4.0 + 1e-9]), HERE)
    assert says.startswith("equal but for rounding") and not failed


@pytest.mark.parametrize("changes", [{"x": [1.0, 4.4]}, {"x": [1.0, None]}, {"turns": [3, 5]}])
def test_what_was_measured_may_differ_only_between_machines(
    changes: dict[str, list[float]],
) -> None:
    new = ROWS.assign(**changes)
    assert "1 of 4 columns differ" in said(new, HERE)[0]
    assert [said(new, origin)[1] for origin in (HERE, ELSEWHERE)] == [True, False]
    assert said(new, replace(HERE, instructions=None))[1] is False
    assert said(new, replace(HERE, device_name="another"))[1] is False


@pytest.mark.parametrize(
    "new",
    [
        ROWS.assign(seed=[0, 2]),
        ROWS.assign(kind=["a", "c"]),
        ROWS.head(1),
        ROWS.drop(columns="x"),
        ROWS.assign(x=["1", "4"]),
    ],
)
def test_other_rows_fail_on_every_machine(new: pd.DataFrame) -> None:
    for origin in (HERE, ELSEWHERE):
        says, failed = said(new, origin)
        assert says.startswith("other rows than the stored ones") and failed


def test_other_cells_than_the_stored_ones_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    known = find("redshift.sequences")
    changed = replace(known, tiers={tier: cells[:1] for tier, cells in known.tiers.items()})
    monkeypatch.setattr(recheck, "find", lambda _: changed)
    assert recheck.recheck(SEQUENCES).failed


def test_the_rows_of_a_cell_are_found_where_cells_have_different_lengths() -> None:
    frame = pd.concat([ROWS.assign(seed=9), ROWS.head(1), ROWS], ignore_index=True)
    found = recheck.stored_rows(frame, ROWS, 2, 3)
    assert recheck.compare(found, ROWS)[0] == [] and len(found) == 2


@pytest.mark.slow
@pytest.mark.parametrize("lab", LABS)
def test_one_cell_of_each_stored_result_comes_out_again(lab: str) -> None:
    checks = [recheck.recheck(each) for each in stored() if each.experiment.startswith(f"{lab}.")]
    print(*checks, sep="\n")
    failed = [str(check) for check in checks if check.failed]
    assert checks and not failed, "\n".join(failed)
