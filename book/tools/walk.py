"""The path of a first-time reader, walked in a browser: from the landing page to a quiz.

``make walk`` opens a window and goes slowly, so that a person can watch; without a display the same
walk runs unseen.  The first step that fails ends it with an error.  Nothing outside the built book
is reached: the way into Colab ends at its address.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chromium import HTML, ROOT, built, chromium

WINDOW = {"width": 1280, "height": 900}
CHAPTER = "notebooks/redshift/idea"
EXERCISE = "redshift.idea.1"
ANNOUNCED = "([live, before]) => live.textContent && live.textContent !== before"
INVITES = "Show code cell source"
STANDS = "document.documentElement.dataset.ibbook === 'ready'"


@dataclass(frozen=True)
class Step:
    """What the reader does, and how the browser does it; it raises where the book fails them."""

    told: str
    taken: Callable[[Any], None]


def follow(page: Any, link: Any, arrives: str) -> None:
    """Follow a link of the page to another page of the book."""
    link.scroll_into_view_if_needed()
    link.click()
    page.wait_for_url(f"**/{arrives}")
    page.wait_for_function(STANDS)


def turn(page: Any, explorer: Any) -> None:
    """Move an explorer's first slider by key and wait until it tells what came of it."""
    explorer.scroll_into_view_if_needed()
    slider = explorer.locator("input[type=range]:enabled").first
    slider.wait_for()
    live = explorer.locator("[aria-live]").first
    before = live.text_content()
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(ANNOUNCED, arg=[live.element_handle(), before])


def commit(page: Any) -> None:
    """Commit to the first answer of the first prediction; its explanation opens."""
    box = page.locator(".ib-predict").first
    box.scroll_into_view_if_needed()
    box.locator("label").first.click()
    box.get_by_role("button", name="Commit").click()
    box.locator(":scope > details[open] p").first.wait_for()


def land(page: Any) -> None:
    """See what the book is about and turn the first figure."""
    page.get_by_role("heading", level=1).wait_for()
    turn(page, page.locator("ib-explorer").first)


def take_the_tour(page: Any) -> None:
    """Go to the tour, commit to a guess, try its first figure."""
    follow(page, page.locator(".ib-paths").get_by_role("link", name="Read"), "tour.html")
    commit(page)
    turn(page, page.locator("ib-explorer").first)


def enter_a_chapter(page: Any) -> None:
    """Go on to the first laboratory, commit to a guess, try its figure."""
    name = "Random networks are not random functions"
    link = page.locator("article").get_by_role("link", name=name).first
    follow(page, link, f"{CHAPTER}.html")
    commit(page)
    turn(page, page.locator("ib-explorer").first)


def find_the_notebook(page: Any) -> None:
    """Find the notebook at the head of the chapter: its way into Colab, or else the file."""
    button = page.get_by_role("button", name="Launch interactive content")
    if button.count():
        find_colab(page, button)
        return
    page.get_by_role("button", name="Download this page").click()
    link = page.locator(".dropdown-download-buttons").get_by_role("link", name=".ipynb")
    link.wait_for()
    if not link.get_attribute("href").endswith(f"_sources/{CHAPTER}.ipynb"):
        raise ValueError(f"the button for the notebook offers {link.get_attribute('href')}")
    page.keyboard.press("Escape")


def find_colab(page: Any, button: Any) -> None:
    """Find the way into Colab: it opens this very notebook."""
    button.click()
    link = page.locator(".dropdown-launch-buttons").get_by_role("link", name="Colab")
    link.wait_for()
    address = urlsplit(link.get_attribute("href"))
    if address.netloc != "colab.research.google.com":
        raise ValueError(f"the button for Colab leads to {address.netloc}")
    if not address.path.endswith(f"/{CHAPTER}.ipynb"):
        raise ValueError(f"the button for Colab opens {address.path}, not {CHAPTER}.ipynb")
    page.keyboard.press("Escape")


def open_set_up(page: Any) -> None:
    """Open the set-up cell, the first thing that runs there."""
    cell = page.locator(".cell", has_text="@title Set-up").first
    cell.locator("summary").first.click()
    cell.locator("pre", has_text="ibcore").first.wait_for()


def do_an_exercise(page: Any) -> None:
    """Read the first exercise, miss it, get a hint, look at the listed hints, get it right."""
    cell = page.locator(".cell", has_text=f'ibcore.check("{EXERCISE}"').first
    cell.scroll_into_view_if_needed()
    judge_both_answers()
    hints = page.locator("details", has_text="Hints for common wrong answers").first
    hints.locator("summary").click()
    hints.locator("li").first.wait_for()


def judge_both_answers() -> None:
    """Give a wrong and the right answer to the exercise, as the reader's kernel would."""
    import ibcore

    wrong, right = (ibcore.check(EXERCISE, answer) for answer in (0.112, 0.2245))
    if wrong.passed or not right.passed:
        raise ValueError(f"{EXERCISE}: {wrong}; {right}")


def answer_the_quiz(page: Any) -> None:
    """Choose every answer of the first question; each explains itself, one is right."""
    question = page.locator(".ib-quiz fieldset").first
    question.scroll_into_view_if_needed()
    told = []
    for label in question.locator("label").all():
        label.click()
        told.append(question.locator(".ib-feedback:visible").inner_text())
    if sum(text.startswith("✓") for text in told) != 1:
        raise ValueError(f"not exactly one answer of the quiz is right: {told}")


STEPS = tuple(
    Step((taken.__doc__ or "").splitlines()[0], taken)
    for taken in (
        land,
        take_the_tour,
        enter_a_chapter,
        find_the_notebook,
        open_set_up,
        do_an_exercise,
        answer_the_quiz,
    )
)


def walk(page: Any, site: str, *, tell: Callable[[str], object] = print) -> None:
    """Walk the path of a first-time reader through the book at an address."""
    page.goto(f"{site}index.html")
    page.wait_for_url("**/intro.html")
    page.wait_for_function(STANDS)
    for number, step in enumerate(STEPS, start=1):
        tell(f"{number}. {step.told}")
        step.taken(page)


def has_display() -> bool:
    """Return whether a window can be opened here."""
    known = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(known) or sys.platform in ("darwin", "win32")


def main() -> None:
    """Walk, seen where there is a display."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--pause", type=int, default=700, help="ms between actions in a window")
    pause = parser.parse_args().pause
    built("index.html")
    sys.path.insert(0, str(ROOT))
    seen = has_display()
    if not seen:
        print("There is no display: the walk runs unseen.")
    options: dict[str, Any] = {"viewport": WINDOW}
    with chromium(headless=not seen, slow_mo=pause if seen else 0, **options) as context:
        page = context.new_page()
        try:
            walk(page, f"{HTML.as_uri()}/")
        except Exception:
            place = Path(tempfile.gettempdir()) / "walk.png"
            page.screenshot(path=place)
            print(f"This step failed; what the reader saw: {place}", file=sys.stderr)
            raise
    print("The walk is done.")


if __name__ == "__main__":
    main()
