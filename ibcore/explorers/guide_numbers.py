"""Stored results of guidance as differences to the unguided network, by condition."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.stored import check_columns, in_order, plain
from ibcore.stats import paired_difference

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Difference = tuple[float, float | None, float | None]  # mean, low, high

MEASURES = ("test_accuracy", "test_loss", "cnn_similarity")
BASELINE = "unguided"
GROUPS = ("Guides", "Guides used in other ways", "Without a guide")
_KEYS = ("condition", "guide", "unlabeled", "network")


@dataclass(frozen=True, eq=False)
class StoredConditions:
    """What was measured of networks under several conditions.

    Attributes
    ----------
    measures
        Those of `MEASURES` that the table has.
    groups
        Conditions by group, in the order of the table, without the unguided one.
    counts, networks
        Numbers of images without labels, and numbers of the networks.
    values
        For measure, condition and count, (networks,); not every count is there.
    unguided
        For each measure, (networks,).
    """

    measures: list[str]
    groups: dict[str, list[str]]
    counts: list[int]
    networks: list[int]
    values: dict[tuple[str, str, int], Floats]
    unguided: dict[str, Floats]

    @property
    def conditions(self) -> list[str]:
        """All conditions in the order of the groups."""
        return [name for names in self.groups.values() for name in names]

    def difference(self, measure: str, condition: str, count: int) -> Difference | None:
        """Return the mean paired difference to the unguided networks with its interval.

        None where the condition was not run; one network has no interval.
        """
        values = self.values.get((measure, condition, count))
        return None if values is None else paired(values, self.unguided[measure])


def paired(values: Floats, baseline: Floats) -> Difference:
    """Return the mean difference of (networks,) to a baseline, low and high; None for one network.

    Examples
    --------
    >>> paired(np.array([3.0, 5.0]), np.array([1.0, 3.0])), paired(np.ones(1), np.zeros(1))
    ((2.0, 2.0, 2.0), (1.0, None, None))
    """
    if len(values) == 1:
        return (float((values - baseline)[0]), None, None)
    found = paired_difference(values, baseline)
    return (found.value, found.low, found.high)


def read_conditions(name: str, frame: "pd.DataFrame") -> StoredConditions:
    """Return the table of ``guidance.wide`` or ``guidance.unlabeled`` as arrays.

    A condition that is called as its guide is a guide; one with another name changes how a guide
    is used; the rest have none.

    Parameters
    ----------
    name
        What the table is called in messages.
    frame
        One row for each condition, number of images without labels, and network.

    Raises
    ------
    ValueError
        If a column, the unguided condition, another condition, or a network is missing, or a row
        comes twice.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"unlabeled": 0, "network": 0, "test_accuracy": [0.5, 0.6]}
    >>> names = {"condition": ["unguided", "pixels"], "guide": ["none", "pixels"]}
    >>> read_conditions("wide", pd.DataFrame({**row, **names})).groups
    {'Guides': ['pixels']}
    """
    check_columns(name, frame, (*_KEYS, MEASURES[0]))
    measures = [measure for measure in MEASURES if measure in frame.columns]
    names = [condition for condition in in_order(frame["condition"]) if condition != BASELINE]
    if len(names) == frame["condition"].nunique() or not names:
        raise ValueError(f"{name} needs the condition {BASELINE!r} and another one to compare")
    networks = plain(frame["network"])
    guides = dict(zip(frame["condition"], frame["guide"], strict=True))
    members = {title: [c for c in names if _group(c, guides[c]) == title] for title in GROUPS}
    parts: Any = frame.groupby(["condition", "unlabeled"], sort=False)
    values = {
        (measure, str(condition), int(count)): _of_networks(name, rows, measure, networks)
        for (condition, count), rows in parts
        for measure in measures
    }
    return StoredConditions(
        measures,
        {title: kept for title, kept in members.items() if kept},
        plain(frame["unlabeled"]),
        networks,
        values,
        {measure: _baseline(name, values, measure) for measure in measures},
    )


def _group(condition: str, guide: str) -> str:
    if guide == "none":
        return GROUPS[2]
    return GROUPS[0] if guide == condition else GROUPS[1]


def _of_networks(name: str, rows: "pd.DataFrame", measure: str, networks: list[int]) -> Floats:
    """Return the values of all networks, in their order."""
    found: dict[Any, float] = dict(zip(rows["network"], rows[measure], strict=True))
    if len(rows) != len(networks) or set(found) != set(networks):
        condition = rows["condition"].iloc[0]
        raise ValueError(
            f"{name} has networks {sorted(rows['network'])} for {condition!r}, but "
            f"{networks} in all; differences need each of them once"
        )
    return np.array([found[network] for network in networks], dtype=np.float64)


def _baseline(name: str, values: dict[tuple[str, str, int], Floats], measure: str) -> Floats:
    if (measure, BASELINE, 0) not in values:
        raise ValueError(f"{name} has no {BASELINE!r} networks with 0 images without labels")
    return values[measure, BASELINE, 0]
