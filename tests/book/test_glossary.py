"""The glossary: symbols and chapters agree in both directions, and every code name exists."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import api_usage
import pytest
import symbols
from bs4 import BeautifulSoup, Tag

import ibcore
from ibcore.runs import load

ROOT = Path(__file__).resolve().parents[2]
NOTATION = "book/start/notation"
PAGE = ROOT / "book" / "appendices" / "glossary.md"
SYMBOLS = [each for group in symbols.read().values() for each in group]
NAMES = [f"{group}: {each['symbol']}" for group, rows in symbols.read().items() for each in rows]
GOOD = "{symbol: a, code: [ibcore.nets.MLP], meaning: m, range: r, pages: [p]}"


@cache
def tables() -> dict[str, set[str]]:
    """Return what stands in the first column of the tables of symbols, by page."""
    texts = {c: api_usage.cells(ROOT / f"{c}.ipynb", "markdown") for c in api_usage.chapters()}
    texts[NOTATION] = (ROOT / f"{NOTATION}.md").read_text("utf-8")
    return {page: set(first_column(text)) for page, text in texts.items()}


def first_column(text: str) -> Iterator[str]:
    """Yield the symbols of the tables whose first column is headed so."""
    inside = False
    for line in text.splitlines():
        cell = line[1:].split("|")[0].strip() if line.startswith("|") else ""
        if inside and cell and not cell.startswith("---"):
            yield cell
        inside = bool(cell) and (inside or cell.lower() == "symbol")


def written(symbol: symbols.Symbol) -> list[str]:
    """Return every way in which a table of symbols writes it."""
    return [symbol["symbol"], *symbol.get("also", [])]


@pytest.mark.parametrize("page", sorted(tables()))
def test_every_symbol_of_a_chapter_stands_in_the_glossary(page: str) -> None:
    known = {way for each in SYMBOLS if page in each["pages"] for way in written(each)}
    assert tables()[page] <= known, "add it to book/symbols.yml"


def test_some_chapters_of_every_laboratory_have_a_table_of_symbols() -> None:
    labs = {
        api_usage.lab_of(page) for page, found in tables().items() if found and page != NOTATION
    }
    assert labs == set(symbols.TITLES) - {"everywhere"}


def test_a_table_is_found_by_the_head_of_its_first_column() -> None:
    text = "| source | why |\n|---|---|\n| x | y |\n\n| Symbol | code |\n|---|---|\n| $a$ | `a` |"
    assert list(first_column(text)) == ["$a$"]


@pytest.mark.parametrize("symbol", SYMBOLS, ids=NAMES)
def test_every_symbol_of_the_glossary_stands_on_the_pages_that_it_names(
    symbol: symbols.Symbol,
) -> None:
    for page in symbol["pages"]:
        assert tables()[page].intersection(written(symbol)), page
    everywhere = set().union(*(tables()[page] for page in symbol["pages"]))
    assert set(symbol.get("also", [])) <= everywhere, "no table writes it like that any more"


@pytest.mark.parametrize("symbol", SYMBOLS, ids=NAMES)
def test_every_code_name_of_a_symbol_exists(symbol: symbols.Symbol) -> None:
    for code in symbol["code"]:
        assert symbols.shown(code)
        path, _, item = code.removesuffix("]").partition("[")
        if item:
            assert item.format(l=0) in items(path), code


def items(path: str) -> set[str]:
    """Return what may stand in brackets: tensors of a network, columns, names in a chapter."""
    if path == "ibcore.nets.MLP":
        return {name for name, _ in ibcore.MLP().named_parameters()}
    if path in api_usage.chapters():
        tree = ast.walk(ast.parse(api_usage.cells(ROOT / f"{path}.ipynb", "code")))
        return {getattr(node, "name", getattr(node, "arg", "")) for node in tree}
    return set(load(path).columns)


@pytest.mark.parametrize(
    "code",
    [
        "ibcore.nets.MPL",
        "ibcore.nets.MLP.nothing",
        "ibcore.nets.MLP(width, depth)",
        "ibcore.nets.MLP(breadth)",
        "spread",
    ],
)
def test_a_code_name_that_does_not_exist_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=re.escape(code.split("(", maxsplit=1)[0])):
        symbols.shown(code)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"somewhere: [{GOOD}]", "'somewhere'"),
        ("memory: [{symbol: a}]", "memory, 0: 'code' is a required property"),
        (f"memory: [{GOOD[:-1]}, place: x}}]", "'place'"),
    ],
)
def test_a_mistake_in_the_list_is_named(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "symbols.yml").write_text(text)
    with pytest.raises(ValueError, match=reason):
        symbols.read(tmp_path / "symbols.yml")


def test_every_word_has_a_definition_of_whole_sentences() -> None:
    text = PAGE.read_text("utf-8").partition(":sorted:\n\n")[2].partition("```")[0]
    words = re.sub(r"\n  !\[[^\]]*\]\(\.\./schematics/[\w-]+\.svg\)\n", "", text)
    entries = [entry.split("\n  ") for entry in words.strip().split("\n\n")]
    assert len(entries) > 20
    for word, *definition in entries:
        assert definition, word
        assert all(line.endswith(".") for line in definition), word


@pytest.mark.book
def test_every_symbol_on_the_built_page_leads_to_a_description_and_a_page(html: Path) -> None:
    built = html / PAGE.relative_to(ROOT).with_suffix(".html")
    body = BeautifulSoup(built.read_text("utf-8"), "html.parser").select("article table tbody tr")
    assert len(body) == len(SYMBOLS)
    for row, symbol in zip(body, SYMBOLS, strict=True):
        cells = row.find_all("td")
        assert len(links(cells[1])) == len(symbol["code"])
        assert all("/reference/" in to or "/notebooks/" in to for to in links(cells[1]))
        assert [(built.parent / to).resolve() for to in links(cells[4])] == [
            html / f"{symbols.first(symbol)}.html"
        ]


def links(cell: Tag) -> list[str]:
    """Return the addresses of the links in a cell."""
    return [str(link["href"]) for link in cell.find_all("a", href=True)]
