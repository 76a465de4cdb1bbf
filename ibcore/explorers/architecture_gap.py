"""The explorer of the gap: how far apart architectures are, at the budget that is chosen."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ibcore.door import as_choice, door
from ibcore.explorers.base import Control, Poster, StoredFigure, square
from ibcore.explorers.stored import (
    Bytes,
    Floats,
    Summary,
    Table,
    check_columns,
    fitting,
    nearest,
    nested,
    pack_pictures,
    read_parts,
    read_table,
    rounded,
    source_of,
    summaries,
    summarize,
)
from ibcore.metainit import gap_reduction
from ibcore.runs import load

METHODS = ("meta", "random")
VIEW_WORDS = {"bits": "four numbers", "image": "drawings"}
KEYS = ("view", "budget", "support")
ONE_STEP = 1  # of the learned starts
ALL = "all"  # support sizes together
_DIGITS = 6
_HITS = {1.0: "1", 0.0: "0", 0.5: "5"}
LOOKS = ("meta 0", "meta 1", "meta 10", "random 200")  # of the networks behind the objects


def _read_starts(frame: pd.DataFrame) -> dict[tuple[Any, ...], Table]:
    """Return accuracies, and those of memory and of the ideal learner, by view and method."""
    return read_parts(
        frame,
        ("view", "method"),
        ("budget", "support", "architecture", "network"),
        ("accuracy", "floor", "ceiling"),
        within={"architecture": "view", "budget": "method"},
        orders={"method": METHODS},
    )


def _boards(frame: pd.DataFrame, supports: Sequence[int], looks: Sequence[str]) -> dict[str, Any]:
    """Return which of the 16 objects networks judge rightly, a character for each object.

    ``hits[architecture][look][concept]`` has a text for each support size: 1 for a right guess, 0
    for a wrong one, 5 for a guess of one half.  ``shown[concept]`` has 1 for the examples.
    """
    networks, _ = _read_pictures(frame)
    architectures, known, concepts, orders, sizes = networks.axes.values()
    own = [size for size in supports if size in sizes]

    def hits(**at: Any) -> list[str]:
        rows = [{**at, "order": orders[0], "support": size} for size in own]
        found = [
            right(*(networks.at(m, **row) for m in ("probabilities", "labels"))) for row in rows
        ]
        return ["".join(_HITS[hit] for hit in row.tolist()) for row in found]

    def shown(concept: str) -> list[str]:
        at = {"architecture": architectures[0], "look": known[0], "order": orders[0]}
        first = networks.at("shown", concept=concept, support=own[0], **at).tolist()
        return ["".join("01"[i in first[:size]] for i in range(OBJECTS)) for size in own]

    return {
        "supports": own,
        "shown": {concept: shown(concept) for concept in concepts},
        "hits": {
            name: {
                look: {c: hits(architecture=name, look=look, concept=c) for c in concepts}
                for look in known
                if look in looks
            }
            for name in architectures
        },
    }


class _OfConcepts(StoredFigure):
    """A figure that may show which objects of a concept are judged rightly."""

    _taller: tuple[str, str]  # its heights if it does

    def _add_concepts(self, boards: Mapping[str, Any] | None) -> dict[str, str]:
        """Add the control of the concept, if there is anything to show; return the usual one."""
        if boards is None:
            return {}
        self.heights = self._taller
        concepts = list(boards["shown"])
        self._controls = {**self._controls, "concept": Control("dropdown", "Concept", concepts)}
        return {"concept": concepts[:2][-1]}


@door
class ArchitectureGap(_OfConcepts):
    """Accuracies of architectures from random and from learned starts, and the gap between them.

    Learned starts take one step.  The reader chooses how many steps of AdamW the random starts
    get, which support size, and how objects are shown.  The gap is the mean absolute difference of
    mean accuracies over pairs of architectures, averaged over support sizes; its reduction is that
    of `ibcore.metainit.gap_reduction`, with a bootstrap interval over networks.

    Parameters
    ----------
    view, budget, support, concept
        What to start from; by default the first view, the budget nearest to 50, all support
        sizes together (``"all"``), and the second concept.
    frame, pictures
        As ``metainit.concepts`` and ``metainit.pictures`` store them; by default
        ``ibcore.runs.load`` of these names.  With ``frame`` and no ``pictures`` the objects that
        networks judge rightly are not shown.

    Raises
    ------
    FileNotFoundError
        If a frame is neither given nor stored; the message names the command that computes it.
    ValueError
        If a value is not in the frames, a frame lacks a column or a combination, or no view has
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
    >>> figure, figure.setup()["reductions"]["bits 50 all"][2]
    (ArchitectureGap(bits, 50 steps of AdamW, all examples), 0.5)
    """

    heights = ("1378px", "clamp(814px, 814px + 999*(860px - 100cqw), 894px)")
    _taller = (  # with objects
        "clamp(1826px, 1826px + 999*(350px - 100cqw), 1865px)",
        "clamp(1112px, 1112px + 999*(900px - 100cqw), 1130px)",
    )

    def __init__(
        self,
        view: str | None = None,
        *,
        budget: int | None = None,
        support: int | str = ALL,
        concept: str | None = None,
        frame: pd.DataFrame | None = None,
        pictures: pd.DataFrame | None = None,
    ) -> None:
        data = load("metainit.concepts") if frame is None else frame
        objects = load("metainit.pictures") if frame is None and pictures is None else pictures
        self.source = source_of(data)
        self._stored = _read_starts(data)
        names = {v: t.axes["architecture"] for (v, _), t in self._stored.items()}
        views = [view for view, own in names.items() if len(own) > 1]
        if not views:
            raise ValueError("no view of the frame has two architectures; a gap needs two")
        axes = {method: self._stored[views[0], method].axes for method in METHODS}
        budgets = [b for b in axes["random"]["budget"] if b > 0]
        supports = [*axes["random"]["support"], ALL]
        as_choice(ONE_STEP, "steps of learned starts", axes["meta"]["budget"])
        self._controls = {
            "budget": Control("slider", "Random starts", budgets, _steps_in_words),
            "support": Control("choice", "Examples", supports),
            "view": Control("choice", "Objects as", views, VIEW_WORDS),
        }
        boards = None if objects is None else _boards(objects, supports[:-1], LOOKS[1::2])
        usual = {"support": ALL, "budget": int(nearest(50, budgets)), **self._add_concepts(boards)}
        self._start(usual, view=view, budget=budget, support=support, concept=concept)
        self._numbers = {
            "boards": boards,
            "words": {view: VIEW_WORDS.get(view, view) for view in views},
            "architectures": {view: names[view] for view in views},
            "accuracies": {
                view: {
                    "random": [self._summaries(view, "random", b) for b in budgets],
                    "learned": self._summaries(view, "meta", ONE_STEP),
                }
                for view in views
            },
            "reductions": {
                " ".join(map(str, key)): self._reduce(*key)
                for key in product(views, budgets, supports)
            },
            "networks": len(axes["meta"]["network"]),
        }

    def poster(self) -> Poster:
        """Return mean accuracies over budget and architecture as a picture, the gap in words."""
        p = self._initial
        random = [self._arms({**p, "budget": b})[0] for b in self._choices["budget"]]
        means = np.stack([s.mean((0, 2)) for s in (*random, self._arms(p)[1])])  # (budgets + 1, a)
        return self._still(
            square(means),
            f"Accuracy of architectures, upward, over steps of AdamW from random starts, to the "
            f"right, and in the last column from learned starts ({self._describe(p)})",
            _gap_in_words(self._numbers["reductions"][" ".join(str(p[name]) for name in KEYS)]),
        )

    def _scores(self, view: str, method: str, budget: int) -> Floats:
        """Return accuracies (supports, architectures, networks)."""
        return self._stored[view, method].at("accuracy", budget=budget)

    def _arms(self, p: Mapping[str, Any]) -> list[Floats]:
        """Return accuracies from random and from learned starts, of one support size or all."""
        view, support = p["view"], p["support"]
        arms = [self._scores(view, "random", p["budget"]), self._scores(view, "meta", ONE_STEP)]
        at = self._choices["support"].index(support)
        return arms if support == ALL else [arm[[at]] for arm in arms]

    def _summaries(self, view: str, method: str, budget: int) -> Any:
        """Return means with intervals for each support size, and for all of them together."""
        scores = self._scores(view, method, budget)
        return summaries(np.concatenate([scores, scores.mean(0, keepdims=True)]))

    def _reduce(self, view: str, budget: int, support: int | str) -> list[float] | None:
        """Return the mean gaps, their reduction and the mean of reductions with intervals, rounded.

        None if random starts have no gap in some condition.
        """
        arms = self._arms({"view": view, "budget": budget, "support": support})
        if not np.ptp(arms[0].mean(-1), axis=1).all():  # (supports, architectures)
            return None
        found = gap_reduction(*arms)
        gaps = (float(np.mean(found.without)), float(np.mean(found.with_starts)))
        ends = [end for r in (found.of_means, found.mean) for end in (r.value, r.low, r.high)]
        return [round(number, _DIGITS) for number in (*gaps, *ends)]

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['view']}, {p['budget']} steps of AdamW, {p['support']} examples"


def _steps_in_words(steps: int) -> str:
    return f"{steps:,} {'step' if steps == 1 else 'steps'}"


def _gap_in_words(found: list[float] | None) -> str:
    if found is None:
        return "no gap to reduce"
    without, learned, reduction, low, high = (100 * number for number in found[:5])
    return (
        f"gap {without:.1f} points without and {learned:.1f} with learned starts, "
        f"a reduction of {reduction:.0f} % ({low:.0f} to {high:.0f})"
    )


# The explorer of learned concepts: 16 objects before and after the step that learns them.

OBJECTS = 16
HALF = 100  # bytes count half percents, from 0 to 200
BOUNDS = ("ideal", "memory")
AXES = ("architecture", "look", "concept", "order", "support")
LARGEST = 120_000  # characters of the packed pictures
_SIDE = 4  # the objects are packed and drawn as a square


def _read_pictures(frame: pd.DataFrame) -> tuple[Table, Table]:
    """Return what networks, and what the ideal learner and memory, believe of each object.

    A look is a method and a number of steps, as ``"meta 1"``.
    """
    check_columns("frame", frame, ("architecture", "view", "method", "budget"))
    named = zip(frame["architecture"], frame["view"], strict=True)
    looks = zip(frame["method"], frame["budget"], strict=True)
    rows = frame.assign(
        architecture=[_named(*pair, "images") for pair in named],
        look=[f"{method} {budget}" for method, budget in looks],
    )
    bounded = rows["method"].isin(BOUNDS)
    packed = dict.fromkeys(("probabilities", "shown", "labels"), (np.uint8, OBJECTS))
    networks = read_table(rows[~bounded], AXES, ("parameters",), packed=packed, one=("network",))
    beside = rows[bounded & (rows["architecture"] == networks.axes["architecture"][0])]
    orders = {**networks.axes, "method": BOUNDS}
    return networks, read_table(beside, ("method", *AXES[2:]), packed=packed, orders=orders)


def right(probabilities: Bytes, labels: Bytes) -> Floats:
    """Return which guesses are right, 1 or 0, or 0.5 for a guess of exactly one half.

    Examples
    --------
    >>> right(np.array([99, 100, 101], np.uint8), np.array([0, 0, 0], np.uint8)).tolist()
    [1.0, 0.5, 0.0]
    """
    hits = (probabilities > HALF) == (labels > 0)
    return np.where(probabilities == HALF, 0.5, hits.astype(np.float64))


@door
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

    heights = (
        "clamp(1317px, 1317px + 999*(350px - 100cqw), 1337px)",
        "clamp(978px, 978px + 999*(800px - 100cqw), 1018px)",
    )

    def __init__(
        self,
        architecture: str | None = None,
        *,
        concept: str | None = None,
        support: int | None = None,
        look: str | None = None,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("metainit.pictures") if frame is None else frame
        self.source = source_of(data)
        self._networks, self._bounds = _read_pictures(data)
        axes = self._networks.axes
        self._controls = {
            "support": Control("slider", "Examples", axes["support"], wide=False),
            "architecture": Control("dropdown", "Architecture", axes["architecture"], wide=False),
            "concept": Control("dropdown", "Concept", axes["concept"]),
            "look": Control("choice", "Look at the network", axes["look"], _look_name),
            "order": Control("choice", "Order of examples", axes["order"], lambda n: str(n + 1)),
        }
        measures = self._networks.measures
        self._numbers = {
            "parameters": measures["parameters"][:, 0, 0, 0, 0].tolist(),
            "labels": measures["labels"][0, 0, :, 0, 0].tolist(),
            "shown": measures["shown"][0, 0, :, :, 0].tolist(),
            "pictures": self._pack(),
        }
        usual = {
            "concept": axes["concept"][:2][-1],
            "support": min(axes["support"], key=lambda size: abs(size - 5)),
            "look": "meta 1" if "meta 1" in axes["look"] else axes["look"][0],
        }
        asked = {"architecture": architecture, "concept": concept, "support": support, "look": look}
        self._start(usual, **asked)

    def poster(self) -> Poster:
        """Return the probabilities of the 16 objects as a picture, and their accuracy in words."""
        p = self._initial
        network, ideal, memory = (f"{hits:g}" for hits in self._hits(p))
        found = (
            f"right about {network} of 16 objects, the ideal learner about {ideal}, "
            f"memory and majority about {memory}"
        )
        setting = f"{p['architecture']}, concept '{p['concept']}', {p['support']} examples"
        picture = self._networks.at("probabilities", **p).reshape(_SIDE, _SIDE)  # (row, column)
        return self._still(
            picture[::-1].T / 200,
            f"What a network ({setting}, {p['look']} steps) believes of 16 objects, brighter for "
            "a larger probability of belonging",
            found,
            subject=setting,
        )

    def _hits(self, p: Mapping[str, Any]) -> list[float]:
        """Return how many objects the network, the ideal learner and memory are right about."""
        place = {name: p[name] for name in AXES[2:]}
        bounds = [self._bounds.at("probabilities", method=name, **place) for name in BOUNDS]
        labels = self._networks.at("labels", **p)
        beliefs = (self._networks.at("probabilities", **p), *bounds)
        return [float(right(own, labels).sum()) for own in beliefs]

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['architecture']}, {p['concept']}, {p['support']} examples, {p['look']}"

    def _pack(self) -> str:
        """Return all pictures, networks first, as text for the page."""
        parts = [table.measures["probabilities"] for table in (self._networks, self._bounds)]
        squares = np.concatenate([part.reshape(-1, _SIDE, _SIDE) for part in parts])  # (m, 4, 4)
        return fitting(pack_pictures(squares, 256), LARGEST, f"{len(squares)} pictures")


def _look_name(look: str) -> str:
    method, steps = look.split()
    count = _steps_in_words(int(steps))
    if method == "random":
        return f"random, {count}"
    return "before" if steps == "0" else f"after {count}"


# The explorer of learned remainders: x mod m before and after one step, modulus by modulus.

SPLIT_WORDS = {"interpolation": "odd moduli", "extrapolation": "moduli 1 to 20"}
NUMBER_WORDS = {"bits": "binary digits", "circular": "circular features"}
REMAINDER_LARGEST = 140_000  # characters of the packed answers
NUMBERS = 100  # x from 0 to 99
STEPS = (0, 1)
REMAINDER_AXES = ("view", "split", "support", "modulus")
_PACKED_SIDE = 10  # answers of one modulus are packed as a square
_TENTHS = 10  # answers are shown to one decimal


@door
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

    heights = ("clamp(1179px, 1179px + 999*(350px - 100cqw), 1197px)", "1103px")

    def __init__(
        self,
        view: str | None = None,
        *,
        split: str | None = None,
        support: int | None = None,
        modulus: int | None = None,
        steps: int = 1,
        frame: pd.DataFrame | None = None,
    ) -> None:
        data = load("metainit.remainders") if frame is None else frame
        self.source = source_of(data)
        self._stored = stored = read_table(
            data,
            ("budget", *REMAINDER_AXES),
            ("error", "moduli", "architecture"),
            packed={"outputs": (np.float16, NUMBERS), "shown": (np.uint8, NUMBERS)},
            orders={"budget": STEPS},
            one=("architecture", "network"),
        )
        views, splits, supports, moduli = (stored.axes[name] for name in REMAINDER_AXES)
        self._controls = {
            "modulus": Control("slider", "Modulus m", moduli),
            "steps": Control("choice", "Look", STEPS, ("before", "after 1 step").__getitem__),
            "support": Control("choice", "Examples", supports),
            "split": Control("choice", "Meta-trained on", splits, SPLIT_WORDS),
            "view": Control("choice", "Numbers shown as", views, NUMBER_WORDS),
        }
        self._constants = np.array([np.var(np.arange(NUMBERS) % modulus) for modulus in moduli])
        self._numbers = {
            "architecture": stored.measures["architecture"].flat[0],
            "answers": fitting(self._pack(), REMAINDER_LARGEST, "the answers"),
            "errors": nested(stored.measures["error"], _significant),
            "constants": nested(self._constants, _significant),
            "trained": (stored.measures["moduli"][1, 0, :, 0] == "train").tolist(),
        }
        usual = {"modulus": min(moduli, key=lambda modulus: abs(modulus - 7))}
        asked = {"view": view, "split": split, "support": support, "modulus": modulus}
        self._start(usual, **asked, steps=steps)

    def _pack(self) -> str:
        """Return answers after and before the step, then counts, as squares of bytes.

        An answer is a whole number of tenths in two bytes: all low bytes stand before all high
        ones.
        """
        outputs, shown = (self._stored.measures[name] for name in ("outputs", "shown"))
        answers = np.concatenate([outputs[1].ravel(), outputs[0, :, :, 0, 0].ravel()])
        tenths = np.round(_TENTHS * answers.astype(np.float64))
        largest = np.abs(tenths).max()
        if not largest < 2**15:
            raise ValueError(
                f"an answer is {largest / _TENTHS:g} in size, too large for the figure; the "
                "network has diverged"
            )
        pairs = tenths.astype("<i2").view(np.uint8).reshape(-1, 2)  # (answers, low and high)
        parts = (pairs[:, 0], pairs[:, 1], shown[1, 0].ravel())
        squares = np.concatenate(parts).reshape(-1, _PACKED_SIDE, _PACKED_SIDE)
        return pack_pictures(squares, 256)

    def poster(self) -> Poster:
        """Return the answers over x and modulus as a picture, and the chosen error in words."""
        p = self._initial
        moduli = self._choices["modulus"]
        at = {name: p[name] for name in REMAINDER_AXES}
        error = float(self._stored.at("error", budget=p["steps"], **at))
        constant = self._constants[moduli.index(p["modulus"])]
        found = f"mean squared error {error:.3g}, the best constant {constant:.3g}"
        after = self._stored.at("outputs", budget=1, **{n: p[n] for n in REMAINDER_AXES[:3]})
        side = len(moduli)
        return Poster(
            after[:, np.arange(side) * NUMBERS // side].T.astype(np.float64),
            f"Answers of a network ({self._describe(p)}) for x from 0 to 99, to the right, and "
            f"moduli {moduli[0]} to {moduli[-1]}, upward: {found} at modulus {p['modulus']}.",
            f"{self._describe(p)}: {found}. With JavaScript this figure is interactive.",
        )

    def _describe(self, p: Mapping[str, Any]) -> str:
        steps = "1 step" if p["steps"] else "before any step"
        return (
            f"{p['view']}, {p['split']}, modulus {p['modulus']}, {p['support']} examples, {steps}"
        )


def _significant(value: float) -> float:
    """Return a number to four significant digits."""
    return float(f"{value:.4g}")


# The explorer of budgets: accuracy against the number of steps, learned start or random one.

_ROUND = 4
STEP_AXES = ("architecture", "support", "budget", "rate", "network")

Descent = dict[str, dict[str, list[tuple[int, float, Summary]]]]


def best_rates(
    frame: pd.DataFrame, architectures: Sequence[str], supports: Sequence[int]
) -> Descent:
    """Return the best constant rate for each architecture, support size and number of steps.

    Random starts take steps of plain gradient descent with each of some constant rates; kept is
    the rate with the highest mean accuracy.  It is chosen on the very tasks on which it is
    judged, so the result flatters plain descent.

    Parameters
    ----------
    frame
        As ``metainit.swap`` stores it; rows with random weights and constant rates are read.
    architectures, supports
        Of the table beside it; what it does not have is left out.

    Returns
    -------
    dict
        ``result[architecture][support]``: number of steps, rate and summary of the accuracies.

    Raises
    ------
    ValueError
        If a column is missing, or there are no random weights with constant rates.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"weights": "random", "rates": "constant", "support": 5, "budget": 10, "network": 0}
    >>> rates = {"rate": [0.1, 1.0], "accuracy": [0.6, 0.8]}
    >>> best_rates(pd.DataFrame({**row, **rates, "architecture": "MLP"}), ["MLP"], [5])
    {'MLP': {'5': [(10, 1.0, (0.8, None, None, 1))]}}
    """
    check_columns("descent", frame, ("weights", "rates", *STEP_AXES, "accuracy"))
    constant = frame[(frame["weights"] == "random") & (frame["rates"] == "constant")]
    if constant.empty:
        raise ValueError("descent has no rows with random weights and constant rates")
    own = constant[constant["architecture"].isin(architectures)]
    if own.empty:
        return {}
    known = [name for name in architectures if name in set(own["architecture"])]
    table = read_table(own, STEP_AXES, ("accuracy",), orders={STEP_AXES[0]: known}, name="descent")
    sizes = [size for size in supports if size in table.axes["support"]]
    found: Descent = {name: {str(size): [] for size in sizes} for name in known}
    for name, size, budget in product(known, sizes, table.axes["budget"]):
        scores = table.at("accuracy", architecture=name, support=size, budget=budget)
        best = scores.mean(-1).argmax()  # of (rates, networks)
        found[name][str(size)].append((budget, table.axes["rate"][best], summarize(scores[best])))
    return found


@door
class StepBudget(_OfConcepts):
    """Accuracy against steps: a learned start with its rates, and a random one under AdamW.

    The reader chooses an architecture, a support size and a budget of AdamW, and may add what
    plain descent from the random start reaches at its best constant rate.  Memory with majority
    and the ideal learner stand as lines below and above.

    Parameters
    ----------
    architecture, support, budget, descent, concept
        What to start from; by default the first architecture, the middle support size, the budget
        nearest to 50, without plain descent, and the second concept.
    frame, swap, pictures
        As ``metainit.concepts``, ``metainit.swap`` and ``metainit.pictures`` store them; by
        default ``ibcore.runs.load`` of these names.  With ``frame`` and no ``swap`` there is no
        plain descent to add, without ``pictures`` no objects are shown.

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

    heights = ("907px", "clamp(813px, 813px + 999*(700px - 100cqw), 831px)")
    _taller = (
        "clamp(1136px, 1136px + 999*(350px - 100cqw), 1154px)",
        "clamp(1091px, 1091px + 999*(660px - 100cqw), 1111px)",
    )

    def __init__(
        self,
        architecture: str | None = None,
        *,
        support: int | None = None,
        budget: int | None = None,
        descent: bool = False,
        concept: str | None = None,
        frame: pd.DataFrame | None = None,
        swap: pd.DataFrame | None = None,
        pictures: pd.DataFrame | None = None,
    ) -> None:
        data = load("metainit.concepts") if frame is None else frame
        objects = load("metainit.pictures") if frame is None and pictures is None else pictures
        plain = load("metainit.swap") if frame is None and swap is None else swap
        self.source = source_of(data)
        self._stored = _read_starts(data)
        self._places = {
            _named(name, view, VIEW_WORDS.get(view, view)): (view, name)
            for (view, method), table in self._stored.items()
            if method == "random"
            for name in table.axes["architecture"]
        }
        axes = next(iter(self._stored.values())).axes
        self._steps, supports = axes["budget"], axes["support"]
        in_numbers = [name for view, name in self._places.values() if view == "bits"]
        descents = {} if plain is None else best_rates(plain, in_numbers, supports)
        budgets = next(t.axes["budget"] for (_, m), t in self._stored.items() if m == "random")
        offers = [False, True] if descents else [False]
        self._controls = {
            "support": Control("slider", "Examples", supports, wide=False),
            "budget": Control("slider", "AdamW", budgets, _steps_in_words, wide=False),
            "architecture": Control("dropdown", "Architecture", list(self._places)),
            "descent": Control("checkbox", "Best plain descent", offers, wide=False),
        }
        steps = {"meta": self._steps, "random": budgets}
        boards = None if objects is None else _boards(objects, supports, LOOKS)
        self._numbers = {
            "boards": boards,
            "steps": self._steps,
            "curves": {
                name: {m: [summaries(self._scores(name, m, b)) for b in steps[m]] for m in METHODS}
                for name in self._places
            },
            "limits": {name: rounded(self._limits(name), _ROUND) for name in self._places},
            "descent": descents,
            "networks": len(axes["network"]),
        }
        positive = [count for count in budgets if count > 0]
        usual = {
            **self._add_concepts(boards),
            "support": supports[len(supports) // 2],
            "budget": int(nearest(50, positive)) if positive else budgets[0],
        }
        asked = {"architecture": architecture, "support": support, "budget": budget}
        self._start(usual, **asked, descent=descent, concept=concept)

    def poster(self) -> Poster:
        """Return mean accuracy over budget and support size as a picture, and words on it."""
        p = self._initial
        budgets = self._choices["budget"]
        scores = [self._scores(p["architecture"], "random", b) for b in budgets]
        means = np.stack([own.mean(-1) for own in scores])  # (budgets, supports)
        own, at = p["architecture"], self._choices["support"].index(p["support"])
        floor, ceiling = (f"{100 * bound:.1f} %" for bound in self._limits(own)[:, at])
        random = scores[budgets.index(p["budget"])][at].mean()
        starts = {steps: self._scores(own, "meta", steps)[at].mean() for steps in self._steps}
        learned = ", ".join(f"{100 * mean:.1f} % after {steps}" for steps, mean in starts.items())
        found = (
            f"AdamW reaches {100 * random:.1f} %, the learned start {learned} of its "
            f"steps; memory {floor}, ideal {ceiling}"
        )
        return self._still(
            square(means),
            f"Accuracy from random starts, steps of AdamW to the right and examples upward "
            f"({self._describe(p)})",
            found,
        )

    def _scores(self, name: str, method: str, budget: int) -> Floats:
        """Return the accuracies of one architecture, (supports, networks)."""
        view, architecture = self._places[name]
        table = self._stored[view, method]
        return table.at("accuracy", budget=budget, architecture=architecture)

    def _limits(self, name: str) -> Floats:
        """Return mean accuracies of memory and of the ideal learner, (2, supports)."""
        measures = self._stored[self._places[name][0], "meta"].measures
        return np.stack([measures[bound].mean((0, 2, 3)) for bound in ("floor", "ceiling")])

    def _describe(self, p: Mapping[str, Any]) -> str:
        return f"{p['architecture']}, {p['support']} examples, {p['budget']} steps of AdamW"


def _named(architecture: str, view: str, words: str) -> str:
    return architecture if view == "bits" else f"{architecture} on {words}"
