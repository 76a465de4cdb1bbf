"""The notebooks as files: valid, without outputs, runnable in Colab, set up all alike."""

import json
import re
from pathlib import Path
from typing import Any

import address
import exits
import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
NAMES = [path.relative_to(ROOT).as_posix() for path in NOTEBOOKS]
APART = r'<details.*?</details>|<div class="ib-(?:origin|quiz)">.*?</div>|\$\$.*?\$\$|^\|.*?$'
NO_PROSE = re.compile(APART, re.DOTALL | re.MULTILINE)  # collapsed, boxes, equations and tables
MOST_WORDS = 2000
LONGER = {"notebooks/guidance/result.ipynb": 2100}  # until it is cut
VISIBLE_ONLY_IN_THE_BOOK = re.compile(r"^```\{", re.MULTILINE)

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)


def read(path: Path) -> Any:
    """Return a notebook, checked against the format."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def set_up_cell() -> str:
    """Return the set-up cell as CONTRIBUTING.md prints it."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    match = re.search(r"```python\n(# @title Set-up.*?)\n```", text, re.DOTALL)
    assert match is not None
    return match[1]


def toc_files(node: Any) -> list[str]:
    """Return every file that the table of contents names."""
    if isinstance(node, dict):
        here = [node["file"]] if "file" in node else []
        return here + [name for value in node.values() for name in toc_files(value)]
    return [name for item in node for name in toc_files(item)] if isinstance(node, list) else []


def test_the_notebook_is_valid_and_runs_on_python3(path: Path) -> None:
    notebook = read(path)
    assert notebook.nbformat == 4
    assert notebook.metadata.kernelspec.name == "python3"


def test_the_notebook_holds_no_output_and_no_count(path: Path) -> None:
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert not [cell.id for cell in code if cell.outputs or cell.execution_count is not None]


def test_the_cells_have_ids_of_their_own(path: Path) -> None:
    ids = [cell.get("id") for cell in read(path).cells]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_the_first_code_cell_is_the_common_set_up(path: Path) -> None:
    first = next(cell for cell in read(path).cells if cell.cell_type == "code")
    assert first.source == set_up_cell()
    assert "hide-input" in first.metadata.get("tags", [])


def test_no_other_cell_installs_anything(path: Path) -> None:
    code = [cell for cell in read(path).cells if cell.cell_type == "code"][1:]
    assert not [cell.id for cell in code if re.search(r"\bpip\b.*\binstall\b", cell.source)]


def test_the_text_survives_in_colab(path: Path) -> None:
    texts = [cell for cell in read(path).cells if cell.cell_type == "markdown"]
    fenced = [cell.id for cell in texts if VISIBLE_ONLY_IN_THE_BOOK.search(cell.source)]
    assert not fenced, "write ':::{name}': Colab prints a backtick fence as code"


def test_the_first_cell_says_below_its_title_which_book_it_belongs_to(path: Path) -> None:
    name = path.relative_to(ROOT).with_suffix("").as_posix()
    wanted = exits.stated(name, address.configured())
    title, _, rest = read(path).cells[0].source.partition("\n\n")
    assert title.startswith("# ")
    assert rest.startswith(wanted), f"write below the title:\n{wanted}"


def test_on_the_books_own_page_the_first_cell_does_not_name_the_book(path: Path) -> None:
    text = path.read_text("utf-8")
    before, after = (
        json.loads(text)["cells"],
        json.loads(exits.without_origin(text))["cells"],
    )
    title, _, rest = after[0]["source"].partition("\n\n")
    assert rest.startswith('<div class="ib-card">')
    assert "".join(before[0]["source"]).startswith(f"{title}\n\n{exits.START}")
    assert after[1:] == before[1:]


def test_the_notebook_stands_in_the_table_of_contents(path: Path) -> None:
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text("utf-8"))
    assert path.relative_to(ROOT).with_suffix("").as_posix() in toc_files(toc)


def test_the_cell_sources_are_stored_with_a_final_newline_in_the_file(path: Path) -> None:
    assert path.read_bytes().endswith(b"}\n")


def test_in_jupyterlab_solutions_are_folded_and_labels_of_equations_are_no_text(path: Path) -> None:
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and source.startswith("# @title Solution"):
            assert cell["metadata"]["jupyter"] == {"outputs_hidden": True, "source_hidden": True}
        assert not re.search(r"\$\$ *\(eq-", source), "write the label as <!-- (eq-name) -->"


def prose(cells: list[Any]) -> str:
    """Return what one reads straight through: no quiz, solution, table, formula or address."""
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    text = re.sub(r"\$[^$]*\$", "x", NO_PROSE.sub("", text))
    return re.sub(r"<[^>]*>", "", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text))


def test_the_prose_is_short_enough_for_one_sitting(path: Path) -> None:
    words = re.findall(r"\w\S*", prose(read(path).cells))
    most = LONGER.get(path.relative_to(ROOT).as_posix(), MOST_WORDS)
    assert 100 < len(words) <= most
