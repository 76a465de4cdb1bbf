"""Synthesis: one network, four levers, and what of each of them is left after training.

What no laboratory owns.  Starts come from `ibcore.metainit`, guides from `ibcore.guidance`, clocks
from `ibcore.memory`, the complexity of a function from `ibcore.redshift`.
"""

from ibcore.synthesis.digits import DigitFamily, DigitTask
from ibcore.synthesis.training import TappedMLP, dissimilarity, half_life, train

__all__ = ["DigitFamily", "DigitTask", "TappedMLP", "dissimilarity", "half_life", "train"]
