"""What figures ask of a stored result: its columns, its source, its means with intervals."""

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ibcore.memory import gate, spread, spread_interval
from ibcore.stats import bootstrap_mean, paired_difference

if TYPE_CHECKING:
    import pandas as pd


Summary = tuple[float | None, float | None, float | None, int]  # mean, low, high, how many

_DIGITS = 4


def check_columns(name: str, frame: "pd.DataFrame", columns: Iterable[str]) -> None:
    """Raise unless a frame has rows and the columns.

    Raises
    ------
    ValueError
        If it is empty or a column is missing; the message names the columns.
    """
    missing = sorted(set(columns) - set(frame.columns))
    if missing:
        known = ", ".join(map(str, frame.columns))
        raise ValueError(f"{name} has no column {', '.join(missing)}; it has {known}")
    if frame.empty:
        raise ValueError(f"{name} has no rows")


def source_of(frame: "pd.DataFrame") -> dict[str, str]:
    """Return experiment, tier and day of a frame that `ibcore.runs.load` gave, or nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> source_of(pd.DataFrame())
    {}
    """
    provenance = frame.attrs.get("provenance")
    if not provenance:
        return {}
    return {
        "experiment": provenance["experiment"],
        "tier": provenance["tier"],
        "date": provenance["date"][:10],
    }


def summarize(values: Iterable[float]) -> Summary:
    """Return mean, bootstrap interval and number of the finite values, rounded for a page.

    Constant functions have no complexity: they are not counted.  One value has no interval.

    Examples
    --------
    >>> summarize([0.5, float("nan")])
    (0.5, None, None, 1)
    """
    data = np.asarray(list(values), dtype=np.float64)
    finite = data[np.isfinite(data)]
    if not len(finite):
        return (None, None, None, 0)
    if len(finite) == 1:
        return (round(float(finite[0]), _DIGITS), None, None, 1)
    mean = bootstrap_mean(finite)
    low, high = (round(end, _DIGITS) for end in (mean.low, mean.high))
    return (round(mean.value, _DIGITS), low, high, mean.n)


def plain(values: Iterable[Any]) -> list[Any]:
    """Return the different values of a column, sorted, as Python objects.

    Examples
    --------
    >>> plain(np.array([2, 1, 2]))
    [1, 2]
    """
    return sorted({value.item() if hasattr(value, "item") else value for value in values})


def in_order(values: Iterable[str]) -> list[str]:
    """Return the different values in the order of their first appearance.

    Examples
    --------
    >>> in_order(["relu", "tanh", "relu"])
    ['relu', 'tanh']
    """
    return list(dict.fromkeys(values))


def nearest(value: float, choices: Iterable[float]) -> float:
    """Return the choice whose ratio to ``value`` is nearest to 1.

    Examples
    --------
    >>> nearest(3.5, [1.0, 4.0, 16.0])
    4.0
    """
    return min(choices, key=lambda choice: abs(np.log(choice / value)))


# Stored pictures of learned concepts: what each learner believes of each object, as arrays.

Bytes = NDArray[np.uint8]

OBJECTS = 16
HALF = 100  # bytes count half percents, from 0 to 200
BOUNDS = ("ideal", "memory")
AXES = ("name", "look", "concept", "order", "support")
COLUMNS = (
    *("architecture", "view", "parameters", "network", "concept", "order", "support"),
    *("shown", "labels", "method", "budget", "probabilities", "accuracy"),
)


@dataclass(frozen=True, eq=False)
class StoredPictures:
    """What learners believe of 16 objects, over concepts, orders of showing and support sizes.

    Attributes
    ----------
    axes
        Values of each of `AXES`; a look is a method and a number of steps, as ``"meta 1"``.
    parameters
        Of each network.
    labels
        The label of each object, (concepts, 16).
    shown
        The order in which objects are shown, (concepts, orders, 16).
    networks
        200 times the probabilities, (names, looks, concepts, orders, supports, 16).
    bounds
        Those of the ideal learner and of memory, (2, concepts, orders, supports, 16).
    """

    axes: dict[str, list[Any]]
    parameters: list[int]
    labels: Bytes
    shown: Bytes
    networks: Bytes
    bounds: Bytes


def read_pictures(frame: "pd.DataFrame") -> StoredPictures:
    """Return the table of ``metainit.pictures`` as arrays.

    Raises
    ------
    ValueError
        If a column or a combination is missing or comes twice, there are several networks of an
        architecture, or rows do not hold 16 bytes.

    Examples
    --------
    >>> import pandas as pd
    >>> looks = {"method": ["meta", "ideal", "memory"], "budget": [1, 0, 0], "accuracy": 1.0}
    >>> row = {"architecture": "MLP", "view": "bits", "parameters": 9, "network": 0, "order": 0}
    >>> row |= {"concept": "blue", "support": 0, "shown": bytes(range(16)), "labels": bytes(16)}
    >>> read_pictures(pd.DataFrame({**row, **looks, "probabilities": bytes(16)})).networks.shape
    (1, 1, 1, 1, 1, 16)
    """
    check_columns("frame", frame, COLUMNS)
    rows = frame.assign(
        name=[_named(*pair) for pair in zip(frame["architecture"], frame["view"], strict=True)],
        look=[f"{m} {b}" for m, b in zip(frame["method"], frame["budget"], strict=True)],
    )
    if len(plain(rows["network"])) > 1:
        raise ValueError(f"frame has networks {plain(rows['network'])}; select one of them")
    learned = rows[~rows["method"].isin(BOUNDS)]
    axes = {
        **{name: in_order(learned[name]) for name in ("name", "look", "concept")},
        **{name: plain(learned[name]) for name in ("order", "support")},
    }
    limits = rows[rows["method"].isin(BOUNDS) & (rows["name"] == axes["name"][0])]
    lists = [axes[name] for name in AXES]
    first = rows.groupby(["concept", "order"], sort=False).first()
    pairs = list(product(axes["concept"], axes["order"]))
    shape = (len(axes["concept"]), len(axes["order"]), OBJECTS)
    sizes = learned.groupby("name")["parameters"].first()
    labels = _stack([first.loc[pair, "labels"] for pair in pairs])
    return StoredPictures(
        axes=axes,
        parameters=[int(sizes[name]) for name in axes["name"]],
        labels=labels.reshape(shape)[:, 0],
        shown=_stack([first.loc[pair, "shown"] for pair in pairs]).reshape(shape),
        networks=_complete(learned, AXES, lists),
        bounds=_complete(limits, ("method", *AXES[2:]), [list(BOUNDS), *lists[2:]]),
    )


def right(probabilities: Bytes, labels: Bytes) -> NDArray[np.float64]:
    """Return which guesses are right, 1 or 0, or 0.5 for a guess of exactly one half.

    Examples
    --------
    >>> right(np.array([99, 100, 101], np.uint8), np.array([0, 0, 0], np.uint8)).tolist()
    [1.0, 0.5, 0.0]
    """
    hits = (probabilities > HALF) == (labels > 0)
    return np.where(probabilities == HALF, 0.5, hits.astype(np.float64))


def _named(architecture: str, view: str) -> str:
    return architecture if view == "bits" else f"{architecture} on images"


def _complete(rows: "pd.DataFrame", names: tuple[str, ...], lists: list[list[Any]]) -> Bytes:
    """Return one row of bytes for each combination, in the order of the axes."""
    keys = list(zip(*(rows[name] for name in names), strict=True))
    found = dict(zip(keys, rows["probabilities"], strict=True))
    wanted = list(product(*lists))
    missing = next((key for key in wanted if key not in found), None)
    if missing is not None:
        named = ", ".join(f"{name} {value!r}" for name, value in zip(names, missing, strict=True))
        raise ValueError(f"frame has no row for {named}; the figure needs every combination")
    if len(keys) != len(wanted):
        raise ValueError(
            f"frame has {len(keys)} rows for {len(wanted)} combinations of {', '.join(names)}; "
            "keep one of each"
        )
    return _stack([found[key] for key in wanted]).reshape(*map(len, lists), OBJECTS)


def _stack(rows: list[bytes]) -> Bytes:
    wrong = next((len(row) for row in rows if len(row) != OBJECTS), None)
    if wrong is not None:
        raise ValueError(f"rows must hold {OBJECTS} bytes, one for each object, got {wrong}")
    return np.stack([np.frombuffer(row, dtype=np.uint8) for row in rows])


# Stored curves of guided training, and the likeness of all layers to all layers of a guide.

Floats = NDArray[np.float64]

MEASURES = ("test_accuracy", "train_accuracy", "test_loss")
_LAYERS = ("guide_layer", "target_layer")
_KEYS = ("condition", "reference", "step", *_LAYERS, "network")


@dataclass(frozen=True, eq=False)
class StoredCurves:
    """What was measured of networks while they were trained under a few conditions.

    Attributes
    ----------
    conditions, references
        Names in the order of the table; a reference is the guide that layers are compared with.
    steps, networks
        Numbers of steps, increasing, and numbers of the networks.
    curves
        For condition and measure, (steps, networks).
    likeness
        For condition and reference, (steps, guide layers, target layers, networks).
    mapped
        For each reference, which pairs of layers guidance compares, (guide layers, target layers).
    """

    conditions: list[str]
    references: list[str]
    steps: list[int]
    networks: list[int]
    measures: list[str]
    curves: dict[tuple[str, str], Floats]
    likeness: dict[tuple[str, str], Floats]
    mapped: dict[str, NDArray[np.bool_]]


def read_curves(frame: "pd.DataFrame") -> StoredCurves:
    """Return the table of ``guidance.curves`` as arrays.

    Raises
    ------
    ValueError
        If a column or a combination is missing, or a combination comes twice.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"condition": "unguided", "reference": "pixels", "guide_layer": 1, "network": 0}
    >>> row |= {"target_layer": 1, "step": [0, 5], "similarity": 0.5, "mapped": True}
    >>> read_curves(pd.DataFrame({**row, "test_accuracy": 0.1})).curves["unguided", "test_accuracy"]
    array([[0.1],
           [0.1]])
    """
    check_columns("frame", frame, (*_KEYS, MEASURES[0], "similarity", "mapped"))
    if frame.duplicated(list(_KEYS)).any():
        raise ValueError(f"frame has rows with the same {', '.join(_KEYS)}; keep one of each")
    conditions, references = (in_order(frame[name]) for name in _KEYS[:2])
    steps, networks = plain(frame["step"]), plain(frame["network"])
    measures = [name for name in MEASURES if name in frame.columns]
    parts = {
        (condition, reference): _sorted(frame, condition, reference, len(steps) * len(networks))
        for condition in conditions
        for reference in references
    }
    likeness = {key: _by_layers(part, "similarity", len(steps)) for key, part in parts.items()}
    pairs = {
        name: _by_layers(parts[conditions[0], name], "mapped", len(steps)) for name in references
    }
    mapped = {name: table[0, ..., 0].astype(bool) for name, table in pairs.items()}
    curves = {
        (condition, name): parts[condition, references[0]][name]
        .to_numpy(np.float64)
        .reshape(len(steps), -1, len(networks))[:, 0]
        for condition in conditions
        for name in measures
    }
    return StoredCurves(conditions, references, steps, networks, measures, curves, likeness, mapped)


def _by_layers(part: Any, column: str, steps: int) -> Floats:
    """Return a column as (steps, guide layers, target layers, networks)."""
    layers = [part[name].nunique() for name in _LAYERS]
    table: Floats = part[column].to_numpy(np.float64).reshape(steps, *layers, -1)
    return table


def _sorted(frame: "pd.DataFrame", condition: str, reference: str, looks: int) -> Any:
    """Return the rows of a condition and a reference by step, layers and network."""
    own = frame[(frame["condition"] == condition) & (frame["reference"] == reference)]
    layers = frame[frame["reference"] == reference]
    expected = looks * layers["guide_layer"].nunique() * layers["target_layer"].nunique()
    if len(own) != expected:
        raise ValueError(
            f"frame has {len(own)} rows for condition {condition!r} and reference {reference!r}, "
            f"but every step, layer and network makes {expected}"
        )
    return own.sort_values(["step", *_LAYERS, "network"])


# Stored results of guidance as differences to the unguided network, by condition.

Difference = tuple[float, float | None, float | None]  # mean, low, high

GUIDE_MEASURES = ("test_accuracy", "test_loss", "cnn_similarity")
BASELINE = "unguided"
GROUPS = ("Guides", "Guides used in other ways", "Without a guide")
_GUIDE_KEYS = ("condition", "guide", "unlabeled", "network")


@dataclass(frozen=True, eq=False)
class StoredConditions:
    """What was measured of networks under several conditions.

    Attributes
    ----------
    measures
        Those of `GUIDE_MEASURES` that the table has.
    groups
        Conditions by group, in the order of the table, without the unguided one.
    counts, networks
        Numbers of images without labels, and numbers of the networks.
    values
        For measure, condition and count, (networks,); not every count is there.
    unguided
        For each measure, (networks,).
    """

    measures: list[str]
    groups: dict[str, list[str]]
    counts: list[int]
    networks: list[int]
    values: dict[tuple[str, str, int], Floats]
    unguided: dict[str, Floats]

    @property
    def conditions(self) -> list[str]:
        """All conditions in the order of the groups."""
        return [name for names in self.groups.values() for name in names]

    def difference(self, measure: str, condition: str, count: int) -> Difference | None:
        """Return the mean paired difference to the unguided networks with its interval.

        None where the condition was not run; one network has no interval.
        """
        values = self.values.get((measure, condition, count))
        return None if values is None else paired(values, self.unguided[measure])


def paired(values: Floats, baseline: Floats) -> Difference:
    """Return the mean difference of (networks,) to a baseline, low and high; None for one network.

    Examples
    --------
    >>> paired(np.array([3.0, 5.0]), np.array([1.0, 3.0])), paired(np.ones(1), np.zeros(1))
    ((2.0, 2.0, 2.0), (1.0, None, None))
    """
    if len(values) == 1:
        return (float((values - baseline)[0]), None, None)
    found = paired_difference(values, baseline)
    return (found.value, found.low, found.high)


def read_conditions(name: str, frame: "pd.DataFrame") -> StoredConditions:
    """Return the table of ``guidance.wide`` or ``guidance.unlabeled`` as arrays.

    A condition that is called as its guide is a guide; one with another name changes how a guide
    is used; the rest have none.

    Parameters
    ----------
    name
        What the table is called in messages.
    frame
        One row for each condition, number of images without labels, and network.

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
    >>> read_conditions("wide", pd.DataFrame({**row, **names})).groups
    {'Guides': ['pixels']}
    """
    check_columns(name, frame, (*_GUIDE_KEYS, GUIDE_MEASURES[0]))
    measures = [measure for measure in GUIDE_MEASURES if measure in frame.columns]
    names = [condition for condition in in_order(frame["condition"]) if condition != BASELINE]
    if len(names) == frame["condition"].nunique() or not names:
        raise ValueError(f"{name} needs the condition {BASELINE!r} and another one to compare")
    networks = plain(frame["network"])
    guides = dict(zip(frame["condition"], frame["guide"], strict=True))
    members = {title: [c for c in names if _group(c, guides[c]) == title] for title in GROUPS}
    parts: Any = frame.groupby(["condition", "unlabeled"], sort=False)
    values = {
        (measure, str(condition), int(count)): _of_networks(name, rows, measure, networks)
        for (condition, count), rows in parts
        for measure in measures
    }
    return StoredConditions(
        measures,
        {title: kept for title, kept in members.items() if kept},
        plain(frame["unlabeled"]),
        networks,
        values,
        {measure: _baseline(name, values, measure) for measure in measures},
    )


def _group(condition: str, guide: str) -> str:
    if guide == "none":
        return GROUPS[2]
    return GROUPS[0] if guide == condition else GROUPS[1]


def _of_networks(name: str, rows: "pd.DataFrame", measure: str, networks: list[int]) -> Floats:
    """Return the values of all networks, in their order."""
    found: dict[Any, float] = dict(zip(rows["network"], rows[measure], strict=True))
    if len(rows) != len(networks) or set(found) != set(networks):
        condition = rows["condition"].iloc[0]
        raise ValueError(
            f"{name} has networks {sorted(rows['network'])} for {condition!r}, but "
            f"{networks} in all; differences need each of them once"
        )
    return np.array([found[network] for network in networks], dtype=np.float64)


def _baseline(name: str, values: dict[tuple[str, str, int], Floats], measure: str) -> Floats:
    if (measure, BASELINE, 0) not in values:
        raise ValueError(f"{name} has no {BASELINE!r} networks with 0 images without labels")
    return values[measure, BASELINE, 0]


# Many small pictures as one short text: quantized, predicted, deflated, base64.

LEVELS = (64, 32, 16, 8)  # gray levels to try; more than 64 cannot be told apart in a figure


def quantize(pictures: NDArray[np.uint8], levels: int) -> NDArray[np.uint8]:
    """Reduce 256 levels to fewer: 0 stays 0 and 255 becomes ``levels - 1``.

    Examples
    --------
    >>> quantize(np.array([0, 128, 255], dtype=np.uint8), 32).tolist()
    [0, 16, 31]
    """
    return np.floor(pictures.astype(np.float64) * (levels - 1) / 255 + 0.5).astype(np.uint8)


def fit_pictures(pictures: NDArray[np.uint8], largest: int) -> tuple[str, int]:
    """Pack pictures (m, n, n) with the most gray levels that fit, and return how many these are.

    Parameters
    ----------
    pictures
        uint8 of shape (m, n, n).
    largest
        Characters that the text may have.

    Raises
    ------
    ValueError
        If the coarsest pictures are still too large.

    Examples
    --------
    >>> fit_pictures(np.zeros((50, 32, 32), dtype=np.uint8), 1000)[1]
    64
    """
    for levels in LEVELS:
        packed = pack_pictures(pictures, levels)
        if len(packed) <= largest:
            return packed, levels
    raise ValueError(
        f"{len(pictures)} pictures take {len(packed)} characters in {levels} gray levels, more "
        f"than {largest}; select fewer of them"
    )


def pack_pictures(pictures: NDArray[np.uint8], levels: int) -> str:
    """Return pictures (m, n, n) as text that ``IBExplorers.unpackPictures`` reads.

    Each value is replaced by its difference from left + above - above left (modulo 256), which
    is small where a picture is smooth, and the differences are deflated.

    Raises
    ------
    ValueError
        If the pictures are not uint8 of shape (m, n, n).

    Examples
    --------
    >>> len(pack_pictures(np.zeros((50, 32, 32), dtype=np.uint8), 32)) < 200
    True
    """
    if pictures.dtype != np.uint8 or pictures.ndim != 3 or pictures.shape[1] != pictures.shape[2]:
        raise ValueError(
            f"pictures must be uint8 of shape (m, n, n), got {pictures.dtype} {pictures.shape}"
        )
    padded = np.pad(
        quantize(pictures, levels), ((0, 0), (1, 0), (1, 0))
    )  # arithmetic modulo 256 is meant
    above = padded[:, :-1, 1:] - padded[:, :-1, :-1]
    differences = padded[:, 1:, 1:] - padded[:, 1:, :-1] - above
    return base64.b64encode(zlib.compress(differences.tobytes(), 9)).decode()


# Stored answers for numbers x, modulus by modulus, as arrays that fit into a page.

NUMBERS = 100  # x from 0 to 99
STEPS = (0, 1)
REMAINDER_AXES = ("view", "split", "support", "modulus")
REMAINDER_COLUMNS = (
    *REMAINDER_AXES,
    "architecture",
    "network",
    "moduli",
    "budget",
    "outputs",
    "shown",
    "error",
)
_SIDE = 10  # answers of one modulus are packed as a square
_TENTHS = 10  # answers are shown to one decimal


@dataclass(frozen=True, eq=False)
class StoredRemainders:
    """Answers of one network for each view and split, over support sizes and moduli.

    Attributes
    ----------
    axes
        Values of each of `REMAINDER_AXES`.
    architecture
        Of all networks.
    before
        Answers before the step, (views, splits, 100).
    after
        Answers after one step, (views, splits, supports, moduli, 100).
    errors
        Mean squared errors before and after, (2, views, splits, supports, moduli).
    shown
        How often each x was shown, (splits, supports, moduli, 100), int64.
    trained
        Which moduli are training moduli, (splits, moduli).
    """

    axes: dict[str, list[Any]]
    architecture: str
    before: Floats
    after: Floats
    errors: Floats
    shown: NDArray[np.int64]
    trained: NDArray[np.bool_]

    def constants(self) -> Floats:
        """Return the mean squared error of the best constant for each modulus, (moduli,)."""
        x = np.arange(NUMBERS)
        return np.array([np.var(x % modulus) for modulus in self.axes["modulus"]])

    def pack(self) -> str:
        """Return answers after and before, then counts, as squares of bytes for the page.

        An answer is a whole number of tenths in two bytes: all low bytes stand before all high
        ones.

        Raises
        ------
        ValueError
            If an answer is too large for two bytes.
        """
        answers = np.concatenate([self.after.reshape(-1), self.before.reshape(-1)])
        tenths = np.round(_TENTHS * answers)
        largest = np.abs(tenths).max()
        if not largest < 2**15:
            raise ValueError(
                f"an answer is {largest / _TENTHS:g} in size, too large for the figure; the "
                "network has diverged"
            )
        pairs = tenths.astype("<i2").view(np.uint8).reshape(-1, 2)  # (answers, low and high)
        parts = (pairs[:, 0], pairs[:, 1], self.shown.astype(np.uint8).reshape(-1))
        squares = np.concatenate(parts).reshape(-1, _SIDE, _SIDE)
        return pack_pictures(squares, 256)


def read_remainders(frame: "pd.DataFrame") -> StoredRemainders:
    """Return the table of ``metainit.remainders`` as arrays.

    Raises
    ------
    ValueError
        If a column or a combination is missing or comes twice, there are several architectures or
        networks, or rows do not hold 100 answers.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"view": "bits", "split": "s", "support": 20, "modulus": 2, "moduli": "train"}
    >>> row |= {"outputs": bytes(200), "shown": bytes(100), "error": 0.5, "budget": [0, 1]}
    >>> frame = pd.DataFrame({**row, "architecture": "MLP", "network": 0})
    >>> read_remainders(frame).after.shape
    (1, 1, 1, 1, 100)
    """
    check_columns("frame", frame, REMAINDER_COLUMNS)
    for name in ("architecture", "network"):
        if len(plain(frame[name])) > 1:
            raise ValueError(f"frame has {name} {plain(frame[name])}; select one of them")
    axes: dict[str, list[Any]] = {name: in_order(frame[name]) for name in ("view", "split")}
    axes |= {name: plain(frame[name]) for name in ("support", "modulus")}
    rows = _remainder_complete(frame, axes)
    shape = tuple(map(len, axes.values()))
    whole = rows["outputs"].map(lambda row: _numbers(row, np.float16))
    answers = np.stack(list(whole)).astype(np.float64).reshape(2, *shape, NUMBERS)
    counts = np.stack([_numbers(row, np.uint8) for row in rows["shown"]])
    kinds = rows["moduli"].to_numpy().reshape(2, *shape)
    return StoredRemainders(
        axes=axes,
        architecture=str(frame["architecture"].iloc[0]),
        before=answers[0, :, :, 0, 0],
        after=answers[1],
        errors=rows["error"].to_numpy(np.float64).reshape(2, *shape),
        shown=counts.astype(np.int64).reshape(2, *shape, NUMBERS)[1, 0],
        trained=(kinds == "train")[1, 0, :, 0],
    )


def _numbers(row: bytes, kind: type[np.float16] | type[np.uint8]) -> NDArray[Any]:
    values = np.frombuffer(row, dtype=kind)
    if len(values) != NUMBERS:
        raise ValueError(f"rows must hold {NUMBERS} numbers, one for each x, got {len(values)}")
    return values


def _remainder_complete(frame: "pd.DataFrame", axes: dict[str, list[Any]]) -> "pd.DataFrame":
    """Return one row for each budget and combination, in the order of the axes."""
    import pandas as pd

    names = ["budget", *REMAINDER_AXES]
    rows = frame.set_index(names)
    wanted = pd.MultiIndex.from_tuples(list(product(STEPS, *axes.values())), names=names)
    missing = wanted[~wanted.isin(rows.index)]
    if len(missing):
        first = [plain([value])[0] for value in missing[0]]
        named = ", ".join(f"{n} {value!r}" for n, value in zip(names, first, strict=True))
        raise ValueError(f"frame has no row for {named}; the figure needs every combination")
    if len(frame) != len(wanted):
        raise ValueError(
            f"frame has {len(frame)} rows for {len(wanted)} combinations of {', '.join(names)}; "
            "keep one of each, with 0 and 1 steps"
        )
    return rows.loc[wanted]


# Stored accuracies of learned and random starts, by architecture, budget and support size.

KEYS = ("view", "architecture", "method", "budget", "support", "network")
METHODS = ("meta", "random")
VIEW_WORDS = {"bits": "four numbers", "image": "drawings"}


@dataclass(frozen=True, eq=False)
class StoredStarts:
    """Accuracies of networks that learn concepts from learned and from random starts.

    Attributes
    ----------
    architectures
        Of each view of the objects.
    supports, networks
        Support sizes, and numbers of the networks.
    budgets
        Numbers of steps of each of `METHODS`, increasing.
    scores
        For view, method and budget, (supports, architectures, networks).
    limits
        For each view the accuracy of memory with majority and the ideal learner's, (2, supports).
    """

    architectures: dict[str, list[str]]
    supports: list[int]
    networks: list[int]
    budgets: dict[str, list[int]]
    scores: dict[tuple[str, str, int], Floats]
    limits: dict[str, Floats]


def read_starts(frame: "pd.DataFrame") -> StoredStarts:
    """Return the table of ``metainit.concepts`` as arrays.

    Raises
    ------
    ValueError
        If a column or a combination is missing, comes twice, or a method is absent.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"view": "bits", "architecture": "MLP", "support": 5, "network": 0, "accuracy": 0.9}
    >>> row |= {"floor": 0.6, "ceiling": 0.95, "method": ["meta", "random"], "budget": [1, 50]}
    >>> read_starts(pd.DataFrame(row)).scores["bits", "random", 50].shape
    (1, 1, 1)
    """
    check_columns("frame", frame, (*KEYS, "accuracy", "floor", "ceiling"))
    absent = set(METHODS) - set(frame["method"])
    if absent:
        raise ValueError(f"frame has no rows of method {', '.join(sorted(absent))}")
    known = _by_key(frame)
    views = in_order(frame["view"])
    architectures = {v: in_order(frame[frame["view"] == v]["architecture"]) for v in views}
    supports, networks = plain(frame["support"]), plain(frame["network"])
    budgets = {m: plain(frame[frame["method"] == m]["budget"]) for m in METHODS}
    scores = {
        (view, method, budget): np.array(
            [
                [
                    [_found(known, (view, name, method, budget, n, net)) for net in networks]
                    for name in architectures[view]
                ]
                for n in supports
            ]
        )
        for view, method in product(views, METHODS)
        for budget in budgets[method]
    }
    means = frame.groupby(["view", "support"])[["floor", "ceiling"]].mean()
    limits = {view: means.loc[view].loc[supports].to_numpy(np.float64).T for view in views}
    return StoredStarts(architectures, supports, networks, budgets, scores, limits)


def summaries(scores: Floats) -> list[list[Summary]]:
    """Return mean and interval of (supports, architectures, networks), rounded for a page.

    Examples
    --------
    >>> summaries(np.array([[[0.5]]]))
    [[(0.5, None, None, 1)]]
    """
    return [[summarize(values) for values in row] for row in scores]


def _by_key(frame: "pd.DataFrame") -> dict[tuple[Any, ...], float]:
    keys = list(zip(*(frame[name] for name in KEYS), strict=True))
    known = dict(zip(keys, frame["accuracy"], strict=True))
    if len(known) < len(keys):
        raise ValueError(
            f"frame has {len(keys)} rows for {len(known)} combinations of {', '.join(KEYS)}; "
            "keep one of each"
        )
    return known


def _found(known: dict[tuple[Any, ...], float], key: tuple[Any, ...]) -> float:
    if key not in known:
        named = ", ".join(f"{name} {value!r}" for name, value in zip(KEYS, key, strict=True))
        raise ValueError(f"frame has no row for {named}; the figure needs every combination")
    return float(known[key])


# What steps of plain gradient descent reach at their best constant rate, as arrays.

STEP_COLUMNS = (*("weights", "rates", "rate", "support", "budget"), "accuracy", "architecture")

Descent = dict[str, dict[str, list[tuple[int, float, Summary]]]]


def best_rates(frame: "pd.DataFrame", starts: StoredStarts) -> Descent:
    """Return the best constant rate for each architecture, support size and number of steps.

    Random starts take steps of plain gradient descent with each of some constant rates; kept is
    the rate with the highest mean accuracy.  It is chosen on the very tasks on which it is
    judged, so the result flatters plain descent.

    Parameters
    ----------
    frame
        As ``metainit.swap`` stores it; rows with random weights and constant rates are read.
    starts
        The table beside it; architectures and support sizes that it does not have are left out.

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
    >>> import numpy as np, pandas as pd
    >>> starts = StoredStarts({"bits": ["MLP"]}, [5], [0], {}, {}, {})
    >>> row = {"weights": "random", "rates": "constant", "support": 5, "budget": 10}
    >>> rates = {"rate": [0.1, 1.0], "accuracy": [0.6, 0.8]}
    >>> best_rates(pd.DataFrame({**row, **rates, "architecture": "MLP"}), starts)
    {'MLP': {'5': [(10, 1.0, (0.8, None, None, 1))]}}
    """
    check_columns("descent", frame, STEP_COLUMNS)
    plain_steps = frame[(frame["weights"] == "random") & (frame["rates"] == "constant")]
    if plain_steps.empty:
        raise ValueError("descent has no rows with random weights and constant rates")
    known = starts.architectures.get("bits", [])
    found: Descent = {}
    for name in known:
        own = plain_steps[plain_steps["architecture"] == name]
        sizes = [size for size in starts.supports if size in plain(own["support"])]
        if sizes:
            found[name] = {str(n): _best(own[own["support"] == n]) for n in sizes}
    return found


def _best(rows: "pd.DataFrame") -> list[tuple[int, float, Summary]]:
    """Return steps, rate and accuracies of the best rate, one entry for each number of steps."""
    best: list[tuple[int, float, Summary]] = []
    for budget in plain(rows["budget"]):
        part = rows[rows["budget"] == budget]
        means: Any = part.groupby("rate")["accuracy"].mean()
        rate = float(means.idxmax())
        best.append((budget, rate, summarize(part[part["rate"] == rate]["accuracy"])))
    return best


# A stored sweep over initial scales: its measures as arrays, and what a page shows of them.

SWEEP_AXES = ("pipeline", "step", "weight_scale", "network")
RATES = ("optimizer", "learning_rate", "weight_decay", "momentum")
SWEEP_MEASURES = (
    "train_accuracy",
    "test_accuracy",
    "weight_norm",
    "retained_fraction",
    "cosine",
    "disagreement",
)
SETTING = ("architecture", "layers")  # one of each in a frame, where it has them

_DIGITS = 4


@dataclass(frozen=True, eq=False)
class StoredSweep:
    """Measures of networks over pipelines, looks and initial scales.

    Attributes
    ----------
    pipelines
        Name and rates of each; ``clock`` is the explicit clock at each look, None where it is
        not defined.
    steps, scales
        The looks and the initial scales, increasing; the first look is at step 0.
    measures
        Each name of `SWEEP_MEASURES` to an array (pipelines, looks, scales, networks), and
        ``norm_ratio``, the norm of the weights over their norm at step 0.
    """

    pipelines: list[dict[str, Any]]
    steps: list[int]
    scales: list[float]
    measures: dict[str, Floats]

    @property
    def names(self) -> list[str]:
        """The names of the pipelines."""
        return [pipeline["name"] for pipeline in self.pipelines]

    @property
    def networks(self) -> int:
        """How many networks stand behind each mean."""
        return int(self.measures["test_accuracy"].shape[3])


def read_sweep(frame: "pd.DataFrame") -> StoredSweep:
    """Return a tidy sweep as arrays.

    Parameters
    ----------
    frame
        As `ibcore.memory.sweep_table` makes it: one row for each pipeline, step, weight scale
        and network.  Of several splits of the data only split 0 is read.

    Raises
    ------
    ValueError
        If a column, a combination or split 0 is missing, a combination comes twice, there are
        several architectures or scaled layers, fewer than two scales, or no look at step 0.

    Examples
    --------
    >>> import pandas as pd
    >>> rates = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.0}
    >>> rows = {"pipeline": "SGD", **rates, "step": 0, "weight_scale": [1.0, 8.0], "network": 0}
    >>> frame = pd.DataFrame({**rows, **dict.fromkeys(SWEEP_MEASURES, 1.0), "explicit_clock": 0.0})
    >>> read_sweep(frame).measures["test_accuracy"].shape
    (1, 1, 2, 1)
    """
    check_columns("frame", frame, (*SWEEP_AXES, *RATES, *SWEEP_MEASURES, "explicit_clock"))
    rows = _one_setting(frame)
    axes = [in_order(rows["pipeline"]), *(plain(rows[name]) for name in SWEEP_AXES[1:])]
    _check_axes(axes)
    cells = _sweep_complete(rows.set_index(list(SWEEP_AXES)), axes)
    shape = tuple(map(len, axes))
    # (pipelines * looks * scales * networks,) -> shape
    measures = {name: cells[name].to_numpy(np.float64).reshape(shape) for name in SWEEP_MEASURES}
    measures["norm_ratio"] = measures["weight_norm"] / measures["weight_norm"][:, :1]
    clocks = cells["explicit_clock"].to_numpy(np.float64).reshape(shape)[:, :, 0, 0]
    first = cells.reset_index().groupby("pipeline", sort=False).first()
    pipelines = [
        {
            "name": name,
            **{rate: plain([first.loc[name, rate]])[0] for rate in RATES},
            "clock": [None if np.isnan(tau) else float(f"{tau:.6g}") for tau in clock],
        }
        for name, clock in zip(axes[0], clocks, strict=True)
    ]
    return StoredSweep(pipelines, axes[1], [float(scale) for scale in axes[2]], measures)


def page_numbers(sweep: StoredSweep) -> dict[str, Any]:
    """Return means, intervals and spreads, rounded for a page, by pipeline, look and scale.

    ``train`` and ``test`` hold (mean, low, high) with the bootstrap interval over networks, None
    for one network; the other measures hold means; ``spread`` holds what `spread_at` returns.

    Examples
    --------
    >>> half = np.full((1, 1, 2, 3), 0.5)
    >>> measures = dict.fromkeys((*SWEEP_MEASURES, "norm_ratio"), half)
    >>> numbers = page_numbers(StoredSweep([{}], [0], [1.0, 8.0], measures))
    >>> numbers["test"], numbers["cosine"]
    ([[[(0.5, 0.5, 0.5), (0.5, 0.5, 0.5)]]], [[[0.5, 0.5]]])
    """
    looks = list(product(range(len(sweep.pipelines)), range(len(sweep.steps))))
    whole: dict[str, Any] = {
        "train": _each_look(sweep, "train_accuracy", _accuracy),
        "test": _each_look(sweep, "test_accuracy", _accuracy),
        "norm": _each_look(sweep, "norm_ratio", _mean),
        "cosine": _each_look(sweep, "cosine", _mean),
        "retained": _each_look(sweep, "retained_fraction", _mean),
        "disagreement": _each_look(sweep, "disagreement", _mean),
    }
    spreads = {look: spread_at(sweep, *look) for look in looks}
    whole["spread"] = [
        [spreads[p, t] for t in range(len(sweep.steps))] for p in range(len(sweep.pipelines))
    ]
    return whole


def spread_at(sweep: StoredSweep, pipeline: int, look: int) -> dict[str, Any]:
    """Return the spread of test accuracy over scales at a look, and whether it may be memory.

    ``value``, ``low`` and ``high`` in percentage points, the interval over networks (None for
    one); ``least``, the least train accuracy of a network; ``verdict`` of `ibcore.memory.gate`.

    Examples
    --------
    >>> measures = {"test_accuracy": np.array([[[[0.9], [0.5]]]])}
    >>> measures["train_accuracy"] = np.array([[[[1.0], [0.98]]]])
    >>> found = spread_at(StoredSweep([{}], [0], [1.0, 8.0], measures), 0, 0)
    >>> found["value"], found["low"], found["least"], found["verdict"]
    (40.0, None, 0.98, 'undertrained')
    """
    test = sweep.measures["test_accuracy"][pipeline, look]  # (scales, networks)
    train = sweep.measures["train_accuracy"][pipeline, look]
    value, low, high = spread(test), None, None
    if test.shape[1] > 1:
        interval = spread_interval(test)
        low, high = round(interval.low, 2), round(interval.high, 2)
    least = round(float(train.min()), _DIGITS)
    ends = {"value": round(value, 2), "low": low, "high": high}
    return {**ends, "least": least, "verdict": gate(train)}


def _each_look(sweep: StoredSweep, measure: str, show: Any) -> list[list[list[Any]]]:
    values = sweep.measures[measure]
    return [[[show(cell) for cell in look] for look in pipeline] for pipeline in values]


def _accuracy(values: Floats) -> tuple[float | None, float | None, float | None]:
    return summarize(values)[:3]


def _mean(values: Floats) -> float | None:
    mean = float(values.mean())
    return None if np.isnan(mean) else round(mean, _DIGITS)


def _one_setting(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of split 0; raise if architectures or scaled layers differ."""
    rows = frame
    if "split" in frame:
        rows = frame[frame["split"] == 0]
        if rows.empty:
            raise ValueError(
                f"frame has splits {plain(frame['split'])} and no split 0; relabel the one to show"
            )
    for name in SETTING:
        values = plain(rows[name]) if name in rows else []
        if len(values) > 1:
            raise ValueError(f"the player needs one {name}, got {values}; select one before")
    return rows


def _check_axes(axes: list[list[Any]]) -> None:
    _, steps, scales, _ = axes
    if len(scales) < 2:
        raise ValueError(f"frame has scale {scales[0]} only; a spread needs at least 2 scales")
    if steps[0] != 0:
        raise ValueError(
            f"the first look is at step {steps[0]}; the norm at the start needs one at step 0"
        )


def _sweep_complete(rows: "pd.DataFrame", axes: list[list[Any]]) -> "pd.DataFrame":
    """Return one row for each combination, in the order of the axes."""
    import pandas as pd

    wanted = pd.MultiIndex.from_product(axes, names=SWEEP_AXES)
    missing = wanted[~wanted.isin(rows.index)]
    if len(missing):
        first = [plain([value])[0] for value in missing[0]]
        named = ", ".join(
            f"{name} {value!r}" for name, value in zip(SWEEP_AXES, first, strict=True)
        )
        raise ValueError(f"frame has no row for {named}; the player needs every combination")
    if rows.index.has_duplicates:
        raise ValueError(
            f"frame has {len(rows)} rows for {len(wanted)} combinations of {', '.join(SWEEP_AXES)}"
            "; keep one of each"
        )
    return rows.loc[wanted]
