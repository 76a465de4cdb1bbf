"""The one style sheet of the pages: nothing that a page can use is missing from it."""

from pathlib import Path
from typing import Any

import lean_styles
import pytest

LINKS = """<link href="../_static/styles/theme.css?digest=1" rel="stylesheet" />
    <link rel="stylesheet" type="text/css" href="../_static/pygments.css?v=1" />
    <link rel="stylesheet" media="print" href="../_static/print.css" />
    <link rel="stylesheet" href="https://example.org/other.css" />
    <link rel="icon" href="../_static/favicon.svg"/>
"""
# The browser's own reading of the theme's sheets: selectors that it had and the book's has not,
# and that some element matches, in whatever state.
LOST = r"""([theme, book]) => {
  const selectors = (text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    const found = [];
    const walk = (rules) => {
      for (const rule of rules) {
        if (rule.selectorText) found.push(...rule.selectorText.split(/,(?![^(]*\))/));
        if (rule.cssRules) walk(rule.cssRules);
      }
    };
    walk(sheet.cssRules);
    return new Set(found.map((selector) => selector.trim()));
  };
  const kept = selectors(book);
  const cut = [...selectors(theme)].filter((selector) => !kept.has(selector));
  const state = /(^|[\s>+~])?::?[\w-]+(\((?:[^()]|\([^()]*\))*\))?/g;
  const anyState = (selector) =>
    selector.replace(state, (_, before) => (before === undefined ? "" : before + "*"));
  return { cut: cut.length, kept: kept.size,
    lost: cut.filter((selector) => document.querySelector(anyState(selector))) };
}"""
PAGES = (
    *("book/intro.html", "book/start/tour.html", "notebooks/redshift/result.html"),
    *("book/reference/redshift.html", "book/appendices/claims.html", "search.html"),
)


def test_all_sheets_of_the_book_become_one_link() -> None:
    page = lean_styles.with_one_sheet(LINKS, "3")
    assert lean_styles.sheets_of(["<p>", page]) == ["styles/theme.css", "pygments.css"]
    assert page.count("stylesheet") == 3
    assert page.startswith('<link rel="stylesheet" href="../_static/ibbook-all.css?v=3" ')
    assert lean_styles.with_one_sheet("<p>", "3") == "<p>"


@pytest.mark.parametrize(
    ("lists", "order"),
    [
        (["abd", "abcd"], "abcd"),
        (["ab", "xab"], "xab"),
        (["ac", "abc", "abcz"], "abcz"),
        (["", "a"], "a"),
    ],
)
def test_pages_with_fewer_sheets_do_not_change_the_order(lists: list[str], order: str) -> None:
    pages = [f'<link data-sheets="{" ".join(names)}">' for names in lists]
    assert "".join(lean_styles.sheets_of(pages)) == order


def test_imports_are_put_in_place_and_addresses_stay_right(tmp_path: Path) -> None:
    (tmp_path / "styles").mkdir()
    (tmp_path / "basic.css").write_text('@charset "UTF-8";\n.a{background:url(file.png)}')
    (tmp_path / "styles" / "theme.css").write_text(
        '@import "../basic.css";\n.b{background:url("../x/y.svg")}.c{background:url(data:a)}'
        ".d{background:url('/z.png')}"
    )
    assert lean_styles.joined(tmp_path, ["styles/theme.css"]).split("\n") == [
        '.a{background:url("file.png")}',
        ".b{background:url(\"x/y.svg\")}.c{background:url(data:a)}.d{background:url('/z.png')}",
    ]


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        (".used{a:b}", ".used{a:b}"),
        (".gone{a:b}", ""),
        (".gone .used, p .used > b, #gone{a:b}", "p .used > b{a:b}"),
        (".used.gone{a:b}", ""),
        ("p:not(.gone){a:b}", "p:not(.gone){a:b}"),
        (".used:is(.gone,p)::before{a:b}", ".used:is(.gone,p)::before{a:b}"),
        ('[class*="gone"]{a:b}', '[class*="gone"]{a:b}'),
        ("#used{a:#gone}", "#used{a:#gone}"),
        (r".us\65 d{a:b}", r".used{a:b}"),
        ("@media print{.gone{a:b}.used{a:b}}", "@media print{.used{a:b}}"),
        ("@supports (a:b){@media print{.gone{a:b}}}", ""),
        ("@keyframes gone{from{a:b}}", "@keyframes gone{from{a:b}}"),
        ("@layer gone, used;", "@layer gone, used;"),
        ("/* words *//*! rights */", "/*! rights */"),
        ('@font-face{src:url("gone.woff2")}', ""),
        ('@font-face{src:url("gone.woff2"),url("here.woff")}',) * 2,
        ("@font-face{src:url(data:font/woff;base64,AA==)}",) * 2,
    ],
)
def test_rules_that_can_match_nothing_go(tmp_path: Path, style: str, kept: str) -> None:
    (tmp_path / "here.woff").write_bytes(b"")
    found = lean_styles.without_unused(style, {"used"}, tmp_path)
    assert found.rstrip("\n") == kept


def test_names_come_from_pages_and_scripts_but_not_from_the_search_index(tmp_path: Path) -> None:
    folder = tmp_path / "reveal"  # wherever the book lies
    files = {
        "a.html": "<p class='one two' id=three>four<script>x.add('five-six')</script>",
        "_static/b.js": 'element.classList.toggle("seven")',
        "_static/mathjax/c.js": '"eight"',
        "searchindex.js": '"nine"',
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    names = lean_styles.names_in_use([files["a.html"]], folder)
    assert {"one", "two", "three", "five-six", "seven"} <= names
    assert names.isdisjoint({"four", "eight", "nine"})


@pytest.mark.book
def test_a_page_loads_one_sheet_and_says_what_it_stands_for(html: Path) -> None:
    pages = [path for path in html.rglob("*.html") if path.parent.name != "slides"]
    links = {path: lean_styles.LINK.findall(path.read_text("utf-8")) for path in pages}
    plain = {path.relative_to(html).as_posix() for path in pages if not links[path]}
    assert plain <= {"index.html", "404.html"}  # they lead to the landing page
    for path in pages:
        assert len(links[path]) <= 1, path
        assert all(f"_static/{lean_styles.SHEET}" in link for link in links[path]), path
    named = set(lean_styles.sheets_of(path.read_text("utf-8") for path in pages))
    assert {"copybutton.css", "pygments.css", "ibbook.css", "sphinx-design.min.css"} <= named


def test_a_build_of_a_few_pages_keeps_the_rules_of_all(tmp_path: Path) -> None:
    static = tmp_path / "_static"
    static.mkdir()
    for name in "ab":
        (static / f"{name}.css").write_text(f".{name} {{ top: 0 }} .x{name} {{ top: 0 }}")
        page = f'<link rel="stylesheet" href="_static/{name}.css" /><p class="{name}">'
        (tmp_path / f"{name}.html").write_text(lean_styles.with_one_sheet(page, "1"))
        lean_styles.write_sheet(tmp_path)
    sheet = static / lean_styles.SHEET
    first = sheet.read_text()
    assert [f".{name} " in first for name in ("a", "b", "xa", "xb")] == [True, True, False, False]
    lean_styles.write_sheet(tmp_path)
    assert sheet.read_text() == first


@pytest.mark.book
@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_no_rule_that_a_page_could_use_is_missing(
    html: Path, site: str, browser: Any, name: str
) -> None:
    theme = lean_styles.theme_style() + "".join(
        (html / "_static" / name).read_text("utf-8")
        for name in ("basic.css", "copybutton.css", "sphinx-design.min.css", "ibbook.css")
    )
    book = (html / "_static" / lean_styles.SHEET).read_text("utf-8")
    page = browser.new_context().new_page()
    assert page.goto(f"{site}/{name}", wait_until="networkidle").ok
    found = page.evaluate(LOST, [theme, book])
    page.context.close()
    assert found["kept"] > 1000
    assert found["cut"] > 1000
    assert found["lost"] == []


@pytest.mark.book
@pytest.mark.browser
def test_the_caption_of_a_stacked_table_uses_the_width_of_a_phone(site: str, browser: Any) -> None:
    page = browser.new_context(viewport={"width": 360, "height": 740}).new_page()
    assert page.goto(f"{site}/book/appendices/status.html").ok
    width = "all => all.map(e => e.getBoundingClientRect().width)"
    captions = page.locator("table.ib-stacked caption").evaluate_all(width)
    page.context.close()
    assert captions
    assert min(captions) > 300
