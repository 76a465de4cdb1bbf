"""One style sheet for the whole book, with the rules that its pages can use.

The theme, its extensions and the book bring a dozen style sheets; most of their rules are for
elements that no page has.  Each page loads one sheet instead: the same rules in the same order,
without those whose classes or identifiers occur in no page and in no script.
"""

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Any

import tinycss2
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
    order: list[str] = []
    for page in pages:
        if noted := NOTED.search(page):
            order = merged(order, noted[1].split())
    return order


def merged(order: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return an order of sheets with further ones put in, each behind the one it follows.

    Examples
    --------
    >>> merged(["a", "c"], ["a", "b", "c"])
    ['a', 'b', 'c']
    """
    found = list(order)
    place = 0
    for name in names:
        if name not in found:
            found.insert(place, name)
        place = found.index(name) + 1
    return found


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
