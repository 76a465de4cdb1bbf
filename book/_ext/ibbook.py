"""Plumbing of the book's build: fresh outputs, offline mathematics, no request to another host.

Notebooks run side by side before their pages are read, which happens one after the other.
"""

import importlib.util
import logging as plain_logging
import os
import posixpath
import sys
from functools import partial
from pathlib import Path
from typing import Any

import freshness
from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract
from jupyter_cache.executors import load_executor
from sphinx.application import Sphinx
from sphinx.config import Config
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


def stale(cache: JupyterCacheAbstract, notebooks: list[Path]) -> list[int]:
    """Return the keys, in the cache, of the notebooks whose outputs it does not hold."""
    known = {cache.add_nb_to_project(str(path)).pk for path in notebooks}
    return [record.pk for record in cache.list_unexecuted() if record.pk in known]


def execute_ahead(app: Sphinx) -> None:
    """Fill the execution cache, a notebook for each core.

    A notebook that fails is left to the reader of its page, which runs it again and says why.
    """
    if app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    notebooks = sorted(Path(app.srcdir, "notebooks").glob("*/*.ipynb"))
    if not (keys := stale(cache, notebooks)):
        return
    logger.info("executing %d notebooks, one for each core", len(keys))
    quiet = plain_logging.getLogger(__name__)
    quiet.setLevel(plain_logging.WARNING)
    executor = load_executor("local-parallel", cache, quiet)
    executor.run_and_cache(filter_pks=keys, timeout=app.config.nb_execution_timeout)


def mathjax_folder() -> Path | None:
    """Return the folder of the packaged MathJax, or ``None`` where it is not installed."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    return Path(spec.origin).parent / "static" / "mathjax" if spec and spec.origin else None


def copy_mathjax(folder: Path, app: Sphinx, exception: Exception | None) -> None:
    """Copy the one MathJax script the book uses, and its fonts."""
    if exception or app.builder.format != "html":
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


def companions() -> list[str]:
    """Return the other extensions in this folder: the modules that have a ``setup``."""
    paths = Path(__file__).parent.glob("*.py")
    found = {path.stem for path in paths if "\ndef setup(" in path.read_text("utf-8")}
    return sorted(found - {__name__})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension and its companions."""
    set_environment()
    app.add_config_value("ibbook_fingerprint", "", "env")  # another one: every page is read again
    app.connect("config-inited", configure, priority=100)
    app.connect("builder-inited", forget_marker)
    app.connect("builder-inited", execute_ahead)
    app.connect("build-finished", record_build, priority=900)
    if folder := mathjax_folder():
        app.config.mathjax_path = "mathjax/tex-chtml.js"
        app.connect("build-finished", partial(copy_mathjax, folder))
    else:
        logger.warning("sphinx-mathjax-offline is not installed: formulas would need a CDN")
    for companion in companions():
        app.setup_extension(companion)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
