"""The scripts of the live demonstrations: data that notes, frames and a browser test share."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import freshness
import yaml

ROOT = freshness.ROOT
SCRIPTS = ROOT / "book" / "teach" / "demos.yml"
FRAMES = ROOT / "book" / "teach" / "frames"
RECORD = "frames.json"  # what the figures said when the frames were stored
SHORTEST_ALT = 40


class DemoError(ValueError):
    """A script that cannot be played."""


@dataclass(frozen=True)
class Step:
    """One move of a demonstration.

    Parameters
    ----------
    ask
        The question to the class before the move.
    do
        Labels of controls and the values to set, in order.
    says
        Fragments of the figure's own summary of the new state.
    tell
        What the lecturer adds afterwards.
    alt
        Description of the stored frame, stating what is seen; empty without a frame.
    """

    ask: str
    do: tuple[tuple[str, str], ...]
    says: tuple[str, ...]
    tell: str
    alt: str = ""


@dataclass(frozen=True)
class Demo:
    """A demonstration with one explorer of one chapter, from the figure's first state on."""

    name: str
    page: str
    explorer: str
    number: int  # among the explorers of the page, from 0
    steps: tuple[Step, ...]

    def frame(self, index: int, folder: Path = FRAMES) -> Path:
        """Return the file of a step's stored frame."""
        return folder / f"{self.name}-{index + 1}.webp"


def read_step(place: str, entry: Mapping[str, Any]) -> Step:
    """Return a step from its entry in the file.

    Raises
    ------
    DemoError
        If a field is missing or unknown, or the description of a frame is too short.

    Examples
    --------
    >>> entry = {"ask": "Rougher?", "do": {"Depth": 6}, "says": ["depth 6"], "tell": "Yes."}
    >>> read_step("here", entry).do
    (('Depth', '6'),)
    """
    needed, known = {"ask", "do", "says", "tell"}, {"ask", "do", "says", "tell", "alt"}
    if not needed <= entry.keys() <= known:
        raise DemoError(f"{place}: fields are {sorted(entry)}; needed are {sorted(needed)}")
    alt = str(entry.get("alt", ""))
    if alt and len(alt) < SHORTEST_ALT:
        raise DemoError(f"{place}: alt text has {len(alt)} characters; state what is seen")
    do = tuple((str(label), str(value)) for label, value in entry["do"].items())
    says = tuple(str(fragment) for fragment in entry["says"])
    return Step(str(entry["ask"]), do, says, str(entry["tell"]), alt)


def read_demos(text: str) -> dict[str, Demo]:
    """Return the demonstrations of a file by name.

    Raises
    ------
    DemoError
        If an entry is not as described by `Demo` and `Step`.
    """
    demos = {}
    for name, entry in yaml.safe_load(text).items():
        if not entry.get("steps"):
            raise DemoError(f"{name}: has no steps")
        steps = tuple(read_step(f"{name}, step {i}", s) for i, s in enumerate(entry["steps"], 1))
        number = int(entry.get("number", 0))
        demos[name] = Demo(name, entry["page"], entry["explorer"], number, steps)
    return demos


@cache
def demos() -> dict[str, Demo]:
    """Return all demonstrations of the book by name."""
    return read_demos(SCRIPTS.read_text("utf-8"))


def entry_of(demo: Demo, index: int, heard: str, folder: Path = FRAMES) -> dict[str, Any]:
    """Return what is recorded of a step when its frame is stored."""
    step = demo.steps[index]
    frame = digest(demo.frame(index, folder)) if step.alt else ""
    return {"do": [list(move) for move in step.do], "heard": heard, "frame": frame}


def digest(path: Path) -> str:
    """Return a hash of a file, empty for a missing one."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


def read_record(folder: Path = FRAMES) -> dict[str, list[dict[str, Any]]]:
    """Return the record of all stored frames, empty without one."""
    path = folder / RECORD
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def stale_frames(known: Mapping[str, Demo], folder: Path = FRAMES) -> Iterator[str]:
    """Yield what keeps the stored frames from showing the scripts, with the remedy."""
    record = read_record(folder)
    wanted = {d.frame(i, folder) for d in known.values() for i, s in enumerate(d.steps) if s.alt}
    for path in sorted(set(folder.glob("*.webp")) - wanted):
        yield f"{path.name}: no script asks for it; delete it"
    for demo in known.values():
        entries = record.get(demo.name, [])
        if len(entries) != len(demo.steps):
            counts = f"{len(demo.steps)} steps, {len(entries)} recorded"
            yield f"{demo.name}: {counts}; run `make frames`"
            continue
        for index, entry in enumerate(entries):
            if reason := _stale(demo, index, entry, folder):
                yield f"{demo.name}, step {index + 1}: {reason}; run `make frames`"


def _stale(demo: Demo, index: int, entry: Mapping[str, Any], folder: Path) -> str:
    step = demo.steps[index]
    if entry != entry_of(demo, index, entry["heard"], folder):
        return "the moves or the frame are not those that were recorded"
    missing = [fragment for fragment in step.says if fragment not in entry["heard"]]
    return f"the figure did not say {missing} when the frame was stored" if missing else ""
