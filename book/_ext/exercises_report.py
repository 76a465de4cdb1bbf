"""The ``exercise-report`` directive: every exercise, tried out while the book is built."""

import json
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import freshness
import templated
from sphinx.application import Sphinx
from sphinx.util import logging

from ibcore.exercises import Exercise, Trial, exercises, try_out
from ibcore.runs.store import write_atomically

PAGE = ("book/appendices/exercises", None)
KEPT = freshness.ROOT / "_build" / ".exercises"

logger = logging.getLogger(__name__)


def trials(every: Sequence[Exercise]) -> dict[str, Trial]:
    """Return how each exercise behaves, by id; tried out once for each state of the package."""
    path = KEPT / f"{freshness.execution_key()}.json"
    if path.is_file():
        stored = json.loads(path.read_text("utf-8"))
        return {name: Trial(stub, solution, tuple(w)) for name, (stub, solution, w) in stored}
    found = {exercise.id: try_out(exercise) for exercise in every}
    rows = [(name, astuple(trial)) for name, trial in found.items()]
    write_atomically(path, f"{json.dumps(rows)}\n".encode())
    return found


def content() -> dict[str, Any]:
    """Return the exercises of each laboratory; one that misbehaves fails the strict build."""
    tried = trials(exercises())
    labs: dict[str, list[Exercise]] = {}
    for each in exercises():
        labs.setdefault(each.id.split(".")[0], []).append(each)
        if not tried[each.id].sound:
            words = "exercise %r misbehaves: %s"
            logger.warning(words, each.id, tried[each.id], location=PAGE, type="exercise")
    return {"labs": labs, "tried": tried}


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("exercise-report", templated.directive(content))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
