"""The explorer of learned remainders: x mod m before and after one step, modulus by modulus."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ibcore.explorers.base import Answer
from ibcore.explorers.draw import Poster
from ibcore.explorers.remainder_numbers import AXES, NUMBERS, STEPS, Floats, read_remainders
from ibcore.explorers.stored import source_of
from ibcore.explorers.stored_figure import StoredFigure
from ibcore.runs import load

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 140_000  # characters of the packed answers
_DIGITS = 4


class RemainderLearner(StoredFigure):
    """What a network answers for every x from 0 to 99, beside x mod m and the best constant.

    The reader chooses a modulus, how numbers are shown to the network, which moduli it was
    meta-trained on, how many examples of the modulus it gets, and looks before or after the inner
    step.  A second chart has the errors over all moduli, with the test moduli shaded.

    Parameters
    ----------
    view, split, support, modulus, steps
        What to start from; by default the first view, split and support size, modulus 7 and one
        step.
    frame
        As ``metainit.remainders`` stores it; by default
        ``ibcore.runs.load("metainit.remainders")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ValueError
        If a value is not in the frame, the frame lacks a column or a combination, or its answers
        are too many for a page.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"view": "bits", "split": "s", "support": 20, "modulus": 2, "moduli": "train"}
    >>> row |= {"outputs": bytes(200), "shown": bytes(100), "error": 0.5, "budget": [0, 1]}
    >>> RemainderLearner(frame=pd.DataFrame({**row, "architecture": "MLP", "network": 0}))
    RemainderLearner(bits, s, modulus 2, 20 examples, 1 step)
    """

    kind: ClassVar[str] = "RemainderLearner"
    heights = ("1507px", "1103px")

    def __init__(
        self,
        view: str | None = None,
        *,
        split: str | None = None,
        support: int | None = None,
        modulus: int | None = None,
        steps: int = 1,
        frame: "pd.DataFrame | None" = None,
    ) -> None:
        data = load("metainit.remainders") if frame is None else frame
        self.source = source_of(data)
        self._stored = read_remainders(data)
        self._choices = {**self._stored.axes, "steps": list(STEPS)}
        self._packed = self._stored.pack()
        if len(self._packed) > LARGEST:
            raise ValueError(
                f"the answers take {len(self._packed)} characters, more than {LARGEST}; select "
                "fewer moduli or support sizes"
            )
        usual = {name: values[0] for name, values in self._choices.items()}
        usual["modulus"] = min(self._choices["modulus"], key=lambda m: abs(m - 7))
        asked = {"view": view, "split": split, "support": support, "modulus": modulus}
        self._start(usual, **asked, steps=steps)

    def setup(self) -> dict[str, Any]:
        """Return the choices, the packed answers, the errors and what the constant reaches."""
        stored = self._stored
        return {
            "choices": self._choices,
            "architecture": stored.architecture,
            "answers": self._packed,
            "errors": _significant(stored.errors),
            "constants": _significant(stored.constants()),
            "trained": stored.trained.tolist(),
            "source": self.source,
        }

    def poster(self) -> Poster:
        """Return the answers over x and modulus as a picture, and the chosen error in words."""
        p = self._initial
        facts, moduli = self._facts(p), self._choices["modulus"]
        found = (
            f"mean squared error {facts['error']:.3g}, the best constant {facts['constant']:.3g}"
        )
        view, split, support, _ = self._at(p)
        after = self._stored.after[view, split, support]  # (moduli, 100)
        side = len(moduli)
        return Poster(
            after[:, np.arange(side) * NUMBERS // side].T,
            f"Answers of a network ({self._describe(p)}) for x from 0 to 99, to the right, and "
            f"moduli {moduli[0]} to {moduli[-1]}, upward: {found} at modulus {p['modulus']}.",
            f"{self._describe(p)}: {found}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return the network's answers for x from 0 to 99 as a frame, and the errors.

        Facts: the mean squared ``error`` over all x and that of the best ``constant``, and
        whether the modulus is one of the training moduli, ``trained``.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or none that a control can send.
        """
        p = self._checked(params)
        view, split, support, modulus = self._at(p)
        chosen = (
            self._stored.after[view, split, support, modulus]
            if p["steps"]
            else self._stored.before[view, split]
        )
        return Answer(self._facts(p), chosen.astype(np.float32).tobytes())

    def _at(self, params: Mapping[str, Any]) -> tuple[int, ...]:
        return tuple(self._choices[name].index(params[name]) for name in AXES)

    def _facts(self, params: Mapping[str, Any]) -> dict[str, Any]:
        place = self._at(params)
        return {
            "error": float(self._stored.errors[(params["steps"], *place)]),
            "constant": float(self._stored.constants()[place[3]]),
            "trained": bool(self._stored.trained[place[1], place[3]]),
        }

    def _describe(self, p: Mapping[str, Any]) -> str:
        steps = "1 step" if p["steps"] else "before any step"
        return (
            f"{p['view']}, {p['split']}, modulus {p['modulus']}, {p['support']} examples, {steps}"
        )


def _significant(values: Floats) -> Any:
    """Return nested lists of the values to four significant digits."""
    rounded = [float(f"{value:.{_DIGITS}g}") for value in values.reshape(-1)]
    return np.array(rounded).reshape(values.shape).tolist()
