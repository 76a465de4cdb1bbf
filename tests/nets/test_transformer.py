"""The transformer against the same computation written out in NumPy, and its laws."""

import math

import numpy as np
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from ibcore.nets import Transformer, count_parameters
from ibcore.runtime import generator

SMALL = {"vocabulary": 13, "depth": 2, "width": 8, "heads": 2, "context": 9}
TOKENS = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 12]])


def scattered(**options):
    """Return a float64 model whose gains and biases are random too, so that each one matters."""
    net = Transformer(**{**SMALL, **options}).double()
    rng = generator(7)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
    return net


def numpy_norm(p, name, x):
    centered = x - x.mean(-1, keepdims=True)
    spread = np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-5)
    return centered / spread * p[f"{name}.gain"] + p[f"{name}.bias"]


def numpy_attention(p, name, x, heads):
    joint = x @ p[f"{name}.qkv.weight"].T + p[f"{name}.qkv.bias"]
    size, result = x.shape[1] // heads, np.zeros_like(x)
    queries, keys, values = np.split(joint, 3, axis=1)
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        for i in range(len(x)):
            scores = keys[: i + 1, part] @ queries[i, part] / math.sqrt(size)
            weights = np.exp(scores) / np.exp(scores).sum()
            result[i, part] = weights @ values[: i + 1, part]
    return result @ p[f"{name}.out.weight"].T + p[f"{name}.out.bias"]


def numpy_forward(net, sequence, heads=2):
    p = {name: value.detach().numpy() for name, value in net.named_parameters()}
    x = p["tokens"][sequence]
    if "places" in p:
        x = x + p["places"][: len(sequence)]
    for i in range(net.depth):
        b = f"blocks.{i}"
        x = x + numpy_attention(p, f"{b}.attention", numpy_norm(p, f"{b}.attention_norm", x), heads)
        hidden = numpy_norm(p, f"{b}.mlp_norm", x) @ p[f"{b}.up.weight"].T + p[f"{b}.up.bias"]
        x = x + np.tanh(hidden) @ p[f"{b}.down.weight"].T + p[f"{b}.down.bias"]
    return numpy_norm(p, "norm", x) @ p.get("head.weight", p["tokens"]).T


@pytest.mark.parametrize("head", ["tied", "untied"])
@pytest.mark.parametrize("positions", [True, False])
def test_the_logits_equal_an_independent_numpy_forward(head, positions):
    net = scattered(activation="tanh", head=head, positions=positions)
    expected = np.stack([numpy_forward(net, row) for row in TOKENS.numpy()])
    np.testing.assert_allclose(net(TOKENS).detach().numpy(), expected, rtol=1e-10, atol=1e-10)


def test_a_later_token_never_changes_an_earlier_logit():
    net, changed = scattered(), TOKENS.clone()
    changed[:, 3] = 0
    before, after = net(TOKENS), net(changed)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def test_extending_token_by_token_equals_one_call():
    net, past, logits = scattered(), None, []
    for part in torch.split(TOKENS, [2, 1, 2], dim=1):
        step, past = net.extend(part, past)
        logits.append(step)
    torch.testing.assert_close(torch.cat(logits, 1), net(TOKENS), rtol=1e-10, atol=1e-10)


def test_a_tied_head_shares_the_matrix_of_the_embedding():
    tied, untied = Transformer(**SMALL), Transformer(**SMALL, head="untied")
    assert count_parameters(untied) - count_parameters(tied) == 13 * 8
    unused = 12  # this token is not in the input, so only a tied head sends it a gradient
    for net, expected in ((tied, True), (untied, False)):
        net(torch.tensor([[1, 2]])).square().sum().backward()
        assert bool(net.tokens.grad[unused].abs().sum() > 0) is expected


def test_without_positions_the_order_of_the_past_does_not_matter_and_with_them_it_does():
    swapped = TOKENS[:, [1, 0, 2, 3, 4]]
    for positions in (False, True):
        net = scattered(positions=positions, depth=1)
        same = torch.allclose(net(TOKENS)[:, -1], net(swapped)[:, -1])
        assert same is not positions


def test_vmap_over_members_equals_the_loop():
    nets = [Transformer(**SMALL, head="untied", seed=seed) for seed in range(3)]
    stacked, _ = stack_module_state(nets)
    tokens = torch.stack([TOKENS, TOKENS + 1, 12 - TOKENS]).clamp(max=12)
    batched = vmap(lambda p, t: functional_call(nets[0], p, (t,)))(stacked, tokens)
    loop = torch.stack([net(t) for net, t in zip(nets, tokens, strict=True)])
    torch.testing.assert_close(batched, loop, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["tokens", "blocks.0.attention.qkv.weight", "blocks.1.mlp_norm.gain"]
)
def test_second_derivatives_exist_and_are_right(name):
    net = scattered(vocabulary=4, width=4, activation="tanh")
    tokens = torch.tensor([[3, 1, 2]])

    def loss(value):
        return functional_call(net, {name: value}, (tokens,)).square().mean()

    assert torch.autograd.gradgradcheck(loss, (dict(net.named_parameters())[name],))


def test_the_initial_spread_is_that_of_gpt2_at_its_width():
    net = Transformer(50, depth=3, width=768, heads=2, gain=1.5, head="untied")
    spread = {name: p.std().item() for name, p in net.named_parameters()}
    assert spread["tokens"] == pytest.approx(0.02, rel=0.03)
    assert spread["places"] == pytest.approx(0.02, rel=0.03)
    assert spread["head.weight"] == pytest.approx(0.02, rel=0.03)
    assert spread["blocks.1.up.weight"] == pytest.approx(0.02, rel=0.03)
    for name in ("attention.out", "down"):
        assert spread[f"blocks.2.{name}.weight"] == pytest.approx(0.02 / 6**0.5, rel=0.03)
    for name, p in net.named_parameters():
        if name.endswith("bias"):
            assert not p.any()
        if name.endswith("gain"):
            assert bool((p == 1.5).all())


def test_unscaled_residual_weights_are_the_same_draw_at_full_size():
    scaled, full = (Transformer(**SMALL, scale_residual=s).state_dict() for s in (True, False))
    for name in scaled:
        ends_in_stream = name.endswith(("attention.out.weight", "down.weight"))
        torch.testing.assert_close(scaled[name] * (2 if ends_in_stream else 1), full[name])


def test_designs_share_the_draw_of_the_parameters_they_share():
    base = Transformer(**SMALL, seed=3).state_dict()
    for options in ({"head": "untied"}, {"positions": False}, {"activation": "sine"}):
        other = Transformer(**SMALL, seed=3, **options).state_dict()
        assert all(torch.equal(base[name], other[name]) for name in base.keys() & other.keys())
    assert not torch.equal(base["tokens"], Transformer(**SMALL, seed=4).state_dict()["tokens"])


def test_building_a_model_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    Transformer(**SMALL)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, r"depth must be .*, got 0"),
        ({"heads": 3}, "heads must divide the width, got 3 heads at width 8"),
        ({"gain": math.nan}, "gain must be finite, got nan"),
        ({"head": "free"}, "unknown head 'free'; choose one of 'tied', 'untied'"),
        ({"activation": "mish"}, "unknown activation 'mish'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Transformer(**{**SMALL, **options})


def test_bad_tokens_are_named():
    net = Transformer(**SMALL)
    with pytest.raises(ValueError, match="10 tokens is longer than the context of 9"):
        net(torch.zeros(1, 10, dtype=torch.int64))
    with pytest.raises(ValueError, match="tokens must be from 0 to 4, got 0 to 99"):
        Transformer(5, depth=1, width=8, heads=2)(torch.tensor([[0, 99]]))
    with pytest.raises(ValueError, match=r"integers of shape \(batch, t\), got torch.float32"):
        net(torch.zeros(1, 3))
    with pytest.raises(ValueError, match=r"of shape \(3,\)"):
        net(torch.zeros(3, dtype=torch.int64))
    assert (
        Transformer(**SMALL, positions=False)(torch.zeros(1, 10, dtype=torch.int64))
        .isfinite()
        .all()
    )
