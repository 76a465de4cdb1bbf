"""Claims in the book: links that show their numbers, and the ledger that leads back to each link.

A link such as ``[1.32](claim:redshift.relu-bounded)`` becomes the ledger's number and a badge.
``{claims-ledger}`` shows all claims; ``{claims-summary}`` counts them by laboratory and verdict.
"""

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import api_names
import freshness
import templated
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from ibcore.runs import Claim, ClaimResult

LEDGER_PAGE = "book/appendices/claims"
SCHEME = "claim:"
COLUMNS = {"Claim": 27, "Measured": 16, "Expected": 13, "Paper": 14, "Verdict": 14, "Used in": 16}
CITED = "ibbook_cited"  # in the facts that Sphinx keeps of a page: its claims, with the anchors

GLYPHS = {
    "agrees": "✓",
    "agrees in direction": "≈",
    "contradicts": "≠",
    "beyond the paper": "+",
    "related": "~",
    "not tested at this scale": "○",
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
    run: str = ""  # its tier, seeds and date
    again: str = ""  # what `python -m ibcore run` takes to repeat it
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
        shown = self.fields
        return (shown["value"], shown["interval"], f"n = {shown['n']}", self.run)

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
    kept = KEPT / f"{_key()}.json"
    if kept.exists():
        rows = json.loads(kept.read_text("utf-8"))
        return {row["id"]: Entry(**row | {"paper": tuple(row["paper"])}) for row in rows}
    found = evaluated()
    kept.parent.mkdir(parents=True, exist_ok=True)
    for old in KEPT.glob("*.json"):
        old.unlink()
    partial = kept.with_suffix(".new")
    partial.write_text(json.dumps([asdict(entry) for entry in found.values()]), "utf-8")
    partial.replace(kept)
    return found


KEPT = Path(freshness.ROOT, "_build", ".ledger")  # the entries of the last build, by `_key`
_DEPENDS = ("book/claims.yml", "book/results/*.parquet", "ibcore/**/*.py", "constraints.txt")


def _key() -> str:
    """Return a hash of all that the entries depend on: claims, results and code."""
    own = Path(__file__).resolve()
    return freshness.digest([*freshness.sources(_DEPENDS), own], "ledger")[:32]


def evaluated() -> dict[str, Entry]:
    """Return all claims by id, evaluated now; this loads torch and takes seconds."""
    from ibcore.runs import Results, read_ledger

    claims = list(read_ledger().values())
    results = Results([claim for claim in claims if claim.measure is not None])
    return {claim.id: from_claim(claim, results.get(claim.id)) for claim in claims}


def from_claim(claim: "Claim", result: "ClaimResult | None") -> Entry:
    """Return a claim and its result, ``None`` if it was not attempted, ready to print."""
    from ibcore.runs.ledger import show, show_interval

    paper = (claim.paper.value, claim.paper.where) if claim.paper else ()
    note = claim.note or ""
    bare = Entry(claim.id, claim.lab, claim.statement, claim.verdict, note=note, paper=paper)
    if result is None:
        return bare
    numbers = {name: show(claim, getattr(result, name)) for name in ("value", "low", "high")}
    seeds = len(result.seeds)
    run = (f"{result.tier} tier", f"{seeds} seed{'s' if seeds > 1 else ''}" if seeds else "")
    return replace(
        bare,
        statement=claim.statement.format(**numbers),
        expect=f"{claim.expected()}; {told(result)}",
        note=" ".join(filter(None, (note, claim.unfit, claim.edge))),
        run=", ".join(filter(None, (*run, (result.date or "")[:10]))),
        again=f"{claim.experiment} --tier {result.tier}",
        passed=result.passed,
        fields={**numbers, "n": str(result.n), "interval": show_interval(result)},
    )


def told(result: "ClaimResult") -> str:
    """Say where a claim fails, as it must."""
    from ibcore.runs.ledger import show

    if result.foil is not None:
        return f"fails on its foil, at {show(result.claim, result.foil)}"
    return f"holds for {result.false_pass or 0:.1%} of tables without an effect"


class claim_link(nodes.Inline, nodes.TextElement):  # noqa: N801 (docutils names nodes like this)
    """A link to a claim, waiting for the page's address."""


def anchor(claim: str) -> str:
    """Return the id of a claim's row in the ledger.

    Examples
    --------
    >>> anchor("redshift.relu-bounded")
    'claim-redshift-relu-bounded'
    """
    return str(nodes.make_id(f"claim-{claim}"))


def problem(claim: str, field: str, entries: dict[str, Entry]) -> str | None:
    """Return what is wrong with a link, with the remedy, or ``None``."""
    if claim not in entries:
        near = difflib.get_close_matches(claim, entries, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "add it to book/claims.yml"
        return f"unknown claim {claim!r}; {hint}"
    if field not in entries[claim].fields:
        known = ", ".join(entries[claim].fields) or "none: it has no stored result"
        return f"claim {claim!r} has no field {field!r}; its fields are {known}"
    return None


class FindClaimLinks(SphinxTransform):
    """Replace each ``claim:`` link, and note which page cites which claim."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        """Walk over the page's links."""
        found: list[tuple[str, str]] = []
        self.env.metadata[self.env.docname][CITED] = found
        for link in list(self.document.findall(nodes.reference)):
            if link.get("refuri", "").startswith(SCHEME):
                self._replace(link, found)

    def _replace(self, link: nodes.reference, found: list[tuple[str, str]]) -> None:
        claim, _, field = link["refuri"].removeprefix(SCHEME).partition("#")
        field = field or "value"
        known = entries()
        if wrong := problem(claim, field, known):
            logger.warning("%s", wrong, location=link, type="claim")
            return
        found.append((claim, f"cite-{anchor(claim)}-{len(found) + 1}"))
        text = known[claim].fields[field]
        link.replace_self(claim_link("", text, claim=claim, ids=[found[-1][1]]))


def badge(entry: Entry) -> str:
    """Return the glyph after a number, and the same in words for a screen reader."""
    told = f'data-expect="{escape(entry.expect)}" data-run="{escape(entry.again)}"'
    return (
        f'<span class="ib-badge" {told} aria-hidden="true">{escape(entry.glyph)}</span>'
        f'<span class="ib-sr"> ({escape(entry.summary)})</span>'
    )


class cited_in(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes like this)
    """The place of the links back from one claim, filled in when all pages are read."""


class ClaimsLedger(SphinxDirective):
    """Render the ledger, a row per claim."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each laboratory, or a sentence while the ledger is empty."""
        known = entries().values()
        labs = in_order(entry.lab for entry in known)
        sections = [self._section(lab, [e for e in known if e.lab == lab]) for lab in labs]
        return [*sections] or lines("The ledger holds no claim yet.")

    def _section(self, lab: str, entries: Sequence[Entry]) -> nodes.section:
        heads = (nodes.entry("", *lines(head)) for head in COLUMNS)
        group = nodes.tgroup("", cols=len(COLUMNS))
        group += [nodes.colspec(colwidth=width) for width in COLUMNS.values()]
        group += nodes.thead("", nodes.row("", *heads))
        group += nodes.tbody("", *map(self._row, entries))
        title = nodes.title("", f"Claims of the laboratory “{lab}”")
        table = nodes.table("", title, group, classes=["ib-ledger", "colwidths-given"])
        name = f"claims-of-{lab}"
        section = nodes.section(
            "", nodes.title("", lab_title(lab)), table, ids=[name], names=[name]
        )
        self.state.document.note_explicit_target(section)
        return section

    def _row(self, entry: Entry) -> nodes.row:
        inlines, messages = self.parse_inline(entry.statement)
        name = nodes.literal("", entry.id, classes=["ib-claim-id"])
        claim = [nodes.paragraph("", "", name), nodes.paragraph("", "", *inlines), *messages]
        verdict = nodes.inline("", f"{entry.glyph} {entry.verdict}", classes=["ib-verdict"])
        columns: tuple[list[nodes.Node], ...] = (
            [*claim, *lines(entry.note)],
            lines(*entry.measured),
            lines(entry.expect),
            lines(*entry.paper),
            [nodes.paragraph("", "", verdict)],
            [cited_in(claim=entry.id)],
        )
        cells = [nodes.entry("", *column) for column in columns]
        return nodes.row("", *cells, ids=[anchor(entry.id)], classes=[f"ib-claim-{entry.kind}"])


def summary() -> dict[str, Any]:
    """Return what the table of verdicts shows: a row for each laboratory and for their sum."""
    counts = Counter((entry.lab, entry.verdict) for entry in entries().values())
    sums = Counter(entry.verdict for entry in entries().values())
    rows = {lab: {v: counts[lab, v] for v in sums} for lab in in_order(lab for lab, _ in counts)}
    verdicts = [verdict for verdict in GLYPHS if sums[verdict]]
    return {"rows": rows, "sums": sums, "verdicts": verdicts, "glyphs": GLYPHS, "title": lab_title}


def in_order(labs: Iterable[str]) -> list[str]:
    """Return each laboratory once, in the order of the book."""
    return sorted(sorted(set(labs)), key=lambda lab: [*api_names.LAB_TITLES, lab].index(lab))


def lab_title(lab: str) -> str:
    """Return the name of a laboratory."""
    return api_names.LAB_TITLES.get(lab, lab)


def lines(*texts: str) -> list[nodes.Node]:
    """Return a paragraph for each text that is not empty."""
    return [nodes.paragraph("", text) for text in texts if text]


class LinkClaims(SphinxPostTransform):
    """Link each citation to the ledger, with a badge, and each claim to the places that cite it."""

    default_priority = 20

    def run(self, **kwargs: Any) -> None:
        """Resolve what waits on one page."""
        for waiting in list(self.document.findall(claim_link)):
            waiting.replace_self(self._reference(waiting))
        for place in list(self.document.findall(cited_in)):
            place.replace_self(self._links(place["claim"]) or lines("no page"))

    def _reference(self, waiting: claim_link) -> nodes.Node:
        entry = entries()[waiting["claim"]]
        link = self._link(LEDGER_PAGE, anchor(entry.id), waiting.astext(), entry.summary)
        link["ids"] = waiting["ids"]
        link["classes"] += ["ib-claim", f"ib-claim-{entry.kind}"]
        link += nodes.raw("", badge(entry), format="html")
        return link

    def _links(self, claim: str) -> list[nodes.Node]:
        """Return a paragraph per page: its title, then a number for each further place on it."""
        found: list[nodes.Node] = []
        for page, facts in sorted(self.env.metadata.items()):
            anchors = [place for cited, place in facts.get(CITED, ()) if cited == claim]
            line = nodes.paragraph()
            for number, place in enumerate(anchors, 1):
                text = f"({number})" if number > 1 else self.env.titles[page].astext()
                line += [nodes.Text(" ")] * (number > 1) + [self._link(page, place, text, text)]
            found += [line] if anchors else []
        return found

    def _link(self, page: str, target: str, text: str, title: str) -> nodes.reference:
        here, words = self.env.docname, nodes.Text(text)
        return make_refnode(self.app.builder, here, page, target, words, title)


def read_early(app: Sphinx) -> None:
    """Evaluate the ledger before any page is read, so that a bad one is one clear error."""
    try:
        entries()
    except (ValueError, OSError) as error:
        raise ExtensionError(f"the claims ledger cannot be shown: {error}") from error


def rewrite_ledger(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the ledger again in every build: any page may have gained or lost a citation."""
    return [LEDGER_PAGE] if LEDGER_PAGE in env.found_docs else []


def report_failures(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of every claim whose own condition does not hold on the stored results."""
    for entry in entries().values():
        if entry.passed is False:
            words = "claim %r gives %s, expected %s; correct the statement and its text"
            facts = (entry.id, entry.fields["value"], entry.expect)
            logger.warning(words, *facts, location=(LEDGER_PAGE, None), type="claim")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(claim_link)
    app.add_node(cited_in)
    app.add_transform(FindClaimLinks)
    app.add_post_transform(LinkClaims)
    app.add_directive("claims-ledger", ClaimsLedger)
    app.add_directive("claims-summary", templated.directive(summary))
    app.connect("builder-inited", read_early)
    app.connect("env-updated", rewrite_ledger)
    app.connect("env-check-consistency", report_failures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
