"""Which layers are compared, and how much at each step."""

import pytest

from ibcore.guidance import Schedule, layer_pairs


@pytest.mark.parametrize(
    ("guide", "target", "expected"),
    [
        (3, 3, [0, 1, 2]),
        (3, 29, [0, 14, 28]),
        (4, 3, [0, 1, 1, 2]),
        (5, 3, [0, 0, 1, 2, 2]),  # 0.5 and 1.5 go to the even number
        (1, 4, [3]),
        (4, 1, [0, 0, 0, 0]),
    ],
)
def test_even_pairs_spread_the_guide_over_the_target(guide, target, expected):
    pairs = layer_pairs([f"g{i}" for i in range(guide)], [f"t{i}" for i in range(target)])
    assert pairs == [(f"g{i}", f"t{j}") for i, j in enumerate(expected)]


def test_other_mappings():
    names = ["a", "b"], ["1", "2", "3"]
    assert layer_pairs(*names, "last") == [("b", "3")]
    assert layer_pairs(*names, "all") == [(g, t) for g in "ab" for t in "123"]
    assert layer_pairs(*names, [("b", "1"), ("a", "1")]) == [("b", "1"), ("a", "1")]


@pytest.mark.parametrize(
    ("guide", "mapping", "message"),
    [
        (["a"], "first", "unknown mapping 'first'; choose one of 'even', 'last', 'all'"),
        (["a"], [("b", "1")], r"the guide has no layer 'b'; it has \['a'\]"),
        (["a"], [("a", "9")], r"the target has no layer '9'; it has \['1', '2'\]"),
        (["a"], [("a", "1"), ("a", "1")], "each once"),
        (["a"], [], "at least one pair"),
        ([], "even", "the guide needs layers"),
        (["a", "a"], "even", "different names"),
    ],
)
def test_bad_pairs_are_named(guide, mapping, message):
    with pytest.raises(ValueError, match=message):
        layer_pairs(guide, ["1", "2"], mapping)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(weight=2), [(1, 2), (1, 2), (1, 2), (1, 2)]),
        (Schedule("disconnect", 2, 2), [(1, 2), (1, 2), (1, 0), (1, 0)]),
        (Schedule("decay", 2, 4), [(1, 2), (1, 1.5), (1, 1), (1, 0.5)]),
        (Schedule("initialize", 2, 2), [(0, 2), (0, 2), (1, 0), (1, 0)]),
    ],
)
def test_schedules_give_the_weights_of_task_and_guide(schedule, expected):
    assert [tuple(schedule.at(step)) for step in range(4)] == expected
    assert schedule.at(10**6).guide == (2 if schedule.kind == "constant" else 0)
    restarts = [step for step in range(9) if schedule.restarts_at(step)]
    assert restarts == ([2] if schedule.kind == "initialize" else [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "cosine"}, "unknown kind 'cosine'"),
        ({"weight": -1}, "weight must be at least 0"),
        ({"until": 5}, "until=5 has no effect"),
        ({"kind": "decay"}, "'decay' needs until, a number of steps"),
        ({"kind": "disconnect", "until": 0}, "until must be at least 1, got 0"),
        ({"kind": "initialize", "until": 3, "weight": 0.0}, "would not train at all"),
    ],
)
def test_bad_schedules_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Schedule(**options)
