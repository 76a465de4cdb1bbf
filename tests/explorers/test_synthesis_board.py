"""The explorers of the synthesis: the page shows the numbers of the stored runs."""

import math

import numpy as np
import pytest
from hosts import PHONE, data
from synthesis_frames import STEPS, board_frame, decay_frame

from ibcore.explorers import ClockCollapse, SynthesisBoard
from ibcore.stats import mean_interval

pytestmark = pytest.mark.browser

A = {"architecture": "relu", "start": "random", "guide": "none", "training": "sgd"}
B = {**A, "start": "learned", "guide": "trained"}


def finals(frame, cell):
    own = frame[frame.final & (frame[list(cell)] == list(cell.values())).all(axis=1)]
    return own.sort_values("seed").accuracy.to_numpy()


def shown(page, name):
    return [float(value) for value in data(page)[name].split()]


def as_numbers(interval):
    return [interval.value, interval.low, interval.high]


@pytest.mark.parametrize("seeds", [20, 5])
def test_the_board_has_the_intervals_of_the_package(visits, seeds):
    frame = board_frame(seeds)
    page = visits.show(SynthesisBoard(A, B, open=True, frame=frame))
    base, both = finals(frame, A), finals(frame, B) - finals(frame, A)
    single = [finals(frame, {**A, dial: B[dial]}) - base for dial in ("start", "guide")]
    left = both - sum(single)
    assert shown(page, "whole") == pytest.approx(as_numbers(mean_interval(both)), abs=1e-4)
    assert shown(page, "left") == pytest.approx(as_numbers(mean_interval(left)), abs=1e-4)
    story = page.locator(".ibx-story")
    assert f"B is ahead: +{100 * both.mean():.1f} points" in story.inner_text()
    page.get_by_role("radio", name="effects").press("Space")
    page.wait_for_function("document.querySelector('.ibx').dataset.view === 'sum'")
    assert "less than the sum" in story.inner_text()
    bars = page.locator(".ibx-effects i").evaluate_all("all => all.map(e => +e.dataset.value)")
    expected = [*single, sum(single), both, left]
    assert bars == pytest.approx([values.mean() for values in expected], abs=1e-4)


def test_the_result_is_hidden_until_the_reader_has_bet_and_the_link_has_all(visits):
    frame = board_frame()
    page = visits.show(SynthesisBoard(A, B, frame=frame), viewport=PHONE)
    curves = page.locator(".ibx-frame path.ibx-line-1:not(.ibx-band)")
    assert curves.get_attribute("d") == ""
    assert data(page)["whole"] == ""
    assert "ahead: " not in page.locator(".ibx-story").inner_text()
    for _ in range(5):
        page.get_by_role("slider", name="My bet").press("ArrowRight")
    page.get_by_role("radio", name="result").press("Space")
    page.wait_for_function("document.querySelector('.ibx').dataset.whole !== ''")
    assert len(curves.get_attribute("d").split("L")) == len(STEPS)
    assert "your bet was +10.0" in page.locator(".ibx-story").inner_text()
    page.get_by_text("More controls").click()
    page.get_by_role("combobox", name="B: training").select_option("SGD, decay")
    page.wait_for_function("location.hash.includes('b_training=decay')")
    assert "bet=10" in page.url
    assert "open=true" in page.url
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_six_curves_lie_on_one_over_the_clock(visits):
    frame = decay_frame()
    page = visits.show(ClockCollapse(frame=frame, mark=0.75))
    apart = float(data(page)["apart"])
    before = page.locator(".ibx-frame path.ibx-line-3:not(.ibx-band)").get_attribute("d")
    page.get_by_role("radio", name="clock").press("Space")
    page.wait_for_function("document.querySelector('.ibx').dataset.view === 'clock'")
    assert float(data(page)["apart"]) < 0.02
    assert apart > 0.15
    after = page.locator(".ibx-frame path.ibx-line-3:not(.ibx-band)").get_attribute("d")
    assert [p.split()[1] for p in before[1:].split("L")] == [
        p.split()[1] for p in after[1:].split("L")
    ]
    story = page.locator(".ibx-story").inner_text()
    assert "lost after 167 to 1,667 steps (10.0 times as many" in story
    assert "on the clock, after 1.00 to 1.00 (1.0 times)" in story


def test_curves_are_means_at_the_logarithm_of_steps_and_clock():
    frame = decay_frame()
    setup = ClockCollapse(frame=frame).setup()
    own = frame[(frame.learning_rate == 0.1) & (frame.weight_decay == 0.03) & (frame.step > 0)]
    means = own[own.start == "learned"].groupby("step").accuracy.mean()
    assert setup["runs"][2] == "\N{GREEK SMALL LETTER ETA} 0.1, \N{GREEK SMALL LETTER LAMDA} 0.03"
    assert setup["values"]["learned"][2] == pytest.approx(means.tolist(), abs=5e-5)
    steps = np.log10(means.index) / math.log10(4000)
    assert setup["views"]["steps"]["places"][2] == pytest.approx(steps.tolist(), abs=5e-5)
    ends = np.log10([2 * 0.3 * 0.001, 2 * 0.3 * 0.01 * 4000])
    clock = (np.log10(2 * 0.1 * 0.03 * means.index) - ends[0]) / (ends[1] - ends[0])
    assert setup["views"]["clock"]["places"][2] == pytest.approx(clock.tolist(), abs=5e-5)
    assert len(setup["runs"]) == 6  # a run without decay has no clock


def test_frames_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="frame has no column final"):
        SynthesisBoard(frame=board_frame().drop(columns="final"))
    with pytest.raises(ValueError, match="frame has no row for"):
        SynthesisBoard(frame=board_frame().query("guide != 'none' or start != 'random'"))
    with pytest.raises(ValueError, match="unknown a_start 'lucky'"):
        SynthesisBoard({"start": "lucky"}, frame=board_frame())
    with pytest.raises(ValueError, match="frame has no rows"):
        ClockCollapse(frame=decay_frame().query("weight_decay == 0"))
