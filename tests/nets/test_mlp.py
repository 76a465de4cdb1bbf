"""The MLP against the same computation written out in NumPy, and its laws."""

import itertools

import numpy as np
import pytest
import torch
from torch.func import functional_call

from ibcore.nets import MLP, count_parameters, match_size
from ibcore.nets.evaluate import forward_tiled

COMPONENTS = list(itertools.product([None, "layer"], [None, "paper", "block"], [False, True]))


def numpy_forward(net, x):
    p = {k: v.detach().double().numpy() for k, v in net.named_parameters()}
    h = x.numpy()
    for i in range(net.depth):
        z = h @ p[f"layers.{i}.weight"].T + p[f"layers.{i}.bias"]
        u = z if net.norm is None else (z - z.mean(1, keepdims=True)) / z.std(1, keepdims=True)
        v = np.tanh(net.prefactor * u)
        if net.gated:
            v = v / (1 + np.exp(-(h @ p[f"gates.{i}.weight"].T + p[f"gates.{i}.bias"])))
        if net.residual == "paper":
            v = u + v
        elif net.residual == "block" and v.shape == h.shape:
            v = h + v
        h = v
    return h @ p[f"layers.{net.depth}.weight"].T + p[f"layers.{net.depth}.bias"]


@pytest.mark.parametrize(("norm", "residual", "gated"), COMPONENTS)
def test_three_ways_to_evaluate_agree_with_numpy(norm, residual, gated):
    net = MLP(
        2,
        3,
        depth=3,
        width=7,
        activation="tanh",
        prefactor=1.7,
        norm=norm,
        residual=residual,
        gated=gated,
    ).double()
    x = torch.randn(11, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.from_numpy(numpy_forward(net, x))
    stacked = {k: p.detach()[None] for k, p in net.named_parameters()}
    for values in (
        net(x),
        net.forward_stacked(stacked, x[None])[0],
        forward_tiled(net, stacked, x[None])[0],
    ):
        torch.testing.assert_close(values.detach(), expected, rtol=1e-10, atol=1e-10)


def test_block_residual_skips_the_first_layer_only_where_widths_differ():
    wide, square = (MLP(n, 1, depth=2, width=4, residual="block").double() for n in (3, 4))
    for net in (wide, square):
        x = torch.ones(2, net.layers[0].in_features, dtype=torch.float64)
        torch.testing.assert_close(
            net(x).detach(),
            torch.from_numpy(_block_reference(net, x.numpy())),
            rtol=1e-12,
            atol=1e-12,
        )


def _block_reference(net, h):
    for layer in net.layers[:-1]:
        v = np.maximum(h @ layer.weight.detach().numpy().T + layer.bias.detach().numpy(), 0)
        h = h + v if h.shape == v.shape else v
    return h @ net.layers[-1].weight.detach().numpy().T + net.layers[-1].bias.detach().numpy()


def test_relu_without_biases_is_homogeneous_and_layer_norm_forgets_the_scale():
    x = torch.randn(9, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain, normed = (MLP(depth=3, width=16, norm=norm).double() for norm in (None, "layer"))
    for net, degree in ((plain, 1), (normed, 0)):
        unbiased = {
            k: torch.zeros_like(p) if k.endswith("bias") else p for k, p in net.named_parameters()
        }
        torch.testing.assert_close(
            functional_call(net, unbiased, (5 * x,)),
            5**degree * functional_call(net, unbiased, (x,)),
        )


def test_stacked_evaluation_is_differentiable_to_second_order():
    net = MLP(2, 1, depth=2, width=5, activation="tanh", norm="layer", gated=True).double()
    stacked = {k: p.detach()[None].requires_grad_() for k, p in net.named_parameters()}
    x = torch.randn(1, 4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def loss(weight):
        return net.forward_stacked({**stacked, "layers.0.weight": weight}, x).square().sum()

    assert torch.autograd.gradgradcheck(loss, (stacked["layers.0.weight"],))


def test_building_a_network_leaves_the_global_random_state_alone_and_follows_its_seed():
    before = torch.get_rng_state()
    first, again, other = (MLP(seed=seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["layers.1.weight"], other["layers.1.weight"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, r"depth must be .*, got 0"),
        ({"width": -3}, "width must be at least 1, got -3"),
        ({"norm": "group"}, "unknown norm 'group'; choose one of 'layer', 'batch'"),
        ({"affine": True}, "affine belongs to a norm; choose norm='layer' or norm='batch' too"),
        ({"residual": "full"}, "unknown residual 'full'; choose one of 'paper', 'block'"),
        ({"activation": "mish"}, "unknown activation 'mish'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        MLP(**options)


def test_match_size_finds_the_nearest_width():
    target = count_parameters(MLP(width=37))
    assert match_size(lambda width: MLP(width=width), target + 20).width == 37
    with pytest.raises(ValueError, match="no width from 1 to 4096 comes near 1 parameters"):
        match_size(lambda width: MLP(width=width), 1)


def test_a_network_takes_arrays_and_whole_numbers_and_names_a_wrong_shape():
    net = MLP(2, 1, depth=1, width=4).double()
    x = torch.tensor([[0, 1], [2, 3]])
    for same in (x, x.numpy(), x.tolist()):
        assert torch.equal(net(same), net(x.double()))
    with pytest.raises(ValueError, match=r"x must have shape \(\.\.\., 2\), got \(2, 3\)"):
        net(torch.zeros(2, 3))
    with pytest.raises(TypeError, match="x must be an array of numbers, got 'x'"):
        net("x")
