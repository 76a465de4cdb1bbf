"""The sequences of untrained transformers: the batched decoding, and the findings of the paper."""

import math

import pytest
import torch

from ibcore.nets import Transformer
from ibcore.population import member_seed
from ibcore.redshift import decoding, sample_sequences
from ibcore.redshift.experiments.transformers import (
    SEQUENCES,
    TRANSFORMERS,
    phrases_per_token,
)

SMALL = {"vocabulary": 17, "depth": 2, "width": 16, "heads": 2, "context": 13}
CPU = torch.device("cpu")


@pytest.mark.parametrize("head", ["tied", "untied"])
def test_the_batched_decoding_equals_each_network_alone_without_kept_keys(head):
    gains, seed = (0.5, 4.0), 5
    found = sample_sequences(
        Transformer(**SMALL, head=head), networks=3, gains=gains, length=12, seed=seed
    )
    for member in range(3):
        for column, gain in enumerate(gains):
            own = member_seed(seed, member)
            net = Transformer(**SMALL, head=head, gain=gain, seed=own)
            sequence = found[member, column, :1]
            for _ in range(12):
                sequence = torch.cat([sequence, net(sequence[None])[0, -1].argmax()[None]])
            assert torch.equal(found[member, column], sequence)


def test_a_member_does_not_depend_on_the_number_drawn_or_on_the_chunk(monkeypatch):
    net = Transformer(**SMALL)
    together = sample_sequences(net, networks=5, length=6, seed=1)
    assert torch.equal(together[3:], sample_sequences(net, networks=2, first=3, length=6, seed=1))
    monkeypatch.setattr(decoding, "_CHUNK_BYTES", {"cpu": 1})
    assert torch.equal(together, sample_sequences(net, networks=5, length=6, seed=1))
    assert not torch.equal(together, sample_sequences(net, networks=5, length=6, seed=2))


def test_every_gain_starts_from_the_same_prompt_and_networks_from_their_own():
    found = sample_sequences(Transformer(**SMALL), networks=20, gains=(0.1, 1, 10), length=1)
    assert bool((found[..., 0] == found[:, :1, 0]).all())
    assert len(set(found[:, 0, 0].tolist())) > 5


def test_sampling_leaves_the_architecture_and_the_global_random_state_alone():
    net, before = Transformer(**SMALL), torch.get_rng_state()
    values = {name: p.clone() for name, p in net.state_dict().items()}
    sample_sequences(net, networks=2, gains=(3.0,), length=3)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(values[name], p) for name, p in net.state_dict().items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gains": ()}, "gains must hold at least one number, got none"),
        ({"gains": (1.0, math.inf)}, r"gains\[1\] must be finite, got inf"),
        ({"length": 14}, "length must be at most the context of 13, got 14"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        sample_sequences(Transformer(**SMALL), **{"networks": 2, "length": 3, **options})


@pytest.mark.gpu
def test_a_gpu_uses_the_networks_of_the_cpu(gpu):
    net = Transformer(**SMALL)
    here, there = (decoding._stack(net, [1, 2], torch.device(name)) for name in ("cpu", gpu))
    assert all(torch.equal(there[name].cpu(), value) for name, value in here.items())
    assert sample_sequences(net, networks=2, length=3, device=gpu).device == torch.device(gpu, 0)


def test_phrases_per_token_counts_each_sequence_alone():
    rows = torch.tensor([[7, 7, 7, 7, 7, 7], [1, 2, 1, 2, 1, 2], [1, 2, 3, 4, 5, 6]])
    assert phrases_per_token(rows) == [3 / 6, 4 / 6, 6 / 6]


def test_a_constant_sequence_has_fourteen_phrases_and_a_random_one_nearly_all_new_tokens():
    cells = SEQUENCES.plan("laptop").values()
    constant, random = (SEQUENCES.run_cell(cell, CPU).lempel_ziv for cell in cells)
    assert constant.eq(14 / 101).all()  # 1 + 2 + ... + 13 = 91, and ten tokens are left over
    assert 0.9 < random.mean() < 0.95


def test_the_laptop_tier_covers_the_designs_of_the_paper_once():
    designs = list(TRANSFORMERS.plan("laptop").values())
    assert len(designs) == 6 * 2 + 3
    deep = [d for d in designs if (d["activation"], d["depth"]) == ("gelu", 6)]
    assert {(d["head"], d["positions"]) for d in deep} == {
        ("tied", True),
        ("untied", True),
        ("tied", False),
        ("untied", False),
    }
