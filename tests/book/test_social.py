"""What a shared link shows: every page describes itself, with a picture on the published site."""

import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import address
import draw_card
import pytest
import social
from bs4 import BeautifulSoup
from docutils import nodes

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 100_000
HERE = address.resolved()
PUBLISHED = ("og:url", "og:image") if HERE else ()  # both must name the host
NEEDED = ("og:title", "og:description", "og:type", "og:site_name", *PUBLISHED)


def head(page: Path) -> Any:
    """Return the head of a page as a tree."""
    return BeautifulSoup(page.read_text("utf-8").partition("</head>")[0], "html.parser")


def read(page: Path) -> dict[str, str]:
    """Return what the head of a page says of it, by name."""
    metas = head(page).find_all("meta", content=True)
    named = [(meta.get("property") or meta.get("name"), meta["content"]) for meta in metas]
    assert len({name for name, _ in named if name in NEEDED}) == len(NEEDED)
    return dict(named)


def made(site: str) -> dict[str, str]:
    """Return the elements for one page of a site, by name."""
    config: Any = SimpleNamespace(html_baseurl=site, project='A "Book"', root_doc="a")
    address = f"{site}a.html" if site else ""
    tree = BeautifulSoup(social.tags("<Title>", "Text & more", address, config), "html.parser")
    return {str(m.get("property") or m.get("name")): str(m["content"]) for m in tree.find_all()}


def test_a_picture_has_the_size_that_the_pages_state_and_is_small() -> None:
    assert (draw_card.WIDTH, draw_card.HEIGHT) == social.SIZE
    for path in draw_card.cards():
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG")
        assert struct.unpack(">II", data[16:24]) == social.SIZE
        assert len(data) < MOST_BYTES


def test_the_pages_of_a_laboratory_share_its_drawing() -> None:
    cards = {path.name: card for path, card in draw_card.cards().items()}
    for lab in draw_card.DRAWINGS:
        name = social.card(f"notebooks/{lab}/limits")[0].removeprefix("_static/")
        drawing = (ROOT / f"book/schematics/lab-{lab}.svg").read_text("utf-8")
        assert drawing in cards[name] and drawing not in cards["social-card.png"]
    assert social.card("notebooks/foundations/one")[0] == social.CARD


def test_titles_are_quoted_and_the_picture_has_an_absolute_address() -> None:
    found = made("https://ada.github.io/engine/")
    assert found["og:title"] == "<Title>"
    assert found["og:site_name"] == 'A "Book"'
    assert found["og:image"] == "https://ada.github.io/engine/_static/social-card.png"
    assert found["twitter:card"] == "summary_large_image"
    assert found["og:description"] == found["description"] == "Text & more"


def test_without_a_site_there_is_no_address_and_no_picture() -> None:
    found = made("")
    assert not [name for name in found if name.startswith("og:image")]
    assert "og:url" not in found
    assert found["twitter:card"] == "summary"


def test_the_description_is_the_question_without_its_lead_and_not_a_cell_of_a_table() -> None:
    cell = nodes.entry("", nodes.paragraph("", "A cell."))
    lead = nodes.paragraph("", "", nodes.strong("", "Question."), nodes.Text(" What\nis it?"))
    page: Any = nodes.section("", cell, lead, nodes.paragraph("", "Later."))
    assert social.description(page) == "What is it?"


def test_the_lead_of_a_page_describes_it() -> None:
    lead = nodes.raw("", '<p class="ib-lead">Why &amp; <em>how</em>.</p>', format="html")
    page: Any = nodes.section("", nodes.raw("", "<div>", format="html"), lead, nodes.paragraph())
    assert social.description(page) == "Why & how."


@pytest.mark.parametrize("logo", ["", '<path stroke="#123456"/>'])
def test_a_logo_with_other_curves_is_refused(logo: str) -> None:
    with pytest.raises(ValueError, match="not one for each of"):
        draw_card.page("A book", logo)


@pytest.mark.book
def test_every_page_describes_itself_where_it_is_shared(html: Path, page_name: str) -> None:
    found = read(html / page_name)
    picture, _ = social.card(page_name)
    assert (html / picture).is_file()
    if HERE:
        assert found["og:image"] == f"{HERE.pages}/{picture}"
        assert found["og:url"] == f"{HERE.pages}/{page_name}"
    assert found["og:title"]
    assert 20 <= len(found["og:description"]) <= social.LONGEST
    assert not social.TAG.search(found["og:description"])
    assert head(html / page_name).select_one("link[rel=icon]")


@pytest.mark.book
def test_a_missing_page_leads_on_and_search_engines_learn_of_every_page(html: Path) -> None:
    links = BeautifulSoup((html / "404.html").read_text("utf-8"), "html.parser").select("a[href]")
    leads = [str(link["href"]).removeprefix(f"{HERE.pages}/" if HERE else "") for link in links]
    assert leads == ["index.html", "search.html"]
    assert all((html / lead).is_file() for lead in leads)
    assert (html / "sitemap.txt").is_file() == (html / "robots.txt").is_file() == bool(HERE)
    if HERE:
        listed = (html / "sitemap.txt").read_text("utf-8").split()
        assert f"{HERE.pages}/book/start/tour.html" in listed
        assert all((html / place.removeprefix(f"{HERE.pages}/")).is_file() for place in listed)


@pytest.mark.book
def test_no_two_pages_have_the_same_title(html: Path) -> None:
    pages = [page for page in html.glob("*/**/*.html") if "og:title" in page.read_text("utf-8")]
    titles = [read(page)["og:title"] for page in pages]
    assert len(titles) > 20
    assert len(set(titles)) == len(titles)


@pytest.mark.book
def test_the_address_of_the_site_itself_can_be_shared_and_leads_to_the_first_page(
    html: Path,
) -> None:
    found = read(html / "index.html")
    assert not HERE or found["og:url"] == f"{HERE.pages}/book/intro.html"
    refresh = head(html / "index.html").select_one("meta[http-equiv=refresh]")
    assert refresh["content"] == "0; url=book/intro.html"
