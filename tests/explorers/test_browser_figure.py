"""The figure in a browser: keyboard, words, theme, phone, speed, and a kernel that answers."""

import statistics

import numpy as np
import pytest
import torch
from hosts import data, live, watch_words

from ibcore.explorers import RandomNetwork, base
from ibcore.explorers.random_network import network_values
from ibcore.redshift import fourier_complexity

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 740}
AT_REST = 900  # milliseconds: longer than the pause before an announcement

SLIDERS = {"Weight scale": "weight_scale", "Depth": "depth", "Width": "width", "Seed": "seed"}
BOXES = {"Layer norm": ("norm", "layer"), "Gated": ("gated", True)}
LISTS = {
    "Activation": ("activation", "Gaussian", "gaussian"),
    "Residual": ("residual", "block", "block"),
}


def picture(page, index=0):
    script = "i => document.querySelectorAll('.ibx canvas')[i].toDataURL()"
    return page.evaluate(script, index)


def settle(page):
    """Wait until the full grid has been drawn."""
    page.wait_for_function(
        """() => new Promise(done => setTimeout(() => requestAnimationFrame(() =>
             done(document.querySelector('.ibx').dataset.grid === '64')), 60))"""
    )


def expected_complexity(params, points=64):
    values = network_values(RandomNetwork(**params).initial(), points)
    return fourier_complexity(torch.from_numpy(values)[None]).item()


def assert_shows(page, params):
    settle(page)
    shown = data(page)
    assert shown["engine"] == "browser"
    assert float(shown["complexity"]) == pytest.approx(expected_complexity(params), abs=1e-3)
    values = network_values(RandomNetwork(**params).initial(), 64)
    assert float(shown["min"]) == pytest.approx(values.min(), rel=1e-6)
    assert float(shown["max"]) == pytest.approx(values.max(), rel=1e-6)


def test_every_slider_moves_the_picture_by_keyboard_to_what_ibcore_computes(visits):
    page = visits.show(RandomNetwork("tanh", weight_scale=4.0))
    params = RandomNetwork("tanh", weight_scale=4.0).initial()
    steps = {"weight_scale": 4 * 2**0.25, "depth": 4, "width": 64, "seed": 1}
    assert_shows(page, params)
    for label, name in SLIDERS.items():
        before = picture(page)
        page.get_by_role("slider", name=label).press("ArrowRight")
        params = {**params, name: steps[name]}
        assert_shows(page, params)
        assert picture(page) != before, label


def test_every_box_and_list_changes_the_picture_to_what_ibcore_computes(visits):
    page = visits.show(RandomNetwork("tanh", weight_scale=4.0))
    params = RandomNetwork("tanh", weight_scale=4.0).initial()
    for label, (name, on) in BOXES.items():
        before = picture(page)
        page.get_by_role("checkbox", name=label).press("Space")
        params = {**params, name: on}
        assert_shows(page, params)
        assert picture(page) != before, label
    for label, (name, shown, value) in LISTS.items():
        before = picture(page)
        page.get_by_role("combobox", name=label).select_option(shown)
        params = {**params, name: value}
        assert_shows(page, params)
        assert picture(page) != before, label


def test_a_start_between_two_steps_of_the_slider_is_kept_exactly(visits):
    page = visits.show(RandomNetwork("sine", weight_scale=3.0))
    assert_shows(page, RandomNetwork("sine", weight_scale=3.0).initial())
    slider = page.get_by_role("slider", name="Weight scale")
    assert slider.get_attribute("aria-valuetext") == "3.00"


def test_new_draw_takes_the_next_seed_and_reset_goes_back(visits):
    page = visits.show(RandomNetwork("relu", seed=31))
    before = picture(page)
    page.get_by_role("button", name="New draw").click()
    assert_shows(page, RandomNetwork("relu", seed=0).initial())
    assert page.get_by_role("slider", name="Seed").input_value() == "0"
    page.get_by_role("button", name="Pin for comparison").click()
    page.get_by_role("button", name="Reset").click()
    assert_shows(page, RandomNetwork("relu", seed=31).initial())
    assert picture(page) == before
    assert page.locator(".ibx-picture:visible").count() == 1


def test_a_pinned_picture_stays_beside_the_next_one(visits):
    page = visits.show(RandomNetwork("relu"))
    first = picture(page)
    button = page.get_by_role("button", name="Pin for comparison")
    button.click()
    page.get_by_role("combobox", name="Activation").select_option("sine")
    settle(page)
    assert picture(page, 1) == first != picture(page, 0)
    caption = page.locator(".ibx-picture.ibx-pinned figcaption").inner_text()
    assert caption.startswith("pinned ReLU, weight scale 1.00")
    assert page.locator(".ibx-spectrum path.ibx-pinned").get_attribute("d").startswith("M0.00")
    page.get_by_role("button", name="Unpin").click()
    assert page.locator(".ibx-picture:visible").count() == 1
    assert page.locator(".ibx-spectrum path.ibx-pinned").get_attribute("d") == ""


def test_while_a_slider_is_dragged_a_coarser_grid_answers_and_then_the_full_one(visits):
    page = visits.show(RandomNetwork("tanh", depth=6, width=64, gated=True))
    slider = page.get_by_role("slider", name="Weight scale")
    page.evaluate(  # note each state in the moment it is drawn: the coarse one soon goes
        """() => { const box = document.querySelector('.ibx'); window.states = [];
             new MutationObserver(() => window.states.push([+box.dataset.grid,
               box.querySelector('.ibx-status').innerText,
               box.querySelector('.ibx-number output').innerText]))
             .observe(box, {attributes: true}); }"""
    )
    slider.evaluate("e => { e.value = 20; e.dispatchEvent(new Event('input', {bubbles: true})); }")
    page.wait_for_function("() => window.states.some(s => s[0] < 64)")
    _, status, number = page.evaluate("window.states.find(s => s[0] < 64)")
    assert "while you drag" in status
    assert "\N{ALMOST EQUAL TO}" in number
    page.wait_for_function("() => document.querySelector('.ibx').dataset.grid === '64'")


def test_the_live_region_speaks_once_a_state_is_at_rest(visits):
    page = visits.show(RandomNetwork("relu"))
    live = page.locator('.ibx [aria-live="polite"]')
    page.wait_for_timeout(AT_REST)
    assert live.inner_text() == ""  # nothing before the reader has acted
    said = watch_words(page)
    slider = page.get_by_role("slider", name="Weight scale")
    for _ in range(5):
        slider.press("ArrowRight")
    assert len(said()) == 1
    complexity = float(data(page)["complexity"])
    assert (
        f"weight scale 2.38, depth 3, width 32, seed 0. Complexity {complexity:.3f}"
        in live.inner_text()
    )


def test_every_control_has_an_accessible_name_and_every_picture_a_description(visits):
    page = visits.show(RandomNetwork("relu"))
    names = {
        "slider": ["Weight scale", "Depth", "Width", "Seed"],
        "combobox": ["Activation", "Residual"],
        "checkbox": ["Layer norm", "Gated"],
        "button": ["Pin for comparison", "Reset", "New draw", "Copy link to this state"],
    }
    for role, expected in names.items():
        found = page.get_by_role(role)
        assert found.count() == len(expected)
        for name in expected:
            assert page.get_by_role(role, name=name, exact=True).count() == 1
    assert page.get_by_role("group", name="Random network explorer").count() == 1
    for label in page.locator(".ibx [role=img]:visible").evaluate_all(
        "all => all.map(e => e.getAttribute('aria-label'))"
    ):
        assert "Complexity" in label


def test_a_focused_control_shows_it(visits):
    page = visits.show(RandomNetwork("relu"))
    for _ in range(4):
        page.keyboard.press("Tab")
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert float(width.removesuffix("px")) >= 2


def test_keys_do_not_reach_the_notebook_around_the_figure(visits):
    page = visits.show(RandomNetwork("relu"))
    page.evaluate(
        "() => { window.keys = 0; document.addEventListener('keydown', () => window.keys++); }"
    )
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    assert page.evaluate("window.keys") == 0
    assert page.locator(".ibx").get_attribute("data-lm-suppress-shortcuts") == "true"


def test_the_table_holds_settings_results_and_spectrum(visits):
    page = visits.show(RandomNetwork("sine", weight_scale=2.0))
    page.get_by_text("Table of the numbers").click()
    page.locator(".ibx table").last.wait_for()
    settings, spectrum = page.locator(".ibx table").all()
    assert "activation\tsine" in settings.inner_text()
    assert f"complexity\t{float(data(page)['complexity']):.3f}" in settings.inner_text()
    assert spectrum.locator("tbody tr").count() == 89


def test_a_constant_function_is_said_to_have_no_complexity(visits):
    drawn = (RandomNetwork(width=8, depth=6, weight_scale=0.25, seed=seed) for seed in range(32))
    dead = next(one for one in drawn if np.ptp(network_values(one.initial(), 64)) < 1e-12)
    page = visits.show(dead)
    assert data(page)["complexity"] == "nan"
    assert page.locator(".ibx-number output").inner_text() == "constant: no complexity"
    assert page.get_by_text("a constant has no spectrum").is_visible()


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, PHONE], ids=["desk", "phone"])
def test_nothing_moves_when_the_figure_appears(visits, viewport):
    explorer = RandomNetwork("relu")
    page = visits.open(explorer.to_html(), viewport=viewport)
    before = page.locator("#after").bounding_box()["y"]
    page.add_script_tag(content=base.script())
    page.wait_for_selector('.ibx[data-ready="1"]')
    assert page.locator("#after").bounding_box()["y"] == pytest.approx(before, abs=3)


def test_a_phone_needs_no_sideways_scrolling_and_has_large_targets(visits):
    page = visits.show(RandomNetwork("relu"), viewport=PHONE)
    page.get_by_role("button", name="Pin for comparison").click()
    for folded in ("More controls", "Table of the numbers"):
        page.get_by_text(folded).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    targets = page.locator(
        ".ibx :is(button, select, input[type=range], summary, .ibx-checks label)"
    )
    heights = targets.evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert len(heights) == 14
    assert min(heights) >= 44


def test_dark_mode_follows_the_system_and_the_theme_of_the_book(visits):
    page = visits.show(RandomNetwork("relu"), color_scheme="dark")

    def colors():
        script = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
        return page.locator(".ibx").evaluate(script)

    dark = colors()
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.wait_for_function("() => document.querySelector('.ibx').dataset.dark === '0'")
    light = colors()
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_without_a_script_the_poster_is_there(visits):
    page = visits.open(RandomNetwork("relu").to_html(), java_script_enabled=False)
    image = page.locator("ib-explorer img")
    assert image.is_visible()
    assert image.bounding_box()["width"] > 300
    assert page.locator("figcaption").inner_text().startswith("relu, weight scale 1")


def test_a_script_before_the_element_waits_for_its_children(visits):
    html = RandomNetwork("relu").to_html()
    page = visits.open(html, head=f"<script>{base.script()}</script>")
    page.wait_for_selector('ib-explorer[data-ready="1"] .ibx[data-ready="1"]')


def test_evaluating_the_script_again_leaves_the_figure_alive(visits):
    page = visits.show(RandomNetwork("relu"))
    page.add_script_tag(content=base.script())
    before = picture(page)
    page.get_by_role("slider", name="Seed").press("ArrowRight")
    settle(page)
    assert picture(page) != before


def test_a_figure_taken_out_and_put_back_works(visits):
    page = visits.show(RandomNetwork("relu"))
    page.get_by_role("slider", name="Seed").press("ArrowRight")
    settle(page)
    before = picture(page)
    page.evaluate(
        """async () => { const e = document.querySelector('ib-explorer'), p = e.parentNode;
             e.remove(); await new Promise(done => setTimeout(done)); p.append(e); }"""
    )
    assert picture(page) == before
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    settle(page)
    assert picture(page) != before
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_selector('.ibx[data-dark="1"]')


def test_an_unknown_explorer_keeps_its_poster_and_says_why(visits):
    page = visits.open(
        RandomNetwork("relu").to_html(inline_js=True).replace('"RandomNetwork"', '"X"')
    )
    assert "there is no explorer named X" in page.get_by_role("alert").inner_text()
    assert page.locator("ib-explorer img").is_visible()


def test_with_a_kernel_the_numbers_at_rest_are_those_of_ibcore(visits):
    figure = RandomNetwork("tanh", weight_scale=4.0)
    page, asked = live(visits, figure, mark={"complexity": 0.25})  # that only this kernel gives
    assert data(page)["complexity"] == "0.25"
    page.evaluate(
        """() => { const figure = document.querySelector('.ibx'); window.engines = [];
             new MutationObserver(() => window.engines.push(figure.dataset.engine))
               .observe(figure, {attributeFilter: ['data-engine']}); }"""
    )
    page.get_by_role("slider", name="Seed").press("ArrowRight")
    page.wait_for_function("() => window.engines.length > 1")
    assert page.evaluate("window.engines") == ["browser", "kernel"]
    assert asked[-1] == {**figure.initial(), "seed": 1}
    assert "by ibcore in the kernel" in page.locator(".ibx-status").inner_text()


@pytest.mark.slow  # by the clock
def test_script_time_while_dragging_and_at_rest(visits, capsys):
    page = visits.show(RandomNetwork("tanh", weight_scale=2.0))
    slider = page.get_by_role("slider", name="Weight scale")
    times = {"drag": [], "rest": []}
    for step in range(24):
        slider.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", step)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        times["drag"].append(float(data(page)["ms"]))
    for _ in range(12):
        slider.press("ArrowLeft")
        settle(page)
        times["rest"].append(float(data(page)["ms"]))
    medians = {name: statistics.median(values) for name, values in times.items()}
    with capsys.disabled():
        print(f"\nscript per frame: drag {medians['drag']:.1f} ms, rest {medians['rest']:.1f} ms")
    assert medians["drag"] < 100
    assert medians["rest"] < 250
