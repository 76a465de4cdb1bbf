"""A cell of transformers measures its own sequences; strings of bits are drawn as said."""

import torch

from ibcore.nets import Transformer
from ibcore.redshift import sample_sequences
from ibcore.redshift.experiments.transformers import (
    LANGUAGES,
    PLATEAUS,
    phrases_per_token,
    sample_tokens,
)

CPU = torch.device("cpu")


def test_a_cell_measures_the_sequences_of_its_own_condition():
    cell = next(c for c in PLATEAUS.plan("smoke").values() if c["activation"] == "selu")
    frame = PLATEAUS.run_cell(cell, CPU)
    net = Transformer(activation="selu", scale_residual=True)
    sequences = sample_sequences(net, networks=2, gains=cell["gains"], length=cell["length"])
    for index, gain in enumerate(cell["gains"]):
        rows = frame[frame.gain == gain]
        assert rows.network.tolist() == list(range(5)) and rows.scale_residual.all()
        assert rows.lempel_ziv.tolist()[:2] == phrases_per_token(sequences[:, index])


def test_strings_of_bits_are_simplest_where_the_likeliest_bit_is_taken():
    frames = [LANGUAGES.run_cell(cell, CPU) for cell in LANGUAGES.plan("smoke").values()]
    means = {frame.kind[0]: frame.lempel_ziv.mean() for frame in frames}
    assert 0.13 <= means["greedy"] < means["sampled"] - 0.05 < means["random"]


def test_tokens_are_drawn_as_often_as_their_softmax_says():
    net = Transformer(3, depth=1, width=8, heads=2, context=2, seed=4)
    drawn = torch.cat([sample_tokens(net, seed, 1) for seed in range(1500)])
    assert torch.equal(drawn[:2], torch.cat([sample_tokens(net, seed, 1) for seed in (0, 1)]))
    for first in range(3):
        after = drawn[drawn[:, 0] == first, 1]
        share = after.bincount(minlength=3) / len(after)
        expected = net(torch.tensor([[first]]))[0, 0].softmax(0).detach()
        torch.testing.assert_close(share, expected, atol=0.07, rtol=0)
