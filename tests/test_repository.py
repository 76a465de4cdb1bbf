"""The repository keeps its own rules: one address, short files, examples that run."""

import doctest
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".ci"))
import repository

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ibcore"
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.name != "__main__.py"
)
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
LONGEST_FILE = 250
NAME = re.compile(r"[A-Za-z][\w.-]*")


def texts() -> Iterator[tuple[str, str]]:
    """Yield name and content of every text file of the project."""
    for path in repository.files(ROOT):
        yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def test_every_address_of_the_repository_is_the_configured_one() -> None:
    owner, name = repository.current(ROOT)
    found = [
        (file, match[0])
        for file, text in texts()
        for match in repository.places(name).finditer(text)
        if match[2] not in (owner, owner.lower())
    ]
    assert not found


@pytest.mark.parametrize("file", ["README.md", "CITATION.cff", "CONTRIBUTING.md"])
def test_the_files_that_must_name_the_repository_do(file: str) -> None:
    owner, name = repository.current(ROOT)
    assert f"https://github.com/{owner}/{name}" in (ROOT / file).read_text("utf-8")


def test_a_new_address_reaches_every_file_and_only_the_address(tmp_path: Path) -> None:
    page = (
        "[Colab](https://colab.research.google.com/github/OLD/book/blob/main/a.ipynb), "
        "[code](https://github.com/OLD/book), [pages](https://old.github.io/book/intro), "
        "[other](https://github.com/OLD/bookshop), [theirs](https://github.com/them/tool)"
    )
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://github.com/OLD/book\n")
    (tmp_path / "page.md").write_text(page)
    changed = repository.rewrite("https://github.com/New/tome", tmp_path)
    assert [path.name for path in changed] == ["_config.yml", "page.md"]
    assert (tmp_path / "page.md").read_text() == (
        "[Colab](https://colab.research.google.com/github/New/tome/blob/main/a.ipynb), "
        "[code](https://github.com/New/tome), [pages](https://new.github.io/tome/intro), "
        "[other](https://github.com/OLD/bookshop), [theirs](https://github.com/them/tool)"
    )
    assert repository.current(tmp_path) == ("New", "tome")


@pytest.mark.parametrize(
    "url", ["github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a"]
)
def test_a_bad_address_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(url))):
        repository.slug(url)


def test_colab_links_point_at_files_that_exist() -> None:
    link = re.compile(r"colab\.research\.google\.com/github/[\w.-]+/[\w.-]+/blob/main/([^)\s\"]+)")
    found = [(file, path) for file, text in texts() for path in link.findall(text)]
    ours = [(file, path) for file, path in found if not file.startswith("tests/")]
    assert not [place for place in ours if not (ROOT / place[1]).is_file()]


def test_nothing_is_left_unfinished() -> None:
    assert not [name for name, text in texts() if UNFINISHED.search(text)]


def test_files_of_the_package_stay_short() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert not {str(path): n for path, n in lengths.items() if n > LONGEST_FILE}


def examples_fail(module: str) -> bool:
    """Run the examples of a module; doctest prints those that fail."""
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    return doctest.testmod(importlib.import_module(module), optionflags=options).failed > 0


@pytest.mark.parametrize("room", sorted({".".join(name.split(".")[:2]) for name in MODULES}))
def test_the_examples_in_the_documentation_run(room: str) -> None:
    own = [name for name in MODULES if name == room or name.startswith(f"{room}.")]
    assert not [name for name in own if examples_fail(name)]


def exported() -> list[tuple[str, str]]:
    """Return package and name of all that the packages' ``__init__`` files offer."""
    ibcore = importlib.import_module("ibcore")
    flat = [("ibcore", name) for name in ibcore.__all__ if not name.startswith("_")]
    rooms = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    inner = [(f"ibcore.{room}", importlib.import_module(f"ibcore.{room}")) for room in rooms]
    return flat + [(name, item) for name, room in inner for item in getattr(room, "__all__", ())]


def test_every_public_function_has_an_example() -> None:
    things = {place: getattr(importlib.import_module(place[0]), place[1]) for place in exported()}
    functions = [place for place, thing in things.items() if inspect.isfunction(thing)]
    assert len(functions) > 100
    assert not [place for place in functions if "Examples\n" not in (things[place].__doc__ or "")]


def test_the_citation_file_agrees_with_the_package_and_the_book() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    assert version is not None
    assert citation["version"] == version[1] == config["sphinx"]["config"]["release"]
    assert "|release|" in config["html"]["extra_footer"]
    assert config["title"] in citation["title"]


def test_every_lower_bound_of_the_requirements_gives_its_reason() -> None:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    bare = [line for line in lines if line and line[0] not in "#-" and "  # " not in line]
    assert not bare
    assert not [line for line in lines if "==" in line.split("#")[0]]


def test_the_constraints_pin_all_that_the_project_asks_for() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    names = {_normal(pin.split("==")[0]) for pin in pins}
    requirements = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    asked = {_normal(m[0]) for need in requirements + needs() if (m := NAME.match(need))}
    assert not asked - names


def needs() -> list[str]:
    """Return what ``pyproject.toml`` asks for, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [need for group in groups for need in group]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_make_help_names_every_public_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in (
        "book",
        "test",
        "notebooks",
        "bench",
        "repository",
        "slides",
        "zip",
        "pdf",
        "clean",
    ):
        assert f"make {target}" in done.stdout
