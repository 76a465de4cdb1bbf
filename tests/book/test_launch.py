"""Launch buttons of the built pages: each opens a file that exists, at the configured branch."""

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

pytestmark = pytest.mark.book

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ("colab.research.google.com", "mybinder.org")


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


def addresses(page: Path) -> list[str]:
    """Return the launch addresses of a built page."""
    links = BeautifulSoup(page.read_text("utf-8"), "html.parser").find_all("a", href=True)
    return [str(a["href"]) for a in links if urlsplit(str(a["href"])).netloc in HOSTS]


def test_every_launch_address_opens_an_existing_notebook(html: Path, page_name: str) -> None:
    branch = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]["branch"]
    opened = [launched(address) for address in addresses(html / page_name)]
    assert not [place for place in opened if place[0] != branch]
    assert not [place for place in opened if not (ROOT / place[1]).is_file()]


def test_every_chapter_can_be_launched_in_both_places(html: Path) -> None:
    for notebook in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        name = notebook.relative_to(ROOT)
        found = addresses(html / name.with_suffix(".html"))
        hosts = {urlsplit(a).netloc for a in found if launched(a)[1] == name.as_posix()}
        assert hosts == set(HOSTS), name


@pytest.mark.parametrize("address", ["https://mybinder.org/", "https://colab.research.google.com/"])
def test_an_address_without_a_file_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="neither Colab nor Binder"):
        launched(address)
