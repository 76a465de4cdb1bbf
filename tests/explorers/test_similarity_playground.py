"""The playground of similarity without a browser: its clouds, and what leaves measures alone."""

import numpy as np
import pytest
import torch

from ibcore.explorers import SimilarityPlayground
from ibcore.explorers.portable_random import clouds, normals
from ibcore.explorers.random_network import CHOICES, MEASURES, similarities
from ibcore.guidance import cka, procrustes, ridge, rsa

START = SimilarityPlayground().initial()


def found(**change):
    """Return the measures after a change of the first state."""
    figure = SimilarityPlayground()
    return figure.answer({**START, **change}).facts


def test_measures_are_those_of_the_package():
    x, y = (torch.from_numpy(z) for z in clouds({**START, "blur": 0.7, "noise": 5}))
    expected = {
        "biased": cka(x, y, unbiased=False),
        "unbiased": cka(x, y),
        "rbf": cka(x, y, kernel="rbf"),
        "rsa": rsa(x, y),
        "procrustes": procrustes(x, y),
        "ridge": ridge(x, y),
    }
    facts = found(blur=0.7, noise=5)
    assert list(facts) == list(MEASURES)
    assert facts == {name: pytest.approx(value.item()) for name, value in expected.items()}


@pytest.mark.parametrize("state", [{}, {"blur": 1.0, "shear": 0.5}, {"noise": 20}], ids=str)
@pytest.mark.parametrize("change", [{"rotation": -75}, {"scale": 4.0}], ids=str)
def test_rotation_and_scale_leave_every_measure_alone(state, change):
    before, after = found(**state), found(**state, **change)
    assert after == {name: pytest.approx(value, abs=1e-9) for name, value in before.items()}


@pytest.mark.parametrize("change", [{"stretch": 3.0}, {"shear": 2.0}], ids=str)
def test_linear_maps_change_all_but_regression(change):
    after = found(**change)
    assert after["ridge"] > 0.999
    assert max(after[name] for name in MEASURES if name != "ridge") < 0.95


def test_many_features_of_noise_flatter_the_biased_estimate_and_procrustes():
    after = found(noise=200)
    assert min(after["biased"], after["procrustes"]) > 0.8
    assert abs(after["unbiased"]) < 0.1
    assert abs(after["rsa"]) < 0.1
    assert after["ridge"] < 0


def test_a_point_stays_where_it_is_when_others_and_noise_are_added():
    few, more = (clouds({**START, **change}) for change in ({"points": 10}, {"noise": 5}))
    for small, large in zip(few, more, strict=True):
        assert np.array_equal(small, large[:10, :2])
    more = clouds({**START, "noise": 200})
    less = clouds({**START, "points": 15, "noise": 2})
    assert np.array_equal(less[1], more[1][:15, :4])


def test_normal_numbers_are_normal_and_streams_differ():
    drawn = normals(5, 20_000)
    assert abs(drawn.mean()) < 0.03
    assert abs(drawn.std() - 1) < 0.03
    first, second = clouds({**START, "noise": 200, "points": 60})
    assert abs(np.corrcoef(first[:, 2:].ravel(), second[:, 2:].ravel())[0, 1]) < 0.05


def test_the_frame_is_the_plane_of_the_second_cloud():
    figure = SimilarityPlayground(stretch=2, points=20)
    answer = figure.answer(figure.initial())
    plane = np.frombuffer(answer.frame, np.float32).reshape(20, 2)
    assert np.allclose(plane, clouds(figure.initial())[1][:, :2])
    assert similarities(*clouds(figure.initial())) == answer.facts


def test_it_starts_from_a_rotation_that_no_measure_sees():
    figure = SimilarityPlayground()
    assert figure.answer(figure.initial()).facts == pytest.approx(
        dict.fromkeys(MEASURES, 1), abs=1e-3
    )
    assert "six measures: biased 1.000" in figure.poster().description
    assert len(figure.to_html()) < 20_000
    assert all(START[name] in values for name, values in CHOICES.items())


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"rotation": 31}, "31"),
        ({"scale": 3}, "3.0"),
        ({"noise": 3}, "3"),
        ({"seed": 32}, "32"),
    ],
    ids=str,
)
def test_a_value_that_no_control_can_send_is_refused(options, named):
    name = next(iter(options))
    with pytest.raises(ValueError, match=rf"^(unknown )?{name} .*{named}"):
        SimilarityPlayground(**options)
