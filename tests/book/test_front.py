"""The front door: three paths without scrolling, and a tour with one explorer per laboratory."""

from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

DESK = {"width": 1280, "height": 800}
LABORATORIES = ("redshift", "metainit", "guidance", "memory")

pytestmark = [pytest.mark.book]


def body(page: Path) -> Any:
    """Return the article of a built page."""
    return BeautifulSoup(page.read_text("utf-8"), "html.parser").find("article")


@pytest.mark.browser
def test_the_three_paths_and_the_living_figure_show_without_scrolling(
    browser: Any, site: str
) -> None:
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    page.goto(site + "book/intro.html")
    page.wait_for_function("document.querySelector('ib-explorer').dataset.ready === '1'")
    paths = [link.bounding_box() for link in page.locator(".ib-paths a").all()]
    figure = page.locator("ib-explorer canvas").first.bounding_box()
    context.close()
    assert len(paths) == 3
    assert all(box["y"] + box["height"] <= DESK["height"] for box in paths)
    assert figure["y"] + figure["height"] / 2 <= DESK["height"]


def test_the_tour_stops_at_each_laboratory_with_a_guess_a_figure_and_a_chapter(html: Path) -> None:
    stops = body(html / "book" / "start" / "tour.html").find_all("section", recursive=True)[1:5]
    for stop, laboratory in zip(stops, LABORATORIES, strict=True):
        assert len(stop.find_all("ib-explorer")) == 1
        assert len(stop.select(".ib-predict")) == 1
        chapters = [a["href"] for a in stop.find_all("a", href=True) if "notebooks/" in a["href"]]
        assert chapters
        assert all(f"notebooks/{laboratory}/" in address for address in chapters)
