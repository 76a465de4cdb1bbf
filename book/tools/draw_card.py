"""Draw what shared links show, one picture for the book and one for each laboratory.

``python book/tools/draw_card.py`` again when a title, the logo or a laboratory's drawing changes;
the pictures lie in ``book/_static``.
"""

import html
import re
from pathlib import Path

import yaml
from chromium import ROOT, chromium

from ibcore.runs.store import write_atomically

LOGO = ROOT / "book" / "_static" / "logo.svg"
CARD = ROOT / "book" / "_static" / "social-card.png"
DRAWINGS = {  # of each laboratory, with its question
    "redshift": ("Neural Redshift", "What functions do untrained networks compute?"),
    "metainit": ("Meta-learned starts", "Can initial weights carry the bias of an architecture?"),
    "guidance": ("Guidance", "Can one network lend another its bias while it learns?"),
    "memory": ("Initialization memory", "How much of the start survives training?"),
    "synthesis": ("Synthesis", "Do architecture, start, guide and training add up?"),
}
WIDTH, HEIGHT = 1200, 630
SUBTITLE = "A hands-on book on the inductive biases of neural networks"
LABORATORIES = ("Architecture", "Initial weights", "Guidance", "Training")  # as the logo's curves

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>card</title><style>
body {{ margin: 0; width: {width}px; height: {height}px; background: #f5f7f9; color: #1c2430;
  font-family: "DejaVu Sans", system-ui, sans-serif; overflow: hidden; position: relative; }}
main {{ position: absolute; left: 72px; top: 72px; width: 600px; }}
h1 {{ margin: 0; font-size: 66px; line-height: 1.14; font-weight: 700; letter-spacing: -0.02em; }}
p {{ margin: 34px 0 0; font-size: 29px; line-height: 1.4; color: #55606e; }}
svg {{ position: absolute; right: 20px; top: 62px; width: 440px; height: 440px; }}
footer {{ position: absolute; left: 72px; bottom: 58px; font-size: 23px; color: #55606e; }}
footer span {{ margin-right: 26px; white-space: nowrap; }}
footer i {{ display: inline-block; width: 26px; height: 7px; border-radius: 4px;
  margin-right: 10px; vertical-align: middle; }}
</style>
<body>{logo}<main><h1>{title}</h1><p>{subtitle}</p></main><footer>{legend}</footer></body></html>
"""


def page(title: str, logo: str, subtitle: str = SUBTITLE, drawing: str = "") -> str:
    """Return a card as a page of HTML, with the logo's colors as a legend.

    The logo stands beside the title, or a drawing in its place.

    Raises
    ------
    ValueError
        If the logo has not one curve for each laboratory.
    """
    colors = re.findall(r'stroke="(#\w+)"', logo)
    if len(colors) != len(LABORATORIES):
        raise ValueError(f"{LOGO} has {len(colors)} curves, not one for each of {LABORATORIES}")
    legend = "".join(
        f'<span><i style="background:{color}"></i>{name}</span>'
        for color, name in zip(colors, LABORATORIES, strict=True)
    )
    words = {"title": html.escape(title), "subtitle": html.escape(subtitle)}
    named = {**words, "logo": drawing or logo, "legend": legend}
    return PAGE.format(width=WIDTH, height=HEIGHT, **named)


def cards() -> dict[Path, str]:
    """Return the page of each picture."""
    title = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["title"]
    logo = LOGO.read_text("utf-8")
    found = {CARD: page(title, logo)}
    for lab, (name, question) in DRAWINGS.items():
        drawing = (ROOT / "book" / "schematics" / f"lab-{lab}.svg").read_text("utf-8")
        found[CARD.with_name(f"social-{lab}.png")] = page(name, logo, question, drawing)
    return found


def draw() -> list[Path]:
    """Write the pictures and return their paths."""
    with chromium(viewport={"width": WIDTH, "height": HEIGHT}) as context:
        tab = context.new_page()
        for path, card in cards().items():
            tab.set_content(card)
            write_atomically(path, tab.screenshot(type="png"))
    return list(cards())


if __name__ == "__main__":
    print(*draw(), sep="\n")
