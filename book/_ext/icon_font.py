"""The icons of the pages: a font of a few kilobytes instead of the theme's icon script.

The theme loads Font Awesome twice: 1.5 MB of script that replaces every ``<i class="fa-…">`` by a
drawing, and fonts for the icons of boxes.  Its style sheet shows both kinds with the fonts alone,
so the script can go; the fonts are cut down to the icons that the theme's templates and the
book's own sources name, and travel inside a style sheet.
"""

import base64
import re
from collections.abc import Iterable, Set
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import freshness

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
    from fontTools import subset as cutter
    from fontTools.ttLib import TTFont

    with TTFont(font, recalcTimestamp=False) as whole:
        wanted = {ord(char) for char in characters} & whole.getBestCmap().keys()
        if not wanted:
            return b""
        tool = cutter.Subsetter(
            cutter.Options(hinting=False, layout_features=[], notdef_outline=True)
        )
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
    faces = {FACES[name]: subset(paths[name], characters) for name in FACES}
    rules = [_face(*names, data) for names, data in faces.items() if data]
    return "/* Icons: Font Awesome Free 6, SIL OFL 1.1, https://fontawesome.com */\n" + "".join(
        rules
    )


def _face(family: str, weight: int, data: bytes) -> str:
    text = base64.b64encode(data).decode("ascii")
    return (
        f'@font-face{{font-family:"{family}";font-style:normal;font-weight:{weight};'
        f'font-display:block;src:url(data:font/woff;base64,{text}) format("woff")}}\n'
    )
