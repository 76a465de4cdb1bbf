"""The explorer of learned concepts without a browser: its numbers, its errors, its answers."""

import base64
import json
import zlib

import numpy as np
import pytest
from learner_frames import concept_frame

from ibcore.explorers import ConceptLearner, architecture_gap
from ibcore.runs import load


@pytest.fixture(scope="module")
def frame():
    return concept_frame()


@pytest.fixture(scope="module")
def figure(frame):
    return ConceptLearner(frame=frame)


def test_it_starts_from_one_step_after_five_examples_of_the_second_concept(figure):
    assert figure.initial() == {
        "architecture": "MLP",
        "concept": "red, or a triangle",
        "order": 0,
        "support": 5,
        "look": "meta 1",
    }


def test_pictures_are_packed_networks_first_then_ideal_then_memory(figure, frame):
    setup = figure.setup()
    flat = np.frombuffer(zlib.decompress(base64.b64decode(setup["pictures"])), np.uint8)
    squares = np.cumsum(flat.reshape(-1, 4, 4), axis=1, dtype=np.uint8)
    pictures = np.cumsum(squares, axis=2, dtype=np.uint8).reshape(-1, 16)
    networks, bounds = np.split(pictures, [2 * 4 * 2 * 2 * 5])
    row = frame.query("method == 'memory' and order == 1 and support == 15").iloc[0]
    at = setup["choices"]["concept"].index(row.concept)
    assert bounds.reshape(2, 2, 2, 5, 16)[1, at, 1, 4].tobytes() == row.probabilities
    assert setup["shown"][at][1] == [*row.shown]
    assert setup["labels"][at] == [*row.labels]
    row = frame.query("architecture == 'LSTM' and method == 'meta' and budget == 10").iloc[-1]
    assert networks.reshape(2, 4, 2, 2, 5, 16)[1, 2, 1, 1, 4].tobytes() == row.probabilities


def test_the_page_stays_small(figure):
    assert len(figure.to_html()) < 60_000
    assert json.loads(json.dumps(figure.setup())) == figure.setup()


def test_the_poster_says_who_is_right_on_how_many_objects(figure, frame):
    row = frame.query(
        "architecture == 'MLP' and concept == 'red, or a triangle' and order == 0 "
        "and support == 5 and method == 'meta' and budget == 1"
    ).iloc[0]
    poster = figure.poster()
    assert f"right about {16 * row.accuracy:g} of 16 objects" in poster.description
    assert poster.values[1, 3] == row.probabilities[1] / 200  # first row on top, second column


def test_pictures_too_large_for_a_page_are_refused(frame, monkeypatch):
    monkeypatch.setattr(architecture_gap, "LARGEST", 100)
    with pytest.raises(ValueError, match=r"200 pictures take .* more than 100; select fewer"):
        ConceptLearner(frame=frame)


@pytest.mark.parametrize(
    "options", [{"architecture": "CNN"}, {"concept": "red"}, {"support": 4}, {"look": "meta 2"}]
)
def test_a_value_that_the_frame_does_not_have_is_refused(frame, options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"^unknown {name} {value!r}; choose one of"):
        ConceptLearner(frame=frame, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="shown"), "frame has no column shown"),
        (lambda f: f[1:], "no row for architecture 'MLP', look 'meta 0'"),
        (lambda f: f[f.method != "ideal"], "no row for method 'ideal'"),
        (lambda f: f.assign(network=range(len(f))), "select one of them"),
        (
            lambda f: f.assign(probabilities=[bytes(9)] * len(f)),
            "must hold 16 values, got 9",
        ),
    ],
)
def test_frames_that_do_not_fit_are_refused(frame, change, message):
    with pytest.raises(ValueError, match=message):
        ConceptLearner(frame=change(frame))


def test_a_result_that_is_not_stored_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(architecture_gap, "load", lambda name: load(name, store=tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python -m ibcore run metainit\.pictures"):
        ConceptLearner()
