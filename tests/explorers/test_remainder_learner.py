"""The explorer of learned remainders without a browser: its numbers, its errors, its answers."""

import base64
import zlib

import numpy as np
import pytest
from learner_frames import remainder_frame

from ibcore.explorers import RemainderLearner, architecture_gap
from ibcore.runs import load
from ibcore.tasks import constant_predictor


@pytest.fixture(scope="module")
def frame():
    return remainder_frame()


@pytest.fixture(scope="module")
def figure(frame):
    return RemainderLearner(frame=frame)


def unpacked(text):
    """Undo the prediction of `pack_pictures`: squares (m, 10, 10)."""
    flat = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    differences = flat.reshape(-1, 10, 10)
    return np.cumsum(np.cumsum(differences, axis=1, dtype=np.uint8), axis=2, dtype=np.uint8)


def test_it_starts_after_one_step_at_the_modulus_nearest_to_seven(figure):
    assert figure.initial() == {
        "view": "bits",
        "split": "interpolation",
        "support": 20,
        "modulus": 6,
        "steps": 1,
    }


VIEWS, SPLITS = ("bits", "circular"), ("interpolation", "extrapolation")


def answers_of(rows):
    """Return the stored answers (rows, 100)."""
    return np.stack([np.frombuffer(row, np.float16) for row in rows.outputs]).astype(float)


def test_the_page_holds_answers_to_a_tenth_and_how_often_each_number_was_shown(figure, frame):
    squares = unpacked(figure.setup()["answers"])
    rows = frame.sort_values(["support", "modulus"], kind="stable")
    views = [rows[(rows["view"] == v) & (rows.split == s)] for v in VIEWS for s in SPLITS]
    after, before = (
        np.concatenate([answers_of(own[own.budget == n])[:most] for own in views])
        for n, most in ((1, None), (0, 1))
    )
    answers = len(after) + len(before)
    assert len(squares) == 2 * answers + 2 * 2 * 6
    low, high = squares[:answers].astype(int), squares[answers : 2 * answers].astype(int)
    tenths = (low + 256 * high).reshape(-1, 100)
    tenths = np.where(tenths < 2**15, tenths, tenths - 2**16)
    assert np.abs(tenths / 10 - np.concatenate([after, before])).max() <= 0.0501
    counts = squares[2 * answers :].reshape(2, 2, 6, 100)
    assert counts.sum(-1)[:, 0].tolist() == [[20] * 6] * 2
    row = frame.query("split == 'extrapolation' and support == 100 and modulus == 5").iloc[0]
    assert counts[1, 1, 4].tolist() == [*row.shown]


def test_the_errors_of_the_page_are_the_stored_ones_to_four_digits(figure, frame):
    errors = np.array(figure.setup()["errors"])
    assert errors.shape == (2, 2, 2, 2, 6)
    row = frame.query(
        "view == 'circular' and split == 'interpolation' and support == 100 and modulus == 3 "
        "and budget == 1"
    )
    assert errors[1, 1, 0, 1, 2] == pytest.approx(row.error.item(), rel=5e-4)
    expected = constant_predictor(range(1, 7)).tolist()
    assert figure.setup()["constants"] == pytest.approx(expected, rel=5e-4)
    assert figure.setup()["trained"] == [[True, False] * 3, [True] * 3 + [False] * 3]


def test_the_poster_has_x_to_the_right_and_the_modulus_upward(figure, frame):
    poster = figure.poster()
    row = frame.query(
        "view == 'bits' and split == 'interpolation' and support == 20 and modulus == 5 "
        "and budget == 1"
    ).iloc[0]
    assert poster.values.shape == (6, 6)
    assert poster.values[3, 4] == np.frombuffer(row.outputs, np.float16)[50]
    assert "modulus 6" in poster.description


def test_answers_that_do_not_fit_are_refused(frame, monkeypatch):
    huge = np.full(100, 4000, np.float16).tobytes()
    with pytest.raises(ValueError, match="4000 in size, too large"):
        RemainderLearner(frame=frame.assign(outputs=[huge] * len(frame)))
    monkeypatch.setattr(architecture_gap, "REMAINDER_LARGEST", 100)
    with pytest.raises(ValueError, match="more than 100; select fewer"):
        RemainderLearner(frame=frame)


@pytest.mark.parametrize("options", [{"view": "image"}, {"modulus": 9}, {"steps": 2}], ids=str)
def test_a_value_that_the_frame_does_not_have_is_refused(frame, options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=rf"^unknown {name} {value!r}; choose one of"):
        RemainderLearner(frame=frame, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="shown"), "frame has no column shown"),
        (lambda f: f[1:], "no row for budget 0, view 'bits'"),
        (lambda f: f.assign(network=range(len(f))), "select one of them"),
        (
            lambda f: f.assign(outputs=[bytes(9 * 2)] * len(f)),
            "must hold 100 values, got 9",
        ),
    ],
)
def test_frames_that_do_not_fit_are_refused(frame, change, message):
    with pytest.raises(ValueError, match=message):
        RemainderLearner(frame=change(frame))


def test_a_result_that_is_not_stored_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(architecture_gap, "load", lambda name: load(name, store=tmp_path))
    with pytest.raises(FileNotFoundError, match=r"python -m ibcore run metainit\.remainders"):
        RemainderLearner()
