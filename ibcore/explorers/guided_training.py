"""The explorer of guided training: curves, and how layers become like those of a guide."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ibcore.explorers.base import Answer
from ibcore.explorers.curve_numbers import Floats, read_curves
from ibcore.explorers.draw import Poster, square
from ibcore.explorers.guide_numbers import BASELINE
from ibcore.explorers.stored import source_of, summarize
from ibcore.explorers.stored_figure import StoredFigure
from ibcore.runs import load

if TYPE_CHECKING:
    import pandas as pd

_DIGITS = 3


class GuidedTraining(StoredFigure):
    """Curves of a network that is trained beside a guide, and its layers against the guide's.

    The reader steps or plays through training under each condition.  A table of numbers shows the
    unbiased linear CKA of each layer of the target with each layer of an untrained or a trained
    network, whether or not that network guided.

    Parameters
    ----------
    condition, reference, measure, step
        What to start from; by default the first condition that is not unguided, the first
        reference, test accuracy, and the last step.
    frame
        As ``guidance.curves`` stores it; by default ``ibcore.runs.load("guidance.curves")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ValueError
        If a value is not in the frame, or the frame lacks a column or a combination.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"condition": "unguided", "reference": "pixels", "guide_layer": 1, "network": 0}
    >>> row |= {"target_layer": 1, "step": [0, 5], "similarity": [0.5, 0.7], "mapped": True}
    >>> figure = GuidedTraining(frame=pd.DataFrame({**row, "test_accuracy": [0.1, 0.4]}))
    >>> figure.answer(figure.initial()).facts
    {'value': 0.4, 'unguided': 0.4, 'likeness': 0.7}
    """

    kind: ClassVar[str] = "GuidedTraining"

    def __init__(
        self,
        condition: str | None = None,
        *,
        reference: str | None = None,
        measure: str = "test_accuracy",
        step: int | None = None,
        frame: "pd.DataFrame | None" = None,
    ) -> None:
        data = load("guidance.curves") if frame is None else frame
        self.source = source_of(data)
        self._stored = stored = read_curves(data)
        self._choices: dict[str, list[Any]] = {
            "condition": stored.conditions,
            "reference": stored.references,
            "measure": stored.measures,
            "step": stored.steps,
        }
        others = [name for name in stored.conditions if name != BASELINE]
        usual = {
            "condition": [*others, BASELINE][0],
            "reference": stored.references[0],
            "step": stored.steps[-1],
        }
        self._start(usual, condition=condition, reference=reference, measure=measure, step=step)
        rows = max(len(table) for table in stored.mapped.values())
        self.heights = (f"{1140 + 38 * rows}px", f"{754 + max(0, 38 * rows - 236)}px")

    def setup(self) -> dict[str, Any]:
        """Return the choices, all curves with intervals, and all tables of likeness."""
        stored = self._stored
        curves: dict[str, Any] = {name: {} for name in stored.conditions}
        for (condition, measure), values in stored.curves.items():
            curves[condition][measure] = [summarize(row)[:3] for row in values]
        likeness: dict[str, Any] = {name: {} for name in stored.conditions}
        for (condition, reference), table in stored.likeness.items():
            likeness[condition][reference] = table.mean(-1).round(_DIGITS).tolist()
        return {
            "choices": self._choices,
            "baseline": BASELINE if BASELINE in stored.conditions else None,
            "curves": curves,
            "likeness": likeness,
            "mapped": {name: table.tolist() for name, table in stored.mapped.items()},
            "rows": max(len(table) for table in stored.mapped.values()),
            "networks": len(stored.networks),
            "source": self.source,
        }

    def poster(self) -> Poster:
        """Return the likeness of layers as a picture, and the result in words."""
        p = self._initial
        table = self._likeness(p).T  # (target layers, guide layers)
        facts = self.answer(p).facts
        measure = p["measure"].replace("_", " ")
        found = f"{measure} {facts['value']:.3f}"
        if facts["unguided"] is not None:
            found += f", unguided {facts['unguided']:.3f}"
        found += f"; likeness of the compared layers {facts['likeness']:.3f}"
        return Poster(
            square(table),
            f"Likeness of the layers of a network, to the right, to those of a guide, upward "
            f"({self._describe(p)}): {found}.",
            f"{self._describe(p)}: {found}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return means over networks at the chosen step; the frame holds the table of likeness.

        Facts: ``value`` of the measure; ``unguided``, the same without a guide, None if that was
        not run; ``likeness``, the mean over the pairs of layers that guidance compares.  The
        frame holds (guide layers, target layers).

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or none that a control can send.
        """
        p = self._checked(params)
        stored = self._stored
        at = stored.steps.index(p["step"])
        values = [stored.curves.get((name, p["measure"])) for name in (p["condition"], BASELINE)]
        value, unguided = (None if own is None else float(own[at].mean()) for own in values)
        table = self._likeness(p)
        likeness = float(table[stored.mapped[p["reference"]]].mean())
        facts = {"value": value, "unguided": unguided, "likeness": likeness}
        return Answer(facts, table.astype(np.float32).tobytes())

    def _likeness(self, p: Mapping[str, Any]) -> Floats:
        """Return the mean likeness at the chosen step, (guide layers, target layers)."""
        tables = self._stored.likeness[p["condition"], p["reference"]]
        found: Floats = tables[self._stored.steps.index(p["step"])].mean(-1)
        return found

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['condition']}, step {p['step']}, layers of the {p['reference']}"
