"""The explorer of the gap: how far apart architectures are, at the budget that is chosen."""

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ibcore.explorers.base import Answer
from ibcore.explorers.checks import check_among
from ibcore.explorers.draw import Poster, square
from ibcore.explorers.start_numbers import VIEW_WORDS, Floats, read_starts, summaries
from ibcore.explorers.stored import nearest, source_of
from ibcore.explorers.stored_figure import StoredFigure
from ibcore.metainit import Reduction, gap_reduction
from ibcore.runs import load

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("view", "budget", "support")
ONE_STEP = 1  # of the learned starts
ALL = "all"  # support sizes together
_DIGITS = 6


class ArchitectureGap(StoredFigure):
    """Accuracies of architectures from random and from learned starts, and the gap between them.

    Learned starts take one step.  The reader chooses how many steps of AdamW the random starts
    get, which support size, and how objects are shown.  The gap is the mean absolute difference of
    mean accuracies over pairs of architectures, averaged over support sizes; its reduction is that
    of `ibcore.metainit.gap_reduction`, with a bootstrap interval over networks.

    Parameters
    ----------
    view, budget, support
        What to start from; by default the first view, the budget nearest to 50, and all support
        sizes together (``"all"``).
    frame
        As ``metainit.concepts`` stores it; by default ``ibcore.runs.load("metainit.concepts")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ValueError
        If a value is not in the frame, the frame lacks a column or a combination, or no view has
        two architectures.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"view": "bits", "support": 5, "floor": 0.6, "ceiling": 0.95}
    >>> rows = [(a, m, b, n, s + n / 100) for n in (0, 1) for a, m, b, s in (
    ...     ("MLP", "meta", 1, 0.9), ("LSTM", "meta", 1, 0.8),
    ...     ("MLP", "random", 50, 0.8), ("LSTM", "random", 50, 0.6))]
    >>> names = ["architecture", "method", "budget", "network", "accuracy"]
    >>> figure = ArchitectureGap(frame=pd.DataFrame(rows, columns=names).assign(**row))
    >>> figure, round(figure.answer(figure.initial()).facts["reduction"], 6)
    (ArchitectureGap(bits, 50 steps of AdamW, all examples), 0.5)
    """

    kind: ClassVar[str] = "ArchitectureGap"
    heights = ("1436px", "clamp(814px, 814px + 999*(860px - 100cqw), 894px)")

    def __init__(
        self,
        view: str | None = None,
        *,
        budget: int | None = None,
        support: int | str = ALL,
        frame: "pd.DataFrame | None" = None,
    ) -> None:
        data = load("metainit.concepts") if frame is None else frame
        self.source = source_of(data)
        self._stored = read_starts(data)
        views = [v for v, names in self._stored.architectures.items() if len(names) > 1]
        if not views:
            raise ValueError("no view of the frame has two architectures; a gap needs two")
        budgets = [b for b in self._stored.budgets["random"] if b > 0]
        self._choices: dict[str, list[Any]] = {
            "view": views,
            "budget": budgets,
            "support": [*self._stored.supports, ALL],
        }
        check_among("steps of learned starts", ONE_STEP, self._stored.budgets["meta"])
        self._reductions = {
            key: self._reduce(*key) for key in product(*(self._choices[name] for name in KEYS))
        }
        usual = {"view": views[0], "budget": int(nearest(50, budgets))}
        self._start(usual, view=view, budget=budget, support=support)

    def setup(self) -> dict[str, Any]:
        """Return the choices, mean accuracies with intervals, and all gaps and reductions."""
        stored, choices = self._stored, self._choices
        accuracies = {
            view: {
                "random": [self._summaries(view, "random", b) for b in choices["budget"]],
                "learned": self._summaries(view, "meta", ONE_STEP),
            }
            for view in choices["view"]
        }
        reductions: dict[str, Any] = {}
        for key, found in self._reductions.items():
            reductions[" ".join(map(str, key))] = None if found is None else _page(found)
        return {
            "choices": choices,
            "words": {view: VIEW_WORDS.get(view, view) for view in choices["view"]},
            "architectures": {view: stored.architectures[view] for view in choices["view"]},
            "accuracies": accuracies,
            "reductions": reductions,
            "networks": len(stored.networks),
            "source": self.source,
        }

    def poster(self) -> Poster:
        """Return mean accuracies over budget and architecture as a picture, the gap in words."""
        p = self._initial
        budgets = self._choices["budget"]
        scores = [self._scores(p["view"], "random", b, p["support"]) for b in budgets]
        learned = self._scores(p["view"], "meta", ONE_STEP, p["support"])
        means = np.stack([s.mean((0, 2)) for s in (*scores, learned)])  # (budgets + 1, a)
        found = self._gap_in_words(self._reductions[tuple(p[name] for name in KEYS)])
        return Poster(
            square(means),
            f"Accuracy of architectures, upward, over steps of AdamW from random starts, to the "
            f"right, and in the last column from learned starts ({self._describe(p)}): {found}.",
            f"{self._describe(p)}: {found}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return gaps and their reduction; the frame holds the mean accuracies.

        Facts: ``without`` and ``with_starts``, the mean gaps in accuracy, and ``reduction`` with
        ``low`` and ``high``, all None where there is no gap to reduce.  The frame holds the
        architectures from random starts, then those from learned ones.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or none that a control can send.
        """
        p = self._checked(params)
        found = self._reductions[tuple(p[name] for name in KEYS)]
        names = ("without", "with_starts", "reduction", "low", "high")
        values = [None] * 5 if found is None else _exact(found)
        view, support = p["view"], p["support"]
        arms = [
            self._scores(view, "random", p["budget"], support),
            self._scores(view, "meta", ONE_STEP, support),
        ]
        means = [arm.mean((0, 2)) for arm in arms]  # (architectures,) each
        frame = np.concatenate(means).astype(np.float32)
        return Answer(dict(zip(names, values, strict=True)), frame.tobytes())

    def _scores(self, view: str, method: str, budget: int, support: int | str) -> Floats:
        """Return accuracies (supports, architectures, networks) of one support size or all."""
        scores = self._stored.scores[view, method, budget]
        if support == ALL:
            return scores
        return scores[[self._stored.supports.index(int(support))]]

    def _summaries(self, view: str, method: str, budget: int) -> Any:
        """Return means with intervals for each support size, and for all of them together."""
        scores = self._stored.scores[view, method, budget]
        return summaries(np.concatenate([scores, scores.mean(0, keepdims=True)]))

    def _reduce(self, view: str, budget: int, support: int | str) -> Reduction | None:
        """Return the reduction of the gap; None if random starts have none in some condition."""
        arms = [
            self._scores(view, "random", budget, support),
            self._scores(view, "meta", ONE_STEP, support),
        ]
        means = arms[0].mean(-1)  # (supports, architectures)
        if not np.ptp(means, axis=1).all():
            return None
        return gap_reduction(*arms)

    def _gap_in_words(self, found: Reduction | None) -> str:
        if found is None:
            return "no gap to reduce"
        without, learned, reduction, low, high = _exact(found)
        return (
            f"gap {100 * without:.1f} points without and {100 * learned:.1f} with learned starts, "
            f"a reduction of {100 * reduction:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
        )

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['view']}, {p['budget']} steps of AdamW, {p['support']} examples"


def _exact(found: Reduction) -> tuple[float, float, float, float, float]:
    """Return the mean gaps, and their reduction with its interval."""
    mean = found.of_means
    gaps = (float(np.mean(found.without)), float(np.mean(found.with_starts)))
    return (*gaps, mean.value, mean.low, mean.high)


def _page(found: Reduction) -> list[float]:
    """Return what `_exact` does, and the mean of the reductions with its interval, rounded."""
    numbers = (*_exact(found), found.mean.value, found.mean.low, found.mean.high)
    return [round(number, _DIGITS) for number in numbers]
