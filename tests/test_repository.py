"""The repository keeps its own rules: one address, short files, examples that run."""

import doctest
import importlib
import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".ci"))
import repository
from repository import address

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "ibcore"
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.name != "__main__.py"
)
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
NAME = re.compile(r"[A-Za-z][\w.-]*")
OWN = "tests/test_repository.py"


def texts() -> Iterator[tuple[str, str]]:
    """Yield name and content of every text file of the project."""
    for path in repository.files(ROOT):
        yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def test_every_address_of_the_repository_is_the_configured_one() -> None:
    here = address.configured(ROOT)
    name = re.escape(here.code.rpartition("/")[2])
    whole = re.compile(rf"https://[\w.-]+(?:/[\w-]+)*?/{name}(?![\w-])")
    written = [(file, text) for file, text in texts() if not file.endswith(".py")]
    found = {(file, each) for file, text in written for each in whole.findall(text)}
    assert len(found) > 10
    assert not [(file, each) for file, each in found if not here.written.fullmatch(each)]


def test_a_placeholder_is_at_a_host_that_nobody_can_register() -> None:
    hosts = re.findall(r"https://([^/]+)/", repr(address.PLACEHOLDER))
    assert len(hosts) == 4
    assert all(f".{host}".endswith(".example.invalid") for host in hosts)
    account = re.compile(rf"/OWNER/{address.NAME}|\bowner\.github\.io")
    assert not [name for name, text in texts() if name != OWN and account.search(text)]


@pytest.mark.parametrize("file", ["README.md", "CITATION.cff", "CONTRIBUTING.md"])
def test_the_files_that_must_name_the_repository_do(file: str) -> None:
    assert address.configured(ROOT).code in (ROOT / file).read_text("utf-8")


def page(here: address.Address) -> str:
    """Return a page that writes an address in every way, and others like it."""
    return (
        f"[Colab]({here.colab}/blob/main/a.ipynb), [code]({here.code}), {here.binder}/main, "
        f"[pages]({here.pages}/intro), [other]({here.code}-shop), `git clone {here.code}.git`, "
        "[theirs](https://github.com/them/tool)"
    )


@pytest.mark.parametrize("old", [address.PLACEHOLDER, address.github("OLD", "book")])
def test_a_new_address_reaches_every_file_and_only_the_address(
    tmp_path: Path, old: address.Address
) -> None:
    (tmp_path / "_config.yml").write_text(f"repository:\n  url: {old.code}\n")
    (tmp_path / "page.md").write_text(page(old))
    changed = repository.rewrite("https://github.com/New/tome", tmp_path)
    assert [path.name for path in changed] == ["_config.yml", "page.md"]
    new = address.github("New", "tome")
    wanted = page(new).replace(f"{new.code}-shop", f"{old.code}-shop")
    assert (tmp_path / "page.md").read_text() == wanted
    assert "https://new.github.io/tome/intro" in wanted
    assert address.configured(tmp_path) == new


def test_what_waits_for_an_address_shows_once_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "_config.yml").write_text(f"repository:\n  url: {address.PLACEHOLDER.code}\n")
    waiting = f"<!-- address: [Read]({address.PLACEHOLDER.pages}/) it -->"
    (tmp_path / "README.md").write_text(waiting)
    repository.rewrite("https://github.com/New/tome", tmp_path)
    assert (tmp_path / "README.md").read_text() == "[Read](https://new.github.io/tome/) it"


def test_the_readme_shows_no_address_that_leads_nowhere() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    here = address.configured(ROOT)
    assert f"[Read the book online]({here.pages}/)" in text
    shown = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    assert address.PLACEHOLDER.code not in shown
    assert (here.code in shown) is (here != address.PLACEHOLDER)


@pytest.mark.parametrize(
    "url", ["github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a"]
)
def test_a_bad_address_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(url))):
        repository.rewrite(url, ROOT)


def test_colab_links_point_at_files_that_exist() -> None:
    colab = re.escape(address.configured(ROOT).colab)
    link = re.compile(rf"{colab}/blob/[\w.-]+/([^)\s\"]+)")
    found = [path for _, text in texts() for path in link.findall(text)]
    assert len(found) > 12  # one in each notebook, one on the first page
    assert not [path for path in found if not (ROOT / path).is_file()]


INSTALL = re.compile(r"\bpip3? install\b([^`\n]*)")
# What is not ours at PyPI must come from an address or a file.
BARE = re.compile(r"(?<![\w./-])ibcore(?:\[[\w, -]*\])?(?!\s*@|[\w./-])")


def bare_installs(text: str) -> list[str]:
    """Return the commands of a text that install a package named ibcore from the index."""
    return [match[0] for match in INSTALL.finditer(text) if BARE.search(match[1])]


@pytest.mark.parametrize(
    ("command", "bare"),
    [
        ("pip install ibcore", True),
        ("pip install -U 'ibcore[data]'", True),
        ("python -m pip install torch ibcore==2026.1", True),
        ('pip install "ibcore @ git+https://example.org/book"', False),
        ("pip install ibcore-2026.1-py3-none-any.whl", False),
        ("pip install ./ibcore", False),
        ("pip install -e . for ibcore", True),
        ("pip install -e '.[test]'", False),
    ],
)
def test_a_bare_name_is_told_from_an_address_and_a_file(command: str, bare: bool) -> None:
    assert bool(bare_installs(command)) is bare


def test_nobody_is_told_to_install_the_package_of_that_name_from_the_index() -> None:
    assert not {
        name: found for name, text in texts() if name != OWN and (found := bare_installs(text))
    }


def test_text_is_checked_out_with_the_line_ends_that_a_shell_reads(tmp_path: Path) -> None:
    git = ["git", "-c", "core.autocrlf=true", "-C", str(tmp_path)]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    written = {"run": b"#!/bin/sh\ntrue\n", "a.parquet": b"PAR1\r\n\n", "a.webp": b"RIFF\r\n\n"}
    for name, content in written.items():
        (tmp_path / name).write_bytes(content)
    subprocess.run([*git, "add", "."], check=True, capture_output=True)
    for name in written:
        (tmp_path / name).unlink()
    subprocess.run([*git, "checkout", "-q", "--", "."], check=True)
    assert {name: (tmp_path / name).read_bytes() for name in written} == written


def test_nothing_is_left_unfinished() -> None:
    assert not [name for name, text in texts() if UNFINISHED.search(text)]


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
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+( ; python_full_version .*)?", pin) for pin in pins)
    names = {_normal(pin.split("==")[0]) for pin in pins}
    requirements = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    asked = {_normal(m[0]) for need in requirements + needs() if (m := NAME.match(need))}
    assert not asked - names


def test_all_that_is_installed_has_the_checksums_of_the_pinned_versions() -> None:
    pinned = set(_pins("constraints.txt"))
    hashed = {name: _pins(f".ci/hashes/{name}.txt") for name in ("book", "test")}
    both = hashed["book"] + hashed["test"]
    assert not set(both) - pinned, "constraints.txt has changed; run: make hashes"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["test"]
    names = {_normal(m[0]) for need in asked if (m := NAME.match(need))}
    assert names - {name for name, _ in both} == {"torch"}  # of which each build is another file
    for name in hashed:
        text = (ROOT / ".ci" / "hashes" / f"{name}.txt").read_text("utf-8")
        entries = re.split(r"\n(?=\w)", text)[1:]
        assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)


def _pins(path: str) -> list[tuple[str, str]]:
    """Return name and version of each pin in a file."""
    text = (ROOT / path).read_text("utf-8")
    return [(_normal(m[1]), m[2]) for m in re.finditer(r"^([\w.-]+)==([\w.]+)", text, re.M)]


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
