"""The explorer of pictures without a browser: presets, errors, answers."""

import base64

import numpy as np
import pytest
import torch

from ibcore.explorers import ImageSpectrum
from ibcore.explorers.random_network import PRESETS, decode_picture, preset_picture
from ibcore.redshift import fourier_complexity


def text_of(picture):
    return base64.b64encode(picture.tobytes()).decode()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_picture_in_bytes(preset):
    picture = preset_picture(preset, 2.0)
    assert picture.shape == (64, 64)
    assert picture.dtype == np.uint8


def test_whole_periods_of_a_wave_are_one_frequency_of_the_plain_transform():
    spectrum = abs(np.fft.rfft(preset_picture("wave", 5.0)[0] - 127.0))
    assert spectrum[1:].argmax() == 4
    assert np.delete(spectrum, [0, 5]).max() < 0.01 * spectrum[5]


def test_a_ramp_rises_and_a_checkerboard_alternates():
    assert (np.diff(preset_picture("ramp", 1.0)[7].astype(int)) > 0).all()
    board = preset_picture("checkerboard", 2.0)
    assert board[0, 0] != board[0, 16] == board[16, 0] != board[16, 16]


@pytest.mark.parametrize("transform", ["dct", "fft", "hann"])
def test_the_kernel_answers_for_a_drawn_picture_with_all_transforms(transform):
    picture = np.random.default_rng(2).integers(0, 256, (64, 64), dtype=np.uint8)
    figure = ImageSpectrum("ramp")
    answer = figure.answer({**figure.initial(), "picture": text_of(picture)})
    values = torch.from_numpy(picture / 255)[None]
    expected = float(fourier_complexity(values, transform=transform)[0])
    assert answer.facts[transform] == pytest.approx(expected, abs=1e-12)


def test_without_a_picture_the_preset_is_measured():
    figure = ImageSpectrum("ramp", cycles=1)
    answer = figure.answer({"preset": "wave", "cycles": 3.0, "picture": ""})
    expected = (preset_picture("wave", 3.0) / 255).astype(np.float32)
    assert np.array_equal(np.frombuffer(answer.frame, np.float32).reshape(64, 64), expected)


def test_a_blank_picture_has_no_complexity():
    facts = ImageSpectrum("blank").answer(ImageSpectrum("blank").initial()).facts
    assert facts == {"dct": None, "fft": None, "hann": None}
    assert "dct none" in ImageSpectrum("blank").poster().description


def test_the_page_stays_small():
    assert len(ImageSpectrum("noise").to_html()) < 15_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "cat"}, "unknown preset 'cat'; choose one of 'ramp'"),
        ({"cycles": 0.25}, "cycles must be at least 0.5 and at most 16, got 0.25"),
    ],
)
def test_a_bad_value_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ImageSpectrum(**options)


@pytest.mark.parametrize(
    ("text", "message"),
    [("?", "base64 text, got '[?]'"), ("AAAA", "64 x 64 bytes, got 3"), (7, "base64 text, got 7")],
)
def test_a_picture_that_cannot_be_read_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        decode_picture(text)


def test_an_unknown_parameter_is_refused():
    with pytest.raises(ValueError, match="params must be"):
        ImageSpectrum().answer({"picture": ""})
