"""What one guided and one unguided network say of each picture, for figures."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from ibcore.guidance.experiments.curves import FIVE
from ibcore.guidance.experiments.guided_trial import (
    LAPTOP,
    PAPER,
    SMOKE,
    image_experiment,
    image_trial,
)
from ibcore.runs.experiment import Cell


def _run_pictures(cell: Cell, device: torch.device) -> pd.DataFrame:
    """Return a row for each condition: what its network says of the first test images.

    ``pixels``, from 0 to 255 and row by row, ``labels`` and ``answers`` hold a byte for each value.
    """
    trial, last = image_trial(cell, device), cell["setting"]["steps"]
    held = trial.sets.test_x[: cell["images"]]
    rows = []
    for condition in cell["conditions"]:
        seen = trial.watch(condition, [last], lambda model: trial.outputs(model, held).argmax(1))
        rows.append({"condition": condition.name, "answers": _bytes(seen[last])})
    labels, gray = trial.sets.test_y[: cell["images"]], held.mean(1)
    pixels = 255 * (gray - gray.min()) / (gray.max() - gray.min())
    facts: dict[str, Any] = {
        "side": gray.shape[-1],
        "pixels": _bytes(pixels.round()),
        "labels": _bytes(labels),
    }
    return pd.DataFrame(rows).assign(**facts, network=cell["network"], seed=cell["seed"])


def _bytes(values: Tensor) -> bytes:
    return bytes(values.to(torch.uint8).cpu().numpy().tobytes())


# Shown in: explorer GuideComparison; no claims.
PICTURES = image_experiment(
    "pictures",
    "Which pictures does a guided network get right that the unguided one does not?",
    _run_pictures,
    networks=1,
    smoke={"setting": SMOKE, "conditions": FIVE[:2], "images": 50},
    laptop={"setting": LAPTOP, "conditions": FIVE, "images": 300},
    paper={"setting": PAPER, "conditions": FIVE, "images": 300},
)
