"""Variation along paths, and the experiment on two predictive signals."""

import pytest
import torch

from ibcore.nets import MLP
from ibcore.population import Population
from ibcore.redshift import path_variation
from ibcore.redshift.experiments.modular import SHORTCUTS, correlation


def ends(dimensions, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 7, dimensions, generator=generator, dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize("dimensions", [1, 5])
def test_a_linear_function_goes_straight_and_a_wave_does_not(dimensions):
    a, b = ends(dimensions)
    variations = {
        name: path_variation(
            Population.sample(MLP(dimensions, activation=name), networks=4, weight_scale=6.0), a, b
        )
        for name in ("linear", "sine")
    }
    torch.testing.assert_close(variations["linear"], torch.ones(4, dtype=torch.float64))
    assert bool((variations["sine"] > 2).all())


def test_it_equals_a_plain_loop_and_is_blind_to_scale():
    a, b = ends(3)
    population = Population.sample(
        MLP(3, 2, width=8, activation="tanh"), networks=2, weight_scale=9.0
    )
    way, straight = torch.zeros(2), torch.zeros(2)
    for i in range(2):
        net = population.member(i)
        for start, end in zip(a, b, strict=True):
            steps = torch.linspace(0, 1, 33, dtype=torch.float64)[:, None]
            values = net(start + steps * (end - start)).detach()
            way[i] += values.diff(dim=0).abs().sum()
            straight[i] += (values[-1] - values[0]).abs().sum()
    torch.testing.assert_close(path_variation(population, a, b).float(), way / straight)
    last = {k: 100 * p if ".3." in k else p for k, p in population.parameters.items()}
    scaled = Population(population.architecture, last)
    torch.testing.assert_close(path_variation(scaled, a, b), path_variation(population, a, b))


def test_bad_segments_are_named():
    population = Population.sample(MLP(3), networks=1)
    a, b = ends(3)
    with pytest.raises(ValueError, match=r"got \(7, 3\) and \(6, 3\)"):
        path_variation(population, a, b[:6])
    with pytest.raises(ValueError, match="points must be a whole number at least 2, got 1"):
        path_variation(population, a, b, points=1)


def test_correlation_agrees_with_torch_and_a_constant_has_none():
    values = torch.randn(2, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.corrcoef(values)[0, 1]
    torch.testing.assert_close(correlation(values[:1], values[1:])[0], expected)
    assert bool(correlation(torch.ones(1, 4), torch.rand(1, 4)).isnan())


def test_networks_take_the_color_at_a_small_prefactor_and_less_of_it_at_a_larger_one():
    cells = {(c["activation"], c["prefactor"]): c for c in SHORTCUTS.plan("smoke").values()}
    small, large = (
        SHORTCUTS.run_cell(cells["tanh", prefactor], torch.device("cpu")).mean(numeric_only=True)
        for prefactor in (0.5, 4.0)
    )
    assert small.color_correlation > 0.9
    assert large.color_correlation < small.color_correlation
    assert large.digit_correlation > small.digit_correlation
    assert large.variation_initial > small.variation_initial
