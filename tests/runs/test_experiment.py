"""Experiments, their cells and keys, and the registry of laboratories."""

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from toy.experiments import SQUARES, Size, sizes

from ibcore.runs import Experiment, experiments, find
from ibcore.runs.experiment import cell_key, design, plain_config, plain_fields

registry = import_module("ibcore.runs.experiment")


@dataclass(frozen=True)
class Anything:
    value: Any


def test_the_key_is_the_sha256_of_sorted_json() -> None:
    text = '{"cell":{"networks":3,"size":1},"experiment":"toy.squares"}'
    assert json.loads(text)["cell"] == {"size": 1, "networks": 3}
    assert cell_key("toy.squares", Size(1, 3)) == hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.slow  # starts a process
def test_the_key_does_not_depend_on_the_process() -> None:
    code = (
        "from dataclasses import dataclass\nfrom ibcore.runs.experiment import cell_key\n"
        "@dataclass(frozen=True)\nclass Size:\n    size: int\n    networks: int\n"
        "print(cell_key('toy.squares', Size(1, 3)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "123", "PATH": ""},
    )
    assert done.stdout.strip() == cell_key("toy.squares", Size(1, 3))


def test_keys_differ_by_experiment_and_by_every_field() -> None:
    keys = {
        cell_key("toy.squares", Size(1, 3)),
        cell_key("toy.cubes", Size(1, 3)),
        cell_key("toy.squares", Size(2, 3)),
        cell_key("toy.squares", Size(1, 4)),
    }
    assert len(keys) == 4


def test_plan_keeps_the_order_of_the_cells() -> None:
    assert [cell.size for cell in SQUARES.plan("smoke").values()] == [1, 2, 3]


def test_a_cell_that_occurs_twice_is_refused() -> None:
    twice = replace(SQUARES, tiers={"smoke": sizes((1, 2, 1))})
    with pytest.raises(ValueError, match=r"toy\.squares.*Size\(size=1, networks=3\) occurs twice"):
        twice.plan("smoke")


def test_no_cell_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no cell"):
        replace(SQUARES, tiers={"smoke": sizes(())}).plan("smoke")


@pytest.mark.parametrize("value", [{1: "a"}, object(), b"x", float("nan"), float("inf"), {1}])
def test_a_field_that_is_not_plain_is_refused_by_name(value: object) -> None:
    with pytest.raises(ValueError, match=r"Anything\.value is"):
        cell_key("toy.squares", Anything(value))


@pytest.mark.parametrize("cell", [3, {3: "size"}, [("size", 3)], Size])
def test_a_cell_that_is_neither_mapping_nor_dataclass_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match=r"expected a mapping of names.*frozen dataclass"):
        cell_key("toy.squares", cell)


def test_a_mapping_has_the_key_of_a_dataclass_with_the_same_fields() -> None:
    row = {"networks": 3, "size": 1}
    assert cell_key("toy.squares", row) == cell_key("toy.squares", Size(1, 3))
    inside = {"value": {"size": 1, "networks": 3}}
    assert cell_key("toy.squares", inside) == cell_key("toy.squares", Anything(Size(1, 3)))
    with pytest.raises(ValueError, match="size is nan"):
        cell_key("toy.squares", {"size": float("nan")})


def test_a_design_crosses_its_factors_in_order_and_keeps_what_is_fixed() -> None:
    rows = design({"b": (2, 1), "a": range(2)}, seed=0)
    assert [tuple(row.values()) for row in rows] == [(2, 0, 0), (2, 1, 0), (1, 0, 0), (1, 1, 0)]
    assert list(rows[0]) == ["b", "a", "seed"]
    assert design({}, seed=0) == [{"seed": 0}]


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"a": "relu"}, r"levels of 'a' are 'relu'; write \('relu',\)"),
        ({"seed": (1,)}, "'seed' is a factor and also fixed at 0; drop one"),
    ],
)
def test_a_design_that_cannot_be_meant_is_refused(factors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        design(factors, seed=0)


def test_the_configuration_of_a_design_is_the_levels_of_each_field() -> None:
    rows = [*design({"a": (1, 1.0, True), "b": ("x",)}, seed=0), {"a": None, "c": (2, 3)}]
    assert plain_config(rows) == {"a": [1, 1.0, True, None], "b": "x", "seed": 0, "c": [2, 3]}
    assert [type(level) for level in plain_config(rows)["a"][:3]] == [int, float, bool]
    assert plain_config(sizes((1, 2))) == {"size": [1, 2], "networks": 3}


def test_nested_configurations_become_plain_values() -> None:
    assert plain_fields(Anything(Anything((1, (2.5, None, True))))) == {
        "value": {"value": [1, [2.5, None, True]]}
    }


@pytest.mark.parametrize("name", ["squares", "Toy.squares", "toy.", "toy/../x.y", "toy.a.b", ""])
def test_a_name_that_is_not_lab_dot_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        replace(SQUARES, name=name)


def test_an_unknown_tier_is_refused_in_the_experiment_and_in_the_plan() -> None:
    with pytest.raises(ValueError, match="unknown tier 'huge'"):
        replace(SQUARES, tiers={"huge": sizes((1,))})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="has no tier 'paper'; it has smoke, laptop"):
        SQUARES.plan("paper")


@pytest.mark.usefixtures("toy_lab")
def test_find_imports_the_laboratory_and_suggests_near_names() -> None:
    assert find("toy.squares").question == SQUARES.question
    assert [experiment.name for experiment in experiments("toy")] == ["toy.squares"]
    with pytest.raises(ValueError, match=r"'toy\.sqares'; did you mean toy\.squares\?"):
        find("toy.sqares")
    with pytest.raises(ValueError, match=r"known names: toy\.squares"):
        find("zzz")


def test_an_unknown_laboratory_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown laboratory 'redshft'.*redshift"):
        experiments("redshft")


def test_a_laboratory_without_experiments_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "LABS", ("nowhere", "runs"))
    assert experiments() == ()


def test_a_broken_laboratory_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import ibcore

    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").touch()
    (tmp_path / "broken" / "experiments.py").write_text("import a_module_that_is_missing")
    monkeypatch.setattr(ibcore, "__path__", [*ibcore.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "LABS", ("broken",))
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_missing"):
        experiments()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((SQUARES, SQUARES), "occur twice: toy.squares"),
        ((replace(SQUARES, name="other.x"),), "must start with 'toy.'"),
    ],
)
@pytest.mark.usefixtures("toy_lab")
def test_a_name_must_be_distinct_and_belong_to_its_laboratory(
    monkeypatch: pytest.MonkeyPatch, found: tuple[Experiment, ...], message: str
) -> None:
    monkeypatch.setattr(registry, "import_module", lambda _: SimpleNamespace(EXPERIMENTS=found))
    with pytest.raises(ValueError, match=message):
        experiments()
