"""Problem generators: functions that return tensors and need no download."""

from ibcore.tasks.grid import Nodes, axis, grid
from ibcore.tasks.modular import Modular, modular_addition, modular_labels

__all__ = ["Modular", "Nodes", "axis", "grid", "modular_addition", "modular_labels"]
