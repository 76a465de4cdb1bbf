"""Stored pictures of learned concepts: what each learner believes of each object, as arrays."""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.stored import check_columns, in_order, plain

if TYPE_CHECKING:
    import pandas as pd

Bytes = NDArray[np.uint8]

OBJECTS = 16
HALF = 100  # bytes count half percents, from 0 to 200
BOUNDS = ("ideal", "memory")
AXES = ("name", "look", "concept", "order", "support")
COLUMNS = (
    *("architecture", "view", "parameters", "network", "concept", "order", "support"),
    *("shown", "labels", "method", "budget", "probabilities", "accuracy"),
)


@dataclass(frozen=True, eq=False)
class StoredPictures:
    """What learners believe of 16 objects, over concepts, orders of showing and support sizes.

    Attributes
    ----------
    axes
        Values of each of `AXES`; a look is a method and a number of steps, as ``"meta 1"``.
    parameters
        Of each network.
    labels
        The label of each object, (concepts, 16).
    shown
        The order in which objects are shown, (concepts, orders, 16).
    networks
        200 times the probabilities, (names, looks, concepts, orders, supports, 16).
    bounds
        Those of the ideal learner and of memory, (2, concepts, orders, supports, 16).
    """

    axes: dict[str, list[Any]]
    parameters: list[int]
    labels: Bytes
    shown: Bytes
    networks: Bytes
    bounds: Bytes


def read_pictures(frame: "pd.DataFrame") -> StoredPictures:
    """Return the table of ``metainit.pictures`` as arrays.

    Raises
    ------
    ValueError
        If a column or a combination is missing or comes twice, there are several networks of an
        architecture, or rows do not hold 16 bytes.

    Examples
    --------
    >>> import pandas as pd
    >>> looks = {"method": ["meta", "ideal", "memory"], "budget": [1, 0, 0], "accuracy": 1.0}
    >>> row = {"architecture": "MLP", "view": "bits", "parameters": 9, "network": 0, "order": 0}
    >>> row |= {"concept": "blue", "support": 0, "shown": bytes(range(16)), "labels": bytes(16)}
    >>> read_pictures(pd.DataFrame({**row, **looks, "probabilities": bytes(16)})).networks.shape
    (1, 1, 1, 1, 1, 16)
    """
    check_columns("frame", frame, COLUMNS)
    rows = frame.assign(
        name=[_named(*pair) for pair in zip(frame["architecture"], frame["view"], strict=True)],
        look=[f"{m} {b}" for m, b in zip(frame["method"], frame["budget"], strict=True)],
    )
    if len(plain(rows["network"])) > 1:
        raise ValueError(f"frame has networks {plain(rows['network'])}; select one of them")
    learned = rows[~rows["method"].isin(BOUNDS)]
    axes = {
        **{name: in_order(learned[name]) for name in ("name", "look", "concept")},
        **{name: plain(learned[name]) for name in ("order", "support")},
    }
    limits = rows[rows["method"].isin(BOUNDS) & (rows["name"] == axes["name"][0])]
    lists = [axes[name] for name in AXES]
    first = rows.groupby(["concept", "order"], sort=False).first()
    pairs = list(product(axes["concept"], axes["order"]))
    shape = (len(axes["concept"]), len(axes["order"]), OBJECTS)
    sizes = learned.groupby("name")["parameters"].first()
    labels = _stack([first.loc[pair, "labels"] for pair in pairs])
    return StoredPictures(
        axes=axes,
        parameters=[int(sizes[name]) for name in axes["name"]],
        labels=labels.reshape(shape)[:, 0],
        shown=_stack([first.loc[pair, "shown"] for pair in pairs]).reshape(shape),
        networks=_complete(learned, AXES, lists),
        bounds=_complete(limits, ("method", *AXES[2:]), [list(BOUNDS), *lists[2:]]),
    )


def right(probabilities: Bytes, labels: Bytes) -> NDArray[np.float64]:
    """Return which guesses are right, 1 or 0, or 0.5 for a guess of exactly one half.

    Examples
    --------
    >>> right(np.array([99, 100, 101], np.uint8), np.array([0, 0, 0], np.uint8)).tolist()
    [1.0, 0.5, 0.0]
    """
    hits = (probabilities > HALF) == (labels > 0)
    return np.where(probabilities == HALF, 0.5, hits.astype(np.float64))


def _named(architecture: str, view: str) -> str:
    return architecture if view == "bits" else f"{architecture} on images"


def _complete(rows: "pd.DataFrame", names: tuple[str, ...], lists: list[list[Any]]) -> Bytes:
    """Return one row of bytes for each combination, in the order of the axes."""
    keys = list(zip(*(rows[name] for name in names), strict=True))
    found = dict(zip(keys, rows["probabilities"], strict=True))
    wanted = list(product(*lists))
    missing = next((key for key in wanted if key not in found), None)
    if missing is not None:
        named = ", ".join(f"{name} {value!r}" for name, value in zip(names, missing, strict=True))
        raise ValueError(f"frame has no row for {named}; the figure needs every combination")
    if len(keys) != len(wanted):
        raise ValueError(
            f"frame has {len(keys)} rows for {len(wanted)} combinations of {', '.join(names)}; "
            "keep one of each"
        )
    return _stack([found[key] for key in wanted]).reshape(*map(len, lists), OBJECTS)


def _stack(rows: list[bytes]) -> Bytes:
    wrong = next((len(row) for row in rows if len(row) != OBJECTS), None)
    if wrong is not None:
        raise ValueError(f"rows must hold {OBJECTS} bytes, one for each object, got {wrong}")
    return np.stack([np.frombuffer(row, dtype=np.uint8) for row in rows])
