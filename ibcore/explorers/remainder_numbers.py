"""Stored answers for numbers x, modulus by modulus, as arrays that fit into a page."""

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ibcore.explorers.packing import pack_pictures
from ibcore.explorers.stored import check_columns, in_order, plain

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

NUMBERS = 100  # x from 0 to 99
STEPS = (0, 1)
AXES = ("view", "split", "support", "modulus")
COLUMNS = (*AXES, "architecture", "network", "moduli", "budget", "outputs", "shown", "error")
_SIDE = 10  # answers of one modulus are packed as a square
_TENTHS = 10  # answers are shown to one decimal


@dataclass(frozen=True, eq=False)
class StoredRemainders:
    """Answers of one network for each view and split, over support sizes and moduli.

    Attributes
    ----------
    axes
        Values of each of `AXES`.
    architecture
        Of all networks.
    before
        Answers before the step, (views, splits, 100).
    after
        Answers after one step, (views, splits, supports, moduli, 100).
    errors
        Mean squared errors before and after, (2, views, splits, supports, moduli).
    shown
        How often each x was shown, (splits, supports, moduli, 100), int64.
    trained
        Which moduli are training moduli, (splits, moduli).
    """

    axes: dict[str, list[Any]]
    architecture: str
    before: Floats
    after: Floats
    errors: Floats
    shown: NDArray[np.int64]
    trained: NDArray[np.bool_]

    def constants(self) -> Floats:
        """Return the mean squared error of the best constant for each modulus, (moduli,)."""
        x = np.arange(NUMBERS)
        return np.array([np.var(x % modulus) for modulus in self.axes["modulus"]])

    def pack(self) -> str:
        """Return answers after and before, then counts, as squares of bytes for the page.

        An answer is a whole number of tenths in two bytes: all low bytes stand before all high
        ones.

        Raises
        ------
        ValueError
            If an answer is too large for two bytes.
        """
        answers = np.concatenate([self.after.reshape(-1), self.before.reshape(-1)])
        tenths = np.round(_TENTHS * answers)
        largest = np.abs(tenths).max()
        if not largest < 2**15:
            raise ValueError(
                f"an answer is {largest / _TENTHS:g} in size, too large for the figure; the "
                "network has diverged"
            )
        pairs = tenths.astype("<i2").view(np.uint8).reshape(-1, 2)  # (answers, low and high)
        parts = (pairs[:, 0], pairs[:, 1], self.shown.astype(np.uint8).reshape(-1))
        squares = np.concatenate(parts).reshape(-1, _SIDE, _SIDE)
        return pack_pictures(squares, 256)


def read_remainders(frame: "pd.DataFrame") -> StoredRemainders:
    """Return the table of ``metainit.remainders`` as arrays.

    Raises
    ------
    ValueError
        If a column or a combination is missing or comes twice, there are several architectures or
        networks, or rows do not hold 100 answers.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"view": "bits", "split": "s", "support": 20, "modulus": 2, "moduli": "train"}
    >>> row |= {"outputs": bytes(200), "shown": bytes(100), "error": 0.5, "budget": [0, 1]}
    >>> frame = pd.DataFrame({**row, "architecture": "MLP", "network": 0})
    >>> read_remainders(frame).after.shape
    (1, 1, 1, 1, 100)
    """
    check_columns("frame", frame, COLUMNS)
    for name in ("architecture", "network"):
        if len(plain(frame[name])) > 1:
            raise ValueError(f"frame has {name} {plain(frame[name])}; select one of them")
    axes: dict[str, list[Any]] = {name: in_order(frame[name]) for name in ("view", "split")}
    axes |= {name: plain(frame[name]) for name in ("support", "modulus")}
    rows = _complete(frame, axes)
    shape = tuple(map(len, axes.values()))
    whole = rows["outputs"].map(lambda row: _numbers(row, np.float16))
    answers = np.stack(list(whole)).astype(np.float64).reshape(2, *shape, NUMBERS)
    counts = np.stack([_numbers(row, np.uint8) for row in rows["shown"]])
    kinds = rows["moduli"].to_numpy().reshape(2, *shape)
    return StoredRemainders(
        axes=axes,
        architecture=str(frame["architecture"].iloc[0]),
        before=answers[0, :, :, 0, 0],
        after=answers[1],
        errors=rows["error"].to_numpy(np.float64).reshape(2, *shape),
        shown=counts.astype(np.int64).reshape(2, *shape, NUMBERS)[1, 0],
        trained=(kinds == "train")[1, 0, :, 0],
    )


def _numbers(row: bytes, kind: type[np.float16] | type[np.uint8]) -> NDArray[Any]:
    values = np.frombuffer(row, dtype=kind)
    if len(values) != NUMBERS:
        raise ValueError(f"rows must hold {NUMBERS} numbers, one for each x, got {len(values)}")
    return values


def _complete(frame: "pd.DataFrame", axes: dict[str, list[Any]]) -> "pd.DataFrame":
    """Return one row for each budget and combination, in the order of the axes."""
    import pandas as pd

    names = ["budget", *AXES]
    rows = frame.set_index(names)
    wanted = pd.MultiIndex.from_tuples(list(product(STEPS, *axes.values())), names=names)
    missing = wanted[~wanted.isin(rows.index)]
    if len(missing):
        first = [plain([value])[0] for value in missing[0]]
        named = ", ".join(f"{n} {value!r}" for n, value in zip(names, first, strict=True))
        raise ValueError(f"frame has no row for {named}; the figure needs every combination")
    if len(frame) != len(wanted):
        raise ValueError(
            f"frame has {len(frame)} rows for {len(wanted)} combinations of {', '.join(names)}; "
            "keep one of each, with 0 and 1 steps"
        )
    return rows.loc[wanted]
