"""From a built chapter to slides: what a lecturer shows; the prose becomes speaker notes."""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from bs4 import BeautifulSoup, Tag
from slide_text import claim_of, ends_sentence, relink, shorten, words

Kind = Literal[
    "title", "points", "question", "explorer", "equation", "figure", "table", "code", "text", "quiz"
]
LEAVE_OUT = "tag_slide-skip"  # a code cell with the tag slide-skip has no slide
LONGEST_CODE = 40  # lines, on two slides if more than
CODE_LINES = 20
LONGEST_OUTPUT = 12  # lines
LONGEST_TABLE = 16  # rows
POINTS = 5  # on one slide
LIMITS = "limits"  # how the heading begins whose text is shown at length


@dataclass
class Slide:
    """One slide: its heading and body as HTML, and what the speaker reads."""

    kind: Kind
    title: str
    body: str
    notes: list[str] = field(default_factory=list)


@dataclass
class Block:
    """One element of a chapter below its heading."""

    tag: Tag
    title: str
    section: str
    first: bool


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
    heading = soup.find("h1")
    if not isinstance(heading, Tag):
        raise ValueError(f"{page} has no first heading, so its slides have no title")
    _tidy(soup, page)
    return _Cutter(list(_blocks(soup))).run(_inner(heading))


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
    for section in soup.find_all("section"):
        heading = section.find(re.compile("h[1-6]"), recursive=False)
        title = _inner(heading) if isinstance(heading, Tag) else ""
        rest = [tag for tag in section.find_all(True, recursive=False) if tag is not heading]
        first = True
        for tag in rest:
            if tag.name == "section":
                continue
            yield Block(tag, title, _top(section), first)
            first = False


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

    def run(self, title: str) -> list[Slide]:
        self.slides.append(Slide("title", title, ""))
        for index, block in enumerate(self.blocks):
            if index not in self.taken:
                self._block(index, block)
        return self.slides

    def _add(self, kind: Kind, title: str, *parts: Tag | str) -> None:
        self.slides.append(Slide(kind, title, "\n".join(str(part) for part in parts)))

    def _block(self, index: int, block: Block) -> None:
        classes = block.tag.get_attribute_list("class")
        if "ib-card" in classes:
            self._card(block)
        elif "ib-predict" in classes:
            _drop_lead(block.tag)
            self._add("question", "Predict first", block.tag)
        elif "ib-quiz" in classes:
            self._quiz(block)
        elif "math" in classes:
            self._equation(index, block)
        elif "cell" in classes:
            self._cell(index, block)
        elif block.tag.name == "table" or "pst-scrollable-table-container" in classes:
            self._table(block, block.tag)
        else:
            self._prose(index, block)

    def _card(self, block: Block) -> None:
        question = block.tag.find("p")
        if isinstance(question, Tag):
            self.slides[0].body = str(_drop_lead(question))
        goals = block.tag.find(["ol", "ul"])
        if isinstance(goals, Tag):
            self._add("points", "After this chapter you can", goals)
        rest = block.tag.find_all("p", recursive=False)[2:]
        self.slides[-1].notes += [str(each) for each in rest]

    def _quiz(self, block: Block) -> None:
        for options in block.tag.find_all("ul", recursive=False):
            question = options.find_previous_sibling("p")
            box = f'<div class="ib-quiz">{_drop_lead(question) if question else ""}{options}</div>'
            self._add("quiz", block.title, box)

    def _equation(self, index: int, block: Block) -> None:
        parts: list[Tag | str] = [block.tag]
        for step, most in ((-1, 40), (1, 45)):
            near = self._near(index + step, block.title)
            if near is not None and index + step not in self.seen:
                self.seen.add(index + step)
                short = shorten(copy.copy(near.tag), most, end=step < 0)
                parts.insert(0 if step < 0 else len(parts), short)
        self._add("equation", block.title, *parts)

    def _near(self, index: int, title: str) -> Block | None:
        """Return the paragraph there if it belongs to the same section."""
        inside = 0 <= index < len(self.blocks)
        fits = inside and self.blocks[index].title == title and self.blocks[index].tag.name == "p"
        return self.blocks[index] if fits else None

    def _cell(self, index: int, block: Block) -> None:
        cell = block.tag
        if LEAVE_OUT in cell.get_attribute_list("class"):
            return
        explorer = cell.find("ib-explorer")
        if isinstance(explorer, Tag):
            live = f'<div class="ib-stage">{explorer}</div>'
            self._add("explorer", block.title, live, self._to_try(index + 1, block.title))
            return
        for figure in cell.find_all("figure"):
            self._add("figure", block.title, figure, self._claims(index))
        for table in cell.select(".cell_output table"):
            self._table(block, table)
        if not self.shown_code and not cell.find("details") and not cell.find("figure"):
            self._code(block)

    def _to_try(self, index: int, title: str) -> str:
        """Return what the text after an explorer proposes to do with it."""
        near = self._near(index, title)
        if near is None or "try" not in near.tag.get_text().lower().split(",")[0]:
            return ""
        self.taken.add(index)
        parts = [shorten(copy.copy(near.tag), 70)]
        following = self.blocks[index + 1].tag
        if near.tag.get_text().rstrip().endswith(":") and following.name in ("ol", "ul"):
            self.taken.add(index + 1)
            parts.append(following)
        return f'<div class="ib-try">{"".join(map(str, parts))}</div>'

    def _code(self, block: Block) -> None:
        """Show the first program of the chapter: its smallest faithful implementation."""
        source = block.tag.select_one(".cell_input pre")
        lines = _inner(source).split("\n") if source else []
        if 10 <= len(lines) <= LONGEST_CODE and block.section != "exercises":
            for part in _halves(lines):
                shown = f'<div class="highlight"><pre>{part}</pre></div>'
                self._add("code", block.title, shown)
            self.shown_code = True

    def _claims(self, index: int) -> str:
        """Return the claims that the text after a figure makes about it."""
        found: dict[str, str] = {}
        for later in self.blocks[index + 1 :]:
            if later.tag.name not in ("p", "ul", "ol") or later.title != self.blocks[index].title:
                break
            for link in later.tag.select("a.ib-claim"):
                name = claim_of(str(link["href"]))
                if name:
                    found[name] = str(link["href"])
        links = ", ".join(f'<a href="{to}"><code>{name}</code></a>' for name, to in found.items())
        label = "Claim" if len(found) == 1 else "Claims"
        return f'<p class="ib-claims">{label}: {links}</p>' if found else ""

    def _table(self, block: Block, table: Tag) -> None:
        if len(table.find_all("tr")) <= LONGEST_TABLE:
            self._add("table", block.title, table)

    def _prose(self, index: int, block: Block) -> None:
        if block.section == "exercises":
            self._exercises()
        elif block.tag.name in ("ul", "ol"):
            self._points(block)
        elif block.tag.name == "p" and block.tag.find("strong", recursive=False) is (
            next(block.tag.children, None)
        ):
            self._lead(index, block)
        elif block.tag.name == "p" and block.first:
            self._opening(index, block)
        else:
            self._note(block.tag)

    def _exercises(self) -> None:
        """Collect the first sentences of all exercises when the first of them is met."""
        pattern = re.compile(r"^\d+ \(")
        asked = [
            (number, each)
            for number, each in enumerate(self.blocks)
            if each.section == "exercises"
            and number not in self.taken
            and each.tag.name == "p"
            and pattern.match(each.tag.get_text())
        ]
        self.taken.update(number for number, _ in asked)
        items = [shorten(copy.copy(each.tag), 34) for _, each in asked]
        for start, end in _parts(len(items)):
            self._add("points", "Exercises", *items[start:end])

    def _points(self, block: Block) -> None:
        items = block.tag.find_all("li", recursive=False)
        self_standing = block.section in ("key points", "further reading")
        for start, end in _parts(len(items)):
            chosen = items[start:end]
            short = "".join(f"<li>{shorten(copy.copy(_flat(item)), 36)}</li>" for item in chosen)
            number = f' start="{start + 1}"' if block.tag.name == "ol" else ""
            self._add(
                "points", block.title, f"<{block.tag.name}{number}>{short}</{block.tag.name}>"
            )
            if not self_standing:
                self.slides[-1].notes += [f"<p>{_inner(_flat(item))}</p>" for item in chosen]

    def _lead(self, index: int, block: Block) -> None:
        """Show a paragraph that opens in bold, with what the next cell prints."""
        whole = copy.copy(block.tag)
        lead = block.tag.find("strong")
        titled = isinstance(lead, Tag) and ends_sentence(lead.get_text()) and words(lead) <= 12
        title = block.title
        if titled and isinstance(lead, Tag):
            title = _inner(lead).rstrip(".")
            lead.extract()
        following = self.blocks[index + 1].tag if index + 1 < len(self.blocks) else None
        if following is not None and "math" in following.get_attribute_list("class"):
            self.taken.add(index + 1)
            self._add("equation", title, shorten(block.tag, 60), following)
        else:
            self._add("text", title, shorten(block.tag, 70), self._printed(index + 1))
        self._note(whole)

    def _printed(self, index: int) -> str:
        """Return what the cell there prints, if that is short."""
        if index >= len(self.blocks):
            return ""
        outputs = self.blocks[index].tag.select(".cell_output .output.stream pre")
        lines = sum(output.get_text().strip().count("\n") + 1 for output in outputs)
        return "".join(map(str, outputs)) if lines <= LONGEST_OUTPUT else ""

    def _opening(self, index: int, block: Block) -> None:
        """Show the ideas of a section that starts with prose: one sentence or two of each."""
        plain: list[Block] = []
        while len(plain) < 3 and (each := self._near(index + len(plain), block.title)):
            plain.append(each)
        if block.section.startswith(LIMITS):
            self._add("text", block.title, shorten(copy.copy(block.tag), 100))
            self._note(block.tag)
            return
        if index + len(plain) < len(self.blocks):  # the last one may lead to what is shown
            after = self.blocks[index + len(plain)].tag.get_attribute_list("class")
            plain = plain[: -1 if "math" in after or "cell" in after else None]
        if sum(words(each.tag) for each in plain) < 50:
            self._note(block.tag)
            return
        self._add("text", block.title, *(shorten(copy.copy(each.tag), 40) for each in plain))
        self._note(block.tag)

    def _note(self, tag: Tag) -> None:
        if tag.name in ("p", "ul", "ol", "details", "blockquote", "div"):
            self.slides[-1].notes.append(str(tag))


def _parts(items: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of as few equal parts as there must be.

    Examples
    --------
    >>> list(_parts(7))
    [(0, 4), (4, 7)]
    """
    slides = -(-items // POINTS)
    for number in range(slides):
        yield -(-items * number // slides), -(-items * (number + 1) // slides)


def _halves(lines: list[str]) -> list[str]:
    """Return a program in one part, or in two, divided at the empty line nearest its middle."""
    gaps = [number for number, line in enumerate(lines) if not line.strip()]
    if len(lines) <= CODE_LINES or not gaps:
        return ["\n".join(lines)]
    middle = min(gaps, key=lambda number: abs(number - len(lines) / 2))
    return ["\n".join(lines[:middle]).strip("\n"), "\n".join(lines[middle:]).strip("\n")]


def _flat(item: Tag) -> Tag:
    """Return the paragraph of a list item, or the item itself."""
    inner = item.find("p", recursive=False)
    return inner if isinstance(inner, Tag) else item


def _drop_lead(tag: Tag) -> Tag:
    """Remove the bold words at the start, such as ``Question.``."""
    lead = tag.find("strong")
    if isinstance(lead, Tag):
        lead.extract()
    return tag
