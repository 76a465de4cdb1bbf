import base64
import html

import nbformat
import numpy as np
import pytest
import torch
from nbconvert import HTMLExporter

from ibcore.explorers import ArchitectureGap, RandomNetwork
from ibcore.explorers.random_network import network_values
from ibcore.redshift import fourier_complexity


@pytest.fixture
def figure(monkeypatch):
    monkeypatch.delenv("IBCORE_STATIC", raising=False)
    figure = RandomNetwork("tanh", weight_scale=2, grid=32)
    yield figure
    figure.widget.close()


def frame_of(widget):
    return np.frombuffer(widget.frame, dtype=np.float32).reshape(32, 32)


def complexity_of(values):
    return float(fourier_complexity(torch.from_numpy(values)[None])[0])


def test_the_widget_starts_with_an_answer_to_its_first_parameters(figure):
    values = network_values(figure.initial(), 32)
    assert figure.widget.engine == "kernel"
    assert figure.widget.answer["params"] == figure.initial()
    assert figure.widget.answer["complexity"] == pytest.approx(complexity_of(values), abs=1e-12)
    assert np.array_equal(frame_of(figure.widget), values.astype(np.float32))


def test_new_parameters_are_answered_by_ibcore(figure):
    asked = {
        **figure.initial(),
        "activation": "sine",
        "weight_scale": 16,
        "gated": True,
        "depth": 5,
    }
    figure.widget.params = asked
    values = network_values(asked, 32)
    answer = figure.widget.answer
    assert answer["params"] == asked
    assert answer["complexity"] == pytest.approx(complexity_of(values), abs=1e-12)
    assert (answer["min"], answer["max"]) == (values.min(), values.max())
    assert np.array_equal(frame_of(figure.widget), values.astype(np.float32))


def test_a_constant_function_is_answered_without_a_number():
    dead = RandomNetwork("relu", width=8, depth=6, weight_scale=0.25, grid=16)
    found = [
        answer
        for seed in range(32)
        if (answer := dead.answer({**dead.initial(), "seed": seed})).facts["complexity"] is None
    ]
    assert all(answer.facts["min"] == pytest.approx(answer.facts["max"]) for answer in found)
    assert found, "no dead network among these seeds: choose others"


@pytest.mark.parametrize("change", [{"depth": 9}, {"color": "red"}])
def test_parameters_that_no_control_can_send_are_refused(figure, change):
    with pytest.raises(ValueError, match=next(iter(change))):
        figure.answer({**figure.initial(), **change})


def test_the_live_bundle_is_a_widget_view(figure):
    bundle = figure._repr_mimebundle_(include=None, exclude=None)
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_saved_notebook_keeps_a_picture_and_words_and_an_export_shows_them(figure):
    data, _ = figure._repr_mimebundle_()
    poster = figure.poster()
    assert data["text/plain"] == poster.description
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    output = nbformat.v4.new_output("display_data", data=data)
    cell = nbformat.v4.new_code_cell("figure", outputs=[output])
    page, _ = HTMLExporter(template_name="basic").from_notebook_node(
        nbformat.v4.new_notebook(cells=[cell])
    )
    assert f'alt="{html.escape(poster.description)}"' in page and "data:image/png" in page
    assert poster.caption in html.unescape(page)


def test_the_widget_carries_the_script_as_a_module(figure):
    assert figure.widget._esm.rstrip().endswith("export default { render: IBExplorers.render };")


def test_a_figure_whose_numbers_are_all_in_the_page_asks_no_kernel(monkeypatch):
    monkeypatch.delenv("IBCORE_STATIC", raising=False)
    stored = ArchitectureGap()
    try:
        assert (stored.widget.engine, stored.widget.answer) == ("browser", {})
        stored.widget.params = {**stored.initial(), "support": 5}
        assert (stored.widget.answer, stored.widget.frame) == ({}, b"")
    finally:
        stored.widget.close()
    with pytest.raises(NotImplementedError, match="all that ArchitectureGap shows is in the page"):
        stored.answer(stored.initial())
