"""An environment like Colab's: its packages, none of the book's tools, and no ``ibcore`` yet."""

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

# What a notebook may count on there.  Colab has many more packages, none of which a chapter uses.
PREINSTALLED = (
    "anywidget",
    "ipykernel",
    "ipywidgets",
    "matplotlib",
    "numpy",
    "pandas",
    "pip",
    "pyarrow",
    "pyyaml",
    "scikit-learn",
    "scipy",
    "seaborn",
    "torch",
    "tqdm",
    "typer",
)


def closure(names: tuple[str, ...] = PREINSTALLED) -> dict[str, metadata.Distribution]:
    """Return these distributions and all that they require here, by canonical name."""
    found: dict[str, metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found[name] = metadata.distribution(name)
            waiting += [wanted.name for wanted in _requirements(found[name])]
    return found


def conflicts(names: tuple[str, ...]) -> list[str]:
    """Return what these distributions and those that they require ask for in another version."""
    wanted = [each for found in closure(names).values() for each in _requirements(found)]
    return [str(each) for each in wanted if metadata.version(each.name) not in each.specifier]


def _requirements(distribution: metadata.Distribution) -> Iterator[Requirement]:
    for text in distribution.requires or ():
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            yield wanted


def create(folder: Path, names: tuple[str, ...] = PREINSTALLED) -> Path:
    """Make a virtual environment that holds links to packages installed here; return Python."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    site = packages(folder)
    for target, source in _targets(names).items():
        (site / target).parent.mkdir(parents=True, exist_ok=True)
        (site / target).symlink_to(source)
    return folder / "bin" / "python"


@cache
def _targets(names: tuple[str, ...]) -> dict[Path, Path]:
    """Return what to link: whole packages, and single files of folders that packages share."""
    found: dict[Path, Path] = {}
    for distribution in closure(names).values():
        home = Path(str(distribution.locate_file("")))
        tops: dict[str, bool] = {}
        for file in distribution.files or ():
            top = file.parts[0]
            if top not in tops:
                tops[top] = _is_shared(home / top)
            target = Path(*file.parts) if tops[top] else Path(top)
            if top not in ("..", "__pycache__") and target not in found:
                found[target] = home / target
    return {target: source for target, source in found.items() if source.exists()}


def _is_shared(top: Path) -> bool:
    named = (top / "__init__.py").exists() or top.suffix == ".dist-info"
    return top.is_dir() and not named


def packages(folder: Path) -> Path:
    """Return the folder of packages of a virtual environment."""
    return next((folder / "lib").glob("python3.*")) / "site-packages"


def versions(folder: Path) -> dict[str, str]:
    """Return name and version of everything installed in a virtual environment."""
    found = metadata.distributions(path=[str(packages(folder))])
    return {canonicalize_name(entry.name): entry.version for entry in found}


def settings() -> dict[str, str]:
    """Return the environment variables: no index to install from, no path into the repository."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "IBCORE_TIER": "smoke",
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INDEX": "1",
    }


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel into a folder."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*command, str(folder)], cwd=ROOT, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("ibcore-*.whl")
    return wheel
