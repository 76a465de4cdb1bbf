"""The PDF of the book: joined pages keep their links, and a printed chapter shows all of itself."""

import io
import re
from pathlib import Path
from typing import Any

import print_book
import pypdf
import pypdf.annotations
import pytest

SITE = "https://ada.github.io/book/"


def printed(name: str, pages: int, *links: str) -> print_book.Part:
    """Return a printed page with links on its first sheet."""
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=595, height=842)
    for link in links:
        note = pypdf.annotations.Link(rect=(0, 0, 9, 9), url=link)
        writer.add_annotation(page_number=0, annotation=note)
    stream = io.BytesIO()
    writer.write(stream)
    return print_book.Part(name, name.title(), pypdf.PdfReader(stream))


def joined(html: Path, site: str = SITE) -> Any:
    """Return two pages joined, the first of which links to the second and to elsewhere."""
    links = ((html / "b.html").as_uri(), (html / "slides/b.html").as_uri(), "https://example.org/")
    parts = [printed("a", 2, *links), printed("b", 1)]
    stream = io.BytesIO()
    print_book.join(parts, {"a": "First part"}, site, html).write(stream)
    return pypdf.PdfReader(stream)


def test_a_link_to_another_page_leads_inside_the_pdf(tmp_path: Path) -> None:
    reader = joined(tmp_path)
    inner, slides, outside = (link.get_object() for link in reader.pages[0]["/Annots"])
    assert "/A" not in inner
    assert inner["/Dest"][0] == reader.pages[2].indirect_reference
    assert slides["/A"]["/URI"] == f"{SITE}slides/b.html"
    assert outside["/A"]["/URI"] == "https://example.org/"


def test_without_a_site_a_link_to_what_is_not_in_the_pdf_leads_nowhere(tmp_path: Path) -> None:
    inner, slides, outside = joined(tmp_path, site="").pages[0]["/Annots"]
    assert "/Dest" in inner.get_object()
    assert not {"/A", "/Dest"} & slides.get_object().keys()
    assert outside.get_object()["/A"]["/URI"] == "https://example.org/"


def test_the_outline_names_parts_and_pages(tmp_path: Path) -> None:
    part, below = joined(tmp_path).outline
    assert (part.title, [each.title for each in below]) == ("First part", ["A", "B"])


def test_every_page_of_the_contents_is_printed(root: Path) -> None:
    names = [name for _, pages in print_book.chapters(root) for name in pages]
    assert names[0] == "book/intro"
    notebooks = {
        path.relative_to(root).with_suffix("").as_posix()
        for path in (root / "notebooks").rglob("*.ipynb")
    }
    assert notebooks <= set(names)


@pytest.mark.book
def test_in_print_explorers_stay_posters(html: Path, explorer_page: str) -> None:
    scripts = re.findall(r'<script [^>]*src="([^"?]*)', (html / explorer_page).read_text("utf-8"))
    kept = [name for name in scripts if not print_book.SCRIPTS_LEFT_OUT.search(name)]
    assert len(scripts) - len(kept) >= 2
    assert not [name for name in kept if "explorer" in name]


@pytest.mark.book
@pytest.mark.browser
def test_a_printed_chapter_holds_its_figures_answers_and_solutions(
    browser: Any, html: Path, tmp_path: Path
) -> None:
    context = browser.new_context(offline=True, color_scheme="light")
    part = print_book.print_page(context, "notebooks/redshift/idea", tmp_path, html)
    writer = print_book.join([part], {part.name: "Part"}, SITE, html)
    print_book.number_pages(context, writer, tmp_path, "The book")
    context.close()
    assert part.title == "Random networks are not random functions"
    texts = [page.extract_text() for page in writer.pages]
    whole = " ".join(" ".join(texts).split())
    assert "The book · 2" in texts[1]
    for piece in ("is interactive.", "Answers: 1", "Key points", "Solution"):
        assert piece in whole
    assert "Show code cell source" not in whole
    assert any(page.images for page in writer.pages)
    addresses = [
        link["/A"].get_object().get("/URI", "")
        for page in writer.pages
        for link in print_book._links(page)
        if "/A" in link
    ]
    assert not [address for address in addresses if address.startswith("file:")]
