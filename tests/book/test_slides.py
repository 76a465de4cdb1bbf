"""Slides: cut from the chapters, complete, inside their frame, and operable by keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import print_slides
import pytest
from bs4 import BeautifulSoup
from slide_cut import cut, shorten, words

DESK = {"width": 1280, "height": 720}
SMALLEST = 0.55  # of the natural size; less could not be read from the last row
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
    kinds = ["title", "points", "question", "figure", "points", "equation", "figure", "points"]
    assert [slide.kind for slide in slides] == [*kinds, "quiz", "quiz"]
    assert slides[0].title == "A title"
    assert "This prose is for the speaker." in slides[2].notes[0]


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


MEASURE = """async () => {
  const frames = (n) => n ? new Promise(requestAnimationFrame).then(() => frames(n - 1)) : null;
  const bad = [];
  for (let i = 0; i < ibDeck.getTotalSlides(); i++) {
    ibDeck.slide(i);
    await frames(3);
    const slide = ibDeck.getCurrentSlide(), box = slide.querySelector('.ib-slide-inner');
    const over = [box.scrollWidth - box.clientWidth, box.scrollHeight - box.clientHeight];
    const zoom = Number(slide.dataset.zoom);
    if (Math.max(...over) > 1 || !(zoom >= SMALLEST)) bad.push([i, ...over, zoom]);
    if (slide.querySelector('mjx-merror, ib-explorer:not([data-ready="1"])')) bad.push([i]);
  }
  return bad;
}"""


@pytest.mark.book
def test_slides_ask_nothing_from_another_host_and_lead_back_to_files(decks: list[Path]) -> None:
    for deck in decks:
        soup = BeautifulSoup(deck.read_text("utf-8"), "html.parser")
        loaded = [
            str(t[a]) for a in ("src", "href") for t in soup.select(f"[{a}]") if t.name != "a"
        ]
        loaded = [address for address in loaded if not address.startswith("data:")]
        assert not [address for address in loaded if "//" in address]
        near = [str(a["href"]).split("#")[0] for a in soup.select("a[href]")] + loaded
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
@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_every_slide_fits_its_frame_and_can_be_read(
    page: Any, decks: list[Path], step: int
) -> None:
    found = {}
    for deck in decks[::step]:  # one of each laboratory, or all
        open_deck(page, deck)
        found[deck.name] = page.evaluate(MEASURE.replace("SMALLEST", str(SMALLEST)))
    assert {name: bad for name, bad in found.items() if bad} == {}


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
