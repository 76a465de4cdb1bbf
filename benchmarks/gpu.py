"""Measure ibcore on one GPU in less than ten minutes: ``python benchmarks/gpu.py --out FOLDER``.

Items run in order of their value; the table is written after each, and an item that might not fit
the time that remains is left out and named.  ``--device cpu --smoke`` rehearses all of it.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # as a script only the folder of this file is there
    sys.path.insert(0, str(ROOT))

from benchmarks import gpu_items as items  # noqa: E402 -- after the path

Item = Callable[[items.Place], list[items.Row]]
# In order of value, with the seconds that each may take; an estimate, never measured on a GPU.
ITEMS: Mapping[str, tuple[Item, float]] = {
    "agreement": (items.agreement, 60),
    "ceilings": (items.ceilings, 30),
    "sampling": (items.sampling, 60),
    "training": (items.training, 120),
    "meta-gradients": (items.meta_gradients, 60),
    "similarity": (items.similarity, 30),
    "precision": (items.precision, 60),
}


def markdown(frame: pd.DataFrame, title: str) -> str:
    """Return the table as a page."""
    lines = [f"# {title}", "", "| item | quantity | value | unit | note |", "|---|---|---|---|---|"]
    for found in frame.to_dict("records"):
        value = "" if math.isnan(found["value"]) else f"{found['value']:.4g}"
        note = str(found["note"]).replace("|", "/")
        start = f"| {found['item']} | {found['quantity']} "
        lines.append(f"{start}| {value} | {found['unit']} | {note} |")
    return "\n".join(lines) + "\n"


def write(rows: Sequence[items.Row], folder: Path, title: str) -> str:
    """Replace ``gpu.md`` and ``gpu.parquet`` by what is known so far, and return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(rows)
    page = markdown(frame, title)
    frame.to_parquet(folder / "gpu.parquet.new")
    (folder / "gpu.parquet.new").replace(folder / "gpu.parquet")
    (folder / "gpu.md.new").write_text(page, encoding="utf-8")
    (folder / "gpu.md.new").replace(folder / "gpu.md")
    return page


def run(place: items.Place, folder: Path, seconds: float) -> str:
    """Run all items that fit the time; one that fails is named, and the others go on."""
    end, rows = time.monotonic() + seconds, []
    gpu = place.device.type == "cuda"
    name = torch.cuda.get_device_name(place.device) if gpu else "the CPU, a rehearsal"
    title = f"ibcore on {name}, torch {torch.__version__}"
    page = ""
    for item, (measure, needed) in ITEMS.items():
        left = end - time.monotonic()
        try:
            if left < (needed if place.size == "full" else 0):
                rows.append(items.row(item, "left out", left, "s left", f"may take {needed:g} s"))
            else:
                rows += measure(place)
        except Exception as error:
            first = (str(error).splitlines() or [""])[0]
            rows.append(items.row(item, "failed", math.nan, "", f"{type(error).__name__}: {first}"))
        page = write(rows, folder, title)
        print(f"{item}: {end - time.monotonic():.0f} s left", file=sys.stderr, flush=True)
    return page


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the table")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: seconds, no meaning")
    parser.add_argument("--seconds", type=float, default=540, help="for all items together")
    chosen = parser.parse_args(arguments)
    if chosen.device == "cuda" and not torch.cuda.is_available():
        sys.exit("error: torch sees no CUDA device; rehearse with --device cpu --smoke")
    place = items.Place(torch.device(chosen.device), "tiny" if chosen.smoke else "full")
    print(run(place, chosen.out, chosen.seconds))


if __name__ == "__main__":
    main()
