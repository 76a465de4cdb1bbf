"""The record of the stored frames: what figures said, and whether frames still show the scripts."""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_ext"))

from teaching import FRAMES, Demo, frame

RECORD = "frames.json"  # what the figures said when the frames were stored


def entry_of(demo: Demo, index: int, heard: str, folder: Path = FRAMES) -> dict[str, Any]:
    """Return what is recorded of a step when its frame is stored."""
    step, path = demo["steps"][index], frame(demo, index, folder)
    stored = "alt" in step and path.is_file()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16] if stored else ""
    return {"do": [list(move) for move in step["do"].items()], "heard": heard, "frame": digest}


def read_record(folder: Path = FRAMES) -> dict[str, list[dict[str, Any]]]:
    """Return the record of all stored frames, empty without one."""
    path = folder / RECORD
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def stale_frames(known: Mapping[str, Demo], folder: Path = FRAMES) -> Iterator[str]:
    """Yield what keeps the stored frames from showing the scripts, with the remedy."""
    record = read_record(folder)
    steps = [(demo, index) for demo in known.values() for index in range(len(demo["steps"]))]
    wanted = {frame(demo, i, folder) for demo, i in steps if "alt" in demo["steps"][i]}
    for path in sorted(set(folder.glob("*.webp")) - wanted):
        yield f"{path.name}: no script asks for it; delete it"
    for name, demo in known.items():
        entries = record.get(name, [])
        if len(entries) != len(demo["steps"]):
            counts = f"{len(demo['steps'])} steps, {len(entries)} recorded"
            yield f"{name}: {counts}; run `make frames`"
            continue
        for index, entry in enumerate(entries):
            if reason := _stale(demo, index, entry, folder):
                yield f"{name}, step {index + 1}: {reason}; run `make frames`"


def _stale(demo: Demo, index: int, entry: Mapping[str, Any], folder: Path) -> str:
    if entry != entry_of(demo, index, entry["heard"], folder):
        return "the moves or the frame are not those that were recorded"
    missing = [part for part in demo["steps"][index]["says"] if part not in entry["heard"]]
    return f"the figure did not say {missing} when the frame was stored" if missing else ""
