"""Print the built book to one PDF with an outline, page numbers and working links: ``make pdf``.

Chromium prints each page, pypdf joins them.  Explorers show their still pictures, predictions and
solutions stand open, the answers of a quiz come after its last question.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml
from chromium import HTML, ROOT, chromium
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, NullObject
from zip_site import config, name_of

SHEET = {
    "format": "A4",
    "margin": {"top": "18mm", "bottom": "20mm", "left": "18mm", "right": "18mm"},
}
WIDE_SHEET = {**SHEET, "landscape": True, "scale": 0.85}  # for the ledger's six columns
SCRIPTS_LEFT_OUT = re.compile(r"/_static/(explorers/.*|ibbook|togglebutton)\.js")
STYLE = """
  html, body { font-size: 13px !important; background: #fff !important; }
  .bd-header, .bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .prev-next-footer,
  .bd-footer, .bd-footer-content, footer, .headerlink, .skip-link, #pst-skip-link,
  .copybtn, details.above-input, details.above-output, .ib-print-hide { display: none !important; }
  .bd-container, .bd-container__inner, .bd-main, .bd-content, .bd-article-container
    { display: block !important; max-width: none !important; width: 100% !important;
      padding: 0 !important; }
  .bd-article h1 { font-size: 2.1em; } .bd-article h2 { font-size: 1.5em; }
  *, *::before, *::after { box-sizing: border-box !important; }
  .bd-main, .bd-content, .bd-article
    { margin: 0 !important; padding: 0 !important; overflow: visible !important; }
  .pst-scrollable-table-container, .cell_output { overflow: visible !important; }
  .onlyprint, #jb-print-docs-body { display: none !important; }
  .bd-article h1 { display: block !important; }
  figure, tr, pre, .cell_input, .ib-card, .ib-predict, mjx-container, .math { break-inside: avoid; }
  h1, h2, h3 { break-after: avoid; }
  pre { white-space: pre-wrap !important; font-size: 0.82em !important; }
  summary { font-weight: 600; list-style: none; }
  .ib-quiz ul { list-style: lower-alpha; }
  ib-explorer figure, .ib-poster { min-height: 0 !important; text-align: center; }
  .ib-poster img { max-width: 300px !important; }
  a[href]::after { content: none !important; }
"""
PREPARE = """(style) => {
  const sheet = document.createElement('style');
  sheet.textContent = style;
  document.head.append(sheet);
  for (const quiz of document.querySelectorAll('.ib-quiz')) {
    const right = [...quiz.querySelectorAll(':scope > ul')].map((list, question) => {
      const options = [...list.children];
      const index = options.findIndex(item => item.querySelector('details[data-correct]'));
      return `${question + 1} ${'abcdef'[index]}`;
    });
    quiz.querySelectorAll('details').forEach(each => each.remove());
    const line = document.createElement('p');
    line.textContent = `Answers: ${right.join(', ')}.`;
    quiz.append(line);
  }
  for (const each of document.querySelectorAll('details')) each.open = true;
  for (const each of document.querySelectorAll('.ib-poster figcaption')) {
    each.textContent = each.textContent.replace('With JavaScript this', 'On the page this');
  }
}"""


@dataclass(frozen=True)
class Part:
    """A printed page of the book: its name without suffix, its heading and its PDF."""

    name: str
    title: str
    pdf: PdfReader


def chapters(root: Path = ROOT) -> Iterator[tuple[str, list[str]]]:
    """Yield the caption and the pages of each part, in the order of the table of contents."""
    toc = yaml.safe_load((root / "book" / "_toc.yml").read_text("utf-8"))
    yield "", [toc["root"]]
    for part in toc["parts"]:
        yield part["caption"], list(_files(part["chapters"]))


def _files(entries: list[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        if "file" in entry:
            yield entry["file"]
        yield from _files(entry.get("sections", []))


def print_page(context: Any, name: str, folder: Path, html: Path = HTML) -> Part:
    """Print one page of the book.

    Raises
    ------
    FileNotFoundError
        If it is not built.
    """
    source = html / f"{name}.html"
    if not source.is_file():
        raise FileNotFoundError(f"there is no {source}; run `make book` first")
    page = context.new_page()
    page.route(SCRIPTS_LEFT_OUT, lambda route: route.abort())
    page.goto(source.as_uri())
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.evaluate("window.MathJax && MathJax.startup && MathJax.startup.promise")
    page.evaluate(PREPARE, STYLE)
    title = page.locator("article h1").first.evaluate("h => h.firstChild.textContent.trim()")
    target = folder / f"{name.replace('/', '-')}.pdf"
    sheet = WIDE_SHEET if page.locator(".ib-ledger").count() else SHEET
    page.pdf(path=target, print_background=True, tagged=True, **sheet)
    page.close()
    return Part(name, title, PdfReader(target))


def join(parts: list[Part], captions: dict[str, str], site: str, html: Path = HTML) -> PdfWriter:
    """Join printed pages: outline by part, links between pages lead inside the PDF.

    Parameters
    ----------
    parts
        In reading order.
    captions
        For the first page of each part, the part's caption.
    site
        Address of the published pages, for links to what is not in the PDF; without one they go.
    """
    writer = PdfWriter()
    starts: dict[str, int] = {}
    above = None
    for part in parts:
        starts[part.name] = len(writer.pages)
        writer.append(part.pdf, import_outline=False)
        _resolve_places(writer, part, starts[part.name])
        if captions.get(part.name):
            above = writer.add_outline_item(
                title=captions[part.name], page_number=starts[part.name], bold=True
            )
        writer.add_outline_item(title=part.title, page_number=starts[part.name], parent=above)
    for page in writer.pages:
        for link in _links(page):
            _redirect(writer, link, starts, site, html)
    return writer


def _links(page: Any) -> Iterator[DictionaryObject]:
    for annotation in page.get("/Annots") or []:
        link = annotation.get_object()
        if link.get("/Subtype") == "/Link":
            yield link


def _resolve_places(writer: PdfWriter, part: Part, start: int) -> None:
    """Replace named places, whose names many chapters share, by pages and heights."""
    places = part.pdf.named_destinations
    for page in writer.pages[start:]:
        for link in _links(page):
            name = link.get("/Dest")
            if name is None or isinstance(name, ArrayObject):
                continue
            place = places.get(str(name).lstrip("/")) or places.get(str(name))
            if place is None:
                continue
            number = part.pdf.get_destination_page_number(place)
            link[NameObject("/Dest")] = _place(writer, start + (number or 0), place.top)


def _place(writer: PdfWriter, number: int, top: Any = None) -> ArrayObject:
    reference = writer.pages[number].indirect_reference
    height = NullObject() if top is None else FloatObject(top)
    return ArrayObject([reference, NameObject("/XYZ"), NullObject(), height, NullObject()])


def _redirect(
    writer: PdfWriter, link: DictionaryObject, starts: dict[str, int], site: str, html: Path
) -> None:
    """Turn the address of a file on this machine into a page of the PDF or of the site."""
    action = link.get("/A")
    address = str(action.get_object().get("/URI", "")) if action else ""
    if not address.startswith("file:"):
        return
    path = Path(unquote(urlsplit(address).path))
    name = path.relative_to(html).as_posix() if path.is_relative_to(html) else path.name
    if name.removesuffix(".html") in starts:
        del link["/A"]
        link[NameObject("/Dest")] = _place(writer, starts[name.removesuffix(".html")])
    elif site:
        action.get_object()[NameObject("/URI")] = _text(site + name)
    else:
        del link["/A"]


def _text(value: str) -> Any:
    from pypdf.generic import TextStringObject

    return TextStringObject(value)


def number_pages(context: Any, writer: PdfWriter, folder: Path, footer: str) -> None:
    """Print page numbers below every page but the first."""
    page = context.new_page()
    sheets = "".join(
        f'<div class="{_turned(sheet)}">{f"{footer} · {number}" if number > 1 else ""}</div>'
        for number, sheet in enumerate(writer.pages, start=1)
    )
    page.set_content(
        "<style>@page{size:A4;margin:0}body{margin:0;font:11px sans-serif;color:#55606e}"
        "div{box-sizing:border-box;height:296mm;padding-top:281mm;text-align:center;"
        "break-after:page}@page wide{size:A4 landscape}.wide{page:wide;height:209mm;"
        f"padding-top:194mm}}</style>{sheets}"
    )
    page.pdf(path=folder / "numbers.pdf", prefer_css_page_size=True)
    page.close()
    for sheet, number in zip(writer.pages, PdfReader(folder / "numbers.pdf").pages, strict=False):
        sheet.merge_page(number)


def _turned(sheet: Any) -> str:
    return "wide" if sheet.mediabox.width > sheet.mediabox.height else "tall"


def cover(context: Any, folder: Path, title: str, release: str, site: str) -> Part:
    """Print the first page; it names the site, if there is one."""
    page = context.new_page()
    online = f'Interactive figures, slides and notebooks: <a href="{site}">{site}</a>'
    page.set_content(
        "<style>body{margin:0;padding:70mm 12mm;font:15px/1.6 sans-serif;color:#1c2430}"
        "h1{font-size:40px;line-height:1.15;border-bottom:4px solid #1f6590;padding-bottom:.5em}"
        f"</style><h1>{title}</h1><p>Edition {release}</p><p>{online if site else ''}</p>"
        "<p>Text and figures: CC BY 4.0. Code: MIT.</p>"
    )
    page.pdf(path=folder / "cover.pdf", **SHEET)
    page.close()
    return Part("", title, PdfReader(folder / "cover.pdf"))


def print_book(target: Path, only: list[str] | None = None, html: Path = HTML) -> int:
    """Print the book, or the pages whose names are given, and return the number of pages."""
    title, release, here = config()
    site = f"{here.pages}/" if here else ""
    captions: dict[str, str] = {}
    names: list[str] = []
    for caption, pages in chapters():
        chosen = [name for name in pages if not only or name in only]
        captions.update(dict.fromkeys(chosen[:1], caption))
        names += chosen
    with tempfile.TemporaryDirectory() as scratch, chromium() as context:
        folder = Path(scratch)
        parts = [cover(context, folder, title, release, site)]
        for name in names:
            parts.append(print_page(context, name, folder, html))
            print(f"{name}: {len(parts[-1].pdf.pages)} pages", flush=True)
        writer = join(parts, captions, site, html)
        number_pages(context, writer, folder, title)
        writer.add_metadata(
            {"/Title": f"{title} Edition {release}", "/Author": "The ibcore contributors"}
        )
        writer.page_layout, writer.page_mode = "/SinglePage", "/UseOutlines"
        writer.compress_identical_objects()
        partial = target.with_name(f"{target.name}.partial")
        writer.write(partial)
        partial.replace(target)
        return len(writer.pages)


def main() -> int:
    """Print the book, or the pages given by name, such as ``notebooks/redshift/idea``."""
    title, release, _ = config()
    target = ROOT / "_build" / f"{name_of(title, release)}.pdf"
    try:
        pages = print_book(target, sys.argv[1:] or None)
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{target.relative_to(ROOT)}: {pages} pages, {target.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
