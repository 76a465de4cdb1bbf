"""Draw the house for the README: ``python book/tools/draw_house.py``.

The floors are those that import-linter holds, in ``pyproject.toml``: run it again when they change.
The picture has a ground of its own, so that it can be read on light and on dark pages.
"""

import html
import tomllib
from collections.abc import Iterator
from pathlib import Path

from ibcore.runs.store import write_atomically

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "book" / "_static" / "house.svg"
WIDTH, FLOOR, GAP, MARGIN = 960, 76, 34, 24  # in pixels; a floor and the room for its arrow
BOOK = 210  # width of what stands beside the house
WORDS = {  # what a module is, in a few words
    "plots": "figures, tables",
    "explorers": "interactive figures",
    "exercises": "checked answers",
    "check": "checked answers",
    "synthesis": "all four on one network",
    "redshift": "architecture",
    "metainit": "initial weights",
    "guidance": "a guide network",
    "memory": "training",
    "population": "many networks as one",
    "training": "member by member",
    "runs": "experiments, results, claims",
    "runtime": "device, seeds",
    "door": "arguments",
    "nets": "architectures",
    "tasks": "problems",
    "data": "real data sets",
    "stats": "intervals",
}
CAPTIONS = (
    "what a page shows",
    "what joins them",
    "four laboratories",
    "what they run on",
    "ground floor",
)
PAGES = (
    ("notebooks/", "the chapters"),
    ("book/", "pages, ledger, results"),
    ("book/exercises/", "their questions"),
    ("book/_ext, tools/", "how it is built"),
)
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" \
width="{width}" height="{height}" role="img" aria-labelledby="title">
<title id="title">{title}</title>
<style>
text {{ font-family: system-ui, "DejaVu Sans", sans-serif; fill: #1c2430; text-anchor: middle }}
.name {{ font-size: 15px; font-weight: 600 }}
.words {{ font-size: 12px }}
.caption {{ font-size: 12px; text-anchor: start; fill: #4b5663 }}
.ground {{ fill: #f5f7f9; stroke: #8a94a0 }}
.room {{ fill: #ffffff; stroke: #4b5663 }}
.book {{ fill: #e6eef8; stroke: #4b5663 }}
.arrow {{ stroke: #4b5663; stroke-width: 2; fill: none; marker-end: url(#head) }}
</style>
<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" \
orient="auto"><path d="M0 0 8 4 0 8z" fill="#4b5663"/></marker>
<rect class="ground" x="1" y="1" width="{inner}" height="{tall}" rx="12"/>
"""


def floors(root: Path = ROOT) -> list[list[str]]:
    """Return the modules of each floor of ibcore, the highest first: import-linter's layers."""
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[name.strip() for name in layer.split(":")] for layer in layers]


def alt(house: list[list[str]]) -> str:
    """Return the picture in words."""
    levels = "; ".join(", ".join(floor) for floor in house)
    return (
        f"The floors of ibcore, the highest first: {levels}. "
        "Each imports from the floors below, on its own "
        "without circles. Beside it the book, whose chapters and pages import every floor."
    )


def box(x: float, y: float, width: float, kind: str, named: tuple[str, str]) -> str:
    """Return a box with a name and a few words."""
    middle, (name, words) = x + width / 2, named
    return (
        f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{FLOOR - 22}" '
        f'rx="6"/>\n<text class="name" x="{middle:.0f}" y="{y + 23:.0f}">{html.escape(name)}</text>'
        f'\n<text class="words" x="{middle:.0f}" y="{y + 42:.0f}">{html.escape(words)}</text>\n'
    )


def storey(number: int, names: list[str]) -> Iterator[str]:
    """Yield the boxes of a floor of the house, the highest is number 0, and the arrow below it."""
    y = MARGIN + number * (FLOOR + GAP)
    room = WIDTH - BOOK - 3 * MARGIN
    yield f'<text class="caption" x="{MARGIN}" y="{y + 8}">{CAPTIONS[number]}</text>\n'
    wide = room / len(names)
    for place, name in enumerate(names):
        yield box(MARGIN + place * wide, y + 18, wide - 10, "room", (name, WORDS[name]))
    if number < len(CAPTIONS) - 1:
        middle, below = MARGIN + room / 2, y + FLOOR
        yield f'<path class="arrow" d="M{middle:.0f} {below + 2}v{GAP - 8}"/>\n'
        yield f'<text class="words" x="{middle + 34:.0f}" y="{below + 18}">imports</text>\n'


def drawing(house: list[list[str]] | None = None) -> str:
    """Return the picture as SVG.

    Raises
    ------
    ValueError
        If a module has no words here, or there are more or fewer floors than captions.
    """
    house = floors() if house is None else house
    if unknown := {name for floor in house for name in floor} - WORDS.keys():
        raise ValueError(f"say in WORDS what {sorted(unknown)} are, in {__file__}")
    if len(house) != len(CAPTIONS):
        raise ValueError(f"{len(house)} floors, {len(CAPTIONS)} captions in {__file__}")
    height = 2 * MARGIN + len(house) * (FLOOR + GAP) - GAP
    sizes = {"width": WIDTH, "height": height, "inner": WIDTH - 2, "tall": height - 2}
    parts = [HEAD.format(title=html.escape(alt(house)), **sizes)]
    for number, names in enumerate(house):
        parts += storey(number, names)
    x = WIDTH - BOOK - MARGIN
    parts += [
        f'<text class="caption" x="{x}" y="{MARGIN + 8}">the book imports every floor</text>\n'
    ]
    for number, named in enumerate(PAGES):
        parts += [box(x, MARGIN + 18 + number * (FLOOR + GAP), BOOK, "book", named)]
    parts += [
        f'<path class="arrow" d="M{x} {MARGIN + FLOOR + GAP + 45}h-{MARGIN + 6}"/>\n',
        "</svg>\n",
    ]
    return "".join(parts)


def main() -> None:
    """Write the picture, and say what the README must say of it."""
    write_atomically(PICTURE, drawing().encode())
    print(f"{PICTURE.relative_to(ROOT)}\n\n![{alt(floors())}]({PICTURE.relative_to(ROOT)})")


if __name__ == "__main__":
    main()
