"""The player of modular addition in a browser: pictures, curves, controls, words, a kernel."""

import numpy as np
import pytest
from hosts import data, pictures, ring, stop_clock, watch_words

from ibcore.explorers import ModularPlayer, base
from ibcore.explorers.stored import pack_pictures, quantize

pytestmark = pytest.mark.browser

KEYS = ("activation", "prefactor", "modulus")


@pytest.fixture
def figure(modular_frames):
    return ModularPlayer(**modular_frames)


def assert_shows(page, frames, params):
    """Compare the accuracies in the page with those of the network of these parameters."""
    wanted = {name: str(value).removesuffix(".0") for name, value in params.items()}
    page.wait_for_function(
        "p => Object.entries(p).every(([k, v]) => document.querySelector('.ibx').dataset[k] === v)",
        arg=wanted,
    )
    [row] = frames["pictures"].set_index([*KEYS]).loc[[tuple(params[k] for k in KEYS)]].itertuples()
    shown = data(page)
    assert float(shown["train"]) == row.train_accuracy
    assert float(shown["test"]) == row.test_accuracy


def brightness(page, index):
    """Return the canvas as the index of its colors, row by row from the top, and its side."""
    return page.evaluate(
        """i => { const c = document.querySelectorAll('.ibx canvas')[i];
             const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
             return [...Array(c.width * c.height).keys()].map(p => d[4 * p + 1]); }""",
        index,
    )


@pytest.mark.parametrize("levels", [64, 16])
def test_unpacked_pictures_are_the_packed_ones(visits, levels):
    drawn = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    page = visits.open(f"<script>{base.script()}</script>")
    found = page.evaluate(
        "async t => (await IBExplorers.unpackPictures(t, 32)).map(p => Array.from(p))",
        pack_pictures(drawn, levels),
    )
    assert np.array_equal(np.reshape(found, (3, 32, 32)), quantize(drawn, levels))


def test_every_control_shows_another_network(visits, figure, modular_frames):
    page = visits.show(figure)
    params = figure.initial()
    assert_shows(page, modular_frames, params)
    before = pictures(page)
    page.get_by_role("slider", name="Prefactor").press("ArrowRight")
    assert_shows(page, modular_frames, params := {**params, "prefactor": 2.0})
    assert pictures(page)[0] == before[0]  # the target stays
    assert pictures(page)[1] != before[1]
    page.get_by_role("radio", name="4").check()
    assert_shows(page, modular_frames, params := {**params, "modulus": 4})
    assert pictures(page)[0] != before[0]
    old = pictures(page)[1]
    page.get_by_role("combobox", name="Activation").select_option("sine")
    assert_shows(page, modular_frames, params := {**params, "activation": "sine"})
    assert pictures(page)[1] != old
    page.get_by_role("button", name="Reset").click()
    assert_shows(page, modular_frames, figure.initial())
    assert pictures(page) == before


def test_the_learned_picture_is_the_stored_one_with_x1_to_the_right(visits, figure):
    page = visits.show(figure)
    stored = figure.poster().values
    drawn = np.reshape(brightness(page, 1), (32, 32))[::-1].T  # green rises along the palette
    assert np.corrcoef(drawn.flatten(), stored.flatten())[0, 1] > 0.98
    target = np.reshape(brightness(page, 0), (32, 32))[::-1].T
    labels = np.array([*figure.setup()["targets"]["10"]], dtype=int).reshape(32, 32)
    assert np.array_equal(target > target.min(), labels == 1)


def test_curves_and_words_are_the_means_of_the_frame(visits, figure):
    page = visits.show(figure)
    _, train, test = figure.setup()["curves"]["relu"]["10"][1]
    words = page.locator(".ibx-story").inner_text()
    for mean, low, high, n in (train, test):
        assert f"accuracy {mean:.2f} ({low:.2f} to {high:.2f}, n = {n})" in words
    tests = {row[0]: row[2][0] for row in figure.setup()["curves"]["relu"]["10"]}
    best = max(tests, key=tests.get)
    assert f"{tests[best]:.2f}, is at prefactor {best:#.3g}" in words
    path = page.locator(".ibx-frame path.ibx-line-0:not(.ibx-band)").get_attribute("d")
    heights = [float(point.split()[1]) for point in path[1:].split("L")]
    assert heights == pytest.approx([100 * (1 - value) for value in tests.values()], abs=0.01)
    band = page.locator(".ibx-frame path.ibx-line-0.ibx-band").get_attribute("d")
    ends = [float(point.split()[1]) for point in band[1:].removesuffix("Z").split("L")]
    rows = [row[2] for row in figure.setup()["curves"]["relu"]["10"]]
    around = [low for _, low, _, _ in rows] + [high for _, _, high, _ in rows[::-1]]
    assert ends == pytest.approx([100 * (1 - value) for value in around], abs=0.01)


def test_the_player_runs_through_the_prefactors_until_it_is_paused(visits, figure, modular_frames):
    page = visits.show(figure)
    stop_clock(page)
    page.get_by_role("button", name="Play prefactors").click()
    for prefactor in (2.0, 8.0, 0.5):
        assert_shows(page, modular_frames, {**figure.initial(), "prefactor": prefactor})
        ring(page)
    page.get_by_role("button", name="Pause").click()
    held = data(page)["prefactor"]
    page.evaluate("window.rest()")
    assert data(page)["prefactor"] == held


def test_the_tables_hold_the_curves_and_the_network(visits, figure):
    page = visits.show(figure)
    page.get_by_text("Table of the numbers").click()
    page.locator(".ibx table").last.wait_for()
    curves, network = page.locator(".ibx table").all()
    assert curves.locator("tbody tr").count() == 4
    _, _, test = figure.setup()["curves"]["relu"]["10"][0]
    assert f"{test[0]:.3f}\t{test[1]:.3f}\t{test[2]:.3f}\t5" in curves.inner_text()
    assert "modulus\t10" in network.inner_text()


def test_a_choice_is_announced_once_it_is_at_rest(visits, figure):
    page = visits.show(figure)
    said = watch_words(page)
    slider = page.get_by_role("slider", name="Prefactor")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    words = said()
    assert len(words) == 1
    assert words[0].startswith("ReLU, prefactor 8.00, modulus 10. At prefactor 8.00: train")


def test_a_browser_that_cannot_inflate_says_so(visits, figure):
    page = visits.open(
        figure.to_html(inline_js=True), head="<script>delete window.DecompressionStream</script>"
    )
    page.get_by_role("alert").wait_for()
    assert "too old" in page.get_by_role("alert").inner_text()
