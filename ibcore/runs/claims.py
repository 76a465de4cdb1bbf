"""Check the claims of the ledger against published results or fresh runs."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ibcore.runs.claim import Claim, LedgerError
from ibcore.runs.evaluation import ClaimResult, evaluate, show
from ibcore.runs.execute import run
from ibcore.runs.ledger import read_ledger
from ibcore.runs.registry import LABS, suggest
from ibcore.runs.store import load
from ibcore.runtime import Tier

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Claim", "ClaimResult", "LedgerError", "Results", "check", "claims", "evaluate"]


def check(
    lab: str | None = None, tier: Tier | None = None, fresh: bool = False
) -> list[ClaimResult]:
    """Evaluate the claims of the ledger, in its order; those not attempted are left out.

    Parameters
    ----------
    lab
        Only the claims of this laboratory.
    tier
        Evaluate at this tier; by default at the tier each claim names.
    fresh
        Run the experiments anew into a temporary folder, instead of reading the published
        results.

    Raises
    ------
    FileNotFoundError
        If a published result is missing.
    LedgerError
        If a claim cannot be evaluated.

    Examples
    --------
    >>> all(result.passed for result in check("memory"))
    True
    """
    chosen = [claim for claim in of_lab(read_ledger(), lab) if claim.measure is not None]
    if not fresh:
        return [result for _, result in Results(chosen, tier=tier).items()]
    with tempfile.TemporaryDirectory(prefix="ibcore-") as store:
        for name, size in dict.fromkeys((str(c.experiment), tier or c.tier) for c in chosen):
            run(name, size, store=store)
        return [result for _, result in Results(chosen, tier=tier, store=store).items()]


def claims(lab: str | None = None) -> "pd.DataFrame":
    """Return the ledger with today's published numbers as a tidy table, one row per claim.

    Columns: id, statement (numbers filled in), value, low, high, n, expect, tier, paper,
    verdict, passed, note, date.  Value and interval are numbers (tuples for a claim of order), and
    None for a claim that was not attempted.

    Raises
    ------
    FileNotFoundError, LedgerError
        As for `check`.

    Examples
    --------
    >>> list(claims("memory").columns)[:3]
    ['id', 'statement', 'value']
    """
    import pandas as pd

    chosen = of_lab(read_ledger(), lab)
    results = Results([claim for claim in chosen if claim.measure is not None])
    rows = [_row(claim, results.get(claim.id)) for claim in chosen]
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)


@dataclass(frozen=True, eq=False)
class Results(Mapping[str, ClaimResult]):
    """The results of claims by id, each evaluated when it is first asked for.

    Attributes
    ----------
    claims
        The claims, none of them "not attempted".
    tier
        The tier to read; by default each claim's own.
    store
        The folder of results; by default the published ones.
    """

    claims: list[Claim]
    tier: Tier | None = None
    store: str | None = None
    _frames: "dict[tuple[str, Tier | None], pd.DataFrame]" = field(default_factory=dict)
    _done: dict[str, ClaimResult] = field(default_factory=dict)

    def __getitem__(self, key: str) -> ClaimResult:
        if key not in self._done:
            matching = [claim for claim in self.claims if claim.id == key]
            if not matching:
                raise KeyError(key)
            self._done[key] = evaluate(matching[0], self._frame(matching[0]))
        return self._done[key]

    def __iter__(self) -> Iterator[str]:
        return (claim.id for claim in self.claims)

    def __len__(self) -> int:
        return len(self.claims)

    def __contains__(self, key: object) -> bool:
        return any(claim.id == key for claim in self.claims)

    def _frame(self, claim: Claim) -> "pd.DataFrame":
        place = (str(claim.experiment), self.tier or claim.tier)
        if place not in self._frames:
            self._frames[place] = load(*place, store=self.store)
        return self._frames[place]


_COLUMNS = tuple(
    "id statement value low high n expect tier paper verdict passed note date".split()  # noqa: SIM905
)


def _row(claim: Claim, result: ClaimResult | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row |= {"id": claim.id, "statement": claim.statement, "verdict": claim.verdict}
    row |= {"note": claim.note, "tier": claim.tier}
    row["paper"] = f"{claim.paper.value} ({claim.paper.where})" if claim.paper else None
    if result is None:
        return row
    numbers = {name: show(claim, getattr(result, name)) for name in ("value", "low", "high")}
    row |= {name: getattr(result, name) for name in ("value", "low", "high", "n", "passed", "date")}
    return row | {
        "statement": claim.statement.format(**numbers),
        "expect": str(claim.expected()),
        "tier": result.tier,
    }


def of_lab(ledger: Mapping[str, Claim], lab: str | None) -> list[Claim]:
    """Return the claims of one laboratory, or all; ``ValueError`` if it is unknown."""
    labs = sorted({*LABS, *(claim.lab for claim in ledger.values())})
    if lab is not None and lab not in labs:
        raise ValueError(f"unknown laboratory {lab!r}; {suggest(lab, labs)}")
    return [claim for claim in ledger.values() if lab in (None, claim.lab)]
