"""From a built chapter to slides: what a lecturer shows; the prose becomes speaker notes.

A slide has whole sentences up to a length, and links that lead back into the book.
"""

import copy
import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement

Kind = Literal[
    "title", "points", "question", "explorer", "equation", "figure", "table", "code", "text", "quiz"
]
LEAVE_OUT = "tag_slide-skip"  # a code cell with the tag slide-skip has no slide
LONGEST_CODE = 40  # lines, on two slides if more than
CODE_LINES = 20
LONGEST_OUTPUT = 12  # lines
LONGEST_TABLE = 16  # rows
POINTS = 3  # on one slide
LINES = 5  # of a list that is not spoken about
LISTS = ("ul", "ol")
BESIDE = ("text", "points", "question")  # kinds of slides that leave room for a schematic
SELF_STANDING = ("key points", "further reading")  # lists that need no notes
LIMITS = "limits"  # how the heading begins whose text is shown at length
FOLDER = "slides"
LEAD = 10  # words; fewer say what follows, and are nothing without it
_BETWEEN = re.compile(r"(?<=[.?!])\s+(?=[A-Z“\"(])")
_ENDS = re.compile(r"[.?!][\"”)]?\s*$")
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|vs|cf|al|Fig|Eq)\.\s*$")


@dataclass
class Slide:
    """One slide: its heading and body as HTML, and what the speaker reads."""

    kind: Kind
    title: str
    body: str
    notes: list[str] = field(default_factory=list)
    picture: str = ""  # beside the body


@dataclass
class Block:
    """One element of a chapter below its heading."""

    index: int
    tag: Tag
    title: str
    section: str
    first: bool  # below its heading


def cut(body: str, page: str) -> list[Slide]:
    """Return the slides of a chapter.

    Parameters
    ----------
    body
        The article of the built page, as HTML.
    page
        Its name, such as ``notebooks/redshift/idea``; links are made relative to the slides.

    Raises
    ------
    ValueError
        If the article has no heading of the first rank.
    """
    soup = BeautifulSoup(body, "html.parser")
    if (heading := soup.h1) is None:
        raise ValueError(f"{page} has no first heading, so its slides have no title")
    _tidy(soup, page)
    drawings = list(map(str, soup.select("figure.ib-schematic > svg")))
    slides = _Cutter(list(_blocks(soup))).run(_inner(heading))
    for slide, drawing in zip(slides, drawings, strict=False):  # its title, what one learns
        slide.picture = slide.picture or drawing
    return slides


def _tidy(soup: BeautifulSoup, page: str) -> None:
    """Remove what belongs to a page only; anchors would not be unique among many decks."""
    extras = "a.headerlink, .eqno, div.cell_output style[scoped], section:has(> .ib-functions)"
    for tag in soup.select(extras):
        tag.decompose()
    relink(soup, page)
    for tag in soup.find_all(id=True):
        if tag.name != "svg" and not tag.find_parent("svg"):
            del tag["id"]
    for box in soup.select(".ib-predict"):
        del box["data-id"]  # each lecture predicts anew


def _blocks(soup: BeautifulSoup) -> Iterator[Block]:
    """Yield the elements of all sections in reading order."""
    index = itertools.count()
    for section in soup.find_all("section"):
        heading = section.select_one(":scope > :is(h1, h2, h3, h4, h5, h6)")
        title = _inner(heading) if heading else ""
        rest = [tag for tag in section.select(":scope > :not(section)") if tag is not heading]
        for tag in rest:
            yield Block(next(index), tag, title, _top(section), tag is rest[0])


def _top(section: Tag) -> str:
    """Return the heading of the second rank above, as text in small letters."""
    parents = [section, *section.find_parents("section")]
    heading = parents[-2 if len(parents) > 1 else -1].find(["h1", "h2"])
    return heading.get_text().strip().lower() if heading else ""


def _inner(tag: Tag) -> str:
    return tag.decode_contents().strip()


class _Cutter:
    """The slides so far, and the blocks around the present one."""

    def __init__(self, blocks: list[Block]) -> None:
        self.blocks = blocks
        self.slides: list[Slide] = []
        self.shown_code = False
        self.taken: set[int] = set()  # blocks that need no slide of their own any more
        self.seen: set[int] = set()  # paragraphs that stand beside an equation
        self.drawn: dict[str, str] = {}  # the last schematic of each section
        self.section = ""

    def run(self, title: str) -> list[Slide]:
        self.slides.append(Slide("title", title, ""))
        for block in self.blocks:
            if block.index not in self.taken:
                self.section = block.section
                self._block(block)
        return self.slides

    def _add(self, kind: Kind, title: str, *parts: Tag | str) -> None:
        """Add a slide; words of a section that has a schematic stand beside it."""
        shown = [part for part in parts if part]
        _end(shown[-1] if shown else "")
        self.slides.append(Slide(kind, title, "\n".join(map(str, shown))))
        if kind in BESIDE:
            self.slides[-1].picture = self.drawn.get(self.section, "")

    def _block(self, block: Block) -> None:
        classes = block.tag.get_attribute_list("class")
        if "ib-card" in classes:
            self._card(block)
        elif "ib-predict" in classes:
            self._add("question", "Predict first", _drop_lead(block.tag))
        elif "ib-quiz" in classes:
            self._quiz(block)
        elif "math" in classes:
            self._equation(block)
        elif "cell" in classes:
            self._cell(block)
        elif "ib-schematic" in classes:
            self._schematic(block)
        elif block.tag.name == "figure":
            self._add("figure", block.title, block.tag)
        elif block.tag.name == "table" or "pst-scrollable-table-container" in classes:
            self._table(block, block.tag)
        else:
            self._prose(block)

    def _schematic(self, block: Block) -> None:
        """Draw beside the words before it or after it; its caption is for the speaker."""
        self.drawn[block.section] = str(block.tag.svg)
        own = [each for each in self.slides if each.title == block.title and each.kind in BESIDE]
        if own and not own[-1].picture:
            own[-1].picture = self.drawn[block.section]
            own[-1].notes.append(_inner(block.tag.figcaption or block.tag))
        else:
            self._add("figure", block.title, block.tag)

    def _card(self, block: Block) -> None:
        if question := block.tag.p:
            self.slides[0].body = str(_drop_lead(question))
        if goals := block.tag.select_one("ol, ul"):
            self._add("points", "After this chapter you can", goals)
        rest = block.tag.find_all("p", recursive=False)[2:]
        self.slides[-1].notes += map(str, rest)

    def _quiz(self, block: Block) -> None:
        for options in block.tag.find_all("ul", recursive=False):
            question = options.find_previous_sibling("p")
            box = f'<div class="ib-quiz">{_drop_lead(question) if question else ""}{options}</div>'
            self._add("quiz", block.title, box)

    def _equation(self, block: Block) -> None:
        before, after = self._beside(block, -1, 40), self._beside(block, 1, 45)
        self._add("equation", block.title, before, block.tag, after)

    def _beside(self, block: Block, step: int, most: int) -> Tag | str:
        """Return the words beside an equation, unless they stand beside another one."""
        near = self._near(block, step)
        if near is None or near.index in self.seen:
            return ""
        self.seen.add(near.index)
        return shorten(near.tag, most, end=step < 0)

    def _near(self, block: Block, step: int) -> Block | None:
        """Return the paragraph so far away if it belongs to the same section."""
        near = self._at(block.index + step)
        return near if near and near.title == block.title and near.tag.name == "p" else None

    def _at(self, index: int) -> Block | None:
        return self.blocks[index] if 0 <= index < len(self.blocks) else None

    def _cell(self, block: Block) -> None:
        cell = block.tag
        if LEAVE_OUT in cell.get_attribute_list("class"):
            return
        if explorer := cell.select_one("ib-explorer"):
            self._add("explorer", block.title, f'<div class="ib-stage">{explorer}</div>')
            self.slides[-1].notes += map(str, self._to_try(block))
            return
        for figure in cell.find_all("figure"):
            self._add("figure", block.title, figure, self._claims(block))
        for table in cell.select(".cell_output table"):
            self._table(block, table)
        if not self.shown_code and not cell.select("details, figure"):
            self._code(block)

    def _to_try(self, block: Block) -> list[Tag]:
        """Return what the text after an explorer proposes to do with it."""
        near = self._near(block, 1)
        if near is None or "try" not in near.tag.get_text().lower().split(",")[0]:
            return []
        self.taken.add(near.index)
        after = self._at(near.index + 1)
        if after and near.tag.get_text().rstrip().endswith(":") and after.tag.name in LISTS:
            self.taken.add(after.index)
            return [near.tag, after.tag]
        return [near.tag]

    def _code(self, block: Block) -> None:
        """Show the first program of the chapter: its smallest faithful implementation."""
        source = block.tag.select_one(".cell_input pre")
        lines = _inner(source).split("\n") if source else []
        if 10 <= len(lines) <= LONGEST_CODE and block.section != "exercises":
            for part in _halves(lines):
                shown = f'<div class="highlight"><pre>{part}</pre></div>'
                self._add("code", block.title, shown)
            self.shown_code = True

    def _claims(self, block: Block) -> str:
        """Return the claims that the text after a figure makes about it."""
        found: dict[str, str] = {}
        for later in self.blocks[block.index + 1 :]:
            if later.tag.name not in ("p", *LISTS) or later.title != block.title:
                break
            addresses = [str(link["href"]) for link in later.tag.select("a.ib-claim")]
            found |= {name: to for to in addresses if (name := claim_of(to))}
        links = ", ".join(f'<a href="{to}"><code>{name}</code></a>' for name, to in found.items())
        label = "Claim" if len(found) == 1 else "Claims"
        return f'<p class="ib-claims">{label}: {links}</p>' if found else ""

    def _table(self, block: Block, table: Tag) -> None:
        if len(table.find_all("tr")) <= LONGEST_TABLE:
            self._add("table", block.title, table)

    def _prose(self, block: Block) -> None:
        if block.section == "exercises":
            self._exercises()
        elif block.tag.name in LISTS:
            self._points(block)
        elif block.tag.name == "p" and getattr(next(block.tag.children), "name", "") == "strong":
            self._lead(block)
        elif block.tag.name == "p" and block.first:
            self._opening(block)
        else:
            self._note(block.tag)

    def _exercises(self) -> None:
        """Collect the first sentences of all exercises when the first of them is met."""
        own = [b for b in self.blocks if b.section == "exercises" and b.index not in self.taken]
        asked = [b for b in own if b.tag.name == "p" and re.match(r"\d+ \(", b.tag.get_text())]
        self.taken.update(each.index for each in asked)
        for _, chosen in _parts(asked):
            self._add("points", "Exercises", *(_end(shorten(each.tag, 34)) for each in chosen))

    def _points(self, block: Block) -> None:
        kind = block.tag.name
        items = [_flat(each) for each in block.tag.find_all("li", recursive=False)]
        for start, chosen in _parts(items, LINES if block.section in SELF_STANDING else POINTS):
            short = "".join(f"<li>{_end(shorten(item, 36))}</li>" for item in chosen)
            number = f' start="{start + 1}"' if kind == "ol" else ""
            self._add("points", block.title, f"<{kind}{number}>{short}</{kind}>")
            if block.section not in SELF_STANDING:
                self.slides[-1].notes += [f"<p>{_inner(item)}</p>" for item in chosen]

    def _lead(self, block: Block) -> None:
        """Show a paragraph that opens in bold, with what the next cell prints."""
        whole, title, lead = copy.copy(block.tag), block.title, block.tag.strong
        if lead and ends_sentence(lead.get_text()) and words(lead) <= 12:
            title = _inner(lead.extract()).rstrip(".")
        after = self._at(block.index + 1)
        if after and "math" in after.tag.get_attribute_list("class"):
            self.taken.add(after.index)
            self._add("equation", title, shorten(block.tag, 60), after.tag)
        else:
            self._add("text", title, shorten(block.tag, 70), _printed(after))
        self._note(whole)

    def _opening(self, block: Block) -> None:
        """Show the ideas of a section that starts with prose: one sentence or two of each."""
        plain: list[Block] = []
        while len(plain) < 3 and (each := self._near(block, len(plain))):
            plain.append(each)
        after = self._at(block.index + len(plain))
        if after and {"math", "cell"} & {*after.tag.get_attribute_list("class")}:
            plain.pop()  # it leads to what is shown
        if block.section.startswith(LIMITS):
            self._add("text", block.title, shorten(block.tag, 100))
        elif sum(words(each.tag) for each in plain) >= 50:
            self._add("text", block.title, *_whole(each.tag for each in plain))
        self._note(block.tag)

    def _note(self, tag: Tag) -> None:
        if tag.name in ("p", *LISTS, "details", "blockquote", "div"):
            self.slides[-1].notes.append(str(tag))


def _whole(paragraphs: Iterable[Tag]) -> Iterator[Tag]:
    """Yield paragraphs, shortened, up to the first that loses what the next may hang on."""
    for each in paragraphs:
        short = shorten(each, 40)
        yield short
        if words(short) < words(each):
            return


def _printed(block: Block | None) -> str:
    """Return what a cell prints, if that is short."""
    outputs = block.tag.select(".cell_output .output.stream pre") if block else []
    lines = sum(output.get_text().strip().count("\n") + 1 for output in outputs)
    return "".join(map(str, outputs)) if lines <= LONGEST_OUTPUT else ""


def _parts(items: Sequence[Any], most: int = POINTS) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield as few equal parts as there must be, each with the number of its first item.

    Examples
    --------
    >>> list(_parts("abcdefg", 5))
    [(0, 'abcd'), (4, 'efg')]
    """
    slides = -(-len(items) // most)
    bounds = [-(-len(items) * number // slides) for number in range(slides + 1)] if slides else []
    yield from ((start, items[start:end]) for start, end in itertools.pairwise(bounds))


def _halves(lines: list[str]) -> list[str]:
    """Return a program in one part, or in two, divided at the empty line nearest its middle."""
    gaps = [number for number, line in enumerate(lines) if not line.strip()]
    if len(lines) <= CODE_LINES or not gaps:
        return ["\n".join(lines)]
    middle = min(gaps, key=lambda number: abs(number - len(lines) / 2))
    return ["\n".join(lines[:middle]).strip("\n"), "\n".join(lines[middle:]).strip("\n")]


def _end(part: Tag | str) -> Tag | str:
    """Let words that announce what is not on the slide end with a full stop."""
    if isinstance(part, Tag) and part.name in ("p", "li"):
        for last in [node for node in part.find_all(string=True) if node.strip()][-1:]:
            last.replace_with(re.sub(r"[:,]\s*$", ".", last))
    return part


def _flat(item: Tag) -> Tag:
    """Return the paragraph of a list item, or the item itself."""
    return item.select_one(":scope > p") or item


def _drop_lead(tag: Tag) -> Tag:
    """Remove the bold words at the start, such as ``Question.``."""
    if lead := tag.strong:
        lead.extract()
    return tag


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
    whole = urljoin(f"{page}.html", address)
    return whole if urlsplit(whole).scheme else posixpath.relpath(whole, FOLDER)


def claim_of(address: str) -> str | None:
    """Return the claim that a link to the ledger leads to.

    Examples
    --------
    >>> claim_of("../book/appendices/claims.html#claim-redshift-relu-bounded")
    'redshift.relu-bounded'
    """
    mark = "claims.html#claim-"
    return address.split(mark)[1].replace("-", ".", 1) if mark in address else None
