"""Where pages lead out of the book: places that exist, or no dead exit without an address."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import address
import package_wheel
import pytest
import yaml

pytestmark = pytest.mark.book

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ("colab.research.google.com", "mybinder.org")
HERE = address.resolved()
LINK = re.compile(r'<a\b[^>]*?\bhref="([^"]*)"', re.DOTALL)
known = pytest.mark.skipif(HERE is None, reason="this copy of the book has no address")


def launched(address: str) -> tuple[str, str]:
    """Return branch and file that a launch address opens.

    Raises
    ------
    ValueError
        If the address has another form than Colab and Binder understand.
    """
    parts = urlsplit(address)
    match parts.path.strip("/").split("/"):
        case ["github", _, _, "blob", branch, *file] if parts.netloc == HOSTS[0]:
            return branch, unquote("/".join(file))
        case ["v2", "gh", _, _, branch] if parts.netloc == HOSTS[1]:
            (opened,) = parse_qs(parts.query)["urlpath"]
            return branch, opened.removeprefix("lab/tree/")
    raise ValueError(f"neither Colab nor Binder opens {address!r}")


def links(page: Path) -> list[str]:
    """Return where the anchors of a built page lead."""
    return LINK.findall(page.read_text("utf-8"))


def addresses(page: Path) -> list[str]:
    """Return the launch addresses of a built page."""
    return [address for address in links(page) if urlsplit(address).netloc in HOSTS]


def test_no_anchor_leads_to_a_placeholder_and_without_an_address_none_is_launched(
    html: Path,
) -> None:
    dead = re.compile(r"example\.invalid|/OWNER/|://owner\.|^wheel:")
    if HERE is None:
        dead = re.compile(f"{dead.pattern}|//(?:{'|'.join(map(re.escape, HOSTS))})")
    pages = list(html.rglob("*.html"))
    found = {page.name: [a for a in links(page) if dead.search(a)] for page in pages}
    assert len(pages) > 40
    assert not {name: wrong for name, wrong in found.items() if wrong}


@known
def test_every_launch_address_opens_an_existing_notebook(html: Path) -> None:
    branch = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]["branch"]
    found = [address for page in html.rglob("*.html") for address in addresses(page)]
    opened = [launched(address) for address in found]
    assert HERE
    assert found
    assert not [address for address in found if not HERE.written.match(address)]
    assert not [place for place in opened if place[0] != branch]
    assert not [place for place in opened if not (ROOT / place[1]).is_file()]


@known
def test_every_chapter_can_be_launched_in_both_places(html: Path) -> None:
    for notebook in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        name = notebook.relative_to(ROOT)
        found = addresses(html / name.with_suffix(".html"))
        hosts = {urlsplit(a).netloc for a in found if launched(a)[1] == name.as_posix()}
        assert hosts == set(HOSTS), name


def test_every_chapter_offers_its_notebook_with_the_address_of_the_book(html: Path) -> None:
    for notebook in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        page = html / notebook.relative_to(ROOT).with_suffix(".html")
        (file,) = {(page.parent / a).resolve() for a in links(page) if a.endswith(".ipynb")} - {
            (page.parent / a).resolve() for a in addresses(page)
        }
        saved = re.compile(rf'<a href="[^"]*/{file.name}" download\s')
        assert saved.search(page.read_text("utf-8"))
        cells = json.loads(file.read_text("utf-8"))["cells"]
        assert [c["id"] for c in cells] == [
            c["id"] for c in json.loads(notebook.read_bytes())["cells"]
        ]
        first, code = "".join(cells[0]["source"]), "".join(map(str, cells))
        assert "This notebook is a chapter of the open book" in first
        assert "example.invalid/" not in first
        if HERE:
            assert f"{HERE.pages}/" in first
            assert f"git+{HERE.code}" in code


def test_the_site_offers_the_wheel_where_a_reader_needs_it(html: Path) -> None:
    wheel = html / package_wheel.name()
    assert 1e6 < wheel.stat().st_size < 2e7
    assert f"../../{wheel.name}" in links(html / "book/appendices/downloads.html")
    if HERE is None:
        assert f"../../{wheel.name}" in links(html / "book/start/running.html")


@pytest.mark.parametrize("address", ["https://mybinder.org/", "https://colab.research.google.com/"])
def test_an_address_without_a_file_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="neither Colab nor Binder"):
        launched(address)
