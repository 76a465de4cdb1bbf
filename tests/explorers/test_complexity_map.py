"""The map of complexity without a browser: its numbers, its errors, its answers."""

import json

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup

from ibcore.explorers import ComplexityMap
from ibcore.explorers.portable_random import draw_parameters
from ibcore.nets import MLP
from ibcore.redshift import fourier_complexity
from ibcore.runs import load
from ibcore.stats import mean_interval


@pytest.fixture(scope="module")
def figure(map_frame):
    return ComplexityMap(frame=map_frame)


def cell(figure, transform, weight_scale, depth):
    setup = figure.setup()
    column = setup["depths"].index(depth)
    row = setup["scales"].index(weight_scale)
    return setup["cells"]["tanh"][transform][row * len(setup["depths"]) + column]


@pytest.mark.parametrize("transform", ["dct", "fft"])
def test_a_cell_holds_mean_interval_and_number_of_its_networks(figure, map_frame, transform):
    chosen = map_frame.query("activation == 'tanh' and depth == 3 and weight_scale == 16")
    expected = mean_interval(chosen[transform])
    assert cell(figure, transform, 16.0, 3) == pytest.approx(
        (expected.value, expected.low, expected.high, 6), abs=1e-4
    )


def test_constant_functions_are_not_counted(figure):
    assert cell(figure, "dct", 0.5, 5) == (None, None, None, 0)


def test_the_published_run_is_shown_with_its_tier_and_day():
    figure = ComplexityMap()
    provenance = load("redshift.activations").attrs["provenance"]
    assert figure.setup()["source"] == {
        "experiment": "redshift.activations",
        "tier": provenance["tier"],
        "date": provenance["date"][:10],
    }
    assert len(figure.to_html()) < 60_000


def test_the_references_are_those_of_the_measured_grid(figure):
    ramp = torch.linspace(0, 1, 64, dtype=torch.float64).expand(1, 64, 64)
    for transform in ("dct", "fft"):
        expected = float(fourier_complexity(ramp, transform=transform)[0])
        references = figure.setup()["references"][transform]
        assert references["ramp"] == pytest.approx(expected, abs=1e-9)
        assert references["noise"] == pytest.approx(0.543, abs=0.005)


def test_a_grid_too_fine_for_the_browser_is_measured_but_not_drawn(map_frame):
    setup = ComplexityMap(frame=map_frame.assign(grid=300)).setup()
    assert (setup["measured_grid"], setup["grid"]) == (300, 64)


def test_the_kernel_answers_with_the_network_of_the_cell(figure):
    params = {**figure.initial(), "depth": 5, "weight_scale": 16.0, "seed": 7}
    answer = figure.answer(params)
    values = torch.tensor(np.frombuffer(answer.frame, dtype=np.float32)).reshape(1, 64, 64)
    module = MLP(depth=5, width=16, activation="tanh").double()
    module.load_state_dict(draw_parameters(module.shapes, 7, weight_scale=16.0))
    corner = module(torch.tensor([[-1.0, 1.0]], dtype=torch.float64)).item()
    assert float(values[0, 0, -1]) == pytest.approx(corner, rel=1e-6)
    for transform in ("dct", "fft"):
        expected = float(fourier_complexity(values, transform=transform)[0])
        assert answer.facts[transform] == pytest.approx(expected, abs=1e-5)


def test_the_poster_names_the_lowest_and_the_highest_cell(figure):
    poster = figure.poster()
    means = [row[0] for row in figure.setup()["cells"]["tanh"]["dct"] if row[0] is not None]
    assert f"lowest {min(means):.3f} at depth" in poster.description
    assert f"highest {max(means):.3f} at depth" in poster.description
    assert poster.values.shape == (84, 84)


def test_html_holds_the_cell_to_start_from(map_frame):
    html = ComplexityMap("relu", transform="fft", depth=1, weight_scale=16, frame=map_frame)
    script = BeautifulSoup(html.to_html(), "html.parser").find("ib-explorer").find("script")
    assert json.loads(script.string)["initial"] == {
        "activation": "relu",
        "transform": "fft",
        "depth": 1,
        "weight_scale": 16.0,
        "seed": 0,
    }


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "gelu"},
        {"transform": "hann"},
        {"depth": 2},
        {"weight_scale": 3.0},
        {"seed": 32},
    ],
)
def test_a_value_that_the_run_does_not_have_is_refused(map_frame, options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"^(unknown )?{name} .*{value!r}"):
        ComplexityMap(frame=map_frame, **options)


def test_a_parameter_without_a_control_is_refused(figure):
    with pytest.raises(ValueError, match="params must be"):
        figure.answer({**figure.initial(), "color": "red"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="fft"), "no column fft"),
        (lambda f: f[:0], "no rows"),
        (lambda f: f.assign(width=[8, 16] * (len(f) // 2)), "needs one width"),
        (lambda f: f[(f.depth != 3) | (f.weight_scale != 4)], "weight_scale 4.0, depth 3"),
        (lambda f: f.assign(dct=np.nan), "'relu' is constant"),
    ],
)
def test_a_frame_that_is_no_map_is_refused(map_frame, change, message):
    with pytest.raises(ValueError, match=message):
        ComplexityMap(frame=change(map_frame))
