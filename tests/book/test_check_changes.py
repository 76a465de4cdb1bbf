"""Which tests ``make check`` chooses for a change."""

import subprocess
from pathlib import Path

import check_changes
import pytest


@pytest.mark.parametrize(
    ("file", "chosen", "left"),
    [
        ("ibcore/redshift/fourier.py", "tests/redshift/test_fourier.py", "tests/nets/test_mlp.py"),
        ("ibcore/population.py", "tests/test_population.py", "tests/runs/test_execute.py"),
        ("tests/nets/test_mlp.py", "tests/nets/test_mlp.py", "tests/nets/test_init.py"),
        ("book/claims.yml", "tests/test_claims.py", "tests/test_stats.py"),
        ("requirements.txt", "tests/test_requirements.py", "tests/test_stats.py"),
        ("notebooks/memory/idea.ipynb", "tests/book/test_notebooks.py", "tests/test_stats.py"),
    ],
)
def test_a_change_chooses_the_tests_that_read_it(file: str, chosen: str, left: str) -> None:
    found = check_changes.tests_of([file])
    assert chosen in found
    assert left not in found
    assert set(check_changes.GENERAL) <= set(found)


def test_every_file_that_is_named_exists(root: Path) -> None:
    named = {*check_changes.GENERAL, *check_changes.READERS.values()}
    assert not [name for name in named if not (root / name).is_file()]


def test_nothing_is_tested_where_nothing_has_changed(tmp_path: Path) -> None:
    assert check_changes.tests_of([]) == []
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    for command in (("init", "-q"), (*settings, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert check_changes.changed(tmp_path) == []
    (tmp_path / "new.py").touch()
    assert check_changes.changed(tmp_path) == ["new.py"]
