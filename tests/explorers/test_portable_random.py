import numpy as np
import pytest
import torch

from ibcore.explorers.portable_random import draw_parameters, uniforms
from ibcore.nets import MLP


def mulberry32(seed: int, count: int) -> list[float]:
    """Return the published algorithm, one number after the other, in Python's integers."""
    mask = 2**32 - 1
    numbers = []
    state = seed
    for _ in range(count):
        state = (state + 0x6D2B79F5) & mask
        t = ((state ^ state >> 15) * (1 | state)) & mask
        t = (t + ((t ^ t >> 7) * (61 | t) & mask) & mask) ^ t
        numbers.append((t ^ t >> 14) / 2**32)
    return numbers


def test_first_numbers_of_seed_zero_are_the_published_ones():
    expected = [0.26642920868471265, 0.0003297457005828619, 0.2232720274478197]
    assert uniforms(0, 3).tolist() == expected


@pytest.mark.parametrize("seed", [0, 1, 31, 123_456_789, 2**32 - 1])
def test_vectorized_numbers_equal_the_sequential_algorithm(seed):
    assert uniforms(seed, 500).tolist() == mulberry32(seed, 500)


def test_a_number_does_not_depend_on_how_many_are_drawn():
    assert np.array_equal(uniforms(5, 1000)[:10], uniforms(5, 10))


def test_numbers_are_spread_evenly_over_the_unit_interval():
    counts = np.histogram(uniforms(7, 64_000), bins=64, range=(0, 1))[0]
    assert abs(counts - 1000).max() < 150


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_beyond_32_bits_is_refused_by_value(seed):
    with pytest.raises(ValueError, match=str(seed)):
        uniforms(seed, 1)


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="-2"):
        uniforms(0, -2)


def test_another_weight_scale_is_the_same_network_scaled():
    shapes = MLP(depth=2, width=8).shapes
    one, four = (draw_parameters(shapes, 3, weight_scale=scale) for scale in (1.0, 4.0))
    for name, value in one.items():
        factor = 1 if name.endswith("bias") else 4
        assert torch.allclose(four[name], factor * value, rtol=1e-15, atol=0)


def test_weights_stay_within_the_glorot_bound_and_biases_within_theirs():
    drawn = draw_parameters(MLP(depth=1, width=64).shapes, 0, weight_scale=2.0, bias_scale=0.5)
    bound = 2 * (6 / 66) ** 0.5
    assert 0.9 * bound < drawn["layers.0.weight"].abs().max() < bound
    assert 0.4 < drawn["layers.0.bias"].abs().max() < 0.5


def test_a_layer_draws_weights_then_biases_then_its_gate():
    drawn = draw_parameters(MLP(depth=1, width=2, gated=True).shapes, 9, bias_scale=1.0)
    unit = torch.from_numpy(2 * uniforms(9, 15) - 1)
    assert torch.equal(drawn["layers.0.bias"], unit[4:6])
    assert torch.allclose(drawn["gates.0.weight"].flatten(), unit[6:10] * (6 / 4) ** 0.5)
    assert torch.equal(drawn["gates.0.bias"], unit[10:12])
    assert torch.equal(drawn["layers.1.bias"], unit[14:15])


def test_layers_are_drawn_in_numerical_order():
    shapes = MLP(depth=11, width=2).shapes
    shuffled = dict(sorted(shapes.items()))  # "layers.10" sorts before "layers.2"
    expected, drawn = draw_parameters(shapes, 0), draw_parameters(shuffled, 0)
    assert all(torch.equal(expected[name], drawn[name]) for name in shapes)
