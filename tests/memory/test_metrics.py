"""Spread, slope, disagreement, clocks, the gate and forgetting times on hand-made arrays."""

import numpy as np
import pytest
import torch

from ibcore.memory import (
    at_selected,
    disagreement,
    disagreement_by_scale,
    explicit_clock,
    forgetting_time,
    gate,
    noise_clock,
    scale_slope,
    selected_look,
    spread,
    spread_interval,
    spread_per_seed,
)
from ibcore.stats import mean_interval, percentile_interval

ACCURACY = np.array([[0.95, 0.93, 0.97], [0.96, 0.94, 0.92], [0.50, 0.70, 0.60]])
MANY = np.random.default_rng(0).uniform(size=(3, 20))


def test_the_spread_is_that_of_the_seed_means():
    assert spread(ACCURACY) == pytest.approx(35.0)
    assert spread_per_seed(ACCURACY) == pytest.approx([46.0, 24.0, 37.0])
    assert spread(torch.tensor(ACCURACY)) == pytest.approx(35.0)
    assert spread(np.full((4, 2), 0.8)) == 0


def test_the_mean_of_the_spreads_per_seed_is_at_least_the_spread_of_the_means():
    noise = np.random.default_rng(0).uniform(size=(5, 40))
    assert spread_per_seed(noise).mean() > 2 * spread(noise)


def test_the_interval_resamples_whole_seeds():
    paired = np.array([[0.9, 0.5, 0.7], [0.8, 0.4, 0.6]])  # differ by 10 points in every seed
    interval = spread_interval(paired)
    assert (interval.value, interval.low, interval.high) == pytest.approx((10.0, 10.0, 10.0))
    wide = spread_interval(MANY)
    assert wide.low < wide.value < wide.high and wide.n == 20
    few = [spread_interval(MANY, seed=seed, draws=9) for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]


def test_the_interval_of_few_seeds_is_that_of_their_differences():
    spreads = spread_per_seed(ACCURACY[[0, 2]])  # the order of these scales is the same everywhere
    expected, found = mean_interval(spreads), spread_interval(ACCURACY[[0, 2]])
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )


@pytest.mark.parametrize("draws", [1, 7, 2000])
def test_the_interval_equals_a_plain_loop_over_the_same_resamples(draws, monkeypatch):
    monkeypatch.setattr("ibcore.memory.metrics._CHUNK", 60 * 5)  # five draws at once
    rng, values = np.random.default_rng(3), []
    for start in range(0, draws, 5):
        for rows in rng.integers(20, size=(min(5, draws - start), 20)):
            values.append(spread(MANY[:, rows]))
    interval = spread_interval(MANY, draws=draws, seed=3)
    expected = percentile_interval(interval.value, np.array(values), level=0.95, n=20)
    assert interval == expected


def test_the_slope_is_in_points_per_doubling():
    assert scale_slope(ACCURACY, [1, 4, 16]) == pytest.approx((60 - 95) / 4)
    rng = np.random.default_rng(0)
    accuracy, scales = rng.uniform(size=(5, 3)), np.array([0.5, 1, 2, 4, 8])
    expected = np.polyfit(np.log2(scales), 100 * accuracy.mean(1), 1)[0]
    assert scale_slope(accuracy, scales) == pytest.approx(expected)


def test_disagreement_sees_functions_that_differ_at_equal_accuracy():
    truth = np.array([0, 0, 0, 0])
    predictions = np.array([[[0, 0, 1, 1]], [[1, 1, 0, 0]]])  # both are right half of the time
    accuracy = (predictions == truth).mean(2)
    assert spread(accuracy) == 0
    assert disagreement(predictions).tolist() == [1.0]


def test_disagreement_averages_pairs_of_scales_and_keeps_seeds_apart():
    rng = np.random.default_rng(0)
    predictions = rng.integers(3, size=(4, 2, 50))
    pairs = [(a, b) for a in range(4) for b in range(a)]
    for seed in range(2):
        one = [(predictions[a, seed] != predictions[b, seed]).mean() for a, b in pairs]
        assert disagreement(predictions)[seed] == pytest.approx(np.mean(one))
    assert disagreement_by_scale(predictions).mean(0) == pytest.approx(disagreement(predictions))
    assert disagreement(np.zeros((3, 2, 5), dtype=np.uint8)).tolist() == [0, 0]
    with pytest.raises(TypeError, match="predictions must hold classes as whole numbers"):
        disagreement([[[0.5]], [[0.1]]])


def test_the_selected_look_is_the_first_best_of_each_run():
    validation = np.array([[0.1, 0.9], [0.8, 0.7], [0.8, 0.9]])
    test = np.array([[0.2, 0.6], [0.7, 0.5], [0.9, 0.4]])
    assert selected_look(validation).tolist() == [1, 0]
    assert at_selected(validation, test).tolist() == [0.7, 0.6]


def test_the_gate_lets_a_spread_be_memory_only_after_training():
    fitted = np.full((5, 3), 0.997)
    assert gate(fitted) == "trained"
    fitted[2, 1] = 0.994
    assert gate(fitted) == "undertrained"
    assert gate(fitted, at_least=0.99) == "trained"


def test_the_forgetting_time_is_the_first_look_from_which_the_spread_stays_small():
    times = [100, 200, 400, 800, 1600]
    assert forgetting_time(times, [40, 20, 2, 1, 0.5], 2) == 400
    assert forgetting_time(times, [40, 1, 30, 1, 0.5], 2) == 800  # it grew once more
    assert forgetting_time(times, [1, 1, 1, 1, 1], 2) == 100
    assert forgetting_time([3], [2.0], 2) == 3


def test_the_forgetting_time_is_censored_where_the_last_look_is_not_there():
    assert forgetting_time([100, 200, 400], [40, 1, 3], 2) is None
    assert forgetting_time([100, 200], [40, 30], 2) is None


def test_before_it_has_fitted_a_network_has_not_forgotten():
    times, spreads = [0, 10, 20], [0.5, 1.0, 1.0]
    assert forgetting_time(times, spreads, 2) == 0
    assert forgetting_time(times, spreads, 2, train_accuracy=[0.1, 0.98, 1.0]) == 20
    assert forgetting_time(times, spreads, 2, train_accuracy=[0.1, 1.0, 0.98]) is None


def test_a_computed_spread_on_the_bound_is_within_it():
    accuracy = [[0.96], [0.94]]
    assert spread(accuracy) > 2.0  # 2.0000000000000018
    assert forgetting_time([5], [spread(accuracy)], 2) == 5
    assert gate([1 - 0.001 * 5], at_least=0.995) == "trained"
    assert selected_look([[0.3], [0.1 + 0.2], [0.2]]).tolist() == [0]


def test_the_explicit_clock_counts_foldings_of_a_squared_weight():
    rate, decay, steps = 1e-3, 0.05, 2000
    w = 1.0
    for _ in range(steps):
        w *= 1 - rate * decay
    clock = explicit_clock(steps, learning_rate=rate, weight_decay=decay)
    assert w**2 == pytest.approx(np.exp(-clock), rel=1e-4)


def test_momentum_speeds_the_explicit_clock():
    rate, decay, momentum, steps = 1e-3, 0.05, 0.9, 4000
    w, velocity = 1.0, 0.0
    for _ in range(steps):
        velocity = momentum * velocity + decay * w
        w -= rate * velocity
    clock = explicit_clock(steps, learning_rate=rate, weight_decay=decay, momentum=momentum)
    assert 2 * np.log(w) == pytest.approx(-clock, rel=0.01)


def test_the_noise_clock_is_the_square_of_the_rate_over_the_batch():
    assert noise_clock(10, learning_rate=0.5, batch_size=5, squared_gradient=4) == pytest.approx(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spread([0.5, 0.6]), r"shape \(scales, seeds\) with at least 2 scales, got \(2,\)"),
        (lambda: spread([[0.5, 0.6]]), r"got \(1, 2\)"),
        (lambda: spread([[95.0], [93.0]]), "between 0 and 1, got 95; divide per cent by 100"),
        (lambda: spread_interval([[0.5], [0.6]]), "at least 2 seeds for an interval, got 1"),
        (lambda: scale_slope(ACCURACY, [1, 2]), r"scales must be 3 numbers.*got \[1.0, 2.0\]"),
        (lambda: scale_slope(ACCURACY, [0.3, 0.3, 0.3]), "all scales equal 0.3"),
        (lambda: disagreement([[0, 1], [1, 1]]), r"\(scales, seeds, points\).*got \(2, 2\)"),
        (lambda: at_selected([[0.5]], [[0.5, 0.6]]), r"\(1, 2\), validation \(1, 1\)"),
        (lambda: gate([]), "empty"),
        (lambda: forgetting_time([1, 2], [1.0], 2), r"got \(2,\), \(1,\) and \(1,\)"),
        (lambda: forgetting_time([2, 1], [1.0, 1.0], 2), "times must increase"),
        (lambda: forgetting_time([1], [-1.0], 2), "at least 0"),
        (lambda: forgetting_time([1], [1.0], -1), "eps .* got -1"),
        (lambda: forgetting_time([1], [1.0], 1, train_accuracy=[1, 1]), r"\(1,\) and \(2,\)"),
        (lambda: noise_clock(1, learning_rate=1, batch_size=0.5), "batch_size must be at least 1"),
        (lambda: noise_clock(1, learning_rate=1e200, batch_size=1), "clock is not finite"),
        (lambda: explicit_clock(1e200, learning_rate=1e200, weight_decay=1), "not finite"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
