"""Write what ``ibcore list`` prints into ``book/experiments.json``, which takes no import of torch.

The digest of a plan names its cells: where it changes, stored results no longer belong to it.
"""

import json
from pathlib import Path
from typing import Any

from ibcore.runs.experiment import experiments, plan_digest
from ibcore.runs.store import write_atomically

PATH = Path(__file__).resolve().parents[1] / "experiments.json"


def index() -> dict[str, dict[str, Any]]:
    """Return question, and number and digest of the cells of each tier, by name in their order."""
    return {
        experiment.name: {
            "question": experiment.question,
            "tiers": {
                tier: [len(plan := experiment.plan(tier)), plan_digest(plan)]
                for tier in experiment.tiers
            },
        }
        for experiment in experiments()
    }


def text(entries: dict[str, dict[str, Any]]) -> str:
    """Return the file: one line for each experiment, so that a difference shows what changed."""
    lines = (f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    write_atomically(PATH, text(index()).encode())
