"""Nothing lies on anything else: texts, controls and curves of all pages and slides, at all widths.

Axe sees the contrast of text on a page, but not that of text in a drawing: it is measured here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from visits import Visit

pytestmark = [pytest.mark.book, pytest.mark.browser]

WIDTHS = (390, 1440)
ALL_WIDTHS = (320, 360, 480, 600, 768, 960, 1024, 1280, 1920)
TALLEST = 16_000  # pixels that a screen of the browser may have
GEOMETRY = Path(__file__).with_name("geometry.js").read_text("utf-8")
STANDS = "[...document.querySelectorAll('ib-explorer')].every(e => e.dataset.ready === '1')"
UNFOLD = "document.querySelectorAll('.ibx-more').forEach((e) => { e.open = true; })"
FRAMES = """(n) => new Promise((done) => {
  const next = (left) => (left ? requestAnimationFrame(() => next(left - 1)) : done());
  next(n);
})"""


@pytest.fixture(scope="module")
def page(browser: Any, site: str, page_name: str) -> Iterator[Any]:
    """Return a page that stands, its folded controls open; loaded once for all widths."""
    context = browser.new_context(color_scheme="light", reduced_motion="reduce")
    page = Visit(context, site).go(page_name)
    page.wait_for_load_state("networkidle")
    page.wait_for_function(STANDS)
    page.evaluate(UNFOLD)
    page.evaluate(GEOMETRY)
    yield page
    context.close()


def widen(page: Any, width: int) -> None:
    """Show a page at a width and at its whole height."""
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(FRAMES, 3)
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(height, TALLEST)})
    page.evaluate(FRAMES, 3)


def set_scheme(page: Any, scheme: str) -> None:
    """Show a page in a color scheme."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function("s => document.documentElement.dataset.theme === s", arg=scheme)
    page.evaluate(FRAMES, 3)


@pytest.mark.parametrize(
    "width", [*WIDTHS, *(pytest.param(width, marks=pytest.mark.slow) for width in ALL_WIDTHS)]
)
def test_no_text_lies_on_a_text_a_control_or_a_curve(page: Any, width: int) -> None:
    widen(page, width)
    assert page.evaluate("overlaps()") == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_text_of_a_drawing_stands_out_from_what_is_behind_it(
    page: Any, width: int, scheme: str
) -> None:
    widen(page, width)
    set_scheme(page, scheme)
    assert page.evaluate("paleDrawings()") == []


SLIDES = """async () => {
  const frames = (n) => n ? new Promise(requestAnimationFrame).then(() => frames(n - 1)) : null;
  const bad = [];
  for (let i = 0; i < ibDeck.getTotalSlides(); i++) {
    ibDeck.slide(i);
    await frames(3);
    for (const found of overlaps()) bad.push(`slide ${i}: ${found}`);
  }
  return bad;
}"""


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_no_text_of_a_slide_lies_on_another_a_control_or_a_curve(
    browser: Any, html: Path, step: int
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
    page = context.new_page()
    found = {}
    for deck in sorted((html / "slides").glob("*.html"))[::step]:
        page.goto(deck.as_uri())
        page.wait_for_function("document.documentElement.dataset.ready === '1'", timeout=60_000)
        page.evaluate(GEOMETRY)
        found[deck.name] = page.evaluate(SLIDES)
    context.close()
    assert {name: bad for name, bad in found.items() if bad} == {}


SOUND = """<style>body{font:16px/24px sans-serif} svg{display:block}</style><main>
<p id="first">First line</p><p id="second">Second line</p>
<p><label id="label" for="slider">Random starts</label><br><input id="slider" type="range"></p>
<figure class="ib-figure"><svg width="200" height="100" viewBox="0 0 200 100">
<g id="line2d_1"><path d="M0 20H120" fill="none" stroke="black"/></g>
<text id="name" x="130" y="24" fill="black">name</text></svg></figure></main>"""


@pytest.mark.parametrize(
    ("mistake", "finding"),
    [
        ("", None),
        ("#second { transform: translateY(-40px) }", "\N{LEFT DOUBLE QUOTATION MARK}First line"),
        ("#label { position: relative; top: 24px }", "<input"),
        ("#name { transform: translateX(-60px) }", "a curve through"),
    ],
    ids=["sound", "text on text", "label on slider", "name on curve"],
)
def test_a_label_that_is_moved_on_purpose_is_found(
    browser: Any, mistake: str, finding: str | None
) -> None:
    page = browser.new_page()
    page.set_content(f"<style>{mistake}</style>{SOUND}")
    page.evaluate(GEOMETRY)
    found = page.evaluate("overlaps()")
    page.close()
    assert (finding in found[0]) if finding else not found


@pytest.mark.parametrize(("ink", "pale"), [("black", 0), ("#999", 1)])
def test_text_of_a_drawing_that_is_too_pale_is_found(browser: Any, ink: str, pale: int) -> None:
    page = browser.new_page()
    page.set_content(SOUND)
    page.add_style_tag(content=f"html {{ background: white }} #name {{ fill: {ink} }}")
    page.evaluate(GEOMETRY)
    found = page.evaluate("paleDrawings()")
    page.close()
    assert len(found) == pale
