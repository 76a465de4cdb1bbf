"""What the paper tier of each experiment is worth, why, and what its computing time grows with."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibcore
from ibcore.runs.experiment import AnyExperiment, check_name, plain_fields

VALUES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Priority:
    """One entry of ``book/paper.yml``.

    Attributes
    ----------
    experiment
        Its name.
    value
        From 1 to 5; the file says what each means.
    why
        The reason for the value, one sentence.
    work
        Fields of a cell and their exponents: the computing time of a cell is taken to grow with
        the product of these powers.  None where no such product is known.
    """

    experiment: str
    value: int
    why: str
    work: Mapping[str, float] | None = None

    def cost(self, cell: Any) -> float:
        """Return the product of powers for a cell; a list counts as many as it has entries.

        Raises
        ------
        ValueError
            If the cell has no such field, or it is not a number or a list.
        """
        fields, product = plain_fields(cell), 1.0
        for name, power in (self.work or {}).items():
            product *= _quantity(fields, name, self.experiment) ** power
        return product


@dataclass(frozen=True)
class CostModel:
    """How the computing time of cells of one experiment compares, and that in words."""

    cost: Callable[[Any], float]
    words: str


def priorities_path() -> Path:
    """Return the file: ``book/paper.yml`` of a checkout, else the packaged copy."""
    package = Path(ibcore.__file__).parent
    checkout = package.parent / "book" / "paper.yml"
    return checkout if checkout.exists() else package / "_paper.yml"


def read_priorities(path: Path | None = None) -> dict[str, Priority]:
    """Return the entries by experiment, in the order of the file.

    Raises
    ------
    ValueError
        If an entry is not complete or an experiment occurs twice; the message names it.

    Examples
    --------
    >>> read_priorities()["redshift.activations"].value
    5
    """
    source = path or priorities_path()
    return dict(_entries(source.read_text(encoding="utf-8"), source))


def cost_model(experiment: AnyExperiment) -> CostModel | None:
    """Return the experiment's own cost model, else the one of its priority, else None.

    Examples
    --------
    >>> from ibcore.runs import find
    >>> model = cost_model(find("redshift.references"))
    >>> model.words
    'networks x grid^2'
    """
    if experiment.cost is not None:
        return CostModel(experiment.cost, "the experiment's own cost model")
    priority = read_priorities().get(experiment.name)
    if priority is None or priority.work is None:
        return None
    powers = priority.work.items()
    words = " x ".join(name if power == 1 else f"{name}^{power:g}" for name, power in powers)
    return CostModel(priority.cost, words)


@functools.lru_cache(maxsize=4)
def _entries(text: str, source: Path) -> Mapping[str, Priority]:
    """Parse a text once: every estimate asks for it, and parsing takes longer than the rest."""
    import yaml

    found: dict[str, Priority] = {}
    for entry in yaml.safe_load(text) or []:
        priority = _parse(entry, source)
        if priority.experiment in found:
            raise ValueError(f"{source}: {priority.experiment} occurs twice; keep one entry")
        found[priority.experiment] = priority
    return found


def _parse(entry: Any, source: Path) -> Priority:
    known = {"experiment", "value", "why", "work"}
    if not isinstance(entry, dict) or not {"experiment", "value", "why"} <= set(entry) <= known:
        raise ValueError(f"{source}: {entry!r} needs experiment, value and why (and may have work)")
    name = check_name(str(entry["experiment"]))
    if entry["value"] not in VALUES or not str(entry["why"]).strip():
        raise ValueError(f"{source}: {name} needs a value from 1 to 5 and a reason, got {entry!r}")
    work = entry.get("work")
    if work is not None and not (isinstance(work, dict) and work):
        raise ValueError(f"{source}: the work of {name} must map fields to exponents, got {work!r}")
    return Priority(name, entry["value"], str(entry["why"]).strip(), work)


def _quantity(fields: Mapping[str, Any], name: str, experiment: str) -> float:
    value: Any = fields
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        return float(len(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(
            f"the work of {experiment} names the field {name!r}, which its cells do not have as "
            f"a number or a list; they have {', '.join(fields)}"
        )
    return float(value)
