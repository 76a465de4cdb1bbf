"""Problem generators: functions that return tensors and need no download."""

from ibcore.tasks.grid import Nodes, axis, grid

__all__ = ["Nodes", "axis", "grid"]
