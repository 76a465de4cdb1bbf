"""Modular arithmetic and the episodes drawn from tables."""

import pytest
import torch

from ibcore.tasks import (
    constant_predictor,
    moduli,
    number_inputs,
    remainder_tables,
    table_episodes,
)
from ibcore.tasks.concepts import draw_size


@pytest.mark.parametrize(
    ("split", "train", "test"),
    [("extrapolation", 11.9, 78.1), ("interpolation", 43.3, 46.7)],
)
def test_the_constant_predictors_line_is_that_of_the_exact_variance(split, train, test):
    for chosen, expected in zip(moduli(split), (train, test), strict=True):
        assert round(constant_predictor(chosen).mean().item(), 1) == expected
    assert constant_predictor([1]).item() == 0
    tables = remainder_tables([7], dtype=torch.float64)[0, :, 0]
    errors = [((tables - c) ** 2).mean().item() for c in torch.linspace(2, 4, 401)]
    assert min(errors) == pytest.approx(constant_predictor([7]).item(), abs=1e-4)


@pytest.mark.parametrize("split", ["extrapolation", "interpolation"])
def test_both_splits_cut_the_moduli_up_to_forty_in_two(split):
    train, test = moduli(split)
    assert len(train) == len(test) == 20
    assert sorted(train + test) == list(range(1, 41))
    assert (max(train) < min(test)) is (split == "extrapolation")


def test_remainders_are_those_of_python():
    tables = remainder_tables([1, 3, 40])
    assert tables.shape == (3, 100, 1)
    expected = [[float(x % m) for x in range(100)] for m in (1, 3, 40)]
    assert tables[..., 0].tolist() == expected


def test_bits_are_binary_digits_and_scaling_is_exact():
    bits = number_inputs("bits", dtype=torch.float64)
    assert bits.shape == (100, 8)
    for x in (0, 1, 42, 99):
        assert "".join("1" if bit > 0 else "0" for bit in bits[x].tolist()) == f"{x:08b}"
    assert number_inputs("bits", numbers=300).shape == (300, 9)
    assert number_inputs("number")[:, 0].tolist() == list(range(100))
    scaled = number_inputs("scaled", dtype=torch.float64)
    assert scaled.mean().item() == pytest.approx(0, abs=1e-12)
    assert scaled.std(correction=0).item() == pytest.approx(1, rel=1e-12)


def test_drawings_are_standardized_and_all_different():
    x = number_inputs("image", dtype=torch.float64)
    assert x.shape == (100, 1, 32, 32)
    assert x.mean().item() == pytest.approx(0, abs=1e-12)
    assert x.std(correction=0).item() == pytest.approx(1, rel=1e-12)
    assert len({tuple(image.flatten().tolist()) for image in x}) == 100


def test_circular_features_repeat_with_their_period_and_lie_on_circles():
    x = number_inputs("circular", periods=[7.0, 30.0], dtype=torch.float64)
    assert x.shape == (100, 4)
    torch.testing.assert_close(x[7:, :2], x[:-7, :2], rtol=0, atol=1e-12)
    assert not torch.allclose(x[7:, 2:], x[:-7, 2:], atol=0.1)
    torch.testing.assert_close(x[:, :2].norm(dim=1), torch.ones(100).double())


def episodes(**options):
    options = {"tasks": 6, "support": 5} | options
    return table_episodes(number_inputs("number"), remainder_tables([2, 3, 5]), **options)


def test_support_and_query_hold_the_targets_of_their_objects():
    drawn = episodes(seed=3)
    tables = remainder_tables([2, 3, 5])
    for task in range(6):
        table = tables[drawn.rows[task]]
        assert torch.equal(drawn.support[1][task], table[drawn.picked[task]])
        assert drawn.support[0][task, :, 0].tolist() == drawn.picked[task].tolist()
        assert torch.equal(drawn.query[1][task], table)
        assert torch.equal(drawn.query[0][task], number_inputs("number"))


def test_noise_is_on_the_support_targets_alone_and_has_the_size_asked_for():
    clean, noisy = episodes(support=100, tasks=50), episodes(support=100, tasks=50, noise=0.1)
    assert torch.equal(clean.query[1], noisy.query[1])
    assert torch.equal(clean.picked, noisy.picked)
    difference = noisy.support[1] - clean.support[1]
    assert difference.std().item() == pytest.approx(0.1, rel=0.05)
    assert difference.mean().item() == pytest.approx(0, abs=0.01)


def test_one_size_is_drawn_for_a_batch_and_all_sizes_occur():
    sizes = [episodes(support=(2, 4), seed=seed).picked.shape[1] for seed in range(60)]
    assert set(sizes) == {2, 3, 4}
    assert draw_size(3, torch.Generator()) == 3


def test_objects_are_drawn_with_replacement_and_every_task_comes_up():
    drawn = episodes(tasks=300, support=20)
    assert set(drawn.rows.tolist()) == {0, 1, 2}
    assert any(len(set(picked)) < 20 for picked in drawn.picked.tolist())
    assert len(set(drawn.picked.flatten().tolist())) == 100


def test_without_a_number_of_tasks_each_of_the_pool_comes_once_in_order():
    drawn = episodes(tasks=None)
    assert drawn.rows.tolist() == [0, 1, 2]


def test_draws_depend_on_the_seed_alone_and_not_on_the_view():
    rng = torch.get_rng_state()
    bits = table_episodes(
        number_inputs("bits"), remainder_tables([2, 3, 5]), tasks=6, support=5, seed=3
    )
    number, other = episodes(seed=3), episodes(seed=4)
    assert torch.equal(bits.picked, number.picked)
    assert torch.equal(bits.support[1], number.support[1])
    assert not torch.equal(number.picked, other.picked)
    assert torch.equal(rng, torch.get_rng_state())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: remainder_tables([]), "chosen must hold at least one modulus, got none"),
        (lambda: number_inputs("bits", periods=[3]), "periods belong to view='circular'"),
        (lambda: number_inputs("circular"), "periods belong to view='circular'"),
        (lambda: number_inputs("circular", periods=[0.0]), r"periods\[0\] must be .*, got 0"),
        (lambda: episodes(support=(4, 2)), r"got \(4, 2\)"),
        (
            lambda: table_episodes(
                torch.eye(2), torch.zeros(1, 2, dtype=torch.int64), support=1, noise=0.1
            ),
            "needs real targets",
        ),
        (
            lambda: table_episodes(torch.eye(2), torch.zeros(1, 3), support=1),
            "must be for the same objects",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
