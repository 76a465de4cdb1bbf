"""The reference: every public name stands on one page, and says which chapters use it."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import api_docstrings
import api_names
import api_pages
import api_usage
import pytest
import templated
from bs4 import BeautifulSoup

import ibcore

ENTRY = re.compile(r"^\.\. (?:auto\w+|py:data):: (\S+)(?:\n   :module: (\S+))?", re.MULTILINE)


@cache
def entries(page: str) -> tuple[str, ...]:
    """Return the paths of the names that a page describes."""
    text = templated.filled("reference.md", **api_pages.one_page(page))
    found = ENTRY.findall(text)
    return tuple(f"{module}.{name}" if module else name for name, module in found)


def test_every_public_name_of_every_package_stands_on_exactly_one_page() -> None:
    counts = Counter(path for page in api_names.PAGES for path in entries(page))
    expected = {
        f"{home}.{name}"
        for home in api_names.subpackages()
        for name in api_names.public(api_names.locate(home))
    }
    assert len(expected) > 150
    assert counts.keys() == expected
    assert {path for path, count in counts.items() if count > 1} == set()


def test_every_name_of_the_short_import_is_described_somewhere() -> None:
    described = {id(name.thing) for name in api_names.names().values()}
    modules = {path.removeprefix("ibcore.") for path in api_names.subpackages()}
    lost = {
        name
        for name in ibcore.__all__
        if name not in modules
        and not name.startswith("__")
        and id(getattr(ibcore, name)) not in described
    }
    assert lost == set()


def test_a_package_without_a_page_is_an_error_that_says_where_to_add_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pages = {page: homes for page, homes in api_names.PAGES.items() if page != "memory"}
    monkeypatch.setattr(api_names, "PAGES", pages)
    with pytest.raises(ValueError, match=r"ibcore\.memory.*add them to PAGES"):
        api_names.names.__wrapped__()


def test_every_page_exists_in_the_table_of_contents_and_holds_its_descriptions() -> None:
    contents = api_usage.TOC.read_text("utf-8")
    for page in api_names.PAGES:
        file = f"{api_names.FOLDER}/{page}"
        assert f"file: {file}\n" in contents
        text = (api_usage.TOC.parents[1] / f"{file}.md").read_text("utf-8")
        assert text.count(f"```{{reference}} {page}\n") == 1


def test_every_name_that_a_chapter_uses_links_to_that_chapter_and_no_other() -> None:
    linked = 0
    for name in api_names.names().values():
        users = {chapter for chapter, used in api_usage.in_chapters().items() if name in used}
        if users:
            links = re.findall(r":doc:`/([^`]+)`", api_pages.used(name))
            assert sorted(links) == sorted(users), name.path
            linked += 1
    assert linked > 50


def test_a_name_that_no_chapter_uses_says_so_and_where_its_laboratory_begins() -> None:
    for name in api_names.names().values():
        text = api_pages.used(name)
        assert ("No chapter uses it" in text) is not bool(api_usage.chapters_of(name)), name.path
        if name.page in api_names.LABS:
            assert f":doc:`/notebooks/{name.page}/" in text, name.path


def test_the_list_of_a_chapter_holds_each_name_that_it_uses_once() -> None:
    for chapter, used in api_usage.in_chapters().items():
        listed = re.findall(r"{py:obj}`\S+ <(\S+)>`", api_pages.functions_used(chapter))
        assert sorted(listed) == sorted(name.path for name in used), chapter


def test_the_list_is_a_cell_of_its_own_and_leaves_the_code_as_it_is() -> None:
    chapter = api_usage.chapters()[0]
    before = (api_usage.TOC.parents[1] / f"{chapter}.ipynb").read_text("utf-8")
    after = json.loads(api_pages.with_functions(before, chapter))["cells"]
    assert after[:-1] == json.loads(before)["cells"]
    assert after[-1]["source"].startswith("## Functions used in this chapter\n")


@pytest.mark.book
def test_chapters_and_descriptions_lead_to_each_other_on_the_built_pages(html: Path) -> None:
    for chapter, used in api_usage.in_chapters().items():
        page = html / f"{chapter}.html"
        text = page.read_text("utf-8").partition('<div class="ib-functions">')[2]
        links = BeautifulSoup(text.partition("</div>")[0], "html.parser").select("a[href*=ibcore]")
        found = {str(link["href"]).partition("#")[2]: str(link["href"]) for link in links}
        assert found.keys() == {name.path for name in used}, chapter
        for path, address in found.items():
            target = (page.parent / address.partition("#")[0]).resolve()
            back = used_in(target.read_text("utf-8"), path)
            assert page in [(target.parent / each).resolve() for each in back], path


def used_in(page: str, path: str) -> list[str]:
    """Return the addresses below the description of a name; pages are too long to parse them."""
    place = page.partition(f'id="{path}"')[2].partition('class="ib-used')[2].partition("</div>")[0]
    return re.findall(r'href="([^"#]+)', place)


def test_chapters_that_import_a_name_in_a_code_cell_are_found() -> None:
    for chapter, used in api_usage.in_chapters().items():
        code = api_usage.cells(api_usage.TOC.parents[1] / f"{chapter}.ipynb", "code")
        match = re.search(r"^from (ibcore\.\w+) import (\w+)", code, re.MULTILINE)
        if match and (known := api_names.names().get(f"{match[1]}.{match[2]}")):
            assert known in used, chapter


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("shape (*scale.shape, features)", r"shape (\*scale.shape, features)"),
        ("the mean of |p q| over all", r"the mean of \|p q\| over all"),
        ('holds for `"sgd"` only', 'holds for ``"sgd"`` only'),
        ("a run of `redshift.activations`", "a run of ``redshift.activations``"),
        ("see `cka` and `Population.train`", "see `cka` and `Population.train`"),
        ("an *emphasized* word", "an *emphasized* word"),
        ("``f(*a)`` and :math:`|x|`", "``f(*a)`` and :math:`|x|`"),
    ],
)
def test_text_of_docstrings_is_not_taken_for_markup(line: str, shown: str) -> None:
    assert api_docstrings.escaped(line, frozenset({"redshift.activations"})) == shown


def test_examples_in_docstrings_stay_as_they_are() -> None:
    lines = [">>> f(*a)", "|p q| `1`", "", "|p q|"]
    assert list(api_docstrings.cleaned(lines)) == [*lines[:3], r"\|p q\|"]


def test_a_misspelled_reference_in_a_docstring_is_not_resolved() -> None:
    assert api_names.names()  # loads what docstrings may name
    assert api_docstrings.find("Tensor", "ibcore.guidance", None) is not None
    assert api_docstrings.find("Tensro", "ibcore.guidance", None) is None


def test_a_name_for_a_type_does_not_stand_for_the_type_of_python() -> None:
    assert api_names.names()["ibcore.metainit.Points"].kind == "data"
    assert api_docstrings.anchor(tuple) is None


def test_a_description_in_a_list_has_its_formulas_in_the_markup_of_the_pages() -> None:
    summaries = [name.summary for name in api_names.names().values()]
    assert any("{math}`" in summary for summary in summaries)
    assert not [summary for summary in summaries if re.search(r":\w+:`", summary)]
