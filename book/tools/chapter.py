"""Begin a chapter: ``make chapter NAME=memory/optimizers TITLE="What optimizers keep"``.

Writes a notebook that has every part of a chapter, runs, and stands in the table of contents.
"""

import re
import sys
from pathlib import Path

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig

from ibcore.runs.store import write_atomically

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
import address  # noqa: E402
import exits  # noqa: E402 (found on the path set above)

TEMPLATE = Path(__file__).with_name("chapter_template.md")
NAME = re.compile(r"([a-z]+)/([a-z][a-z0-9-]*)")
SET_UP = re.compile(r"```python\n(# @title Set-up.*?)\n```", re.DOTALL)


def chapter(name: str, title: str, root: Path = ROOT) -> nbformat.NotebookNode:
    """Return the notebook of a new chapter.

    Raises
    ------
    ValueError
        If the name is not ``laboratory/chapter`` in lower case or the title is empty.

    Examples
    --------
    >>> chapter("memory/optimizers", "What optimizers keep").cells[0].source.splitlines()[0]
    '# What optimizers keep'
    """
    lab, own = _parts(name)
    if not title.strip():
        raise ValueError('the chapter has no title; add TITLE="..."')
    text = TEMPLATE.read_text("utf-8").replace("LAB", lab).replace("NAME", own)
    text = text.replace("TITLE", title.strip())
    text = text.replace("ORIGIN\n\n", exits.stated(f"notebooks/{name}", address.configured()))
    notebook = read_myst_markdown_notebook(text, MdParserConfig())
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}
    return _with_set_up(nbformat.from_dict(notebook), root)


def _parts(name: str) -> tuple[str, str]:
    match = NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not laboratory/chapter, such as memory/optimizers")
    return match[1], match[2]


def _with_set_up(notebook: nbformat.NotebookNode, root: Path) -> nbformat.NotebookNode:
    """Give the notebook the common set-up cell, and each cell an id that follows its place."""
    match = SET_UP.search((root / "CONTRIBUTING.md").read_text("utf-8"))
    if match is None:
        raise ValueError("CONTRIBUTING.md prints no set-up cell")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.source = cell.source.strip()
        if cell.source == "SET-UP":
            cell.source = match[1]
            cell.metadata["cellView"] = "form"
    return notebook


def listed(toc: str, name: str) -> str:
    r"""Return the table of contents with the chapter at the end of its laboratory.

    Raises
    ------
    ValueError
        If no chapter of that laboratory stands there yet, or this one does.

    Examples
    --------
    >>> print(listed("- file: notebooks/memory/idea\n- file: book/end\n", "memory/next"))
    - file: notebooks/memory/idea
    - file: notebooks/memory/next
    - file: book/end
    <BLANKLINE>
    """
    lab = _parts(name)[0]
    lines = toc.splitlines()
    places = [n for n, line in enumerate(lines) if f"- file: notebooks/{lab}/" in line]
    if not places:
        raise ValueError(f"book/_toc.yml has no chapter of {lab!r}; add its part there first")
    last = lines[places[-1]]
    entry = f"{last[: last.index('-')]}- file: notebooks/{name}"
    if entry in lines:
        raise ValueError(f"book/_toc.yml lists notebooks/{name} already")
    lines.insert(places[-1] + 1, entry)
    return "\n".join(lines) + "\n"


def begin(name: str, title: str, root: Path = ROOT) -> Path:
    """Write the notebook and list it; return its path.

    Raises
    ------
    FileExistsError
        If there is a notebook of that name.
    """
    notebook, toc = chapter(name, title, root), root / "book" / "_toc.yml"
    path = root / "notebooks" / f"{name}.ipynb"
    if path.exists():
        raise FileExistsError(f"{path} exists; choose another name")
    contents = listed(toc.read_text("utf-8"), name)
    write_atomically(path, f"{nbformat.writes(notebook)}\n".encode())
    write_atomically(toc, contents.encode())
    return path


def main() -> int:
    """Begin the chapter named by the arguments."""
    if len(sys.argv) != 3:
        print('error: make chapter NAME=memory/optimizers TITLE="What optimizers keep"')
        return 2
    try:
        path = begin(sys.argv[1], sys.argv[2])
    except (ValueError, FileExistsError) as error:
        print(f"error: {error}")
        return 2
    print(f"{path.relative_to(ROOT)} is written and listed in book/_toc.yml")
    return 0


if __name__ == "__main__":
    sys.exit(main())
