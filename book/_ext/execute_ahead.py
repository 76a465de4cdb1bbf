"""Run notebooks side by side before their pages are read, which happens one after the other."""

import logging
from pathlib import Path
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import JupyterCacheAbstract
from jupyter_cache.executors import load_executor
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

logger = getLogger(__name__)


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
    quiet = logging.getLogger(__name__)
    quiet.setLevel(logging.WARNING)
    executor = load_executor("local-parallel", cache, quiet)
    executor.run_and_cache(filter_pks=keys, timeout=app.config.nb_execution_timeout)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", execute_ahead)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
