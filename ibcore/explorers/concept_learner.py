"""The explorer of learned concepts: 16 objects before and after the step that learns them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ibcore.explorers.base import Answer
from ibcore.explorers.concept_numbers import AXES, BOUNDS, OBJECTS, Bytes, read_pictures, right
from ibcore.explorers.draw import Poster
from ibcore.explorers.packing import pack_pictures
from ibcore.explorers.stored import source_of
from ibcore.explorers.stored_figure import StoredFigure
from ibcore.runs import load

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("architecture", "concept", "order", "support", "look")
LARGEST = 120_000  # characters of the packed pictures
_SIDE = 4  # the objects are packed and drawn as a square


class ConceptLearner(StoredFigure):
    """Sixteen objects, a rule, and what a network believes of each as examples are shown.

    The reader chooses an architecture, a concept, how many examples are shown and in which order,
    and looks before the inner step, after it, after ten of them, or at random weights trained by
    AdamW.  Beside stand the ideal learner's posterior and memory with majority.

    Parameters
    ----------
    architecture, concept, support, look
        What to start from; by default the first architecture and the second concept, five
        examples, and the learned start after one step, ``"meta 1"``.
    frame
        As ``metainit.pictures`` stores it; by default ``ibcore.runs.load("metainit.pictures")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ValueError
        If a value is not in the frame, the frame lacks a column or a combination, or its pictures
        are too large for a page.

    Examples
    --------
    >>> import pandas as pd
    >>> looks = {"method": ["meta", "ideal", "memory"], "budget": [1, 0, 0], "accuracy": 1.0}
    >>> row = {"architecture": "MLP", "view": "bits", "parameters": 9, "network": 0, "order": 0}
    >>> row |= {"concept": "blue", "support": 0, "shown": bytes(range(16)), "labels": bytes(16)}
    >>> ConceptLearner(frame=pd.DataFrame({**row, **looks, "probabilities": bytes(16)}))
    ConceptLearner(MLP, blue, 0 examples, meta 1)
    """

    kind: ClassVar[str] = "ConceptLearner"
    heights = ("1883px", "clamp(978px, 978px + 999*(800px - 100cqw), 1018px)")

    def __init__(
        self,
        architecture: str | None = None,
        *,
        concept: str | None = None,
        support: int | None = None,
        look: str | None = None,
        frame: "pd.DataFrame | None" = None,
    ) -> None:
        data = load("metainit.pictures") if frame is None else frame
        self.source = source_of(data)
        self._stored = read_pictures(data)
        axes = dict(zip(("architecture", *AXES[1:]), self._stored.axes.values(), strict=True))
        self._choices = {name: axes[name] for name in KEYS}
        self._packed = self._pack()
        usual = {
            "architecture": axes["architecture"][0],
            "concept": axes["concept"][min(1, len(axes["concept"]) - 1)],
            "order": axes["order"][0],
            "support": min(axes["support"], key=lambda size: abs(size - 5)),
            "look": "meta 1" if "meta 1" in axes["look"] else axes["look"][0],
        }
        asked = {"architecture": architecture, "concept": concept, "support": support, "look": look}
        self._start(usual, **asked)

    def setup(self) -> dict[str, Any]:
        """Return the choices, the rules, the orders of showing and the packed pictures."""
        stored = self._stored
        return {
            "choices": self._choices,
            "parameters": stored.parameters,
            "labels": stored.labels.tolist(),
            "shown": stored.shown.tolist(),
            "pictures": self._packed,
            "source": self.source,
        }

    def poster(self) -> Poster:
        """Return the probabilities of the 16 objects as a picture, and their accuracy in words."""
        p = self._initial
        facts = self._facts(p)
        found = (
            f"right about {OBJECTS * facts['accuracy']:g} of 16 objects, the ideal learner about "
            f"{OBJECTS * facts['ideal']:g}, memory and majority about "
            f"{OBJECTS * facts['memory']:g}"
        )
        setting = f"{p['architecture']}, concept '{p['concept']}', {p['support']} examples"
        square = self._beliefs(p).reshape(_SIDE, _SIDE)  # (16,) -> (row, column)
        return Poster(
            square[::-1].T / 200,
            f"What a network ({setting}, {p['look']} steps) believes of 16 objects, brighter for "
            f"a larger probability of belonging: {found}.",
            f"{setting}: {found}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return the network's probabilities as a frame, and the accuracies of all learners.

        Facts: ``accuracy`` of the network, ``ideal`` and ``memory``, each over the 16 objects; a
        guess of exactly one half is right half the time.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or none that a control can send.
        """
        p = self._checked(params)
        beliefs = self._beliefs(p).astype(np.float32) / 200
        return Answer(self._facts(p), beliefs.tobytes())

    def _at(self, params: Mapping[str, Any], names: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(self._choices[name].index(params[name]) for name in names)

    def _beliefs(self, params: Mapping[str, Any]) -> Bytes:
        found: Bytes = self._stored.networks[self._at(params, ("architecture", *AXES[1:]))]
        return found

    def _facts(self, params: Mapping[str, Any]) -> dict[str, float]:
        labels = self._stored.labels[self._choices["concept"].index(params["concept"])]
        place = self._at(params, AXES[2:])
        bounds = {
            name: float(right(self._stored.bounds[(i, *place)], labels).mean())
            for i, name in enumerate(BOUNDS)
        }
        return {"accuracy": float(right(self._beliefs(params), labels).mean()), **bounds}

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['architecture']}, {p['concept']}, {p['support']} examples, {p['look']}"

    def _pack(self) -> str:
        """Return all pictures, networks first, as text for the page."""
        parts = (self._stored.networks, self._stored.bounds)
        squares = [part.reshape(-1, _SIDE, _SIDE) for part in parts]  # (..., 16) -> (m, 4, 4)
        packed = pack_pictures(np.concatenate(squares), 256)
        if len(packed) > LARGEST:
            raise ValueError(
                f"{sum(map(len, squares))} pictures take {len(packed)} characters, more than "
                f"{LARGEST}; select fewer orders or concepts"
            )
        return packed
