"""The zip of the site: the same bytes each time, and a book that works from a folder alone."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zip_site


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a folder like a built site."""
    html = tmp_path / "html"
    names = ("b/page.html", "a.html", "index.html", ".ibbook.json", "slides/deck.pdf")
    for name in names:
        (html / name).parent.mkdir(parents=True, exist_ok=True)
        (html / name).write_text(name)
    return html


def test_the_same_pages_make_the_same_zip(small: Path, tmp_path: Path) -> None:
    zip_site.pack(small, tmp_path / "one.zip", "read me")
    (small / "a.html").touch()
    before = (tmp_path / "one.zip").read_bytes()
    assert zip_site.pack(small, tmp_path / "one.zip", "read me") == 4
    assert (tmp_path / "one.zip").read_bytes() == before
    names = zipfile.ZipFile(tmp_path / "one.zip").namelist()
    assert names == ["one/README.txt", "one/a.html", "one/b/page.html", "one/index.html"]


def test_an_incomplete_build_is_not_packed(small: Path, tmp_path: Path) -> None:
    (small / ".ibbook.json").unlink()
    with pytest.raises(FileNotFoundError, match="make book"):
        zip_site.pack(small, tmp_path / "one.zip", "")
    assert not (tmp_path / "one.zip").exists()


@pytest.fixture(scope="module")
def unpacked(html: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that a reader gets from the zip of the built book."""
    folder = tmp_path_factory.mktemp("stick")
    zip_site.pack(html, folder / "book.zip", "read me")
    with zipfile.ZipFile(folder / "book.zip") as archive:
        archive.extractall(folder)
    return folder / "book"


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Return a page without a network that must ask for nothing it cannot get."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else wrong.append(r.url),
    )
    yield page
    context.close()
    assert not wrong


@pytest.mark.book
@pytest.mark.browser
def test_the_unpacked_book_opens_at_its_front_page(page: Any, unpacked: Path) -> None:
    page.goto((unpacked / "index.html").as_uri())
    page.wait_for_url("**/book/intro.html")
    page.wait_for_function("document.documentElement.dataset.ibbook === 'ready'")
    assert page.locator("article h1").count() == 1


@pytest.mark.book
@pytest.mark.browser
def test_an_unpacked_chapter_has_explorers_and_formulas(page: Any, unpacked: Path) -> None:
    page.goto((unpacked / "notebooks" / "redshift" / "idea.html").as_uri())
    page.locator("ib-explorer[data-ready='1']").first.wait_for()
    page.locator("article mjx-container").first.wait_for()
    assert not page.locator("mjx-merror").count()
    slider = page.locator("ib-explorer input[type=range]:enabled").first
    status = page.locator("ib-explorer .ibx-controls").first
    before = status.inner_text()
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "([e, old]) => e.innerText !== old", arg=[status.element_handle(), before]
    )


@pytest.mark.book
@pytest.mark.browser
def test_search_finds_a_chapter_in_the_unpacked_book(page: Any, unpacked: Path) -> None:
    page.goto((unpacked / "search.html").as_uri() + "?q=complexity")
    results = page.locator("#search-results li a")
    results.first.wait_for()
    assert any("redshift" in str(link.get_attribute("href")) for link in results.all())
