"""What stands in for a picture where it cannot be seen: long enough, of its own, and a finding.

The findings are read by rules of thumb: a sentence with a verb, or the numbers that a figure shows
after a colon; no file names, and no "Figure of" that only says what kind of thing is there.
"""

import re
from collections import defaultdict
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import freshness
import pytest

pytestmark = pytest.mark.book

SHORTEST = 40
IDLE_START = re.compile(
    r"(?:an? |the )?(?:figure|plot|chart|graph|image|screenshot) (?:of|show)", re.I
)
FILE_NAME = re.compile(r"\b[\w-]+\.(?:png|svg|jpe?g|gif|webp|pdf)\b", re.I)
VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|does|do|makes?|keeps?|stays?|falls?|rises?|drops?|climbs?"
    r"|starts?|ends?|comes?|goes|go|lies?|lie|reach(?:es)?|gets?|grows?|shrinks?|stops?|levels?"
    r"|depends?|follows?|scatters?|looks?|matters?|fits?|differs?|believes?|learned|overtakes?"
    r"|beats?|reads?|gains?|slides?|loses?|shows?)\b"
)
NUMBERS = re.compile(r":[^:]*\d")


class Pictures(HTMLParser):
    """Collects what the pictures of a page's article are called, and by which picture."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[tuple[str, str]] = []
        self.silent = 0
        self._article = False
        self._figures: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note pictures; remember how many there were before a figure."""
        named = {name: value or "" for name, value in attrs}
        if tag == "article":
            self._article = True
        elif self._article and tag == "figure":
            self._figures.append(len(self.called))
        elif self._article and (tag == "img" or named.get("role") == "img"):
            text = named.get("alt", named.get("aria-label", "")).strip()
            self.called.append((text, sha256(repr(attrs).encode()).hexdigest()))

    def handle_endtag(self, tag: str) -> None:
        """Count a figure that nothing in it describes."""
        if tag == "article":
            self._article = False
        elif tag == "figure" and self._figures:
            self.silent += self._figures.pop() == len(self.called)


def pictures(page: Path) -> Pictures:
    """Return the pictures of a built page."""
    found = Pictures()
    found.feed(page.read_text("utf-8"))
    return found


def wrong_with(text: str) -> str | None:
    """Return what is wrong with the words for a picture, or ``None``."""
    if len(text) < SHORTEST:
        return "too short"
    if IDLE_START.match(text):
        return "says what kind of picture it is, not what is seen"
    if FILE_NAME.search(text):
        return "names a file"
    if not (VERB.search(text) or NUMBERS.search(text)):
        return "states no finding"
    return None


@pytest.fixture(scope="module")
def book(html: Path) -> dict[str, Pictures]:
    """Return the pictures of every page."""
    marker = freshness.read_marker(html)
    assert marker
    return {page: pictures(html / page) for page in marker["pages"]}


def test_the_words_for_every_picture_state_its_finding(book: dict[str, Pictures]) -> None:
    texts = {text for page in book.values() for text, _ in page.called}
    assert len(texts) > 40
    assert not {text: wrong for text in texts if (wrong := wrong_with(text))}


def test_every_figure_holds_a_picture_with_words(book: dict[str, Pictures]) -> None:
    assert not [page for page, found in book.items() if found.silent]


def test_two_pictures_of_the_book_never_share_their_words(book: dict[str, Pictures]) -> None:
    shown = defaultdict(set)
    for page in book.values():
        for text, picture in page.called:
            shown[text].add(picture)
    assert not [text for text, different in shown.items() if len(different) > 1]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("A curve", "too short"),
        ("Figure of the test accuracy over the weight scale of networks", "kind of picture"),
        ("A plot showing how the accuracy rises with the number of steps", "kind of picture"),
        ("The curve of results-final.png rises over the whole range shown", "names a file"),
        ("Test accuracy against weight scale for several random networks", "no finding"),
    ],
)
def test_words_that_help_nobody_are_seen(text: str, wrong: str) -> None:
    assert wrong in str(wrong_with(text))


@pytest.mark.parametrize(
    "text",
    [
        "The test accuracy rises with the weight scale until it levels off",
        "A random network (tanh, weight scale 4) as a picture: complexity 0.067",
    ],
)
def test_words_that_state_a_finding_pass(text: str) -> None:
    assert wrong_with(text) is None


def test_a_figure_without_words_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        "<img alt='logo'><article><figure><svg></svg></figure>"
        "<figure><div role='img' aria-label='Words'></div></figure></article>"
    )
    found = pictures(page)
    assert found.silent == 1
    assert [text for text, _ in found.called] == ["Words"]
