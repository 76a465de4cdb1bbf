"""The script of a page's interactive figures: of the kinds it shows, and of no others."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

FOLDER = "explorers"  # in _static
KIND = re.compile(r'<ib-explorer\b[^>]*><script type="application/json">\{"kind":"(\w+)"')


def kinds_of(page: str) -> tuple[str, ...]:
    """Return the kinds of explorers on a page, in the order in which ibcore lists them.

    Examples
    --------
    >>> element = '<ib-explorer style=""><script type="application/json">{"kind":"%s"}</script>'
    >>> kinds_of(element % "SweepPlayer" + element % "RandomNetwork")
    ('RandomNetwork', 'SweepPlayer')
    """
    from ibcore.explorers.base import KINDS  # of this checkout: see ibbook

    shown = set(KIND.findall(page))
    return tuple(kind for kind in KINDS if kind in shown)


def write_script(kinds: tuple[str, ...], out: Path) -> str:
    """Write the script of some kinds below ``_static`` of a built book, and return its name there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_script(("RandomNetwork", "SweepPlayer"), Path(folder))
    'explorers/RandomNetwork-SweepPlayer.js'
    """
    from ibcore.explorers.base import script
    from ibcore.runs.store import write_atomically

    name = f"{FOLDER}/{'-'.join(kinds)}.js"
    write_atomically(out / "_static" / name, script(kinds).encode())
    return name


def load_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Load the script on a page that shows explorers."""
    kinds = kinds_of(context.get("body", ""))
    if kinds and app.builder.format == "html":
        app.add_js_file(write_script(kinds, Path(app.outdir)), defer="defer")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", load_script, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
