"""Weight priors: moments, the law of scaling, independence from the global random state."""

import math

import pytest
import torch

from ibcore.nets import sample_parameters
from ibcore.nets.init import PRIORS
from ibcore.runtime import generator

SHAPES = {"layers.0.weight": (200, 100), "layers.0.bias": (200,)}


def draw(**options):
    return sample_parameters(SHAPES, generator(3), **options)


@pytest.mark.parametrize("prior", [p for p in PRIORS if p != "student"])
def test_every_prior_has_the_variance_of_its_scaling(prior):
    weight = draw(prior=prior, scaling="glorot")["layers.0.weight"].flatten()
    expected = math.sqrt(2 / 300)
    # standard error of a standard deviation: sqrt(kurtosis - 1) / (2 sqrt(n)), kurtosis <= 6
    assert weight.std().item() == pytest.approx(
        expected, rel=3 * math.sqrt(5) / 2 / math.sqrt(20000)
    )
    assert abs(weight.mean().item()) < 3 * expected / math.sqrt(20000)


def test_the_long_tailed_prior_matches_the_quartiles_of_student_t():
    weight = draw(prior="student", scaling="fan_in")["layers.0.weight"].flatten()
    unit = weight * math.sqrt(100) * math.sqrt(3)  # back to t with three degrees of freedom
    inside = (unit.abs() < 0.7648923284043453).double().mean().item()  # its upper quartile
    assert inside == pytest.approx(0.5, abs=3 * 0.5 / math.sqrt(20000))


def test_the_ball_prior_lies_within_its_radius_and_near_its_surface():
    weight = draw(prior="ball", scaling="raw")["layers.0.weight"]
    radius = weight.norm().item() * math.sqrt(3) / math.sqrt(20000 + 2)
    assert 0.99 < radius <= 1


def test_uniform_weights_reach_their_bound_and_not_beyond():
    bounds = {"glorot": math.sqrt(6 / 300), "fan_in": math.sqrt(3 / 100), "raw": 1.0}
    for scaling, bound in bounds.items():
        largest = draw(scaling=scaling, weight_scale=2.0)["layers.0.weight"].abs().max().item()
        assert 0.999 * 2 * bound < largest <= 2 * bound


@pytest.mark.parametrize("prior", PRIORS)
def test_the_same_seed_at_another_scale_is_the_same_draw_scaled(prior):
    small, large = draw(prior=prior), draw(prior=prior, weight_scale=8.0)
    torch.testing.assert_close(
        large["layers.0.weight"], 8 * small["layers.0.weight"], rtol=1e-15, atol=0
    )
    assert torch.equal(large["layers.0.bias"], small["layers.0.bias"])


def test_biases_are_uniform_and_grow_with_the_layer_when_asked():
    shapes = {"layers.0.bias": (5000,), "layers.2.bias": (5000,)}
    drawn = sample_parameters(shapes, generator(0), bias_scale=0.5, bias_growth=3.0)
    assert 0.499 * 3 < drawn["layers.0.bias"].abs().max() <= 0.5 * 3
    assert 0.499 * 27 < drawn["layers.2.bias"].abs().max() <= 0.5 * 27


def test_drawing_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    for prior in PRIORS:
        draw(prior=prior)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_scale": -1.0}, "weight_scale must be at least 0, got -1"),
        ({"bias_scale": math.inf}, "bias_scale must be .* got inf"),
        ({"prior": "cauchy"}, "unknown prior 'cauchy'; choose one of 'uniform'"),
        ({"scaling": "he"}, "unknown scaling 'he'; choose one of 'glorot'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        draw(**options)
