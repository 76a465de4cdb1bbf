"""Laboratories in the page: the reader trains a network, and it is drawn over stored ones."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from ibcore.door import door
from ibcore.explorers.base import STATIC, Control, Poster, StoredFigure, square
from ibcore.explorers.stored import (
    Floats,
    check_columns,
    nested,
    pack_pictures,
    read_table,
    rounded,
    source_of,
)
from ibcore.runs import load
from ibcore.runtime import generator
from ibcore.synthesis.digits import CANVAS, CENTER, SPREAD, DigitFamily
from ibcore.tasks import concept_inputs, sample_concepts
from ibcore.tasks.images import COUNT, digits

SEEDS = range(1, 21)
TRAIN = Control("choice", "Show", (False, True), {False: "stored", True: "and mine"})
SEED = Control("slider", "My seed", SEEDS, wide=False)
_ROUND = 4


def _triples(values: Floats) -> Any:
    """Return nested lists of the lowest, the mean and the highest over the last axis."""
    return nested(
        values, lambda row: rounded(np.array([row.min(), row.mean(), row.max()]), _ROUND), last=1
    )


# Digits under weight decay.

DECAYS = {  # the stored pipelines that the page trains: SGD in batches of 32
    "SGD lr 0.1": "none",
    "SGD lr 0.1, L2 0.01": "0.01",
    "SGD lr 0.3, L2 0.01": "0.01, triple rate",
}
LAST = 2000  # step of training
LABELED = 300  # digits to learn from
LEVELS = 17  # gray values of a digit


def lab_digits() -> dict[str, Any]:
    """Return the digits as a page takes them, in the order of `ibcore.memory.digits_problem`.

    ``images``, packed, and ``labels``; the first ``train`` are to learn from.  Gray values enter a
    network less their ``mean``, divided by their ``spread``.

    Examples
    --------
    >>> found = lab_digits()
    >>> len(found["labels"]), found["train"], len(found["mean"])
    (1497, 300, 64)
    """
    pixels, labels = digits()
    order = torch.randperm(COUNT, generator=generator(0))
    kept = torch.cat([order[:LABELED], order[2 * LABELED :]])  # between them: for validation
    gray = (16 * pixels.flatten(1)[kept]).round().double().numpy()  # (n, 64)
    shown = np.round(gray * 255 / (LEVELS - 1)).astype(np.uint8).reshape(-1, 8, 8)
    known = gray[:LABELED]
    return {
        "images": pack_pictures(shown, LEVELS),
        "labels": "".join(map(str, labels[kept].tolist())),
        "train": LABELED,
        "mean": known.mean(0).tolist(),
        "spread": (known.std(0, ddof=1) + 1).tolist(),
    }


@door
class DigitTraining(StoredFigure):
    """A small network learns digits in the page, from an initial scale and with weight decay.

    The reader chooses scale, decay and a seed, and sees the accuracy on new digits over the steps
    beside that of stored networks: without decay a large start stays bad, with decay it recovers.
    Weights and batches are those of `ibcore.explorers.portable_random`.

    Parameters
    ----------
    pipeline, weight_scale, seed, train
        What to start from; by default no decay, the largest scale, seed 1, and nothing trained.
    frame
        As ``memory.pipelines`` stores it; by default ``ibcore.runs.load("memory.pipelines")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ImportError
        If scikit-learn, which brings the digits, is not installed.
    ValueError
        If a value is not in the frame, or the frame lacks a column or a combination.

    Examples
    --------
    >>> import pandas as pd
    >>> rates = {"learning_rate": 0.1, "weight_decay": 0.01, "network": 0, "test_accuracy": 0.9}
    >>> rows = [{"pipeline": name, "weight_scale": 8.0, "step": 0, **rates} for name in DECAYS]
    >>> DigitTraining(frame=pd.DataFrame(rows))
    DigitTraining(initial scale 8, decay none)
    """

    heights = ("877px", "798px")

    def __init__(
        self,
        pipeline: str | None = None,
        *,
        weight_scale: float | None = None,
        seed: int | None = None,
        train: bool = False,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("memory.pipelines") if frame is None else frame
        self.source = source_of(data)
        check_columns("frame", data, ("step",))
        steps = sorted({step for step in data["step"].tolist() if step <= LAST})
        measures = ("test_accuracy", "learning_rate", "weight_decay")
        axes = ("pipeline", "weight_scale", "step", "network")
        orders = {"pipeline": list(DECAYS), "step": steps}
        self._table = read_table(data, axes, measures, orders=orders)
        scales = self._table.axes["weight_scale"]
        self._controls = {
            "train": TRAIN,
            "weight_scale": Control("slider", "Initial scale", scales, "{:g}".format, wide=False),
            "seed": SEED,
            "pipeline": Control("dropdown", "Weight decay", list(DECAYS), DECAYS),
        }
        self._numbers = {
            "steps": steps,
            "networks": len(self._table.axes["network"]),
            "stored": {
                name: _triples(self._table.at("test_accuracy", pipeline=name)) for name in DECAYS
            },
            "rates": {name: self._rates(name) for name in DECAYS},
            **{"sizes": [64, 64, 64, 10], "batch": 32},
            **lab_digits(),
        }
        asked = {"pipeline": pipeline, "weight_scale": weight_scale, "seed": seed, "train": train}
        self._start({"weight_scale": scales[-1]}, **asked)

    def poster(self) -> Poster:
        """Return the stored accuracies over steps and scales as a picture, and words on them."""
        p = self._initial
        found = self._table.at("test_accuracy", pipeline=p["pipeline"]).mean(-1)  # (scales, steps)
        last = found[self._choices["weight_scale"].index(p["weight_scale"]), -1]
        return self._still(
            square(found.T),
            "Share of new digits right, steps to the right and initial scale upward "
            f"({self._describe(p)})",
            f"stored networks have {100 * last:.1f} % right at the last step",
        )

    def _rates(self, name: str) -> dict[str, float]:
        rate, decay = (
            float(self._table.at(own, pipeline=name).flat[0])
            for own in ("learning_rate", "weight_decay")
        )
        return {"rate": rate, "decay": decay}

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"initial scale {p['weight_scale']:g}, decay {DECAYS[p['pipeline']]}"


# The meta-step on sixteen objects.

POOLS = ((2000, 0), (500, 1_000_003))  # rules to meta-train on and new ones: how many, and the seed
OUTER = {"outer": 500, "tasks": 8, "rate": 0.01, "test": 40}  # as the stored networks were trained


def packed_rules(tables: NDArray[np.int64]) -> str:
    """Return truth tables (n, 16) as text: four hexadecimal digits each, object 0 the lowest bit.

    Examples
    --------
    >>> packed_rules(np.array([[1] + 15 * [0], 16 * [1]]))
    '0001ffff'
    """
    return "".join(f"{number:04x}" for number in tables @ (1 << np.arange(16)))


@door
class MetaTraining(StoredFigure):
    """A start for rules on sixteen objects is meta-trained in the page, in a few seconds.

    Second-order Meta-SGD with one inner step, as `ibcore.metainit.MetaLearner` with the options of
    ``metainit.concepts``; the accuracy on new rules is drawn over that of the stored networks.

    Parameters
    ----------
    budget, seed, train
        What to start from; by default 1 inner step, seed 1, and nothing trained.
    frame
        As ``metainit.concepts`` stores it; by default ``ibcore.runs.load("metainit.concepts")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ValueError
        If a value is not in the frame, or the frame lacks a column or a combination.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"architecture": "MLP", "view": "bits", "method": "meta", "support": 5, "network": 0}
    >>> row |= {"budget": [0, 1], "accuracy": 0.8, "floor": 0.6, "ceiling": 0.9}
    >>> MetaTraining(frame=pd.DataFrame(row))
    MetaTraining(inner steps: 1)
    """

    heights = ("877px", "722px")

    def __init__(
        self,
        *,
        budget: int | None = None,
        seed: int | None = None,
        train: bool = False,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("metainit.concepts") if frame is None else frame
        self.source = source_of(data)
        check_columns("frame", data, ("architecture", "view", "method"))
        own = (data.architecture == "MLP") & (data["view"] == "bits") & (data.method == "meta")
        measures = ("accuracy", "floor", "ceiling")
        self._table = read_table(data[own], ("budget", "support", "network"), measures)
        budgets, supports, networks = self._table.axes.values()
        self._controls = {
            "train": TRAIN,
            "budget": Control("slider", "Inner steps", budgets, wide=False),
            "seed": SEED,
        }
        pools = [sample_concepts(count, seed=pool).numpy() for count, pool in POOLS]
        bounds = (self._table.measures[name].mean((0, 2)) for name in ("ceiling", "floor"))
        self._numbers = {
            **{"supports": supports, "networks": len(networks), "sizes": [4, 32, 32, 1]},
            "stored": _triples(self._table.measures["accuracy"]),
            "limits": [rounded(bound, _ROUND) for bound in bounds],
            "rules": [packed_rules(pool) for pool in pools],
            "objects": concept_inputs("bits").tolist(),
            **OUTER,
        }
        self._start({"budget": 1}, budget=budget, seed=seed, train=train)

    def poster(self) -> Poster:
        """Return the stored accuracies over inner steps and examples as a picture, and words."""
        p = self._initial
        means = self._table.measures["accuracy"].mean(-1)  # (budgets, supports)
        at = self._choices["budget"].index(p["budget"])
        found = ", ".join(f"{100 * mean:.1f} %" for mean in means[at])
        shown = ", ".join(map(str, self._numbers["supports"]))
        return self._still(
            square(means),
            "Share of sixteen objects right after learning from some, inner steps to the right and "
            "objects shown upward",
            f"stored starts have {found} right after {p['budget']} inner steps on {shown} objects",
        )

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"inner steps: {p['budget']}"


# The guided step on five digits that the guide never saw.

GUIDES = {"none": "none", "untrained": "untrained CNN", "trained": "trained CNN"}
VIEWS = STATIC / "guided_step.json"  # what `guide_views` returns for each guide
KEPT = (16, 8, 8)  # numbers for each image in the layers of a guide, that keep CKA within 0.02
ENOUGH = 140  # steps of training
MORE = 40  # images without labels in a step, beside all 50 with


def guide_views(kind: Literal["trained", "untrained"]) -> list[str]:
    """Return what three layers of the stored networks' guide hold of the laboratory's images.

    The first principal components as bytes, in base64, a row for each image; CKA sees neither
    their offset nor their size.  The trained guide takes seconds, so the results are kept in a
    file: ``json.dump({kind: guide_views(kind) for kind in ("trained", "untrained")}, ...)``.

    Examples
    --------
    >>> len(base64.b64decode(guide_views("untrained")[0])) // KEPT[0]
    250
    """
    from ibcore.synthesis.experiments.images import LAPTOP, draw_guide, features

    task = DigitFamily(0).task()
    guide = draw_guide(0, kind, LAPTOP["guide_steps"])
    views = []
    for layer, kept in zip(features(guide, torch.cat([task.x, task.unlabeled])), KEPT, strict=True):
        u, sizes, _ = torch.linalg.svd((layer - layer.mean(0)).double(), full_matrices=False)
        scores = u[:, :kept] * sizes[:kept]  # (images, kept)
        whole = (127 * scores / scores.abs().max()).round().to(torch.int8)
        views.append(base64.b64encode(whole.numpy().tobytes()).decode())
    return views


@door
class GuidedStep(StoredFigure):
    """A small perceptron is trained in the page with a guide or without, in a few seconds.

    Five kinds of digits on a canvas of 10 by 10 pixels, 50 with labels and 200 without; the guide
    was trained on the five other kinds, or never.  The loss is that of ``synthesis.instruments``,
    over whose stored networks the reader's is drawn.

    Parameters
    ----------
    guide, seed, train
        What to start from; by default the untrained guide, seed 1, and nothing trained.
    frame
        As ``synthesis.instruments`` stores it; by default
        ``ibcore.runs.load("synthesis.instruments")``.

    Raises
    ------
    FileNotFoundError
        If no frame is given and none is stored; the message names the command that computes it.
    ImportError
        If scikit-learn, which brings the digits, is not installed.
    ValueError
        If a value is not in the frame, or the frame lacks a column or a combination.

    Examples
    --------
    >>> import pandas as pd
    >>> cell = {"architecture": "relu", "start": "random", "training": "sgd", "seed": 0}
    >>> rows = [{**cell, "guide": name, "step": 0, "accuracy": 0.2} for name in GUIDES]
    >>> GuidedStep(frame=pd.DataFrame(rows))
    GuidedStep(guide: untrained CNN)
    """

    heights = ("877px", "722px")

    def __init__(
        self,
        guide: str | None = None,
        *,
        seed: int | None = None,
        train: bool = False,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("synthesis.instruments") if frame is None else frame
        self.source = source_of(data)
        cell = ("architecture", "start", "training")
        check_columns("frame", data, (*cell, "step"))
        own = data[(data[[*cell]] == ["relu", "random", "sgd"]).all(axis=1)]
        own = own[own.step <= ENOUGH]
        orders = {"guide": list(GUIDES)}
        self._table = read_table(own, ("guide", "step", "seed"), ("accuracy",), orders=orders)
        self._controls = {
            "train": TRAIN,
            "guide": Control("slider", "Guide", list(GUIDES), GUIDES, wide=False),
            "seed": SEED,
        }
        self._numbers = {
            "steps": self._table.axes["step"],
            "networks": len(self._table.axes["seed"]),
            "stored": {name: _triples(self._table.at("accuracy", guide=name)) for name in GUIDES},
            "guides": json.loads(VIEWS.read_text("utf-8")),
            **{"named": GUIDES, "sizes": [100, 100, 100, 100, 5], "more": MORE, "rate": 0.1},
            **_moved_digits(),
        }
        self._start({"guide": "untrained"}, guide=guide, seed=seed, train=train)

    def poster(self) -> Poster:
        """Return the stored accuracies over guides and steps as a picture, and words on them."""
        p = self._initial
        means = self._table.measures["accuracy"].mean(-1)  # (guides, steps)
        found = means[self._choices["guide"].index(p["guide"]), -1]
        return self._still(
            square(means),
            "Share of new digits right, guides to the right and steps upward "
            f"({self._describe(p)})",
            f"stored networks have {100 * found:.1f} % right at the last step",
        )

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"guide: {GUIDES[p['guide']]}"


def _moved_digits() -> dict[str, Any]:
    """Return the images and labels of one stored task: to learn from, without labels, new."""
    task = DigitFamily(0).task()
    pixels = torch.cat([task.x, task.unlabeled, task.test_x]) * SPREAD + CENTER
    shown = (255 * pixels).round().clip(0, 255).to(torch.uint8).numpy()  # (images, 100)
    labels = torch.cat([task.y, task.test_y]).tolist()
    return {
        "images": pack_pictures(shown.reshape(-1, CANVAS, CANVAS), LEVELS),
        "labels": "".join(map(str, labels)),
        **{"train": len(task.y), "points": len(task.y) + len(task.unlabeled)},
        "mean": [CENTER * (LEVELS - 1)] * CANVAS**2,
        "spread": [SPREAD * (LEVELS - 1)] * CANVAS**2,
    }
