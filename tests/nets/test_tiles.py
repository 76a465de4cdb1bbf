"""Tiles give what one product over all points does, whatever the network is made of."""

import pytest
import torch

from ibcore.nets import ACTIVATIONS, MLP, tiles
from ibcore.nets.tiles import evaluate_tiles
from ibcore.population import Population
from ibcore.redshift import fourier_complexity
from ibcore.tasks import grid

PARTS = [
    {},
    {"gated": True, "residual": "block"},
    {"norm": "layer", "affine": True, "residual": "paper", "prefactor": 0.5},
    {"activation": "tanh", "prefactor": 2.0, "out_features": 3, "gated": True},
]


def evaluated(net, x, dtype, networks=3, weight_scale=1.0):
    many = Population.sample(net, networks=networks, weight_scale=weight_scale, dtype=dtype)
    own = x.to(dtype).expand(networks, *x.shape[-2:])
    whole = net.forward_stacked(many.parameters, own)
    return evaluate_tiles(net, many.parameters, own), whole


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("parts", PARTS)
def test_tiles_equal_the_stacked_forward_pass(parts, dtype, monkeypatch):
    monkeypatch.setattr(tiles, "_ROW_BYTES", 100 * torch.finfo(dtype).bits // 8)
    found, wanted = evaluated(MLP(2, depth=3, width=9, **parts), grid(17), dtype)
    assert found.is_contiguous()
    torch.testing.assert_close(found, wanted, rtol=0, atol=50 * torch.finfo(dtype).eps)


def test_members_and_their_own_points_are_kept_apart(monkeypatch):
    monkeypatch.setattr(tiles, "_STACKED", 2)
    net = MLP(2, depth=1, width=8)
    many = Population.sample(net, networks=5)
    x = torch.rand(5, 30, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = evaluate_tiles(net, many.parameters, x)
    alone = torch.stack([many.member(i)(x[i]).detach() for i in range(5)])
    torch.testing.assert_close(found, alone, rtol=0, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_applied_in_place(activation):
    found, wanted = evaluated(MLP(2, depth=2, activation=activation), grid(48), torch.float64)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("weight_scale", [0.1, 1.0, 16.0])
@pytest.mark.parametrize("prefactor", [1.0, 0.5])
def test_logistic_units_give_the_same_function_as_tanh(weight_scale, prefactor, monkeypatch):
    net, found = MLP(2, activation="tanh", prefactor=prefactor), []
    for slow in (False, True):
        monkeypatch.setattr(tiles, "_tanh_is_slow", lambda slow=slow: slow)
        found.append(evaluated(net, grid(32), torch.float64, weight_scale=weight_scale)[0])
    plain, folded = (fourier_complexity(z.reshape(-1, 32, 32)) for z in found)
    assert not torch.equal(*found)  # both ways were taken
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(folded, plain, rtol=0, atol=1e-9)
    single = evaluated(net, grid(8), torch.float32)
    torch.testing.assert_close(*single, rtol=0, atol=1e-6)
