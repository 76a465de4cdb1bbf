"""The ideal learner and the simplest one, on families small enough to check by hand."""

import math
from itertools import product

import pytest
import torch

from ibcore.metainit import (
    TaskPrior,
    guess_accuracy,
    memorize_majority,
    posterior,
)
from ibcore.tasks import (
    concept_inputs,
    concept_prior,
    moduli,
    number_inputs,
    remainder_tables,
    sample_concepts,
    table_episodes,
)


@pytest.fixture(scope="module")
def concepts():
    return TaskPrior(*concept_prior(draws=60))


def everything(objects=3):
    """Return all labelings, equally probable: nothing can be learned beyond memory."""
    tables = torch.tensor(list(product([0.0, 1.0], repeat=objects))).double()
    return TaskPrior(tables, torch.full((len(tables),), 1 / len(tables)).double())


def test_with_all_labelings_equally_probable_only_memory_helps():
    belief = posterior(everything(), torch.tensor([[0, 2, 2]]), torch.tensor([[1, 0, 0]]))
    assert belief.mean.tolist() == [[1.0, 0.5, 0.0]]
    assert belief.variance.tolist() == [[0.0, 0.25, 0.0]]
    assert belief.expected_accuracy().item() == pytest.approx(2.5 / 3)
    assert belief.expected_error().item() == pytest.approx(0.25 / 3)


def test_the_posterior_weighs_consistent_tasks_by_their_prior():
    tables = torch.tensor([[1.0, 1, 0], [1, 0, 0], [0, 1, 1]]).double()
    prior = TaskPrior(tables, torch.tensor([0.1, 0.3, 0.6], dtype=torch.float64))
    belief = posterior(prior, torch.tensor([[0]]), torch.tensor([[1]]))
    torch.testing.assert_close(belief.mean, torch.tensor([[1.0, 0.25, 0.0]]).double())


def test_gaussian_noise_gives_the_posterior_of_its_formula():
    tables = torch.tensor([[0.0, 1.0], [2.0, 5.0]]).double()
    prior = TaskPrior(tables, torch.tensor([0.5, 0.5]).double())
    belief = posterior(prior, torch.tensor([[0, 0]]), torch.tensor([[0.7, 0.9]]), noise=0.8)
    odds = math.exp((-(0.7**2) - 0.9**2 + 1.3**2 + 1.1**2) / (2 * 0.8**2))
    first = odds / (1 + odds)
    assert belief.mean[0, 1].item() == pytest.approx(first + 5 * (1 - first))
    assert belief.variance[0, 1].item() == pytest.approx(16 * first * (1 - first))


def test_many_support_sets_equal_each_alone(concepts):
    drawn = table_episodes(
        concept_inputs(), sample_concepts(200, seed=1), tasks=7, support=4, seed=2
    )
    whole = posterior(concepts, drawn.picked, drawn.support[1])
    alone = [
        posterior(concepts, drawn.picked[i : i + 1], drawn.support[1][i : i + 1]).mean
        for i in range(7)
    ]
    torch.testing.assert_close(whole.mean, torch.cat(alone), rtol=1e-12, atol=1e-14)


def test_exact_labels_are_the_limit_of_small_noise():
    prior = everything(4)
    picked, labels = torch.tensor([[0, 3], [1, 1]]), torch.tensor([[1, 0], [0, 0]])
    exact, noisy = (posterior(prior, picked, labels, noise=noise) for noise in (None, 0.05))
    torch.testing.assert_close(exact.mean, noisy.mean, rtol=0, atol=1e-9)
    torch.testing.assert_close(exact.variance, noisy.variance, rtol=0, atol=1e-9)


def test_the_ideal_learners_expectation_comes_true_on_concepts_from_the_prior(concepts):
    tables = sample_concepts(3000, seed=11)
    for n in (5, 15):
        drawn = table_episodes(concept_inputs(), tables, tasks=600, support=n, seed=n)
        belief = posterior(concepts, drawn.picked, drawn.support[1])
        scores = guess_accuracy(belief.mean, drawn.query[1])
        error = scores.std().item() / 600**0.5
        assert abs(scores.mean() - belief.expected_accuracy().mean()) < 3 * error


@pytest.mark.parametrize(("n", "ceiling", "floor"), [(5, 0.889, 0.671), (15, 0.981, 0.829)])
def test_ceiling_and_floor_are_near_those_of_an_earlier_independent_sampler(
    concepts, n, ceiling, floor
):
    tables = sample_concepts(3000, seed=12)
    drawn = table_episodes(concept_inputs(), tables, tasks=600, support=n, seed=n)
    best = posterior(concepts, drawn.picked, drawn.support[1]).expected_accuracy().mean().item()
    guesses = memorize_majority(drawn.picked, drawn.support[1], 16)
    worst = guess_accuracy(guesses, drawn.query[1]).mean().item()
    assert best == pytest.approx(ceiling, abs=0.03)
    assert worst == pytest.approx(floor, abs=0.03)
    assert worst < best


def test_twenty_noisy_numbers_tell_the_modulus():
    chosen = moduli("interpolation").train
    tables = remainder_tables(chosen, dtype=torch.float64)
    prior = TaskPrior(tables[..., 0], torch.full((20,), 0.05, dtype=torch.float64))
    drawn = table_episodes(number_inputs("bits"), tables, tasks=None, support=20, noise=0.1)
    belief = posterior(prior, drawn.picked, drawn.support[1][..., 0], noise=0.1)
    assert belief.expected_error().max() < 1e-6
    torch.testing.assert_close(belief.mean, tables[..., 0], rtol=0, atol=1e-3)


def test_memory_and_majority_with_a_tie_left_open():
    picked, labels = torch.tensor([[0, 1], [2, 2]]), torch.tensor([[1, 0], [1, 1]])
    guesses = memorize_majority(picked, labels, 3)
    assert guesses.tolist() == [[1.0, 0.0, 0.5], [1.0, 1.0, 1.0]]
    scores = guess_accuracy(guesses, torch.tensor([[1, 0, 1], [1, 1, 0]]))
    assert scores.tolist() == pytest.approx([2.5 / 3, 2 / 3])


HALF = torch.tensor([0.5, 0.5]).double()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TaskPrior(torch.eye(2), HALF), "must be float64, got torch.float32"),
        (lambda: TaskPrior(torch.eye(2).double(), 2 * HALF), "got a sum of 2"),
        (lambda: TaskPrior(torch.eye(3).double(), HALF), r"got \(3, 3\) and \(2,\)"),
        (
            lambda: posterior(
                TaskPrior(torch.eye(2).double(), HALF),
                torch.tensor([[0, 1], [0, 1]]),
                torch.tensor([[0, 1], [1, 1]]),
            ),
            "no task of the prior agrees with support set 1",
        ),
        (
            lambda: posterior(everything(), torch.tensor([[3]]), torch.tensor([[1]])),
            "picked must number the 3 objects from 0, got 3",
        ),
        (
            lambda: posterior(everything(), torch.tensor([0]), torch.tensor([1])),
            r"need picked, labels \(t, n\)",
        ),
        (
            lambda: posterior(everything(), torch.tensor([[0]]), torch.tensor([[1]]), noise=0.0),
            "noise must be above 0",
        ),
        (
            lambda: memorize_majority(torch.tensor([[0]]), torch.tensor([[2]]), 3),
            "labels must be 0 or 1",
        ),
        (lambda: guess_accuracy(torch.zeros(1, 2), torch.zeros(1, 3)), "got guesses"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_equal_numbers_are_equal_whatever_their_rounding():
    tables = torch.tensor([[0.1 + 0.2, 1.0], [0.4, 0.0]]).double()
    tables[0, 0] = 0.1 + 0.2  # 0.30000000000000004
    prior = TaskPrior(tables, HALF)
    assert posterior(prior, [[0]], [[0.3]]).mean[0, 1] == 1
    guesses = torch.tensor([[1 - 0.9 + 0.4, 0.5]]).double()  # 0.49999999999999994 or 0.5
    assert guess_accuracy(guesses, torch.ones(1, 2)).tolist() == [0.5]


def test_without_a_vote_and_without_weight_nothing_is_said():
    empty = torch.zeros(2, 0, dtype=torch.int64)
    assert memorize_majority(empty, torch.zeros(2, 0), 3).unique().tolist() == [0.5]
    prior = TaskPrior(torch.eye(2).double(), torch.tensor([1.0, 0.0]).double())
    with pytest.raises(ValueError, match="no task of the prior agrees with support set 0"):
        posterior(prior, [[0]], [[0]])
    with pytest.raises(ValueError, match="noise=1e-200 is too small"):
        posterior(prior, [[0]], [[0]], noise=1e-200)
    for wrong, message in (([[3]], "number the 2 objects"), ([[-1]], "picked must hold classes")):
        with pytest.raises(ValueError, match=message):
            memorize_majority(wrong, [[0]], 2)
