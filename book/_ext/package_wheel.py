"""The package beside the pages: a reader without git installs the wheel that the site offers.

A link to ``wheel:`` leads to it.  It is built again only when something in it has changed.
"""

import posixpath
import shutil
import tomllib
from pathlib import Path
from typing import Any

import freshness
from docutils import nodes
from sphinx.application import Sphinx

from ibcore.runs.store import write_atomically

FOLDER = freshness.ROOT / "_build" / "wheel"
LINK = "wheel:"
_PACKAGE = ("pyproject.toml", "README.md", "LICENSE", "ibcore/**/*")
_SHIPPED = ("book/*.yml", "book/experiments.json", "book/exercises/*.yml", "book/results/**/*")


def name(root: Path = freshness.ROOT) -> str:
    """Return the file name of the wheel, which tells pip its version."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return f"{project['name']}-{project['version']}-py3-none-any.whl"


def wheel(root: Path = freshness.ROOT, folder: Path = FOLDER) -> Path:
    """Return the wheel of a project, built into a folder unless it stands there already."""
    place = folder / freshness.digest(freshness.sources((*_PACKAGE, *_SHIPPED), root), root=root)
    if not (place / name(root)).is_file():
        from hatchling.builders.wheel import WheelBuilder

        shutil.rmtree(folder, ignore_errors=True)
        scratch = folder / "partial"
        list(WheelBuilder(str(root)).build(directory=str(scratch), versions=["standard"]))
        scratch.rename(place)
    return place / name(root)


def offer(app: Sphinx, exception: Exception | None) -> None:
    """Put the wheel beside the pages, and no other."""
    if exception or app.builder.name != "html":
        return
    built, html = wheel(), Path(app.outdir)
    for old in html.glob("ibcore-*.whl"):
        old.unlink()
    write_atomically(html / built.name, built.read_bytes())


def link(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Lead the links to the wheel to its file, and let them name it."""
    for each in doctree.findall(nodes.reference):
        if each.get("refuri") == LINK:
            each["refuri"] = posixpath.relpath(name(), posixpath.dirname(page))
            each[:] = [nodes.literal("", name())]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-resolved", link)
    app.connect("build-finished", offer)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
