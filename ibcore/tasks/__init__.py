"""Problem generators: functions that return tensors and need no download."""

from ibcore.tasks.grid import Nodes, axis, grid
from ibcore.tasks.images import ColoredDigits, Digits, colored_digits, digits
from ibcore.tasks.modular import Modular, modular_addition, modular_labels

__all__ = [
    "ColoredDigits",
    "Digits",
    "Modular",
    "Nodes",
    "axis",
    "colored_digits",
    "digits",
    "grid",
    "modular_addition",
    "modular_labels",
]
