"""The explorer of the diagonal net without a browser: its data, its answers, its errors."""

import math

import numpy as np
import pytest
import torch

from ibcore.explorers import DiagonalNetwork
from ibcore.explorers.portable_random import shared_batches
from ibcore.explorers.random_network import TIMES
from ibcore.memory import DiagonalNet, effective_scale


@pytest.fixture(scope="module")
def figure():
    return DiagonalNetwork()


def test_an_answer_is_what_flow_with_decay_gives(figure):
    answer = figure.answer({**figure.initial(), "weight_scale": 0.3, "time": 40.0})
    net = DiagonalNet.start(0.3, features=40)
    net = net.flow(figure.task.x, figure.task.y, time=40.0, weight_decay=0.03)
    assert np.array_equal(np.frombuffer(answer.frame, np.float32), net.beta.float().numpy())
    expected = effective_scale(0.3, time=40.0, weight_decay=0.03)
    assert answer.facts["effective_scale"] == pytest.approx(expected)
    assert answer.facts["explicit"] == pytest.approx(2 * 0.03 * 40)
    assert answer.facts["noise"] == pytest.approx(0, abs=1e-12)


def test_decay_and_noise_add_up_to_the_shrinkage_of_the_scale(figure):
    params = {**figure.initial(), "weight_scale": 0.3, "time": 10.0, "batch": 1}
    facts = figure.answer({**params, "label_noise": True}).facts
    folds = 2 * math.log(0.3 / facts["effective_scale"])
    assert facts["explicit"] + facts["noise"] == pytest.approx(folds)
    assert facts["noise"] > 0.05
    assert facts["explicit"] == pytest.approx(-4000 * math.log(1 - 0.005 * 0.03))


def test_shared_batches_have_points_of_the_data_and_noise_of_unit_size():
    x, y = torch.eye(20).double(), torch.arange(20.0).double()
    drawn = list(shared_batches(x, y, steps=4000, batch_size=1, label_noise=1.0, seed=3))
    points = torch.stack([bx[0].argmax() for bx, _ in drawn])
    noise = torch.stack([by[0] for _, by in drawn]) - y[points]
    assert points.bincount(minlength=20).min() > 130  # of 200 expected
    assert float(noise.std()) == pytest.approx(1, abs=0.05)
    assert float(noise.mean()) == pytest.approx(0, abs=0.06)


def test_whole_batches_without_noise_are_the_data():
    x, y = torch.eye(4).double(), torch.arange(4.0).double()
    ((bx, by),) = shared_batches(x, y, steps=1, batch_size=None, label_noise=0.0, seed=0)
    assert torch.equal(bx, x)
    assert torch.equal(by, y)


def test_the_data_of_the_page_are_those_that_ibcore_uses(figure):
    setup = figure.setup()
    assert torch.equal(torch.tensor(setup["x"], dtype=torch.float64), figure.task.x)
    assert setup["nonzero"] == 3
    labels = figure.task.x @ figure.task.truth
    assert torch.allclose(labels, figure.task.y, rtol=0, atol=1e-3)


def test_the_page_stays_small(figure):
    assert len(figure.to_html()) < 12_000


def test_the_poster_states_scale_and_risk(figure):
    words = figure.poster().description
    facts = figure.answer(figure.initial()).facts
    assert f"effective scale {facts['effective_scale']:.3g}" in words
    assert f"excess risk {facts['excess_risk']:.3f}" in words


def test_seeds_give_different_problems():
    assert DiagonalNetwork(seed=1).setup()["y"] != DiagonalNetwork(seed=2).setup()["y"]


def test_it_says_what_it_shows():
    figure = DiagonalNetwork(0.3, batch=5, label_noise=True, time=20)
    assert repr(figure) == (
        "DiagonalNetwork(scale 0.3, decay 0.03, steps on 5 of the points, learning rate 0.005, "
        "label noise, time 20)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight_scale": 0.01}, "weight_scale must be at least 0.03 and at most 3, got 0.01"),
        ({"weight_decay": 0.5}, "unknown weight_decay 0.5"),
        ({"batch": 2}, "unknown batch 2; choose one of 'flow', 'all', 5, 1"),
        ({"learning_rate": 0.5}, "unknown learning_rate 0.5"),
        ({"time": 7.5}, "unknown time 7.5"),
        ({"seed": 32}, "seed must be a whole number"),
    ],
)
def test_a_bad_value_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DiagonalNetwork(**options)


def test_an_unknown_parameter_is_refused(figure):
    with pytest.raises(ValueError, match="params must be"):
        figure.answer({"weight_scale": 1.0})


def test_the_widget_starts_with_an_answer_and_answers_new_parameters(monkeypatch):
    monkeypatch.delenv("IBCORE_STATIC", raising=False)
    figure = DiagonalNetwork(0.3, time=5.0)
    widget = figure.widget
    assert widget.answer["params"] == figure.initial()
    asked = {**figure.initial(), "batch": 1, "label_noise": True}
    widget.params = asked
    expected = figure.answer(asked)
    assert widget.answer == {"params": asked, **expected.facts}
    assert widget.frame == expected.frame
    widget.close()


def test_times_rise_from_zero():
    assert TIMES[0] == 0
    assert list(TIMES) == sorted(set(TIMES))
