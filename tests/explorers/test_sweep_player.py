"""The player of sweeps without a browser: its numbers, its errors, its answers, its trial."""

import pytest
import torch

from ibcore.explorers import SweepPlayer, guided_training
from ibcore.explorers.guided_training import train_trial
from ibcore.memory import (
    Examples,
    Pipeline,
    Problem,
    digits_problem,
    gate,
    spread,
    spread_interval,
    sweep,
    sweep_table,
)
from ibcore.nets import MLP
from ibcore.runs import load
from ibcore.stats import mean_interval

L2 = "SGD lr 0.3, L2 0.01"
ADAM = "Adam, decay added"


@pytest.fixture(scope="module")
def figure(sweep_frame):
    return SweepPlayer(frame=sweep_frame)


@pytest.fixture(scope="module")
def trained():
    """Return the sweep of the trial, made without the explorer."""
    pair = (
        Pipeline("plain", learning_rate=0.1),
        Pipeline("decay", learning_rate=0.3, weight_decay=0.03),
    )
    return sweep(
        digits_problem(train=200),
        MLP(64, 10, depth=2, width=32, activation="tanh"),
        pair,
        scales=(1.0, 4.0, 8.0),
        networks=2,
        steps=600,
        seed=1,
    )


def cells(frame, pipeline, step, column):
    """Return a measure of one look: (scales, networks)."""
    rows = frame[(frame["pipeline"] == pipeline) & (frame["step"] == step)]
    return rows.pivot(index="weight_scale", columns="network", values=column).to_numpy()


def test_it_starts_from_the_first_pipeline_the_largest_scale_and_the_last_look(figure):
    start = {"pipeline": "SGD lr 0.1", "weight_scale": 8.0, "step": 1000}
    assert figure.initial() == start
    assert repr(figure) == "SweepPlayer(SGD lr 0.1, initial scale 8, step 1000)"


@pytest.mark.parametrize("data", ["test", "train"])
def test_accuracies_are_means_with_their_intervals_over_networks(figure, sweep_frame, data):
    found = figure.setup()["numbers"][data][1][2]  # the second pipeline, the third look
    for mean, values in zip(found, cells(sweep_frame, L2, 200, f"{data}_accuracy"), strict=True):
        expected = mean_interval(values)
        assert mean == pytest.approx((expected.value, expected.low, expected.high), abs=1e-4)


def test_the_norm_is_relative_to_the_start_of_the_same_network(figure, sweep_frame):
    now, start = (cells(sweep_frame, L2, step, "weight_norm") for step in (1000, 0))
    found = figure.setup()["numbers"]["norm"][1][3]
    assert found == pytest.approx((now / start).mean(axis=1).tolist(), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("cosine", "cosine"),
        ("retained", "retained_fraction"),
        ("disagreement", "disagreement"),
    ],
)
def test_other_measures_are_means_over_networks(figure, sweep_frame, name, column):
    found = figure.setup()["numbers"][name][2][1]
    expected = cells(sweep_frame, ADAM, 40, column).mean(axis=1)
    assert found == pytest.approx(expected.tolist(), abs=1e-4)


def test_spread_interval_and_gate_are_those_of_the_laboratory(figure, sweep_frame):
    for number, name in enumerate(sweep_frame["pipeline"].unique()):
        for look, step in enumerate((0, 40, 200, 1000)):
            test, train = (
                cells(sweep_frame, name, step, f"{data}_accuracy") for data in ("test", "train")
            )
            found = figure.setup()["numbers"]["spread"][number][look]
            interval = spread_interval(test)
            ends = (interval.value, interval.low, interval.high)
            shown = (found["value"], found["low"], found["high"])
            assert shown == pytest.approx(ends, abs=0.01)
            assert found["verdict"] == gate(train)
            assert found["least"] == pytest.approx(train.min(), abs=1e-4)


def test_one_slow_network_makes_a_look_undertrained(figure):
    verdicts = [looks[-1]["verdict"] for looks in figure.setup()["numbers"]["spread"]]
    assert verdicts == ["trained", "trained", "undertrained"]


def test_the_clock_is_that_of_the_frame_and_absent_where_it_is_not_defined(figure):
    clocks = [pipeline["clock"] for pipeline in figure.setup()["pipelines"]]
    assert clocks[0] == [0, 0, 0, 0]
    assert clocks[1] == pytest.approx([0, 0.24, 1.2, 6.0])
    assert clocks[2] == [None] * 4


def test_one_network_has_means_and_no_interval(sweep_frame):
    single = SweepPlayer(frame=sweep_frame.query("network == 0"))
    numbers = single.setup()["numbers"]
    assert numbers["test"][0][3][0][1:] == (None, None)
    assert numbers["spread"][0][3]["low"] is None
    assert numbers["spread"][0][3]["value"] > 0


def test_the_order_of_rows_does_not_matter(figure, sweep_frame):
    mixed = sweep_frame.sort_values(["network", "step"], ascending=False)
    assert SweepPlayer(frame=mixed).setup()["numbers"] == figure.setup()["numbers"]


def test_of_several_splits_the_first_is_shown(figure, sweep_frame):
    other = sweep_frame.assign(split=1, test_accuracy=0.5)
    both = sweep_frame.__class__(
        {name: [*other[name], *sweep_frame[name]] for name in sweep_frame.columns}
    )
    assert SweepPlayer(frame=both).setup() == figure.setup()
    with pytest.raises(ValueError, match=r"splits \[1\] and no split 0"):
        SweepPlayer(frame=other)


def test_a_sweep_just_made_can_be_played():
    points = Examples(torch.eye(2), torch.tensor([0, 1]))
    done = sweep(
        Problem(points, points, points),
        MLP(2, 2, depth=1, width=4),
        [Pipeline("SGD", batch_size=2, weight_decay=0.1)],
        scales=(1.0, 4.0),
        networks=3,
        steps=20,
        looks=(0, 10),
    )
    figure = SweepPlayer(frame=sweep_table(done))
    facts = figure.setup()["numbers"]["spread"][0][-1]
    assert facts["value"] == pytest.approx(done.spread("SGD"), abs=0.01)
    assert facts["verdict"] == done.gate("SGD")
    assert figure.setup()["pipelines"][0]["clock"] == pytest.approx([0, 0.2, 0.4])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="cosine"), "frame has no column cosine"),
        (lambda f: f[:0], "frame has no rows"),
        (lambda f: f[1:], r"no row for pipeline 'SGD lr 0.1', step 0, weight_scale 0.5, network 0"),
        (lambda f: f.loc[[0, *f.index]], "241 rows for 240 combinations.*keep one of each"),
        (lambda f: f.query("weight_scale == 8"), "scale 8.0 only; a spread needs at least 2"),
        (lambda f: f.query("step > 0"), "first look is at step 40"),
        (
            lambda f: f.assign(architecture=["tanh"] * 120 + ["relu"] * 120),
            r"architecture \['relu', 'tanh'\], but needs one",
        ),
        (lambda f: f.assign(test_accuracy=95.0), "divide per cent by 100"),
    ],
)
def test_frames_that_do_not_fit_are_refused(sweep_frame, change, message):
    with pytest.raises(ValueError, match=message):
        SweepPlayer(frame=change(sweep_frame))


@pytest.mark.parametrize(
    "options", [{"pipeline": "SGD"}, {"weight_scale": 3.0}, {"step": 41}], ids=str
)
def test_a_value_that_the_sweep_does_not_have_is_refused(sweep_frame, options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"^unknown {name} {value!r}; choose one of"):
        SweepPlayer(frame=sweep_frame, **options)


@pytest.mark.parametrize("change", [{"run": 100}, {"run": -1}, {"run": 1.0}, {"color": "red"}])
def test_parameters_that_no_control_can_send_are_refused(figure, change):
    with pytest.raises((TypeError, ValueError), match=next(iter(change))):
        figure.answer({**figure.initial(), **change})


def test_a_result_that_is_not_stored_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(guided_training, "load", lambda name: load(name, store=tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python -m ibcore run memory\.pipelines"):
        SweepPlayer()


def test_the_page_stays_small_and_too_many_numbers_are_refused(figure, sweep_frame, monkeypatch):
    assert len(figure.to_html()) < 30_000
    monkeypatch.setattr(guided_training, "LARGEST", 100)
    with pytest.raises(ValueError, match=r"3 pipelines, 4 looks and 4 scales take \d+ characters"):
        SweepPlayer(frame=sweep_frame)


def test_the_poster_states_the_finding(figure, sweep_frame):
    low, high = (100 * cells(sweep_frame, "SGD lr 0.1", 1000, "test_accuracy").mean(1))[[0, -1]]
    words = figure.poster().description
    assert f"after 1,000 steps {low:.1f} % at scale 0.5 and {high:.1f} % at scale 8" in words


def test_the_kernel_is_asked_for_trials_alone(figure):
    asked = {"pipeline": L2, "weight_scale": 4, "step": 40, "run": 0}
    assert figure.answer(asked).facts == {"trial": None}
    assert figure.answer(asked).frame == b""


def test_the_message_of_the_button_trains_a_real_sweep(sweep_frame, trained, monkeypatch):
    monkeypatch.delenv("IBCORE_STATIC", raising=False)
    figure = SweepPlayer(frame=sweep_frame)
    widget = figure.widget
    try:
        assert widget.answer["trial"] is None
        widget.params = {**figure.initial(), "run": 1}
        trial = widget.answer["trial"]
    finally:
        widget.close()
    assert trial["run"] == 1
    for found, name in zip(trial["pipelines"], ("plain", "decay"), strict=True):
        assert found["value"] == pytest.approx(trained.spread(name), abs=0.01)
        assert found["verdict"] == trained.gate(name)
        for data in ("test", "train"):
            means = trained.values(f"{data}_accuracy", name).mean(axis=1)
            assert found[data] == pytest.approx(means.tolist(), abs=1e-4)
        assert found["least"] == pytest.approx(trained.values("train_accuracy", name).min())
    plain, decay = (found["value"] for found in trial["pipelines"])
    assert plain > 25
    assert decay < 5


def test_a_trial_is_trained_once_and_each_run_has_its_seed(figure, monkeypatch):
    seeds = []
    monkeypatch.setattr(figure, "_trials", {})
    monkeypatch.setattr(
        guided_training, "train_trial", lambda seed: seeds.append(seed) or {"pipelines": []}
    )
    asked = figure.initial()
    for params in (asked, asked | {"run": 1}, asked | {"run": 1, "step": 40}, asked | {"run": 2}):
        figure.answer(params)
    assert seeds == [1, 2]


def test_other_seeds_are_other_networks():
    first, second = (train_trial(seed, steps=3)["pipelines"] for seed in (1, 2))
    assert [found["test"] for found in first] != [found["test"] for found in second]


def test_a_kernel_that_cannot_train_says_why(figure, monkeypatch):
    def fail(seed):
        raise ImportError("install scikit-learn")

    monkeypatch.setattr(figure, "_trials", {})
    monkeypatch.setattr(guided_training, "train_trial", fail)
    trial = figure.answer({**figure.initial(), "run": 3}).facts["trial"]
    assert trial == {"run": 3, "error": "install scikit-learn"}


def test_beside_a_trial_stands_the_last_look_of_the_same_kind_over_the_same_scales(
    figure, sweep_frame
):
    plain, decay = figure.setup()["trial"]["stored"]
    assert [plain["name"], decay["name"]] == ["SGD lr 0.1", L2]
    for stored in (plain, decay):
        test = cells(sweep_frame, stored["name"], 1000, "test_accuracy")[1:]  # without scale 0.5
        assert stored["test"] == pytest.approx(test.mean(axis=1).tolist(), abs=1e-4)
        assert stored["value"] == pytest.approx(spread(test), abs=0.01)


@pytest.mark.parametrize(
    ("query", "expected"),
    [("weight_scale != 4", [None, None]), (f"pipeline != '{L2}'", ["SGD lr 0.1", None])],
)
def test_what_is_not_stored_leaves_its_place_empty(sweep_frame, query, expected):
    stored = SweepPlayer(frame=sweep_frame.query(query)).setup()["trial"]["stored"]
    assert [row and row["name"] for row in stored] == expected
