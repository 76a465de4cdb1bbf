import base64
import gzip
import io
import json
import math
import re
import sys

import matplotlib.image
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup

from ibcore.explorers import EXPLORERS, RandomNetwork, base, is_static
from ibcore.explorers.base import PALETTE, Poster, picture
from ibcore.explorers.portable_random import draw_parameters
from ibcore.explorers.random_network import network_values
from ibcore.nets import ACTIVATIONS, MLP


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("IBCORE_STATIC", "1")


def parsed(explorer):
    return BeautifulSoup(explorer.to_html(), "html.parser")


def test_the_registry_names_each_explorer_by_its_kind():
    assert [explorer.kind for explorer in EXPLORERS.values()] == list(EXPLORERS)
    listed = re.search(r"const EXPLORERS = \{(.*?)\};", base.script(), re.DOTALL)
    assert re.findall(r"(\w+): \w+", listed.group(1)) == list(EXPLORERS)


def test_every_file_of_the_script_is_used_by_a_figure():
    whole = base.script()
    for file in base.STATIC.glob("*.js"):
        assert base.compact_script(file.read_text("utf-8")) in whole, file.name


def test_html_is_the_same_each_time():
    first, second = (RandomNetwork("sine", weight_scale=3, seed=4) for _ in range(2))
    assert first.to_html() == second.to_html()


def test_html_is_one_element_with_state_and_poster():
    element = parsed(RandomNetwork("tanh", gated=True)).find("ib-explorer")
    state = json.loads(element.find("script").string)
    assert state["engine"] == "browser"
    assert state["setup"] == {"grid": 64}
    assert state["params"]["activation"] == "tanh"
    assert state["params"]["gated"] is True
    assert element.find("img")["alt"].startswith("A random network (tanh")


def test_payload_without_poster_stays_below_five_kilobytes():
    html = RandomNetwork().to_html()
    assert len(re.sub(r'src="data:[^"]*"', "", html)) < 5_000


@pytest.mark.parametrize("activation", ["relu", "sine"])
def test_the_poster_stays_below_fifteen_kilobytes(activation):
    html = RandomNetwork(activation, weight_scale=16, depth=6, width=64, grid=128).to_html()
    assert len(html) < 15_000


@pytest.mark.parametrize("kind", EXPLORERS)
def test_the_script_of_one_kind_draws_it_and_is_a_part_of_the_whole(kind):
    part, whole = base.script((kind,)), base.script()
    listed = re.search(r"const EXPLORERS = \{(.*?)\};", part, re.DOTALL)
    assert re.findall(r"(\w+): (\w+)", listed.group(1)) == [(kind, kind[0].lower() + kind[1:])]
    assert len(part) < 0.75 * len(whole)
    assert set(part.splitlines()) <= set(whole.splitlines())


def test_the_script_of_an_unknown_kind_is_refused_by_name():
    with pytest.raises(ValueError, match="'Sphere'; there are RandomNetwork, ComplexityMap"):
        base.script(("RandomNetwork", "Sphere"))


@pytest.mark.parametrize("kinds", [(kind,) for kind in EXPLORERS])
def test_the_script_that_a_page_loads_is_small(kinds):
    assert len(gzip.compress(base.script(kinds).encode())) < 30_000


def test_the_script_is_small_and_asks_for_nothing_outside():
    script = base.script()
    assert len(gzip.compress(script.encode())) < 75_000  # all of it is for notebooks alone
    assert set(re.findall(r"https?://[^\s\"'`)]+", script)) == {"http://www.w3.org/2000/svg"}
    assert "</script" not in script


def test_only_the_inlined_form_carries_the_script():
    explorer = RandomNetwork()
    assert base.script() in explorer.to_html(inline_js=True)
    assert "IBExplorers" not in explorer.to_html()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"weight_scale": 0.1}, "0.1"),
        ({"weight_scale": 17}, "17"),
        ({"weight_scale": math.nan}, "nan"),
        ({"depth": 0}, "0"),
        ({"width": 33}, "33"),
        ({"norm": "batch"}, "batch"),
        ({"seed": 32}, "32"),
        ({"grid": 8}, "8"),
        ({"grid": 256}, "256"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_the_choices(options, named):
    name = next(iter(options))
    with pytest.raises(ValueError, match=rf"^(unknown )?{name} .*'?{named}"):
        RandomNetwork(**options)


def test_every_activation_of_the_package_has_a_place_in_the_script():
    listed = re.search(r"const ACTIVATION_NAMES = \{(.*?)\};", base.script(), re.DOTALL)
    assert tuple(re.findall(r"(\w+):", listed.group(1))) == ACTIVATIONS


def test_palette_of_the_poster_is_the_palette_of_the_script():
    assert all(color in base.script() for color in PALETTE)
    assert len(PALETTE) == 18


def test_static_mode_makes_no_widget(static, monkeypatch):
    monkeypatch.setattr(base, "_live_class", lambda: pytest.fail("a widget was made"))
    bundle = RandomNetwork()._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert "IBExplorers" not in bundle["text/html"]


def test_without_anywidget_the_figure_carries_its_own_script(monkeypatch):
    monkeypatch.delenv("IBCORE_STATIC", raising=False)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    bundle = RandomNetwork()._repr_mimebundle_()
    assert base.script() in bundle["text/html"]


def test_a_mistyped_switch_is_an_error(monkeypatch):
    monkeypatch.setenv("IBCORE_STATIC", "yes")
    with pytest.raises(ValueError, match="'yes'"):
        is_static()


def test_the_poster_shows_x1_to_the_right_and_x2_upward():
    values = network_values(RandomNetwork("tanh", weight_scale=4).initial(), 32)
    shown = matplotlib.image.imread(io.BytesIO(picture(values)))  # (32, 32, RGBA)
    extreme = np.unravel_index(values.argmax(), values.shape)
    row, column = 31 - extreme[1], extreme[0]
    top = [int(PALETTE[-1][i : i + 2], 16) / 255 for i in (0, 2, 4)]
    assert np.allclose(shown[row, column, :3], top, atol=1 / 255)


def test_a_constant_poster_has_one_color():
    shown = matplotlib.image.imread(io.BytesIO(picture(np.ones((4, 4)), enlarge=2)))
    assert shown.shape[:2] == (8, 8)
    assert len(np.unique(shown.reshape(64, -1), axis=0)) == 1


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.full((2, 2), np.nan)])
def test_a_picture_needs_a_finite_square(values):
    with pytest.raises(ValueError, match=r"finite \(n, n\)"):
        picture(values)


def test_words_of_a_poster_are_escaped():
    html = Poster(np.eye(2), 'a "quoted" <b>', "x < y").to_html()
    assert 'alt="a &quot;quoted&quot; &lt;b&gt;"' in html
    assert "x &lt; y" in html


def test_the_png_of_the_bundle_is_enlarged_for_paper(static):
    data = base64.b64decode(RandomNetwork()._repr_mimebundle_()["image/png"])
    assert matplotlib.image.imread(io.BytesIO(data)).shape[:2] == (384, 384)


def test_values_are_those_of_the_module_on_the_grid():
    options = {"depth": 2, "width": 8, "norm": "layer", "residual": "block", "gated": True}
    module = MLP(activation="gelu", **options).double()
    module.load_state_dict(draw_parameters(module.shapes, 5, weight_scale=2.0))
    figure = RandomNetwork("gelu", weight_scale=2.0, seed=5, **options)
    values = network_values(figure.initial(), 16)
    axis = torch.linspace(-1, 1, 16, dtype=torch.float64)
    expected = module(torch.stack([axis[3], axis[10]])).item()
    assert values[3, 10] == pytest.approx(expected, abs=1e-12)
