"""The explorer of guides: what each of them, and each control, adds to the unguided network."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ibcore.explorers.base import Answer
from ibcore.explorers.draw import Poster, square
from ibcore.explorers.guide_numbers import StoredConditions, paired, read_conditions
from ibcore.explorers.stored import source_of
from ibcore.explorers.stored_figure import StoredFigure
from ibcore.runs import load

if TYPE_CHECKING:
    import pandas as pd

_DIGITS = 5


class GuideComparison(StoredFigure):
    """Differences to the unguided network, with intervals, of guides and of their controls.

    Each network learns under every condition from the same start, so differences are paired; the
    intervals are those of `ibcore.stats.paired_difference` over networks.  The reader chooses what
    is compared, and may add images without labels.

    Parameters
    ----------
    measure
        ``"test_accuracy"``, or ``"test_loss"`` and ``"cnn_similarity"`` where they are stored.
    shown
        ``"conditions"``, or ``"unlabeled"`` for the guides that see images without labels.
    unlabeled
        How many of these; by default the most.
    close
        Whether the axis leaves out the largest differences.
    frame, images
        As ``guidance.wide`` and ``guidance.unlabeled`` store them; by default
        ``ibcore.runs.load`` of these names.  With ``frame`` and no ``images`` there is only
        ``"conditions"`` to show.

    Raises
    ------
    FileNotFoundError
        If a frame is neither given nor stored; the message names the command that computes it.
    ValueError
        If a value is not in the frames, or a frame lacks a column, a condition or a network.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"unlabeled": 0, "network": [0, 0, 1, 1], "test_accuracy": [0.5, 0.6, 0.5, 0.7]}
    >>> names = {"condition": ["unguided", "pixels"] * 2, "guide": ["none", "pixels"] * 2}
    >>> figure = GuideComparison(frame=pd.DataFrame({**row, **names}))
    >>> round(figure.answer(figure.initial()).facts["differences"]["pixels"][0], 6)
    0.15
    """

    kind: ClassVar[str] = "GuideComparison"

    def __init__(
        self,
        measure: str = "test_accuracy",
        *,
        shown: str = "conditions",
        unlabeled: int | None = None,
        close: bool = False,
        frame: "pd.DataFrame | None" = None,
        images: "pd.DataFrame | None" = None,
    ) -> None:
        data = load("guidance.wide") if frame is None else frame
        more = load("guidance.unlabeled") if frame is None and images is None else images
        self._stored = {"conditions": read_conditions("frame", data)}
        self.sources = {"conditions": source_of(data)}
        if more is not None:
            self._stored["unlabeled"] = read_conditions("images", more)
            self.sources["unlabeled"] = source_of(more)
        stored = self._stored.values()
        measures = [m for m in self._first.measures if all(m in own.measures for own in stored)]
        counts = self._stored["unlabeled"].counts if more is not None else [0]
        self._choices: dict[str, list[Any]] = {
            "shown": list(self._stored),
            "unlabeled": counts,
            "measure": measures,
            "close": [False, True],
        }
        self._rows = max(
            len(own.conditions) * _sections(name) for name, own in self._stored.items()
        )
        self._groups = max(len(own.groups) * _sections(name) for name, own in self._stored.items())
        lines = (39 * self._rows + 27 * self._groups, 27 * (self._rows + self._groups))
        self.heights = (f"{796 + lines[0]}px", f"{488 + lines[1]}px")
        usual = {"unlabeled": counts[-1]}
        self._start(usual, shown=shown, unlabeled=unlabeled, measure=measure, close=close)

    def setup(self) -> dict[str, Any]:
        """Return the choices, the groups, all differences, and those of each network."""
        return {
            "choices": self._choices,
            "tables": {name: self._table(own) for name, own in self._stored.items()},
            "sources": self.sources,
            "rows": self._rows,
            "groups": self._groups,
        }

    def poster(self) -> Poster:
        """Return the differences of all networks as a picture, and the means in words."""
        p = self._initial
        pairs = [row for row in self._differences(p).values() if row is not None]
        values = np.stack(pairs)  # (conditions, networks)
        facts = self.answer(p).facts
        found = ", ".join(
            f"{name} {entry[0]:+.3f}" for name, entry in facts["differences"].items() if entry
        )
        return Poster(
            square(values),
            f"Differences to the unguided network, conditions to the right and networks upward "
            f"({self._describe(p)}; unguided {facts['unguided']:.3f}): {found}.",
            f"{self._describe(p)}: {found}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return differences with intervals; the frame holds those of the networks.

        Facts: ``unguided``, the mean; ``differences``, for each condition its mean, low and high,
        or None where it was not run.  The frame holds (conditions, networks), nan where not run.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or none that a control can send.
        """
        p = self._checked(params)
        stored, count, measure = self._selected(p)
        differences = {name: stored.difference(measure, name, count) for name in stored.conditions}
        none = np.full(len(stored.networks), np.nan)
        rows = [none if row is None else row for row in self._differences(p).values()]
        frame = np.stack(rows).astype(np.float32)
        unguided = float(stored.unguided[measure].mean())
        return Answer({"unguided": unguided, "differences": differences}, frame.tobytes())

    @property
    def _first(self) -> StoredConditions:
        return self._stored["conditions"]

    def _selected(self, p: Mapping[str, Any]) -> tuple[StoredConditions, int, str]:
        """Return the table, the number of images without labels in it, and the measure."""
        count = p["unlabeled"] if p["shown"] == "unlabeled" else self._first.counts[0]
        return self._stored[p["shown"]], count, p["measure"]

    def _differences(self, p: Mapping[str, Any]) -> dict[str, Any]:
        """Return the differences of all networks by condition, None where it was not run."""
        stored, count, measure = self._selected(p)
        values = {name: stored.values.get((measure, name, count)) for name in stored.conditions}
        base = stored.unguided[measure]
        return {name: None if own is None else own - base for name, own in values.items()}

    def _table(self, stored: StoredConditions) -> dict[str, Any]:
        """Return one table for the page: by measure, number of images and condition."""
        entries = {
            measure: {
                str(count): {
                    name: _page(stored, measure, name, count)
                    for name in stored.conditions
                    if (measure, name, count) in stored.values
                }
                for count in stored.counts
            }
            for measure in self._choices["measure"]
        }
        levels = {m: round(float(stored.unguided[m].mean()), _DIGITS) for m in entries}
        return {
            "groups": list(stored.groups.items()),
            "counts": stored.counts,
            "networks": len(stored.networks),
            "unguided": levels,
            "entries": entries,
        }

    def _describe(self, p: Mapping[str, Any]) -> str:
        images = f", {p['unlabeled']} images without labels" if p["shown"] == "unlabeled" else ""
        return f"{p['measure'].replace('_', ' ')}{images}"


def _sections(shown: str) -> int:
    """Return how often conditions are listed: with images without labels and without them."""
    return 2 if shown == "unlabeled" else 1


def _page(stored: StoredConditions, measure: str, condition: str, count: int) -> list[Any]:
    """Return mean, low and high, and the differences of the networks, rounded."""
    values, baseline = stored.values[measure, condition, count], stored.unguided[measure]
    ends = [None if end is None else round(end, _DIGITS) for end in paired(values, baseline)]
    return [*ends, [round(float(value), _DIGITS) for value in values - baseline]]
