"""Stored curves of guided training, and the likeness of all layers to all layers of a guide."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.stored import check_columns, in_order, plain

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

MEASURES = ("test_accuracy", "train_accuracy", "test_loss")
_LAYERS = ("guide_layer", "target_layer")
_KEYS = ("condition", "reference", "step", *_LAYERS, "network")


@dataclass(frozen=True, eq=False)
class StoredCurves:
    """What was measured of networks while they were trained under a few conditions.

    Attributes
    ----------
    conditions, references
        Names in the order of the table; a reference is the guide that layers are compared with.
    steps, networks
        Numbers of steps, increasing, and numbers of the networks.
    curves
        For condition and measure, (steps, networks).
    likeness
        For condition and reference, (steps, guide layers, target layers, networks).
    mapped
        For each reference, which pairs of layers guidance compares, (guide layers, target layers).
    """

    conditions: list[str]
    references: list[str]
    steps: list[int]
    networks: list[int]
    measures: list[str]
    curves: dict[tuple[str, str], Floats]
    likeness: dict[tuple[str, str], Floats]
    mapped: dict[str, NDArray[np.bool_]]


def read_curves(frame: "pd.DataFrame") -> StoredCurves:
    """Return the table of ``guidance.curves`` as arrays.

    Raises
    ------
    ValueError
        If a column or a combination is missing, or a combination comes twice.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"condition": "unguided", "reference": "pixels", "guide_layer": 1, "network": 0}
    >>> row |= {"target_layer": 1, "step": [0, 5], "similarity": 0.5, "mapped": True}
    >>> read_curves(pd.DataFrame({**row, "test_accuracy": 0.1})).curves["unguided", "test_accuracy"]
    array([[0.1],
           [0.1]])
    """
    check_columns("frame", frame, (*_KEYS, MEASURES[0], "similarity", "mapped"))
    if frame.duplicated(list(_KEYS)).any():
        raise ValueError(f"frame has rows with the same {', '.join(_KEYS)}; keep one of each")
    conditions, references = (in_order(frame[name]) for name in _KEYS[:2])
    steps, networks = plain(frame["step"]), plain(frame["network"])
    measures = [name for name in MEASURES if name in frame.columns]
    parts = {
        (condition, reference): _sorted(frame, condition, reference, len(steps) * len(networks))
        for condition in conditions
        for reference in references
    }
    likeness = {key: _by_layers(part, "similarity", len(steps)) for key, part in parts.items()}
    pairs = {
        name: _by_layers(parts[conditions[0], name], "mapped", len(steps)) for name in references
    }
    mapped = {name: table[0, ..., 0].astype(bool) for name, table in pairs.items()}
    curves = {
        (condition, name): parts[condition, references[0]][name]
        .to_numpy(np.float64)
        .reshape(len(steps), -1, len(networks))[:, 0]
        for condition in conditions
        for name in measures
    }
    return StoredCurves(conditions, references, steps, networks, measures, curves, likeness, mapped)


def _by_layers(part: Any, column: str, steps: int) -> Floats:
    """Return a column as (steps, guide layers, target layers, networks)."""
    layers = [part[name].nunique() for name in _LAYERS]
    table: Floats = part[column].to_numpy(np.float64).reshape(steps, *layers, -1)
    return table


def _sorted(frame: "pd.DataFrame", condition: str, reference: str, looks: int) -> Any:
    """Return the rows of a condition and a reference by step, layers and network."""
    own = frame[(frame["condition"] == condition) & (frame["reference"] == reference)]
    layers = frame[frame["reference"] == reference]
    expected = looks * layers["guide_layer"].nunique() * layers["target_layer"].nunique()
    if len(own) != expected:
        raise ValueError(
            f"frame has {len(own)} rows for condition {condition!r} and reference {reference!r}, "
            f"but every step, layer and network makes {expected}"
        )
    return own.sort_values(["step", *_LAYERS, "network"])
