"""The digest of code: what changes a result changes it, and nothing else does."""

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ibcore.runs import find, fingerprint
from ibcore.runs.fingerprint import _reached

FILES = {
    "__init__.py": "",
    "work.py": '''"""An experiment."""
import math
from PKG import tools
from PKG.shapes import WIDTH, Shape

def run_cell(cell: Shape, device):
    from PKG.late import shift
    steps = [f"{cell.size!r:>{WIDTH}}" for _ in range(2)]
    return tools.scale(cell.area()) + shift(len(steps)) + math.pi

def unused(x):
    return x
''',
    "shapes.py": """WIDTH = 3

class Shape:
    size: int = 1

    def area(self):
        return _square(self.size)

def _square(x):
    return x * x
""",
    "tools/__init__.py": "from PKG.tools.scaling import scale\n",
    "tools/scaling.py": "FACTOR = {}\nFACTOR['x'] = 2\ndef scale(x): return x * FACTOR['x']\n",
    "late.py": "def shift(x): return x + 1\n",
}
DIGEST = "71a3ae3f530f506a"  # in every Python that the package supports

SAME = {
    "a comment": ("late.py", "return", "# here it is\n    return"),
    "a docstring": ("shapes.py", "    size", '    """Of a size."""\n\n    size'),
    "formatting": ("late.py", "x + 1", "(x  +\n 1)"),
    "what is not reached": ("work.py", "return x\n", "return -x\n"),
    "an import that is not used": ("work.py", "import math", "import math\nimport os"),
}
OTHER = {
    "a function": ("shapes.py", "x * x", "x * x * x"),
    "a method": ("shapes.py", "_square(self.size)", "_square(self.size + 1)"),
    "a default of a class": ("shapes.py", "size: int = 1", "size: int = 2"),
    "a constant": ("shapes.py", "WIDTH = 3", "WIDTH = 4"),
    "an entry set later": ("tools/scaling.py", "= 2", "= 3"),
    "what is imported inside a function": ("late.py", "x + 1", "x + 2"),
    "what a package hands on": ("tools/scaling.py", "x * ", "x / "),
}


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], str]:
    """Return a function that writes a package under a new name and digests its ``run_cell``."""
    monkeypatch.syspath_prepend(tmp_path)
    numbers = itertools.count()

    def of(files: dict[str, str]) -> str:
        name = f"{tmp_path.name}_{next(numbers)}"
        for file, text in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("PKG", name))
        found = fingerprint.fingerprint(
            SimpleNamespace(__module__=f"{name}.work", __qualname__="run_cell")  # type: ignore[arg-type]
        )
        assert found
        return found

    return of


def changed(file: str, old: str, new: str) -> dict[str, str]:
    assert old in FILES[file]
    return {**FILES, file: FILES[file].replace(old, new)}


def test_what_computes_nothing_changes_nothing_in_any_python(
    digest: Callable[[dict[str, str]], str],
) -> None:
    digests = {name: digest(changed(*edit)) for name, edit in SAME.items()}
    assert digests == dict.fromkeys(SAME, DIGEST)


def test_every_change_of_what_is_reached_is_seen(digest: Callable[[dict[str, str]], str]) -> None:
    digests = {name: digest(changed(*edit)) for name, edit in OTHER.items()}
    assert len({digest(FILES), *digests.values()}) == 1 + len(OTHER), digests


def test_moved_definitions_and_merged_files_keep_the_digest(
    digest: Callable[[dict[str, str]], str],
) -> None:
    head, function = FILES["shapes.py"].split("def _square")
    moved = {"shapes.py": f"from PKG.extra import _square\n{head}", "extra.py": "def _square"}
    moved["extra.py"] += function
    merged = {"tools/__init__.py": FILES["tools/scaling.py"] + FILES["late.py"]}
    merged["work.py"] = FILES["work.py"].replace("PKG.late", "PKG.tools")
    assert digest({**FILES, **moved}) == DIGEST
    assert digest({**FILES, **merged}) == DIGEST


def test_without_source_there_is_no_digest() -> None:
    assert fingerprint.fingerprint(len) is None
    typed_in = SimpleNamespace(__module__="__main__", __qualname__="run_cell")
    fake = SimpleNamespace(__name__="__main__")  # as in a notebook
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", fake)  # type: ignore[arg-type]
        fingerprint._module.cache_clear()
        assert fingerprint.fingerprint(typed_in) is None  # type: ignore[arg-type]
    fingerprint._module.cache_clear()


SHORT = ("redshift.references", "redshift.modular-pictures")
LONG = ("metainit.gap", "guidance.plain-cnn", "memory.pipelines", "memory.resnet")


@pytest.mark.parametrize(
    "name", [*SHORT, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)]
)
def test_what_an_experiment_calls_is_reached(name: str) -> None:
    experiment = find(name)
    cell, called = next(iter(experiment.plan("smoke").values())), set()

    def note(frame: object, event: str, _: object) -> None:
        code, module = frame.f_code, frame.f_globals.get("__name__", "")  # type: ignore[attr-defined]
        made = code.co_filename == "<string>" or code.co_name in ("<module>", "<lambda>")
        if event == "call" and module.startswith("ibcore.") and not made:
            called.add((module, code.co_qualname.partition(".")[0]))

    sys.setprofile(note)
    try:
        experiment.run_cell(cell, torch.device("cpu"))
    finally:
        sys.setprofile(None)
    start = (experiment.run_cell.__module__, experiment.run_cell.__qualname__)
    assert start in called
    assert called <= _reached([start], frozenset({"ibcore"}))
