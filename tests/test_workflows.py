"""The workflows call what exists, and the weekly one looks after what ages by itself."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGET = re.compile(r"\bmake ((?:[a-z-]+ )*[a-z-]+)")


def jobs(path: Path) -> dict[str, Any]:
    """Return the jobs of a workflow."""
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    return found


def commands(job: Any) -> list[str]:
    """Return the shell commands of a job."""
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_targets_and_scripts_that_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    run = [command for job in jobs(path).values() for command in commands(job)]
    targets = {word for text in run for match in TARGET.findall(text) for word in match.split()}
    assert run
    assert not [t for t in targets if not re.search(rf"^{t}:", makefile, re.MULTILINE)]
    scripts = [text.split()[0] for text in run if text.startswith(".ci/")]
    assert not [script for script in scripts if not (ROOT / script).is_file()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_job_has_an_end(path: Path) -> None:
    endless = [name for name, job in jobs(path).items() if "timeout-minutes" not in job]
    assert set(endless) <= {"deploy"}


def test_the_weekly_run_tries_releases_processors_a_cold_cache_and_outside_links() -> None:
    weekly = jobs(ROOT / ".github" / "workflows" / "weekly.yml")
    text = {name: "\n".join(commands(job)) for name, job in weekly.items()}
    assert weekly["newest"]["steps"][-1]["env"]["CONSTRAINTS"] == ""
    assert "make oldest" in text["oldest"]
    assert "make processors" in text["processors"]
    assert "make links" in text["links"]
    cached = [step for step in weekly["cold"]["steps"] if "cache" in step.get("with", {})]
    assert not cached


def test_what_is_published_was_tested_and_is_built_without_a_token() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text("utf-8"))
    test, build, deploy = (workflow["jobs"][name] for name in ("test", "build", "deploy"))
    assert ".ci/run" in commands(test)
    assert (build["needs"], deploy["needs"]) == ("test", "build")
    assert workflow["permissions"] == {"contents": "read"}
    assert not {"permissions"} & (test.keys() | build.keys())
    assert deploy["permissions"] == {"pages": "write", "id-token": "write"}
    (checkout,) = [s for s in build["steps"] if s.get("uses", "").startswith("actions/checkout")]
    assert checkout["with"]["persist-credentials"] is False


def test_every_target_is_named_by_make_help_or_is_internal() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    named = set(re.findall(r"@echo 'make ([a-z-]+)", makefile))
    assert set(phony.split()) - named == {"help"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_version_beside(path: Path) -> None:
    uses = re.findall(r"uses: (.*)$", path.read_text("utf-8"), re.MULTILINE)
    assert uses
    loose = [each for each in uses if not re.fullmatch(r"\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)]
    assert not loose


def test_no_second_index_is_merged_with_the_first() -> None:
    places = [ROOT / "Makefile", ROOT / ".ci/run", *WORKFLOWS, *(ROOT / ".binder").iterdir()]
    merged = re.compile(r"extra.index.url|index-strategy", re.IGNORECASE)
    assert not [path.name for path in places if merged.search(path.read_text("utf-8"))]
