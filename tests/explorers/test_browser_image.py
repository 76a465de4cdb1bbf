"""The explorer of pictures in a browser: drawing, files, numbers, words, a kernel."""

import base64

import numpy as np
import pytest
import torch
from hosts import data, live, next_frame, pictures, watch_words

from ibcore.explorers import ImageSpectrum, base
from ibcore.explorers.base import GRAYS
from ibcore.explorers.base import picture as png
from ibcore.explorers.random_network import DIGIT, PRESETS, preset_picture
from ibcore.redshift import fourier_complexity
from ibcore.redshift.fourier import TRANSFORMS, radial_spectrum

pytestmark = pytest.mark.browser

NAMES = {"digit": "a digit"}


def drawn(page):
    """Return the gray levels on the drawing area, (64, 64), rows from the top."""
    levels = page.evaluate(
        """() => Array.from(document.querySelector('.ibx canvas').getContext('2d')
             .getImageData(0, 0, 64, 64).data.filter((_, p) => p % 4 === 0))"""
    )
    return np.array(levels, dtype=np.uint8).reshape(64, 64)


def assert_measures(page, picture):
    """Compare the picture and its complexities with what ibcore gives."""
    values = torch.from_numpy(picture / 255)[None]
    expected = {t: float(fourier_complexity(values, transform=t)[0]) for t in TRANSFORMS}
    page.wait_for_function(
        """all => Object.entries(all).every(([name, value]) =>
             Math.abs(document.querySelector('.ibx').dataset[name] - value) < 1e-3)""",
        arg=expected,
    )
    assert np.array_equal(drawn(page), picture)


@pytest.fixture(scope="module")
def numbers(new_visits, tmp_path_factory):
    visits = new_visits(tmp_path_factory.mktemp("numbers"))
    yield visits.open(f"<script>{base.script()}</script>")
    visits.close()


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("points", [15, 64])
def test_complexity_and_spectrum_equal_ibcore_in_every_transform(numbers, transform, points):
    rng = np.random.default_rng(points)
    noise = rng.random((points, points))
    ramp = np.add.outer(np.arange(points), 3.0 * np.arange(points))
    for values in (noise, ramp, ramp + 20 * noise):
        tensor = torch.from_numpy(values)[None]
        argument = [values.flatten().tolist(), points, transform]
        found = numbers.evaluate("a => IBExplorers.complexityOf(...a)", argument)
        expected = float(fourier_complexity(tensor, transform=transform)[0])
        assert found == pytest.approx(expected, abs=1e-9)
        spectrum = numbers.evaluate("a => IBExplorers.analyze(...a)", argument)
        _, means = radial_spectrum(tensor, transform=transform)
        relative = (means[0] / means.max()).numpy()
        np.testing.assert_allclose(spectrum["amplitude"], relative, atol=1e-9)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_of_the_browser_are_those_of_ibcore(numbers, preset):
    for cycles in (0.5, 1.0, 2.5, 16.0):
        found = numbers.evaluate(
            "([p, c, d]) => Array.from(IBExplorers.presetPicture(p, c, {side: 64, digit: d}))",
            [preset, cycles, DIGIT],
        )
        assert found == preset_picture(preset, cycles).flatten().tolist()


def test_every_preset_can_be_chosen_and_is_measured(visits):
    page = visits.show(ImageSpectrum("wave"))
    for preset in ("ramp", "checkerboard", "noise", "digit", "wave"):
        chosen = NAMES.get(preset, preset)
        page.get_by_role("combobox", name="Start from").select_option(chosen)
        assert_measures(page, preset_picture(preset, 2.0))
        repeats = preset in ("ramp", "checkerboard", "wave")
        assert page.get_by_role("slider", name="Cycles").is_enabled() == repeats
    page.get_by_role("slider", name="Cycles").press("ArrowRight")
    assert_measures(page, preset_picture("wave", 2.5))


def test_a_stroke_of_the_pointer_paints_with_brush_and_ink(visits):
    page = visits.show(ImageSpectrum("blank"))
    box = page.locator(".ibx-easel canvas").bounding_box()

    def stroke(row):
        y = box["y"] + (row + 0.5) * box["height"] / 64
        page.mouse.move(box["x"] + box["width"] * 0.2, y)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.8, y, steps=4)
        page.mouse.up()

    stroke(20)
    light = drawn(page)
    assert set(np.unique(light)) == {0, 255}
    assert (light[20, 14:50] == 255).all()  # no gap
    assert (light[:, 32] == 255).sum() == 7
    page.get_by_role("slider", name="Brush size").press("ArrowRight")
    page.get_by_role("radio", name="dark").check()
    stroke(22)
    dark = drawn(page)
    assert (dark[:, 32] == 255).sum() == 1  # the dark stroke is 9 wide and covers the rest
    assert_measures(page, dark)
    assert page.get_by_role("combobox", name="Start from").input_value() == "6"


def test_keys_move_the_brush_and_space_paints(visits):
    page = visits.show(ImageSpectrum("blank"))
    area = page.get_by_role("application")
    area.focus()
    page.keyboard.press("Space")
    next_frame(page)
    middle = drawn(page)
    assert middle[31:33, 31:33].min() == 255
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Enter")
    next_frame(page)
    both = drawn(page)
    assert np.array_equal(both[22:28, 38:42], middle[30:36, 30:34])
    assert page.locator(".ibx-ring").is_visible()
    assert page.evaluate("scrollY") == 0
    assert_measures(page, both)


def test_clear_invert_and_blur_do_what_they_say(visits):
    page = visits.show(ImageSpectrum("digit"))
    before = preset_picture("digit")
    page.get_by_role("button", name="Invert").click()
    assert_measures(page, 255 - before)
    page.get_by_role("button", name="Blur").click()
    padded = np.pad((255 - before).astype(float), 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    assert_measures(page, np.floor(windows.sum((2, 3)) / 9 + 0.5).astype(np.uint8))
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("document.querySelector('.ibx').dataset.dct === 'NaN'")
    assert (drawn(page) == 0).all()


def test_a_constant_picture_is_said_to_have_no_complexity(visits):
    page = visits.show(ImageSpectrum("blank"))
    assert page.locator(".ibx-bars output").all_inner_texts() == ["none"] * 3
    assert page.get_by_text("a constant has no spectrum").is_visible()
    assert "constant picture" in page.locator(".ibx-story").inner_text()


def test_an_opened_image_becomes_the_picture_and_stays_in_the_page(visits, tmp_path):
    levels = np.add.outer(np.arange(64), np.arange(64)) * 2.0  # of the PNG: 64 gray levels
    file = tmp_path / "slope.png"
    file.write_bytes(png(levels[::-1].T, enlarge=2, palette=GRAYS))
    page = visits.show(ImageSpectrum("blank"))
    page.get_by_label("Open image").set_input_files(file)
    page.wait_for_function("document.querySelector('.ibx').dataset.dct !== 'NaN'")
    shown = drawn(page)
    expected = levels / levels.max() * 255
    assert abs(shown - expected).max() < 4
    assert_measures(page, shown)


def test_a_file_that_is_no_image_is_refused_in_words(visits, tmp_path):
    file = tmp_path / "letter.png"
    file.write_bytes(b"Dear reader")
    page = visits.show(ImageSpectrum("digit"))
    said = watch_words(page)
    page.get_by_label("Open image").set_input_files(file)
    assert said() == ["letter.png cannot be read as an image."]
    assert "Try PNG or JPEG" in page.locator(".ibx-status").inner_text()
    assert np.array_equal(drawn(page), preset_picture("digit"))


@pytest.mark.parametrize(
    ("preset", "cycles", "words"),
    [
        ("ramp", 1.0, "differ by 100 % of the range. This jump leaks"),
        ("noise", 1.0, "nearly agree"),
        ("wave", 2.0, "reads less"),
        ("blank", 1.0, "only frequency zero"),
    ],
)
def test_the_story_explains_why_the_transforms_differ(visits, preset, cycles, words):
    page = visits.show(ImageSpectrum(preset, cycles=cycles))
    assert words in page.locator(".ibx-story").inner_text()


def test_the_tables_hold_three_complexities_and_spectra(visits):
    page = visits.show(ImageSpectrum("ramp", cycles=1))
    page.get_by_text("Table of the numbers").click()
    page.locator(".ibx table").last.wait_for()
    complexity, spectrum = page.locator(".ibx table").all()
    for name, transform in (("cosine transform", "dct"), ("plain Fourier", "fft")):
        assert f"{name}\t{float(data(page)[transform]):.3f}" in complexity.inner_text()
    assert spectrum.locator("tbody tr").count() == 89


def test_a_stroke_is_announced_once_it_is_at_rest(visits):
    page = visits.show(ImageSpectrum("blank"))
    said = watch_words(page)
    page.get_by_role("application").focus()
    for _ in range(3):
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
    words = said()
    assert len(words) == 1
    assert words[0].startswith("own picture. Complexity: cosine transform 0.")


def test_reset_goes_back_to_the_first_picture(visits):
    page = visits.show(ImageSpectrum("ramp", cycles=1))
    before = pictures(page)
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("document.querySelector('.ibx').dataset.dct === 'NaN'")
    page.get_by_role("button", name="Reset").click()
    assert_measures(page, preset_picture("ramp", 1.0))
    assert pictures(page) == before


def test_with_a_kernel_the_drawn_picture_is_measured_by_ibcore(visits):
    figure = ImageSpectrum("blank")
    page, asked = live(visits, figure, mark={"hann": 0.125})
    page.get_by_role("application").focus()
    page.keyboard.press("Space")
    page.wait_for_function("Number(document.querySelector('.ibx').dataset.dct) > 0")
    page.wait_for_selector('.ibx[data-engine="kernel"]')
    sent = np.frombuffer(base64.b64decode(asked[-1]["picture"]), dtype=np.uint8)
    assert np.array_equal(sent.reshape(64, 64), drawn(page))
    assert data(page)["hann"] == "0.125"
    assert "measured by ibcore" in page.locator(".ibx-status").inner_text()
