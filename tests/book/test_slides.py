"""Slides: cut from the chapters, complete, inside their frame, and operable by keyboard."""

import copy
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import print_slides
import pytest
from bs4 import BeautifulSoup
from slide_cut import cut, shorten, words

DESK = {"width": 1280, "height": 720}
PAGE = "notebooks/lab/idea"
CHAPTER = """
<section id="t"><h1>A title<a class="headerlink" href="#t">#</a></h1>
<div class="ib-card"><p><strong>Question.</strong> Why?</p>
<ol><li><p>measure</p></li></ol><p><strong>Time.</strong> 5 minutes.</p></div>
<div class="ib-predict" data-id="a"><p><strong>Predict first.</strong> How many?</p></div>
<section id="s"><h2>The result</h2>
<p>This prose is for the speaker.</p>
<div class="cell tag_hide-input"><details>code</details><figure class="ib-figure">
<svg id="glyph"></svg><figcaption>n = 5.</figcaption></figure></div>
<ul><li><p><strong>It rises.</strong> By <a class="ib-claim" id="x"
 href="../../book/appendices/claims.html#claim-lab-it-rises">2<span class="ib-sr">many words</span>
</a> points. And later more.</p></li></ul>
<div class="math">\\[ a = b \\]</div>
<p>Here a is b. <em>Nothing</em> else.</p>
<figure class="ib-schematic"><svg></svg></figure></section>
<section id="e"><h2>Exercises</h2><p>How to.</p><p><strong>1 (core).</strong> Do this.</p>
<p>A remark.</p><p><strong>2 (core).</strong> Do that.</p></section>
<section id="q"><h2>Check yourself</h2><div class="ib-quiz"><p><strong>1.</strong> One?</p>
<ul><li><p>Yes</p><details data-correct><summary>F</summary></details></li></ul>
<p><strong>2.</strong> Two?</p><ul><li><p>No</p></li></ul></div></section>
<section id="f"><h2>Functions</h2><div class="ib-functions"><ul><li><p>cka</p></li></ul></div>
</section></section>
"""


def paragraph(text: str) -> Any:
    """Return a paragraph as a tree."""
    return BeautifulSoup(f"<p>{text}</p>", "html.parser").p


def test_a_chapter_becomes_slides_in_its_own_order() -> None:
    slides = cut(CHAPTER, PAGE)
    kinds = ["title", "points", "question", "figure", "points", "equation", "points"]
    assert [slide.kind for slide in slides] == [*kinds, "quiz", "quiz"]
    assert slides[0].title == "A title"
    assert "This prose is for the speaker." in slides[2].notes[0]
    assert [bool(slide.picture) for slide in slides[:6]] == [True, False, False, False, True, False]


def test_a_figure_names_the_claims_of_the_text_below_it() -> None:
    body = cut(CHAPTER, PAGE)[3].body
    assert 'id="glyph"' in body
    assert "lab.it-rises</code>" in body
    assert 'href="../book/appendices/claims.html#claim-lab-it-rises"' in body


def test_every_exercise_stands_on_the_slides_once() -> None:
    text = " ".join(slide.body for slide in cut(CHAPTER, PAGE) if slide.title == "Exercises")
    assert [text.count(task) for task in ("Do this", "Do that", "A remark")] == [1, 1, 0]


def test_a_prediction_on_a_slide_is_not_remembered() -> None:
    assert "data-id" not in cut(CHAPTER, PAGE)[2].body


def test_a_chapter_without_a_heading_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="notebooks/lab/idea has no first heading"):
        cut("<p>text</p>", PAGE)


@pytest.mark.parametrize(
    ("text", "most", "end", "kept"),
    [
        ("One two. Three four.", 2, True, "Three four."),
        ("A b c d e f g h i j k. Then more.", 11, False, "A b c d e f g h i j k. "),
        ("<strong>Short.</strong> What follows.", 1, False, "Short. What follows."),
        (
            "By Das et al. In 2026 a b c d e f g. Then.",
            13,
            False,
            "By Das et al. In 2026 a b c d e f g. ",
        ),
    ],
)
def test_a_paragraph_is_shortened_to_whole_sentences(
    text: str, most: int, end: bool, kept: str
) -> None:
    assert shorten(paragraph(text), most, end=end).get_text() == kept


def test_words_for_screen_readers_are_not_counted() -> None:
    assert words(paragraph('2<span class="ib-sr">three more words</span> points')) == 2


@pytest.fixture(scope="session")
def decks(html: Path) -> list[Path]:
    """Return the slides of the built book."""
    found = sorted((html / "slides").glob("*.html"))
    assert len(found) == len(list((html / "notebooks").rglob("*.html")))
    return found


@cache
def tree(deck: Path) -> BeautifulSoup:
    """Return a deck, read once."""
    return BeautifulSoup(deck.read_text("utf-8"), "html.parser")


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Return a page of the size of a slide that reaches no network and must report no error."""
    context = browser.new_context(viewport=DESK, offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.set_default_timeout(60_000)
    yield page
    context.close()
    assert not complaints


def open_deck(page: Any, deck: Path, more: str = "") -> None:
    """Open slides and wait until they stand."""
    page.goto(deck.as_uri() + more)
    page.wait_for_function("document.documentElement.dataset.ready === '1'")


# Words that are smaller than 18 pixels, and blocks that lie on each other.
JUDGE = """
const enlarged = (e) => e ? (Number(getComputedStyle(e).zoom) || 1) * enlarged(e.parentElement) : 1;
const SILENT = "style, svg, mjx-container, option, .ib-sr, .ibx-live, .ibx-spoken, " +
  ".ib-slide-foot, .ib-badge";
function judge(slide) {
  const wrong = [], words = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    const e = words.currentNode.parentElement, text = words.currentNode.textContent.trim();
    if (!text || e.closest(SILENT) || !e.getClientRects().length) continue;
    const size = parseFloat(getComputedStyle(e).fontSize) * enlarged(e);
    const least = e.closest("table, .ib-claims") ? 16 : 17.9;
    if (size < least) wrong.push(`${size.toFixed(1)} px: ${text.slice(0, 30)}`);
  }
  const all = "h1, h2, p, li, pre, table, figure, .ib-slide-picture, .ibx-control, " +
    ".ibx-stage > :first-child";
  const blocks = [...slide.querySelectorAll(all)].filter((e) => e.getClientRects().length);
  blocks.forEach((e, i) => blocks.slice(i + 1).forEach((other) => {
    if (e.contains(other) || other.contains(e) || e.closest(".ib-scrolls")) return;
    const [a, b] = [e.getBoundingClientRect(), other.getBoundingClientRect()];
    const [wide, high] = [Math.min(a.right, b.right) - Math.max(a.left, b.left),
      Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
    const begin = (each) => each.textContent.trim().slice(0, 20);
    if (wide > 3 && high > 3) wrong.push(`${begin(e)} lies on ${begin(other)}`);
  }));
  return wrong;
}
"""

MEASURE = """async () => {
  JUDGE
  const frames = (n) => n ? new Promise(requestAnimationFrame).then(() => frames(n - 1)) : null;
  const bad = [], least = (slide) => slide.querySelector(".ib-stage") ? 1.5 : 0.7;
  for (let i = 0; i < ibDeck.getTotalSlides(); i++) {
    ibDeck.slide(i);
    await frames(3);
    const slide = ibDeck.getCurrentSlide(), box = slide.querySelector('.ib-slide-inner');
    const over = [box.scrollWidth - box.clientWidth, box.scrollHeight - box.clientHeight];
    const zoom = Number(slide.dataset.zoom);
    if (Math.max(...over) > 1 || !(zoom >= least(slide))) bad.push([i, ...over, zoom]);
    bad.push(...judge(box).map((wrong) => [i, wrong]));
    const controls = [...slide.querySelectorAll(".ib-stage .ibx-control")];
    const count = controls.filter((e) => e.offsetHeight).length;
    if (slide.querySelector(".ib-stage") && ![1, 2].includes(count)) bad.push([i, count]);
    if (slide.querySelector('mjx-merror, ib-explorer:not([data-ready="1"])')) bad.push([i]);
  }
  return bad;
}"""


@pytest.mark.book
def test_slides_ask_nothing_from_another_host_and_lead_back_to_files(decks: list[Path]) -> None:
    for deck in decks:
        soup = tree(deck)
        loaded = [
            str(t[a]) for a in ("src", "href") for t in soup.select(f"[{a}]") if t.name != "a"
        ]
        loaded = [address for address in loaded if not address.startswith("data:")]
        assert not [address for address in loaded if "//" in address]
        near = [re.split("[#?]", str(a["href"]))[0] for a in soup.select("a[href]")] + loaded
        local = {each for each in near if each and ":" not in each}
        assert not [each for each in local if not (deck.parent / each).is_file()], deck.name
        assert soup.select_one("html[lang=en]")
        assert len(soup.select("h1")) == 1


@pytest.mark.book
def test_every_chapter_links_its_slides_from_its_card(html: Path, decks: list[Path]) -> None:
    for deck in decks:
        lab, chapter = deck.stem.split("-", 1)
        page = (html / "notebooks" / lab / f"{chapter}.html").read_text("utf-8")
        card = page.split('<div class="ib-card">')[1].split("</div>")[0]
        assert f'href="../../slides/{deck.name}"' in card


@pytest.mark.book
@pytest.mark.browser
@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_every_slide_fits_its_frame_and_can_be_read(
    page: Any, decks: list[Path], step: int
) -> None:
    found = {}
    for deck in decks[2 % step :: step]:  # the most tables and a live explorer, or all
        open_deck(page, deck)
        found[deck.name] = page.evaluate(MEASURE.replace("JUDGE", JUDGE))
    assert {name: bad for name, bad in found.items() if bad} == {}


@pytest.mark.browser
def test_small_words_and_blocks_on_each_other_are_found(page: Any) -> None:
    page.set_content(
        "<section><p style='font-size: 12px'>small</p><p style='font-size: 30px'>This lies</p>"
        "<h2 style='margin-top: -40px; font-size: 30px'>on that.</h2></section>"
    )
    found = page.evaluate(f"() => {{ {JUDGE} return judge(document.querySelector('section')); }}")
    assert [wrong[:7] for wrong in found] == ["12.0 px", "This li"]


@pytest.mark.book
def test_no_sentence_on_a_slide_is_cut_off(decks: list[Path]) -> None:
    whole = re.compile(r"([.?!;…|)]|[.?!][”\")])$")
    for deck in decks:
        soup = copy.copy(tree(deck))
        for extra in soup.select("aside, table, figure, .ib-sr, .ib-quiz, .ib-predict, .ib-claims"):
            extra.decompose()
        lines = [
            each for each in soup.select(".ib-slide-body :is(p, li)") if not each.select("p, li")
        ]
        last = [" ".join(each.get_text().split()) for each in lines if not each.find_next_sibling()]
        assert not [text for text in last if not whole.search(text)], deck.name


@pytest.mark.book
def test_most_slides_show_something(decks: list[Path]) -> None:
    shown = "svg, ib-explorer, img, table, pre, .math, .ib-quiz, .ib-predict"
    for deck in decks:
        slides = tree(deck).select(".ib-slide-inner")
        plain = [slide for slide in slides if not slide.select(shown)]
        assert len(plain) <= len(slides) / 2, deck.name
        assert slides[0].select("svg"), deck.name


@pytest.mark.book
@pytest.mark.browser
def test_a_handout_sets_what_is_said_beside_each_slide(page: Any, decks: list[Path]) -> None:
    open_deck(page, decks[0], "?handout")
    page.set_viewport_size({"width": 1000, "height": 1400})
    boxes = page.evaluate(
        "[...document.querySelectorAll('.ib-slide:has(aside.notes)')].map((slide) => ["
        "slide.querySelector('.ib-slide-inner'), slide.querySelector('aside')].map((e) => {"
        "const {left, right, height} = e.getBoundingClientRect(); return [left, right, height]; }))"
    )
    assert len(boxes) > 10
    assert all(slide[1] <= notes[0] and notes[2] > 0 for slide, notes in boxes)
    assert all(abs(slide[2] - 288) < 3 for slide, _ in boxes)


@pytest.mark.book
@pytest.mark.browser
def test_arrows_move_the_deck_but_belong_to_a_slider_that_has_the_focus(
    page: Any, decks: list[Path]
) -> None:
    open_deck(page, next(deck for deck in decks if deck.name == "redshift-idea.html"), "#/2")
    index = "ibDeck.getIndices().h"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(index) == 3
    slider = page.locator(".present ib-explorer input[type=range]:enabled").first
    before = slider.input_value()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert (page.evaluate(index), slider.input_value() != before) == (3, True)
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(index) == 4


@pytest.mark.book
@pytest.mark.browser
def test_on_a_phone_the_slides_are_a_column_that_does_not_scroll_sideways(
    page: Any, decks: list[Path]
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_deck(page, decks[0])
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
    assert page.locator(".ib-slide:visible").count() == page.locator(".ib-slide").count()


@pytest.mark.book
@pytest.mark.browser
def test_printed_slides_have_one_page_each(browser: Any, decks: list[Path], tmp_path: Path) -> None:
    context = browser.new_context(offline=True)
    target = tmp_path / "deck.pdf"
    pages = print_slides.print_deck(context, decks[0], target)
    context.close()
    from pypdf import PdfReader

    reader = PdfReader(target)
    assert len(reader.pages) == pages > 10
    assert {tuple(map(round, page.mediabox[2:])) for page in reader.pages} == {(960, 540)}
    assert len(reader.outline) > 0
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
