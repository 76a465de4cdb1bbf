"""The ledger: stored runs test the science, fresh runs of the smoke tier the machine.

A run of seconds carries no sentence about trained networks: what it finds hangs on the seed and on
how the processor rounds.  It shows that an experiment still gives the table that its claims read.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ibcore.runs import Claim, ClaimResult, check, evaluate, load, read_ledger, run
from ibcore.runs.experiment import find
from ibcore.runs.ledger import MOST_FALSE
from ibcore.runs.measure import MeasureError, Sample

TESTED = [claim for claim in read_ledger().values() if claim.measure is not None]
# Those that take a second at most; all run each week.
QUICK = {
    *("redshift.activations", "redshift.components", "redshift.width", "redshift.priors"),
    *("redshift.biases", "redshift.unbiased", "redshift.boolean-complexity"),
    "memory.schedule",
}
# Laws that hold for every seed: their bounds hold on a run of any size.
EXACT = {
    "memory.decay-equals-fresh-start": "flow with decay is flow from a smaller start",
    "memory.forgotten-stays-forgotten": "small steps keep what flow conserves",
    "memory.quiet-steps-remember": "small steps keep what flow conserves",
    "memory.noise-stays-on-curve": "label noise moves the network along a known curve",
    "memory.sign-descent-conserves": "steps of one size keep differences of sizes",
    "redshift.unbiased-flat": "all frequencies of white noise have the same mean amplitude",
}
EXPERIMENTS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in dict.fromkeys(str(claim.experiment) for claim in TESTED)
]


def failure(result: ClaimResult) -> str:
    """Say what a failing claim measures and what it should; nothing of one that holds."""
    bound, ends = result.claim.expected(), (result.low, result.high)
    return "" if result.passed else f"{result.claim.id}: {result.value} {ends}, expected {bound}"


def gap(claim: Claim, frame: pd.DataFrame, always: set[str]) -> str:
    """Say why a claim's measure has no value on a frame; a ratio of two effects may have none.

    Nor has the time or the size of an event, such as a half-life, in a run of seconds that does not
    see it: it stands in a column that is not ``always`` finite in the stored result either.
    """
    assert claim.measure is not None
    given = [options for _, options in claim.measure.reductions]
    read = {str(each[name]) for each in given for name in ("column", "a", "b") if name in each}
    may_lack = "/ (" in claim.measure.text or not read <= always
    try:
        value = claim.measure(Sample(frame, claim.resample))
    except MeasureError as missing:
        rare = not read <= always and "has a finite" in str(missing)
        return "" if rare else f"{claim.id}: {missing}"
    entries = np.stack(value if isinstance(value, tuple) else (value,))
    if entries.shape != (claim.measure.length or 1, 1):
        return f"{claim.id}: {entries.shape}"
    return "" if may_lack or np.isfinite(entries).all() else f"{claim.id}: {entries.tolist()}"


def finite_columns(frame: pd.DataFrame) -> set[str]:
    """Return the columns of numbers that are finite in every row."""
    numbers = frame.select_dtypes("number")
    return {str(name) for name in numbers if np.isfinite(numbers[name].astype(float)).all()}


def test_the_lists_name_experiments_and_claims_of_the_ledger():
    assert {claim.experiment for claim in TESTED} >= QUICK
    assert {claim.id for claim in TESTED} >= set(EXACT)


@pytest.fixture(scope="module")
def results() -> list[ClaimResult]:
    """Return all claims on their stored results."""
    return check()


def test_every_claim_holds_on_its_stored_result(results):
    assert len(results) == len(TESTED) >= 20
    assert not [line for line in map(failure, results) if line]
    assert not [r.claim.id for r in results if r.n < 5]


def test_no_claim_passes_where_there_is_nothing_to_claim(results):
    free = [r for r in results if r.claim.foil is None]
    assert not [r.claim.id for r in free if r.false_pass is None or r.false_pass > MOST_FALSE]
    held = [r for r in results if r.claim.foil is not None]
    assert len(held) > 40 and not [r.claim.id for r in held if r.foil is None]


def test_another_quantity_than_the_papers_is_called_related():
    related = {claim.id for claim in TESTED if claim.verdict == "related"}
    assert {"redshift.norm-calms", "memory.clock-time", "guidance.plain-cnn-tuned"} <= related


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_fresh_run_gives_the_table_that_the_claims_of_an_experiment_read(
    name: str, tmp_path: Path
) -> None:
    frame, stored = run(name, "smoke", store=tmp_path, progress=False), load(name)
    assert frame.attrs["provenance"]["cells"] == len(find(name).plan("smoke"))
    assert frame.dtypes.to_dict() == stored.dtypes.to_dict()
    assert list(frame.columns) == list(stored.columns)
    assert finite_columns(frame) >= finite_columns(stored)
    own, always = [claim for claim in TESTED if claim.experiment == name], finite_columns(stored)
    assert not [line for line in (gap(claim, frame, always) for claim in own) if line]
    exact = [evaluate(claim, frame) for claim in own if claim.id in EXACT]
    assert not [line for line in map(failure, exact) if line]
