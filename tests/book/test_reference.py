"""The reference: every public name stands on one page, and says which chapters use it."""

import re
from collections import Counter
from functools import cache

import api_docstrings
import api_names
import api_pages
import api_references
import api_usage
import pytest

import ibcore

ENTRY = re.compile(r"^\.\. (?:auto\w+|py:data):: (\S+)(?:\n   :module: (\S+))?", re.MULTILINE)


@cache
def entries(page: str) -> tuple[str, ...]:
    """Return the paths of the names that a page describes."""
    found = ENTRY.findall(api_pages.page_text(page))
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


def test_every_page_exists_in_the_table_of_contents_and_holds_the_mark() -> None:
    contents = api_usage.TOC.read_text("utf-8")
    for page in api_names.PAGES:
        file = f"{api_names.FOLDER}/{page}"
        assert f"file: {file}\n" in contents
        text = (api_usage.TOC.parents[1] / f"{file}.md").read_text("utf-8")
        assert text.count(api_pages.MARK) == 1


def test_every_name_that_a_chapter_uses_links_to_that_chapter_and_no_other() -> None:
    linked = 0
    for name in api_names.names().values():
        users = {chapter for chapter, used in api_usage.in_chapters().items() if name in used}
        links = re.findall(r":doc:`/([^`]+)`", " ".join(api_pages.footer(name)))
        assert sorted(links) == sorted(users), name.path
        linked += bool(users)
    assert linked > 50


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
    assert api_references.find("Tensor", "ibcore.guidance", None) is not None
    assert api_references.find("Tensro", "ibcore.guidance", None) is None
