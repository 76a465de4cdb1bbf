"""The state of every explorer stands in the address of the page, and an address gives it back."""

import pytest
from hosts import next_frame, stop_clock, watch_words

from ibcore.explorers import DiagonalNetwork, ImageSpectrum, RandomNetwork, StepBudget, base

pytestmark = pytest.mark.browser

PARAMS = "() => [...document.querySelectorAll('ib-explorer')].map((e) => e.model.get('params'))"
NOTICES = "() => [...document.querySelectorAll('.ibx-notice')].map((e) => e.textContent)"


@pytest.fixture(scope="module")
def budget():
    """Return a dashboard of stored numbers."""
    return StepBudget()


def page_of(*figures):
    """Return the body of a page with anchors around its figures."""
    parts = "".join(figure.to_html() for figure in figures)
    return f"<h2 id='above'>a</h2>{parts}<h2 id='below'>b</h2><script>{base.script()}</script>"


def opened(visits, figures, fragment="", **options):
    """Open a page at a fragment of its address, and wait until its figures are at rest."""
    page = visits.open(page_of(*figures), **options)
    if fragment:
        arrive(page, fragment)
    settled(page, len(figures))
    return page


def arrive(page, fragment):
    """Open the page as a reader who was sent a link."""
    url = page.url.split("#")[0]
    page.goto("about:blank")
    page.goto(url + fragment)


def follow(page, fragment):
    """Follow a link in the page."""
    page.evaluate("(to) => { location.hash = to; }", fragment)
    next_frame(page)
    settled(page)


def settled(page, figures=1):
    """Wait until figures are drawn and nothing is drawn any more."""
    ready = f"document.querySelectorAll('.ibx[data-ready=\"1\"]').length >= {figures}"
    page.wait_for_function(ready)
    next_frame(page)
    next_frame(page)


def fragment_of(page, wanted):
    """Wait until the address ends as it should; return its end."""
    page.wait_for_function("(wanted) => location.hash === wanted", arg=wanted)
    return page.evaluate("location.hash")


def params(page, name):
    """Return a parameter of each figure."""
    return [each.get(name) for each in page.evaluate(PARAMS)]


def test_a_dashboard_writes_its_state_and_an_address_gives_it_back(visits, budget):
    page = opened(visits, [budget])
    page.get_by_role("slider", name="Examples").press("ArrowRight")
    page.get_by_role("checkbox").check()
    support = budget.initial()["support"]
    larger = budget.setup()["choices"]["support"]
    moved = larger[larger.index(support) + 1]
    written = fragment_of(page, f"#StepBudget?support={moved}&descent=true")
    arrive(page, written)
    settled(page)
    assert params(page, "support") == [moved]
    assert page.get_by_role("checkbox").is_checked()
    assert page.evaluate(NOTICES) == [""]


def test_reset_cleans_the_address(visits):
    page = opened(visits, [RandomNetwork()], "#RandomNetwork?depth=5")
    assert params(page, "depth") == [5]
    page.get_by_role("button", name="Reset").click()
    fragment_of(page, "#RandomNetwork")
    assert params(page, "depth") == [3]


def test_a_live_explorer_takes_any_number_between_the_ends_of_a_slider(visits):
    page = opened(visits, [RandomNetwork()], "#RandomNetwork?weight_scale=1.5&norm=layer&seed=7")
    [state] = page.evaluate(PARAMS)
    assert state["weight_scale"] == pytest.approx(2**0.5)  # the nearest that the slider has
    assert (state["norm"], state["seed"], state["depth"]) == ("layer", 7, 3)
    assert "seed 7" in page.locator(".ibx-caption").first.inner_text()


def test_several_explorers_of_a_page_are_told_apart(visits, budget):
    figures = [RandomNetwork(), budget, RandomNetwork(depth=2)]
    page = opened(visits, figures, "#above?RandomNetwork.seed=4&RandomNetwork-2.seed=9")
    assert params(page, "seed") == [4, None, 9]
    page.get_by_role("slider", name="Width").last.press("ArrowLeft")
    fragment_of(page, "#above?RandomNetwork.seed=4&RandomNetwork-2.width=16&RandomNetwork-2.seed=9")


def test_the_anchor_is_the_figure_that_moved_unless_the_page_has_one(visits, budget):
    page = opened(visits, [RandomNetwork(), budget])
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    fragment_of(page, "#RandomNetwork?depth=4")
    page.get_by_role("checkbox", name="Best plain descent").check()
    fragment_of(page, "#StepBudget?RandomNetwork.depth=4&descent=true")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("dpeth=4", "dpeth=4"),
        ("depth=99", "depth=99"),
        ("depth=four", "depth=four"),
        ("depth=", "depth="),
        ("activation=toString", "activation=toString"),
        ("constructor=1", "constructor=1"),
        ("seed=4&width=<b>8</b>", "width=<b>8</b>"),
    ],
)
def test_a_broken_state_gives_the_default_and_says_so(visits, setting, said):
    page = opened(visits, [RandomNetwork()], f"#RandomNetwork?{setting}")
    words = f"The address has {said}, which is not possible here; the default is shown."
    assert page.evaluate(NOTICES) == [words]
    assert page.locator(".ibx-notice").is_visible()
    assert page.evaluate(PARAMS) == [RandomNetwork().initial()]
    page.wait_for_function("document.querySelector('.ibx [aria-live]').textContent")
    live = page.locator(".ibx [aria-live]").text_content()
    assert live.startswith(words)
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    assert page.evaluate(NOTICES) == [""]
    fragment_of(page, "#RandomNetwork?depth=4")


def test_a_broken_state_of_one_figure_leaves_the_others(visits, budget):
    page = opened(
        visits, [RandomNetwork(), budget], "#StepBudget?support=7.5x&RandomNetwork.seed=3"
    )
    assert params(page, "seed")[0] == 3
    notices = page.evaluate(NOTICES)
    assert notices[0] == ""
    assert "support=7.5x" in notices[1]


def test_an_unknown_figure_is_named(visits):
    page = opened(visits, [RandomNetwork()], "#below?RandomNet.seed=3")
    words = "The address has seed=3 for “RandomNet”, but no figure here has this name."
    assert page.evaluate(NOTICES) == [words]


def test_links_and_back_and_forward(visits):
    page = opened(visits, [RandomNetwork()])
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    fragment_of(page, "#RandomNetwork?depth=4")
    follow(page, "#RandomNetwork?depth=6&seed=2")
    assert (params(page, "depth"), params(page, "seed")) == ([6], [2])
    follow(page, "#below")  # a heading: the figure stays, and so does its state
    assert params(page, "depth") == [6]
    fragment_of(page, "#below?RandomNetwork.depth=6&RandomNetwork.seed=2")
    for way, depth in (("back", 6), ("back", 4), ("forward", 6)):
        page.evaluate(f"history.{way}()")
        page.wait_for_function(f"({PARAMS})()[0].depth === {depth}")


def test_back_to_a_page_that_nobody_had_touched_is_its_start(visits):
    page = opened(visits, [RandomNetwork()])
    follow(page, "#RandomNetwork?seed=5")
    assert params(page, "seed") == [5]
    page.evaluate("history.back()")
    page.wait_for_function(f"({PARAMS})()[0].seed === 0")
    assert page.evaluate("location.hash") == ""


def test_a_link_that_is_followed_is_announced(visits):
    page = opened(visits, [RandomNetwork()])
    said = watch_words(page)
    page.evaluate("() => { location.hash = '#RandomNetwork?seed=5'; }")
    assert "seed 5" in said()[-1]


def test_an_address_is_written_once_for_a_drag(visits):
    page = opened(visits, [RandomNetwork()])
    stop_clock(page)
    page.evaluate(
        """() => { window.written = []; const replace = history.replaceState.bind(history);
             history.replaceState = (state, title, url) => {
               window.written.push(url); replace(state, title, url); }; }"""
    )
    for _ in range(12):
        page.get_by_role("slider", name="Seed").press("ArrowRight")
    assert page.evaluate("window.written") == []
    page.evaluate("window.rest()")
    [url] = page.evaluate("window.written")
    assert url.endswith("#RandomNetwork?seed=12")


def test_the_page_goes_to_the_anchor_of_its_address(visits):
    tall = "<p style='height: 3000px'>x</p>"
    page = visits.open(tall + page_of(RandomNetwork()) + tall)
    arrive(page, "#RandomNetwork?depth=5")
    settled(page)
    page.wait_for_function("scrollY > 2500")
    arrive(page, "#above?RandomNetwork.depth=5")
    settled(page)
    page.wait_for_function("scrollY > 2500")


def test_a_frame_has_no_address(visits):
    page = visits.open("<iframe id='f' style='width: 900px; height: 900px'></iframe>")
    page.evaluate(
        "(html) => { document.querySelector('#f').srcdoc = html; }", page_of(RandomNetwork())
    )
    inside = page.frame_locator("#f")
    inside.locator('.ibx[data-ready="1"]').wait_for()
    inside.get_by_role("slider", name="Depth").press("ArrowRight")
    inside.locator(".ibx-caption", has_text="depth 4").wait_for()
    assert inside.get_by_role("button", name="Copy link").count() == 0
    frame = page.frames[1]
    assert frame.evaluate(
        "[location.hash, history.state, document.querySelector('ib-explorer').id]"
    ) == [
        "",
        None,
        "",
    ]


def test_jupyterlab_keeps_its_address(visits):
    page = visits.open(
        "<script>document.body.dataset.jpThemeLight = 'true'</script>" + page_of(RandomNetwork())
    )
    settled(page)
    stop_clock(page)
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    page.evaluate("window.rest()")
    assert page.evaluate("location.hash") == ""
    assert page.get_by_role("button", name="Copy link").count() == 0


def test_the_button_copies_a_link_to_its_own_figure(visits, budget):
    page = opened(visits, [RandomNetwork(), budget], "#above?StepBudget.descent=true")
    page.evaluate(
        "() => Object.defineProperty(navigator, 'clipboard', { value: {"
        " writeText: async (text) => { window.copied = text; } } })"
    )
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    page.get_by_role("button", name="Copy link to this state").first.press("Enter")
    page.wait_for_function("window.copied")
    assert page.evaluate("copied").endswith("#RandomNetwork?depth=4")
    assert page.locator(".ibx-status").first.inner_text() == "The link to this state is copied."
    live = page.locator(".ibx [aria-live]").first
    page.wait_for_function("(e) => e.textContent.includes('copied')", arg=live.element_handle())


def test_without_a_clipboard_the_address_bar_has_the_link(visits):
    page = opened(visits, [RandomNetwork(seed=1)])
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    page.get_by_role("button", name="Copy link to this state").click()
    page.get_by_text("the link stands in the address bar").first.wait_for()
    fragment_of(page, "#RandomNetwork?depth=4")


def test_a_picture_of_ones_own_is_in_no_link(visits):
    page = opened(visits, [ImageSpectrum()], "#ImageSpectrum?preset=wave&cycles=3")
    assert "wave" in page.get_by_role("application").get_attribute("aria-label")
    page.get_by_role("button", name="Invert").click()
    page.get_by_role("button", name="Copy link to this state").click()
    page.get_by_text("No link can hold this state.").first.wait_for()
    fragment_of(page, "#ImageSpectrum")
    follow(page, "#ImageSpectrum?preset=digit")
    assert "a digit" in page.get_by_role("application").get_attribute("aria-label")


def test_a_followed_link_ends_a_play(visits):
    page = opened(visits, [DiagonalNetwork(time=0.0)])
    page.get_by_role("button", name="Play time").click()
    follow(page, "#DiagonalNetwork?time=2&batch=all")
    page.get_by_role("button", name="Play time").wait_for()
    assert (params(page, "time"), params(page, "batch")) == ([2], ["all"])


def test_a_deck_of_slides_finds_its_slide_again(visits):
    page = opened(visits, [RandomNetwork()], "#/3")
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    fragment_of(page, "#/3/?RandomNetwork.depth=4")  # reveal.js reads numbers between slashes
