"""Plumbing of the book's build: fresh outputs, offline mathematics, no request to another host."""

import importlib.util
import os
import posixpath
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import freshness
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.fileutil import copy_asset

MATHJAX = ("tex-chtml.js", "output/chtml/fonts/woff-v2")  # 1.4 of the package's 24 MB

logger = logging.getLogger(__name__)


def set_environment() -> None:
    """Make this process and the notebooks' kernels use this checkout, static and quietly."""
    root = str(freshness.ROOT)
    sys.path.insert(0, root)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    os.environ["IBCORE_STATIC"] = "1"
    os.environ["IBCORE_TIER"] = freshness.tier()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads starve shared cores


def configure(app: Sphinx, config: Config) -> None:
    """Key the execution cache and every page on their sources; fill the footer."""
    cache = freshness.ROOT / "_build" / ".jupyter_cache" / freshness.execution_key()
    config.nb_execution_cache_path = str(cache)
    config.ibbook_fingerprint = freshness.book_key()
    if os.environ.get("IBCORE_EDITION") == "instructor":
        app.tags.add("instructor")
    config.html_theme_options["navbar_persistent"] = []  # the sidebar has the search field
    footer = config.html_theme_options.get("extra_footer", "")
    config.html_theme_options["extra_footer"] = footer.replace("|release|", config.release)


def mathjax_folder() -> Path | None:
    """Return the folder of the packaged MathJax, or ``None`` where it is not installed."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    return Path(spec.origin).parent / "static" / "mathjax" if spec and spec.origin else None


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy the one MathJax script the book uses, and its fonts."""
    folder = mathjax_folder()
    if exception or folder is None or app.builder.format != "html":
        return
    copy_asset(str(folder), str(Path(app.outdir) / "_static" / "mathjax"), _is_not_of_mathjax)


def _is_not_of_mathjax(path: str) -> bool:
    path = posixpath.normpath(path)
    return not any(name.startswith(path) or path.startswith(name) for name in MATHJAX)


def forget_marker(app: Sphinx) -> None:
    """Remove the record of the last complete build: this one may fail half-way."""
    (Path(app.outdir) / freshness.MARKER).unlink(missing_ok=True)


def record_build(app: Sphinx, exception: Exception | None) -> None:
    """Leave a record of a complete HTML build, so that tests never look at an old book."""
    if exception is None and app.builder.name == "html" and not app._warncount:
        pages = [f"{name}.html" for name in sorted(app.env.found_docs)]
        freshness.write_marker(pages, app.config.ibbook_fingerprint, Path(app.outdir))


def reread_all(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> Sequence[str]:
    """Read every page again when anything it may show has changed."""
    known = getattr(env, "ibbook_fingerprint", None)
    env.ibbook_fingerprint = app.config.ibbook_fingerprint  # type: ignore[attr-defined]
    return [] if known == app.config.ibbook_fingerprint else sorted(env.found_docs)


def companions() -> list[str]:
    """Return the other extensions in this folder: the modules that have a ``setup``."""
    paths = Path(__file__).parent.glob("*.py")
    found = {path.stem for path in paths if "\ndef setup(" in path.read_text("utf-8")}
    return sorted(found - {__name__})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension and its companions."""
    set_environment()
    app.add_config_value("ibbook_fingerprint", "", "")
    app.connect("config-inited", configure, priority=100)
    app.connect("builder-inited", forget_marker)
    app.connect("env-get-outdated", reread_all)
    app.connect("build-finished", record_build, priority=900)
    if mathjax_folder():
        app.config.mathjax_path = "mathjax/tex-chtml.js"
        app.connect("build-finished", copy_mathjax)
    else:
        logger.warning("sphinx-mathjax-offline is not installed: formulas would need a CDN")
    for companion in companions():
        app.setup_extension(companion)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
