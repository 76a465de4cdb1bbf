"""The ``claims-ledger`` directive: the table of all claims, with links back to every page."""

from collections.abc import Sequence
from typing import Any

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
        """Return one table per laboratory, or a sentence while the ledger is empty."""
        self.env.__dict__.setdefault(PAGE, set()).add(self.env.docname)
        entries = ledger.entries().values()
        if not entries:
            return [nodes.paragraph("", "The ledger holds no claim yet.")]
        labs = dict.fromkeys(entry.lab for entry in entries)
        return [self._table(lab, [e for e in entries if e.lab == lab]) for lab in labs]

    def _table(self, lab: str, entries: Sequence[ledger.Entry]) -> nodes.table:
        title = f"Claims of the laboratory “{lab}”"
        return table(title, COLUMNS, map(self._row, entries), name="ib-ledger")

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
    app.add_post_transform(LinkBack)
    app.connect("builder-inited", read_early)
    app.connect("env-updated", rewrite_ledger)
    app.connect("env-check-consistency", report_failures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
