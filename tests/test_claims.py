"""The ledger holds: each claim on its stored result, and on a fresh run of the smoke tier."""

from ibcore.runs import ClaimResult, check


def failures(results: list[ClaimResult]) -> list[str]:
    """Say what each failing claim measures and what it should."""
    return [f"{r.claim.id}: {r.value}, expected {r.claim.expect}" for r in results if not r.passed]


def test_every_claim_holds_on_its_stored_result():
    results = check()
    assert len(results) >= 20
    assert failures(results) == []
    assert [r.claim.id for r in results if r.n < 5] == []


def test_every_claim_holds_on_a_fresh_run_of_the_smoke_tier():
    assert failures(check(tier="smoke", fresh=True)) == []
