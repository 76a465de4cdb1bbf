"""The ``exercise-report`` directive: every exercise, tried out while the book is built."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import freshness
from doc_tables import cell, table
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from ibcore.exercises import Exercise, Trial

COLUMNS = {"Exercise": 52, "Stub": 15, "Solution": 15, "Wrong answers": 18}
KEPT = freshness.ROOT / "_build" / ".exercises"

logger = logging.getLogger(__name__)


def trials(exercises: "Sequence[Exercise]") -> "dict[str, Trial]":
    """Return how each exercise behaves, by id; tried out once for each state of the package."""
    from ibcore.exercises import Trial, try_out
    from ibcore.runs.store import write_atomically

    path = KEPT / f"{freshness.execution_key()}.json"
    if path.is_file():
        stored = json.loads(path.read_text("utf-8"))
        return {name: Trial(stub, solution, tuple(w)) for name, (stub, solution, w) in stored}
    found = {exercise.id: try_out(exercise) for exercise in exercises}
    rows = [(name, (each.stub, each.solution, each.wrong)) for name, each in found.items()]
    write_atomically(path, f"{json.dumps(rows)}\n".encode())
    return found


class ExerciseReport(SphinxDirective):
    """Render one table for each laboratory; an exercise that misbehaves fails the strict build."""

    def run(self) -> list[nodes.Node]:
        """Return the tables."""
        from ibcore.exercises import exercises

        tried, every = trials(exercises()), exercises()
        for exercise in every:
            if not tried[exercise.id].sound:
                logger.warning(
                    "exercise %r misbehaves: %s",
                    exercise.id,
                    tried[exercise.id],
                    location=self.get_location(),
                    type="exercise",
                )
        labs = dict.fromkeys(exercise.id.split(".")[0] for exercise in every)
        return [
            self._table(lab, [e for e in every if e.id.startswith(f"{lab}.")], tried)
            for lab in labs
        ]

    def _table(self, lab: str, own: "list[Exercise]", tried: "dict[str, Trial]") -> nodes.table:
        title = f"Exercises of the laboratory “{lab}”"
        rows = (self._row(each, tried[each.id]) for each in own)
        return table(title, COLUMNS, rows, name="ib-exercises")

    def _row(self, exercise: "Exercise", trial: "Trial") -> nodes.row:
        name = nodes.paragraph("", "", nodes.literal("", exercise.id))
        title = nodes.paragraph("", f"{exercise.title} ({exercise.kind})")
        good, of = sum(trial.wrong), len(trial.wrong)
        return nodes.row(
            "",
            nodes.entry("", name, title, nodes.paragraph("", "", self._chapter(exercise))),
            cell(nodes.Text(_verdict(trial.stub, "stays open" if trial.stub else "is not open"))),
            cell(nodes.Text(_verdict(trial.solution, "passes" if trial.solution else "fails"))),
            cell(nodes.Text(_verdict(good == of, f"{good} of {of}"))),
        )

    def _chapter(self, exercise: "Exercise") -> nodes.Node:
        """Return a link to the chapter, which Sphinx fills with its title."""
        words = nodes.inline("", exercise.chapter)
        link = addnodes.pending_xref(
            "",
            words,
            refdomain="std",
            reftype="doc",
            reftarget=f"/{exercise.notebook}",
            refexplicit=False,
            refwarn=True,
        )
        self.set_source_info(link)
        return link


def _verdict(good: bool, words: str) -> str:
    return f"{'✓' if good else '✗'} {words}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("exercise-report", ExerciseReport)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
