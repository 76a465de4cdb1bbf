"""What the script computes in the browser equals what ibcore and torch compute."""

import itertools
import math

import numpy as np
import pytest
import scipy.fft
import scipy.special
import torch

from ibcore.explorers import base
from ibcore.explorers.portable_random import draw_parameters, uniforms
from ibcore.nets import ACTIVATIONS, MLP
from ibcore.population import Population
from ibcore.redshift import fourier_complexity
from ibcore.redshift.fourier import radial_spectrum
from ibcore.tasks import grid

pytestmark = pytest.mark.browser

COMPONENTS = list(itertools.product([None, "layer"], [None, "paper", "block"], [False, True]))


@pytest.fixture(scope="module")
def page(new_visits, tmp_path_factory):
    visits = new_visits(tmp_path_factory.mktemp("numbers"))
    yield visits.open(f"<script>{base.script()}</script>")
    visits.close()


def lists(parameters):
    return {name: value.tolist() for name, value in parameters.items()}


def torch_values(options, parameters, points):
    stacked = {name: value[None] for name, value in parameters.items()}
    output = Population(MLP(**options), stacked).forward(grid(points))
    return output.reshape(points, points)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_equals_torch_for_all_components(page, activation):
    for norm, residual, gated in COMPONENTS:
        options = {"activation": activation, "depth": 3, "width": 7, "prefactor": 1.5}
        options |= {"norm": norm, "residual": residual, "gated": gated}
        shapes = MLP(**options).shapes
        parameters = draw_parameters(shapes, 11, weight_scale=2.0)
        expected = torch_values(options, parameters, 13)
        values = page.evaluate(
            "([w, o]) => Array.from(IBExplorers.forward(w, o, 13))", [lists(parameters), options]
        )
        error = (torch.tensor(values, dtype=torch.float64).reshape(13, 13) - expected).abs().max()
        assert error < 1e-7 * max(1.0, float(expected.abs().max())), options


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh", "sine"])
@pytest.mark.parametrize("weight_scale", [0.25, 16.0])
def test_complexity_of_torch_weights_equals_ibcore(page, activation, weight_scale):
    options = {"activation": activation, "depth": 6, "width": 32}
    generator = torch.Generator().manual_seed(1)
    population = Population.sample(
        MLP(**options), networks=1, weight_scale=weight_scale, seed=int(generator.initial_seed())
    )
    parameters = {name: value[0] for name, value in population.parameters.items()}
    expected = fourier_complexity(population.forward(grid(64)).reshape(1, 64, 64)).item()
    found = page.evaluate(
        "([w, o]) => IBExplorers.complexityOf(IBExplorers.forward(w, o, 64), 64)",
        [lists(parameters), options],
    )
    assert found == pytest.approx(expected, abs=1e-5)


def test_drawn_weights_equal_the_numpy_draw(page):
    options = {"depth": 2, "width": 16, "gated": True, "weight_scale": 2.5, "bias_scale": 0.5}
    shapes = MLP(depth=2, width=16, gated=True).shapes
    expected = draw_parameters(shapes, 29, weight_scale=2.5, bias_scale=0.5)
    drawn = page.evaluate(
        """o => Object.fromEntries(Object.entries(IBExplorers.drawWeights(29, o))
             .map(([name, value]) => [name, Array.from(value)]))""",
        options,
    )
    assert set(drawn) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(drawn[name], value.flatten().numpy(), rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", [0, 31, 2**32 - 1])
def test_uniform_numbers_equal_numpy_exactly(page, seed):
    found = page.evaluate("s => Array.from(IBExplorers.uniforms(s, 200))", seed)
    assert found == uniforms(seed, 200).tolist()


def test_error_function_is_accurate_to_a_billionth(page):
    x = np.linspace(-7, 7, 2001)
    found = page.evaluate("x => x.map(IBExplorers.erf)", x.tolist())
    assert abs(np.array(found) - scipy.special.erf(x)).max() < 1e-9


def test_cosine_transform_equals_scipy(page):
    values = uniforms(3, 24 * 24).reshape(24, 24)
    found = page.evaluate("v => Array.from(IBExplorers.dct2(v, 24))", values.flatten().tolist())
    expected = scipy.fft.dctn(values, norm="ortho")
    np.testing.assert_allclose(np.reshape(found, (24, 24)), expected, rtol=0, atol=1e-12)


def test_spectrum_equals_ibcore_up_to_its_largest_value(page):
    values = torch.from_numpy(uniforms(5, 32 * 32).reshape(1, 32, 32))
    fractions, means = radial_spectrum(values)
    found = page.evaluate("v => IBExplorers.analyze(v, 32)", values.flatten().tolist())
    np.testing.assert_allclose(found["amplitude"], (means[0] / means.max()).numpy(), atol=1e-12)
    np.testing.assert_allclose(
        found["frequency"], (fractions * math.sqrt(2) * 31).numpy(), atol=1e-9
    )


def test_references_are_the_known_values(page):
    points = page.evaluate("() => IBExplorers.referencePoints(64)")
    assert [point["name"] for point in points] == ["linear ramp", "one wave", "white noise"]
    found = [point["complexity"] for point in points]
    assert found == pytest.approx([0.023, 0.039, 0.543], abs=0.003)
    axis = np.linspace(0, 1, 64)
    noise = uniforms(0, 64 * 64).reshape(64, 64)
    functions = [np.tile(f[:, None], (1, 64)) for f in (axis, np.sin(2 * np.pi * axis))]
    expected = fourier_complexity(torch.from_numpy(np.stack([*functions, noise])))
    assert found == pytest.approx(expected.tolist(), abs=1e-9)


@pytest.mark.parametrize("value", [0.0, 3.7, -1e9])
def test_a_constant_has_no_complexity(page, value):
    noise = (1 + 1e-16 * (uniforms(1, 64) - 0.5)) * value
    assert page.evaluate("v => Number.isNaN(IBExplorers.complexityOf(v, 8))", noise.tolist())


def test_a_missing_parameter_is_named(page):
    message = page.evaluate(
        """() => { try { IBExplorers.forward({}, {depth: 1}, 4); }
             catch (error) { return error.message; } }"""
    )
    assert message == "parameter layers.0.weight is missing"
