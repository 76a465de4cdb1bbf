"""The explorer of the diagonal net in a browser: controls, words, motion, speed, a kernel."""

import statistics

import pytest
from hosts import data, live, pictures, stop_clock, watch_words

from ibcore.explorers import DiagonalNetwork
from ibcore.explorers.random_network import DIAGONAL_SCALES, TIMES
from ibcore.memory import woodworth_solution

pytestmark = pytest.mark.browser

SCALE = "Scale \N{GREEK SMALL LETTER ALPHA}"
DECAY = "Decay \N{GREEK SMALL LETTER LAMDA}"
RATE = "Step \N{GREEK SMALL LETTER ETA}"
_NAMES = {"weight_scale": "weightScale", "weight_decay": "weightDecay", "batch": "batch"}


def settle(page, **wanted):
    """Wait until the run is complete and the figure shows these parameters."""
    page.wait_for_function(
        """p => { const d = document.querySelector('.ibx').dataset;
             return d.complete === '1' && Object.entries(p).every(([k, v]) => d[k] === v); }""",
        arg={_NAMES.get(k, k): str(v).removesuffix(".0") for k, v in wanted.items()},
    )


def wait_for_another_run(page, risk):
    """Wait until the risk, read before a change that no number of the figure names, is gone."""
    page.wait_for_function("old => document.querySelector('.ibx').dataset.risk !== old", arg=risk)


def assert_shows(page, figure, params):
    settle(page, **{k: params[k] for k in ("weight_scale", "weight_decay", "batch", "time")})
    facts, shown = figure.answer(params).facts, data(page)
    assert float(shown["risk"]) == pytest.approx(facts["excess_risk"], abs=1e-4)
    assert float(shown["effective"]) == pytest.approx(facts["effective_scale"], rel=1e-4)
    assert float(shown["noise"]) == pytest.approx(facts["noise"], abs=1e-4)
    assert float(shown["explicit"]) == pytest.approx(facts["explicit"], abs=1e-4)


def test_every_control_changes_the_figure_to_what_ibcore_computes(visits):
    figure = DiagonalNetwork(0.3, time=10.0)
    page, params = visits.show(figure), figure.initial()
    assert_shows(page, figure, params)
    before = pictures(page)
    page.get_by_role("slider", name=SCALE).press("ArrowLeft")
    assert_shows(page, figure, params := {**params, "weight_scale": DIAGONAL_SCALES[11]})
    assert pictures(page) != before
    page.get_by_role("slider", name=DECAY).press("ArrowRight")
    assert_shows(page, figure, params := {**params, "weight_decay": 0.1})
    page.get_by_role("slider", name="Time t").press("ArrowLeft")
    assert_shows(page, figure, params := {**params, "time": 8.0})
    page.get_by_role("radio", name="1", exact=True).press("Space")
    assert_shows(page, figure, params := {**params, "batch": 1})
    before, risk = pictures(page), data(page)["risk"]
    page.get_by_role("checkbox", name="Label noise").press("Space")
    wait_for_another_run(page, risk)
    assert_shows(page, figure, params := {**params, "label_noise": True})
    assert pictures(page) != before
    risk = data(page)["risk"]
    page.get_by_role("slider", name=RATE).press("ArrowRight")
    wait_for_another_run(page, risk)
    assert_shows(page, figure, {**params, "learning_rate": 0.01})
    page.get_by_role("button", name="Reset").click()
    assert_shows(page, figure, figure.initial())


def test_flow_has_no_step_size_and_no_label_noise_to_choose(visits):
    page = visits.show(DiagonalNetwork(batch="flow"))
    controls = [page.get_by_role("slider", name=RATE), page.get_by_role("checkbox")]
    assert all(control.is_disabled() for control in controls)
    page.get_by_role("radio", name="5", exact=True).check()
    assert all(control.is_enabled() for control in controls)


def test_words_state_what_is_forgotten_and_where_flow_would_end(visits):
    figure = DiagonalNetwork(1.0, weight_decay=0.03, time=60.0)
    page = visits.show(figure)
    settle(page, time=60)
    words = page.locator(".ibx-story").inner_text()
    facts = figure.answer(figure.initial()).facts
    for scale in (1.0, facts["effective_scale"]):
        beta = woodworth_solution(figure.task.x, figure.task.y, scale)
        assert f"{float(figure.task.excess_risk(beta)):.3f}" in words
    assert "the effective scale is 0.165, 16.5 % of the initial 1" in words
    assert f"the excess risk is {facts['excess_risk']:.3f}" in words
    gauge = page.locator(".ibx-clock").get_attribute("aria-label")
    assert "decay 3.60 (plain) + noise of steps 0.00 (striped); scale shrunk 6.05 times" in gauge
    assert page.locator(".ibx-folds output").inner_text() == "3.60"


def test_without_decay_and_noise_nothing_is_forgotten(visits):
    page = visits.show(DiagonalNetwork(0.3, weight_decay=0.0))
    settle(page)
    assert "Nothing is forgotten" in page.locator(".ibx-story").inner_text()
    assert page.locator(".ibx-folds output").inner_text() == "0.00"


def test_the_curve_and_the_run_are_drawn_where_their_numbers_are(visits):
    figure = DiagonalNetwork(1.0, time=40.0)
    page = visits.show(figure)
    settle(page)
    lines = page.locator(".ibx-risk path:not(.ibx-band)").evaluate_all(
        "all => all.slice(-2).map(e => e.getAttribute('d'))"
    )
    curve, run = ([tuple(map(float, p.split())) for p in d[1:].split("L")] for d in lines)
    assert len(curve) == len(figure.setup()["curve_scales"])
    assert [x for x, _ in curve] == sorted(x for x, _ in curve)
    assert len(run) == TIMES.index(40.0) + 1
    facts = figure.answer(figure.initial()).facts
    assert run[-1][1] == pytest.approx(100 * (1 - facts["excess_risk"] / 3.2), abs=0.02)
    dot = page.locator(".ibx-dot").evaluate("e => [e.style.left, e.style.top]")
    assert [float(p.removesuffix("%")) for p in dot] == pytest.approx(run[-1], abs=0.02)


def test_too_long_steps_are_said_to_diverge(visits):
    page = visits.show(DiagonalNetwork(3.0, batch=1, learning_rate=0.02, label_noise=True))
    settle(page)
    assert data(page)["diverged"] == "1"
    assert "Training diverges" in page.locator(".ibx-story").inner_text()


def test_time_plays_to_its_end_and_pauses(visits):
    page = visits.show(DiagonalNetwork(time=5.0))
    settle(page)
    stop_clock(page)
    time = "(window.ring(), Number(document.querySelector('.ibx').dataset.time))"
    page.get_by_role("button", name="Play time").click()
    page.wait_for_function(f"{time} > 8")
    page.get_by_role("button", name="Pause").click()
    page.evaluate("window.rest()")
    held = data(page)["time"]
    page.evaluate("window.rest()")
    assert data(page)["time"] == held
    page.get_by_role("button", name="Play time").click()
    page.wait_for_function(f"{time} === 100")
    settle(page, time=100)
    page.get_by_role("button", name="Play time").wait_for()


def test_where_motion_is_unwelcome_play_goes_to_the_end_at_once(visits):
    page = visits.show(DiagonalNetwork(time=5.0), reduced_motion="reduce")
    settle(page)
    page.evaluate(
        """() => { const box = document.querySelector('.ibx'); window.times = [];
             new MutationObserver(() => window.times.push(box.dataset.time))
             .observe(box, {attributeFilter: ['data-time']}); }"""
    )
    page.get_by_role("button", name="Play time").click()
    settle(page, time=100)
    assert set(page.evaluate("window.times")) == {"100"}


def test_a_choice_is_announced_once_it_is_at_rest(visits):
    page = visits.show(DiagonalNetwork(0.3))
    settle(page)
    said = watch_words(page)
    slider = page.get_by_role("slider", name="Time t")
    for _ in range(3):
        slider.press("ArrowLeft")
    words = said()
    assert len(words) == 1
    assert words[0].startswith("Scale 0.3, decay 0.03, gradient flow. At time 45 the effective")


def test_the_tables_hold_the_run_and_the_coefficients(visits):
    page = visits.show(DiagonalNetwork())
    settle(page)
    page.get_by_text("Table of the numbers").click()
    page.locator(".ibx table").last.wait_for()
    run, coefficients = page.locator(".ibx table").all()
    assert run.locator("tbody tr").count() == len(TIMES)
    assert coefficients.locator("tbody tr").count() == 40


def test_the_stems_follow_the_theme(visits):
    page = visits.show(DiagonalNetwork(), color_scheme="dark")
    settle(page)
    dark = pictures(page)
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.wait_for_selector('.ibx[data-dark="0"]')
    page.wait_for_function(
        "old => document.querySelector('.ibx canvas').toDataURL() !== old", arg=dark[0]
    )


def test_with_a_kernel_the_numbers_at_rest_are_those_of_ibcore(visits):
    figure = DiagonalNetwork(0.3)
    page, asked = live(visits, figure, mark={"excess_risk": 0.125})
    assert data(page)["risk"] == "0.125"
    page.get_by_role("slider", name="Time t").press("ArrowLeft")
    page.wait_for_function("document.querySelector('.ibx').dataset.time === '55'")
    page.wait_for_selector('.ibx[data-engine="kernel"]')
    assert asked[-1] == {**figure.initial(), "time": 55}
    assert len(asked) == 2
    assert "computed by ibcore" in page.locator(".ibx-status").inner_text()


@pytest.mark.slow  # by the clock
@pytest.mark.parametrize("batch", ["flow", 1, "all"])
def test_script_time_while_dragging(visits, batch, capsys):
    page = visits.show(DiagonalNetwork(1.0, batch=batch, learning_rate=0.005))
    settle(page)
    times = {}
    for label, start in ((SCALE, 4), ("Time t", 5)):
        slider = page.get_by_role("slider", name=label)
        times[label] = []
        for step in range(start, start + 14):
            slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", step)
            page.evaluate("() => new Promise(d => requestAnimationFrame(() => setTimeout(d)))")
            times[label].append(float(data(page)["ms"]))
    medians = {name: statistics.median(values) for name, values in times.items()}
    with capsys.disabled():
        print(f"\nscript per frame, {batch}: {medians}")
    assert max(medians.values()) < 16
