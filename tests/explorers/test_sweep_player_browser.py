"""The player of sweeps in a browser: every control against the frame, time, words, a kernel."""

import numpy as np
import pytest
from hosts import DESK, PHONE, data, live, ring, stop_clock, watch_words

from ibcore.explorers import SweepPlayer, guided_training
from ibcore.memory import gate, spread, spread_interval
from ibcore.stats import mean_interval

pytestmark = pytest.mark.browser

PLAIN, L2, ADAM = "SGD lr 0.1", "SGD lr 0.3, L2 0.01", "Adam, decay added"
STEPS = (0, 40, 200, 1000)
TRIAL = {
    "pipelines": [
        {
            "name": name,
            "test": [0.95, 0.8, test],
            "train": [1.0, 1.0, 0.99],
            "value": round(100 * (0.95 - test), 2),
            "least": 0.98,
            "verdict": "undertrained",
        }
        for name, test in (("SGD lr 0.1", 0.5), ("SGD lr 0.3, L2 0.03", 0.75))
    ],
    "seconds": 1.5,
}


@pytest.fixture
def figure(sweep_frame):
    return SweepPlayer(frame=sweep_frame)


def cells(frame, pipeline, step, column):
    """Return a measure of one look: (scales, networks)."""
    rows = frame[(frame["pipeline"] == pipeline) & (frame["step"] == step)]
    return rows.pivot(index="weight_scale", columns="network", values=column).to_numpy()


def wait_for(page, **params):
    """Wait until the figure shows these parameters."""
    page.wait_for_function(
        "p => Object.entries(p).every(([k, v]) =>"
        " document.querySelector('.ibx').getAttribute('data-' + k) === v)",
        arg={name: f"{value:g}" if name != "pipeline" else value for name, value in params.items()},
    )


def assert_shows(page, frame, pipeline, weight_scale, step):
    """Compare every number that the figure writes with the frame."""
    wait_for(page, pipeline=pipeline, weight_scale=weight_scale, step=step)
    shown = data(page)
    row = sorted(frame["weight_scale"].unique()).index(weight_scale)
    test, train = (cells(frame, pipeline, step, f"{name}_accuracy") for name in ("test", "train"))
    norms = cells(frame, pipeline, step, "weight_norm") / cells(frame, pipeline, 0, "weight_norm")
    expected = {
        "test": test[row].mean(),
        "train": train[row].mean(),
        "norm": norms[row].mean(),
        "cosine": cells(frame, pipeline, step, "cosine")[row].mean(),
    }
    for name, value in expected.items():
        assert float(shown[name]) == pytest.approx(value, abs=6e-5), name
    assert float(shown["spread"]) == pytest.approx(spread(test), abs=0.006)
    assert shown["verdict"] == gate(train)
    clock = cells(frame, pipeline, step, "explicit_clock")[0, 0]
    if np.isnan(clock):
        assert shown["clock"] == "null"
    else:
        assert float(shown["clock"]) == pytest.approx(clock)
    number = page.locator(".ibx-spreads output").inner_text()
    assert number == f"{float(shown['spread']):.1f}"


def heights(page, chart, kind):
    """Return the points of a line or the ends of a band: [x, y] pairs in percent."""
    path = page.locator(f".ibx-chart >> nth={chart}").locator(f".ibx-frame path.{kind}")
    text = path.get_attribute("d").removesuffix("Z")
    return [[float(number) for number in point.split()] for point in text[1:].split("L")]


def place(accuracy):
    """Return the height of an accuracy from the top, in percent."""
    return 100 * (1.04 - accuracy) / 1.04


def test_every_control_shows_the_numbers_of_the_frame(visits, figure, sweep_frame):
    page = visits.show(figure)
    assert_shows(page, sweep_frame, PLAIN, 8, 1000)
    scale = page.get_by_role("slider", name="Initial scale")
    time = page.get_by_role("slider", name="Time")
    scale.press("ArrowLeft")
    assert_shows(page, sweep_frame, PLAIN, 4, 1000)
    time.press("ArrowLeft")
    assert_shows(page, sweep_frame, PLAIN, 4, 200)
    page.get_by_role("combobox", name="Pipeline").select_option(L2)
    assert_shows(page, sweep_frame, L2, 4, 200)
    scale.press("Home")
    time.press("ArrowLeft")
    assert_shows(page, sweep_frame, L2, 0.5, 40)
    page.get_by_role("combobox", name="Pipeline").press("ArrowDown")
    assert_shows(page, sweep_frame, ADAM, 0.5, 40)
    time.press("Home")
    assert_shows(page, sweep_frame, ADAM, 0.5, 0)
    page.get_by_role("button", name="Reset").press("Enter")
    assert_shows(page, sweep_frame, PLAIN, 8, 1000)


def test_the_chart_over_scales_draws_means_and_bands_of_the_look(visits, sweep_frame):
    page = visits.show(SweepPlayer(L2, step=200, frame=sweep_frame))
    scales = np.log([0.5, 1, 4, 8])
    across = 4 + 92 * (scales - scales[0]) / (scales[-1] - scales[0])
    for index, name in enumerate(("test", "train")):
        values = cells(sweep_frame, L2, 200, f"{name}_accuracy")
        points = heights(page, 0, f"ibx-line-{index}:not(.ibx-band)")
        expected = np.stack([across, place(values.mean(axis=1))], axis=1)
        assert np.allclose(points, expected, atol=0.011)
        ends = [mean_interval(row) for row in values]
        band = heights(page, 0, f"ibx-line-{index}.ibx-band")
        around = [end.low for end in ends] + [end.high for end in ends[::-1]]
        assert np.allclose(np.array(band)[:, 1], place(np.array(around)), atol=0.011)
    mark = page.locator(".ibx-chart >> nth=0").locator(".ibx-mark")
    assert mark.inner_text() == "scale 8"
    assert mark.evaluate("e => parseFloat(e.style.left)") == pytest.approx(96)


def test_the_chart_over_time_draws_every_look_of_the_scale(visits, sweep_frame):
    page = visits.show(SweepPlayer(PLAIN, weight_scale=4, step=40, frame=sweep_frame))
    means = [cells(sweep_frame, PLAIN, step, "test_accuracy")[2].mean() for step in STEPS]
    points = np.array(heights(page, 1, "ibx-line-0:not(.ibx-band)"))
    across = 5 + 90 * np.log(1 + np.array(STEPS) / 40) / np.log(1 + 1000 / 40)
    assert np.allclose(points, np.stack([across, place(np.array(means))], axis=1), atol=0.011)
    assert page.locator(".ibx-chart >> nth=1").locator(".ibx-mark").inner_text() == "40 steps"


def test_train_accuracy_is_told_from_test_accuracy_without_color(visits, figure):
    page = visits.show(figure)
    dashes = "all => all.map(e => getComputedStyle(e).strokeDasharray)"
    lines = page.locator(".ibx-chart >> nth=0").locator(".ibx-frame path:not(.ibx-band)")
    assert lines.evaluate_all(dashes)[0] == "none"
    assert lines.evaluate_all(dashes)[1] != "none"


def test_the_gauge_says_what_the_clock_means(visits, figure):
    page = visits.show(figure)
    gauge = page.locator(".ibx-gauge")
    assert "no decay" in gauge.inner_text()
    page.get_by_role("combobox", name="Pipeline").select_option(L2)
    wait_for(page, pipeline=L2)
    words = gauge.inner_text()
    assert "6.00" in words
    assert "\N{GREEK SMALL LETTER ETA} = 0.3, \N{GREEK SMALL LETTER LAMDA} = 0.01" in words
    assert "= 5\N{NO-BREAK SPACE}% of its size" in words  # exp(-3)
    assert gauge.locator("i").first.evaluate("e => e.style.width") == "100%"
    page.get_by_role("slider", name="Time").press("ArrowLeft")
    wait_for(page, step=200)
    assert gauge.locator("i").first.evaluate("e => e.style.width") == "20%"
    page.get_by_role("combobox", name="Pipeline").select_option(ADAM)
    wait_for(page, pipeline=ADAM)
    assert "not defined" in gauge.inner_text()


def test_a_norm_that_shrinks_is_drawn_to_the_left_of_the_start(visits, sweep_frame):
    page = visits.show(SweepPlayer(L2, step=200, frame=sweep_frame))
    origin, left, width = page.locator(".ibx-gauge .ibx-bars >> nth=1").evaluate(
        """e => [e.querySelector('b').style.left, e.querySelector('i').style.marginLeft,
                 e.querySelector('i').style.width].map(parseFloat)"""
    )
    assert left + width == pytest.approx(origin, abs=1)
    assert width > 5


def test_the_gate_is_said_in_words_and_by_the_line_beside_them(visits, figure, sweep_frame):
    page = visits.show(figure)
    verdict = page.locator(".ibx-verdict")
    assert verdict.inner_text().startswith("\N{CHECK MARK} Trained: every network reaches 99.5")
    solid = verdict.evaluate("e => getComputedStyle(e).borderLeftStyle")
    page.get_by_role("combobox", name="Pipeline").select_option(ADAM)
    wait_for(page, pipeline=ADAM)
    least = 100 * cells(sweep_frame, ADAM, 1000, "train_accuracy").min()
    assert f"Undertrained: a network is at {least:.1f}" in verdict.inner_text()
    assert "not called memory" in verdict.inner_text()
    assert (solid, verdict.evaluate("e => getComputedStyle(e).borderLeftStyle")) == (
        "solid",
        "dotted",
    )


def test_the_tables_hold_the_numbers_of_the_frame(visits, sweep_frame):
    page = visits.show(SweepPlayer(L2, step=200, frame=sweep_frame))
    page.get_by_text("Table of the numbers").click()
    page.locator(".ibx table").last.wait_for()
    scales, time, pipelines = (
        [row.split("\t") for row in part.replace("\N{NO-BREAK SPACE}%", "").split("\n")]
        for part in page.locator(".ibx tbody").all_inner_texts()
    )
    test = cells(sweep_frame, L2, 200, "test_accuracy")
    for row, values in zip(scales, test, strict=True):
        interval = mean_interval(values)
        expected = [100 * end for end in (interval.value, interval.low, interval.high)]
        assert [float(cell) for cell in row[1:4]] == pytest.approx(expected, abs=0.06)
    lost = cells(sweep_frame, L2, 200, "disagreement").mean(axis=1)
    assert [float(row[-1]) for row in scales] == pytest.approx((100 * lost).tolist(), abs=0.06)
    spreads = [spread(cells(sweep_frame, L2, step, "test_accuracy")) for step in STEPS]
    assert [float(row[6]) for row in time] == pytest.approx(spreads, abs=0.06)
    assert [row[0] for row in time] == ["0", "40", "200", "1,000"]
    for row, name in zip(pipelines, (PLAIN, L2, ADAM), strict=True):
        interval = spread_interval(cells(sweep_frame, name, 200, "test_accuracy"))
        assert row[0] == name
        assert float(row[2]) == pytest.approx(interval.value, abs=0.06)
        ends = [float(end) for end in row[3].split(" to ")]
        assert ends == pytest.approx([interval.low, interval.high], abs=0.06)


def test_time_runs_to_the_last_look_and_speaks_once_at_the_end(visits, figure):
    page = visits.show(figure)
    said = watch_words(page)
    page.get_by_role("button", name="Play time").click()
    for step in STEPS:
        wait_for(page, step=step)
        if step < STEPS[-1]:
            assert page.get_by_role("button", name="Pause").count() == 1
            ring(page)
    page.get_by_role("button", name="Play time").wait_for()
    words = said()
    assert len(words) == 1
    assert words[0].startswith("After 1,000 steps of SGD lr 0.1, mean test accuracy is highest")
    assert data(page)["step"] == "1000"


def test_time_can_be_paused(visits, figure):
    page = visits.show(figure)
    stop_clock(page)
    page.get_by_role("button", name="Play time").click()
    ring(page)
    wait_for(page, step=40)
    page.get_by_role("button", name="Pause").click()
    page.evaluate("window.rest()")
    assert data(page)["step"] == "40"


def test_a_reader_who_wants_less_motion_steps_by_hand(visits, figure):
    page = visits.show(figure, reduced_motion="reduce")
    stop_clock(page)
    step = page.get_by_role("button", name="Next look")
    for expected in (0, 40):
        step.click()
        wait_for(page, step=expected)
    page.evaluate("window.rest()")
    assert data(page)["step"] == "40"
    page.emulate_media(reduced_motion="no-preference")
    page.get_by_role("button", name="Play time").wait_for()


def test_a_choice_is_announced_once_it_is_at_rest(visits, figure):
    page = visits.show(figure)
    said = watch_words(page)
    slider = page.get_by_role("slider", name="Time")
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")
    words = said()
    assert len(words) == 1
    assert "After 40 steps" in words[0]
    assert f"Spread {float(data(page)['spread']):.1f} percentage points, undertrained" in words[0]
    assert "Decay clock: no decay; norm 1.00 of the start, cosine 1.000." in words[0]


def test_the_static_page_offers_no_training(visits, figure):
    page = visits.show(figure)
    assert page.get_by_role("button", name="Train now").count() == 0
    assert page.locator(".ibx-trial").count() == 0
    assert data(page)["engine"] == "browser"


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_button_asks_the_kernel_and_shows_its_networks_beside_the_stored_ones(
    visits, figure, monkeypatch, viewport
):
    monkeypatch.setattr(guided_training, "train_trial", lambda seed: TRIAL)
    page, asked = live(visits, figure, mark={})
    page.set_viewport_size(viewport)
    said = watch_words(page)
    page.get_by_role("button", name="Train now").click()
    page.get_by_role("button", name="Train again").wait_for()
    assert asked[-1] == {**figure.initial(), "run": 1}
    assert data(page)["trial"] == "45 20"
    rows = page.locator(".ibx-trial tbody").inner_text().replace("\N{NO-BREAK SPACE}", " ")
    now, stored, *_ = [row.split("\t") for row in rows.split("\n")]
    assert now == ["now", PLAIN, "45.0", "95.0 %", "80.0 %", "50.0 %", "98.0 %", "undertrained"]
    plain = figure.setup()["trial"]["stored"][0]
    assert stored[:3] == ["stored", PLAIN, f"{plain['value']:.1f}"]
    assert stored[3:6] == [f"{100 * value:.1f} %" for value in plain["test"]]
    assert said()[-1] == (
        "Trained now: SGD lr 0.1, spread 45.0 points, undertrained; "
        "SGD lr 0.3, L2 0.03, spread 20.0 points, undertrained."
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_a_trial_stays_when_controls_move_and_the_next_one_has_another_seed(
    visits, figure, monkeypatch
):
    seeds = []
    monkeypatch.setattr(guided_training, "train_trial", lambda seed: seeds.append(seed) or TRIAL)
    page, asked = live(visits, figure, mark={})
    page.get_by_role("button", name="Train now").click()
    again = page.get_by_role("button", name="Train again")
    again.wait_for()
    page.get_by_role("slider", name="Time").press("ArrowLeft")
    wait_for(page, step=200)
    page.get_by_role("button", name="Reset").click()
    wait_for(page, step=1000)
    assert page.locator(".ibx-trial table").count() == 1
    again.click()
    page.get_by_text("seed 2").wait_for()
    assert seeds == [1, 2]
    assert asked[-1]["run"] == 2


def test_while_the_kernel_trains_the_button_waits(visits, figure, monkeypatch):
    monkeypatch.setattr(guided_training, "train_trial", lambda seed: TRIAL)
    page, asked = live(visits, figure, mark={})
    page.evaluate(
        "() => { const ask = window.ask; window.held = new Promise(go => window.go = go);"
        " window.ask = async p => { await window.held; return ask(p); }; }"
    )
    page.get_by_role("button", name="Train now").click()
    waiting = page.get_by_role("button", name="Training\N{HORIZONTAL ELLIPSIS}")
    assert waiting.get_attribute("aria-disabled") == "true"
    waiting.click(force=True)
    page.evaluate("window.go()")
    page.get_by_role("button", name="Train again").wait_for()
    assert max(params["run"] for params in asked) == 1


def test_a_kernel_that_cannot_train_is_quoted(visits, figure, monkeypatch):
    def fail(seed):
        raise ImportError("install scikit-learn")

    monkeypatch.setattr(guided_training, "train_trial", fail)
    page, _ = live(visits, figure, mark={})
    page.get_by_role("button", name="Train now").click()
    page.get_by_role("alert").wait_for()
    assert "could not train: install scikit-learn" in page.get_by_role("alert").inner_text()
