"""Boolean concepts: the grammar, its exact probabilities, and the views of the objects."""

from itertools import permutations

import numpy as np
import pytest
import torch

from ibcore.tasks import concept_inputs, concept_prior, patches, sample_concepts
from ibcore.tasks.concepts import (
    concept_images,
    concept_objects,
    number_images,
    standardize,
    table_probabilities,
)

BITS = 2 ** torch.arange(16)


def numbers(tables):
    return (tables.long() * BITS[: tables.shape[1]]).sum(1)


def frequencies(tables):
    counts = torch.bincount(numbers(tables), minlength=2 ** tables.shape[1])
    return counts.double() / len(tables)


def probabilities(tables, weights):
    result = torch.zeros(2 ** tables.shape[1], dtype=torch.float64)
    return result.index_add(0, numbers(tables), weights)


@pytest.fixture(scope="module")
def prior():
    return concept_prior(draws=60)


def test_no_concept_is_constant_and_all_are_tables_of_zeros_and_ones():
    tables = sample_concepts(4000, seed=1)
    assert tables.shape == (4000, 16)
    assert set(tables.unique().tolist()) == {0, 1}
    assert bool(((tables.sum(1) > 0) & (tables.sum(1) < 16)).all())


def test_the_first_concepts_do_not_depend_on_how_many_are_drawn():
    assert torch.equal(sample_concepts(10, seed=3), sample_concepts(3000, seed=3)[:10])
    assert not torch.equal(sample_concepts(10, seed=3), sample_concepts(10, seed=4))


def test_most_fresh_draws_were_seen_among_a_few_thousand():
    seen = set(numbers(sample_concepts(3500, seed=5)).tolist())
    fresh = numbers(sample_concepts(2000, seed=6)).tolist()
    assert sum(concept in seen for concept in fresh) / len(fresh) > 0.9


def test_single_features_carry_about_half_of_the_mass(prior):
    objects = torch.from_numpy(concept_objects()).long()
    singles = set(numbers(torch.cat([objects.T, 1 - objects.T])).tolist())
    drawn = numbers(sample_concepts(20000, seed=7)).tolist()
    share = sum(concept in singles for concept in drawn) / len(drawn)
    exact = sum(
        weight
        for number, weight in zip(numbers(prior[0]).tolist(), prior[1].tolist(), strict=True)
        if number in singles
    )
    assert len(singles) == 8
    assert 0.5 < share < 0.57
    assert share == pytest.approx(exact, abs=0.03)


def brute_force(again, further, which, value, longest):
    """Sum over every rule of at most ``longest`` conjunctions of at most as many literals."""
    objects = concept_objects(len(which))
    literals = [
        (which[i] * p, tuple(objects[:, i] == bit))
        for i in range(len(which))
        for bit, p in ((True, value[i]), (False, 1 - value[i]))
    ]

    def combine(parts, more, meet):
        """Return the chance of each table of 1 to ``longest`` parts, joined one at a time."""
        total, current = {}, dict(parts)
        for _ in range(longest):
            for table, p in current.items():
                total[table] = total.get(table, 0) + (1 - more) * p
            following = {}
            for table, p in current.items():
                for part, chance in parts.items():
                    joined = tuple(meet(a, b) for a, b in zip(table, part, strict=True))
                    following[joined] = following.get(joined, 0) + p * chance * more
            current = following
        return total

    single = {}
    for p, table in literals:
        single[table] = single.get(table, 0) + p
    conjunctions = combine(single, further, lambda a, b: a and b)
    return combine(conjunctions, again, lambda a, b: a or b)


def test_table_probabilities_equal_the_sum_over_all_rules():
    which, value = np.array([0.7, 0.3]), np.array([0.2, 0.9])
    exact = table_probabilities(0.4, 0.6, which, value)
    expected = np.zeros(16)
    for table, p in brute_force(0.4, 0.6, which, value, longest=50).items():
        expected[sum(int(bit) << j for j, bit in enumerate(table))] = p
    np.testing.assert_allclose(exact, expected, rtol=1e-9, atol=1e-14)
    assert exact.sum() == pytest.approx(1, abs=1e-9)


def test_one_literal_alone_has_the_probability_of_its_feature_and_value():
    which, value = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.5, 0.6, 0.7, 0.8])
    exact, objects = table_probabilities(0.0, 0.0, which, value), concept_objects()
    for i in range(4):
        table = int(sum(int(bit) << j for j, bit in enumerate(objects[:, i])))
        assert exact[table] == pytest.approx(which[i] * value[i], rel=1e-12)
        assert exact[2**16 - 1 - table] == pytest.approx(which[i] * (1 - value[i]), rel=1e-12)
    assert exact.sum() == pytest.approx(1, rel=1e-12)


def test_rules_that_are_too_long_are_left_out_of_the_probabilities():
    which, value = np.array([0.7, 0.3]), np.array([0.2, 0.9])
    kept = table_probabilities(0.99, 0.0, which, value).sum()
    assert kept == pytest.approx(1 - 0.99**50, rel=1e-9)


def test_sampled_concepts_follow_the_exact_probabilities():
    tables, weights = concept_prior(features=2, draws=4000)
    exact = probabilities(tables, weights)
    drawn = frequencies(sample_concepts(40000, features=2, seed=2))
    assert (drawn - exact).abs().max() < 0.01
    assert exact[0] == exact[-1] == 0


def test_the_prior_treats_features_and_values_alike(prior):
    exact = probabilities(*prior)
    objects = concept_objects()
    tables = torch.tensor(prior[0][:40].numpy()).long()
    for order in permutations(range(4)):
        moved = objects[:, order].copy()
        moved[:, 2] ^= True
        places = (moved.astype(int) << np.arange(3, -1, -1)).sum(1)
        renamed = torch.zeros_like(tables)
        renamed[:, places] = tables
        torch.testing.assert_close(
            exact[numbers(renamed)], exact[numbers(tables)], rtol=1e-9, atol=0
        )


def test_the_prior_is_sorted_and_sums_to_one(prior):
    tables, weights = prior
    assert weights.sum().item() == pytest.approx(1, abs=1e-12)
    assert bool((weights.diff() <= 0).all())
    assert len(numbers(tables).unique()) == len(tables)


def test_bits_count_in_binary_with_the_first_feature_most_significant():
    x = concept_inputs("bits", features=3, dtype=torch.float64)
    assert x.shape == (8, 3)
    for number, row in enumerate(x.tolist()):
        assert "".join("1" if bit > 0 else "0" for bit in row) == f"{number:03b}"


def test_each_feature_changes_one_property_of_the_drawing():
    images = concept_images(32)
    for number in range(8):  # color: the same figure in another channel
        assert torch.equal(images[number, 0], images[number + 8, 2])
        assert not images[number, 1:].any()
    full, striped, small = images[0, 0], images[1, 0], images[2, 0]
    assert 0.4 < striped.sum() / full.sum() < 0.6
    assert bool((full >= striped).all())
    assert small.sum() < full.sum() / 2
    triangle = images[4, 0]
    assert triangle[4].sum() < triangle[27].sum() == full[27].sum()
    assert len({tuple(image.flatten().tolist()) for image in concept_images(12)}) == 16


def test_drawings_are_standardized_and_an_empty_channel_stays_zero():
    x = concept_inputs("image", size=16, dtype=torch.float64)
    assert x.shape == (16, 3, 16, 16)
    for channel in (0, 2):
        assert x[:, channel].mean().item() == pytest.approx(0, abs=1e-12)
        assert x[:, channel].std(correction=0).item() == pytest.approx(1, rel=1e-12)
    assert not x[:, 1].any()
    for value in (5.0, 0.1, 1e30):  # the mean of ten times 0.1 is not 0.1
        assert not standardize(torch.full((2, 1, 3, 3), value)).any()


def test_patches_cover_an_image_row_by_row():
    image = torch.arange(2 * 1 * 4 * 6).reshape(2, 1, 4, 6).float()
    cut = patches(image, size=2)
    assert cut.shape == (2, 6, 4)
    assert cut[0, 1].tolist() == [2.0, 3.0, 8.0, 9.0]
    assert cut[0, 3].tolist() == [12.0, 13.0, 18.0, 19.0]
    assert cut.sum() == image.sum()


def test_numbers_are_drawn_with_the_same_digits_on_both_sides():
    images = number_images(100, size=32)[:, 0]
    assert torch.equal(images[7][:, :16], images[3][:, :16])  # both begin with 0
    assert torch.equal(images[47][:, :16], images[4][:, 16:])
    assert len({tuple(image.flatten().tolist()) for image in number_images(100, size=16)}) == 100


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sample_concepts(1, features=9), "features must be .* at most 8, got 9"),
        (lambda: concept_prior(features=5), "features must be .* at most 4, got 5"),
        (lambda: concept_inputs("image", features=3), "drawings show four features, got 3"),
        (lambda: concept_images(8), "size must be a whole number at least 12 .*got 8"),
        (lambda: number_images(101), "count must be .* at most 100, got 101"),
        (lambda: patches(torch.zeros(1, 1, 5, 4)), "do not cover"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
