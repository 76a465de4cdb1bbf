"""Claims can fail: intervals cover, nulls do not pass, foils are told apart, sabotage is seen."""

import numpy as np
import pandas as pd
import pytest
from test_claim_ledger import entry

from ibcore.runs import LedgerError, evaluate, experiments, ledger, load, stored
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


ARMS = {"architecture": "MLP", "weights": "random", "rates": "constant", "budget": 10, "support": 5}
BEST = f"max_over('accuracy', 'rate', {', '.join(f'{k}={v!r}' for k, v in ARMS.items())})"
TUNED = "mean('accuracy', condition='tuned guided') - mean('accuracy', condition='unguided')"


def swept(best: float) -> pd.DataFrame:
    """Return the accuracies of ten networks at each rate of a grid, of which one is the best."""
    grid = {rate: rate == best for rate in (0.1, 0.3, 1.0)}
    rows = [
        {"network": n, "rate": r, "accuracy": grid[r] + n / 100} for n in range(10) for r in grid
    ]
    return pd.DataFrame(rows).assign(**ARMS)


def chosen(*rates: float) -> pd.DataFrame:
    """Return networks at three rates each, and once more at the rate that was chosen for each."""
    rows = [(f"network {n}", "guided", rate) for n in range(len(rates)) for rate in (0.1, 0.3, 1.0)]
    rows += [(f"network {n}", "tuned guided", rate) for n, rate in enumerate(rates)]
    rows += [(f"network {n}", "unguided", 9.0) for n in range(len(rates))]
    frame = pd.DataFrame(rows, columns=["network", "condition", "learning_rate"])
    return frame.assign(accuracy=np.where(frame.condition == "tuned guided", 1.0, 0.0))


@pytest.mark.parametrize(("experiment", "measure", "inside", "outside"), [
    ("metainit.swap", BEST, swept(0.3), swept(1.0)),
    ("metainit.swap", BEST, swept(0.3), swept(0.1)),
    ("guidance.parity", TUNED, chosen(0.3, 0.3, 1.0), chosen(0.3, 1.0, 1.0)),
    ("guidance.parity", TUNED, chosen(0.3, 0.3, 0.1), chosen(0.1, 0.3, 1.0)),
    ("guidance.parity", TUNED.replace("tuned ", ""), chosen(1.0, 1.0), None),  # no choice at all
])  # fmt: skip
def test_an_arm_at_the_edge_of_its_grid_enters_with_a_reason_only(
    experiment: str, measure: str, inside: pd.DataFrame, outside: pd.DataFrame | None
) -> None:
    lab = experiment.partition(".")[0]
    form = {"id": f"{lab}.planted", "lab": lab, "experiment": experiment, "measure": measure}
    form |= {"expect": {"above": -9}, "foil": "mean('accuracy') - 99"}
    bare, told = parse_claim(entry(**form)), parse_claim(entry(**form, edge="because"))
    assert evaluate(bare, inside).passed
    with pytest.raises(LedgerError, match="drop 'edge:'"):
        evaluate(told, inside)
    if outside is not None:
        assert evaluate(told, outside).passed
        with pytest.raises(LedgerError, match=r"of a grid from 0\.1 to 1; extend the grid"):
            evaluate(bare, outside)


def test_tuned_columns_are_those_of_stored_results() -> None:
    kept = {each.experiment for each in stored()}
    for experiment in (each for each in experiments() if each.name in kept):
        for column, apart in experiment.tuned.items():
            assert {column, *apart} <= set(load(experiment.name))
