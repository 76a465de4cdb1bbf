"""The claims ledger as the book shows it: numbers formatted, verdicts with glyph and words."""

from dataclasses import dataclass, field, replace
from functools import cache

from sphinx.util import logging

from ibcore.runs import Claim, ClaimResult, Results, read_ledger
from ibcore.runs.claims import show, show_interval

GLYPHS = {
    "agrees": "✓",
    "agrees in direction": "≈",
    "contradicts": "≠",
    "beyond the paper": "+",
    "not attempted": "○",
}
FAILED = "✗"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One claim, ready to print; ``fields`` maps value, low, high, n and interval to text."""

    id: str
    lab: str
    statement: str
    verdict: str
    expect: str = ""
    tier: str = ""
    seeds: str = ""
    date: str = ""
    note: str = ""
    passed: bool | None = None
    paper: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Return the verdict as a class name; a failed claim is its own kind."""
        return "failed" if self.passed is False else self.verdict.replace(" ", "-")

    @property
    def glyph(self) -> str:
        """Return the sign of the verdict."""
        return FAILED if self.passed is False else GLYPHS[self.verdict]

    @property
    def measured(self) -> tuple[str, ...]:
        """Return value, interval and provenance, one line each; nothing without a result."""
        if not self.fields:
            return ("no stored result",)
        run = ", ".join(part for part in (f"{self.tier} tier", self.seeds, self.date) if part)
        return (self.fields["value"], self.fields["interval"], f"n = {self.fields['n']}", run)

    @property
    def summary(self) -> str:
        """Return the claim's standing in one line, for tooltips and screen readers."""
        state = "fails its own condition" if self.passed is False else self.verdict
        value, interval, *rest = self.measured if self.fields else (*self.measured, "")
        spread = f"95 % interval {interval}" if interval else ""
        return "; ".join(part for part in (state, value, spread, *rest) if part)


@cache
def entries() -> dict[str, Entry]:
    """Return all claims by id, in the ledger's order, each evaluated on its stored result.

    Raises
    ------
    ibcore.runs.LedgerError
        If ``book/claims.yml`` is malformed or a claim cannot be evaluated.
    FileNotFoundError
        If a claim names a stored result that is not there.
    """
    claims = list(read_ledger().values())
    results = Results([claim for claim in claims if claim.measure is not None])
    return {claim.id: from_claim(claim, results.get(claim.id)) for claim in claims}


def from_claim(claim: Claim, result: ClaimResult | None) -> Entry:
    """Return a claim and its result, ``None`` if it was not attempted, ready to print."""
    paper = (claim.paper.value, claim.paper.where) if claim.paper else ()
    bare = Entry(
        id=claim.id,
        lab=claim.lab,
        statement=claim.statement,
        verdict=claim.verdict,
        note=claim.note or "",
        paper=paper,
    )
    if result is None:
        return bare
    numbers = {name: show(claim, getattr(result, name)) for name in ("value", "low", "high")}
    return replace(
        bare,
        statement=claim.statement.format(**numbers),
        expect=str(claim.expected()),
        tier=result.tier or "",
        seeds=_seeds(result.seeds),
        date=(result.date or "")[:10],
        passed=result.passed,
        fields={**numbers, "n": str(result.n), "interval": show_interval(result)},
    )


def _seeds(seeds: tuple[int, ...]) -> str:
    if not seeds:
        return ""
    return f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''}"


def warn_of_failures() -> None:
    """Warn of each claim that fails its own condition, with the remedy."""
    for entry in entries().values():
        if entry.passed is False:
            logger.warning(
                "claim %r gives %s, expected %s; correct the statement and its text",
                entry.id,
                entry.fields["value"],
                entry.expect,
                location=("book/appendices/claims", None),
                type="claim",
            )
