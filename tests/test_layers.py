"""``import ibcore`` stays light.  That imports only go down is seen by `make lint`."""

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "ibcore"
HEAVY = ("pandas", "matplotlib", "seaborn", "pyarrow", "anywidget", "IPython", "scipy", "typer")


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
