"""A Chromium that prints or walks through pages: from ``IBCORE_CHROMIUM``, else from the path."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
PATIENCE = 120_000  # ms; a deck with many explorers takes seconds on two cores


def find_chromium() -> str:
    """Return the path of the browser.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    path = os.environ.get("IBCORE_CHROMIUM") or next(
        filter(None, map(shutil.which, BROWSERS)), None
    )
    if not path:
        raise FileNotFoundError("no Chromium: install it or set IBCORE_CHROMIUM to its path")
    return path


@contextmanager
def chromium(*, headless: bool = True, slow_mo: float = 0, **options: Any) -> Iterator[Any]:
    """Open a browser context that reaches no network.

    Parameters
    ----------
    headless
        Whether no window shows.
    slow_mo
        Milliseconds between two actions.
    options
        Of the context, as in Playwright.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=list(FLAGS), headless=headless, slow_mo=slow_mo
        )
        context = browser.new_context(offline=True, color_scheme="light", **options)
        context.set_default_timeout(PATIENCE)
        yield context
        browser.close()


def built(pattern: str, html: Path = HTML) -> list[Path]:
    """Return the built files that match, sorted.

    Raises
    ------
    FileNotFoundError
        If there is none: the book is not built.
    """
    found = sorted(html.glob(pattern))
    if not found:
        raise FileNotFoundError(f"no {pattern} in {html}; run `make book` first")
    return found
