"""Each page's own content security policy: it loads from nowhere else and runs only our scripts.

The policy stands in the page, since a static host sends no headers of ours.  A script that is
written into a page, or into an attribute as ``onclick``, is named by its hash; one that somebody
adds has none and does not run.  A page in another site's frame may find no storage: the theme,
which stops there, gets an empty one.
"""

import base64
import hashlib
import html
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from ibcore.runs.store import write_atomically

STORAGE = (
    "try{localStorage.length}catch{for(const name of['localStorage','sessionStorage'])"
    "Object.defineProperty(window,name,{value:{getItem:()=>null,setItem(){},removeItem(){}}})}"
)
HEAD = re.compile(r"<head>\s*(?:<meta charset=\"[^\"]*\"[^>]*>)?", re.IGNORECASE)
SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)([^>]*)>(.*?)</script>", re.DOTALL | re.IGNORECASE)
DATA = re.compile(r"type=[\"']?(?!module\b|text/javascript\b|application/javascript\b)\w")
HANDLER = re.compile(r"<[a-z][^>]*?\son[a-z]+=(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
# Opened from a disk a page has the origin of no host: there, "file:" is what 'self' means.
RULES = {
    "default-src": "'self' file:",
    "style-src": "'self' file: 'unsafe-inline'",  # MathJax writes its own sheet
    "img-src": "'self' file: data: blob:",
    "font-src": "'self' file: data:",
    "worker-src": "'self' file: blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self' file:",
}


def handlers_of(page: str) -> list[str]:
    """Return what stands in the attributes of a page that are scripts.

    Examples
    --------
    >>> handlers_of('<a onclick="f()">')
    ['f()']
    """
    return [html.unescape(found[1][1:-1]) for found in HANDLER.finditer(page)]


def with_policy(page: str, handlers: Collection[str] = ()) -> str:
    """Return a page that begins with its policy; one without a head as it is.

    ``handlers`` are those of all pages: a search reads other pages and shows parts of them.

    Examples
    --------
    >>> "script-src 'self'" in with_policy("<html><head></head><body></body></html>")
    True
    """
    found = HEAD.search(page)
    if not found:
        return page
    scripts = [STORAGE, *(m[2] for m in SCRIPT.finditer(page) if not DATA.search(m[1]))]
    handlers = dict.fromkeys([*handlers, *handlers_of(page)])
    hashes = " ".join(dict.fromkeys(_hash(text) for text in (*scripts, *handlers)))
    loose = " 'unsafe-hashes'" if handlers else ""
    rules = {**RULES, "script-src": f"'self' file:{loose} {hashes}"}
    content = "; ".join(f"{name} {value}" for name, value in rules.items())
    policy = f'<meta http-equiv="Content-Security-Policy" content="{content}">'
    head = f"{found[0]}\n{policy}\n<script>{STORAGE}</script>"
    return page[: found.start()] + head + page[found.end() :]


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.replace("\r\n", "\n").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def write(app: Sphinx, error: Exception | None) -> None:
    """Give every finished page its policy."""
    if error or app.builder.format != "html":
        return
    paths = [path for path in Path(app.outdir).rglob("*.html") if "_static" not in path.parts]
    pages = {path: path.read_text("utf-8") for path in paths}
    handlers = sorted({each for page in pages.values() for each in handlers_of(page)})
    for path, page in pages.items():
        if "Content-Security-Policy" not in page:
            write_atomically(path, with_policy(page, handlers).encode())


def setup(app: Sphinx) -> dict[str, Any]:
    """Run after everything else that writes pages."""
    app.connect("build-finished", write, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
