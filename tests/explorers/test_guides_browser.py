"""The comparison of guides in a browser: every control against the paired differences."""

import pytest
from guided_frames import conditions_frame, pictures_frame, unlabeled_frame
from hosts import data, watch_words
from oracles import differences

from ibcore.explorers import GuideComparison

pytestmark = pytest.mark.browser

FACTORS = {"test_accuracy": (100, 1), "test_loss": (1, 2), "cnn_similarity": (1, 3)}


@pytest.fixture(scope="module")
def figure():
    return GuideComparison(frame=conditions_frame(), images=unlabeled_frame())


def number(text):
    return float(text.split()[-1].replace("\N{MINUS SIGN}", "-"))


def assert_shows(page, figure, p):
    """Compare the bars of the chosen conditions with the figure's numbers."""
    wanted = {**p, "close": str(p["close"]).lower()}
    page.wait_for_function(
        "p => Object.entries(p).every(([k, v]) => document.querySelector('.ibx').dataset[k] === v)",
        arg={name: str(value) for name, value in wanted.items()},
    )
    every = {"conditions": conditions_frame(), "unlabeled": unlabeled_frame()}[p["shown"]]
    count = p["unlabeled"] if p["shown"] == "unlabeled" else 0
    known = differences(every, p["measure"], count)
    groups = figure.setup()["tables"][p["shown"]]["groups"]
    found = [known.get(name) for _, names in groups for name in names]
    means = [None if text == "none" else float(text) for text in data(page)["means"].split()]
    assert means == [None if d is None else pytest.approx(d[0], abs=6e-6) for d in found]
    factor, digits = FACTORS[p["measure"]]
    rows = page.locator(".ibx-contrast:has(output)").all()[: len(found)]
    for row, difference in zip(rows, found, strict=True):
        text = row.locator("output").inner_text()
        if difference is None:
            assert text == "not run"
            continue
        mean, low, high = difference
        assert number(text) == pytest.approx(factor * mean, abs=0.51 * 10**-digits)
        side = "above" if low > 0 else "below" if high < 0 else "reaches"
        assert row.get_attribute("data-side") == side


def test_every_control_shows_paired_differences(visits, figure):
    page = visits.show(figure)
    assert_shows(page, figure, p := figure.initial())
    page.get_by_role("radio", name="loss").check()
    assert_shows(page, figure, p := {**p, "measure": "test_loss"})
    page.get_by_role("radio", name="images without labels").check()
    assert_shows(page, figure, p := {**p, "shown": "unlabeled"})
    page.get_by_role("slider", name="Images").press("ArrowLeft")
    assert_shows(page, figure, p := {**p, "unlabeled": 200})
    page.get_by_role("radio", name="likeness").check()
    assert_shows(page, figure, p := {**p, "measure": "cnn_similarity"})
    page.get_by_role("checkbox", name="Close-up").check()
    assert_shows(page, figure, {**p, "close": True})
    page.get_by_role("button", name="Reset").press("Enter")
    assert_shows(page, figure, figure.initial())
    assert page.get_by_role("slider", name="Images").is_disabled()


def test_bars_whiskers_and_dots_stand_at_their_numbers(visits, figure):
    page = visits.show(figure)
    table = figure.setup()["tables"]["conditions"]["entries"]["test_accuracy"]["0"]
    ticks = page.locator(".ibx-scale-of span").evaluate_all(
        "all => all.map(e => [parseFloat(e.style.left), e.textContent])"
    )
    (first, low), (last, high) = ((at, number(text) / 100) for at, text in (ticks[0], ticks[-1]))
    place = lambda value: first + (last - first) * (value - low) / (high - low)  # noqa: E731
    drawn = page.locator(".ibx-contrast:has(output) .ibx-rail").evaluate_all(
        """all => all.map(e => [
             ...['i', 'b'].map(n => e.querySelector(n).style).map(s => [s.left, s.width]),
             [...e.querySelectorAll('em')].map(d => d.style.left)]
             .map(part => part.map(parseFloat)))"""
    )
    names = [n for _, own in figure.setup()["tables"]["conditions"]["groups"] for n in own]
    for name, ((left, width), (start, reach), dots) in zip(names, drawn, strict=True):
        mean, below, above, networks = table[name]
        ends = sorted((place(0), place(mean)))
        assert (left, left + width) == pytest.approx(ends, abs=0.01)
        assert (start, start + reach) == pytest.approx((place(below), place(above)), abs=0.01)
        assert dots == pytest.approx([place(value) for value in networks], abs=0.01)


def test_a_close_up_says_what_it_cuts_off(visits, figure):
    page = visits.show(figure)
    page.get_by_role("checkbox", name="Close-up").check()
    page.wait_for_selector('.ibx[data-close="true"]')
    cut = page.locator(".ibx-contrast", has_text="random features").locator("output")
    assert cut.inner_text().startswith("\N{LEFTWARDS ARROW} \N{BLACK DOWN-POINTING TRIANGLE}")


def test_intervals_that_reach_zero_are_striped(visits, figure):
    page = visits.show(figure)
    style = "e => getComputedStyle(e).backgroundImage"
    looks = {
        side: page.locator(f'[data-side="{side}"] .ibx-rail i').first.evaluate(style)
        for side in ("above", "reaches")
    }
    assert looks["above"] == "none"
    assert "repeating-linear-gradient" in looks["reaches"]


def test_a_choice_is_announced_and_the_table_holds_the_numbers(visits, figure):
    page = visits.show(figure)
    page.get_by_text("Table of the numbers").click()
    said = watch_words(page)
    page.get_by_role("radio", name="loss").check()
    words = said()
    assert len(words) == 1
    assert "Test loss of the unguided networks: 2.70. Of 7 conditions, " in words[0]
    cells = page.locator(".ibx tbody tr").filter(has_text="distillation").locator("td")
    numbers = [number(text) for text in cells.all_inner_texts()[1:4]]
    assert numbers == pytest.approx(
        differences(conditions_frame(), "test_loss")["distillation"], abs=0.0051
    )


def test_the_pictures_come_first_and_follow_the_guide(visits):
    figure = GuideComparison(frame=conditions_frame(), pictures=pictures_frame())
    page = visits.show(figure)
    thing, judged = page.locator(".ibx-thing"), figure.setup()["judged"]["found"]
    bars = page.locator(".ibx-bars-of")
    assert thing.bounding_box()["y"] < bars.bounding_box()["y"]
    for name in judged:
        page.get_by_label("Guided by", exact=True).select_option(name)
        helped, harmed = judged[name]
        thing.get_by_text(f"wrong without it: {helped[0]} of 40 pictures").wait_for()
        below = thing.locator(".ibx-judge span").all_inner_texts()
        expected = [f"{a} \N{RIGHTWARDS ARROW} {b}" for _, a, b in [*helped[1], *harmed[1]]]
        assert below == expected
