"""Text of a slide: whole sentences up to a length, links that lead back into the book."""

import copy
import posixpath
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement

FOLDER = "slides"
LEAD = 10  # words; fewer say what follows, and are nothing without it
_BETWEEN = re.compile(r"(?<=[.?!])\s+(?=[A-Z“\"(])")
_ENDS = re.compile(r"[.?!][\"”)]?\s*$")
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|vs|cf|al|Fig|Eq)\.\s*$")


def words(tag: PageElement) -> int:
    """Return how many words a reader sees; badges add some for screen readers only."""
    if not isinstance(tag, Tag):
        return len(str(tag).split())
    seen = (text for text in tag.strings if not text.find_parent(class_="ib-sr"))
    return len(" ".join(seen).split())


def ends_sentence(text: str) -> bool:
    """Say whether a sentence ends here.

    Examples
    --------
    >>> [ends_sentence(text) for text in ("It falls. ", "It falls", "Das et al. ")]
    [True, False, False]
    """
    return bool(_ENDS.search(text)) and not _ABBREVIATED.search(text)


def sentences(paragraph: Tag) -> list[list[PageElement]]:
    """Return a paragraph's nodes, one list for each sentence; the paragraph is left empty."""
    found: list[list[PageElement]] = [[]]
    for child in list(paragraph.contents):
        child.extract()
        for piece, last in _pieces(child):
            found[-1].append(piece)
            if last:
                found.append([])
    return [each for each in found if "".join(node.get_text() for node in each).strip()]


def _pieces(node: PageElement) -> Iterator[tuple[PageElement, bool]]:
    """Yield the parts of a node, and whether a sentence ends with them."""
    if isinstance(node, Tag):
        yield node, node.name == "strong" and ends_sentence(node.get_text())
        return
    parts = _BETWEEN.split(str(node))
    for number, part in enumerate(parts, start=1):
        inner = number < len(parts)
        ends = ends_sentence(part) and (inner or part[-1:].isspace())
        yield NavigableString(part + " " if inner else part), ends


def shorten(paragraph: Tag, most: int, *, end: bool = False) -> Tag:
    """Return the whole sentences that fit into this many words, at least one that says something.

    Parameters
    ----------
    paragraph
        An element with text and inline elements; a copy of it is returned.
    most
        Number of words.
    end
        Keep the last sentences instead of the first.
    """
    paragraph = copy.copy(paragraph)
    parts = sentences(paragraph)
    kept: list[list[PageElement]] = []
    for part in reversed(parts) if end else parts:
        so_far = sum(words(node) for sentence in kept for node in sentence)
        if so_far > (0 if end else LEAD) and so_far + sum(words(node) for node in part) > most:
            break
        kept.append(part)
    for part in reversed(kept) if end else kept:
        paragraph.extend(part)
    return paragraph


def relink(soup: BeautifulSoup | Tag, page: str) -> None:
    """Make links and pictures of a page, such as ``notebooks/redshift/idea``, right for slides."""
    for name, attribute in (("a", "href"), ("img", "src")):
        for tag in soup.find_all(name, attrs={attribute: True}):
            tag[attribute] = moved(str(tag[attribute]), page)


def moved(address: str, page: str) -> str:
    """Return what an address on a page becomes in the folder of the slides.

    Examples
    --------
    >>> moved("../../book/claims.html#a", "notebooks/redshift/idea")
    '../book/claims.html#a'
    >>> moved("#the-idea", "notebooks/redshift/idea")
    '../notebooks/redshift/idea.html#the-idea'
    >>> moved("https://example.org/", "notebooks/redshift/idea")
    'https://example.org/'
    """
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    folder = posixpath.dirname(page)
    path = posixpath.join(folder, parts.path) if parts.path else f"{page}.html"
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return posixpath.relpath(path, FOLDER) + fragment


def claim_of(address: str) -> str | None:
    """Return the claim that a link to the ledger leads to.

    Examples
    --------
    >>> claim_of("../book/appendices/claims.html#claim-redshift-relu-bounded")
    'redshift.relu-bounded'
    """
    mark = "claims.html#claim-"
    return address.split(mark)[1].replace("-", ".", 1) if mark in address else None
