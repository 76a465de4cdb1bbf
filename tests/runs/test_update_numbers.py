"""Numbers in the prose: only the link text changes, and nothing wrong passes."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from test_claim_ledger import entry
from update_numbers import fill_file, fill_notebook, fill_text

from ibcore.runs import ClaimResult, LedgerError
from ibcore.runs.ledger import parse_claim

RESULT = ClaimResult(
    claim=parse_claim(entry(id="toy.a", format="{:.2f}")),
    value=1.3249,
    low=1.281,
    high=1.369,
    n=100,
    rows=100,
    nonfinite=0,
    undefined=0,
    seeds=(0,),
    tier="smoke",
    date=None,
    device=None,
    passed=True,
    false_pass=0.0,
    foil=None,
)
TUPLE = replace(RESULT, value=(1.0, 2.0), low=(0.5, 1.5), high=(1.5, 2.5))
RESULTS = {"toy.a": RESULT, "toy.tuple": TUPLE}


@pytest.mark.parametrize(
    ("link", "filled"),
    [
        ("[9.99](claim:toy.a)", "[1.32](claim:toy.a)"),
        ("[](claim:toy.a)", "[1.32](claim:toy.a)"),
        ("[…](claim:toy.a#low)", "[1.28](claim:toy.a#low)"),
        ("[x](claim:toy.a#high)", "[1.37](claim:toy.a#high)"),
        ("[x](claim:toy.a#n)", "[100](claim:toy.a#n)"),
        ("[x](claim:toy.a#interval)", "[1.28 to 1.37](claim:toy.a#interval)"),
        ("[x](claim:toy.a#value)", "[1.32](claim:toy.a#value)"),
        ("[x](claim:toy.tuple)", "[1.00, 2.00](claim:toy.tuple)"),
        (
            "[x](claim:toy.tuple#interval)",
            "[0.50 to 1.50, 1.50 to 2.50](claim:toy.tuple#interval)",
        ),
        (
            "**[9](claim:toy.a)** ([8](claim:toy.a#n))",
            "**[1.32](claim:toy.a)** ([100](claim:toy.a#n))",
        ),
    ],
)
def test_a_link_prints_the_field_it_names(link: str, filled: str) -> None:
    text = f"# Title\r\n\r\nIt is {link}, [a page](other.md)\tand [1.0](https://x.org).  \n"
    assert fill_text(text, RESULTS)[0] == text.replace(link, filled)
    assert fill_text(text.replace(link, filled), RESULTS) == (text.replace(link, filled), [])


CODE = [
    "`[x](claim:toy.no)`",
    "``a ` [x](claim:toy.no)``",
    "```python\n[x](claim:toy.no)\n```",
    "~~~\n[x](claim:toy.no)\n```\n[x](claim:toy.no)\n~~~",
    "```{code-cell}\n[x](claim:toy.no)\n```",
    "````{note}\n```text\n[x](claim:toy.no)\n```\n````",
    "> ```\n> [x](claim:toy.no)\n> ```",
]


@pytest.mark.parametrize("code", CODE)
def test_code_is_left_alone_and_prose_after_it_is_filled(code: str) -> None:
    text = f"[x](claim:toy.a)\n\n{code}\n\n[x](claim:toy.a)\n"
    filled, stale = fill_text(text, RESULTS)
    assert filled == text.replace("[x](claim:toy.a)", "[1.32](claim:toy.a)")
    assert stale == [("toy.a", "x", "1.32")] * 2


def test_prose_inside_directives_is_filled() -> None:
    text = "````{note}\n```{tip} Hint\n[x](claim:toy.a)\n```\n[x](claim:toy.a)\n````\n"
    assert fill_text(text, RESULTS)[0].count("[1.32]") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[x](claim:toy.b)", r"page\.md: unknown claim 'toy\.b'; did you mean toy\.a"),
        (
            "[x](claim:toy.a#mean)",
            r"page\.md: claim 'toy\.a' has no field 'mean'; use one of value",
        ),
        ("[x](claim:toy.a#)", "no field ''"),
        ("one\n[x](claim: toy.a)", r"page\.md, line 2: malformed claim link"),
        ("[x](claim:)", "malformed"),
        ("[[x]](claim:toy.a)", "malformed"),
    ],
)
def test_a_link_that_cannot_be_filled_is_an_error(text: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        fill_text(text, RESULTS, source="page.md")


def notebook(*markdown: str) -> str:
    """Return a notebook as Jupyter writes it, whose keys stand in another order."""
    cells = [
        {
            "source": list(markdown),
            "metadata": {"note": "[x](claim:toy.a)"},
            "cell_type": "markdown",
        },
        {
            "cell_type": "code",
            "source": ["print('[x](claim:toy.a)')"],
            "outputs": [],
            "metadata": {},
            "execution_count": None,
        },
        {"cell_type": "markdown", "metadata": {}, "source": ['é \u2212 [x](claim:toy.a#n) "q"']},
    ]
    tree = {"cells": cells, "nbformat_minor": 4, "nbformat": 4, "metadata": {}}
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    "markdown",
    [
        ["# Title\n", 'It is [x](claim:toy.a) and "[x](claim:toy.a)"\\.\n', "`[x](claim:toy.a)`"],
        ["```\n", "[x](claim:toy.a)\n", "```\n", "[x](claim:toy.a), [x](claim:toy.a)"],
    ],
)
def test_a_notebook_changes_in_its_markdown_links_only(markdown: list[str]) -> None:
    text = notebook(*markdown)
    filled, _ = fill_notebook(text, RESULTS)
    before, after = json.loads(text), json.loads(filled)
    assert "".join(after["cells"][0]["source"]) == fill_text("".join(markdown), RESULTS)[0]
    assert "".join(after["cells"][0]["source"]).count("[1.32]") == 2
    assert after["cells"][2]["source"] == ['é \u2212 [100](claim:toy.a#n) "q"']
    assert after["cells"][0]["metadata"] == before["cells"][0]["metadata"]
    assert after["cells"][1] == before["cells"][1]
    undone = filled.replace("[1.32]", "[x]").replace("[100]", "[x]")
    assert undone == text
    nbformat = import_module("nbformat")  # takes two seconds, in every process if it stood above
    nbformat.validate(nbformat.reads(filled, as_version=4))


def test_an_unknown_claim_in_a_notebook_names_the_cell() -> None:
    with pytest.raises(LedgerError, match=r"text, cell 0: unknown claim 'toy\.no'"):
        fill_notebook(notebook("[x](claim:toy.no)"), RESULTS)


def test_a_file_is_rewritten_only_when_a_number_is_stale(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_bytes("é [9](claim:toy.a) [100](claim:toy.a#n)\r\n".encode())
    (stale,) = fill_file(page, RESULTS, write=False)
    assert str(stale) == f"{page}: toy.a prints '9', the ledger says '1.32'"
    assert b"[9]" in page.read_bytes()
    assert fill_file(page, RESULTS) == (stale,)
    assert page.read_bytes() == "é [1.32](claim:toy.a) [100](claim:toy.a#n)\r\n".encode()
    inode = page.stat().st_ino
    assert fill_file(page, RESULTS) == ()
    assert page.stat().st_ino == inode


def test_other_files_and_broken_notebooks_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(ValueError, match=r"\.md and \.ipynb files only"):
        fill_file(tmp_path / "x.txt", RESULTS)
    for text in ("{", "[]", "{}"):
        (tmp_path / "x.ipynb").write_text(text)
        with pytest.raises(ValueError, match=r"x\.ipynb is not a notebook"):
            fill_file(tmp_path / "x.ipynb", RESULTS)
