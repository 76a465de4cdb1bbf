"""A browser that opens explorers from a file, and notes every request and every complaint."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ibcore.explorers import Explorer

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}


@dataclass
class Visits:
    """Opens pages; `requests` and `complaints` collect what they must not make."""

    browser: Any
    folder: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    contexts: list[Any] = field(default_factory=list)

    def open(self, body: str, *, head: str = "", **options: Any) -> Any:
        """Write a page around ``body`` and open it from file://."""
        file = self.folder / f"page{len(self.contexts)}.html"
        view = "<meta name='viewport' content='width=device-width'>"
        file.write_text(
            f"<!doctype html><html lang='en'><head><meta charset='utf-8'>{view}"
            f"<title>An explorer</title>{head}</head><body><main>{body}<p id='after'>after</p>"
            "</main></body></html>",
            encoding="utf-8",
        )
        context = self.browser.new_context(**{"viewport": DESK, **options})
        self.contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: self._asked(request.url, file.as_uri()))
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(file.as_uri())
        return page

    def show(self, explorer: Explorer, **options: Any) -> Any:
        """Open an explorer and wait until it is drawn."""
        page = self.open(explorer.to_html(inline_js=True), **options)
        page.wait_for_selector('.ibx[data-ready="1"]')
        return page

    def _asked(self, url: str, own: str) -> None:
        if url != own and not url.startswith("data:"):
            self.requests.append(url)

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def close(self) -> None:
        """Close every page; none has asked for or complained about anything."""
        for context in self.contexts:
            context.close()
        assert self.requests == []
        assert self.complaints == []


@pytest.fixture(scope="session")
def new_visits(browser: Any) -> Callable[[Path], Visits]:
    """Return what starts a set of visits whose pages are written into a folder."""
    return functools.partial(Visits, browser)


@pytest.fixture
def visits(new_visits: Callable[[Path], Visits], tmp_path: Path) -> Iterator[Visits]:
    """Return a way to open pages, closed and checked at the end."""
    visits = new_visits(tmp_path)
    yield visits
    visits.close()
