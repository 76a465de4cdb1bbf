"""The policy of the pages: they load from nowhere else, run no foreign script, work in a frame."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import policy
import pypdf
import pytest

START = "book/intro.html"
CHAPTER = "notebooks/redshift/idea.html"
PAGES = (CHAPTER, "search.html?q=guide")
PLANTED = "<script>document.title = 'taken over'</script></body>"


def test_scripts_and_handlers_of_a_page_are_named_and_data_is_not() -> None:
    page = '<head></head><script>a()</script><script type="application/json">{}</script>'
    rules = policy.with_policy(f"{page}<b onclick='b(&quot;x&quot;)'>x</b>")
    found = re.findall(r"'sha256-[^']+'", rules)
    assert policy._hash("a()") in found and policy._hash('b("x")') in found
    assert policy._hash("{}") not in found and len(found) == 3  # the third is the empty storage
    assert "'unsafe-hashes'" in rules and "'unsafe-inline'" not in rules.partition("script-src")[2]


@pytest.mark.book
def test_every_page_begins_with_its_policy(html: Path) -> None:
    pages = [path for path in html.rglob("*.html") if "_static" not in path.parts]
    first = re.compile(r"<head>\s*(<meta charset=[^>]*>\s*)?<meta http-equiv=\"Content-Security-")
    assert pages
    assert not [path.name for path in pages if not first.search(path.read_text("utf-8"))]


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Return a page that keeps what its policy refused in ``page.refused``."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.refused = []
    page.on(
        "console",
        lambda said: page.refused.append(said.text) if "Security Policy" in said.text else None,
    )
    yield page
    context.close()


@pytest.mark.browser
def test_nothing_of_ours_is_refused(site: str, page: Any, html: Path) -> None:
    slides = next((html / "slides").glob("*.html")).relative_to(html).as_posix()
    for name in (*PAGES, slides):
        page.goto(f"{site}/{name}")
        page.wait_for_load_state("networkidle")
        assert not page.refused, name
    page.goto(f"{site}/{PAGES[-1]}")
    page.wait_for_selector("#search-results li")


@pytest.mark.browser
def test_a_script_that_somebody_adds_does_not_run(site: str, page: Any, html: Path) -> None:
    body = (html / START).read_text("utf-8").replace("</body>", PLANTED)
    page.route(f"**/{START}", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto(f"{site}/{START}")
    assert page.title() != "taken over" and page.refused
    answer = "fetch('https://example.invalid/').then(() => 'sent', () => 'refused')"
    assert page.evaluate(answer) == "refused" and len(page.refused) > 1


@pytest.mark.browser
def test_a_chapter_works_in_a_frame_that_has_no_storage(site: str, page: Any) -> None:
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    source = f"{site}/{CHAPTER}"
    frame = f'<iframe sandbox="allow-scripts" width=1200 height=900 src="{source}"></iframe>'
    page.route("**/frame", lambda route: route.fulfill(body=frame, content_type="text/html"))
    page.goto(f"{site}/frame")
    inside = page.frame_locator("iframe")
    inside.locator("mjx-container").first.wait_for(state="attached")
    inside.locator("ib-explorer input").first.wait_for(state="attached")
    assert not broken


@pytest.mark.slow
@pytest.mark.browser
def test_folded_code_and_answers_are_on_paper(site: str, page: Any, tmp_path: Path) -> None:
    page.goto(f"{site}/{CHAPTER}")
    page.wait_for_load_state("networkidle")
    page.pdf(path=tmp_path / "chapter.pdf", format="A4")
    paper = "".join(part.extract_text() for part in pypdf.PdfReader(tmp_path / "chapter.pdf").pages)
    assert "invalidate_caches" in paper
