"""What every test starts from: one thread, the smoke tier, no window for figures, one browser."""

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("shared cores", deadline=None)  # wall time says nothing there
settings.load_profile("shared cores")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["IBCORE_TIER"] = "smoke"
os.environ["MPLBACKEND"] = "agg"
# A format that no schema of ours has, whose grammars jsonschema would compile for two seconds.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--slow``, which runs the tests that take more than a few seconds too."""
    parser.addoption("--slow", action="store_true", help="run slow tests too")


def pytest_configure(config: pytest.Config) -> None:
    """Let ``-m gpu`` have a simulated device: torch takes one before its first use or never."""
    import torch  # after the thread settings above

    gc.disable()  # what imports and collection make stays
    if config.getoption("markexpr") == "gpu" and not torch.cuda.is_available():
        import simulated_device

        simulated_device.register()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip slow tests unless they are asked for, and those of a GPU where there is none."""
    import torch

    chosen = config.getoption("markexpr")
    reasons = {}
    if not (config.getoption("--slow") or "slow" in chosen):
        reasons["slow"] = "slow: run with --slow"
    if chosen != "gpu" and not torch.cuda.is_available():
        reasons["gpu"] = "no CUDA device on this machine; a simulated one with: -m gpu"
    for item in items:
        for name in reasons.keys() & item.keywords.keys():
            item.add_marker(pytest.mark.skip(reason=reasons[name]))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Collect garbage from now on, but never look again at the half million objects made so far."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder of the repository."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def gpu() -> Iterator[str]:
    """Return the name of a second device: CUDA where there is one, else the simulated one."""
    import torch  # after the thread settings above

    if torch.cuda.is_available():
        yield "cuda"
        return
    simulated_device = pytest.importorskip("simulated_device")
    if not simulated_device.AVAILABLE:
        pytest.skip("this torch has no backend for a device written in Python")
    with simulated_device.simulated() as name:
        yield name


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
