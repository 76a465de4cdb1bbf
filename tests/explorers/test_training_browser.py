"""The player of guided training in a browser: every control against the table's numbers."""

import pytest
from guided_frames import curves_frame
from hosts import data, ring, stop_clock, watch_words
from oracles import likenesses, measured

from ibcore.explorers import GuidedTraining

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def figure():
    return GuidedTraining(frame=curves_frame())


def assert_shows(page, figure, p):
    """Compare numbers, cells and frames in the page with the figure's numbers."""
    page.wait_for_function(
        "p => Object.entries(p).every(([k, v]) => document.querySelector('.ibx').dataset[k] === v)",
        arg={name: str(value) for name, value in p.items()},
    )
    frame, shown, setup = curves_frame(), data(page), figure.setup()
    assert float(shown["value"]) == pytest.approx(measured(frame, p), abs=5.1e-5)
    table = likenesses(frame, p)
    likeness = table.similarity[table.mapped > 0].mean()
    assert float(shown["likeness"]) == pytest.approx(likeness, abs=5.1e-4)
    cells = page.locator(".ibx-layers b")
    expected = table.similarity
    values = cells.evaluate_all("all => all.map(e => +e.dataset.value)")
    assert values == pytest.approx(expected.tolist(), abs=5.1e-4)
    texts = [float(text) for text in cells.all_inner_texts()]
    assert texts == pytest.approx(expected.tolist(), abs=5.6e-3)
    framed = cells.evaluate_all("all => all.map(e => e.className === 'ibx-mapped')")
    assert framed == [pair for row in setup["mapped"][p["reference"]] for pair in row]


def test_every_control_shows_the_stored_numbers(visits, figure):
    page = visits.show(figure)
    assert_shows(page, figure, p := figure.initial())
    page.get_by_role("slider", name="Step").press("ArrowLeft")
    assert_shows(page, figure, p := {**p, "step": 50})
    page.get_by_role("combobox", name="Trained with").select_option("distillation")
    assert_shows(page, figure, p := {**p, "condition": "distillation"})
    page.get_by_role("radio", name="trained CNN", exact=True).check()
    assert_shows(page, figure, p := {**p, "reference": "trained CNN"})
    page.get_by_role("radio", name="loss").check()
    assert_shows(page, figure, p := {**p, "measure": "test_loss"})
    page.get_by_role("combobox", name="Trained with").select_option("unguided")
    assert_shows(page, figure, {**p, "condition": "unguided"})
    assert page.locator(".ibx-over .ibx-key > span").all_inner_texts() == ["unguided"]
    page.get_by_role("button", name="Reset").press("Enter")
    assert_shows(page, figure, figure.initial())


def test_both_curves_are_drawn_at_their_heights(visits, figure):
    page = visits.show(figure)
    curves = figure.setup()["curves"]
    for index, condition in enumerate(("untrained CNN", "unguided")):
        line = page.locator(f".ibx-frame path.ibx-line-{index}:not(.ibx-band)")
        points = line.get_attribute("d")[1:].split("L")
        expected = [100 * (1.04 - mean) / 1.04 for mean, *_ in curves[condition]["test_accuracy"]]
        assert [float(point.split()[1]) for point in points] == pytest.approx(expected, abs=0.02)
    assert page.locator(".ibx-end").all_inner_texts() == ["chosen", "unguided"]


def test_play_steps_through_training_and_stops_at_a_touch(visits, figure):
    page = visits.show(figure)
    stop_clock(page)
    page.get_by_role("button", name="Play time").click()
    page.wait_for_selector('.ibx[data-step="0"][data-playing="1"]')
    ring(page)
    page.wait_for_selector('.ibx[data-step="2"]')
    page.get_by_role("radio", name="loss").check()
    page.wait_for_selector('.ibx[data-measure="test_loss"][data-playing="0"]')
    assert page.get_by_role("button", name="Play time").is_visible()
    step = data(page)["step"]
    page.evaluate("window.rest()")
    assert data(page)["step"] == step


def test_less_motion_steps_by_hand(visits, figure):
    page = visits.show(figure, reduced_motion="reduce")
    button = page.get_by_role("button", name="Next look")
    for step in (0, 2):
        button.click()
        page.wait_for_selector(f'.ibx[data-step="{step}"]')


def test_a_choice_is_announced_and_the_tables_hold_the_numbers(visits, figure):
    page = visits.show(figure)
    page.get_by_text("Table of the numbers").click()
    said = watch_words(page)
    page.get_by_role("slider", name="Step").press("Home")
    words = said()
    table = likenesses(curves_frame(), {**figure.initial(), "step": 0})
    likeness = table.similarity[table.mapped > 0].mean()
    assert len(words) == 1
    assert words[0].startswith("Step 0, trained with: untrained CNN. Test accuracy ")
    assert f"untrained CNN: {likeness:.2f}" in words[0]
    curve, likeness = page.locator(".ibx tbody").all()
    assert curve.locator("tr").count() == len(figure.setup()["choices"]["step"])
    pairs = [pair for row in figure.setup()["mapped"]["untrained CNN"] for pair in row]
    cells = likeness.locator("td").all_inner_texts()
    assert ["(compared)" in text for text in cells] == pairs
