"""The ``claims-ledger`` directive: all claims, with links back to every page.

``claims-summary`` counts them by laboratory and verdict.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import api_names
import ledger
from claim_links import anchor, citations
from doc_tables import cell, table
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

COLUMNS = {"Claim": 27, "Measured": 16, "Expected": 13, "Paper": 14, "Verdict": 14, "Used in": 16}
PAGE = "ibbook_ledger_pages"


class cited_in(nodes.General, nodes.Element):  # noqa: N801 (docutils names nodes like this)
    """The place of the links back from one claim, filled in when all pages are read."""


class ClaimsLedger(SphinxDirective):
    """Render the ledger, a row per claim."""

    def run(self) -> list[nodes.Node]:
        """Return a section for each laboratory, or a sentence while the ledger is empty."""
        self.env.__dict__.setdefault(PAGE, set()).add(self.env.docname)
        entries = ledger.entries().values()
        if not entries:
            return [nodes.paragraph("", "The ledger holds no claim yet.")]
        labs = in_order(entry.lab for entry in entries)
        return [self._section(lab, [e for e in entries if e.lab == lab]) for lab in labs]

    def _section(self, lab: str, entries: Sequence[ledger.Entry]) -> nodes.section:
        title = f"Claims of the laboratory “{lab}”"
        rows = table(title, COLUMNS, map(self._row, entries), name="ib-ledger")
        return nodes.section("", nodes.title("", lab_title(lab)), rows, ids=[section_of(lab)])

    def _row(self, entry: ledger.Entry) -> nodes.row:
        inlines, messages = self.parse_inline(entry.statement)
        name = nodes.literal("", entry.id, classes=["ib-claim-id"])
        claim = nodes.entry("", nodes.paragraph("", "", name), nodes.paragraph("", "", *inlines))
        claim += [*messages, *lines(entry.note)]
        columns = (lines(*entry.measured), lines(entry.expect), lines(*entry.paper))
        verdict = nodes.inline("", f"{entry.glyph} {entry.verdict}", classes=["ib-verdict"])
        back = nodes.entry("", cited_in(claim=entry.id))
        cells = [nodes.entry("", *column) for column in columns]
        row = nodes.row("", claim, *cells, cell(verdict), back, ids=[anchor(entry.id)])
        row["classes"] = [f"ib-claim-{entry.kind}"]
        return row


class ClaimsSummary(SphinxDirective):
    """Count the claims by laboratory and verdict."""

    def run(self) -> list[nodes.Node]:
        """Return a table: a row for each laboratory and their sum, a column for each verdict."""
        counts = Counter((entry.lab, entry.verdict) for entry in ledger.entries().values())
        labs = in_order(lab for lab, _ in counts)
        sums = Counter(entry.verdict for entry in ledger.entries().values())
        verdicts = [verdict for verdict in ledger.GLYPHS if sums[verdict]]
        columns = {"": 28} | {f"{ledger.GLYPHS[verdict]} {verdict}": 18 for verdict in verdicts}
        rows = [self._row(lab_link(lab), *(counts[lab, v] for v in verdicts)) for lab in labs]
        rows.append(self._row(nodes.strong("", "together"), *(sums[v] for v in verdicts)))
        return [table("Claims by verdict", columns, rows, name="ib-verdicts")]

    def _row(self, name: nodes.Node, *numbers: int) -> nodes.row:
        return nodes.row("", cell(name), *(cell(nodes.Text(str(number))) for number in numbers))


def in_order(labs: Iterable[str]) -> list[str]:
    """Return each laboratory once, in the order of the book."""
    found = set(labs)
    known = [lab for lab in api_names.LAB_TITLES if lab in found]
    return [*known, *sorted(found.difference(known))]


def lab_title(lab: str) -> str:
    """Return the name of a laboratory."""
    return api_names.LAB_TITLES.get(lab, lab)


def section_of(lab: str) -> str:
    """Return the anchor of a laboratory's claims."""
    return f"claims-of-{lab}"


def lab_link(lab: str) -> nodes.reference:
    """Return a link to a laboratory's claims, which stand on the same page."""
    return nodes.reference("", lab_title(lab), refid=section_of(lab), internal=True)


def lines(*texts: str) -> list[nodes.paragraph]:
    """Return a paragraph for each text that is not empty."""
    return [nodes.paragraph("", text) for text in texts if text]


class LinkBack(SphinxPostTransform):
    """Fill in, for each claim, the places that cite it."""

    default_priority = 21

    def run(self, **kwargs: Any) -> None:
        """Resolve the waiting places of one page."""
        for waiting in list(self.document.findall(cited_in)):
            waiting.replace_self(self._links(waiting["claim"]) or nodes.paragraph("", "no page"))

    def _links(self, claim: str) -> list[nodes.Node]:
        """Return a paragraph per page: its title, then a number for each further place on it."""
        found: list[nodes.Node] = []
        for page, places in sorted(citations(self.env).items()):
            anchors = [place.anchor for place in places if place.claim == claim]
            title = self.env.titles[page].astext()
            texts = [title, *(f"({number})" for number in range(2, len(anchors) + 1))]
            links = [self._link(page, *pair) for pair in zip(anchors, texts, strict=False)]
            if links:
                spaced = [node for link in links for node in (link, nodes.Text(" "))]
                found.append(nodes.paragraph("", "", *spaced[:-1]))
        return found

    def _link(self, page: str, target: str, text: str) -> nodes.Node:
        here = self.env.docname
        return make_refnode(self.app.builder, here, page, target, nodes.Text(text), text)


def read_early(app: Sphinx) -> None:
    """Evaluate the ledger before any page is read, so that a bad one is one clear error."""
    try:
        ledger.entries()
    except (ValueError, OSError) as error:
        raise ExtensionError(f"the claims ledger cannot be shown: {error}") from error


def rewrite_ledger(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the ledger again in every build: any page may have gained or lost a citation."""
    return sorted(getattr(env, PAGE, set()) & env.found_docs)


def report_failures(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of every claim whose own condition does not hold on the stored results."""
    ledger.warn_of_failures()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(cited_in)
    app.add_directive("claims-ledger", ClaimsLedger)
    app.add_directive("claims-summary", ClaimsSummary)
    app.add_post_transform(LinkBack)
    app.connect("builder-inited", read_early)
    app.connect("env-updated", rewrite_ledger)
    app.connect("env-check-consistency", report_failures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
