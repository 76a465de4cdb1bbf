"""What a page loads and how its frame speaks: the theme's pages, lighter and better labeled.

The theme's templates load an icon script, the search index and MathJax before anything moves, and
leave a few parts without a role.  Each finished page passes through `mended`; what is not needed
any more is taken out of the built folder.
"""

import html
import re
from pathlib import Path
from typing import Any

import freshness
import lean_styles
import templated
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.jinja2glue import BuiltinTemplateLoader

from ibcore.runs.store import write_atomically

ICONS = freshness.ROOT / "_build" / "icons"
ICON_STYLE = "ibicons.css"
UNUSED = (
    "_static/*/*.map",
    "_static/*webpack-macros.html",
    "_static/scripts/fontawesome.js*",
    "_static/vendor/fontawesome/**/*",
)

SCRIPT = r"\s*<script\b[^>]*\bsrc=\"[^\"]*\b{}\.js[^\"]*\"[^>]*></script>"
ICON_SCRIPT = re.compile(SCRIPT.format("fontawesome"))
SEARCH_SCRIPTS = re.compile(SCRIPT.format("(?:searchtools|language_data|searchindex)"))
EXPLORERS = re.compile(r'<script defer="defer" (src="[^"]*_static/explorers/)')
MATHJAX = re.compile(r'<script defer="defer" (src="[^"]*mathjax/tex-chtml\.js)')
OPTIONS = re.compile(r'<script src="[^"]*_static/(documentation_options\.js)[^"]*"></script>')
PRELOADED = re.compile(r'[ \t]*<link rel="preload" as="script"[^>]*>\n?')
BLOCKING = re.compile(r'<script (?:defer(?:="defer")? )?(?=src="(?!\S*documentation_options))')

MARKS = {  # what loads it: what shows on a page that needs it
    "mathjax": re.compile(r'class="math'),
    "design-tabs": re.compile(r'class="sd-'),
    "clipboard": re.compile(r'class="highlight'),
    "copybutton": re.compile(r'class="highlight'),
    "togglebutton": re.compile(r'class="[^"]*\b(?:toggle|dropdown)\b'),
}

# The theme scrolls the sidebar to the present page when all scripts have run, seconds after it was
# drawn. The same as soon as its links are there: nothing jumps, and the theme finds it done.
SIDEBAR_END = '<div class="sidebar-primary-items__end sidebar-primary__section">'
PLACE_SIDEBAR = (templated.HERE / "templates" / "sidebar.html").read_text("utf-8")

# What opens a part of the contents has a sign for a name: it takes the name of its part.
NAMELESS_SUMMARY = re.compile(r"(>([^<>]+)</a><details[^>]*><summary)(?=>)")

# Sphinx lays out the parameters of a long signature as descriptions of nothing.
SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.S)
LISTED = {"<dl>": '<ul class="ib-parameters">', "</dl>": "</ul>", "<dd>": "<li>", "</dd>": "</li>"}
LIST_TAG = re.compile("|".join(LISTED))

# Colors and borders depend on the theme, which a script at the end sets: known at once, the page
# neither flashes nor moves.
THEME = 'document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";'
THEME_AT_ONCE = """
    const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const mode = document.documentElement.dataset.mode;
    document.documentElement.dataset.theme = mode === "auto" ? dark : mode;"""

REPLACED = (
    (THEME, THEME_AT_ONCE),
    (SIDEBAR_END, PLACE_SIDEBAR + SIDEBAR_END),
    # The logo stands outside every landmark otherwise.
    (
        '<div id="pst-primary-sidebar" class',
        '<div id="pst-primary-sidebar" role="complementary" aria-label="Book" class',
    ),
    # A notebook is to be kept; a tab would show its JSON.
    (
        ' target="_blank"\n   class="btn btn-sm btn-download-source-button',
        ' download\n   class="btn btn-sm btn-download-source-button',
    ),
    # A list may hold list items only; the role of an entry is withdrawn from the standard.
    ('<div role="list" class="citation-list">', '<div class="citation-list">'),
    (' role="doc-biblioentry"', ""),
    # An empty cell heads nothing.
    ("<th></th>", "<td></td>"),
)

# MathJax typesets when everything else answers. Until then a formula is its TeX source, several
# times as wide; each inline formula gets about the room that it will have, so that nothing jumps.
INLINE = re.compile(r'<span class="math notranslate nohighlight">(\\\(.*?\\\))</span>', re.DOTALL)
STYLING = re.compile(
    r"\\(?:mathrm|mathbf|mathbb|mathcal|boldsymbol|operatorname|text|left|right)\b"
)
COMMAND = re.compile(r"\\[A-Za-z]+|\\.")
INDEX = re.compile(r"[_^]\s*(\{[^{}]*\}|\\[A-Za-z]+|.)")
RELATION = re.compile(r"[=<>+-]")
WORDS = {"max", "min", "log", "ln", "exp", "sin", "cos", "sinh", "tanh"}
WIDE = {"sum", "prod", "int", "quad", "approx", "mapsto", "Leftrightarrow"}
GLYPH, SMALL, SPACE = 0.68, 0.7, 0.6  # em per letter, share of a script, em around a relation


class Templates(BuiltinTemplateLoader):
    """Sphinx's templates, with each page mended on its way out."""

    def init(self, builder: Any, theme: Any = None, dirs: Any = None) -> None:
        """Keep the builder: finished pages need its folder and the version of the book."""
        super().init(builder, theme, dirs)
        self.builder = builder

    def render(self, template: str, context: dict[str, Any]) -> str:  # type: ignore[override]
        """Return a rendered page."""
        page = super().render(template, context)
        page = mended(page, searching=context.get("pagename") == "search")
        page = OPTIONS.sub(self._options, page)
        version = self.builder.config.ibbook_fingerprint[:8]
        return lean_styles.with_one_sheet(page, version)

    def _options(self, found: re.Match[str]) -> str:
        """Return the options of Sphinx's scripts in place: a few words, not worth a request."""
        text = (Path(self.builder.outdir) / "_static" / found[1]).read_text("utf-8")
        return f"<script>{text}</script>"


def mended(page: str, *, searching: bool = False) -> str:
    """Return a page without what it does not use, and with roles where the theme leaves gaps.

    Parameters
    ----------
    searching
        Whether this is the page of results, the only one that needs the index.

    Examples
    --------
    >>> mended('<script defer src="_static/scripts/fontawesome.js?digest=1"></script><p>')
    '<p>'
    """
    page = PRELOADED.sub("", ICON_SCRIPT.sub("", page))
    # Deferred scripts wait for each other and for the end of the page. Explorers need neither and
    # come first; formulas are typeset when all else answers.
    page = EXPLORERS.sub(r'<script async fetchpriority="high" \1', page)
    page = MATHJAX.sub(r'<script async fetchpriority="low" \1', page)
    if not searching:
        page = BLOCKING.sub('<script defer fetchpriority="low" ', SEARCH_SCRIPTS.sub("", page))
    page = NAMELESS_SUMMARY.sub(r'\1 aria-label="Pages of \2"', page)
    page = SIGNATURE.sub(lambda dt: LIST_TAG.sub(lambda tag: LISTED[tag[0]], dt[0]), page)
    for old, new in REPLACED:
        page = page.replace(old, new)
    return with_room(page)


def width(tex: str) -> float:
    r"""Return about how wide a formula is, in em.

    Examples
    --------
    >>> round(width(r"\(x\)"), 2)
    0.68
    >>> width(r"\(\mathbf{w}_{ij}\)") < width(r"\(\mathbf{w}_{ij} = 3\)")
    True
    """
    body = STYLING.sub("", tex.strip().removeprefix(r"\(").removesuffix(r"\)"))
    scripts = INDEX.findall(body)
    body = INDEX.sub("", body)
    spaces = len(RELATION.findall(body)) + body.count(r"\le") + body.count(r"\approx")
    return GLYPH * (_glyphs(body) + SMALL * sum(map(_glyphs, scripts))) + SPACE * spaces


def _glyphs(tex: str) -> int:
    return len(re.sub(r"[{}\s~]", "", COMMAND.sub(_letters, tex)))


def _letters(match: re.Match[str]) -> str:
    r"""Return as many letters as a command is wide: ``\max`` is a word, ``\,`` takes nothing."""
    name = match[0][1:]
    if name in WORDS:
        return name
    return "xx" if name in WIDE else "x" if name.isalpha() else ""


def with_room(page: str) -> str:
    """Return a page whose inline formulas say how wide they will be."""

    def styled(match: re.Match[str]) -> str:
        em = max(width(html.unescape(match[1])), GLYPH)
        return match[0].replace("<span ", f'<span style="--ib-room: {em:.2f}em" ', 1)

    return INLINE.sub(styled, page)


def configure(app: Sphinx, config: Config) -> None:
    """Ship the small icon font, and mend every page."""
    config.template_bridge = f"{__name__}.Templates"
    write_atomically(ICONS / ICON_STYLE, lean_styles.style_sheet().encode())
    config.html_static_path = [*config.html_static_path, str(ICONS)]
    config.html_css_files = [*config.html_css_files, ICON_STYLE]


def drop_unused_assets(app: Sphinx, page: str, _: str, context: dict[str, Any], *rest: Any) -> None:
    """Leave out what a page has nothing for: formulas, explorers, design elements.

    And sphinx-thebe, whose scripts clash with themselves on every page.
    """
    body = context.get("body", "")
    unused = ("thebe", *(name for name, mark in MARKS.items() if not mark.search(body)))
    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, []) if not _is_of(asset, unused)]


def _is_of(asset: Any, names: tuple[str, ...]) -> bool:
    body = (getattr(asset, "attributes", None) or {}).get("body") or ""
    text = f"{getattr(asset, 'filename', asset)} {body}".lower()
    return any(name in text for name in names)


def clean_folder(app: Sphinx, exception: Exception | None) -> None:
    """Write the one style sheet of the pages, and take unused files out of the folder."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for path in freshness.sources(UNUSED, out):
        path.unlink()
    lean_styles.write_sheet(out)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", configure, priority=200)
    app.connect("html-page-context", drop_unused_assets, priority=910)
    app.connect("build-finished", clean_folder, priority=910)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
