"""The gap between architectures, its reduction, and why inverse variances are not used."""

import numpy as np
import pytest

from ibcore.metainit import gap, gap_reduction, pool_inverse_variance

SCORES = [[0.8, 0.82, 0.93], [0.7, 0.7, 0.7], [0.95, 0.9, 1.0]]  # means 0.85, 0.7, 0.95


def test_the_three_kinds_of_gap_match_their_definitions():
    assert gap(SCORES) == pytest.approx((0.15 + 0.1 + 0.25) / 3)
    assert gap(SCORES, kind="range") == pytest.approx(0.25)
    assert gap(SCORES, kind="deviation") == pytest.approx(np.std([0.85, 0.7, 0.95], ddof=1))


def test_for_two_architectures_pairs_and_range_agree_and_order_never_matters():
    assert gap(SCORES[:2]) == pytest.approx(gap(SCORES[:2], kind="range"))
    for kind in ("pairwise", "range", "deviation"):
        assert gap(SCORES[::-1], kind=kind) == pytest.approx(gap(SCORES, kind=kind))
        assert gap([[1.0, 0.0], [0.0, 1.0]], kind=kind) == 0


def arm(spread, noise=0.0, seed=0, models=10):
    """Return scores (2 conditions, 3 architectures, models) with gaps in proportion to spread."""
    rng = np.random.default_rng(seed)
    means = 0.8 + np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0]])[..., None] * spread
    return means + noise * rng.standard_normal((2, 3, models))


def test_without_noise_the_reduction_is_exact_and_its_interval_a_point():
    for kind in ("pairwise", "range", "deviation"):
        reduction = gap_reduction(arm(0.04), arm(0.01), kind=kind)
        assert reduction.each == pytest.approx((0.75, 0.75))
        for interval in (reduction.mean, reduction.of_means):
            assert (interval.value, interval.low, interval.high) == pytest.approx((0.75,) * 3)
    assert reduction.mean.n == 10
    assert reduction.widened == ()


def test_conditions_in_which_the_gap_widens_are_listed():
    learned = np.concatenate([arm(0.01)[:1], arm(0.05)[1:]])
    reduction = gap_reduction(arm(0.04), learned)
    assert reduction.widened == (1,)
    assert reduction.each == pytest.approx((0.75, -0.25))
    assert reduction.mean.value == pytest.approx(0.25)
    ratio = 1 - sum(reduction.with_starts) / sum(reduction.without)
    assert reduction.of_means.value == pytest.approx(ratio)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(100):
        reduction = gap_reduction(
            arm(0.04, 0.01, seed), arm(0.01, 0.002, seed + 1000), kind="range", draws=300
        )
        hits += reduction.mean.low <= 0.75 <= reduction.mean.high
    assert 84 <= hits <= 100


def test_a_model_carries_its_scores_through_all_conditions():
    """If one model's luck is the same everywhere, more conditions do not narrow the interval."""
    without, learned = arm(0.04, 0.02)[:1], arm(0.01)[:1]
    one = gap_reduction(without, learned).mean
    four = gap_reduction(np.repeat(without, 4, 0), np.repeat(learned, 4, 0)).mean
    assert (four.low, four.high) == pytest.approx((one.low, one.high))


def test_models_of_different_architectures_are_drawn_independently():
    luck = np.array([-0.05, 0.0, 0.05])  # the same in both architectures, but not paired
    without = np.array([[0.6 + luck, 0.8 + luck]])
    interval = gap_reduction(without, np.array([[[0.8] * 3, [0.85] * 3]])).mean
    assert interval.high - interval.low > 0.05


def test_the_numbers_of_models_may_differ_between_the_arms():
    assert gap_reduction(arm(0.04, models=3), arm(0.01, models=7)).mean.n == 3


def test_inverse_variances_favor_easy_cells_where_plain_means_do_not():
    rng = np.random.default_rng(0)
    difficulty = rng.uniform(0.6, 1.0, 300)  # true mean accuracy 0.8
    cells = rng.binomial(16, difficulty[:, None], (300, 10)) / 16
    assert cells.mean() == pytest.approx(0.8, abs=0.02)
    assert pool_inverse_variance(cells) > cells.mean() + 0.05
    errors = rng.lognormal(0.0, 1.5, (300, 10)) * rng.lognormal(0.0, 1.0, (300, 1))
    assert pool_inverse_variance(errors) < 0.3 * errors.mean()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gap([0.1, 0.2]), r"scores must have shape \(architectures, models\)"),
        (lambda: gap([[0.1, 0.2]]), r"got \(1, 2\)"),
        (lambda: gap([[0.1], [np.nan]]), "scores holds a value that is not finite"),
        (lambda: gap(SCORES, kind="variance"), "unknown kind 'variance'"),
        (lambda: gap_reduction(arm(0.1)[0], arm(0.1)), r"\(conditions, architectures, models\)"),
        (lambda: gap_reduction(arm(0.1), arm(0.1)[:1]), "conditions and architectures must agree"),
        (lambda: gap_reduction(arm(0.0), arm(0.1)), "condition 0 has no gap without"),
        (lambda: gap_reduction(arm(0.1, models=1), arm(0.1)), "at least 2 models"),
        (lambda: gap_reduction(arm(0.1), arm(0.1), level=1.0), "level must be above 0 and below 1"),
        (lambda: pool_inverse_variance([[1.0], [2.0]]), "need at least 2 runs"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_gap_of_rounding_noise_is_no_gap():
    sums = [[0.1 + 0.2], [0.3]]
    for kind in ("pairwise", "range", "deviation"):
        assert gap(sums, kind=kind) == 0
    with pytest.raises(ValueError, match="condition 0 has no gap without"):
        gap_reduction([[[0.1 + 0.2] * 2, [0.3] * 2]], arm(0.1)[:1, :2])
