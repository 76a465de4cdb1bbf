"""The explorer of the gap in a browser: every control against the package's numbers."""

import pytest
from hosts import data, watch_words
from oracles import gaps

from ibcore.explorers import ArchitectureGap, base
from ibcore.runs import load

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def frame():
    return load("metainit.concepts")


@pytest.fixture(scope="module")
def figure(frame):
    return ArchitectureGap(frame=frame)


def percent(text):
    plain = text.replace("\N{NO-BREAK SPACE}%", "").replace("\N{MINUS SIGN}", "-")
    return float(plain.replace(",", ""))


def assert_shows(page, figure, frame, **p):
    """Compare bars, whiskers, gap and reduction in the page with the figure's numbers."""
    page.wait_for_function(
        "p => Object.entries(p).every(([k, v]) => document.querySelector('.ibx').dataset[k] === v)",
        arg={name: str(value) for name, value in p.items()},
    )
    facts, shown, setup = gaps(frame, **p), data(page), figure.setup()
    names = {"without": "without", "with_starts": "learned", "reduction": "reduction"}
    for name, place in {**names, "low": "low", "high": "high"}.items():
        assert float(shown[place]) == pytest.approx(facts[name], abs=5e-5)
    number = page.locator(".ibx-spreads output").inner_text()
    assert percent(number) == pytest.approx(100 * facts["reduction"], abs=0.51)
    row = setup["choices"]["support"].index(p["support"])
    scores = setup["accuracies"][p["view"]]
    random = scores["random"][setup["choices"]["budget"].index(p["budget"])][row]
    expected = [arm[i] for i in range(len(random)) for arm in (random, scores["learned"][row])]
    drawn = page.locator(".ibx-track").evaluate_all(
        """all => all.map(e => [e.querySelector('i').style.width, e.querySelector('b').style.left,
                                e.querySelector('b').style.width].map(parseFloat))"""
    )
    texts = page.locator(".ibx-score output").all_inner_texts()
    assert len(drawn) == len(expected)
    for (width, left, reach), text, (mean, low, high, _) in zip(
        drawn, texts, expected, strict=True
    ):
        assert width == pytest.approx(100 * (mean - 0.4) / 0.6, abs=0.01)
        assert left == pytest.approx(100 * (low - 0.4) / 0.6, abs=0.01)
        assert reach == pytest.approx(100 * (high - low) / 0.6, abs=0.01)
        assert percent(text) == pytest.approx(100 * mean, abs=0.051)


def test_every_control_shows_the_numbers_of_the_package(visits, figure, frame):
    page = visits.show(figure)
    assert_shows(page, figure, frame, view="bits", budget=50, support="all")
    slider = page.get_by_role("slider", name="Random starts")
    slider.press("ArrowRight")
    assert_shows(page, figure, frame, view="bits", budget=100, support="all")
    page.get_by_role("radio", name="10").check()
    assert_shows(page, figure, frame, view="bits", budget=100, support=10)
    slider.press("End")
    assert_shows(page, figure, frame, view="bits", budget=200, support=10)
    page.get_by_role("radio", name="drawings").check()
    assert_shows(page, figure, frame, view="image", budget=200, support=10)
    assert page.locator(".ibx-verdict").get_attribute("data-verdict") == "undertrained"
    page.get_by_role("button", name="Reset").press("Enter")
    assert_shows(page, figure, frame, view="bits", budget=50, support="all")
    assert page.locator(".ibx-verdict").inner_text().startswith("\N{CHECK MARK}")


def test_the_chart_has_the_gap_of_both_starts_at_each_budget(visits, figure, frame):
    page = visits.show(figure)
    budgets = figure.setup()["choices"]["budget"]
    every = [gaps(frame, **{**figure.initial(), "budget": b}) for b in budgets]
    paths = [
        page.locator(f".ibx-over .ibx-frame path.ibx-line-{i}:not(.ibx-band)").get_attribute("d")
        for i in (0, 1)
    ]
    learned, random = ([float(point.split()[1]) for point in path[1:].split("L")] for path in paths)
    assert max(learned) == min(learned)
    zero = 100.0  # the axis begins at no gap
    scale = (zero - learned[0]) / every[0]["with_starts"]
    expected = [zero - scale * found["without"] for found in every]
    assert random == pytest.approx(expected, abs=0.05)
    assert page.locator(".ibx-end").all_inner_texts() == ["learned", "random"]


def test_random_and_learned_are_told_apart_without_color(visits, figure):
    page = visits.show(figure)
    images = (
        page.locator(".ibx-group")
        .first.locator("i")
        .evaluate_all("all => all.map(e => getComputedStyle(e).backgroundImage)")
    )
    assert "repeating-linear-gradient" in images[0]
    assert images[1] == "none"


def test_a_choice_is_announced_once_and_the_tables_hold_the_numbers(visits, figure, frame):
    page = visits.show(figure)
    page.get_by_text("Table of the numbers").click()
    said = watch_words(page)
    slider = page.get_by_role("slider", name="Random starts")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    words = said()
    assert len(words) == 1
    facts = gaps(frame, **{**figure.initial(), "budget": 200})
    assert "Random starts after 200 steps of AdamW: MLP" in words[0]
    assert (
        f"from {100 * facts['without']:.1f} to {100 * facts['with_starts']:.1f} points" in words[0]
    )
    rows = page.locator(".ibx tbody").last.inner_text().split("\n")
    for budget, row in zip(figure.setup()["choices"]["budget"], rows, strict=True):
        own = gaps(frame, **{**figure.initial(), "budget": budget})
        cells = row.split("\t")
        assert float(cells[1]) == pytest.approx(100 * own["without"], abs=0.051)
        assert percent(cells[3]) == pytest.approx(100 * own["reduction"], abs=0.51)


def test_in_a_notebook_the_page_answers_and_no_kernel_is_asked(visits, figure, frame):
    page = visits.open(f"<div id='place'></div><script>{base.script((figure.kind,))}</script>")
    state = {"kind": figure.kind, "engine": "browser", "setup": figure.setup()}
    page.evaluate(
        """(state) => IBExplorers.render({ el: document.querySelector('#place'), model: {
             get: (name) => state[name], set: (name, value) => { state[name] = value; },
             on: () => {}, off: () => {}, save_changes: () => { window.asked = true; } } })""",
        {**state, "initial": figure.initial(), "params": figure.initial()},
    )
    page.get_by_role("slider", name="Random starts").press("ArrowRight")
    assert_shows(page, figure, frame, view="bits", budget=100, support="all")
    assert page.evaluate("window.asked") is None
    assert data(page)["engine"] == "browser"


def test_a_gap_too_small_to_divide_by_is_said_to_be_so(visits, frame):
    page = visits.show(ArchitectureGap(view="image", budget=10, support=5))
    facts = gaps(frame, view="image", budget=10, support=5)
    assert facts["without"] < 0.02
    words = page.locator(".ibx-verdict").inner_text()
    assert f"differ by {100 * facts['without']:.1f} points only" in words
    assert percent(page.locator(".ibx-spreads output").inner_text()) < -1000
