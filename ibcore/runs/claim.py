"""A claim: one sentence that states a measured fact, and what must hold for it to be true."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from ibcore.runs.measure import Measure
from ibcore.runtime import Tier

Verdict = Literal[
    "agrees", "agrees in direction", "contradicts", "beyond the paper", "not attempted"
]
Relation = Literal["above", "below", "between", "increasing", "decreasing"]


class LedgerError(ValueError):
    """The ledger of claims has an entry that cannot be used; the message names it."""


@dataclass(frozen=True)
class Expect:
    """What a claim says about its value.

    Attributes
    ----------
    relation
        How the value is compared.
    bounds
        One bound for above and below, two for between, none for an order.
    margin
        For an order: by how much, at least, each entry exceeds or undercuts the one before.

    Examples
    --------
    >>> Expect("between", (1.0, 2.0)).holds(1.5), str(Expect("above", (0.5,)))
    (True, 'above 0.5')
    """

    relation: Relation
    bounds: tuple[float, ...] = ()
    margin: float = 0.0

    def holds(self, value: float | tuple[float, ...]) -> bool:
        """Say whether a value (for an order: the entries of a tuple) is as expected."""
        if isinstance(value, tuple):
            sign = 1 if self.relation == "increasing" else -1
            return all(sign * (b - a) > self.margin for a, b in pairwise(value))
        if self.relation == "above":
            return value > self.bounds[0]
        if self.relation == "below":
            return value < self.bounds[0]
        return self.bounds[0] <= value <= self.bounds[1]

    def __str__(self) -> str:
        if self.bounds:
            return f"{self.relation} {' and '.join(f'{bound:g}' for bound in self.bounds)}"
        return self.relation + (f" by more than {self.margin:g}" if self.margin else "")


@dataclass(frozen=True)
class Paper:
    """What the paper says, and where it says it."""

    value: str
    where: str


@dataclass(frozen=True)
class Claim:
    """One sentence that states a measured fact.

    Attributes
    ----------
    id, statement, lab
        ``"redshift.relu-bounded"``, one sentence (may hold ``{value}``, ``{low}``, ``{high}``),
        and the laboratory.
    experiment, measure, expect, tier
        Which stored result, which expression over it, what it must satisfy, at which tier.
        All four are None exactly when the verdict is "not attempted".
    paper
        The paper's own number, or None.
    verdict, note
        How ours relates to the paper's, and why.
    format, unit
        How the number is printed, and its unit.
    resample
        The column of replicates that the bootstrap draws.
    """

    id: str
    statement: str
    lab: str
    experiment: str | None
    measure: Measure | None = field(compare=False)
    expect: Expect | None
    tier: Tier | None
    paper: Paper | None
    verdict: Verdict
    note: str
    format: str = "{:.2f}"
    resample: str = "network"
    unit: str | None = None

    def expected(self) -> Expect:
        """Return what must hold; `LedgerError` for a claim that was not attempted."""
        if self.expect is None:
            raise LedgerError(f"claim {self.id!r} was not attempted, so nothing is expected of it")
        return self.expect
