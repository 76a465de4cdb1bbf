"""Lempel-Ziv counts against exhaustive definitions, a peer library and known strings."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibcore.redshift import lempel_ziv_complexity, lz76, lz78
from ibcore.redshift.lempel_ziv import _count, count_lz76, discretize


@pytest.fixture(scope="module")
def antropy():
    """Import antropy without the compilation of all its functions, which takes ten seconds."""
    config = import_module("numba").config
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "DISABLE_JIT", True)
        return import_module("antropy")


SEQUENCES = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.integers(0, k), min_size=1, max_size=60)
)


def lz76_by_definition(sequence):
    """Search all earlier occurrences of each growing phrase."""
    text, start, phrases = [(s,) for s in sequence], 0, 0
    while start < len(text):
        length = 1
        while start + length <= len(text) and _occurs(text, start, length):
            length += 1
        phrases += 1
        start += length
    return phrases


def _occurs(text, start, length):
    phrase = text[start : start + length]
    return any(text[i : i + length] == phrase for i in range(start))


def lz78_by_definition(sequence):
    seen, phrase, phrases = set(), (), 0
    for symbol in sequence:
        phrase = (*phrase, symbol)
        if phrase not in seen:
            seen.add(phrase)
            phrase = ()
            phrases += 1
    return phrases + (phrase != ())


def interpreted(sequence):
    states, alphabet = 2 * len(sequence) + 1, max(sequence) + 1
    return _count(sequence, [-1] * (states * alphabet), [-1] * states, [-1] * states, alphabet)


@given(SEQUENCES)
@settings(max_examples=300, deadline=None)
def test_counts_follow_their_definitions(sequence):
    assert lz76(sequence) == lz76_by_definition(sequence) == interpreted(sequence)
    assert lz78(sequence) == lz78_by_definition(sequence)


@given(st.lists(st.integers(0, 1), min_size=2, max_size=400))
@settings(max_examples=30, deadline=None)
def test_lz76_agrees_with_antropy(antropy, sequence):
    assert lz76(sequence) == antropy.lziv_complexity("".join(map(str, sequence)))


def test_long_sequences_agree_with_antropy(antropy):
    generator = torch.Generator().manual_seed(0)
    for period in (1, 7, 64):
        sequence = torch.randint(0, 2, (4096 // period,), generator=generator)
        sequence = sequence.repeat_interleave(period).tolist()
        assert lz76(sequence) == antropy.lziv_complexity("".join(map(str, sequence)))


def test_known_strings():
    assert lz78([int(c) for c in "1001111011000010"]) == 8
    assert lz76([int(c) for c in "0001101001000101"]) == 6
    assert lz76([5, 5, 5, 5, 5]) == 2
    assert (lz76([3]), lz78([3])) == (1, 1)


def test_symbols_may_be_any_integers():
    assert lz76([-7, 900, -7, 900]) == lz76([0, 1, 0, 1])
    assert lz76(np.array([-128, 127, -128, 127], dtype=np.int8)) == lz76([0, 1, 0, 1])


@pytest.mark.parametrize("count", [lz76, lz78])
def test_a_sequence_means_the_same_in_every_container(count):
    bits = [int(c) for c in "1001111011000010"]
    kinds = (tuple, np.array, torch.tensor, lambda x: np.array(x, dtype=bool), np.uint8)
    assert {count(kind(bits)) for kind in kinds} == {count(bits)}
    assert count([torch.tensor(bit) for bit in bits]) == count(bits)


def test_a_value_on_the_border_of_two_bins_does_not_follow_its_rounding():
    line = torch.linspace(-1, 1, 33, dtype=torch.float64)
    exact = line[:, None] * line  # 0, the middle of the range, on both axes
    noisy = exact + 1e-16 * torch.randn(33, 33, generator=torch.Generator().manual_seed(0)).double()
    assert torch.equal(discretize(noisy[None], 2), discretize(exact[None], 2))


def test_compiled_and_interpreted_counts_agree(monkeypatch):
    rows = torch.randint(0, 3, (3, 700), generator=torch.Generator().manual_seed(1))
    rows[1] = rows[1] // 2 * 2  # symbols that another row has are left out
    wanted = [interpreted(row) for row in rows.tolist()]
    if find_spec("numba"):
        assert count_lz76(rows.numpy()).tolist() == wanted
    monkeypatch.setattr("ibcore.redshift.lempel_ziv._compiled", lambda: None)
    assert count_lz76(rows.numpy()).tolist() == wanted
    assert count_lz76(rows[:0].numpy()).tolist() == []


def test_many_levels_are_counted_row_by_row():
    rows = torch.rand(2, 400, generator=torch.Generator().manual_seed(1))
    found = lempel_ziv_complexity(rows, variant="lz76", levels=10**6)
    assert found.tolist() == [lz76(discretize(row[None], 10**6)[0]) for row in rows]
    assert lempel_ziv_complexity(rows[:0], variant="lz76").shape == (0,)


def test_each_function_is_cut_between_its_own_extremes():
    values = torch.tensor([[0.0, 1.0, 2.0, 3.0], [-30.0, 0.0, 0.0, 0.0]])
    assert discretize(values, 2).tolist() == [[0, 0, 1, 1], [0, 1, 1, 1]]
    assert discretize(values, 4).tolist() == [[0, 1, 2, 3], [0, 3, 3, 3]]
    assert torch.equal(discretize(1e5 * values + 7, 4), discretize(values, 4))


@pytest.mark.parametrize("variant", ["lz76", "lz78"])
def test_noise_needs_more_phrases_than_a_ramp_and_a_constant_is_nan(variant):
    ramp = torch.linspace(0, 1, 32)[:, None].expand(32, 32)
    noise = torch.rand(32, 32, generator=torch.Generator().manual_seed(0))
    counts = lempel_ziv_complexity(
        torch.stack([ramp, noise, torch.full((32, 32), 0.1)]), variant=variant
    )
    assert counts[0] < counts[1] / 2
    assert bool(counts[2].isnan())


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="unknown variant 'lzw'; choose one of 'lz76', 'lz78'"):
        lempel_ziv_complexity(torch.rand(1, 4), variant="lzw")
    with pytest.raises(ValueError, match="sequence=1000000 needs about 8000 GB"):
        lz76(range(1_000_000))
    for count in (lz76, lz78):
        with pytest.raises(ValueError, match="at least one symbol, got none"):
            count([])
        for wrong in ("0110", [0.5, 1.0], [[0, 1]], 3):
            with pytest.raises(TypeError, match="sequence must be"):
                count(wrong)
