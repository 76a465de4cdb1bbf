"""Claims can fail: intervals cover, nulls do not pass, foils are told apart, sabotage is seen."""

import numpy as np
import pandas as pd
import pytest
from test_claim_ledger import entry

from ibcore.runs import LedgerError, evaluate, ledger
from ibcore.runs.ledger import parse_claim

PAIRED = "mean('x', kind='b') - mean('x', kind='a')"
RATIO = "mean('x', kind='b') / mean('x', kind='a')"
WIDE = {"between": [-99, 99]}
FOIL = {"kind": {"b": "c"}}


def table(rng: np.random.Generator, n: int, **shift: float) -> pd.DataFrame:
    """Return a table of kinds on the same n networks, each with scatter around 1 plus its shift."""
    own = rng.normal(1, 0.1, n)
    parts = {kind: own + rng.normal(each, 0.15, n) for kind, each in shift.items()}
    return pd.concat([pd.DataFrame({"network": range(n), "kind": k, "x": parts[k]}) for k in parts])


@pytest.mark.parametrize(("n", "draws", "rounds"), [(5, 2, 300), (19, 2, 200), (20, 500, 150)])
@pytest.mark.parametrize(("measure", "truth"), [("mean('x')", 1.0), (PAIRED, 0.5), (RATIO, 1.5)])
def test_intervals_cover(  # noqa: PLR0917  # parameters of the test
    n: int, draws: int, rounds: int, measure: str, truth: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_DRAWS", draws)  # few replicates need none for their interval
    claim = parse_claim(entry(measure=measure, expect=WIDE, foil="mean('x') * 1000"))
    rng, covered = np.random.default_rng(n), 0
    for _ in range(rounds):
        kinds = {"a": 0.0} if measure == "mean('x')" else {"a": 0.0, "b": 0.5}
        result = evaluate(claim, table(rng, n, **kinds))
        covered += result.low <= truth <= result.high
    assert covered >= rounds * 0.95 - 3 * (rounds * 0.95 * 0.05) ** 0.5  # three standard errors


def test_the_percentile_bootstrap_of_five_covers_too_little() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 5))
    draws = values[:, rng.integers(5, size=(500, 5))].mean(-1)  # (400, 500)
    low, high = np.quantile(draws, [0.025, 0.975], axis=1)
    assert ((low <= 0) & (high >= 0)).mean() < 0.88


def test_a_claim_without_an_effect_does_not_pass_its_foil() -> None:
    rng = np.random.default_rng(3)
    claim = parse_claim(entry(measure=PAIRED, expect={"between": [-0.4, 0.4]}, foil=FOIL))
    assert evaluate(claim, table(rng, 10, a=0, b=0, c=1)).passed
    same = evaluate(claim, table(rng, 10, a=0, b=0, c=0))  # the foil has no effect either
    assert not same.passed


def test_the_interval_decides_and_not_the_value() -> None:
    claim = parse_claim(entry(measure=PAIRED, expect={"above": 0}))
    rng = np.random.default_rng(1)
    near, far = (evaluate(claim, table(rng, 5, a=0, b=shift)) for shift in (0.05, 2))
    assert far.passed and not near.passed
    assert isinstance(near.low, float) and near.low < 0


def test_a_share_of_an_effect_that_is_not_there_has_no_value() -> None:
    share = (
        "(mean('x', kind='b') - mean('x', kind='a')) / (mean('x', kind='c') - mean('x', kind='a'))"
    )
    claim = parse_claim(entry(measure=share, expect={"below": 0.5}, null=1))
    rng = np.random.default_rng(2)
    assert evaluate(claim, table(rng, 10, a=0, b=0.2, c=2)).passed
    with pytest.raises(LedgerError, match="which is not told from 0"):
        evaluate(claim, table(rng, 10, a=0, b=0, c=0))


def test_rows_of_the_baseline_in_the_place_of_every_arm_are_seen() -> None:
    """Sabotage: an arm that is replaced by what it is compared with loses its claim."""
    rng = np.random.default_rng(4)
    claim = parse_claim(entry(measure=PAIRED, expect={"above": 0.2}))
    good = table(rng, 20, a=0, b=1)
    assert evaluate(claim, good).passed
    twin = good[good.kind == "a"]
    assert not evaluate(claim, pd.concat([twin, twin.assign(kind="b")])).passed


@pytest.mark.parametrize(("least", "unfit", "message"), [
    (0.9, None, "do not fit their training data"), (1.0, "because", "drop 'unfit:'"),
])  # fmt: skip
def test_networks_that_do_not_fit_enter_with_a_reason_only(
    least: float, unfit: str | None, message: str
) -> None:
    data = table(np.random.default_rng(0), 6, a=0, b=2).rename(columns={"x": "test_accuracy"})
    data["train_accuracy"] = [least, *[1.0] * (len(data) - 1)]
    measure = PAIRED.replace("'x'", "'test_accuracy'")
    claim = parse_claim(entry(measure=measure, expect={"above": 1}, unfit=unfit))
    with pytest.raises(LedgerError, match=message):
        evaluate(claim, data)
    other = parse_claim(entry(measure=measure, expect={"above": 1}, unfit=None if unfit else "so"))
    assert evaluate(other, data).passed
