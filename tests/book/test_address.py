"""The address of the book: where it is looked for, and pages that are built with and without it."""

import json
import re
import subprocess
import warnings
from pathlib import Path
from typing import Any

import address
import exits
import package_wheel
import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).resolve().parents[2]
ADA = address.github("Ada", "engine")
CHAPTER = "notebooks/redshift/idea"
PAGE = f"""# A page

[changes]({address.PLACEHOLDER.code}/blob/main/CHANGELOG.md) and [elsewhere](https://example.org/).

:::{{only}} address
`git clone {address.PLACEHOLDER.code}`
:::

:::{{only}} not address
It has no address.
:::

```{{toctree}}
{CHAPTER}
```
"""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget where these tests run."""
    for name in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project that states no address."""
    (tmp_path / "_config.yml").write_text(f"repository:\n  url: {address.PLACEHOLDER.code}\n")
    return tmp_path


def clone(project: Path, origin: str) -> None:
    """Make a project a repository that came from somewhere."""
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    subprocess.run(["git", "-C", str(project), "remote", "add", "origin", origin], check=True)


def test_nothing_is_known_of_a_copy_from_nowhere(project: Path) -> None:
    assert address.resolved(project) is None
    clone(project, str(project))
    assert address.resolved(project) is None


@pytest.mark.parametrize(
    "origin",
    [
        "https://github.com/Ada/engine",
        "https://github.com/Ada/engine.git",
        "https://x-access-token:secret@github.com/Ada/engine/",
        "git@github.com:Ada/engine.git",
        "ssh://git@github.com/Ada/engine",
    ],
)
def test_git_knows_where_a_clone_came_from(project: Path, origin: str) -> None:
    clone(project, origin)
    assert address.resolved(project) == ADA


@pytest.mark.parametrize(
    "origin", ["https://gitlab.com/Ada/engine", "https://github.com.evil.org/Ada/engine", "/srv/x"]
)
def test_another_host_is_no_address(project: Path, origin: str) -> None:
    clone(project, origin)
    assert address.resolved(project) is None


def test_a_folder_inside_another_repository_does_not_take_its_address(project: Path) -> None:
    clone(project, "https://github.com/somebody/elses")
    inner = project / "inner"
    inner.mkdir()
    assert address.resolved(inner) is None


def test_the_runner_is_believed_before_git_and_git_before_the_configuration(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "_config.yml").write_text("repository:\n  url: https://github.com/c/config\n")
    assert address.resolved(project) == address.github("c", "config")
    clone(project, "https://github.com/g/git")
    assert address.resolved(project) == address.github("g", "git")
    monkeypatch.setenv("GITHUB_REPOSITORY", "Ada/engine")
    assert address.resolved(project) == ADA
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example.org")
    assert address.resolved(project) == address.github("g", "git")


def test_a_configured_address_elsewhere_is_refused_with_the_remedy(project: Path) -> None:
    (project / "_config.yml").write_text("repository:\n  url: https://example.org/engine\n")
    with pytest.raises(ValueError, match="make repository"):
        address.configured(project)


def build(folder: Path, here: address.Address | None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Build a page and a chapter with the theme of the book; return the folder of the site."""
    monkeypatch.setattr(exits.address, "resolved", lambda: here)
    source, site = folder / "source", folder / "site"
    (source / CHAPTER).parent.mkdir(parents=True)
    for name in (f"{CHAPTER}.ipynb", "_config.yml"):
        text = (ROOT / name).read_text("utf-8")
        text = address.moved(text, address.configured(ROOT), address.PLACEHOLDER)
        (source / name).write_text(text, "utf-8")
    (source / "index.md").write_text(PAGE)
    monkeypatch.setattr(exits.address, "configured", lambda: address.PLACEHOLDER)
    monkeypatch.setattr(exits.api_usage, "chapters", lambda: (CHAPTER,))
    monkeypatch.setattr(exits.freshness, "ROOT", source)
    theme = {
        "repository_url": address.PLACEHOLDER.code,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_issues_button": True,
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    }
    settings: dict[str, Any] = {
        "extensions": ["myst_nb", "exits"],
        "source_suffix": {".rst": "restructuredtext"},  # Sphinx fills it, and shares its default
        "html_theme": "sphinx_book_theme",
        "html_theme_options": theme,
        "html_sourcelink_suffix": "",
        "myst_enable_extensions": ["colon_fence", "dollarmath"],
        "nb_execution_mode": "off",
    }
    with warnings.catch_warnings(), patch_docutils(), docutils_namespace():
        warnings.simplefilter("ignore")
        app = Sphinx(
            source, None, site, folder / "trees", "html", settings, status=None, warning=None
        )
        app.build()
    return site


def anchors(page: Path) -> list[str]:
    """Return where the anchors of a page lead out of it."""
    found = BeautifulSoup(page.read_text("utf-8"), "html.parser").find_all("a", href=True)
    return [str(a["href"]) for a in found if str(a["href"]).startswith(("https:", "../"))]


def code(page: Path) -> str:
    """Return the shown code of a page."""
    shown = BeautifulSoup(page.read_text("utf-8"), "html.parser").find_all(["pre", "code"])
    return "\n".join(each.get_text() for each in shown)


def test_pages_with_an_address_show_it_in_links_buttons_code_and_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = build(tmp_path, ADA, monkeypatch)
    page, chapter = site / "index.html", site / f"{CHAPTER}.html"
    assert f"{ADA.code}/blob/main/CHANGELOG.md" in anchors(page)
    assert f"git clone {ADA.code}" in code(page)
    assert "It has no address." not in page.read_text("utf-8")
    assert f"{ADA.colab}/blob/main/{CHAPTER}.ipynb" in anchors(chapter)
    assert f"{ADA.binder}/main?urlpath=lab/tree/{CHAPTER}.ipynb" in anchors(chapter)
    assert any(a.startswith(f"{ADA.code}/issues/new") for a in anchors(chapter))
    assert f'<link rel="canonical" href="{ADA.pages}/index.html" />' in page.read_text("utf-8")
    assert f'"ibcore @ git+{ADA.code}"' in code(chapter)
    (cell,) = BeautifulSoup(chapter.read_text("utf-8"), "html.parser").select("pre:has(.c1)")[:1]
    assert ADA.code in cell.get_text(), "the set-up cell has kept its colors"
    assert "example.invalid/" not in page.read_text("utf-8") + code(chapter)
    offered = (site / "_sources" / f"{CHAPTER}.ipynb").read_text("utf-8")
    assert "example.invalid/" not in offered
    assert f"git+{ADA.code}" in offered


def test_pages_without_an_address_have_no_dead_exit_and_offer_the_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = build(tmp_path, None, monkeypatch)
    page, chapter = site / "index.html", site / f"{CHAPTER}.html"
    left = [a for a in anchors(page) + anchors(chapter) if a.startswith("https:")]
    assert "https://example.org/" in left
    assert not [a for a in left if re.search("invalid|colab|binder|issues|OWNER", a)]
    text = page.read_text("utf-8")
    assert "It has no address." in text
    assert "changes" in text
    assert "git clone" not in text
    assert "canonical" not in text
    assert f"../../_sources/{CHAPTER}.ipynb" in anchors(chapter)
    offered = json.loads((site / "_sources" / f"{CHAPTER}.ipynb").read_text("utf-8"))
    assert "open book *Where" in offered["cells"][0]["source"]
    assert "https:" not in offered["cells"][0]["source"].partition("ib-card")[0]


def test_a_notebook_that_is_offered_differs_in_nothing_but_the_address() -> None:
    text = (ROOT / f"{CHAPTER}.ipynb").read_text("utf-8")
    here = address.configured()
    offered = exits.offered(text, CHAPTER, here)
    mine, theirs = json.loads(text), json.loads(offered)
    mine["cells"][0]["source"] = "".join(mine["cells"][0]["source"])
    assert theirs == mine


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a project whose wheel is small."""
    for name in ("README.md", "LICENSE", "ibcore/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "ibcore"\nversion = "1.2"\nrequires-python = ">=3.11"\n'
    )
    return tmp_path


def test_the_wheel_is_built_again_only_when_it_changes(small: Path, tmp_path: Path) -> None:
    first = package_wheel.wheel(small, tmp_path / "built")
    assert first.name == "ibcore-1.2-py3-none-any.whl"
    before = first.stat().st_mtime_ns
    assert package_wheel.wheel(small, tmp_path / "built") == first
    assert first.stat().st_mtime_ns == before
    (small / "ibcore" / "__init__.py").write_text("new = 1")
    second = package_wheel.wheel(small, tmp_path / "built")
    assert second != first
    assert list((tmp_path / "built").rglob("*.whl")) == [second]
