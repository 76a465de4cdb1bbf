"""What a first visit costs: bytes, jumps of the text, and seconds on a slow phone."""

import json
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lean_pages
import lean_styles
import pytest
from gzip_site import GzipSite

pytestmark = [pytest.mark.book, pytest.mark.browser]

LANDING = "book/intro.html"
FRONT = (LANDING, "book/start/tour.html")
HEAVIEST = "notebooks/redshift/result.html"  # of the chapters, in bytes
MOST_BYTES = 1_000_000
MOST_SHIFT = 0.1  # where Lighthouse's green ends; the aim is 0
WINDOWS = {"phone": {"width": 360, "height": 740}, "desk": {"width": 1280, "height": 900}}
# Lighthouse's slow 4G and mid-range phone.
SLOW_4G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 // 8,
    "uploadThroughput": 750_000 // 8,
}
SLOWER_CPU = 4
MOST_BYTES_FIRST = 250_000  # what the slow network brings within the target
TARGET_S = 2.0
MOST_VISITS = 8

HELPERS = {"bootstrap.js", "pydata-sphinx-theme.js", "doctools.js", "ibbook.js"}
TRACED = ["blink.user_timing", "disabled-by-default-devtools.timeline"]

WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (!entry.hadRecentInput)
      window.shifts.push([entry.value, ...entry.sources.map(
        (s) => s.node && (s.node.id || s.node.className || s.node.nodeName))]);
}).observe({ type: "layout-shift", buffered: true });
"""
SCROLL = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const step = innerHeight;
  for (let y = 0; y < document.documentElement.scrollHeight; y += step) {
    scrollTo({ top: y, behavior: "instant" });
    await frame(); await frame();
  }
  return window.shifts;
}"""
WATCH_READY = """
new MutationObserver(() => {
  const first = document.querySelector("ib-explorer");
  if (first && first.dataset.ready === "1" && !window.answered)
    window.answered = performance.mark("ib-answered").startTime;
}).observe(document, { subtree: true, childList: true, attributeFilter: ["data-ready"] });
"""
ARRIVED = """() => window.answered && ["navigation", "resource"]
  .flatMap((kind) => performance.getEntriesByType(kind))
  .filter((entry) => 0 < entry.responseEnd && entry.responseEnd <= window.answered)
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""


@pytest.fixture(scope="session")
def packed(html: Path) -> Iterator[GzipSite]:
    """Serve the built book compressed."""
    with GzipSite(html).running() as site:
        yield site


def arrive(browser: Any, packed: GzipSite, name: str, window: str, script: str) -> Any:
    """Return a page at its first visit: nothing is cached."""
    page = browser.new_context(viewport=WINDOWS[window]).new_page()
    page.set_default_timeout(60_000)
    page.add_init_script(script)
    packed.sent.clear()
    page.goto(packed.address + name)
    return page


def shift_while_reading(page: Any) -> float:
    """Return how much of the text jumped while the page loaded and was scrolled to its end."""
    page.wait_for_load_state("networkidle")
    return float(sum(shift[0] for shift in page.evaluate(SCROLL)))


def test_a_page_is_light_and_its_text_stays_where_it_is_on_a_phone(
    browser: Any, packed: GzipSite, page_name: str
) -> None:
    page = arrive(browser, packed, page_name, "phone", WATCH_SHIFTS)
    shift = shift_while_reading(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    page.context.close()
    assert width <= WINDOWS["phone"]["width"]
    assert sum(packed.sent.values()) <= MOST_BYTES, sorted(packed.sent.items(), key=lambda x: -x[1])
    assert shift < MOST_SHIFT


def test_nothing_jumps_on_a_desk_when_explorers_appear(
    browser: Any, packed: GzipSite, explorer_page: str
) -> None:
    page = arrive(browser, packed, explorer_page, "desk", WATCH_SHIFTS)
    shift = shift_while_reading(page)
    page.context.close()
    assert shift < MOST_SHIFT


def slow_phone(browser: Any, *, slower_cpu: float) -> Any:
    """Return a page on a slow phone; it sets a mark when its first explorer answers."""
    page = browser.new_context(viewport=WINDOWS["phone"]).new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(WATCH_READY)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slower_cpu})
    return page


@dataclass(frozen=True)
class FirstAnswer:
    """What stood before the first answer: bytes sent and work of the page's main thread."""

    bytes: int
    work_s: float


def work_before_the_mark(trace: list[dict[str, Any]]) -> float:
    """Return the seconds of processor time of the page's main thread until it set the mark.

    Time in which the thread waited for a core is not in it: other work on the machine adds little.
    """
    mark = next(event for event in trace if event["name"] == "ib-answered")
    tasks = (
        event
        for event in trace
        if event["name"] == "RunTask"
        and (event["pid"], event["tid"]) == (mark["pid"], mark["tid"])
        and event["ts"] <= mark["ts"]
    )
    return float(sum(task.get("tdur", 0) for task in tasks)) / 1e6


def first_answer(browser: Any, packed: GzipSite, name: str) -> FirstAnswer:
    """Visit a page over a slow network and return what its first explorer had to wait for."""
    page = slow_phone(browser, slower_cpu=1)
    browser.start_tracing(page=page, categories=TRACED)
    page.goto(packed.address + name, wait_until="commit")
    arrived = int(page.wait_for_function(ARRIVED).json_value())
    trace = json.loads(browser.stop_tracing())["traceEvents"]
    page.context.close()
    return FirstAnswer(bytes=arrived, work_s=work_before_the_mark(trace))


@pytest.mark.parametrize("name", [LANDING, HEAVIEST])
def test_few_bytes_stand_before_the_first_answer(browser: Any, packed: GzipSite, name: str) -> None:
    assert 0 < first_answer(browser, packed, name).bytes < MOST_BYTES_FIRST


@pytest.mark.slow  # by the speed of the processor
@pytest.mark.parametrize(("name", "most_work_s"), [(LANDING, 0.7), (HEAVIEST, 1.4)])
def test_little_work_stands_before_the_first_answer(
    browser: Any, packed: GzipSite, record_property: Any, name: str, most_work_s: float
) -> None:
    found = first_answer(browser, packed, name)
    record_property("work_s", found.work_s)
    assert 0 < found.work_s < most_work_s, found


def seconds_to_the_first_answer(browser: Any, packed: GzipSite, name: str) -> float:
    """Return the time from the request until the first explorer answers, on a slow phone."""
    page = slow_phone(browser, slower_cpu=SLOWER_CPU)
    page.goto(packed.address + name, wait_until="commit")
    answered = page.wait_for_function("window.answered").json_value()
    page.context.close()
    return float(answered) / 1000


def fastest_answer(browser: Any, packed: GzipSite, name: str) -> list[float]:
    """Return the seconds of visits, up to the first that meets the target.

    Other work on the machine makes visits longer, never shorter: one that is fast enough shows that
    the page is.
    """
    seconds: list[float] = []
    while len(seconds) < MOST_VISITS and min(seconds, default=TARGET_S) >= TARGET_S:
        seconds.append(seconds_to_the_first_answer(browser, packed, name))
    return seconds


@pytest.mark.slow  # by the clock
@pytest.mark.parametrize("name", FRONT)
def test_the_front_door_answers_a_slow_phone_in_two_seconds(
    browser: Any, packed: GzipSite, record_property: Any, name: str
) -> None:
    seconds = fastest_answer(browser, packed, name)
    record_property("seconds", seconds)
    assert min(seconds) < TARGET_S, seconds


@pytest.mark.slow
def test_every_explorer_answers_a_slow_phone_soon(
    browser: Any, packed: GzipSite, record_property: Any, explorer_page: str
) -> None:
    seconds = [seconds_to_the_first_answer(browser, packed, explorer_page) for _ in range(5)]
    record_property("seconds", seconds)
    print(f"first answer after {statistics.median(seconds):.2f} s (median of 5 visits)")
    # The heaviest chapter needed 1.6 to 2.6 s, the others meet the target of the front door.
    assert min(seconds) < (1.5 if explorer_page == HEAVIEST else 1) * TARGET_S, seconds


def test_every_icon_on_the_pages_is_in_the_small_font(html: Path, page_name: str) -> None:
    page = (html / page_name).read_text("utf-8")
    icons = {
        name
        for classes in re.findall(r'<i class="([^"]*)"', page)
        for name in lean_styles.NAME.findall(classes)
    }
    known = lean_styles.codes((html / Path("_static", lean_styles.SHEET)).read_text("utf-8"))
    full = lean_styles.codes(lean_styles.theme_style())
    assert icons & full.keys()
    assert not (icons & full.keys()) - known.keys()


def test_the_small_font_draws_every_icon_that_is_named() -> None:
    from fontTools.ttLib import TTFont

    style = lean_styles.theme_style()
    wanted = lean_styles.used_characters(style, lean_styles.named_icons())
    fonts = lean_styles.theme_folder(lean_styles.THEMES[0]).glob("theme/**/webfonts/*.ttf")
    drawn: set[int] = set()
    for font in fonts:
        if data := lean_styles.subset(font, wanted):
            from io import BytesIO

            assert len(data) < 10_000
            drawn |= TTFont(BytesIO(data)).getBestCmap().keys()
    assert {ord(char) for char in wanted} == drawn


def test_only_the_page_of_search_results_loads_the_index(html: Path, page_name: str) -> None:
    assert "searchindex.js" not in (html / page_name).read_text("utf-8")
    assert "searchindex.js" in (html / "search.html").read_text("utf-8")


def test_formulas_wait_for_all_else_and_other_scripts_do_not_block() -> None:
    page = (
        '<link rel="preload" as="script" href="_static/scripts/bootstrap.js?digest=1" />\n'
        '<script src="_static/doctools.js?v=1"></script>'
        '<script defer="defer" src="_static/mathjax/tex-chtml.js?v=1"></script>'
        '<script defer="defer" src="_static/explorers/RandomNetwork.js?v=1"></script>'
        '<script src="_static/documentation_options.js"></script>'
        '<script defer src="_static/scripts/bootstrap.js?digest=1"></script>'
    )
    assert lean_pages.mended(page) == (
        '<script defer fetchpriority="low" src="_static/doctools.js?v=1"></script>'
        '<script async fetchpriority="low" src="_static/mathjax/tex-chtml.js?v=1"></script>'
        '<script async fetchpriority="high" src="_static/explorers/RandomNetwork.js?v=1"></script>'
        '<script src="_static/documentation_options.js"></script>'
        '<script defer fetchpriority="low" src="_static/scripts/bootstrap.js?digest=1"></script>'
    )


def test_on_every_page_formulas_and_helpers_wait_for_the_explorers(
    html: Path, explorer_page: str
) -> None:
    page = (html / explorer_page).read_text("utf-8")
    by_name = {name: how for how, name in re.findall(r'<script ([^>]*)src="[^"]*/([^"/?]*)', page)}
    [explorers] = re.findall(r'<script ([^>]*)src="[^"]*_static/explorers/', page)
    assert explorers == 'async fetchpriority="high" '
    assert by_name.get("tex-chtml.js", 'async fetchpriority="low" ') == 'async fetchpriority="low" '
    others = {how for name, how in by_name.items() if name in HELPERS}
    assert others == {'defer fetchpriority="low" '}


def test_parameters_of_a_long_signature_are_a_list_and_what_opens_has_a_name() -> None:
    page = (
        '<dl class="py"><dt class="sig py">f(<dl>\n<dd>a,</dd>\n</dl>)</dt><dd>Text</dd></dl>'
        '<li><a href="x">Reference</a><details open="open"><summary><i></i></summary>'
    )
    assert lean_pages.mended(page) == (
        '<dl class="py"><dt class="sig py">f(<ul class="ib-parameters">\n<li>a,</li>\n</ul>)</dt>'
        "<dd>Text</dd></dl>"
        '<li><a href="x">Reference</a><details open="open">'
        '<summary aria-label="Pages of Reference"><i></i></summary>'
    )
