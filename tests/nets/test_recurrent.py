"""The recurrent networks against torch's, in a population, and differentiated twice."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

from ibcore.nets import LSTM, RNN, count_parameters

KINDS = [(RNN, nn.RNN), (LSTM, nn.LSTM)]


def sequences(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=rng, dtype=torch.float64)


def with_the_weights_of(net, theirs):
    """Give a network of ours the weights of one of torch's."""
    state = theirs.state_dict()
    ours = {"head.weight": net.head.weight, "head.bias": net.head.bias}
    for k in range(net.depth):
        ours[f"layers.{k}.input.weight"] = state[f"weight_ih_l{k}"]
        ours[f"layers.{k}.input.bias"] = state[f"bias_ih_l{k}"] + state[f"bias_hh_l{k}"]
        ours[f"layers.{k}.hidden.weight"] = state[f"weight_hh_l{k}"]
    net.load_state_dict(ours)
    return net


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize(("ours", "theirs"), KINDS)
def test_states_and_answers_equal_those_of_torch_with_the_same_weights(ours, theirs, depth):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        reference = theirs(3, 7, depth, batch_first=True).double()
    net = with_the_weights_of(ours(3, 2, depth=depth, width=7).double(), reference)
    x = sequences(4, 6, 3)
    expected, _ = reference(x)
    torch.testing.assert_close(net.states(x), expected, rtol=1e-12, atol=1e-12)
    answer = functional.linear(expected[:, -1], net.head.weight, net.head.bias)
    torch.testing.assert_close(net(x), answer, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), KINDS)
def test_gradients_equal_those_of_torch_with_the_same_weights(ours, theirs):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        reference = theirs(3, 5, 2, batch_first=True).double()
    net = with_the_weights_of(ours(3, 1, depth=2, width=5).double(), reference)
    x = sequences(4, 6, 3)
    net.states(x).square().sum().backward()
    reference(x)[0].square().sum().backward()
    for k in range(2):
        pairs = [("input.weight", "weight_ih"), ("hidden.weight", "weight_hh")]
        for mine, name in [*pairs, ("input.bias", "bias_ih"), ("input.bias", "bias_hh")]:
            torch.testing.assert_close(
                net.get_parameter(f"layers.{k}.{mine}").grad,
                reference.get_parameter(f"{name}_l{k}").grad,
                rtol=1e-11,
                atol=1e-12,
            )


@pytest.mark.parametrize("norm", [None, "layer"])
@pytest.mark.parametrize("kind", [RNN, LSTM])
def test_many_networks_at_once_equal_each_alone(kind, norm):
    nets = [kind(2, 3, depth=2, width=4, norm=norm, seed=seed).double() for seed in range(3)]
    stacked, _ = stack_module_state(nets)
    x = sequences(3, 5, 4, 2)  # (networks, n, t, in)
    batched = vmap(lambda p, z: functional_call(nets[0], p, (z,)))(stacked, x)
    alone = torch.stack([net(z) for net, z in zip(nets, x, strict=True)])
    torch.testing.assert_close(batched, alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("norm", [None, "layer"])
@pytest.mark.parametrize("kind", [RNN, LSTM])
def test_second_derivatives_are_right(kind, norm):
    net, x = kind(2, 1, width=2, norm=norm).double(), sequences(3, 3, 2)
    names = [name for name, _ in net.named_parameters()]

    def loss(*values):
        state = dict(zip(names, values, strict=True))
        return functional_call(net, state, (x,)).square().mean()

    assert torch.autograd.gradgradcheck(loss, tuple(net.parameters()))


def test_norms_make_a_gate_blind_to_shift_and_scale_of_what_it_receives():
    net = LSTM(2, 1, width=6, norm="layer").double()
    layer, z = net.layers[0], sequences(5, 24)
    gates = z.unflatten(-1, (4, 6))
    state = torch.zeros(5, 6, dtype=z.dtype)  # adds nothing to what the gates receive
    moved = (gates * torch.tensor([2.0, 3, 4, 5])[:, None] + 7).flatten(-2)
    normal = layer.gates(z, state)
    torch.testing.assert_close(layer.gates(moved, state), normal, rtol=1e-4, atol=1e-4)
    expected = functional.layer_norm(gates, (6,)).flatten(-2)
    torch.testing.assert_close(normal, expected, rtol=1e-12, atol=1e-12)


def test_the_answer_depends_on_the_order_of_the_sequence():
    for net in (RNN(1, 1, width=8), LSTM(1, 1, width=8)):
        x = torch.tensor([[[1.0], [2.0], [3.0]]])
        assert not torch.allclose(net(x), net(x.flip(1)))


def test_initial_weights_have_the_spread_of_torch_and_come_from_the_seed_alone():
    rng = torch.get_rng_state()
    net, again, other = (LSTM(5, 2, width=64, norm="layer", seed=seed) for seed in (0, 0, 1))
    assert torch.equal(rng, torch.get_rng_state())
    for (name, value), same, different in zip(
        net.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(value, same)
        if ".norm." in name:
            assert bool((value == float(name.endswith("gain"))).all())
        else:
            assert not torch.equal(value, different)
            assert value.abs().max() <= 1 / 8
    assert net.layers[0].hidden.weight.std().item() == pytest.approx(1 / 8 / 3**0.5, rel=0.02)


def test_the_number_of_parameters_is_that_of_the_formula():
    assert count_parameters(LSTM(3, 2, depth=2, width=5)) == 4 * 5 * (3 + 5 + 1) + 4 * 5 * (
        5 + 5 + 1
    ) + 2 * (5 + 1)
    plain, normed = (count_parameters(RNN(3, 2, width=5, norm=norm)) for norm in (None, "layer"))
    assert plain == 5 * (3 + 5 + 1) + 2 * (5 + 1)
    assert normed - plain == 2 * 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"depth": 0}, r"depth must be .*, got 0"),
        ({"norm": "batch"}, "unknown norm 'batch'"),
        ({"activation": "mish"}, "unknown activation 'mish'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        RNN(1, 1, **options)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 0, 1), (4, 3, 2)])
def test_inputs_that_are_no_sequences_are_named(shape):
    with pytest.raises(ValueError, match=r"x must be sequences \(n, t, 1\)"):
        LSTM(1, 1)(torch.zeros(shape))
