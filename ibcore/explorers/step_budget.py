"""The explorer of budgets: accuracy against the number of steps, learned start or random one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ibcore.explorers.base import Answer
from ibcore.explorers.draw import Poster, square
from ibcore.explorers.start_numbers import METHODS, VIEW_WORDS, Floats, read_starts, summaries
from ibcore.explorers.step_numbers import Descent, best_rates
from ibcore.explorers.stored import nearest, source_of
from ibcore.explorers.stored_figure import StoredFigure
from ibcore.runs import load

if TYPE_CHECKING:
    import pandas as pd

_DIGITS = 4


class StepBudget(StoredFigure):
    """Accuracy against steps: a learned start with its rates, and a random one under AdamW.

    The reader chooses an architecture, a support size and a budget of AdamW, and may add what
    plain descent from the random start reaches at its best constant rate.  Memory with majority
    and the ideal learner stand as lines below and above.

    Parameters
    ----------
    architecture, support, budget, descent
        What to start from; by default the first architecture, the middle support size, the budget
        nearest to 50, and without plain descent.
    frame, swap
        As ``metainit.concepts`` and ``metainit.swap`` store them; by default
        ``ibcore.runs.load`` of these names.  With ``frame`` and no ``swap`` there is no plain
        descent to add.

    Raises
    ------
    FileNotFoundError
        If a frame is neither given nor stored; the message names the command that computes it.
    ValueError
        If a value is not in the frames, or a frame lacks a column or a combination.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"view": "bits", "architecture": "MLP", "support": 5, "network": 0, "accuracy": 0.9}
    >>> row |= {"floor": 0.6, "ceiling": 0.95, "method": ["meta", "random"], "budget": [1, 50]}
    >>> StepBudget(frame=pd.DataFrame(row))
    StepBudget(MLP, 5 examples, 50 steps of AdamW)
    """

    kind: ClassVar[str] = "StepBudget"
    heights = ("1141px", "clamp(813px, 813px + 999*(700px - 100cqw), 831px)")

    def __init__(
        self,
        architecture: str | None = None,
        *,
        support: int | None = None,
        budget: int | None = None,
        descent: bool = False,
        frame: "pd.DataFrame | None" = None,
        swap: "pd.DataFrame | None" = None,
    ) -> None:
        data = load("metainit.concepts") if frame is None else frame
        plain = load("metainit.swap") if frame is None and swap is None else swap
        self.source = source_of(data)
        self._stored = read_starts(data)
        self._descent: Descent = {} if plain is None else best_rates(plain, self._stored)
        self._places = {
            _named(name, view): (view, i)
            for view, names in self._stored.architectures.items()
            for i, name in enumerate(names)
        }
        budgets, supports = self._stored.budgets["random"], self._stored.supports
        self._choices: dict[str, list[Any]] = {
            "architecture": list(self._places),
            "support": supports,
            "budget": budgets,
            "descent": [False, True] if self._descent else [False],
        }
        positive = [steps for steps in budgets if steps > 0]
        usual = {
            "architecture": self._choices["architecture"][0],
            "support": supports[len(supports) // 2],
            "budget": int(nearest(50, positive)) if positive else budgets[0],
        }
        asked = {"architecture": architecture, "support": support, "budget": budget}
        self._start(usual, **asked, descent=descent)

    def setup(self) -> dict[str, Any]:
        """Return the choices, mean accuracies with intervals, and the two bounds."""
        stored = self._stored
        curves = {
            name: {
                method: [self._summaries(view, i, method, b) for b in stored.budgets[method]]
                for method in METHODS
            }
            for name, (view, i) in self._places.items()
        }
        limits = {
            name: [[round(float(v), _DIGITS) for v in row] for row in stored.limits[view]]
            for name, (view, _) in self._places.items()
        }
        return {
            "choices": self._choices,
            "steps": stored.budgets["meta"],
            "curves": curves,
            "limits": limits,
            "descent": self._descent,
            "networks": len(stored.networks),
            "source": self.source,
        }

    def poster(self) -> Poster:
        """Return mean accuracy over budget and support size as a picture, and words on it."""
        p = self._initial
        budgets = self._choices["budget"]
        means = np.stack([self._scores(p, "random", b).mean(-1) for b in budgets])  # (b, supports)
        facts = self._facts(p)
        learned = ", ".join(f"{100 * v:.1f} % after {s}" for s, v in facts["learned"].items())
        found = (
            f"AdamW reaches {100 * facts['random']:.1f} %, the learned start {learned} of its "
            f"steps; memory {100 * facts['floor']:.1f} %, ideal {100 * facts['ceiling']:.1f} %"
        )
        return Poster(
            square(means),
            f"Accuracy from random starts, steps of AdamW to the right and examples upward "
            f"({self._describe(p)}): {found}.",
            f"{self._describe(p)}: {found}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return mean accuracies of both starts and the bounds; the frame holds the networks.

        Facts: ``random``, at the chosen budget; ``learned``, for each number of steps of the
        learned start; ``floor`` and ``ceiling``.  The frame holds the accuracies of the random
        starts, one for each network.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or none that a control can send.
        """
        p = self._checked(params)
        networks = self._scores(p, "random", p["budget"])[self._row(p)]
        return Answer(self._facts(p), networks.astype(np.float32).tobytes())

    def _row(self, params: Mapping[str, Any]) -> int:
        return self._stored.supports.index(params["support"])

    def _scores(self, params: Mapping[str, Any], method: str, budget: int) -> Floats:
        """Return the accuracies of one architecture, (supports, networks)."""
        view, i = self._places[params["architecture"]]
        return self._stored.scores[view, method, budget][:, i]

    def _summaries(self, view: str, i: int, method: str, budget: int) -> Any:
        """Return mean and interval for each support size."""
        scores = self._stored.scores[view, method, budget][:, [i]]  # (supports, 1, networks)
        return [row[0] for row in summaries(scores)]

    def _facts(self, params: Mapping[str, Any]) -> dict[str, Any]:
        row = self._row(params)
        view, _ = self._places[params["architecture"]]
        floor, ceiling = (float(bound[row]) for bound in self._stored.limits[view])
        learned = {
            str(steps): float(self._scores(params, "meta", steps)[row].mean())
            for steps in self._stored.budgets["meta"]
        }
        random = float(self._scores(params, "random", params["budget"])[row].mean())
        return {"random": random, "learned": learned, "floor": floor, "ceiling": ceiling}

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['architecture']}, {p['support']} examples, {p['budget']} steps of AdamW"


def _named(architecture: str, view: str) -> str:
    return architecture if view == "bits" else f"{architecture} on {VIEW_WORDS.get(view, view)}"
