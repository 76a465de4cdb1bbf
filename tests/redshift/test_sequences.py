"""A cell of transformers measures its own sequences; strings of bits are drawn as said."""

import torch

from ibcore.nets import Transformer
from ibcore.redshift import sample_sequences
from ibcore.redshift.decoding import _gumbel
from ibcore.redshift.experiments.transformers import LANGUAGES, PLATEAUS, phrases_per_token

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


def test_noise_of_gumbel_draws_tokens_as_often_as_their_softmax_says():
    net = Transformer(5, depth=1, width=8, heads=2, context=2)
    found = sample_sequences(net, networks=300, length=1, greedy=False, seed=4)
    likeliest = sample_sequences(net, networks=300, length=1, seed=4)
    assert torch.equal(found[..., 0], likeliest[..., 0])  # the same prompts and weights
    assert 0.3 < (found[..., 1] == likeliest[..., 1]).double().mean() < 0.8
    noise = _gumbel(net, list(range(4000)), 1, CPU)[:, 0]
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0, 0.5])
    share = (logits + noise).argmax(-1).bincount(minlength=5) / 4000
    torch.testing.assert_close(share, logits.softmax(0), atol=0.03, rtol=0)
