"""An experiment: a question, a design per tier, and a function of its independent cells."""

import dataclasses
import difflib
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from typing import TYPE_CHECKING, Any

from ibcore.runtime import Tier, as_kind, check_tier

if TYPE_CHECKING:
    import pandas as pd
    import torch


Cell = Mapping[str, Any]  # a row of a design: names and plain values
Factors = Mapping[str, Iterable[Any]]  # the levels of each factor

_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z0-9][a-z0-9_-]*")


def design(factors: Factors, **fixed: Any) -> list[Cell]:
    """Return one cell for each combination of the factors' levels; the last varies fastest.

    Parameters
    ----------
    factors
        The levels of each factor, by name.
    fixed
        What all cells share.

    Raises
    ------
    ValueError
        If the levels of a factor are one text, or a factor is also fixed.

    Examples
    --------
    >>> design({"depth": (1, 2), "width": (8,)}, seed=0)
    [{'depth': 1, 'width': 8, 'seed': 0}, {'depth': 2, 'width': 8, 'seed': 0}]
    """
    as_kind(factors, "factors", Mapping, "a mapping of names to levels")
    for name, levels in factors.items():
        if isinstance(levels, str):
            raise ValueError(f"the levels of {name!r} are {levels!r}; write ({levels!r},)")
        if name in fixed:
            raise ValueError(f"{name!r} is a factor and also fixed at {fixed[name]!r}; drop one")
    rows = product(*factors.values())
    return [{**dict(zip(factors, row, strict=True)), **fixed} for row in rows]


@dataclass(frozen=True)
class Experiment:
    """A question that is answered by independent cells.

    Attributes
    ----------
    name
        ``"lab.name"`` in lower case, for instance ``"redshift.activations"``.
    question
        One sentence.
    tiers
        The cells of each tier, as `design` makes them, each an independent piece of work,
        vectorized inside: mappings or frozen dataclasses of plain values (str, int, float, bool,
        None, and tuples, lists, mappings or dataclasses of these).
    run_cell
        Computes one cell on a device as a tidy frame.  It is a function of a module, so that
        any executor can send it to another process.
    cost
        The relative computing time of a cell, comparable across tiers: any positive number, for
        instance networks times steps.  Without it no time is predicted from another tier.
    tuned
        The columns whose values were chosen from a grid, as learning rates are, each with the
        columns that tell the grids apart.  Rows of ``"tuned x"`` belong to the grid of ``"x"``.
        Claims on a choice at the edge of its grid give a reason.

    Examples
    --------
    >>> import pandas as pd
    >>> def square(cell: Cell, device: "torch.device") -> "pd.DataFrame":
    ...     return pd.DataFrame({"size": [cell["size"]], "square": [cell["size"] ** 2]})
    >>> squares = Experiment(
    ...     "toy.squares", "How large is a square?", {"smoke": design({"size": (1, 2)})},
    ...     square,
    ... )
    >>> list(squares.plan("smoke").values())
    [{'size': 1}, {'size': 2}]
    """

    name: str
    question: str
    tiers: Mapping[Tier, Sequence[Any]]
    run_cell: "Callable[[Any, torch.device], pd.DataFrame]"
    cost: Callable[[Any], float] | None = None
    tuned: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.name)
        as_kind(self.question, "question", str, "a sentence")
        for field in ("run_cell",) + ("cost",) * (self.cost is not None):
            as_kind(getattr(self, field), field, Callable, "a function")
        as_kind(self.tuned, "tuned", Mapping, "a mapping of columns to columns")
        for tier in as_kind(self.tiers, "tiers", Mapping, "a mapping of tiers to designs"):
            check_tier(tier)

    @property
    def lab(self) -> str:
        """The laboratory: the part of the name before the dot."""
        return self.name.partition(".")[0]

    def cells(self, tier: Tier) -> Sequence[Any]:
        """Return the cells of ``tier``; ``ValueError`` if this experiment has no such tier."""
        if tier not in self.tiers:
            raise ValueError(
                f"experiment {self.name!r} has no tier {tier!r}; it has {', '.join(self.tiers)}"
            )
        return self.tiers[tier]

    def plan(self, tier: Tier) -> dict[str, Any]:
        """Return the cells of ``tier`` by key, in order.

        Raises
        ------
        ValueError
            If the tier is unknown, there is no cell, two cells are equal, or a cell is neither a
            mapping nor a dataclass of plain values.
        """
        plan: dict[str, Any] = {}
        for cell in self.cells(tier):
            key = cell_key(self.name, cell)
            if key in plan:
                raise ValueError(
                    f"experiment {self.name!r}, tier {tier!r}: the cell {cell} occurs twice; "
                    "name each piece of work once"
                )
            plan[key] = cell
        if not plan:
            raise ValueError(f"experiment {self.name!r}, tier {tier!r}: it has no cell")
        return plan


class CellError(RuntimeError):
    """A cell of an experiment failed; the message names both and says what is kept."""


class TimeLimitError(RuntimeError):
    """A run stopped at its time limit; what is finished is kept.

    ``needed`` is the predicted time in seconds of the shortest cell that was not started, where
    no cell at all was; a run that is given less never ends.
    """

    needed: float | None = None


def check_name(name: str) -> str:
    """Return ``name`` if it has the form ``lab.name`` of lower-case words, else raise."""
    if not _NAME.fullmatch(as_kind(name, "experiment name", str, "a string")):
        raise ValueError(
            f"experiment name {name!r} is not of the form 'lab.name' in lower case "
            "(letters, digits, - and _), for instance 'redshift.activations'"
        )
    return name


def cell_key(name: str, cell: object) -> str:
    """Return the key of a cell: 16 hexadecimal digits, the same on every machine and Python.

    It is the start of the SHA-256 of the experiment's name and the cell's fields as JSON with
    sorted keys.

    Raises
    ------
    ValueError
        If the cell is neither a mapping nor a dataclass of plain values.

    Examples
    --------
    >>> cell_key("toy.squares", {"size": 3})
    'e8ee9b65b37fd0f6'
    """
    text = json.dumps(
        {"cell": plain_fields(cell), "experiment": name},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def plan_digest(keys: Iterable[str]) -> str:
    """Return the digest of the keys of all cells: equal when the same cells are meant."""
    return hashlib.sha256(" ".join(keys).encode()).hexdigest()[:16]


def plain_config(cells: Iterable[object]) -> dict[str, Any]:
    """Return the levels of each field of a design, as plain values.

    A field that has the same value in all cells stands as that value.

    Examples
    --------
    >>> plain_config(design({"depth": (1, 2), "width": (8, 16)}, seed=0))
    {'depth': [1, 2], 'width': [8, 16], 'seed': 0}
    """
    levels: dict[str, dict[str, Any]] = {}
    for cell in map(plain_fields, cells):
        for name, level in cell.items():
            levels.setdefault(name, {})[json.dumps(level, sort_keys=True)] = level
    found = {name: [*each.values()] for name, each in levels.items()}
    return {name: each[0] if len(each) == 1 else each for name, each in found.items()}


def plain_fields(value: object) -> dict[str, Any]:
    """Return the fields of a mapping or dataclass of plain values as they come back from JSON.

    Tuples become lists; a dataclass inside becomes a mapping.

    Raises
    ------
    ValueError
        If ``value`` is neither, or a field is not plain or not finite.
    """
    fields = _fields(value)
    if fields is None:
        raise ValueError(
            "expected a mapping of names to plain values or an instance of a frozen dataclass, "
            f"got {value!r}"
        )
    owner = "" if isinstance(value, Mapping) else f"{type(value).__name__}."
    return {name: _plain(entry, f"{owner}{name}") for name, entry in fields.items()}


def _fields(value: object) -> Mapping[str, object] | None:
    """Return names and values of a mapping or a dataclass, or None for anything else."""
    if isinstance(value, Mapping):
        return value if all(isinstance(name, str) for name in value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _plain(value: object, where: str) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(entry, where) for entry in value]
    if _fields(value) is not None:
        return plain_fields(value)
    if value is not None and type(value) not in (str, int, float, bool):
        raise ValueError(
            f"{where} is {value!r} of type {type(value).__name__}; configurations and cells hold "
            "only str, int, float, bool, None, and tuples and mappings of these"
        )
    if isinstance(value, float) and value - value != 0:
        raise ValueError(f"{where} is {value}; configurations and cells hold finite numbers")
    return value


def count_cells(count: int) -> str:
    """Say how many cells, in words."""
    return f"{count} cell" if count == 1 else f"{count} cells"


# Find the experiments of the laboratories by name.

LABS = ("redshift", "metainit", "guidance", "memory", "synthesis")


def experiments(lab: str | None = None) -> tuple[Experiment, ...]:
    """Return the experiments of one laboratory, or of all, in the order of the book.

    Raises
    ------
    ValueError
        If ``lab`` is none of the laboratories, or two experiments share a name.

    Examples
    --------
    >>> all(experiment.lab == "redshift" for experiment in experiments("redshift"))
    True
    """
    labs = LABS if lab is None else (check_lab(lab),)
    found = tuple(experiment for name in labs for experiment in _experiments_of(name))
    names = [experiment.name for experiment in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"experiment names occur twice: {', '.join(twice)}; rename one of each")
    return found


def check_lab(lab: str) -> str:
    """Return ``lab`` if it is the name of a laboratory, else raise ``ValueError``."""
    if as_kind(lab, "lab", str, "a string") not in LABS:
        raise ValueError(f"unknown laboratory {lab!r}; {suggest(lab, list(LABS))}")
    return lab


def find(name: str) -> Experiment:
    """Return the experiment called ``name``.

    Raises
    ------
    ValueError
        If there is none; the message lists near matches.

    Examples
    --------
    >>> find("redshift.activatoins")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: unknown experiment 'redshift.activatoins'...
    """
    known = {experiment.name: experiment for experiment in experiments()}
    if as_kind(name, "experiment name", str, "a string") not in known:
        raise ValueError(f"unknown experiment {name!r}; {suggest(name, list(known))}")
    return known[name]


def listed(name: str) -> Experiment | None:
    """Return the experiment called ``name``, or None if no laboratory lists it.

    Examples
    --------
    >>> listed("mine.own") is None
    True
    """
    lab = name.partition(".")[0]
    found = experiments(lab) if lab in LABS else ()
    return next((experiment for experiment in found if experiment.name == name), None)


def suggest(name: str, known: list[str]) -> str:
    """Say which known names are close to ``name``, or else list all of them."""
    if not known:
        return "none exist yet"
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known names: {', '.join(known)}"


def _experiments_of(lab: str) -> tuple[Experiment, ...]:
    if find_spec(f"ibcore.{lab}") is None or find_spec(f"ibcore.{lab}.experiments") is None:
        return ()
    found: tuple[Experiment, ...] = tuple(import_module(f"ibcore.{lab}.experiments").EXPERIMENTS)
    for experiment in found:
        if experiment.lab != lab:
            raise ValueError(
                f"experiment {experiment.name!r} is listed by the laboratory {lab!r}; "
                f"its name must start with '{lab}.'"
            )
    return found
