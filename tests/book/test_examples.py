"""The examples in the docstrings of the book's extensions and tools hold."""

import doctest
import importlib
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
FILES = sorted([*(BOOK / "_ext").glob("*.py"), *(BOOK / "tools").glob("*.py")])
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_examples_of_a_file_hold(path: Path) -> None:
    module = importlib.import_module(path.stem)  # conftest.py sets the path
    assert doctest.testmod(module, optionflags=OPTIONS).failed == 0


def test_there_are_examples() -> None:
    texts = [path.read_text("utf-8") for path in FILES]
    assert sum(">>> " in text for text in texts) >= 10
