"""What every test starts from: one thread, the smoke tier, no window for figures, one browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["IBCORE_TIER"] = "smoke"
os.environ["MPLBACKEND"] = "agg"

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder of the repository."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return a headless Chromium from ``IBCORE_CHROMIUM`` or the path.

    One for the whole session: Playwright refuses a second one in the same process.  Without
    Chromium the test is skipped, or fails where ``IBCORE_REQUIRE_BROWSER=1`` is set (CI).
    """
    end = pytest.fail if os.environ.get("IBCORE_REQUIRE_BROWSER") == "1" else pytest.skip
    path = os.environ.get("IBCORE_CHROMIUM") or next(
        filter(None, map(shutil.which, BROWSERS)), None
    )
    if not path:
        end("no Chromium: install it or set IBCORE_CHROMIUM to its path")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        chromium.close()
