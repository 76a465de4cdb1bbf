"""The explorer of step budgets in a browser: every control against the stored numbers."""

import numpy as np
import pytest
from hosts import data, watch_words
from oracles import accuracies

from ibcore.explorers import StepBudget
from ibcore.runs import load

pytestmark = pytest.mark.browser

LOW = 0.4  # of the axis of accuracy


@pytest.fixture(scope="module")
def frame():
    return load("metainit.concepts")


@pytest.fixture(scope="module")
def figure():
    return StepBudget()


def height(share):
    return 100 * (1.02 - share) / (1.02 - LOW)


def heights(page, index):
    """Return how far from the top the points of a line are, in percent."""
    place = page.locator(f".ibx-frame path.ibx-line-{index}:not(.ibx-band)")
    text = place.get_attribute("d")
    return [float(point.split()[1]) for point in text[1:].split("L")] if text else []


def assert_shows(page, figure, frame, **p):
    """Compare lines, bounds and numbers in the page with the figure's numbers."""
    wanted = {name: str(value) for name, value in p.items()} | {
        "descent": str(p["descent"]).lower()
    }
    page.wait_for_function(
        "p => Object.entries(p).every(([k, v]) => document.querySelector('.ibx').dataset[k] === v)",
        arg=wanted,
    )
    facts, shown, setup = accuracies(frame, p), data(page), figure.setup()
    assert float(shown["random"]) == pytest.approx(facts["random"][p["budget"]], abs=5e-5)
    learned = [float(value) for value in shown["learned"].split()]
    assert learned == pytest.approx([*facts["learned"].values()], abs=5e-5)
    assert heights(page, 0) == pytest.approx([height(v) for v in learned], abs=0.02)
    every = [facts["random"][budget] for budget in setup["choices"]["budget"]]
    assert heights(page, 1) == pytest.approx([height(v) for v in every], abs=0.02)
    plain = setup["descent"].get(p["architecture"], {}).get(str(p["support"]), [])
    expected = [height(entry[2][0]) for entry in plain] if p["descent"] else []
    assert heights(page, 2) == pytest.approx(expected, abs=0.02)
    bounds = page.locator(".ibx-bound").evaluate_all(
        "all => all.map(e => parseFloat(e.getAttribute('d').split(' ')[1]))"
    )
    assert bounds == pytest.approx([height(facts[name]) for name in ("floor", "ceiling")], abs=0.02)
    passed = [
        budget
        for budget, value in zip(setup["choices"]["budget"], every, strict=True)
        if value >= facts["learned"][1]
    ]
    assert shown["passes"] == (str(passed[0]) if passed else "null")


def test_every_control_shows_the_stored_numbers(visits, figure, frame):
    page = visits.show(figure)
    p = {"architecture": "MLP", "support": 10, "budget": 50, "descent": False}
    assert_shows(page, figure, frame, **p)
    page.get_by_role("slider", name="Examples").press("ArrowRight")
    assert_shows(page, figure, frame, **(p := {**p, "support": 15}))
    page.get_by_role("slider", name="AdamW").press("End")
    assert_shows(page, figure, frame, **(p := {**p, "budget": 200}))
    page.get_by_role("checkbox", name="Best plain descent").check()
    assert_shows(page, figure, frame, **(p := {**p, "descent": True}))
    page.get_by_role("combobox", name="Architecture").select_option("ConvNet on drawings")
    assert_shows(page, figure, frame, **{**p, "architecture": "ConvNet on drawings"})
    assert "not measured for this architecture" in page.locator(".ibx-story").inner_text()
    page.get_by_role("combobox", name="Architecture").select_option("LSTM")
    assert_shows(page, figure, frame, **{**p, "architecture": "LSTM"})
    assert "AdamW does not reach one learned step" in page.locator(".ibx-story").inner_text()
    page.get_by_role("button", name="Reset").press("Enter")
    assert_shows(page, figure, frame, **figure.initial())


def test_lines_and_bounds_have_their_names_beside_them_and_dashes(visits, figure, frame):
    page = visits.show(StepBudget(descent=True))
    names = page.locator(".ibx-end").all_inner_texts()
    assert sorted(names) == ["AdamW", "ideal", "learned", "memory", "plain"]
    lines = page.locator(".ibx-frame path:is(.ibx-line-0, .ibx-line-1, .ibx-line-2, .ibx-bound)")
    lines = lines.and_(page.locator(":not(.ibx-band)"))
    dashes = lines.evaluate_all("all => all.map(e => getComputedStyle(e).strokeDasharray)")
    assert len(set(dashes)) == 4
    dots = page.locator(".ibx-dot").evaluate_all("all => all.map(e => parseFloat(e.style.top))")
    learned = accuracies(frame, figure.initial())["learned"].values()
    assert dots == pytest.approx([height(value) for value in learned], abs=0.02)


def test_a_choice_is_announced_once_and_the_tables_hold_the_numbers(visits, figure, frame):
    page = visits.show(figure)
    page.get_by_text("Table of the numbers").click()
    said = watch_words(page)
    slider = page.get_by_role("slider", name="AdamW")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    words = said()
    assert len(words) == 1
    facts = accuracies(frame, figure.initial())
    random = facts["random"][200]
    assert f"Random start, 200 steps of AdamW: {100 * random:.1f}" in words[0]
    learned, plain = [
        [row.split("\t") for row in part.replace("\N{NO-BREAK SPACE}%", "").split("\n")]
        for part in page.locator(".ibx tbody").all_inner_texts()
    ]
    values = [float(row[1]) / 100 for row in learned]
    assert values == pytest.approx([*facts["learned"].values()], abs=6e-4)
    bounds = [float(row[3]) / 100 for row in plain[-2:]]
    assert bounds == pytest.approx([facts["floor"], facts["ceiling"]], abs=6e-4)
    assert np.array_equal([row[1] for row in plain[:-2]], ["0", "1", "10", "50", "100", "200"])


def test_the_objects_come_first_and_follow_architecture_and_examples(visits, figure):
    page = visits.show(figure)
    boards, p = figure.setup()["boards"], figure.initial()
    thing = page.locator(".ibx-thing")
    stage = page.locator(".ibx-stage > :first-child")
    assert thing.bounding_box()["y"] < stage.bounding_box()["y"]
    page.get_by_label("Concept").select_option("blue")
    page.get_by_label("Architecture").select_option("LSTM")
    at = boards["supports"].index(p["support"])
    expected = [hits["blue"][at] for hits in boards["hits"]["LSTM"].values()]
    drawn = """all => all.map(e => [...e.querySelectorAll('.ibx-token')]
      .map(token => token.dataset.hit).join(''))"""
    page.wait_for_function(
        f"wanted => JSON.stringify(({drawn})([...document.querySelectorAll('.ibx-cells')])) "
        "=== JSON.stringify(wanted)",
        arg=expected,
    )
    page.get_by_label("Architecture").select_option("ConvNet on drawings")
    thing.get_by_text("not stored for ConvNet on drawings").wait_for()
    assert thing.locator(".ibx-token").count() == 0
