"""The explorer of the gap: how far apart architectures are, at the budget that is chosen."""

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ibcore.explorers.base import Answer, Poster, StoredFigure, check_among, square
from ibcore.explorers.stored import (
    AXES,
    BOUNDS,
    METHODS,
    NUMBERS,
    OBJECTS,
    REMAINDER_AXES,
    STEPS,
    VIEW_WORDS,
    Bytes,
    Descent,
    Floats,
    best_rates,
    nearest,
    pack_pictures,
    read_pictures,
    read_remainders,
    read_starts,
    right,
    source_of,
    summaries,
)
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


# The explorer of learned concepts: 16 objects before and after the step that learns them.

CONCEPT_KEYS = ("architecture", "concept", "order", "support", "look")
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
        self._choices = {name: axes[name] for name in CONCEPT_KEYS}
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


# The explorer of learned remainders: x mod m before and after one step, modulus by modulus.

REMAINDER_LARGEST = 140_000  # characters of the packed answers
_REMAINDER_DIGITS = 4


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
        if len(self._packed) > REMAINDER_LARGEST:
            raise ValueError(
                f"the answers take {len(self._packed)} characters, more than {REMAINDER_LARGEST}; "
                "select fewer moduli or support sizes"
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
        return tuple(self._choices[name].index(params[name]) for name in REMAINDER_AXES)

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
    rounded = [float(f"{value:.{_REMAINDER_DIGITS}g}") for value in values.reshape(-1)]
    return np.array(rounded).reshape(values.shape).tolist()


# The explorer of budgets: accuracy against the number of steps, learned start or random one.

_STEP_BUDGET_DIGITS = 4


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
            name: [
                [round(float(v), _STEP_BUDGET_DIGITS) for v in row] for row in stored.limits[view]
            ]
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
