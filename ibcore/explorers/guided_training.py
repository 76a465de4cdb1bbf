"""The explorer of guided training: curves, and how layers become like those of a guide."""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ibcore.door import Range, as_integer, door
from ibcore.explorers.base import Answer, Control, Poster, StoredFigure, square
from ibcore.explorers.stored import (
    Floats,
    Table,
    check_columns,
    fitting,
    in_order,
    intervals,
    nested,
    pack_pictures,
    plain,
    read_parts,
    read_table,
    rounded,
    source_of,
    summarize,
)
from ibcore.memory import Pipeline, digits_problem, gate, spread, spread_interval, sweep
from ibcore.memory.metrics import GATE
from ibcore.nets import MLP
from ibcore.runs import load

_DIGITS = 3

BASELINE = "unguided"
MEASURES = {"test_accuracy": "accuracy", "train_accuracy": "training", "test_loss": "loss"}
_LAYERS = ("guide_layer", "target_layer")


def _measured(frame: pd.DataFrame, measures: Iterable[str]) -> list[str]:
    """Return the first measure, which must be there, and those others that a frame has."""
    first, *others = measures
    return [first, *(name for name in others if name in frame.columns)]


@door
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
    >>> figure, figure.setup()["likeness"]["unguided"]["pixels"]
    (GuidedTraining(unguided, step 5, layers of the pixels), [[[0.5]], [[0.7]]])
    """

    def __init__(
        self,
        condition: str | None = None,
        *,
        reference: str | None = None,
        measure: str = "test_accuracy",
        step: int | None = None,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("guidance.curves") if frame is None else frame
        self.source = source_of(data)
        measures = _measured(data, MEASURES)
        self._stored = read_parts(
            data,
            ("condition", "reference"),
            ("step", *_LAYERS, "network"),
            (*measures, "similarity", "mapped"),
            within=dict.fromkeys(_LAYERS, "reference"),
        )
        conditions, references = (in_order(names) for names in zip(*self._stored, strict=True))
        axes = self._stored[conditions[0], references[0]].axes
        self._controls = {
            "step": Control("slider", "Step", axes["step"], "{:,}".format),
            "condition": Control("dropdown", "Trained with", conditions),
            "measure": Control("choice", "Curve", measures, MEASURES),
            "reference": Control("choice", "Layers compared with", references),
        }
        self._mapped = {  # which pairs of layers guidance compares, (guide layers, target layers)
            name: self._stored[conditions[0], name].measures["mapped"][0, ..., 0].astype(bool)
            for name in references
        }
        others = [name for name in conditions if name != BASELINE]
        usual = {"condition": [*others, BASELINE][0], "step": axes["step"][-1]}
        self._start(usual, condition=condition, reference=reference, measure=measure, step=step)
        rows = max(len(table) for table in self._mapped.values())
        self.heights = (f"{960 + 38 * rows}px", f"{754 + max(0, 38 * rows - 236)}px")
        self._numbers = {
            "baseline": BASELINE if BASELINE in conditions else None,
            "curves": {
                name: {m: intervals(self._curve(name, m)) for m in measures} for name in conditions
            },
            "likeness": {
                c: {r: rounded(self._likeness(c, r), _DIGITS) for r in references}
                for c in conditions
            },
            "mapped": {name: table.tolist() for name, table in self._mapped.items()},
            "rows": rows,
            "networks": len(axes["network"]),
        }

    def poster(self) -> Poster:
        """Return the likeness of layers as a picture, and the result in words."""
        p = self._initial
        at = self._choices["step"].index(p["step"])
        table = self._likeness(p["condition"], p["reference"])[at]
        known = [n for n in (p["condition"], BASELINE) if n in self._choices["condition"]]
        value, *unguided = (self._curve(n, p["measure"])[at].mean() for n in known)
        beside = "".join(f", unguided {mean:.3f}" for mean in unguided)
        compared = table[self._mapped[p["reference"]]].mean()
        found = (
            f"{p['measure'].replace('_', ' ')} {value:.3f}{beside}; "
            f"likeness of the compared layers {compared:.3f}"
        )
        return self._still(
            square(table.T),
            f"Likeness of the layers of a network, to the right, to those of a guide, upward "
            f"({self._describe(p)})",
            found,
        )

    def _curve(self, condition: str, measure: str) -> Floats:
        """Return a measure of all networks, (steps, networks)."""
        table = self._stored[condition, self._choices["reference"][0]]
        return table.measures[measure][:, 0, 0]

    def _likeness(self, condition: str, reference: str) -> Floats:
        """Return the mean likeness, (steps, guide layers, target layers)."""
        means: Floats = self._stored[condition, reference].measures["similarity"].mean(-1)
        return means

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['condition']}, step {p['step']}, layers of the {p['reference']}"


# The explorer of guides: what each of them, and each control, adds to the unguided network.

_ENTRY_DIGITS = 5

GUIDE_MEASURES = {
    "test_accuracy": "accuracy",
    "test_loss": "loss",
    "cnn_similarity": "likeness to CNN",
}
SHOWN = {"conditions": "all conditions", "unlabeled": "images without labels"}
GROUPS = ("Guides", "Guides used in other ways", "Without a guide")


def read_conditions(name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Return the table of ``guidance.wide`` or ``guidance.unlabeled`` as a page shows it.

    A condition that is called as its guide is a guide; one with another name changes how a guide
    is used; the rest have none.

    Parameters
    ----------
    name
        What the table is called in messages.
    frame
        One row for each condition, number of images without labels, and network.

    Returns
    -------
    dict
        ``groups``, titles with their conditions; ``counts`` of images without labels;
        ``networks``, how many there are; ``unguided``, the mean of each measure; ``entries``, by
        measure, count and condition: the paired differences to the unguided networks, as mean,
        low, high and the differences of all networks.  Not every count is there.

    Raises
    ------
    ValueError
        If a column, the unguided condition, another condition, or a network is missing, or a row
        comes twice.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"unlabeled": 0, "network": 0, "test_accuracy": [0.5, 0.6]}
    >>> names = {"condition": ["unguided", "pixels"], "guide": ["none", "pixels"]}
    >>> read_conditions("wide", pd.DataFrame({**row, **names}))["groups"]
    [('Guides', ['pixels'])]
    """
    check_columns(name, frame, ("condition", "guide"))
    measures = _measured(frame, GUIDE_MEASURES)
    by = ("condition", "unlabeled")
    parts = read_parts(frame, by, ("network",), measures, sparse=True, name=name)
    guides = dict(zip(frame["condition"], frame["guide"], strict=True))
    if guides.keys() <= {BASELINE} or BASELINE not in guides:
        raise ValueError(f"{name} needs the condition {BASELINE!r} and another one to compare")
    if (BASELINE, 0) not in parts:
        raise ValueError(f"{name} has no {BASELINE!r} networks with 0 images without labels")
    base = parts.pop((BASELINE, 0))
    members = {title: [c for c in guides if _group(c, guides[c]) == title] for title in GROUPS}
    groups = [(title, kept) for title, kept in members.items() if kept]
    counts = plain(frame["unlabeled"])
    return {
        "groups": groups,
        "counts": counts,
        "networks": len(base.axes["network"]),
        "unguided": {m: round(float(base.measures[m].mean()), _ENTRY_DIGITS) for m in measures},
        "entries": {
            m: {
                str(n): {
                    condition: _entry(parts[condition, n].measures[m] - base.measures[m])
                    for _, kept in groups
                    for condition in kept
                    if (condition, n) in parts
                }
                for n in counts
            }
            for m in measures
        },
    }


def _group(condition: str, guide: str) -> str | None:
    if guide == "none":
        return None if condition == BASELINE else GROUPS[2]
    return GROUPS[0] if guide == condition else GROUPS[1]


def _entry(differences: Floats) -> list[Any]:
    """Return mean, low and high, and the differences of the networks, rounded."""
    *ends, _ = summarize(differences, _ENTRY_DIGITS)
    return [*ends, rounded(differences, _ENTRY_DIGITS)]


_JUDGED = 12  # pictures of each kind in a page
_LEVELS = 16  # their grays
_ROOM = (476, 310)  # pixels that they take, narrow and wide


def _judged(frame: pd.DataFrame) -> dict[str, Any]:
    """Return pictures that a guided and the unguided network judge differently, by condition.

    ``found[condition]`` has two lists, of what the guide helps and of what it harms: how many
    pictures there are, and of the first ones number, unguided and guided answer.
    """
    check_columns("pictures", frame, ("condition", "side", "pixels", "labels", "answers"))
    rows = frame.drop_duplicates("condition").set_index("condition")
    answers = {str(name): np.frombuffer(text, np.uint8) for name, text in rows["answers"].items()}
    labels = np.frombuffer(rows["labels"].iloc[0], np.uint8)
    before = answers.pop("unguided")
    kept: dict[int, int] = {}
    found: dict[str, list[list[Any]]] = {}
    for name, now in answers.items():
        found[name] = []
        for helped in (True, False):
            right, wrong = (now, before) if helped else (before, now)
            places = np.flatnonzero((right == labels) & (wrong != labels)).tolist()
            entries = [
                [kept.setdefault(at, len(kept)), int(before[at]), int(now[at])]
                for at in places[:_JUDGED]
            ]
            found[name].append([len(places), entries])
    side = int(rows["side"].iloc[0])
    pixels = np.frombuffer(rows["pixels"].iloc[0], np.uint8).reshape(-1, side, side)
    packed = pack_pictures(pixels[[*kept]], _LEVELS)
    return {"side": side, "levels": _LEVELS, "of": len(labels), "found": found, "pictures": packed}


@door
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
    guided
        The condition whose pictures are shown; by default the first.
    frame, images, pictures
        As ``guidance.wide``, ``guidance.unlabeled`` and ``guidance.pictures`` store them; by
        default ``ibcore.runs.load`` of these names.  With ``frame`` and no ``images`` there is
        only ``"conditions"`` to show, without ``pictures`` no pictures.

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
    >>> figure.setup()["tables"]["conditions"]["entries"]["test_accuracy"]["0"]["pixels"][0]
    0.15
    """

    def __init__(
        self,
        measure: str = "test_accuracy",
        *,
        shown: str = "conditions",
        unlabeled: int | None = None,
        close: bool = False,
        guided: str | None = None,
        frame: pd.DataFrame | None = None,
        images: pd.DataFrame | None = None,
        pictures: pd.DataFrame | None = None,
    ) -> None:
        data = load("guidance.wide") if frame is None else frame
        more = load("guidance.unlabeled") if frame is None and images is None else images
        seen = load("guidance.pictures") if frame is None and pictures is None else pictures
        self.source = source_of(data)
        self._tables = {"conditions": read_conditions("frame", data)}
        sources = {"conditions": self.source}
        if more is not None:
            self._tables["unlabeled"] = read_conditions("images", more)
            sources["unlabeled"] = source_of(more)
        tables = self._tables.values()
        measures = [m for m in GUIDE_MEASURES if all(m in own["unguided"] for own in tables)]
        counts = self._tables["unlabeled"]["counts"] if more is not None else [0]
        self._controls = {
            "shown": Control("choice", "Compare", list(self._tables), SHOWN),
            "measure": Control("choice", "Difference in", measures, GUIDE_MEASURES),
            "unlabeled": Control("slider", "Images without labels", counts, "{:,}".format),
            "close": Control("checkbox", "Close-up", [False, True], wide=False),
        }
        judged = None if seen is None else _judged(seen)
        if judged:
            own = Control("dropdown", "Guided by", list(judged["found"]))
            self._controls = {**self._controls, "guided": own}
        lists = [  # groups of conditions, with images without labels and without them
            [names for _, names in own["groups"]] * (1 + (name == "unlabeled"))
            for name, own in self._tables.items()
        ]
        rows = max(sum(map(len, groups)) for groups in lists)
        titles = max(map(len, lists))
        first = (0, 0) if judged is None else _ROOM
        self.heights = (
            f"{663 + first[0] + 19 * (rows + titles)}px",
            f"{488 + first[1] + 27 * (rows + titles)}px",
        )
        numbers = {"tables": self._tables, "sources": sources, "rows": rows, "groups": titles}
        self._numbers = {**numbers, "judged": judged}
        usual = {"unlabeled": counts[-1]}
        asked = {"shown": shown, "unlabeled": unlabeled, "measure": measure, "guided": guided}
        self._start(usual, **asked, close=close)

    def poster(self) -> Poster:
        """Return the differences of all networks as a picture, and the means in words."""
        p = self._initial
        table, measure = self._tables[p["shown"]], p["measure"]
        count = p["unlabeled"] if p["shown"] == "unlabeled" else table["counts"][0]
        rows = table["entries"][measure][str(count)]
        return self._still(
            square(np.array([dots for *_, dots in rows.values()])),
            f"Differences to the unguided network, conditions to the right and networks upward "
            f"({self._describe(p)}; unguided {table['unguided'][measure]:.3f})",
            ", ".join(f"{name} {mean:+.3f}" for name, (mean, *_) in rows.items()),
        )

    def _describe(self, p: Mapping[str, Any]) -> str:
        images = f", {p['unlabeled']} images without labels" if p["shown"] == "unlabeled" else ""
        return f"{p['measure'].replace('_', ' ')}{images}"


# A stored sweep over initial scales: its measures as arrays, and what a page shows of them.

SWEEP_AXES = ("pipeline", "step", "weight_scale", "network")
RATES = ("optimizer", "learning_rate", "weight_decay", "momentum")
SWEEP_MEASURES = (
    *("train_accuracy", "test_accuracy", "weight_norm"),
    *("retained_fraction", "cosine", "disagreement"),
)
SETTING = ("architecture", "layers")  # one of each in a frame, where it has them


def _read_sweep(frame: pd.DataFrame) -> tuple[list[dict[str, Any]], Table]:
    """Return name, rates and clock of each pipeline, and a tidy sweep over `SWEEP_AXES`.

    The clock is the explicit one at each look, None where it is not defined.  The table has also
    ``norm_ratio``, the norm of the weights over their norm at step 0.
    """
    columns = (*SWEEP_MEASURES, *RATES, "explicit_clock")
    setting = [name for name in SETTING if name in frame]
    table = read_table(_first_split(frame), SWEEP_AXES, columns, one=setting)
    _, steps, scales, _ = table.axes.values()
    if len(scales) < 2:
        raise ValueError(f"frame has scale {scales[0]} only; a spread needs at least 2 scales")
    if steps[0] != 0:
        raise ValueError(
            f"the first look is at step {steps[0]}; the norm at the start needs one at step 0"
        )
    table.axes["weight_scale"] = [float(scale) for scale in scales]
    norms = table.measures["weight_norm"]
    table.measures["norm_ratio"] = norms / norms[:, :1]
    pipelines = [_pipeline(table, name) for name in table.axes["pipeline"]]
    return pipelines, table


def _first_split(frame: pd.DataFrame) -> pd.DataFrame:
    if "split" not in frame or frame.empty:
        return frame
    rows = frame[frame["split"] == 0]
    if rows.empty:
        splits = plain(frame["split"])
        raise ValueError(f"frame has splits {splits} and no split 0; relabel the one to show")
    return rows


def _pipeline(table: Table, name: str) -> dict[str, Any]:
    rates = {rate: plain(table.at(rate, pipeline=name).flat)[0] for rate in RATES}
    clock = table.at("explicit_clock", pipeline=name)[:, 0, 0]
    shown = [None if np.isnan(tau) else float(f"{tau:.6g}") for tau in clock]
    return {"name": name, **rates, "clock": shown}


def _page_numbers(table: Table) -> dict[str, Any]:
    """Return means, intervals and spreads, rounded for a page, by pipeline, look and scale.

    ``train`` and ``test`` hold (mean, low, high) with the bootstrap interval over networks, None
    for one network; the other measures hold means; ``spread`` holds what `spread_at` returns.
    """
    measures = table.measures
    means = {
        **{"norm": "norm_ratio", "cosine": "cosine", "retained": "retained_fraction"},
        "disagreement": "disagreement",
    }
    looks = np.stack([measures["test_accuracy"], measures["train_accuracy"]], axis=2)
    return {
        "train": intervals(measures["train_accuracy"]),
        "test": intervals(measures["test_accuracy"]),
        **{name: nested(measures[own].mean(-1), _known) for name, own in means.items()},
        "spread": nested(looks, lambda look: spread_at(*look), last=3),
    }


def _known(mean: float) -> float | None:
    return None if np.isnan(mean) else round(float(mean), _ROUND)


def spread_at(test: Floats, train: Floats) -> dict[str, Any]:
    """Return the spread of test accuracy over scales, and whether it may be memory.

    Accuracies are (scales, networks).  ``value``, ``low`` and ``high`` in percentage points, the
    interval over networks (None for one); ``least``, the least train accuracy of a network;
    ``verdict`` of `ibcore.memory.gate`.

    Examples
    --------
    >>> found = spread_at(np.array([[0.9], [0.5]]), np.array([[1.0], [0.98]]))
    >>> found["value"], found["low"], found["least"], found["verdict"]
    (40.0, None, 0.98, 'undertrained')
    """
    value, low, high = spread(test), None, None
    if test.shape[1] > 1:
        interval = spread_interval(test)
        low, high = round(interval.low, 2), round(interval.high, 2)
    least = round(float(train.min()), _ROUND)
    ends = {"value": round(value, 2), "low": low, "high": high}
    return {**ends, "least": least, "verdict": gate(train)}


# A small sweep that trains in seconds, for a figure with a kernel: two pipelines, three scales.

PAIR = (
    Pipeline("SGD lr 0.1", learning_rate=0.1),
    Pipeline("SGD lr 0.3, L2 0.03", learning_rate=0.3, weight_decay=0.03),
)
SCALES = (1.0, 4.0, 8.0)
TRIAL = {"steps": 600, "networks": 2, "digits": 200, "width": 32}

_ROUND = 4


def train_trial(seed: int, *, steps: int = TRIAL["steps"]) -> dict[str, Any]:
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
        `spread_at`; ``seconds``: how long it took.

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
    problem = digits_problem(train=TRIAL["digits"])
    network = MLP(64, problem.classes, depth=2, width=TRIAL["width"], activation="tanh")
    count = TRIAL["networks"]
    done = sweep(problem, network, PAIR, scales=SCALES, networks=count, steps=steps, seed=seed)
    found = [
        _trial_row(name, *(done.values(f"{data}_accuracy", name) for data in ("test", "train")))
        for name in (pipeline.name for pipeline in PAIR)
    ]
    return {"pipelines": found, "seconds": round(time.perf_counter() - start, 1)}


def _trial_row(name: str, test: Floats, train: Floats) -> dict[str, Any]:
    """Return mean accuracies at each scale and their spread, of accuracies (scales, networks)."""
    means = {"test": test.mean(axis=1), "train": train.mean(axis=1)}
    rounded_means = {data: rounded(mean, _ROUND) for data, mean in means.items()}
    return {"name": name, **rounded_means, **spread_at(test, train)}


def _beside(
    pipeline: Pipeline, pipelines: list[dict[str, Any]], table: Table
) -> dict[str, Any] | None:
    """Return the last look of the stored pipeline of this kind, over the scales of a trial.

    It has the same optimizer and learning rate, and decays if this one does; None where nothing
    of the kind is stored.
    """
    alike = [own["name"] for own in pipelines if _is_alike(pipeline, own)]
    if not alike or not set(SCALES) <= set(table.axes["weight_scale"]):
        return None
    rows = [table.axes["weight_scale"].index(scale) for scale in SCALES]
    test, train = (
        table.at(f"{data}_accuracy", pipeline=alike[0])[-1, rows] for data in ("test", "train")
    )
    return _trial_row(alike[0], test, train)


def _is_alike(pipeline: Pipeline, own: dict[str, Any]) -> bool:
    same = all(own[name] == getattr(pipeline, name) for name in ("optimizer", "learning_rate"))
    decays = (own["weight_decay"] > 0) == (pipeline.weight_decay > 0)
    return bool(same and decays and own["momentum"] == pipeline.momentum)


# The player of sweeps over initial scales: what training keeps of the scale, look by look.

RUNS = (0, 99)  # 0: nothing is trained; else the number of the trial
LARGEST = 140_000  # characters of the numbers in a page


@door
class SweepPlayer(StoredFigure):
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
    >>> from ibcore.explorers.guided_training import SWEEP_MEASURES as MEASURES
    >>> rates = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0}
    >>> rows = {"pipeline": "SGD", **rates, "step": 0, "weight_scale": [1.0, 8.0], "network": 0}
    >>> frame = pd.DataFrame({**rows, **dict.fromkeys(MEASURES, 1.0), "explicit_clock": 0.0})
    >>> SweepPlayer(frame=frame)
    SweepPlayer(SGD, initial scale 8, step 0)
    """

    heights = ("1486px", "clamp(826px, 826px + 999*(782px - 100cqw), 846px)")

    def __init__(
        self,
        pipeline: str | None = None,
        *,
        weight_scale: float | None = None,
        step: int | None = None,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("memory.pipelines") if frame is None else frame
        self.source = source_of(data)
        pipelines, self._table = _read_sweep(data)
        numbers = _page_numbers(self._table)
        self._trials: dict[int, dict[str, Any]] = {}
        names, steps, scales, networks = self._table.axes.values()
        what = f"the numbers of {len(names)} pipelines, {len(steps)} looks and {len(scales)} scales"
        fitting(json.dumps(numbers, separators=(",", ":")), LARGEST, what)
        self._controls = {
            "pipeline": Control("dropdown", "Pipeline", names),
            "weight_scale": Control("slider", "Initial scale", scales, _plain, wide=False),
            "step": Control("slider", "Time", steps, "{:,} steps".format, wide=False),
        }
        self._numbers = {
            "pipelines": pipelines,
            "networks": len(networks),
            "gate": GATE,
            "numbers": numbers,
            "trial": {
                **TRIAL,
                "scales": list(SCALES),
                "stored": [_beside(own, pipelines, self._table) for own in PAIR],
            },
        }
        usual = {"weight_scale": scales[-1], "step": steps[-1]}
        self._start(usual, pipeline=pipeline, weight_scale=weight_scale, step=step)

    def poster(self) -> Poster:
        """Return the test accuracy of the first pipeline over looks and scales as a picture."""
        p = self._initial
        looks = self._table.at("test_accuracy", pipeline=p["pipeline"]).mean(-1)  # (looks, scales)
        scales = self._choices["weight_scale"]
        test, train = (self._accuracy(data, p) for data in ("test", "train"))
        first, last = (
            f"{100 * test[at].mean():.1f} % at scale {scales[at]:.3g}"
            for at in (0, len(scales) - 1)
        )
        points = spread_at(test, train)["value"]
        return self._still(
            square(looks),
            f"Test accuracy of networks trained by {p['pipeline']}, time to the right and initial "
            "scale upward",
            f"after {p['step']:,} steps {first} and {last}, a spread of {points:.1f} points",
            subject=p["pipeline"],
        )

    def answer(self, params: Mapping[str, Any]) -> Answer:
        """Return the trial that is asked for; what is stored is in the page.

        Facts: ``trial``, None without a ``run`` or for run 0, else what `train_trial` found with
        seed ``run``, or ``{"error": ...}`` if it could not train.  A trial is trained once.

        Raises
        ------
        ValueError
            If a parameter is unknown, missing or not among those of the sweep.
        """
        run = params.get("run", 0)
        as_integer(run, "run", Range(*RUNS))
        self._checked({name: value for name, value in params.items() if name != "run"})
        return Answer({"trial": self._trial(run)}, b"")

    def _accuracy(self, data: str, p: Mapping[str, Any]) -> Floats:
        """Return the accuracies of the chosen look, (scales, networks)."""
        return self._table.at(f"{data}_accuracy", pipeline=p["pipeline"], step=p["step"])

    def _trial(self, run: int) -> dict[str, Any] | None:
        if run == 0:
            return None
        if run not in self._trials:
            try:
                self._trials[run] = train_trial(run)
            except (ImportError, FloatingPointError, RuntimeError) as error:  # said in the figure
                return {"run": run, "error": str(error)}
        return {"run": run, **self._trials[run]}

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['pipeline']}, initial scale {p['weight_scale']:.3g}, step {p['step']}"


def _plain(scale: float) -> str:
    """Return a number to three significant digits, without an exponent where it is large."""
    return f"{float(f'{scale:.3g}'):g}"
