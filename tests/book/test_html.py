"""The built pages as files: links that lead somewhere, nothing from outside, figures described."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import freshness
import pytest
from bs4 import BeautifulSoup, Tag

pytestmark = pytest.mark.book

LOADED = (("link", "href"), ("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src"))
NOT_LOADED = {"canonical", "next", "prev", "index", "search", "author", "copyright", "license"}
SHORTEST_ALT = 40
REMOTE_CSS = re.compile(r"(?:@import\s+|url\(\s*)[\"']?(?:https?:)?//")


@cache
def parsed(path: Path) -> BeautifulSoup:
    """Return a page as a tree."""
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return every target that a fragment of a page may name."""
    page = parsed(path)
    named = {str(tag["name"]) for tag in page.find_all("a", attrs={"name": True})}
    return frozenset({str(tag["id"]) for tag in page.find_all(id=True)} | named)


def is_remote(address: str) -> bool:
    """Say whether an address leads to another host."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https")


def broken(page: Path, address: str) -> str | None:
    """Return what is wrong with a local link, or ``None``."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    target = target / "index.html" if target.is_dir() else target
    if not target.exists():
        return f"{address}: no such file"
    if parts.fragment and target.suffix == ".html" and target.name != "search.html":
        missing = unquote(parts.fragment) not in anchors(target)
        return f"{address}: no such place on that page" if missing else None
    return None


def test_every_link_leads_to_a_file_and_a_place_in_it(html: Path, page_name: str) -> None:
    page = html / page_name
    wanted = [str(a["href"]) for a in parsed(page).find_all("a", href=True)]
    for tag, attribute in LOADED:
        wanted += [str(t[attribute]) for t in parsed(page).find_all(tag, attrs={attribute: True})]
    assert not [wrong for address in wanted if (wrong := broken(page, address))]


def loads(page: Path, tag: str, attribute: str) -> list[Tag]:
    """Return the tags of a page whose resource a browser fetches."""
    found = parsed(page).find_all(tag, attrs={attribute: True})
    return [t for t in found if not NOT_LOADED.intersection(t.get_attribute_list("rel"))]


def test_no_page_loads_anything_from_another_host(html: Path, page_name: str) -> None:
    found = [
        str(t[attribute])
        for tag, attribute in LOADED
        for t in loads(html / page_name, tag, attribute)
        if is_remote(str(t[attribute]))
    ]
    styles = [style.text for style in parsed(html / page_name).find_all("style")]
    assert not found
    assert not [style for style in styles if REMOTE_CSS.search(style)]


def test_no_style_sheet_of_ours_loads_anything_from_another_host(html: Path) -> None:
    sheets = list((html / "_static").glob("ib*.css"))
    assert sheets
    assert not [sheet for sheet in sheets if REMOTE_CSS.search(sheet.read_text("utf-8"))]


def test_every_figure_is_described_at_length_and_once(html: Path, page_name: str) -> None:
    article = parsed(html / page_name).find("article")
    assert isinstance(article, Tag)
    described = [str(image.get("alt", "")) for image in article.find_all("img")]
    assert not [alt for alt in described if len(alt) < SHORTEST_ALT]
    assert len(set(described)) == len(described)


def test_every_page_has_one_first_heading_and_a_language(html: Path, page_name: str) -> None:
    page = parsed(html / page_name)
    assert len(page.select("article h1")) == 1
    assert page.select_one("html[lang=en]")


def test_every_anchor_is_unique_on_its_page(html: Path, page_name: str) -> None:
    ids = [str(tag["id"]) for tag in parsed(html / page_name).select("article [id]")]
    assert len(ids) == len(set(ids))


def test_no_page_still_shows_a_claim_link_unresolved(html: Path, page_name: str) -> None:
    assert not parsed(html / page_name).select('a[href^="claim:"]')


def test_each_cell_of_a_table_that_becomes_cards_names_its_column(html: Path) -> None:
    tables = [
        table
        for path in html.rglob("*.html")
        if "slides" not in path.parts
        for table in parsed(path).select("table.ib-stacked")
    ]
    for table in tables:
        heads = [head.get_text(" ", strip=True) for head in table.select("thead th, thead td")]
        for row in table.select("tbody tr"):
            for head, cell in list(zip(heads, row.select("td"), strict=True))[1:]:
                found = [p.get_text(" ", strip=True) for p in cell.select(".ib-heading")]
                empty = not cell.get_text(strip=True)
                assert found == ([] if empty else [head]), (heads, cell)
    assert len(tables) > 12  # the tables of symbols of the chapters among them


def test_every_prediction_has_an_id_of_its_own_in_the_whole_book(html: Path) -> None:
    names = freshness.read_marker(html)
    assert names is not None
    boxes = [box for page in names["pages"] for box in parsed(html / page).select(".ib-predict")]
    ids = [box.get("data-id") for box in boxes]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_every_question_of_a_quiz_has_one_right_option_and_feedback_for_all(
    html: Path, quiz_page: str
) -> None:
    questions = parsed(html / quiz_page).select(".ib-quiz > ul")
    assert questions
    for question in questions:
        options = question.find_all("li", recursive=False)
        feedback = [option.find_all("details", recursive=False) for option in options]
        assert all(len(own) == 1 for own in feedback)
        assert sum(own[0].has_attr("data-correct") for own in feedback) == 1


def test_the_check_of_links_sees_missing_files_and_places(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<p id="here"></p>')
    assert broken(page, "gone.html") == "gone.html: no such file"
    assert broken(page, "#away") == "#away: no such place on that page"
    assert broken(page, "#here") is None
    assert broken(page, "https://example.org/x") is None
