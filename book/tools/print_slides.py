"""Print the slides of every chapter to PDF, one page for each slide: ``make slides``."""

import sys
from pathlib import Path
from typing import Any

from chromium import HTML, built, chromium


def print_deck(context: Any, deck: Path, target: Path) -> int:
    """Print one deck and return its number of slides.

    Raises
    ------
    RuntimeError
        If the PDF does not have one page for each slide.
    """
    from pypdf import PdfReader

    page = context.new_page()
    page.goto(f"{deck.as_uri()}?print-pdf")
    page.wait_for_function("document.documentElement.dataset.ready === '1'")
    slides = page.locator(".ib-slide").count()
    partial = target.with_name(f"{target.name}.partial")
    page.pdf(
        path=partial, prefer_css_page_size=True, print_background=True, outline=True, tagged=True
    )
    page.close()
    pages = len(PdfReader(partial).pages)
    if pages != slides:
        raise RuntimeError(f"{deck.name}: {slides} slides became {pages} pages")
    partial.replace(target)
    return pages


def main() -> int:
    """Print all decks, or those whose names are given, such as ``redshift-idea``."""
    try:
        decks = [path for name in sys.argv[1:] or ["*"] for path in built(f"slides/{name}.html")]
        with chromium() as context:
            for deck in decks:
                target = deck.with_suffix(".pdf")
                pages = print_deck(context, deck, target)
                print(f"{target.relative_to(HTML.parents[1])}: {pages} slides")
    except (FileNotFoundError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
