"""Boolean functions: the table of inputs, the complexity, the counts, and the bias they show."""

import itertools

import numpy as np
import pytest
import torch

from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.redshift import boolean_complexity, lz76, rank_functions, sample_boolean
from ibcore.redshift.experiments.guesses import BOOLEAN, BOOLEAN_COMPLEXITY, RANDOM, UNBIASED
from ibcore.redshift.guess_and_check import boolean_inputs

CPU = torch.device("cpu")


def test_the_inputs_count_in_binary():
    expected = [list(map(float, row)) for row in itertools.product((0, 1), repeat=4)]
    assert boolean_inputs(4).tolist() == expected


def test_a_truth_table_is_the_sign_of_each_member_at_each_input():
    tables = sample_boolean("tanh", width=5, weight_scale=4, networks=6, seed=2, variables=4)
    assert tables.shape == (6, 2)
    population = Population.sample(
        MLP(4, 1, depth=2, width=5, activation="tanh"),
        networks=6,
        weight_scale=4,
        prior="gaussian",
        scaling="fan_in",
        seed=2,
    )
    for index, row in enumerate(tables):
        outputs = population.member(index)(boolean_inputs(4))[:, 0]
        assert np.unpackbits(row).tolist() == (outputs > 0).int().tolist()


def test_a_member_does_not_depend_on_the_number_drawn():
    together = sample_boolean(width=5, networks=600, seed=1)
    assert np.array_equal(together[510:], sample_boolean(width=5, networks=90, first=510, seed=1))


def test_what_is_too_large_is_refused_before_it_is_drawn():
    with pytest.raises(ValueError, match=r"networks=2000000000 needs about 16384 GB"):
        sample_boolean(variables=16, networks=2 * 10**9)
    with pytest.raises(ValueError, match="nan or infinite; choose a smaller weight_scale"):
        sample_boolean("linear", weight_scale=1e200, networks=2)


def test_tables_mean_the_same_in_every_container():
    drawn = np.random.default_rng(0).integers(0, 4, size=(20, 2), dtype=np.uint8)
    expected = rank_functions(drawn, batches=2)
    for other in (drawn.tolist(), drawn.astype(np.int64), torch.from_numpy(drawn)):
        assert np.array_equal(boolean_complexity(other), boolean_complexity(drawn))
        ranking = rank_functions(other, batches=2)
        assert np.array_equal(ranking.tables, expected.tables)
        assert np.array_equal(ranking.counts, expected.counts)
    for wrong in (drawn.astype(float), drawn.astype(bool), drawn[0]):
        with pytest.raises(TypeError, match="tables must be truth tables in bytes"):
            boolean_complexity(wrong)
    with pytest.raises(ValueError, match="tables must hold bytes, from 0 to 255, got -1"):
        rank_functions(drawn.astype(int) - 1)


def test_no_functions_have_no_complexity_and_no_rank():
    empty = np.zeros((0, 16), dtype=np.uint8)
    assert boolean_complexity(empty).shape == (0,)
    assert rank_functions(empty).distinct == 0


def test_the_complexity_follows_its_definition():
    rng = np.random.default_rng(0)
    tables = rng.integers(256, size=(5, 16), dtype=np.uint8)
    for table, found in zip(tables, boolean_complexity(tables), strict=True):
        bits = np.unpackbits(table).tolist()
        assert found == 7 * (lz76(bits) + lz76(bits[::-1])) / 2
    constants = np.array([[0] * 16, [255] * 16], dtype=np.uint8)
    assert boolean_complexity(constants).tolist() == [7, 7]
    assert boolean_complexity(tables).mean() > 130


def test_the_complexity_does_not_depend_on_the_direction_of_reading():
    tables = np.random.default_rng(1).integers(256, size=(20, 4), dtype=np.uint8)
    reversed_ = np.packbits(np.unpackbits(tables, axis=1)[:, ::-1], axis=1)
    assert np.array_equal(boolean_complexity(tables), boolean_complexity(reversed_))


def test_counts_of_batches_add_up_and_are_sorted():
    drawn = np.random.default_rng(0).integers(6, size=(60, 1), dtype=np.uint8) ** 2
    ranking = rank_functions(drawn, batches=3, top=4)
    totals = ranking.counts.sum(1)
    assert ranking.distinct == len(set(drawn[:, 0].tolist())) == 6
    assert totals.tolist() == sorted(totals, reverse=True) and len(totals) == 4
    for function, counts in zip(ranking.tables, ranking.counts, strict=True):
        assert counts.tolist() == [(part == function).sum() for part in np.split(drawn, 3)]


def test_batches_that_do_not_divide_the_draws_are_refused():
    with pytest.raises(ValueError, match="batches must divide the 10 draws equally, got 7"):
        rank_functions(np.zeros((10, 1), dtype=np.uint8), batches=7)


def test_the_frame_holds_each_function_once_in_each_batch():
    cell = next(iter(BOOLEAN.plan("smoke").values()))
    frame = BOOLEAN.run_cell(cell, CPU)
    assert len(frame) == 300 * 4 and not frame.duplicated(["rank", "network"]).any()
    assert (frame.groupby("rank").complexity.nunique() == 1).all()
    assert frame.groupby("rank")["count"].sum().is_monotonic_decreasing
    top = (
        frame[frame["rank"] <= 2].groupby("rank").agg({"probability": "mean", "complexity": "min"})
    )
    assert (top.complexity == 7).all()  # the constants are the two most frequent functions
    assert (top.probability > 8 * 2**-7).all()


def test_the_bias_towards_simple_functions_fades_on_the_way_to_chaos():
    frames = [
        BOOLEAN_COMPLEXITY.run_cell(c, CPU) for c in BOOLEAN_COMPLEXITY.plan("smoke").values()
    ]
    means = {(f.activation[0], f.weight_scale[0]): f.complexity.mean() for f in frames}
    random = frames[-1]
    assert random.activation[0] == RANDOM and random.ones.mean() == pytest.approx(0.5, abs=0.02)
    tanh = [means["tanh", scale] for scale in (1, 4, 16)] + [random.complexity.mean()]
    assert all(low + 8 < high for low, high in itertools.pairwise(tanh))
    assert max(means["relu", scale] for scale in (1, 4, 16)) < 100


def test_the_unbiased_model_draws_each_function_as_rarely_as_fair_bits_do():
    cells = {c["activation"]: c for c in BOOLEAN.plan("smoke").values()}
    for name in (UNBIASED, RANDOM):
        frame = BOOLEAN.run_cell(cells[name], CPU)
        assert (frame.distinct == 2000).all() and (frame.groupby("rank")["count"].sum() == 1).all()
        assert frame.complexity.mean() > 140
