"""Why a peer is ahead or an aim is missed: causes that were looked into, beside the profiles.

A profile says where the time goes, measured anew in every run; a cause says why it goes there.
The causes hold on any processor, so that a table that is measured anew needs nothing by hand.
"""

import tomllib
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_suffix(".toml")


@cache
def known() -> tuple[dict[str, str], ...]:
    """Return the causes in their order, each with the patterns it answers to."""
    found: list[dict[str, str]] = tomllib.loads(FILE.read_text("utf-8"))["cause"]
    return tuple(found)


def cause(family: str, workload: str, peer: str) -> str:
    """Return the first cause whose patterns match, or nothing."""
    place = {"family": family, "workload": workload, "peer": peer}
    for entry in known():
        if all(fnmatchcase(value, entry.get(name, "*")) for name, value in place.items()):
            return entry["text"]
    return ""
