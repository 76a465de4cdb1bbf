"""The ledger holds: each claim on its stored result, and on a fresh run of the smoke tier."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from ibcore.runs import ClaimResult, Results, check, read_ledger, run

TESTED = [claim for claim in read_ledger().values() if claim.experiment is not None]
# They take longest and stand beside another experiment of the same method; the weekly run has them.
LONG = {
    "redshift.guess-and-check",
    "redshift.hysteresis",
    "redshift.splines",
    "redshift.spline-shape",
    "metainit.complexity",
    "metainit.gap",
    "metainit.few-concepts",
    "metainit.pretraining",
    "metainit.swap",
    "metainit.omniglot",
    "guidance.curves",
    "guidance.deep",
    "guidance.disconnect",
    "guidance.measures",
    "guidance.text",
    "guidance.unlabeled",
    "guidance.plain-cnn",
    "guidance.parity",
    "guidance.errors",
    "memory.optimizers",
    "memory.resnet",
    "memory.diagonal-schedule",
}
EXPERIMENTS = [
    pytest.param(name, marks=pytest.mark.slow) if name in LONG else name
    for name in dict.fromkeys(str(claim.experiment) for claim in TESTED)
]


def failures(results: Iterable[ClaimResult]) -> list[str]:
    """Say what each failing claim measures and what it should."""
    return [f"{r.claim.id}: {r.value}, expected {r.claim.expect}" for r in results if not r.passed]


def test_the_long_experiments_are_experiments_of_the_ledger():
    assert {claim.experiment for claim in TESTED} >= LONG


def test_every_claim_holds_on_its_stored_result():
    results = check()
    assert len(results) >= 20
    assert failures(results) == []
    assert [r.claim.id for r in results if r.n < 5] == []


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_claims_of_an_experiment_hold_on_a_fresh_run_of_its_smoke_tier(
    name: str, tmp_path: Path
) -> None:
    run(name, "smoke", store=tmp_path, progress=False)
    own = [claim for claim in TESTED if claim.experiment == name]
    results = Results(own, tier="smoke", store=str(tmp_path)).values()
    assert len(results) == len(own) > 0
    assert failures(results) == []
