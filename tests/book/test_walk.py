"""A first-time reader's path from the landing page to a quiz, on a desk and on a phone."""

from typing import Any

import pytest
import walk

pytestmark = [pytest.mark.book, pytest.mark.browser]

WINDOWS = {"phone": {"width": 360, "height": 740}, "desk": walk.WINDOW}


@pytest.mark.parametrize("window", ["phone", pytest.param("desk", marks=pytest.mark.slow)])
def test_a_first_time_reader_gets_from_the_landing_page_to_a_quiz(
    browser: Any, site: str, window: str
) -> None:
    context = browser.new_context(viewport=WINDOWS[window])
    page = context.new_page()
    page.set_default_timeout(60_000)
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    told: list[str] = []
    walk.walk(page, site, tell=told.append)
    context.close()
    assert len(told) == len(walk.STEPS)
    assert not [address for address in outside if not address.startswith((site, "data:", "blob:"))]


@pytest.mark.parametrize(
    ("variables", "seen"),
    [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "w"}, True)],
)
def test_the_walk_shows_a_window_only_where_there_is_a_display(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], seen: bool
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert walk.has_display() is seen
