"""What random networks do: the exact law of ReLU, and the findings of the paper at small scale.

Thresholds lie well outside the spread over seeds; each finding is checked for three seeds.
"""

import itertools

import pytest
import torch

from ibcore.nets import ACTIVATIONS
from ibcore.redshift import (
    chebyshev_complexity,
    fourier_complexity,
    lempel_ziv_complexity,
    sample_functions,
    total_variation,
)
from ibcore.stats import spearman

SMALL = {"grid": 32, "width": 32, "depth": 4, "networks": 8}
SEEDS = (1, 2, 3)


def complexity(activation, weight_scale=1.0, transform="dct", **options):
    values = sample_functions(activation, weight_scale=weight_scale, **{**SMALL, **options})
    return fourier_complexity(values, transform=transform).mean().item()


@pytest.mark.parametrize("depth", [1, 3, 6])
@pytest.mark.parametrize("alpha", [0.5, 3.0])
def test_relu_with_growing_biases_is_only_rescaled_by_the_weight_scale(depth, alpha):
    options = {"depth": depth, "networks": 5, "grid": 24, "seed": 4}
    one = sample_functions("relu", **options)
    scaled = sample_functions("relu", weight_scale=alpha, bias_growth=alpha, **options)
    expected = alpha ** (depth + 1) * one
    assert ((scaled - expected).abs().max() / expected.abs().max()).item() < 1e-10
    torch.testing.assert_close(
        fourier_complexity(scaled), fourier_complexity(one), rtol=1e-9, atol=0
    )


def test_the_law_of_scaling_is_special_to_relu():
    one, scaled = (
        sample_functions("tanh", weight_scale=a, bias_growth=a, **SMALL) for a in (1.0, 3.0)
    )
    assert ((scaled / 3**5 - one).abs().max() / one.abs().max()).item() > 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_relu_is_bounded_and_flat_in_the_plain_transform(seed):
    assert complexity("relu", 8, seed=seed) / complexity("relu", 1, seed=seed) < 1.7
    plain = [complexity("relu", a, "fft", seed=seed) for a in (8, 1)]
    assert 0.85 < plain[0] / plain[1] < 1.15


@pytest.mark.parametrize("seed", SEEDS)
def test_tanh_gaussian_and_sine_rise_with_the_weight_scale(seed):
    assert complexity("tanh", 8, seed=seed) / complexity("tanh", 1, seed=seed) > 4
    assert complexity("gaussian", 8, seed=seed) > 0.40
    assert complexity("sine", 8, seed=seed) > 0.50


@pytest.mark.parametrize("seed", SEEDS)
def test_at_large_weights_relu_is_below_tanh_below_gaussian_below_sine(seed):
    order = [complexity(a, 8, seed=seed) for a in ("relu", "tanh", "gaussian", "sine")]
    assert all(low + 0.03 < high for low, high in itertools.pairwise(order))


@pytest.mark.parametrize("seed", SEEDS)
def test_norm_and_residuals_calm_tanh_and_gating_excites_relu(seed):
    plain = complexity("tanh", 8, seed=seed)
    assert complexity("tanh", 8, norm="layer", seed=seed) < plain / 2
    assert complexity("tanh", 8, residual="paper", seed=seed) < plain / 2
    assert complexity("relu", 16, gated=True, seed=seed) > 2 * complexity("relu", 16, seed=seed)


def test_depth_amplifies_tanh_but_not_relu():
    options = {"grid": 48, "width": 64, "depth": 6, "networks": 24}
    assert complexity("tanh", 8, **options) / complexity("tanh", 1, **options) > 5
    assert complexity("relu", 8, **options) / complexity("relu", 1, **options) < 2


def test_width_does_not_matter_under_fan_in_scaling_but_does_under_glorot():
    def over_widths(widths, **options):
        return [
            complexity("tanh", width=w, grid=48, depth=3, networks=24, **options) for w in widths
        ]

    flat = over_widths((16, 64, 256), weight_scale=4, scaling="fan_in")
    assert max(flat) / min(flat) < 1.25
    narrow, wide = over_widths((8, 256), weight_scale=8)
    assert wide < 0.75 * narrow


def test_measures_agree_in_rank_over_architectures():
    frames = []
    for activation in ACTIVATIONS[:7]:
        for depth in (2, 4, 6):
            for alpha in (1.0, 4.0, 16.0):
                options = {"depth": depth, "weight_scale": alpha}
                values = sample_functions(activation, networks=6, grid=48, width=32, **options)
                frames.append(
                    [
                        measure(values).mean().item()
                        for measure in (
                            fourier_complexity,
                            chebyshev_complexity,
                            lempel_ziv_complexity,
                            total_variation,
                        )
                    ]
                )
    fourier, chebyshev, lempel_ziv, variation = zip(*frames, strict=True)
    assert len(fourier) == 63
    assert spearman(fourier, chebyshev) > 0.9
    assert spearman(fourier, lempel_ziv) > 0.7
    assert spearman(fourier, variation) > 0.85


def test_float32_noise_of_a_constant_network_is_not_mistaken_for_complexity():
    options = {"depth": 7, "weight_scale": 0.1, "scaling": "raw", "bias_scale": 0.1, "networks": 10}
    single = fourier_complexity(sample_functions("sigmoid", dtype=torch.float32, **options))
    double = fourier_complexity(sample_functions("sigmoid", **options))
    assert bool(single.isnan().all())
    assert double.mean() < 0.2
