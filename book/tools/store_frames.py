"""Stores the frames of the demonstrations, for a room without a projector or a network.

Run by ``make frames`` after ``make book``: plays every script on the built pages, checks what each
figure says, and writes one small picture for each step that has a description.
"""

import argparse
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import play_demo
from chromium import HTML, chromium
from frames import FRAMES, RECORD, entry_of, read_record
from PIL import Image
from teaching import Demo, demos, frame

from ibcore.runs.store import write_atomically

LARGEST = 25_000  # bytes
WINDOW = {"width": 780, "height": 1100}  # in pixels; the figure is as wide as on a desk
COLORS = (256, 128, 64, 32, 24, 16)
QUALITIES = (80, 60, 40, 20)
KEEP_HUES = Image.Quantize.MAXCOVERAGE  # a rare color may carry the meaning
# A frame shows the figure with its controls: no folded tables, nothing that floats above the page.
BARE = """
ib-explorer .ibx-foot, .ibx-status, .bd-header, .bd-header-article, .header-article, .skip-link,
#pst-skip-link, #pst-back-to-top, .bd-sidebar-primary { display: none !important }
"""


def candidates(image: Image.Image) -> Iterator[bytes]:
    """Yield a picture as WebP, from the best to the smallest: few flat colors, then blurred."""
    small = image.resize((640, round(640 * image.height / image.width)), Image.Resampling.LANCZOS)
    for picture in (image, small):
        for colors in COLORS:
            flat = picture.quantize(colors, method=KEEP_HUES, dither=Image.Dither.NONE)
            yield packed(flat.convert("RGB"), lossless=True)
    for quality in QUALITIES:
        yield packed(small, quality=quality)


def packed(image: Image.Image, **options: Any) -> bytes:
    """Return a picture as WebP with these options."""
    file = io.BytesIO()
    image.save(file, "WEBP", method=6, **options)
    return file.getvalue()


def compress(picture: bytes) -> bytes:
    """Return a picture as WebP of at most `LARGEST` bytes, as good as that allows.

    Raises
    ------
    ValueError
        If nothing makes it small enough.
    """
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for data in candidates(image):
        if len(data) <= LARGEST:
            return data
    raise ValueError(f"a frame of {image.size} pixels does not fit in {LARGEST} bytes")


def store(demo: Demo, explorer: Any) -> list[dict[str, Any]]:
    """Play a demonstration, store its frames and return what to record of each step.

    Raises
    ------
    RuntimeError
        If a figure does not say what the script announces.
    """
    entries = []
    for index, step in enumerate(demo["steps"]):
        heard = play_demo.play(explorer, step)
        if missing := [part for part in step["says"] if part not in heard]:
            raise RuntimeError(f"{demo['name']}, step {index + 1}: {missing} not in {heard!r}")
        if "alt" in step:
            write(frame(demo, index), compress(explorer.screenshot()))
        entries.append(entry_of(demo, index, heard))
    return entries


def write(target: Path, content: bytes) -> None:
    """Write a file atomically and say how large it is."""
    write_atomically(target, content)
    print(f"{target.name}: {len(content)} bytes")


def main() -> None:
    """Store the frames of the demonstrations named on the command line, or of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", choices=[[], *demos()], metavar="NAME")
    names = parser.parse_args().names or list(demos())
    site = HTML.as_uri() + "/"
    FRAMES.mkdir(exist_ok=True)
    record = read_record()
    with chromium(viewport=WINDOW) as context:
        for name in names:
            page = context.new_page()
            explorer = play_demo.open_figure(page, site, demos()[name])
            page.add_style_tag(content=BARE)
            record[name] = store(demos()[name], explorer)
            page.close()
    kept = {name: record[name] for name in demos() if name in record}
    write(FRAMES / RECORD, json.dumps(kept, indent=1, ensure_ascii=False).encode() + b"\n")


if __name__ == "__main__":
    main()
