"""The map of complexity in a browser: cells, keyboard, pointer, words, a kernel."""

import pytest
import torch
from hosts import DESK, PHONE, data, live, pictures, watch_words

from ibcore.explorers import ComplexityMap
from ibcore.redshift import fourier_complexity

pytestmark = pytest.mark.browser


@pytest.fixture
def figure(map_frame):
    return ComplexityMap(frame=map_frame)


def settle(page, params):
    """Wait until the network of these parameters is drawn on the full grid."""
    page.wait_for_function(
        """p => { const d = document.querySelector('.ibx').dataset;
             const same = ([name, value]) => d[name] === String(value);
             return d.grid === '64' && Object.entries(p).every(same); }""",
        arg={"weightScale" if k == "weight_scale" else k: v for k, v in params.items()},
    )


def assert_shows(page, figure, params):
    """Compare the network in the picture with ibcore's, in both transforms."""
    settle(page, params)
    shown = data(page)
    values = torch.from_numpy(figure.network_values(params))[None]
    for transform in ("dct", "fft"):
        expected = float(fourier_complexity(values, transform=transform)[0])
        assert float(shown[transform]) == pytest.approx(expected, abs=1e-3)
    assert float(shown["complexity"]) == float(shown[params["transform"]])
    assert float(shown["max"]) == pytest.approx(float(values.max()), rel=1e-6)


def test_every_control_changes_the_figure_to_what_ibcore_computes(visits, figure):
    page = visits.show(figure)
    params = figure.initial()
    assert_shows(page, figure, params)
    before = pictures(page)
    page.get_by_role("slider", name="Seed").press("ArrowRight")
    assert_shows(page, figure, params := {**params, "seed": 1})
    assert pictures(page) != before
    page.get_by_role("combobox", name="Activation").select_option("ReLU")
    assert_shows(page, figure, params := {**params, "activation": "relu"})
    page.get_by_role("button", name="New draw").click()
    assert_shows(page, figure, params := {**params, "seed": 2})
    page.get_by_role("radio", name="plain Fourier").check()
    assert_shows(page, figure, {**params, "transform": "fft"})
    page.get_by_role("button", name="Reset").click()
    assert_shows(page, figure, figure.initial())
    assert pictures(page) == before


def test_arrow_keys_move_the_chosen_cell_and_stop_at_the_border(visits, figure):
    page = visits.show(figure)
    chosen = page.locator("[role=gridcell][aria-selected=true]")
    assert chosen.count() == 1
    chosen.focus()
    steps = {
        "ArrowUp": (3, 16.0),
        "PageUp": (3, 16.0),
        "ArrowRight": (5, 16.0),
        "End": (5, 16.0),
        "PageDown": (5, 0.5),
        "ArrowDown": (5, 0.5),
        "Home": (1, 0.5),
        "ArrowLeft": (1, 0.5),
    }
    for key, (depth, weight_scale) in steps.items():
        page.keyboard.press(key)
        params = {**figure.initial(), "depth": depth, "weight_scale": weight_scale}
        assert_shows(page, figure, params)
        focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert focused.startswith(f"depth {depth}, weight scale {weight_scale:#.3g}:"), key
        assert chosen.evaluate("e => e === document.activeElement")
    assert page.locator("[role=gridcell][tabindex='0']").count() == 1


def test_the_cell_under_the_pointer_is_drawn_until_the_pointer_leaves(visits, figure):
    page = visits.show(figure)
    settle(page, figure.initial())
    before = pictures(page)
    page.get_by_role("gridcell", name="depth 5, weight scale 16.0").hover()
    assert_shows(page, figure, {**figure.initial(), "depth": 5, "weight_scale": 16.0})
    page.mouse.move(1, 1)
    assert_shows(page, figure, figure.initial())
    assert pictures(page) == before
    page.get_by_role("gridcell", name="depth 5, weight scale 16.0").click()
    page.mouse.move(1, 1)
    assert_shows(page, figure, {**figure.initial(), "depth": 5, "weight_scale": 16.0})


def test_a_pointer_that_leaves_the_chosen_cell_changes_nothing(visits, figure):
    page = visits.show(figure)
    settle(page, figure.initial())
    page.evaluate(
        """() => { window.drawn = 0; new MutationObserver(() => window.drawn++)
             .observe(document.querySelector('.ibx'), {attributeFilter: ['data-ms']}); }"""
    )
    page.get_by_role("gridcell", name="depth 3, weight scale 4.00").hover()
    page.mouse.move(1, 1)
    page.wait_for_timeout(400)
    assert page.evaluate("window.drawn") == 0


@pytest.mark.parametrize("transform", ["dct", "fft"])
def test_cells_show_and_say_their_mean_interval_and_number(visits, map_frame, transform):
    figure = ComplexityMap(transform=transform, frame=map_frame)
    page = visits.show(figure)
    mean, low, high, n = figure.setup()["cells"]["tanh"][transform][4]
    cell = page.get_by_role("gridcell", name="depth 3, weight scale 4.00")
    assert cell.inner_text() == f"{mean:.3f}".removeprefix("0")
    assert cell.get_attribute("aria-label").endswith(
        f"mean {mean:.3f}, 95 % interval {low:.3f} to {high:.3f}, n = {n}"
    )
    dead = page.get_by_role("gridcell", name="depth 5, weight scale 0.500")
    assert dead.inner_text() == "none"
    assert "no complexity" in dead.get_attribute("aria-label")
    cells = page.get_by_role("gridcell")
    assert cells.count() == 9
    assert len(set(cells.evaluate_all("all => all.map(e => e.style.background)"))) > 3


def test_numbers_can_be_read_on_every_color_of_the_map(visits, figure):
    page = visits.open(figure.to_html(inline_js=True))
    page.wait_for_selector('.ibx[data-ready="1"]')
    contrast = """() => [...Array(56).keys()].map(i => {
      const { background, color } = IBExplorers.cellColors(i / 100);
      const light = (rgb) => rgb.map(c => c / 255)
        .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, k) => sum + c * [.2126, .7152, .0722][k], 0);
      const [a, b] = [light(background.match(/\\d+/g).map(Number)), color === '#000' ? 0 : 1];
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    })"""
    assert min(page.evaluate(contrast)) >= 4.5


def test_the_story_of_the_floor_follows_the_transform(visits, figure):
    page = visits.show(figure)
    references = figure.setup()["references"]
    story = page.locator(".ibx-story")
    assert f"a straight ramp has complexity {references['dct']['ramp']:.3f}" in story.inner_text()
    page.get_by_role("radio", name="plain Fourier").check()
    page.wait_for_function("document.querySelector('.ibx-story').textContent.includes('floor')")
    assert f"even a straight ramp has {references['fft']['ramp']:.3f}" in story.inner_text()
    lowest = min(row[0] for row in figure.setup()["cells"]["tanh"]["fft"] if row[0] is not None)
    assert f"the lowest cell of this map has {lowest:.3f}" in story.inner_text()


def test_the_status_tells_where_the_numbers_come_from(visits):
    figure = ComplexityMap("relu")
    page = visits.show(figure)
    settle(page, figure.initial())
    source = figure.setup()["source"]
    status = page.locator(".ibx-status").inner_text()
    assert f"redshift.activations, tier {source['tier']}, {source['date']}" in status


def test_another_grid_than_the_measured_one_is_admitted(visits, map_frame):
    figure = ComplexityMap(frame=map_frame.assign(grid=300))
    page = visits.show(figure)
    settle(page, figure.initial())
    assert "measured on 300 \N{MULTIPLICATION SIGN} 300" in page.locator(".ibx-status").inner_text()


def test_the_tables_hold_every_cell_and_the_network(visits, figure):
    page = visits.show(figure)
    settle(page, figure.initial())
    page.get_by_text("Table of the numbers").click()
    page.locator(".ibx table").last.wait_for()
    cells, network = page.locator(".ibx table").all()
    assert cells.locator("tbody tr").count() == 9
    mean, low, high, n = figure.setup()["cells"]["tanh"]["dct"][4]
    assert f"4.00\t3\t{mean:.3f}\t{low:.3f}\t{high:.3f}\t{n}" in cells.inner_text()
    assert f"complexity, cosine\t{float(data(page)['dct']):.3f}" in network.inner_text()


def test_a_chosen_cell_is_announced_once_it_is_at_rest(visits, figure):
    page = visits.show(figure)
    said = watch_words(page)
    page.locator("[role=gridcell][aria-selected=true]").focus()
    for key in ("ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    words = said()
    assert len(words) == 1
    assert "weight scale 16.0, depth 5, width 16, seed 0" in words[0]
    assert (
        f"Complexity of this network, cosine transform: {float(data(page)['dct']):.3f}" in words[0]
    )
    assert "n = 6" in words[0]


def test_with_a_kernel_the_network_at_rest_is_that_of_ibcore(visits, figure):
    page, asked = live(visits, figure, mark={"dct": 0.25})
    assert data(page)["complexity"] == "0.25"
    page.get_by_role("slider", name="Seed").press("ArrowRight")
    settle(page, {"seed": 1, "engine": "kernel"})
    assert "by ibcore" in page.locator(".ibx-status").inner_text()
    assert asked[-1] == {**figure.initial(), "seed": 1}
    assert data(page)["complexity"] == "0.25"


@pytest.mark.slow  # by the clock
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_the_published_map_is_drawn_quickly(visits, viewport, capsys):
    figure = ComplexityMap("tanh", depth=3, weight_scale=4)
    page = visits.show(figure, viewport=viewport)
    page.locator("[role=gridcell][aria-selected=true]").focus()
    times = []
    moves = {"ArrowRight": (4, 4), "ArrowDown": (4, 2), "ArrowLeft": (3, 2), "ArrowUp": (3, 4)}
    for key, (depth, weight_scale) in [*moves.items()] * 2:
        page.keyboard.press(key)
        settle(page, {"depth": depth, "weight_scale": weight_scale})
        times.append(float(data(page)["ms"]))
    with capsys.disabled():
        print(f"\nmap, script per cell: {sorted(times)[4]:.1f} ms")
    assert sorted(times)[4] < 250
