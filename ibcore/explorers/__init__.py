"""Interactive figures: one Python class and one JavaScript function each, two hosts.

In the static book a figure is computed in the reader's browser; in a notebook with a kernel the
same figure is answered by ibcore.  ``EXPLORERS`` maps the name of each figure to its class.
"""

from ibcore.explorers.base import Explorer, is_static
from ibcore.explorers.random_network import RandomNetwork

EXPLORERS: dict[str, type[Explorer]] = {"RandomNetwork": RandomNetwork}

__all__ = ["EXPLORERS", "Explorer", "RandomNetwork", "is_static"]
