"""The schematics are drawn by their tool, stand on their pages, and their letters can be read."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import draw_schematics as draw
import pytest
import schematics

WORDS = draw.words()
REMEDY = "run `python book/tools/draw_schematics.py`"
NARROWEST = 312  # pixels for the text of a page on a phone of 360
SMALLEST = 14

# What is wrong with the letters of the drawings: two on each other, or one beyond the edge.
JUDGE = """() => [...document.querySelectorAll("svg")].flatMap((svg) => {
  const page = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll("text")].map((text) =>
    [text.textContent, text.getBoundingClientRect(), parseFloat(getComputedStyle(text).fontSize)]);
  const scale = page.width / svg.viewBox.baseVal.width;
  const ink = svg.getBBox();
  const inside = ink.x >= 0 && ink.y >= 0 && ink.x + ink.width <= svg.viewBox.baseVal.width &&
    ink.y + ink.height <= svg.viewBox.baseVal.height;
  const ground = inside ? [] : [`leaves: ${svg.querySelector("title").textContent}`];
  return ground.concat(boxes.flatMap(([words, a, size], i) => [
    ...(size * scale < %d ? [`small: ${words}`] : []),
    ...(a.left < page.left || a.right > page.right || a.top < page.top || a.bottom > page.bottom
      ? [`leaves: ${words}`] : []),
    ...boxes.slice(i + 1).filter(([, b]) =>
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
      Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2).map(([other]) =>
      `on each other: ${words}, ${other}`)]));
})"""


@pytest.mark.parametrize("name", WORDS)
def test_a_file_is_the_one_that_the_tool_draws(name: str) -> None:
    file = draw.FOLDER / f"{name}.svg"
    assert file.read_text("utf-8") == draw.drawing(name, WORDS[name]), REMEDY
    assert file.stat().st_size <= 15_000


def test_the_gallery_and_the_folder_hold_all_and_nothing_else() -> None:
    assert draw.GALLERY.read_text("utf-8") == draw.gallery(), REMEDY
    assert {file.stem for file in draw.FOLDER.glob("*.svg")} == WORDS.keys()


@pytest.mark.parametrize("name", WORDS)
def test_a_drawing_is_described_in_words(name: str) -> None:
    root = ElementTree.parse(draw.FOLDER / f"{name}.svg").getroot()
    title, desc = (root.findtext(f"{{*}}{tag}") for tag in ("title", "desc"))
    assert (title, desc) == (WORDS[name]["caption"], WORDS[name]["shows"])
    assert root.get("aria-label") == desc and root.get("role") == "img"


def text_of(page: str) -> str:
    """Return the Markdown of a page or of a chapter."""
    if (file := Path(draw.ROOT, f"{page}.ipynb")).is_file():
        cells = json.loads(file.read_text("utf-8"))["cells"]
        return "\n\n".join("".join(cell["source"]) for cell in cells)
    return Path(draw.ROOT, f"{page}.md").read_text("utf-8")


@pytest.mark.parametrize("name", WORDS)
def test_a_schematic_stands_once_on_its_page(name: str) -> None:
    said = WORDS[name]
    assert text_of(said["page"]).count(draw.shown(name, said, said["page"])) == 1


def test_every_chapter_of_a_laboratory_has_two() -> None:
    chapters = {
        str(file.relative_to(draw.ROOT))[:-6] for file in draw.ROOT.glob("notebooks/*/*.ipynb")
    }
    count = Counter(said["page"] for said in WORDS.values())
    assert {page: count[page] for page in chapters} == dict.fromkeys(chapters, 2)


def test_a_page_gets_the_drawing_without_a_style_of_its_own() -> None:
    svg = (draw.FOLDER / "clock.svg").read_text("utf-8")
    page = schematics.figure(svg, "Where a < b.")
    assert "<style" not in page and "\n" not in page
    assert page.endswith("<figcaption><p>Where a &lt; b.</p></figcaption></figure>")
    assert schematics.figure(svg, "", alone=False).startswith("<svg")


def wrong_letters(browser: Any, drawings: list[str]) -> list[str]:
    """Return what is wrong with the letters of drawings on a narrow phone."""
    page = browser.new_page(viewport={"width": NARROWEST, "height": 800})
    page.set_content(f"<style>*{{margin:0}}svg{{display:block}}</style>{''.join(drawings)}")
    found: list[str] = page.evaluate(JUDGE % SMALLEST)
    page.close()
    return found


@pytest.mark.browser
def test_letters_are_large_enough_and_lie_on_nothing(browser: Any) -> None:
    drawings = [(draw.FOLDER / f"{name}.svg").read_text("utf-8") for name in WORDS]
    assert wrong_letters(browser, drawings) == []


@pytest.mark.browser
def test_a_moved_label_is_found(browser: Any) -> None:
    svg = (draw.FOLDER / "clock.svg").read_text("utf-8")
    onto, beyond = (
        re.sub('x="10" y="18"', place, svg) for place in ('x="10" y="286"', 'x="300" y="18"')
    )
    assert [word.partition(":")[0] for word in wrong_letters(browser, [onto, beyond])] == [
        "on each other",
        "leaves",
        "leaves",
    ]
