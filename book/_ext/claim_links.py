"""Links such as ``[1.32](claim:redshift.relu-bounded)`` become the ledger's number and a badge."""

import difflib
from html import escape
from typing import Any, NamedTuple

import ledger
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

LEDGER_PAGE = "book/appendices/claims"
SCHEME = "claim:"

logger = logging.getLogger(__name__)


class Citation(NamedTuple):
    """One place in the book that shows a number of the ledger."""

    claim: str
    anchor: str


class claim_link(nodes.Inline, nodes.TextElement):  # noqa: N801 (docutils names nodes like this)
    """A link to a claim, waiting for the page's address."""


def citations(env: BuildEnvironment) -> dict[str, list[Citation]]:
    """Return the citations of each page, kept in the environment from build to build."""
    kept: dict[str, list[Citation]] = env.__dict__.setdefault("ibbook_citations", {})
    return kept


def anchor(claim: str) -> str:
    """Return the id of a claim's row in the ledger.

    Examples
    --------
    >>> anchor("redshift.relu-bounded")
    'claim-redshift-relu-bounded'
    """
    return str(nodes.make_id(f"claim-{claim}"))


def problem(claim: str, field: str, entries: dict[str, ledger.Entry]) -> str | None:
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
        found = citations(self.env).setdefault(self.env.docname, [])
        for link in list(self.document.findall(nodes.reference)):
            if link.get("refuri", "").startswith(SCHEME):
                self._replace(link, found)

    def _replace(self, link: nodes.reference, found: list[Citation]) -> None:
        claim, _, field = link["refuri"].removeprefix(SCHEME).partition("#")
        field = field or "value"
        entries = ledger.entries()
        if wrong := problem(claim, field, entries):
            logger.warning("%s", wrong, location=link, type="claim")
            return
        place = Citation(claim, f"cite-{anchor(claim)}-{len(found) + 1}")
        found.append(place)
        text = entries[claim].fields[field]
        link.replace_self(claim_link("", text, claim=claim, ids=[place.anchor]))


class ResolveClaimLinks(SphinxPostTransform):
    """Turn the waiting links into references to the ledger, with a badge."""

    default_priority = 20

    def run(self, **kwargs: Any) -> None:
        """Resolve every link of one page."""
        for waiting in list(self.document.findall(claim_link)):
            waiting.replace_self(self._reference(waiting))

    def _reference(self, waiting: claim_link) -> nodes.Node:
        entry = ledger.entries()[waiting["claim"]]
        number = nodes.Text(waiting.astext())
        page, target = self.env.docname, anchor(entry.id)
        link = make_refnode(self.app.builder, page, LEDGER_PAGE, target, number, entry.summary)
        link["ids"] = waiting["ids"]
        link["classes"] += ["ib-claim", f"ib-claim-{entry.kind}"]
        link += nodes.raw("", badge(entry), format="html")
        return link


def badge(entry: ledger.Entry) -> str:
    """Return the glyph after a number, and the same in words for a screen reader."""
    return (
        f'<span class="ib-badge" aria-hidden="true">{escape(entry.glyph)}</span>'
        f'<span class="ib-sr"> ({escape(entry.summary)})</span>'
    )


def purge(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget the citations of a page that is read again."""
    citations(env).pop(docname, None)


def merge(app: Sphinx, env: BuildEnvironment, docnames: set[str], other: BuildEnvironment) -> None:
    """Collect the citations found by a parallel reader."""
    citations(env).update({name: citations(other).get(name, []) for name in docnames})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.add_node(claim_link)
    app.add_transform(FindClaimLinks)
    app.add_post_transform(ResolveClaimLinks)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
