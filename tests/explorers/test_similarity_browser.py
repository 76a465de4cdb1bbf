"""The playground of similarity in a browser: its measures against those of the package."""

import pytest
from hosts import data, live, watch_words

from ibcore.explorers import SimilarityPlayground
from ibcore.explorers.random_network import CHOICES, MEASURES

pytestmark = pytest.mark.browser

NAMES = {
    "rotation": "Rotation",
    "scale": "Scale",
    "stretch": "Stretch",
    "shear": "Shear",
    "blur": "Blur",
    "noise": "Noise features",
    "points": "Points",
}
STATES = (
    {"stretch": 3.0},
    {"shear": 2.0, "blur": 0.3, "rotation": -105},
    {"blur": 5.0, "scale": 0.25},
    {"noise": 200, "points": 60},
    {"noise": 50, "points": 10, "stretch": 8.0},
)


@pytest.fixture(scope="module")
def figure():
    return SimilarityPlayground()


def move(page, name, value):
    """Set a slider by its place, as a reader who drags does."""
    slider = page.get_by_role("slider", name=NAMES[name], exact=True)
    slider.fill(str(CHOICES[name].index(value)))


def assert_shows(page, figure, p):
    page.wait_for_function(
        "p => Object.entries(p).every(([k, v]) => document.querySelector('.ibx').dataset[k] === v)",
        arg={name: f"{value:g}" for name, value in p.items()},
    )
    facts, shown = figure.answer(p).facts, data(page)
    measured = {name: float(shown[name]) for name in MEASURES}
    assert measured == pytest.approx(facts, abs=1e-6)
    drawn = page.locator(".ibx-rail i").evaluate_all("all => all.map(e => +e.dataset.value)")
    assert drawn == pytest.approx([*facts.values()], abs=1e-6)
    texts = page.locator(".ibx-measure output").all_inner_texts()
    minus = "\N{MINUS SIGN}"
    assert [float(text.replace(minus, "-")) for text in texts] == pytest.approx(
        [*facts.values()], abs=5.1e-4
    )


@pytest.mark.parametrize("change", STATES, ids=str)
def test_measures_equal_those_of_the_package(visits, figure, change):
    page = visits.show(figure)
    for name, value in change.items():
        move(page, name, value)
    assert_shows(page, figure, {**figure.initial(), **change})


def test_bars_begin_at_zero_and_show_where_they_were(visits, figure):
    page = visits.show(figure)
    move(page, "noise", 10)
    p = {**figure.initial(), "noise": 10}
    assert_shows(page, figure, p)
    place = lambda value: 100 * (value + 0.4) / 1.4  # noqa: E731
    styles = page.locator(".ibx-rail").evaluate_all(
        """all => all.map(e => [e.children[0].style.left, e.children[0].style.width,
                                e.children[1].style.left].map(parseFloat))"""
    )
    before = figure.answer(figure.initial()).facts
    for name, (left, width, old) in zip(MEASURES, styles, strict=True):
        ends = sorted((place(0), max(0, place(figure.answer(p).facts[name]))))
        assert (left, left + width) == pytest.approx(ends, abs=0.01)
        assert old == pytest.approx(place(before[name]), abs=0.01)


def test_the_words_say_which_measures_react_to_the_last_change(visits, figure):
    page = visits.show(figure)
    story = page.locator(".ibx-story")
    said = watch_words(page)
    for _ in range(3):
        page.get_by_role("slider", name="Rotation").press("ArrowRight")
    assert "Rotation from 30\N{DEGREE SIGN} to 75\N{DEGREE SIGN}: no measure reacts." in (said())[0]
    assert {e.inner_text() for e in page.locator(".ibx-measure em").all()} == {"= same"}
    move(page, "stretch", 4.0)
    page.wait_for_selector('.ibx[data-stretch="4"]')
    words = "from \N{MULTIPLICATION SIGN}1 to \N{MULTIPLICATION SIGN}4: Ridge held out does not"
    assert words in story.inner_text()
    moved = page.locator(".ibx-measure").evaluate_all("all => all.map(e => e.dataset.moved)")
    assert moved == ["1", "1", "1", "1", "1", "0"]
    move(page, "noise", 50)
    page.wait_for_selector('.ibx[data-noise="50"]')
    assert "52 features for 40 points flatter it" in story.inner_text()


def test_a_new_draw_moves_the_points_and_reset_brings_them_back(visits, figure):
    page = visits.show(figure)
    paths = "() => [...document.querySelectorAll('.ibx-two path')].map(p => p.getAttribute('d'))"
    first = page.evaluate(paths)
    move(page, "blur", 1.0)
    page.get_by_role("button", name="New draw").press("Enter")
    assert_shows(page, figure, {**figure.initial(), "blur": 1.0, "seed": 1})
    assert page.evaluate(paths) != first
    page.get_by_role("button", name="Reset").press("Enter")
    assert_shows(page, figure, figure.initial())
    assert page.evaluate(paths) == first


def test_groups_are_told_apart_by_shape_and_the_table_holds_the_numbers(visits, figure):
    page = visits.show(figure)
    marks = page.locator(".ibx-two .ibx-frame").last.locator("path:not(.ibx-cross)")
    shapes = {
        d.split("M")[1].lstrip("-0123456789. ")
        for d in marks.evaluate_all("all => all.map(e => e.getAttribute('d'))")
    }
    assert len(shapes) == 4
    move(page, "blur", 2.0)
    page.wait_for_selector('.ibx[data-blur="2"]')
    page.get_by_text("Table of the numbers").click()
    page.wait_for_selector(".ibx tbody tr")
    rows = page.locator(".ibx tbody tr").all_inner_texts()
    facts = figure.answer({**figure.initial(), "blur": 2.0}).facts
    assert len(rows) == len(MEASURES)
    for row, value in zip(rows, facts.values(), strict=True):
        assert float(row.split("\t")[1].replace("\N{MINUS SIGN}", "-")) == pytest.approx(
            value, abs=5.1e-4
        )


def test_with_a_kernel_the_measures_are_its_own(visits, figure):
    page, asked = live(visits, figure, mark={"ridge": 0.125})
    move(page, "blur", 0.5)
    page.wait_for_function("document.querySelector('.ibx').dataset.ridge === '0.125'")
    page.wait_for_selector('.ibx[data-engine="kernel"]')
    assert asked[-1] == {**figure.initial(), "blur": 0.5}
    assert "computed by ibcore" in page.locator(".ibx-status").inner_text()
