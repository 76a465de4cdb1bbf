"""The floors of the package: imports only go down, and ``import ibcore`` stays light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "ibcore"
LABS = ("redshift", "metainit", "guidance", "memory")
FLOORS = {
    **dict.fromkeys(("runtime", "nets", "tasks", "data", "stats"), 0),
    **dict.fromkeys(("population", "runs", "training"), 1),
    **dict.fromkeys(LABS, 2),
    **dict.fromkeys(("plots", "explorers", "exercises"), 3),
    "__main__": 4,
}
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
FLOORED = [name for name in FILES if name != "__init__.py"]
HEAVY = ("pandas", "matplotlib", "seaborn", "pyarrow", "anywidget", "IPython", "scipy", "typer")


def room(name: str) -> str:
    """Return the part below ``ibcore``: ``nets`` for ``nets/mlp.py`` and for ``nets.mlp``."""
    return name.replace("/", ".").removesuffix(".py").split(".")[0]


def imported(source: str, package: str) -> Iterator[str]:
    """Yield the modules of ibcore a source imports, relative to it; TYPE_CHECKING ones too.

    ``from ibcore.nets import mlp`` yields ``nets.mlp``, so that private names can be seen.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (_below(alias.name) for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, package)
            if _is_ours(module):
                yield from (_below(f"{module}.{alias.name}") for alias in node.names)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *filter(None, [node.module])])


def _is_ours(module: str) -> bool:
    return module == "ibcore" or module.startswith("ibcore.")


def _below(module: str) -> str:
    return module.removeprefix("ibcore").removeprefix(".")


def package_of(name: str) -> str:
    """Return the dotted package that holds a file."""
    return ".".join(["ibcore", *Path(name).parts[:-1]])


def offences(name: str, source: str) -> list[str]:
    """Return every import of a file that the house forbids."""
    here = room(name)
    found = []
    for module in imported(source, package_of(name)):
        there = room(module)
        if there not in FLOORS or there == here:
            continue
        if FLOORS[there] > FLOORS[here]:
            found.append(f"{name} (floor {FLOORS[here]}) imports {module} (floor {FLOORS[there]})")
        elif here in LABS and there in LABS and not _is_public(module):
            found.append(f"{name} imports {module}, a private file of another laboratory")
    return found


def _is_public(module: str) -> bool:
    """Say whether a laboratory's name is taken from its front door, ``ibcore.LAB``."""
    lab, *rest = module.split(".")
    is_file = rest and (
        (PACKAGE / lab / f"{rest[0]}.py").exists() or (PACKAGE / lab / rest[0]).is_dir()
    )
    return not is_file and len(rest) <= 1


def test_every_file_of_the_package_stands_on_a_known_floor() -> None:
    homeless = [name for name in FLOORED if room(name) not in FLOORS]
    assert not homeless, f"give these a floor in {Path(__file__).name}: {homeless}"


def test_imports_only_go_down() -> None:
    found = [offences(name, (PACKAGE / name).read_text("utf-8")) for name in FLOORED]
    assert not [offence for each in found for offence in each]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("runtime.py", "from ibcore.runs import load"),
        ("nets/mlp.py", "import ibcore.population"),
        ("runs/store.py", "from ibcore import redshift"),
        ("runs/store.py", "from ..redshift import fourier"),
        ("redshift/fourier.py", "import ibcore.plots"),
        ("stats.py", "if TYPE_CHECKING:\n    from ibcore.population import Population"),
        ("memory/sweep.py", "def late():\n    from ibcore.explorers import base"),
        ("memory/sweep.py", "from ibcore.redshift._hidden.part import thing"),
        ("memory/sweep.py", "from ibcore.redshift.fourier import fourier_complexity"),
    ],
)
def test_the_check_finds_a_forbidden_import(name: str, source: str) -> None:
    assert offences(name, source)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("plots.py", "from ibcore.runs import load"),
        ("redshift/fourier.py", "from ibcore.redshift.sampling import sample_functions"),
        ("memory/sweep.py", "from ibcore.redshift import fourier_complexity"),
        ("nets/mlp.py", "from ibcore.nets.activations import relu\nimport torch"),
        ("nets/mlp.py", "import ibcore"),
    ],
)
def test_the_check_lets_a_downward_import_pass(name: str, source: str) -> None:
    assert not offences(name, source)


@pytest.fixture(scope="module")
def loaded_by_import() -> set[str]:
    """Return the modules that ``import ibcore`` loads in a fresh interpreter."""
    code = "import sys, ibcore; print(*sorted(sys.modules))"
    run = [sys.executable, "-W", "error", "-c", code]
    folder = PACKAGE.parent
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_ibcore_loads_no_heavy_library(loaded_by_import: set[str]) -> None:
    assert not {module.split(".")[0] for module in loaded_by_import} & set(HEAVY)


def test_importing_ibcore_loads_none_of_its_rooms(loaded_by_import: set[str]) -> None:
    assert not [name for name in loaded_by_import if name.startswith("ibcore.")]
