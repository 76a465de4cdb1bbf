"""One style sheet for the whole book, with the rules and the icons that its pages can use.

The theme, its extensions and the book bring a dozen style sheets; most of their rules are for
elements that no page has.  Each page loads one sheet instead: the same rules in the same order,
without those whose classes or identifiers occur in no page and in no script.
"""

import base64
import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from graphlib import TopologicalSorter
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import freshness
import templated
import tinycss2
from fontTools import subset as cutter
from fontTools.ttLib import TTFont
from tinycss2 import ast

from ibcore.runs.store import write_atomically

SHEET = "ibbook-all.css"  # in _static
LINK = re.compile(
    r'[ \t]*<link\b(?=[^>]*\brel="stylesheet")(?![^>]*\bmedia=)[^>]*\bhref="([^"]*)"[^>]*>\n?'
)
SHEET_HREF = re.compile(r"(?P<static>(?:\.\./)*_static/)(?P<name>[^?]*)")
NOTED = re.compile(r'<link [^>]*data-sheets="([^"]*)"')
IMPORT = re.compile(r'@import\s+(?:url\()?"([^"]+)"\)?\s*;')
CHARSET = re.compile(r'@charset "[^"]*";\s*')
URL = re.compile(r"""url\((["']?)(?![a-z]+:|[/#])([^"')]+)\1\)""")
GIVEN = re.compile(r"""\b(?:class|id)=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
INLINE = re.compile(r"<script\b[^>]*>(.*?)</script>", re.S)
WORD = re.compile(r"-?[A-Za-z_][\w-]*")
OWN_RULES = {"mathjax", "reveal", "searchindex.js"}
GROUPS = ("media", "supports", "container", "layer")  # at-rules that hold rules

# The theme loads Font Awesome twice: 1.5 MB of script that replaces every ``<i class="fa-…">`` by a
# drawing, and fonts for the icons of boxes.  Its style sheet shows both kinds with the fonts alone,
# so the script can go; the fonts are cut down to the icons that the theme's templates and the
# book's own sources name, and travel inside a style sheet.
THEMES = ("pydata_sphinx_theme", "sphinx_book_theme")
NAME = re.compile(r"\bfa-[a-z0-9-]+")
RULE = re.compile(r'((?:\.fa-[a-z0-9-]+:before,?)+)\{content:"([^"]+)"\}')
PSEUDO = re.compile(r'(?:content|--pst-icon-[a-z-]+):\s*"([^"]+)"')
COMPOSED = {"fa-github"}  # the theme puts this name together from two parts
FACES = {  # file: family and weight, as in the theme's style sheet
    "fa-solid-900.ttf": ("Font Awesome 6 Free", 900),
    "fa-regular-400.ttf": ("Font Awesome 6 Free", 400),
    "fa-brands-400.ttf": ("Font Awesome 6 Brands", 400),
}


def with_one_sheet(page: str, version: str) -> str:
    """Return a page that loads the book's one sheet, and notes which sheets that stands for.

    Examples
    --------
    >>> with_one_sheet('<link rel="stylesheet" href="../_static/a.css?v=1" />', "7")
    '<link rel="stylesheet" href="../_static/ibbook-all.css?v=7" data-sheets="a.css" />'
    """
    links = [link for link in LINK.finditer(page) if SHEET_HREF.match(link[1])]
    hrefs = [href for link in links if (href := SHEET_HREF.match(link[1]))]
    if not hrefs:
        return page
    one = (
        f'<link rel="stylesheet" href="{hrefs[0]["static"]}{SHEET}?v={version}" '
        f'data-sheets="{" ".join(href["name"] for href in hrefs)}" />'
    )
    for link in reversed(links):
        page = page[: link.start()] + (one if link is links[0] else "") + page[link.end() :]
    return page


def sheets_of(pages: Iterable[str]) -> list[str]:
    """Return the sheets that pages note, in an order that agrees with each of them.

    Examples
    --------
    >>> sheets_of(['<link data-sheets="a c">', '<link data-sheets="a b c">'])
    ['a', 'b', 'c']
    """
    order: TopologicalSorter[str] = TopologicalSorter()
    for page in pages:
        if noted := NOTED.search(page):
            for before, name in itertools.pairwise(["", *noted[1].split()]):
                order.add(name, before)
    return list(order.static_order())[1:]


def write_sheet(out: Path) -> None:
    """Write the one sheet of a built book.

    Every page is asked, not only those that this build has written; the sheets that it stands for
    stay in the folder for the next build.
    """
    static = out / "_static"
    pages = [path.read_text("utf-8") for path in sorted(out.rglob("*.html"))]
    style = without_unused(joined(static, sheets_of(pages)), names_in_use(pages, out), static)
    write_atomically(static / SHEET, style.encode())


def joined(static: Path, names: Iterable[str]) -> str:
    """Return sheets as one text: imported sheets in place, addresses seen from ``static``."""
    return "\n".join(_text(static, name) for name in names)


def _text(static: Path, name: str) -> str:
    folder = posixpath.dirname(name)

    def place(address: str) -> str:
        return posixpath.normpath(posixpath.join(folder, address))

    text = CHARSET.sub("", (static / name).read_text("utf-8"))
    parts = IMPORT.split(text)  # own rules and imported sheets in turn
    parts[::2] = [URL.sub(lambda url: f'url("{place(url[2])}")', part) for part in parts[::2]]
    parts[1::2] = [_text(static, place(address)) for address in parts[1::2]]
    return "".join(parts)


def names_in_use(pages: Iterable[str], folder: Path) -> set[str]:
    """Return the classes and identifiers of pages, and every word of the scripts of a folder.

    Left out are MathJax and reveal.js, which bring rules of their own, and the index of the search,
    which holds the words of the text.
    """
    names = set().union(*map(names_of_page, pages))
    for path in folder.rglob("*.js"):
        if not OWN_RULES & set(path.relative_to(folder).parts):
            names |= set(WORD.findall(path.read_text("utf-8")))
    return names


def names_of_page(page: str) -> set[str]:
    """Return the classes and identifiers of a page and the words of its scripts.

    Examples
    --------
    >>> sorted(names_of_page("<p class='a b' id=c>text<script>show('d')</script>"))
    ['a', 'b', 'c', 'd', 'show']
    """
    given = {name for values in GIVEN.findall(page) for name in "".join(values).split()}
    return given | {word for script in INLINE.findall(page) for word in WORD.findall(script)}


def without_unused(style: str, names: Set[str], static: Path) -> str:
    r"""Return a sheet without the rules that can match nothing, and without lost fonts.

    A selector goes if it asks for a class or an identifier that is not among the names; what
    stands in parentheses, as in ``:not(.x)``, is not looked at.  Fonts whose files are not below
    ``static`` go too, and comments other than notes of rights.

    Examples
    --------
    >>> without_unused("/* x */ .a,.b{top:0} .c{top:1px} p:not(.c){top:2px}", {"a"}, Path())
    '.a{top:0}\np:not(.c){top:2px}\n'
    """
    rules = tinycss2.parse_stylesheet(style, skip_whitespace=True)
    return "".join(f"{rule.serialize()}\n" for rule in _kept(rules, names, static))


def _kept(rules: Iterable[Any], names: Set[str], static: Path) -> Iterator[Any]:
    for rule in rules:
        if rule.type == "qualified-rule":
            rule.prelude = _matching(rule.prelude, names)
        elif rule.type == "at-rule" and rule.lower_at_keyword in GROUPS and rule.content:
            inner = tinycss2.parse_rule_list(rule.content, skip_whitespace=True)
            rule.content = list(_kept(inner, names, static))
        if _is_useful(rule, static):
            yield rule


def _is_useful(rule: Any, static: Path) -> bool:
    if rule.type == "comment":
        return bool(rule.value.startswith("!"))
    if rule.type == "qualified-rule":
        return bool(rule.prelude)
    if rule.lower_at_keyword == "font-face":
        files = [address for _, address in URL.findall(tinycss2.serialize(rule.content))]
        return not files or any((static / file).is_file() for file in files)
    return rule.content is None or bool(rule.content)


def _matching(prelude: Sequence[Any], names: Set[str]) -> list[Any]:
    """Return the selectors of a list that may match something, without the others."""
    selectors = [found for found in _selectors(prelude) if _asked(found) <= names]
    kept = [token for found in selectors for token in (ast.LiteralToken(0, 0, ","), *found)][1:]
    return kept[1:] if kept and kept[0].type == "whitespace" else kept


def _selectors(prelude: Sequence[Any]) -> Iterator[list[Any]]:
    selector: list[Any] = []
    for token in prelude:
        if token == ",":
            yield selector
            selector = []
        else:
            selector.append(token)
    yield selector


def _asked(selector: Sequence[Any]) -> set[str]:
    """Return the classes and identifiers that an element must have to match."""
    hashes = {token.value for token in selector if token.type == "hash"}
    pairs = itertools.pairwise(selector)
    return hashes | {name.value for dot, name in pairs if dot == "." and name.type == "ident"}


def theme_folder(name: str) -> Path:
    """Return the folder of an installed theme: templates below, ``static`` in it."""
    return Path(str(files(name)))


def theme_style() -> str:
    """Return the theme's style sheets as text."""
    sheets = [path for name in THEMES for path in sorted(theme_folder(name).glob("theme/**/*.css"))]
    return "\n".join(path.read_text("utf-8") for path in sheets)


def codes(style: str) -> dict[str, str]:
    """Return the character of each icon class of a style sheet.

    Examples
    --------
    >>> codes('.fa-x:before,.fa-y:before{content:"y"}')
    {'fa-x': 'y', 'fa-y': 'y'}
    """
    found = RULE.findall(style)
    return {name: character(text) for names, text in found for name in NAME.findall(names)}


def character(text: str) -> str:
    """Return the character of a CSS string: itself, or the one of its escape."""
    is_code = re.fullmatch(r"\\[0-9a-f]{1,6}", text)
    return chr(int(text[1:], 16)) if is_code else text.removeprefix("\\")


def named_icons() -> set[str]:
    """Return every icon class that the themes' templates and the book's sources mention."""
    files = [p for name in THEMES for p in theme_folder(name).rglob("*") if _may_name_icons(p)]
    files += freshness.sources(("book/**/*.md", "notebooks/**/*.ipynb", "_config.yml"))
    found = {icon for path in files for icon in NAME.findall(path.read_text("utf-8"))}
    return found | COMPOSED


def _may_name_icons(path: Path) -> bool:
    """Say whether a theme's file names icons that a page may show (the libraries name all)."""
    return path.suffix in (".html", ".py") or path.name.endswith("theme.js")


def used_characters(style: str, icons: Set[str]) -> set[str]:
    """Return the characters of these icons and of those that a style sheet draws before boxes."""
    known = codes(style)
    drawn = {character(text) for text in PSEUDO.findall(RULE.sub("", style))}
    private = {char for char in drawn if len(char) == 1 and ord(char) >= 0xE000}
    return private | {known[icon] for icon in icons & known.keys()}


def subset(font: Path, characters: Iterable[str]) -> bytes:
    """Return a font with these characters only, as WOFF; empty when it has none of them."""
    with TTFont(font, recalcTimestamp=False) as whole:
        wanted = {ord(char) for char in characters} & whole.getBestCmap().keys()
        if not wanted:
            return b""
        options = cutter.Options(hinting=False, layout_features=[], notdef_outline=True)
        tool = cutter.Subsetter(options)
        tool.populate(unicodes=wanted)
        tool.subset(whole)
        whole.flavor = "woff"
        out = BytesIO()
        whole.save(out)
    return out.getvalue()


def style_sheet() -> str:
    """Return the style sheet that takes the place of the theme's icon fonts."""
    characters = used_characters(theme_style(), named_icons())
    fonts = theme_folder(THEMES[0]).glob("theme/**/webfonts/*.ttf")
    paths = {path.name: path for path in fonts}
    data = {name: base64.b64encode(subset(paths[name], characters)).decode() for name in FACES}
    return templated.filled("icons.css", faces=FACES, data=data)
