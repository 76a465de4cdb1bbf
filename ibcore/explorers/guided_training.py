"""The explorer of guided training: curves, and how layers become like those of a guide."""

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ibcore.explorers.base import (
    Answer,
    Explorer,
    Poster,
    StoredFigure,
    check_among,
    check_names,
    check_whole,
    square,
)
from ibcore.explorers.stored import (
    BASELINE,
    Floats,
    StoredConditions,
    StoredSweep,
    page_numbers,
    paired,
    read_conditions,
    read_curves,
    read_sweep,
    source_of,
    spread_at,
    summarize,
)
from ibcore.memory import Pipeline, SweepResult, digits_problem, gate, spread, sweep
from ibcore.memory.metrics import GATE
from ibcore.nets import MLP
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


# The explorer of guides: what each of them, and each control, adds to the unguided network.

_GUIDE_COMPARISON_DIGITS = 5


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
        levels = {
            m: round(float(stored.unguided[m].mean()), _GUIDE_COMPARISON_DIGITS) for m in entries
        }
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
    ends = [
        None if end is None else round(end, _GUIDE_COMPARISON_DIGITS)
        for end in paired(values, baseline)
    ]
    return [*ends, [round(float(value), _GUIDE_COMPARISON_DIGITS) for value in values - baseline]]


# A small sweep that trains in seconds, for a figure with a kernel: two pipelines, three scales.

PAIR = (
    Pipeline("SGD lr 0.1", learning_rate=0.1),
    Pipeline("SGD lr 0.3, L2 0.03", learning_rate=0.3, weight_decay=0.03),
)
SCALES = (1.0, 4.0, 8.0)
STEPS = 600
NETWORKS = 2
DIGITS = 200
WIDTH = 32

_ROUND = 4


def trial_setting(stored: StoredSweep) -> dict[str, Any]:
    """Return what a trial trains, and beside it the last look of the stored sweep.

    Beside each pipeline stands the stored one with the same optimizer and learning rate that
    decays if it does, over the same scales; None where nothing of the kind is stored.

    Examples
    --------
    >>> import numpy as np
    >>> rates = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0}
    >>> accuracy = np.full((1, 1, 2, 3), 1.0)
    >>> measures = {"train_accuracy": accuracy, "test_accuracy": accuracy}
    >>> stored = StoredSweep([{"name": "plain", **rates}], [0], [1.0, 8.0], measures)
    >>> trial_setting(stored)["stored"]
    [None, None]
    """
    return {
        "scales": list(SCALES),
        "steps": STEPS,
        "networks": NETWORKS,
        "digits": DIGITS,
        "width": WIDTH,
        "stored": [_beside(pipeline, stored) for pipeline in PAIR],
    }


def train_trial(seed: int, *, steps: int = STEPS) -> dict[str, Any]:
    """Train the pair of pipelines and return accuracies and spreads, rounded for a page.

    Networks 64-32-32-10 with tanh learn 200 digits; both pipelines start from the same draws at
    each scale.  About two seconds.

    Parameters
    ----------
    seed
        Of the draws and the batches.
    steps
        Of training.

    Returns
    -------
    dict
        ``pipelines``: name, mean ``test`` and ``train`` accuracy at each scale, ``value`` of the
        spread in percentage points, ``least`` train accuracy and ``verdict``, as
        `ibcore.explorers.stored.spread_at`; ``seconds``: how long it took.

    Raises
    ------
    ImportError
        If scikit-learn, which brings the digits, is not installed.

    Examples
    --------
    >>> [found["name"] for found in train_trial(0, steps=2)["pipelines"]]
    ['SGD lr 0.1', 'SGD lr 0.3, L2 0.03']
    """
    start = time.perf_counter()
    problem = digits_problem(train=DIGITS)
    network = MLP(64, problem.classes, depth=2, width=WIDTH, activation="tanh")
    done = sweep(problem, network, PAIR, scales=SCALES, networks=NETWORKS, steps=steps, seed=seed)
    found = [_found(done, pipeline.name) for pipeline in PAIR]
    return {"pipelines": found, "seconds": round(time.perf_counter() - start, 1)}


def _found(done: SweepResult, name: str) -> dict[str, Any]:
    train, test = (done.values(f"{data}_accuracy", name) for data in ("train", "test"))
    return {
        "name": name,
        "test": test.mean(axis=1).round(_ROUND).tolist(),
        "train": train.mean(axis=1).round(_ROUND).tolist(),
        "value": round(spread(test), 2),
        "least": round(float(train.min()), _ROUND),
        "verdict": gate(train),
    }


def _beside(pipeline: Pipeline, stored: StoredSweep) -> dict[str, Any] | None:
    """Return the last look of the stored pipeline of this kind, over the scales of a trial."""
    if not set(SCALES) <= set(stored.scales):
        return None
    numbers = (n for n, own in enumerate(stored.pipelines) if _is_alike(pipeline, own))
    number = next(numbers, None)
    if number is None:
        return None
    rows = [stored.scales.index(scale) for scale in SCALES]
    part = {  # the last look of one pipeline: (1, 1, scales, networks)
        name: values[number : number + 1, -1:, rows] for name, values in stored.measures.items()
    }
    last = StoredSweep(stored.pipelines[number : number + 1], [0], list(SCALES), part)
    means = {
        data: part[f"{data}_accuracy"][0, 0].mean(axis=1).round(_ROUND).tolist()
        for data in ("test", "train")
    }
    return {"name": last.names[0], **means, **spread_at(last, 0, 0)}


def _is_alike(pipeline: Pipeline, own: dict[str, Any]) -> bool:
    same = all(own[name] == getattr(pipeline, name) for name in ("optimizer", "learning_rate"))
    decays = (own["weight_decay"] > 0) == (pipeline.weight_decay > 0)
    return bool(same and decays and own["momentum"] == pipeline.momentum)


# The player of sweeps over initial scales: what training keeps of the scale, look by look.

KEYS = ("pipeline", "weight_scale", "step", "run")
RUNS = (0, 99)  # 0: nothing is trained; else the number of the trial
LARGEST = 140_000  # characters of the numbers in a page


class SweepPlayer(Explorer):
    """Initialization memory, look by look: accuracy over the initial scale and over time.

    The reader chooses a training pipeline, an initial scale and a time, or lets time run.  Shown
    are the accuracy at every scale, the accuracy of the chosen scale over time, the accumulated
    weight decay beside norm and angle of the weights, and the spread of test accuracy over
    scales with its gate.  With a kernel, a button trains two pipelines on digits afresh.

    Parameters
    ----------
    pipeline, weight_scale, step
        What to start from; by default the first pipeline, the largest scale and the last look.
    frame
        A tidy sweep as `ibcore.memory.sweep_table` makes it, with a look at step 0; of several
        splits of the data split 0 is shown.  By default ``ibcore.runs.load("memory.pipelines")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ValueError
        If a value is not in the frame, the frame lacks a column or a combination, or its numbers
        are too many for a page.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibcore.explorers.stored import SWEEP_MEASURES as MEASURES
    >>> rates = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0}
    >>> rows = {"pipeline": "SGD", **rates, "step": 0, "weight_scale": [1.0, 8.0], "network": 0}
    >>> frame = pd.DataFrame({**rows, **dict.fromkeys(MEASURES, 1.0), "explicit_clock": 0.0})
    >>> SweepPlayer(frame=frame)
    SweepPlayer(SGD, initial scale 8, step 0)
    """

    kind: ClassVar[str] = "SweepPlayer"
    heights = (
        "1500px",
        "clamp(826px, 826px + 999*(782px - 100cqw), 846px)",
    )

    def __init__(
        self,
        pipeline: str | None = None,
        *,
        weight_scale: float | None = None,
        step: int | None = None,
        frame: "pd.DataFrame | None" = None,
    ) -> None:
        data = load("memory.pipelines") if frame is None else frame
        self.source = source_of(data)
        self._sweep = read_sweep(data)
        self._numbers = page_numbers(self._sweep)
        self._trials: dict[int, dict[str, Any]] = {}
        self._check_size()
        start = (pipeline, weight_scale, step)
        usual = (self._sweep.names[0], self._sweep.scales[-1], self._sweep.steps[-1])
        chosen = [d if value is None else value for value, d in zip(start, usual, strict=True)]
        self._initial = self._checked(dict(zip(KEYS, (*chosen, 0), strict=True)))

    def __repr__(self) -> str:
        return f"SweepPlayer({self._describe(self._initial)})"

    def setup(self) -> dict[str, Any]:
        """Return the axes of the sweep, its numbers and what a trial with a kernel trains."""
        return {
            "pipelines": self._sweep.pipelines,
            "scales": self._sweep.scales,
            "steps": self._sweep.steps,
            "networks": self._sweep.networks,
            "gate": GATE,
            "numbers": self._numbers,
            "trial": trial_setting(self._sweep),
            "source": self.source,
        }

    def initial(self) -> dict[str, Any]:
        """Return the pipeline, scale and look that the figure starts from; run 0: no trial."""
        return dict(self._initial)

    def poster(self) -> Poster:
        """Return the test accuracy of the first pipeline over looks and scales as a picture."""
        p = self._initial
        look, scales = self._look(p), self._sweep.scales
        number = self._sweep.names.index(p["pipeline"])
        means = self._sweep.measures["test_accuracy"][number].mean(axis=2)  # (looks, scales)
        first, last = (
            f"{100 * means[look, at]:.1f} % at scale {scales[at]:.3g}"
            for at in (0, len(scales) - 1)
        )
        points = spread_at(self._sweep, number, look)["value"]
        found = f"after {p['step']:,} steps {first} and {last}, a spread of {points:.1f} points"
        return Poster(
            square(means),
            f"Test accuracy of networks trained by {p['pipeline']}, time to the right and initial "
            f"scale upward: {found}.",
            f"{p['pipeline']}: {found}. With JavaScript this figure is interactive.",
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return the spread of the look, its mean test accuracies, and the trial that is asked for.

        Facts: ``value``, ``low``, ``high``, ``least`` and ``verdict`` of the spread, and
        ``trial``: None for run 0, else what `train_trial` found with seed ``run``, or
        ``{"error": ...}`` if it could not train.  The frame holds the mean test accuracy at each
        scale.  A trial is trained once.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or not among those of the sweep.
        """
        p = self._checked(params)
        number, look = self._sweep.names.index(p["pipeline"]), self._look(p)
        means = self._sweep.measures["test_accuracy"][number, look].mean(axis=1)  # (scales,)
        facts = {**spread_at(self._sweep, number, look), "trial": self._trial(p["run"])}
        return Answer(facts, means.astype(np.float32).tobytes())

    def _trial(self, run: int) -> dict[str, Any] | None:
        if run == 0:
            return None
        if run not in self._trials:
            try:
                self._trials[run] = train_trial(run)
            except (ImportError, FloatingPointError, RuntimeError) as error:  # said in the figure
                return {"run": run, "error": str(error)}
        return {"run": run, **self._trials[run]}

    def _look(self, params: Mapping[str, Any]) -> int:
        return self._sweep.steps.index(params["step"])

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['pipeline']}, initial scale {p['weight_scale']:.3g}, step {p['step']}"

    def _checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        check_names(params, KEYS)
        scale = params["weight_scale"]
        checked = {**params, "weight_scale": float(scale) if isinstance(scale, int) else scale}
        check_among("pipeline", checked["pipeline"], self._sweep.names)
        check_among("weight_scale", checked["weight_scale"], self._sweep.scales)
        check_among("step", checked["step"], self._sweep.steps)
        check_whole("run", checked["run"], RUNS)
        return checked

    def _check_size(self) -> None:
        size = len(json.dumps(self._numbers, separators=(",", ":")))
        if size > LARGEST:
            raise ValueError(
                f"the numbers of {len(self._sweep.names)} pipelines, {len(self._sweep.steps)} "
                f"looks and {len(self._sweep.scales)} scales take {size} characters, more than "
                f"{LARGEST}; select fewer of them"
            )
