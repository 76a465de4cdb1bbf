"""Guess and check against probabilities that are known, and the interval of its hit rate."""

import math

import pytest
import scipy.stats
import torch

from ibcore.nets import MLP
from ibcore.population import Population, member_seed
from ibcore.redshift import Guesses, UnbiasedModel, check_guesses, network_guesser, unbiased_guesser
from ibcore.runtime import generator
from ibcore.stats import wilson_interval

POINTS = torch.rand(20, 2, generator=generator(0), dtype=torch.float64) * 2 - 1
SIGNS = torch.where(POINTS[:, 0] > 0, 1.0, -1.0)
TRAIN, TEST = (POINTS[:4], SIGNS[:4]), (POINTS[4:], SIGNS[4:])


def coin_guesser(points, first, count):
    """Independent fair signs, as a function with no preference at all would give."""
    rngs = [generator(member_seed(9, first + i)) for i in range(count)]
    return torch.stack([torch.randn(len(points), generator=rng) for rng in rngs])


def test_fair_coins_hit_as_often_as_the_baseline_and_do_not_generalize():
    result = check_guesses(coin_guesser, TRAIN, TEST, samples=8000)
    assert result.baseline == 1 / 16
    assert result.hit_rate.low < 1 / 16 < result.hit_rate.high
    assert result.accuracy == pytest.approx(0.5, abs=0.03)  # 500 hits at 16 points


def test_hits_and_accuracy_equal_a_plain_loop_over_modules():
    options = {"weight_scale": 2.0, "bias_scale": 0.2, "seed": 3}
    net = MLP(depth=2, width=8, activation="tanh")
    result = check_guesses(network_guesser(net, **options), TRAIN, TEST, samples=150)
    population = Population.sample(net, networks=150, **options)
    scores = []
    for index in range(150):
        member = population.member(index)
        if all((member(x[None]).item() > 0) == (y > 0) for x, y in zip(*TRAIN, strict=True)):
            right = [(member(x[None]).item() > 0) == (y > 0) for x, y in zip(*TEST, strict=True)]
            scores.append(sum(map(bool, right)) / len(right))
    assert result.hits == len(scores) > 3
    assert result.accuracy == pytest.approx(sum(scores) / len(scores))


def test_the_chunk_changes_nothing():
    guess = network_guesser(MLP(depth=2, width=8), bias_scale=0.0)
    results = [check_guesses(guess, TRAIN, TEST, samples=100, chunk=c) for c in (7, 100, 1000)]
    assert results[0] == results[1] == results[2]
    assert results[0].samples == 100


def test_the_unbiased_guesser_equals_the_modules():
    values = unbiased_guesser(12, amplitude=2.0, seed=5)(POINTS, 2, 3)
    for row, member in enumerate(range(2, 5)):
        model = UnbiasedModel(12, amplitude=2.0, seed=member_seed(5, member))
        torch.testing.assert_close(values[row], model(POINTS)[:, 0].detach(), rtol=1e-9, atol=1e-9)


def test_without_a_hit_the_accuracy_is_not_a_number_and_the_interval_is_not_a_point():
    impossible = (
        torch.zeros(2, 2, dtype=torch.float64),
        torch.tensor([1.0, -1.0]),
    )  # one point twice
    result = check_guesses(network_guesser(MLP(width=4)), impossible, TEST, samples=50)
    assert result.hits == 0 and math.isnan(result.accuracy)
    assert result.hit_rate.low == 0 < result.hit_rate.high < 0.1


def test_a_value_of_zero_is_wrong_for_both_labels():
    def zero(points, first, count):
        return torch.zeros(count, len(points))

    assert check_guesses(zero, TRAIN, TEST, samples=5).hits == 0


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (41, 2000)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_wilson_interval_equals_scipy(successes, trials, level):
    ours = wilson_interval(successes, trials, level=level)
    theirs = scipy.stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert (ours.value, ours.n) == (successes / trials, trials)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="successes must be at most trials, got 6 of 5"):
        wilson_interval(6, 5)


def test_the_result_states_its_rate_with_an_interval():
    result = Guesses(samples=400, hits=10, points=8, accuracy=0.75)
    assert result.hit_rate == wilson_interval(10, 400)
    assert result.baseline == 1 / 256


@pytest.mark.parametrize(
    ("train", "options", "message"),
    [
        ((POINTS, SIGNS[:3]), {"samples": 5}, r"train must be points .* got \(20, 2\) and \(3,\)"),
        ((POINTS, SIGNS * 2), {"samples": 5}, r"train has labels other than \+1 and -1"),
    ],
)
def test_bad_input_is_named(train, options, message):
    with pytest.raises(ValueError, match=message):
        check_guesses(network_guesser(MLP(width=4)), train, TEST, **options)
