"""A plan names its cells: the keys of stored results must be found again, in the same order."""

import json
from pathlib import Path

from ibcore.runs.experiment import experiments, plan_digest

KNOWN = json.loads(Path(__file__).with_name("plans.json").read_text("utf-8"))


def test_the_cells_of_every_plan_are_those_of_the_stored_results() -> None:
    """A plan that is meant to change gets a new line in ``plans.json``, and is run again."""
    found = {
        f"{experiment.name}.{tier}": plan_digest(experiment.plan(tier))
        for experiment in experiments()
        for tier in experiment.tiers
    }
    assert found == KNOWN
