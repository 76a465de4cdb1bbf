"""The same draw at another scale, and what is left of it after training."""

import pytest
import torch
from torch import nn

from ibcore.memory import (
    cosine,
    repeat_members,
    retained_fraction,
    scale_weights,
    weight_names,
    weight_norm,
)
from ibcore.nets import MLP
from ibcore.population import Population


def drawn(networks=3, **options):
    return Population.sample(MLP(4, 3, depth=2, width=6, **options), networks=networks, seed=5)


@pytest.mark.parametrize("layers", ["all", "hidden", "head"])
def test_scaling_multiplies_the_chosen_weights_and_nothing_else(layers):
    start, factors = drawn(), torch.tensor([0.5, 1.0, 8.0], dtype=torch.float64)
    scaled = scale_weights(start, factors, layers=layers)
    chosen = {"all": {0, 1, 2}, "hidden": {0, 1}, "head": {2}}[layers]
    for name, value in start.parameters.items():
        inside = name.endswith("weight") and int(name.split(".")[1]) in chosen
        ratio = factors if inside else torch.ones(3, dtype=torch.float64)
        expected = value * ratio.reshape(3, *[1] * (value.ndim - 1))
        assert torch.equal(scaled.parameters[name], expected)


def test_the_direction_stays_and_the_norm_grows_with_the_scale():
    start = drawn()
    scaled = scale_weights(start, 8.0)
    ones = torch.ones(3, dtype=torch.float64)
    torch.testing.assert_close(cosine(scaled, start), ones)
    torch.testing.assert_close(weight_norm(scaled), 8 * weight_norm(start))
    torch.testing.assert_close(retained_fraction(scaled, start), 8 * ones)


def test_the_population_that_is_scaled_stays_as_it_is():
    start = drawn()
    before = {name: value.clone() for name, value in start.parameters.items()}
    scale_weights(start, 4.0)
    assert all(torch.equal(start.parameters[name], value) for name, value in before.items())


def test_the_head_of_a_gated_network_is_its_output_layer():
    net = MLP(4, 3, depth=1, width=6, gated=True)
    assert weight_names(net, layers="head") == ("layers.1.weight",)
    assert weight_names(net, layers="hidden") == ("layers.0.weight", "gates.0.weight")


def test_gains_of_norms_are_no_weights():
    net = nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 2))
    assert weight_names(net) == ("0.weight", "2.weight")
    assert weight_names(net, layers="head") == ("2.weight",)


def test_retained_fraction_and_cosine_equal_a_plain_computation():
    start, other = drawn(), Population.sample(MLP(4, 3, depth=2, width=6), networks=3, seed=6)
    for i in range(3):
        w0, w = (
            torch.cat([v[i].flatten() for n, v in p.parameters.items() if n.endswith("weight")])
            for p in (start, other)
        )
        torch.testing.assert_close(retained_fraction(other, start)[i], w @ w0 / (w0 @ w0))
        torch.testing.assert_close(cosine(other, start)[i], w @ w0 / (w.norm() * w0.norm()))


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_weights_of_extreme_size_keep_their_angle_and_their_ratio(size):
    start = drawn()
    small, double = scale_weights(start, size), scale_weights(start, 2 * size)
    torch.testing.assert_close(cosine(small, start), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(weight_norm(small) / size, weight_norm(start))
    torch.testing.assert_close(
        retained_fraction(double, small), torch.full((3,), 2.0, dtype=torch.float64)
    )


def test_single_precision_weights_are_measured_in_double():
    start = Population.sample(MLP(4, 3, depth=1, width=6), networks=2, dtype=torch.float32)
    assert {f(start, start).dtype for f in (cosine, retained_fraction)} == {torch.float64}


def test_repeated_members_follow_each_other_as_whole_populations():
    start = drawn(networks=2)
    many = repeat_members(start, 3)
    for name, value in start.parameters.items():
        for copy in range(3):
            assert torch.equal(many.parameters[name][2 * copy : 2 * copy + 2], value)


def test_bad_input_is_named():
    start = drawn()
    with pytest.raises(ValueError, match=r"each of the 3 networks, got shape \(2,\)"):
        scale_weights(start, [1.0, 2.0])
    with pytest.raises(ValueError, match="alpha must be positive and finite, got 0"):
        scale_weights(start, [1.0, 0.0, 2.0])
    with pytest.raises(TypeError, match=r"alpha must be an array of numbers, got True"):
        scale_weights(start, True)
    with pytest.raises(
        ValueError, match="unknown layers 'first'; choose one of 'all', 'hidden', 'head'"
    ):
        scale_weights(start, 2.0, layers="first")
    with pytest.raises(ValueError, match="same networks, got 3 and 2 of them"):
        cosine(start, drawn(networks=2))
    with pytest.raises(ValueError, match="or other shapes"):
        cosine(start, drawn(gated=True))
    with pytest.raises(ValueError, match="all 0"):
        zero = {name: 0 * value for name, value in start.parameters.items()}
        retained_fraction(start, Population(start.architecture, zero))
    with pytest.raises(ValueError, match="times=2000000000 needs about"):
        repeat_members(start, 2 * 10**9)
    with pytest.raises(ValueError, match="no weights"):
        weight_names(nn.LayerNorm(3))
    with pytest.raises(
        ValueError, match="architecture has no weights at 'weight' yet; call it once"
    ):
        weight_names(nn.LazyLinear(3))
