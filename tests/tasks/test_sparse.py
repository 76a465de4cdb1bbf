import pytest
import torch

from ibcore.tasks import sparse_regression, stack_problems


def test_the_truth_is_sparse_and_explains_the_labels():
    task = sparse_regression(points=15, features=30, nonzero=4, seed=3)
    assert int((task.truth != 0).sum()) == 4
    assert set(task.truth.unique().tolist()) <= {-1.0, 0.0, 1.0}
    torch.testing.assert_close(task.y, task.x @ task.truth)
    assert float(task.excess_risk(task.truth)) == 0


def test_noise_moves_labels_alone():
    quiet, noisy = (sparse_regression(points=500, noise=n, seed=1) for n in (0.0, 2.0))
    assert torch.equal(quiet.x, noisy.x)
    assert torch.equal(quiet.truth, noisy.truth)
    assert float((noisy.y - quiet.y).std()) == pytest.approx(2.0, rel=0.1)


def test_seeds_give_different_problems_and_the_same_one_again():
    first, again, other = (sparse_regression(seed=s) for s in (0, 0, 1))
    assert torch.equal(first.x, again.x)
    assert not torch.equal(first.x, other.x)


def test_stacked_problems_keep_their_order():
    problems = [sparse_regression(seed=s) for s in range(3)]
    stacked = stack_problems(problems)
    assert torch.equal(stacked.y[2], problems[2].y)
    risk = stacked.excess_risk(torch.zeros(5, 1, 40, dtype=torch.float64))
    assert risk.shape == (5, 3)


@pytest.mark.parametrize("options", [{"points": 0}, {"nonzero": 41}])
def test_a_bad_size_is_refused(options):
    with pytest.raises(ValueError, match=str(next(iter(options.values())))):
        sparse_regression(**options)


def test_problems_of_different_sizes_cannot_be_stacked():
    with pytest.raises(ValueError, match="one shape"):
        stack_problems([sparse_regression(), sparse_regression(points=3)])
