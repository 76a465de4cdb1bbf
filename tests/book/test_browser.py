"""The built pages in a real browser: no kernel, no network, keyboard only, phone and dark."""

from collections.abc import Iterator
from typing import Any

import pytest
from visits import Visit

pytestmark = [pytest.mark.book, pytest.mark.browser]

CHAPTER = "notebooks/redshift/idea.html"
DESK = {"width": 1280, "height": 900}


@pytest.fixture
def visit(browser: Any, site: str) -> Iterator[Visit]:
    """Return a fresh, light, desk-sized visit."""
    context = browser.new_context(viewport=DESK, color_scheme="light")
    yield Visit(context, site)
    context.close()


def wait_for_explorers(page: Any) -> Any:
    """Return the explorers of a page, each of them ready."""
    explorers = page.locator("ib-explorer")
    ready = "all => all.every(e => e.dataset.ready === '1')"
    for index in range(explorers.count()):
        explorers.nth(index).scroll_into_view_if_needed()
    page.wait_for_function(f"({ready})([...document.querySelectorAll('ib-explorer')])")
    return explorers


def test_a_prediction_opens_its_answer_only_after_a_commitment(
    visit: Visit, predict_page: str
) -> None:
    boxes = visit.go(predict_page).locator(".ib-predict")
    assert boxes.count()
    for index in range(boxes.count()):
        box = boxes.nth(index)
        button = box.get_by_role("button", name="Commit")
        assert box.locator(":scope > details").is_hidden()
        assert button.is_disabled()
        box.locator("input[type=radio]").first.focus()
        visit.page.keyboard.press("Space")
        button.focus()
        visit.page.keyboard.press("Enter")
        assert box.locator(":scope > details").is_visible()
        assert "You said" in box.locator("summary").first.inner_text()


def test_each_option_of_a_quiz_shows_its_own_feedback(visit: Visit, quiz_page: str) -> None:
    questions = visit.go(quiz_page).locator(".ib-quiz fieldset")
    assert questions.count()
    for index in range(questions.count()):
        question = questions.nth(index)
        options = question.locator(".ib-choice")
        seen = []
        for number in range(options.count()):
            options.nth(number).locator("input").check()
            shown = question.locator(".ib-feedback:visible")
            assert shown.count() == 1
            seen.append(shown.inner_text())
            assert question.locator("[aria-live]").inner_text().strip()
        assert len(set(seen)) == len(seen) > 1
        assert sum(text.startswith("✓ Correct.") for text in seen) == 1


def test_an_answer_to_a_quiz_is_still_there_when_the_reader_comes_back(visit: Visit) -> None:
    page = visit.go(CHAPTER)
    page.locator(".ib-quiz fieldset input").nth(1).check()
    page.reload()
    page.wait_for_function("document.documentElement.dataset.ibbook === 'ready'")
    assert page.locator(".ib-quiz fieldset input").nth(1).is_checked()
    assert page.locator(".ib-feedback:visible").count() == 1


def test_a_mark_opens_a_card_that_fits_a_phone_and_the_page_stays(visit: Visit) -> None:
    page = visit.go(CHAPTER)
    page.set_viewport_size({"width": 390, "height": 844})
    mark = page.locator("a.ib-claim").last
    before = page.url
    mark.click()
    card = page.locator(".ib-claim-card:popover-open")
    assert card.locator("circle").count() >= 1
    assert "seed" in card.inner_text() and "Expected" in card.inner_text()
    assert "#claim-" in str(card.get_by_role("link", name="In the ledger").get_attribute("href"))
    assert page.url == before
    box = card.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.keyboard.press("Escape")
    card.wait_for(state="detached")
    assert mark.evaluate("(link) => link === document.activeElement")


def test_search_ranks_chapters_first_and_begins_with_a_sentence(visit: Visit) -> None:
    page = visit.go("search.html?q=untrained+guide")
    page.locator("ul.search li p.context").first.wait_for()
    first = page.locator("ul.search li a").first.get_attribute("href")
    assert "notebooks/" in str(first)
    told = page.locator("ul.search li p.context").first.inner_text()
    assert told and not told.startswith(("...", "…"))


def test_the_book_opens_from_a_file_without_a_server(browser: Any, html: Any) -> None:
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((html / "book" / "intro.html").as_uri())
    page.wait_for_function("document.documentElement.dataset.ibbook === 'ready'")
    context.close()
    assert not errors


def test_the_picture_of_an_explorer_stays_below_the_header_of_a_phone(
    visit: Visit, explorer_page: str
) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 844})
    page = visit.go(explorer_page)
    for index in range(wait_for_explorers(page).count()):
        stage = page.locator(".ibx-stage").nth(index)
        top, header = stage.evaluate(
            """(stage) => { const [picture] = stage.children;
              const header = document.querySelector(".bd-header-article").offsetHeight;
              const wanted = header + picture.offsetHeight + 20;
              window.scrollBy({ top: stage.getBoundingClientRect().bottom - wanted,
                behavior: "instant" });
              return [picture.getBoundingClientRect().top, header]; }"""
        )
        assert top == pytest.approx(header, abs=2)
