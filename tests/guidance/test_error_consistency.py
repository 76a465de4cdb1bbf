"""Cohen's kappa between errors: closed forms, a peer, and the coverage of its interval."""

import numpy as np
import pytest
import torch
from sklearn.metrics import cohen_kappa_score

from ibcore.guidance import error_consistency


def draws(accuracy, other, shared, n, seed):
    """Two classifiers that share a part of their luck."""
    rng = np.random.default_rng(seed)
    luck = rng.uniform(size=(3, n))
    same = rng.uniform(size=n) < shared
    return luck[0] < accuracy, np.where(same, luck[0], luck[1]) < other


def test_kappa_equals_scikit_learn():
    for seed, (a, b, shared) in enumerate([(0.7, 0.7, 0.5), (0.9, 0.4, 0.0), (0.2, 0.6, 1.0)]):
        first, second = draws(a, b, shared, 300, seed)
        value = error_consistency(first, second).value
        assert value == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


def test_same_independent_and_opposite_errors_have_kappa_1_0_and_minus_1():
    right = np.tile([True, True, False, False], 50)
    other = np.tile([True, False, True, False], 50)
    assert error_consistency(right, right).value == 1
    assert error_consistency(right, other).value == pytest.approx(0)
    assert error_consistency(right, ~right).value == pytest.approx(-1)
    interval = error_consistency(right, right)
    assert (interval.low, interval.high, interval.n) == (1, 1, 200)


def test_kappa_is_symmetric_and_does_not_grow_with_accuracy_alone():
    first, second = draws(0.95, 0.95, 0.0, 40_000, 0)
    assert (first == second).mean() > 0.88
    interval = error_consistency(first, second)
    assert interval.low < 0 < interval.high
    assert error_consistency(second, first).value == pytest.approx(interval.value)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    truth = error_consistency(*draws(0.8, 0.7, 0.5, 400_000, 99), draws=2).value
    hits = 0
    for seed in range(200):
        interval = error_consistency(*draws(0.8, 0.7, 0.5, 300, seed), draws=400)
        hits += interval.low <= truth <= interval.high
    assert 0.89 <= hits / 200 <= 0.99


def test_a_seed_fixes_the_interval():
    first, second = draws(0.7, 0.6, 0.3, 100, 0)
    one, two, three = (error_consistency(first, second, seed=s) for s in (0, 0, 1))
    assert one == two != three


def test_resamples_without_errors_are_drawn_again():
    right = np.array([True] * 30)
    almost = right.copy()
    almost[0] = False
    interval = error_consistency(right, almost)  # many resamples have no error at all
    assert np.isfinite([interval.low, interval.high]).all()


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([[True]], [[True]], r"shape \(n,\) with n >= 1, got \(1, 1\)"),
        ([True, False], [True], "first has 2 points but second 1"),
        ([True, True], [True, True], "both classifiers are right on all 2 points"),
        ([False, False], [False, False], "both classifiers are wrong on all 2 points"),
    ],
)
def test_bad_input_is_named(first, second, message):
    with pytest.raises(ValueError, match=message):
        error_consistency(first, second)


def test_shares_are_no_flags_and_tensors_are_read_as_arrays():
    first, second = draws(0.7, 0.6, 0.3, 50, 0)
    with pytest.raises(
        TypeError, match=r"second must be booleans, predictions == labels, got int64"
    ):
        error_consistency(first, second.astype(int))
    tensors = torch.tensor(first), second.tolist()
    assert error_consistency(*tensors) == error_consistency(first, second)
