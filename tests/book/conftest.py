"""The built book: where it is missing or old, tests skip, or fail if it is required."""

import functools
import http.server
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("book/_ext", "book/tools", ".ci")]

import freshness  # noqa: E402 (found on the path set above)


def built_pages() -> list[str]:
    """Return the pages of the last complete build, empty without one."""
    marker = freshness.read_marker()
    return marker["pages"] if marker else []


PAGES_WITH = {
    "page_name": "<html",
    "explorer_page": "<ib-explorer",
    "predict_page": 'class="ib-predict"',
    "quiz_page": 'class="ib-quiz"',
}


# Tests that take seconds for each page look at one of each kind at each change, at all weekly.
THOROUGH = ("test_accessibility", "test_accessibility_keyboard", "test_browser", "test_weight")
ONE_OF_EACH_KIND = {
    "book/intro.html",
    "book/start/running.html",
    "notebooks/redshift/idea.html",
    "notebooks/memory/result.html",
    "notebooks/guidance/limits.html",
    "book/reference/redshift.html",
    "book/teach/plans.html",
    "book/appendices/status.html",
}


# What lies on what takes longer still.
FEW = {
    "book/intro.html",
    "notebooks/metainit/result.html",
    "notebooks/guidance/result.html",
    "book/appendices/status.html",
}


def _less_often(page: str, often: set[str]) -> Any:
    return page if page in often else pytest.param(page, marks=pytest.mark.slow)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Call a test once for each built page, or for each page that holds what it is about."""
    for name in PAGES_WITH.keys() & set(metafunc.fixturenames):
        pages: list[Any] = [page for page in built_pages() if PAGES_WITH[name] in _text(page)]
        module = metafunc.module.__name__.rpartition(".")[2]
        if module in (*THOROUGH, "test_geometry"):
            often = FEW if module == "test_geometry" else ONE_OF_EACH_KIND
            pages = [_less_often(page, often) for page in pages]
        # Tests of a module that share a page follow each other: they can load it once.
        metafunc.parametrize(name, pages or ["(no built page)"], scope="module")


def _text(page: str) -> str:
    path = freshness.HTML / page
    return path.read_text("utf-8") if path.is_file() else ""


@pytest.fixture(scope="session")
def html() -> Path:
    """Return the built book; skip (fail with IBCORE_REQUIRE_BOOK=1) unless it is up to date."""
    if reason := freshness.stale_because():
        end = pytest.fail if os.environ.get("IBCORE_REQUIRE_BOOK") == "1" else pytest.skip
        end(reason)
    return freshness.HTML


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that prints nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="session")
def site(html: Path) -> Iterator[str]:
    """Serve the built book on this machine and return its address."""
    handler = functools.partial(Quiet, directory=str(html))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()
