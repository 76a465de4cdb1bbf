"""A figure answers when it has arrived itself; the rest of its page may take its time."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from ibcore.explorers import RandomNetwork, SweepPlayer, base

pytestmark = pytest.mark.browser

DRAWN = 'ib-explorer[data-ready="1"] .ibx[data-ready="1"]'


class SlowSite:
    """Serve a page piece by piece, each when the test asks for it, and no script that it names."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.pieces: list[tuple[str, threading.Event]] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_args: object) -> None:
                """Print nothing."""

            def do_GET(self) -> None:
                """Send the pieces of the page as they come; never answer for a script."""
                if self.path != "/":
                    site.ended.wait()
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                for text, due in site.pieces:
                    while not due.wait(0.05):
                        if site.ended.is_set():
                            return
                    self.wfile.write(text.encode())
                    self.wfile.flush()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/"

    def will_send(self, *pieces: str) -> None:
        """Keep the pieces of the page; the first leaves at once."""
        self.pieces = [(piece, threading.Event()) for piece in pieces]
        self.send(0)

    def send(self, number: int) -> None:
        """Let a piece leave."""
        self.pieces[number][1].set()


@pytest.fixture
def slow_site() -> Iterator[SlowSite]:
    site = SlowSite()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield site
    site.ended.set()
    site.server.shutdown()
    site.server.server_close()
    thread.join()


@pytest.fixture
def page(browser):
    page = browser.new_context().new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.context.close()
    assert errors == []


def head(script: str) -> str:
    return f"<!doctype html><title>x</title><script>{script}</script>"


def test_a_figure_is_drawn_while_other_scripts_of_the_page_are_awaited(page, slow_site):
    figure = RandomNetwork("relu").to_html()
    late = '<script defer src="/late.js"></script>'
    slow_site.will_send(f"{head(base.script())}{late}<main>{figure}<p>after</p></main>")
    page.goto(slow_site.address, wait_until="commit")
    page.wait_for_selector(DRAWN)
    assert page.evaluate("document.readyState") != "complete"
    assert page.locator("ib-explorer > :not(div)").count() == 0  # the poster has gone


@pytest.mark.parametrize("cut", ['"params"', "</script><style>", "<figcaption", "</ib-explorer>"])
def test_a_figure_waits_until_all_of_it_has_arrived(page, slow_site, cut):
    figure = RandomNetwork("relu").to_html()
    assert figure.count(cut) == 1
    first, second = figure.split(cut)
    slow_site.will_send(head(base.script()) + first, cut + second + "<p id='after'>after</p>")
    page.goto(slow_site.address, wait_until="commit")
    page.wait_for_selector("ib-explorer", state="attached")
    page.wait_for_timeout(200)
    assert page.locator(DRAWN).count() == 0
    slow_site.send(1)
    page.wait_for_selector(DRAWN)
    page.wait_for_selector("#after")
    assert page.locator("ib-explorer > :not(div)").count() == 0


def test_what_a_script_appends_meanwhile_is_not_taken_for_the_end(page, slow_site):
    first, second = RandomNetwork("relu").to_html().split('"params"')
    start = head(base.script()) + "<main><div>" + first
    slow_site.will_send(start, '"params"' + second + "</div><p id='after'>after</p></main>")
    page.goto(slow_site.address, wait_until="commit")
    page.wait_for_selector("ib-explorer", state="attached")
    page.evaluate("document.body.append(document.createElement('div'))")
    page.wait_for_timeout(200)
    assert page.locator("ib-explorer[data-ready]").count() == 0
    slow_site.send(1)
    page.wait_for_selector(DRAWN)


def test_a_figure_at_the_very_end_of_a_page_is_drawn(page, slow_site):
    slow_site.will_send(head(base.script()) + RandomNetwork("relu").to_html())
    page.goto(slow_site.address)
    page.wait_for_selector(DRAWN)


def test_a_figure_whose_kind_the_script_lacks_says_so(page, slow_site):
    script = base.script((SweepPlayer.kind,))
    slow_site.will_send(head(script) + RandomNetwork("relu").to_html() + "<p>after</p>")
    page.goto(slow_site.address)
    page.get_by_role("alert").get_by_text("no explorer named RandomNetwork").wait_for()
