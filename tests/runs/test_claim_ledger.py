"""The ledger is read strictly: every unclear entry is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import ibcore
from ibcore.runs import LedgerError, read_ledger
from ibcore.runs.ledger import Expect, ledger_path, parse_claim

ENTRY: dict[str, Any] = {
    "id": "toy.squares-grow",
    "statement": "The square is {value} ({low} to {high}).",
    "lab": "toy",
    "experiment": "toy.squares",
    "measure": "mean('square')",
    "expect": {"above": 1},
    "null": 0,
    "tier": "smoke",
    "paper": {"value": "4", "where": "Table 1"},
    "verdict": "agrees",
    "note": "None needed.",
}
ORDER = {"measure": "(mean('square', size=1), mean('square', size=2))"}


def entry(**changes: Any) -> dict[str, Any]:
    return {**ENTRY, **changes}


def test_a_complete_claim_is_read_with_its_defaults() -> None:
    claim = parse_claim(ENTRY)
    assert (claim.id, claim.lab, claim.tier) == ("toy.squares-grow", "toy", "smoke")
    assert claim.expect == Expect("above", (1.0,)) and claim.paper is not None
    assert claim.paper.where == "Table 1"
    assert (claim.format, claim.resample, claim.unit) == ("{:.2f}", "network", None)
    assert claim.measure is not None and claim.measure.text == "mean('square')"


def test_a_claim_that_was_not_attempted_has_nothing_to_measure() -> None:
    nothing = dict.fromkeys(("experiment", "measure", "expect", "tier"))
    claim = parse_claim(entry(statement="Later.", verdict="not tested at this scale", **nothing))
    assert claim.measure is None and claim.expect is None
    with pytest.raises(LedgerError, match=r"measure must be string \(null exactly when"):
        parse_claim(entry(measure=None))
    with pytest.raises(LedgerError, match=r"must be null \(null exactly when the verdict is"):
        parse_claim(entry(verdict="not tested at this scale"))


@pytest.mark.parametrize("key", ENTRY)
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(LedgerError, match=key):
        parse_claim({name: value for name, value in ENTRY.items() if name != key})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extra": 1}, "unknown keys extra; known keys: id"),
        ({"verdict": "roughly"}, r"verdict must be one of \['agrees', .*got 'roughly'"),
        ({"tier": "huge"}, r"tier must be one of \['smoke', .*got 'huge'"),
        ({"lab": "redshift"}, "must start with the lab, here 'redshift.'"),
        ({"id": "toy"}, r"id must match .* \(lab\.name\), got 'toy'"),
        ({"experiment": "Squares"}, "not of the form"),
        ({"experiment": 3}, "experiment must be string or null, got 3"),
        ({"measure": "mean('square'"}, "is not an expression"),
        ({"measure": "mode('square')"}, "unknown function 'mode'"),
        ({"measure": 3}, "measure must be string or null, got 3"),
        ({"statement": ""}, "statement .*text, in quotes and not empty"),
        ({"note": 3}, r"note must be string \(text, in quotes.*got 3"),
        ({"paper": "4"}, r"paper must be .*null or {value: ..., where: ...}\), got '4'"),
        ({"paper": {"value": 4, "where": "x"}}, r"paper\.value must be string .*got 4"),
        ({"format": "{:.2q}"}, "bad placeholder"),
        ({"format": "two"}, "does not print the number"),
        ({"format": "{x}"}, "bad placeholder"),
        ({"statement": "It is {mean}."}, "may hold {value}"),
        ({"statement": "It is {value."}, "bad placeholder"),
        ({"expect": 3}, r"expect must be object .*above: x, below: x.*got 3"),
        ({"expect": {}}, "exactly one of"),
        ({"expect": {"above": 1, "below": 2}}, "exactly one of"),
        ({"expect": {"about": 1}}, "unknown keys about; known keys: above, below, between"),
        ({"expect": {"above": "1"}}, r"expect\.above must be number, got '1'"),
        ({"expect": {"above": float("nan")}}, "finite"),
        ({"expect": {"above": True}}, "must be number, got True"),
        ({"expect": {"between": [1]}}, "between must contain at least 2 items"),
        ({"expect": {"between": 1}}, "between must be array, got 1"),
        ({"expect": {"between": [2, 1]}}, "must hold finite numbers that rise"),
        ({"expect": {"above": 1, "margin": 1}}, "missing dependency order for margin"),
        ({"expect": {"order": "increasing"}}, r"needs a measure of the form \(m1, m2"),
        ({**ORDER, "expect": {"order": "up"}}, "increasing|decreasing"),
        (
            {**ORDER, "expect": {"order": "increasing", "margin": -1}},
            "margin must be bigger than or equal to 0",
        ),
        ({**ORDER, "expect": {"above": 1}}, "needs one number, but the measure is a tuple"),
        ({"expect": {"margin": 1, "order": "increasing", "above": 1}}, "exactly one of"),
    ],
)
def test_an_unclear_entry_names_the_claim_and_the_remedy(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(LedgerError, match=message) as caught:
        parse_claim(entry(**changes))
    assert str(changes.get("id", "toy.squares-grow")) in str(caught.value)


@pytest.mark.parametrize(
    ("expect", "value", "holds"),
    [
        (Expect("above", (1.0,)), (1.0,), False),
        (Expect("above", (1.0,)), (1.1,), True),
        (Expect("above", (1.0,)), (1.1, 0.9), False),
        (Expect("below", (1.0,)), (1.0,), False),
        (Expect("below", (1.0,)), (0.9,), True),
        (Expect("below", (1.0,)), (0.9, 1.1), False),
        (Expect("between", (1.0, 2.0)), (1.0,), True),
        (Expect("between", (1.0, 2.0)), (1.9, 2.1), False),
        (Expect("between", (1.0, 2.0)), (0.9, 1.1), False),
        (Expect("above", (1.0,)), (float("nan"),), False),
        (Expect("between", (1.0, 2.0)), (float("nan"),), False),
    ],
)
def test_an_expectation_holds_exactly_where_it_says_of_a_whole_interval(
    expect: Expect, value: tuple[float, ...], holds: bool
) -> None:
    assert expect.holds(np.array([min(value)]), np.array([max(value)])) == holds


@pytest.mark.parametrize(
    ("expect", "low", "high", "holds"),
    [
        (Expect("increasing"), (0.1, 0.2), (1.0, 1.0), True),
        (Expect("increasing"), (0.1, -0.1), (1.0, 1.0), False),
        (Expect("increasing", margin=0.1), (0.1, 0.2), (1.0, 1.0), False),
        (Expect("decreasing"), (-2.0, -1.0), (-1.0, 0.1), False),
        (Expect("decreasing", margin=0.5), (-2.0, -1.0), (-0.6, -0.7), True),
    ],
)
def test_an_order_holds_where_the_interval_of_each_step_does(
    expect: Expect, low: tuple[float, ...], high: tuple[float, ...], holds: bool
) -> None:
    assert expect.holds(np.array(low), np.array(high)) == holds


@pytest.mark.parametrize(
    ("measure", "null"),
    [
        ("mean('x', size=2) - mean('x', size=1)", (0.0,)),
        ("100 * (mean('x', size=2) - mean('x', size=1))", (0.0,)),
        ("mean('x', size=2) / mean('x', size=1)", (1.0,)),
        ("1 - mean('x', size=2) / mean('x', size=1)", (0.0,)),
        ("max_over('x', 'g') / min_over('x', 'g')", (1.0,)),
        ("spearman('x', 'y', by='g')", (0.0,)),
    ],
)
def test_the_null_of_a_comparison_is_derived_and_a_bound_that_admits_it_refused(
    measure: str, null: tuple[float, ...]
) -> None:
    wanted = {name: value for name, value in ENTRY.items() if name != "null"}
    claim = parse_claim({**wanted, "measure": measure, "expect": {"above": 1.5}})
    assert claim.null == null
    with pytest.raises(LedgerError, match=r"'above -1' holds for .*name with 'foil:'"):
        parse_claim({**wanted, "measure": measure, "expect": {"above": -1}})
    noted = {**wanted, "measure": measure, "expect": {"above": -1}, "foil": "mean('x')"}
    assert str(parse_claim(noted).foil and parse_claim(noted).foil.text) == "mean('x')"


@pytest.mark.parametrize("measure", ["mean('x')", "(mean('a') - 1) / (mean('b') - mean('c'))"])
def test_a_null_that_cannot_be_derived_must_be_given(measure: str) -> None:
    wanted = {name: value for name, value in ENTRY.items() if name != "null"}
    with pytest.raises(LedgerError, match="say it with 'null:'"):
        parse_claim({**wanted, "measure": measure})
    assert parse_claim({**wanted, "measure": measure, "null": [0, 1]}).null == (0.0, 1.0)


def test_a_foil_may_exchange_filters_and_names_one_that_is_not_there() -> None:
    two = "mean('x', kind='a', size=1) - mean('x', kind='a', size=2)"
    claim = parse_claim(entry(measure=two, foil={"kind": {"a": "b"}, "size": {2: 3}}))
    assert claim.foil is not None
    assert claim.foil.text == "mean('x', kind='b', size=1) - mean('x', kind='b', size=3)"
    with pytest.raises(LedgerError, match=r"no filter of .* is .*'kind', 'c'"):
        parse_claim(entry(measure=two, foil={"kind": {"c": "b"}}))


def test_a_file_keeps_its_order_and_refuses_an_id_twice(tmp_path: Path) -> None:
    path = tmp_path / "claims.yml"
    path.write_text(yaml.safe_dump([entry(id="toy.b"), entry(id="toy.a")]))
    assert list(read_ledger(path)) == ["toy.b", "toy.a"]
    path.write_text(yaml.safe_dump([entry(id="toy.b"), entry(id="toy.b")]))
    with pytest.raises(LedgerError, match=r"'toy\.b' occurs twice"):
        read_ledger(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold a list"),
        ("a: 1", "must hold a list"),
        ("- 3", "entry 1 of claims.yml: must be object, got 3"),
        ("- {lab: toy}", "entry 1 of claims.yml: missing keys id, statement"),
        ("- {id: toy.a, id: toy.b}", "the key 'id' occurs twice"),
        ("- {id: toy.a", "not readable YAML"),
        ("- !!python/object/apply:os.system [true]", "not readable YAML"),
    ],
)
def test_a_file_that_is_not_a_ledger_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "claims.yml"
    path.write_text(text)
    with pytest.raises(LedgerError, match=message):
        read_ledger(path)
    path.write_text("[]")
    assert read_ledger(path) == {}


def test_the_ledger_lies_in_the_checkout_and_else_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "ibcore"
    monkeypatch.setattr(ibcore, "__file__", str(package / "__init__.py"))
    assert ledger_path() == package / "_claims.yml"
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "claims.yml").write_text("[]")
    assert ledger_path() == tmp_path / "book" / "claims.yml"


def test_the_ledger_of_the_book_can_be_read() -> None:
    for name, claim in read_ledger().items():
        assert name == claim.id
