"""The kit of the schematics: a sheet, and the few things that are drawn on it.

Lines and letters take the ink of the page, what the drawing is about the color of its laboratory.
A file that stands alone brings both, for light and for dark screens.  What moves ends as it stands
on paper: motion is added where it is welcome, see ``schematics.css`` and ``ibbook.js``.
"""

import html
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

WIDTH = 340
LINE = 18  # from one line of text to the next
LEVELS = 5  # of a picture
STYLE = Path(__file__).resolve().parents[1] / "_static" / "schematics.css"
IN_A_PAGE = "/* In a page */"  # from here on the sheet is not about the drawing itself
ALONE = """svg:root{{background:#fff;--ib-lab:var(--ib-{lab});{light}}}
@media(prefers-color-scheme:dark){{svg:root{{background:#14181e;--ib-text:#e3e8ee;--ib-muted:#a9b4c1;
--ib-surface:#1d242c;--ib-line:#3a4652;{dark}}}}}
"""
COLORS = {  # of the laboratories, on light and on dark; ibbook.css has them too
    "redshift": ("#1f6590", "#7cc0ec"),
    "metainit": ("#a04f12", "#f0b070"),
    "guidance": ("#2b6e45", "#7fd0a0"),
    "memory": ("#82469a", "#d6a8e4"),
}


def number(value: float) -> str:
    """Return a coordinate with one decimal at most."""
    return f"{round(value, 1) + 0.0:g}"


def track(points: Iterable[Sequence[float]]) -> str:
    """Return the path through points."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def motion(kind: str, start: float = 0, seconds: float = 0.5) -> dict[str, str]:
    """Return what makes a part ``draw`` itself, ``show`` or ``grow`` after some seconds."""
    more = {"pathLength": "1"} if kind == "draw" else {}
    style = f"--d:{start:g}s;--t:{seconds:g}s"
    return {"motion": f" ib-{kind}", "style": style, **more}


class Sheet:
    """A drawing of a height, 340 wide: letters of 15.5 are 14 pixels on the narrowest phone."""

    def __init__(self, height: int, width: int = WIDTH) -> None:
        self.width, self.height = width, height
        self.parts: list[str] = []

    def add(self, tag: str, kind: str, inside: str = "", motion: str = "", **more: Any) -> None:
        """Add an element with these classes and attributes."""
        named = {
            name: number(value) if isinstance(value, int | float) else value
            for name, value in more.items()
        }
        words = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in named.items())
        start = f'<{tag} class="{kind}{motion}"{words}'
        self.parts.append(f"{start}>{inside}</{tag}>" if inside else f"{start}/>")

    def text(self, x: float, y: float, words: str, kind: str = "", **more: Any) -> None:
        """Add lines of text, parted by ``|``; the first stands at y."""
        for row, line in enumerate(words.split("|")):
            self.add("text", kind, html.escape(line, quote=False), x=x, y=y + row * LINE, **more)

    def path(self, path: str | Iterable[Sequence[float]], kind: str = "l", **more: Any) -> None:
        """Add a line: as points, or as SVG writes it."""
        self.add("path", kind, d=path if isinstance(path, str) else track(path), **more)

    def box(
        self, x: float, y: float, width: float, height: float, kind: str = "w", **more: Any
    ) -> None:
        """Add a box."""
        self.add("rect", kind, x=x, y=y, width=width, height=height, **{"rx": 4} | more)

    def dot(self, x: float, y: float, kind: str = "f", radius: float = 5, **more: Any) -> None:
        """Add a point of data."""
        self.add("circle", kind, cx=x, cy=y, r=radius, **more)

    def arrow(
        self, start: Sequence[float], end: Sequence[float], kind: str = "l", **more: Any
    ) -> None:
        """Add an arrow of influence; it is filled as its line is drawn."""
        (x, y), (to_x, to_y) = start, end
        way = math.atan2(to_y - y, to_x - x)
        size = min(11 if "k" in kind.split() else 9, math.dist(start, end))
        wings = [
            (to_x - size * math.cos(way + turn), to_y - size * math.sin(way + turn))
            for turn in (-0.45, 0.45)
        ]
        back = (to_x - 0.7 * size * math.cos(way), to_y - 0.7 * size * math.sin(way))
        self.path([start, back], kind, **more)
        if more.get("motion") == " ib-draw":
            more = motion("show", float(more["style"].split(":")[1].split("s")[0]) + 0.3)
        self.path(track([(to_x, to_y), *wings]) + "z", "v" if "k" in kind.split() else "f", **more)

    def network(self, x: float, y: float, layers: Sequence[int], wide: float, tall: float) -> None:
        """Add a network between two corners, with every connection."""
        columns = [
            [(x + wide * i / (len(layers) - 1), y + tall * (j + 0.5) / units) for j in range(units)]
            for i, units in enumerate(layers)
        ]
        pairs = pairwise(columns)
        links = [track([a, b]) for left, right in pairs for a in left for b in right]
        self.path("".join(links), "s")
        for column in columns:
            for place in column:
                self.dot(*place, kind="o")

    def picture(self, x: float, y: float, values: Sequence[Sequence[float]], cell: float) -> None:
        """Add a function as a picture: rows from the top, nan is left out, more is darker."""
        known = [v for row in values for v in row if not math.isnan(v)]
        low, high = min(known), max(known)
        runs: list[str] = [""] * LEVELS
        for i, row in enumerate(values):
            for level, start, stop in stretches(row, low, high - low or 1):
                runs[level] += f"M{start} {i + 0.5:g}h{stop - start}"
        size = len(values[0]) * cell
        self.box(x, y, size, len(values) * cell, "w", rx=0)
        place = f"translate({number(x)} {number(y)}) scale({cell:g})"
        for level, run in enumerate(runs):
            if level and run:
                style = f"stroke-width:1;stroke-opacity:{level / (LEVELS - 1):g}"
                self.path(run, "p", transform=place, style=style)

    def dial(self, x: float, y: float, radius: float, turn: float, **more: Any) -> None:
        """Add a dial with a hand that has turned by a part of a full circle."""
        self.dot(x, y, "o", radius)
        for tick in range(12):
            way = (math.sin(math.pi * tick / 6), -math.cos(math.pi * tick / 6))
            self.path(
                [(x + way[0] * radius * r, y + way[1] * radius * r) for r in (0.8, 0.95)], "s"
            )
        angle = 2 * math.pi * turn
        if "style" in more:
            more["style"] += f";transform-origin:{number(x)}px {number(y)}px"
        tip = (x + 0.7 * radius * math.sin(angle), y - 0.7 * radius * math.cos(angle))
        self.path([(x, y), tip], "k", **more)
        self.dot(x, y, "v", 4)

    def bracket(self, x: float, y: float, length: float, *, down: bool = False) -> None:
        """Add a bracket from (x, y), to the right or downward."""
        ends = f"v{number(length)}" if down else f"h{number(length)}"
        (open_, shut) = ("h-6", "h6") if down else ("v-6", "v6")
        self.path(f"M{number(x)} {number(y)}{shut}{ends}{open_}", "l")

    def svg(self, lab: str, caption: str, shows: str) -> str:
        """Return the file: what it says as its title, what is seen in words."""
        light, dark = (
            ";".join(f"--ib-{name}:{pair[side]}" for name, pair in COLORS.items())
            for side in (0, 1)
        )
        style = STYLE.read_text("utf-8").partition(IN_A_PAGE)[0] + ALONE.format(
            lab=lab, light=light, dark=dark
        )
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="ib-sch ib-{lab}" role="img" '
            f'viewBox="0 0 {self.width} {self.height}" aria-label="{html.escape(shows)}">\n'
            f"<title>{html.escape(caption, quote=False)}</title>\n"
            f"<desc>{html.escape(shows, quote=False)}</desc>\n<style>{style}</style>\n"
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"


def stretches(row: Sequence[float], low: float, span: float) -> list[tuple[int, int, int]]:
    """Return level, start and stop of each stretch of equal levels in a row of a picture."""
    levels = [-1 if math.isnan(v) else min(int((v - low) / span * LEVELS), LEVELS - 1) for v in row]
    borders = [i for i in range(len(row)) if i == 0 or levels[i] != levels[i - 1]]
    ends = [*borders[1:], len(row)]
    return [(levels[a], a, b) for a, b in zip(borders, ends, strict=True) if levels[a] >= 0]
