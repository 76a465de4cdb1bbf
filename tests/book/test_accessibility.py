"""Every page for every reader: axe-core in both themes, zoom, reduced motion, colors of figures.

Whether a page stays without errors and asks nothing from outside is seen at the same visit.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from visits import Visit

pytestmark = [pytest.mark.book, pytest.mark.browser]

GRAVE = ("serious", "critical")
DESK = {"width": 1280, "height": 900}
# 1280 x 900 at 200 %, and a small phone.
NARROW = ({"width": 640, "height": 450}, {"width": 360, "height": 740})
# What MathJax draws is hidden from screen readers, which get the formula as MathML instead.
DRAWN_FORMULAS = "mjx-container > *"
RUN_AXE = """async ([options, formulas]) => {
  const found = await axe.run(
    { exclude: [[formulas]] }, { resultTypes: ["violations"], preload: false, ...options });
  return found.violations.map((v) => [
    v.impact, v.id, v.nodes.slice(0, 3).map((n) => n.target.join(" ") + ": " + n.failureSummary)]);
}"""
# One text of each color, size and weight on each ground, unless an earlier page had one like it:
# thousands of others look the same.
RUN_CONTRAST = """async ([formulas, known]) => {
  const seen = new Map();
  const ground = (element) => {
    let layers = "";
    for (let e = element; e; e = e.parentElement) {
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(e);
      if (opacity !== "1") layers += ` ${opacity}`;
      if (!/, 0\\)$/.test(backgroundColor) || backgroundImage !== "none")
        return `${backgroundColor} ${backgroundImage}${layers}`;
    }
    return layers;
  };
  for (const e of document.querySelectorAll("body *")) {
    const text = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
    if (!text || !e.getClientRects().length || e.closest(formulas)) continue;
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(e);
    const disabled = Boolean(e.closest(":disabled, [aria-disabled=true]"));
    const look = [color, fontSize, fontWeight, textShadow, disabled, ground(e)].join(";");
    if (!known.includes(look)) seen.set(look, e);
  }
  if (!seen.size) return [[], []];
  const found = await axe.run({ include: [...seen.values()] },
    { resultTypes: ["violations"], preload: false, runOnly: ["color-contrast"] });
  return [[...seen.keys()], found.violations.flatMap((v) =>
    v.nodes.slice(0, 5).map((n) => n.target.join(" ") + ": " + n.failureSummary))];
}"""
MOVING = """() => [...document.querySelectorAll("*")].flatMap((element) => {
  const style = getComputedStyle(element);
  const lasts = (text) => text.split(",").some((part) => parseFloat(part) > 0);
  const moves = lasts(style.animationDuration) && style.animationName !== "none";
  return moves || lasts(style.transitionDuration)
    ? [`${element.nodeName}.${element.className.baseVal ?? element.className}`] : [];
})"""
SHOWN = """() => [...document.querySelectorAll("ib-explorer")].map((e) => [
  e.querySelector(".ibx-body").innerHTML,
  ...[...e.querySelectorAll("canvas")].map((c) => c.toDataURL())])"""
CLIPPED = """() => [...document.querySelectorAll(
    "ib-explorer :is(button, select, input, summary), .ib-option, .ib-button")]
  .filter((e) => e.getClientRects().length && !e.closest(".ibx-scroll"))
  .filter((e) => {
    const box = e.getBoundingClientRect();
    const cut = e.matches("button, summary") && e.scrollWidth > e.clientWidth + 1;
    return cut || box.left < -1 || box.right > innerWidth + 1;
  }).map((e) => e.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the script of axe-core 4."""
    package = pytest.importorskip("axe_playwright_python")
    script = (Path(package.__file__).parent / "axe.min.js").read_text("utf-8")
    assert script.startswith("/*! axe v4.")
    return script


def still_visit(browser: Any, site: str) -> Visit:
    """Return a visit, no page opened yet, of a reader who asked for less motion."""
    context = browser.new_context(viewport=DESK, color_scheme="light", reduced_motion="reduce")
    visit = Visit(context, site)
    visit.page.set_default_timeout(60_000)
    return visit


@pytest.fixture(scope="module")
def visit(browser: Any, site: str, page_name: str) -> Iterator[Visit]:
    """Return a page that stands, formulas and explorers with it; loaded once for all tests."""
    visit = still_visit(browser, site)
    page = visit.go(page_name)
    page.wait_for_load_state("networkidle")
    page.wait_for_function(
        "[...document.querySelectorAll('ib-explorer')].every(e => e.dataset.ready === '1')"
    )
    yield visit
    page.context.close()


@pytest.fixture(scope="module")
def loaded(visit: Visit, axe: str) -> Any:
    """Return the page, with axe-core."""
    visit.page.evaluate(axe)
    return visit.page


def put(page: Any, scheme: str, viewport: dict[str, int]) -> None:
    """Show a page in a color scheme and a window."""
    page.set_viewport_size(viewport)
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function("s => document.documentElement.dataset.theme === s", arg=scheme)


def grave_findings(page: Any) -> list[Any]:
    """Return what axe-core finds serious or critical, colors apart."""
    without = {"rules": {"color-contrast": {"enabled": False}}}
    found = page.evaluate(RUN_AXE, [without, DRAWN_FORMULAS])
    return [violation for violation in found if violation[0] in GRAVE]


def pale_texts(page: Any, known: set[str]) -> list[str]:
    """Return the texts that axe-core finds too pale, among those that look like none known yet."""
    looks, pale = page.evaluate(RUN_CONTRAST, [DRAWN_FORMULAS, sorted(known)])
    known.update(looks)
    return list(pale)


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Return the looks of texts that were judged on an earlier page."""
    return set()


def test_a_page_asks_nothing_from_outside_and_reports_no_error(visit: Visit) -> None:
    assert not visit.outside
    assert not visit.complaints


def test_axe_finds_nothing_grave_on_a_page(loaded: Any) -> None:
    put(loaded, "light", DESK)
    assert not grave_findings(loaded)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_follows_the_scheme_and_every_text_stands_out_from_its_ground(
    loaded: Any, scheme: str, known: set[str]
) -> None:
    put(loaded, scheme, DESK)
    paper = loaded.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    )
    assert (sum(paper[:3]) > 380) == (scheme == "light")
    assert not pale_texts(loaded, known)


def test_axe_sees_what_it_must_see(browser: Any, site: str, axe: str) -> None:
    page = still_visit(browser, site).page
    page.set_content(
        "<title>t</title><html lang=en><main><h1>x</h1><img src=x>"
        "<p>dark</p><p>dark</p><p style='color:#aaa'>pale</p>"
    )
    page.evaluate(axe)
    grave, pale = grave_findings(page), pale_texts(page, set())
    page.context.close()
    assert {finding[1] for finding in grave} == {"image-alt"}
    assert len(pale) == 1
    assert "#aaaaaa" in pale[0]


@pytest.mark.parametrize("viewport", NARROW, ids=lambda viewport: viewport["width"])
def test_a_narrow_window_fits_a_page_and_cuts_no_control(
    loaded: Any, viewport: dict[str, int]
) -> None:
    put(loaded, "light", viewport)
    assert loaded.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert not loaded.evaluate(CLIPPED)


def test_nothing_on_a_page_moves_for_a_reader_who_wants_less_motion(loaded: Any) -> None:
    put(loaded, "light", DESK)
    moving = loaded.evaluate(MOVING)
    assert not moving, set(moving)


def test_an_explorer_steps_once_and_rests_for_a_reader_who_wants_less_motion(loaded: Any) -> None:
    # The last test of a page: it leaves the explorers in another state.
    put(loaded, "light", DESK)
    if not loaded.locator("ib-explorer").count():
        pytest.skip("no explorer on this page")
    for player in loaded.get_by_role("button", name=re.compile("^(Play|Next) ")).all():
        player.click()
    shown = None
    while shown != (shown := loaded.evaluate(SHOWN)):  # until the step is drawn
        loaded.wait_for_timeout(300)
    loaded.wait_for_timeout(1000)  # a step of a player takes 0.9 s
    assert loaded.evaluate(SHOWN) == shown, "an explorer moves by itself"


def luminance(color: str) -> float:
    """Return the relative luminance of ``#rrggbb`` or ``#rgb`` (WCAG 2)."""
    digits = color.lstrip("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors (WCAG 2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def explorer_colors(root: Path, scheme: str) -> dict[str, str]:
    """Return the variables of the explorers' style in one scheme."""
    style = (root / "ibcore" / "explorers" / "static" / "style.css").read_text("utf-8")
    rules = dict(re.findall(r'^(\.ibx|\.ibx\[data-dark="1"\]) \{\n(.*?)^\}', style, re.M | re.S))
    body = rules[".ibx" if scheme == "light" else '.ibx[data-dark="1"]']
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6});", body))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_ink_of_the_explorers_stands_out_from_its_paper(root: Path, scheme: str) -> None:
    colors = explorer_colors(root, scheme)
    for ink in ("now", "pin", "third", "focus"):
        for paper in ("paper", "wash"):
            assert contrast(colors[ink], colors[paper]) >= 3, (ink, paper)
    for text in ("ink", "soft"):
        assert contrast(colors[text], colors["paper"]) >= 4.5, text


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("paper", ["#ffffff", "#121212"])
def test_every_color_of_a_figure_stands_out_from_the_page(paper: str) -> None:
    from ibcore.plots import STYLES

    pale = {name: color for name, (color, *_) in STYLES.items() if contrast(color, paper) < 3}
    assert not pale
