"""Intervals and rank correlation against closed forms and an independent library."""

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibcore.stats import (
    _average_ranks,
    mean_interval,
    paired_difference,
    percentile_interval,
    spearman,
    spearman_interval,
    student_quantile,
)

SMALL = st.lists(st.integers(-5, 5), min_size=3, max_size=30)


@given(SMALL, st.integers(0, 100))
def test_spearman_equals_scipy_with_ties(x: list[int], seed: int) -> None:
    y = np.random.default_rng(seed).integers(-3, 4, len(x))
    if len(set(x)) < 2 or len(set(y.tolist())) < 2:
        return
    assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)


@given(SMALL)
def test_ranks_equal_scipy(x: list[int]) -> None:
    assert _average_ranks(np.array(x, float)).tolist() == scipy.stats.rankdata(x).tolist()


def test_spearman_depends_on_order_only_and_changes_sign_with_it() -> None:
    x = np.random.default_rng(0).normal(size=40)
    y = x + np.random.default_rng(1).normal(size=40)
    assert spearman(np.exp(x), y) == spearman(x, y) == spearman(y, x)
    assert spearman(-x, y) == pytest.approx(-spearman(x, y))


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 19, 200, 201, 10**6])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_the_quantile_of_students_t_is_that_of_scipy(level: float, freedom: int) -> None:
    expected = scipy.stats.t.ppf((1 + level) / 2, freedom)
    assert student_quantile(level, freedom) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("n", [2, 5, 19])
def test_few_values_have_the_interval_of_student(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.9)
    interval = mean_interval(values, level=0.9)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    paired = paired_difference(values + 1, np.ones(n), level=0.9)
    assert (paired.low, paired.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("n", [5, 20])
def test_expanded_percentiles_cover_where_plain_ones_do_not(n: int) -> None:
    rng, rounds, covered, plain = np.random.default_rng(0), 400, 0, 0
    for _ in range(rounds):
        values = rng.normal(size=n)
        draws = values[rng.integers(n, size=(1000, n))].mean(1)
        found = percentile_interval(float(values.mean()), draws, level=0.95, n=n)
        covered += found.low <= 0 <= found.high
        low, high = np.quantile(draws, [0.025, 0.975])
        plain += low <= 0 <= high
    assert covered > (0.88 if n == 5 else 0.92) * rounds and covered > plain


def test_the_bootstrap_interval_of_a_mean_is_the_normal_one_for_many_values() -> None:
    values = np.random.default_rng(0).exponential(size=4000)
    interval = mean_interval(values, draws=4000)
    half = 1.959964 * values.std() / np.sqrt(len(values))
    # A quantile of 4000 draws is uncertain by about 3 % of the half width; allow 3 of these.
    assert interval.high - interval.value == pytest.approx(half, rel=0.1)
    assert interval.value - interval.low == pytest.approx(half, rel=0.1)


def test_the_interval_covers_the_true_mean_as_often_as_theory_says() -> None:
    n, trials = 40, 500
    samples = np.random.default_rng(0).normal(3.0, 2.0, size=(trials, n))
    found = [mean_interval(sample, draws=2000, seed=i) for i, sample in enumerate(samples)]
    covered = np.mean([interval.low <= 3.0 <= interval.high for interval in found])
    expected = 0.95
    assert abs(covered - expected) < 3 * np.sqrt(expected * (1 - expected) / trials)


def test_a_paired_difference_removes_what_the_pairs_share() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 100, 50)
    interval = paired_difference(shared + 1 + rng.normal(0, 0.1, 50), shared)
    assert interval.low < 1 < interval.high and interval.high - interval.low < 0.1
    assert interval.n == 50


def test_the_interval_of_a_rank_correlation_is_that_of_resampled_pairs() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    y = x + rng.normal(size=60)
    ours = spearman_interval(x, y, draws=1500)
    theirs = scipy.stats.bootstrap(
        (x, y),
        lambda a, b: scipy.stats.spearmanr(a, b).statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=1500,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert ours.value == spearman(x, y) and ours.n == 60
    assert ours.low == pytest.approx(theirs.low, abs=0.04)
    assert ours.high == pytest.approx(theirs.high, abs=0.03)


def test_resamples_without_a_ranking_are_drawn_again() -> None:
    interval = spearman_interval([0, 0, 0, 1], [0, 0, 0, 1])
    assert interval.low == pytest.approx(1) and interval.high == pytest.approx(1)


def test_the_same_seed_gives_the_same_interval_and_the_global_state_is_untouched() -> None:
    values = np.random.default_rng(0).normal(size=30)
    before = np.random.get_state()[1].copy()
    first, again, other = (mean_interval(values, seed=seed) for seed in (1, 1, 2))
    assert first == again and first != other
    assert (np.random.get_state()[1] == before).all()


def test_chunks_of_resamples_do_not_change_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=30)
    whole = mean_interval(values)
    monkeypatch.setattr("ibcore.stats._CHUNK", 100)
    assert mean_interval(values) == whole


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0], "holds 1 values"),
        ([], "holds 0 values"),
        ([1.0, float("nan"), 2.0], "values holds a value that is not finite: nan"),
        ([1.0, 1e301], r"values must be at least .* at most 1e\+300, got 1e\+301"),
        ([[1.0, 2.0]], r"shape \(1, 2\)"),
    ],
)
def test_bad_values_are_refused(values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_interval(values)


def test_bad_options_and_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="level must be above 0 and below 1, got 95"):
        mean_interval([1, 2], level=95)
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        spearman_interval([1, 2], [1, 2], draws=0)
    with pytest.raises(ValueError, match="a has 2 values but b has 3"):
        paired_difference([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"all 3 values of y equal 2\.0"):
        spearman([1, 2, 3], [2, 2, 2])


def test_values_apart_by_rounding_alone_are_tied() -> None:
    noisy = [0.3, 0.1 + 0.2, 1.0, 2.0]  # 0.1 + 0.2 is above 0.3 by rounding
    assert spearman(noisy, [2, 1, 3, 4]) == spearman([0, 0, 1, 2], [2, 1, 3, 4])
    with pytest.raises(ValueError, match=r"all 2 values of x equal 0\.3"):
        spearman_interval(noisy[:2], [1, 2])


def test_tensors_and_whole_numbers_are_samples_too() -> None:
    assert mean_interval(torch.tensor([1, 2, 4])) == mean_interval([1.0, 2.0, 4.0])
    assert mean_interval(np.array([True, False])) == mean_interval([1.0, 0.0])
