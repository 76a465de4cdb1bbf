"""Modular addition: labels from the definition, a split that is fair, and what is refused."""

import itertools
import operator

import pytest
import torch

from ibcore.tasks import grid, modular_addition, modular_labels

COMPARE = {"below": operator.lt, "at_most": operator.le}


@pytest.mark.parametrize("rule", COMPARE)
@pytest.mark.parametrize("modulus", [4, 7, 10])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_labels_follow_the_definition_at_every_point(modulus, dimensions, rule):
    labels = modular_labels(modulus, numbers=9, dimensions=dimensions, rule=rule)
    for point in itertools.product(range(9), repeat=dimensions):
        assert labels[point].item() == COMPARE[rule](2 * (sum(point) % modulus), modulus)


def test_labels_are_balanced_unless_points_at_one_half_count_as_ones():
    share = {(m, r): modular_labels(m, rule=r).double().mean() for m in (4, 7, 10) for r in COMPARE}
    assert abs(share[4, "below"] - 0.5) < 0.02
    assert abs(share[4, "at_most"] - 0.75) < 0.02
    assert share[7, "below"] == share[7, "at_most"]
    task = modular_addition(4, rule="at_most")
    assert torch.cat([task.train_y, task.test_y]).double().mean() == share[4, "at_most"]


def test_a_smaller_modulus_has_more_stripes():
    changes = [modular_labels(m)[0].diff().abs().sum().item() for m in (10, 7, 4)]
    assert changes == sorted(changes)
    assert len(set(changes)) == 3


def test_a_picture_at_whole_numbers_is_the_task_itself():
    assert torch.equal(modular_labels(7, points=16), modular_labels(7))
    fine = modular_labels(7, points=151)  # every tenth point is a whole number, up to rounding
    agree = (fine[::10, ::10] == modular_labels(7)).double().mean()
    assert agree > 0.8
    assert fine.shape == (151, 151)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_two_sets_are_all_points_once_with_their_labels(seed):
    task = modular_addition(7, seed=seed)
    x, y = torch.cat([task.train_x, task.test_x]), torch.cat([task.train_y, task.test_y])
    position = ((x + 1) * 7.5).round().long()
    assert len(set(map(tuple, position.tolist()))) == 256
    assert torch.equal(modular_labels(7)[position[:, 0], position[:, 1]], y)
    assert len(task.train_x) == 153


def test_points_are_those_of_the_grid_in_the_dtype_asked_for():
    task = modular_addition(10, numbers=4, dtype=torch.float32)
    together = torch.cat([task.train_x, task.test_x])
    assert together.dtype == torch.float32
    assert sorted(together.tolist()) == sorted(grid(4, dtype=torch.float32).tolist())


def test_the_split_depends_on_the_seed_and_not_on_the_modulus_or_the_global_state():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, other, next_seed = (
        modular_addition(modulus, seed=seed) for modulus, seed in ((10, 3), (4, 3), (10, 4))
    )
    assert torch.equal(one.train_x, other.train_x)
    assert not torch.equal(one.train_x, next_seed.train_x)
    assert torch.equal(before, torch.get_rng_state())


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="modulus must be a whole number at least 2, got 1"):
        modular_labels(1)
    with pytest.raises(TypeError, match="modulus must be a whole number, got nan"):
        modular_labels(float("nan"))
    with pytest.raises(ValueError, match=r"numbers=1000000 needs about .* GB"):
        modular_labels(4, numbers=10**6, dimensions=2)
    with pytest.raises(ValueError, match=r"train_fraction 0\.001 leaves 0 of 256"):
        modular_addition(4, train_fraction=0.001)
