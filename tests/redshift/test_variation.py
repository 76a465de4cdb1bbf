"""Total variation: closed forms and what it must not see."""

import math

import numpy as np
import pytest
import torch

from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.redshift import path_variation, total_variation
from ibcore.tasks import grid


def test_a_sampled_wave_has_four_amplitudes_per_period():
    x = grid(129, 1)[:, 0]
    for periods in (1, 2, 8):
        values = torch.sin(math.pi * periods * x)[None]
        expected = 4 * periods / values.numpy().std()
        assert total_variation(values).item() == pytest.approx(expected, rel=1e-12)


def test_lines_of_both_axes_count_alike():
    values = torch.randn(3, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    image = values.numpy()
    rows = np.abs(np.diff(image, axis=1)).sum(1).mean(1)
    columns = np.abs(np.diff(image, axis=2)).sum(2).mean(1)
    expected = (rows + columns) / 2 / image.std((1, 2))
    np.testing.assert_allclose(total_variation(values), expected, rtol=1e-12)
    torch.testing.assert_close(total_variation(values.mT), total_variation(values))
    torch.testing.assert_close(total_variation(3 - 2 * values), total_variation(values))


def test_a_constant_is_nan():
    assert bool(total_variation(torch.full((1, 5, 5), 2.0)).isnan())


def test_a_way_that_comes_back_is_infinitely_longer_than_the_straight_one():
    net = MLP(1, 1, depth=1, width=2)
    weights = {"layers.0.weight": [[1.0], [-1.0]], "layers.0.bias": [0.0, 0.0]}
    weights |= {"layers.1.weight": [[1.0, 1.0]], "layers.1.bias": [0.1]}
    many = Population(net, {name: torch.tensor([w]).double() for name, w in weights.items()})
    assert path_variation(many, [[-0.3]], [[0.1 * 3]]).tolist() == [
        math.inf
    ]  # |x|, but for rounding
    assert path_variation(many, [[1]], [[3]]).tolist() == [1.0]
